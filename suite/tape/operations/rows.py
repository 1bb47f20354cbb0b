"""The catalogue's own rows as operations, under ``catalogue.NAME``: what a tape of a generated program is made of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.primitive import Primitive
from gradlaws.suite.tape.operations.declaration import Declaration
from gradlaws.suite.tape.operations.elementwise import evaluated

PREFIX = "catalogue."


class Namespace:
    """What the definitions of structured rows are written against (strategies/mp_arrays.py), in any arithmetic."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def __getattr__(self, name: str) -> Any:
        return getattr(self.xp, name)

    def total(self, x: Any) -> Any:
        return np.asarray(np.add.reduce(x, axis=-1)) if x.shape[-1] else self.xp.zeros(x.shape[:-1])

    def largest(self, x: Any) -> Any:
        return np.asarray(np.max(x, axis=-1))

    def ordered(self, x: Any) -> Any:
        return np.sort(x, axis=-1)

    def column(self, x: Any) -> Any:
        return np.asarray(x)[..., None]

    def stack(self, parts: Sequence[Any]) -> Any:
        return np.stack([np.asarray(part) for part in parts], axis=-1)

    def matrix(self, entry: Callable[[int, int], mpf], n: int, m: int) -> Any:
        with mp.workprec(2 * self.xp.precision):
            return self._exact([[mpf(entry(j, k)) for k in range(m)] for j in range(n)])

    def root(self, n: int) -> Any:
        return self.xp.sqrt(self.xp.asarray(np.float64(n)))

    def constant(self, value: Fraction) -> Any:
        with mp.workprec(2 * self.xp.precision):
            return self._exact(mpf(value.numerator) / value.denominator)

    def _exact(self, numbers: Any) -> Any:
        return self.xp.asarray(np.array(numbers, dtype=object))

    def solve(self, a: Any, b: Any) -> Any:
        """A⁻¹ b by elimination with row swaps."""
        rows = np.concatenate([a, b[:, None]], axis=1)
        for k in range(len(rows)):
            pivot = k + int(np.argmax(np.abs(self.xp.to_float64(rows[k:, k]))))
            rows[[k, pivot]] = rows[[pivot, k]]
            rows[k] = self.xp.divide(rows[k], rows[k, k])
            others = np.arange(len(rows)) != k
            rows[others] = rows[others] - rows[k] * rows[others, k][:, None]
        return rows[:, -1]


def structured(row: Primitive, xp: Any, *arrays: Any, **parameters: Any) -> Any:
    return row.definition(Namespace(xp), *arrays, **parameters)


def of_row(row: Primitive) -> Declaration:
    """A row as an operation. Where its pieces meet is not asked: its domain says where it is smooth."""
    if row.kind == "elementwise":
        definition: Callable[..., Any] = functools.partial(evaluated, row.name)
    elif row.kind == "structured":
        definition = functools.partial(structured, row)
    else:

        def definition(xp: Any, *arrays: Any, **parameters: Any) -> Any:
            return row.definition(*arrays, **parameters)

    return Declaration(PREFIX + row.name, definition, primitive=row.name)
