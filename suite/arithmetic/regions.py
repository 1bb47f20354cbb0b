"""Functions of quad arrays with a form for each region of their argument, evaluated in blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlaws.suite.arithmetic.quad_numbers import QuadArray, asarray, dtype, from_mp, to_float64

BLOCK = 2**14  # entries, 256 kB: what one form holds at once stays in the cache
Mask = NDArray[np.bool_]
Number = Any  # mpmath.mpf or gmpy2.mpfr
Form = Callable[[QuadArray], QuadArray]


def in_blocks(function: Form) -> Callable[[Any], QuadArray]:
    """The function of vectors of at most ``BLOCK`` entries, over arrays of any shape and strides."""

    @wraps(function)
    def of_array(x: Any) -> QuadArray:
        values = asarray(x)
        flat, result = values.reshape(-1), np.empty(values.size, dtype=dtype())
        with np.errstate(all="ignore"):
            for start in range(0, values.size, BLOCK):
                result[start : start + BLOCK] = function(flat[start : start + BLOCK])
        return result.reshape(values.shape)

    return of_array


def by_region(x: QuadArray, *forms: tuple[Mask, Form]) -> QuadArray:
    """Each form where its mask is true and no earlier one's is. NaN where none is."""
    result = np.full(x.shape, np.nan, dtype=dtype())
    left = np.ones(x.shape, dtype=np.bool_)
    for mask, form in forms:
        taken = mask & left
        left &= ~mask
        if taken.all():  # as mostly: no copies then
            return form(x)
        if taken.any():
            result[taken] = form(x[taken])
    return result


class Polynomial:
    """Σ c_n x^n by Horner's rule: the first ``exact`` terms in quad, and the rest in float64, within 2^-50 of the rest.

    So the rest has to be below 2^-64 of the whole. It costs a twentieth, and half of the terms are there."""

    def __init__(self, coefficients: Sequence[Number], exact: int):
        self.leading = list(from_mp(coefficients[:exact]))
        self.rest = [float(c) for c in coefficients[exact:]]

    def __call__(self, x: QuadArray) -> QuadArray:
        rough = to_float64(x)
        rest = np.full(x.shape, self.rest[-1])
        for coefficient in reversed(self.rest[:-1]):
            rest = rest * rough + coefficient
        value = rest.astype(dtype())
        for leading in reversed(self.leading):
            value *= x
            value += leading
        return value


class TaylorTable:
    """Taylor polynomials around ``centres``, one for each cell (j - 1/2) / per_unit … (j + 1/2) / per_unit, j ≥ first.

    A centre need not be the middle of its cell, but is in [x/2, 2x] for all x of it, so that x less it is exact.
    ``rows`` has the polynomials' coefficients; as in ``Polynomial``, terms from ``exact`` on are taken in float64."""

    def __init__(
        self, first: int, per_unit: int, centres: Sequence[Number], rows: Sequence[Sequence[Number]], exact: int
    ):
        self.first, self.per_unit = first, per_unit
        self.centres = from_mp(centres)
        columns = list(zip(*rows))
        self.leading = [from_mp(column) for column in columns[:exact]]
        self.rest = [np.array(column, dtype=np.float64) for column in columns[exact:]]

    def __call__(self, x: QuadArray) -> QuadArray:
        """Of a vector whose entries lie in the cells."""
        cell = np.rint(to_float64(x) * self.per_unit).astype(np.intp) - self.first
        offset = x - self.centres[cell]
        rough = to_float64(offset)
        rest = self.rest[-1][cell]
        for column in reversed(self.rest[:-1]):
            rest = rest * rough + column[cell]
        value = rest.astype(dtype())
        for leading in reversed(self.leading):
            value *= offset
            value += leading[cell]
        return value
