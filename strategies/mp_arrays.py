"""The array namespace of mpmath numbers: NumPy object arrays whose entries are mpf.

An array goes to the left of a number, x * c: of c * x mpmath writes the whole array out as text before it refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

import numpy as np
from mpmath import mp, mpf
from mpmath.libmp import NoConvergence
from numpy.typing import NDArray

MPArray = NDArray[np.object_]


LARGEST_EXPONENT = 2**30
WIDE_BITS = 200  # in which a number less its nearest float64 keeps more than a long double has

# What mpmath raises where it has no real value to give: at a pole, beyond an edge, where a series does not end.
REFUSALS = (ZeroDivisionError, ValueError, OverflowError, NoConvergence)

universal = lru_cache(1024)(np.frompyfunc)  # NumPy's ufunc of a function, of so many arguments and results


class DomainError(ArithmeticError):
    """A function was asked for a value outside its real domain (mpmath would answer with a complex number)."""


class BeyondRange(DomainError):
    """The value is so large that what follows could end the process."""


def mp_array(values: Any) -> MPArray:
    """Entries as mpf, exactly. ``values`` is any array-like of floats, long doubles or mpf."""
    array = np.asarray(values)
    # mpf() refuses long doubles; mpmath's conversion takes all of their bits, whatever the working precision.
    convert = mp.convert if array.dtype == np.longdouble else mpf
    with np.errstate(invalid="ignore"):  # of NaN
        return elementwise(convert, array)


def to_floats(values: MPArray) -> NDArray[np.float64]:
    """Entries rounded to float64."""
    return values.astype(np.float64)


def to_longdoubles(values: MPArray) -> NDArray[np.longdouble]:
    """Entries rounded to long double, within 1 + 2^-40 half units in the last place: a float64, and what it leaves.

    What is left below the subnormals of float64 is lost."""
    high = to_floats(values)
    with mp.workprec(WIDE_BITS):
        rest = to_floats(np.asarray(values - mp_array(np.where(np.isfinite(high), high, 0.0)), dtype=object))
    return high.astype(np.longdouble) + np.where(np.isfinite(high), rest, 0.0)


@cache
def remembered(function: Callable[..., mpf]) -> Callable[..., mpf]:
    """The function, which keeps its last results: a difference quotient moves one or two of n entries, and asks for
    the others again."""

    @lru_cache(256)
    def of_bits(_: int, *arguments: Any) -> mpf:
        return function(*map(mp.make_mpf, arguments))

    return lambda *arguments: of_bits(mp.prec, *(x._mpf_ for x in arguments))


def scalar(function: Callable[..., Any], *arguments: mpf) -> mpf:
    """The value of a function of numbers. Raises DomainError where it is not a finite real number."""
    try:
        value = function(*arguments)
    except REFUSALS as error:
        raise DomainError(f"no value at {', '.join(mp.nstr(a, 17) for a in arguments)}: {error}") from error
    finite(value)
    return value


def elementwise(function: Any, *arrays: NDArray[Any]) -> MPArray:
    return np.asarray(universal(function, len(arrays), 1)(*arrays), dtype=object)


def real(values: Any) -> MPArray:
    """The result of a step as an array. Raises DomainError where an entry is not a finite real number, or beyond
    2^(2^30): the exponential of such a number would end the process."""
    array = np.asarray(values, dtype=object)
    for value in array.ravel().tolist():
        finite(value)
    return array


def finite(value: Any) -> None:
    """Raises DomainError where it is not a finite real number, or beyond 2^(2^30)."""
    if not isinstance(value, mpf):
        raise DomainError("the value is not real")
    _, significand, exponent, _ = value._mpf_
    if not significand and exponent:  # as mpmath writes infinities and nan
        raise DomainError(f"the value {value} is not a finite real number")
    if exponent > LARGEST_EXPONENT:
        raise BeyondRange(f"the value is larger than 2^{LARGEST_EXPONENT}")


# The namespace that definitions of structured primitives are written against.


def exp(x: MPArray) -> MPArray:
    return elementwise(_exp, x)


def _exp(x: mpf) -> mpf:
    """Below 2^-(2^30) it is 0, as beyond 2^(2^30) nothing is."""
    return mp.exp(x) if not x < -LARGEST_EXPONENT else mpf(0)


def log(x: MPArray) -> MPArray:
    return elementwise(mp.log, x)


def log1p(x: MPArray) -> MPArray:
    return elementwise(mp.log1p, x)


def sqrt(x: MPArray) -> MPArray:
    return elementwise(mp.sqrt, x)


def total(x: MPArray) -> MPArray:
    """The sum over the last axis."""
    return np.asarray(x.sum(axis=-1), dtype=object)


def largest(x: MPArray) -> MPArray:
    """The maximum over the last axis, which definitions use as a shift that cancels."""
    return np.asarray(x.max(axis=-1), dtype=object)


def ordered(x: MPArray) -> MPArray:
    """Sorted along the last axis, ascending."""
    return np.sort(x, axis=-1)


def column(x: MPArray) -> MPArray:
    """With a last axis of length 1, along which it broadcasts over rows."""
    return np.asarray(x, dtype=object)[..., None]


def stack(parts: Sequence[MPArray]) -> MPArray:
    """Along a new last axis."""
    return np.stack([np.asarray(part, dtype=object) for part in parts], axis=-1)


def matrix(entry: Callable[[int, int], mpf], n: int, m: int) -> MPArray:
    """Of constants, computed in full precision."""
    return np.array([[mpf(entry(j, k)) for k in range(m)] for j in range(n)], dtype=object)


def root(n: int) -> mpf:
    return mp.sqrt(n)


def constant(value: Fraction) -> mpf:
    return mpf(value.numerator) / value.denominator


def solve(a: MPArray, b: MPArray) -> MPArray:
    """A^-1 b by elimination with row swaps."""
    rows = np.concatenate([a, b[:, None]], axis=1)
    for k in range(len(rows)):
        pivot = k + max(range(len(rows) - k), key=lambda i: abs(rows[k + i, k]))
        rows[[k, pivot]] = rows[[pivot, k]]
        rows[k] = rows[k] / rows[k, k]
        for i in range(len(rows)):
            if i != k:
                rows[i] = rows[i] - rows[k] * rows[i, k]
    return rows[:, -1]
