"""The float arithmetic that is taken to compute a tape: its units of rounding, its underflow, how it adds up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from gradlaws.strategies.precision import HALF, PRECISIONS, Precision
from gradlaws.suite import backends

REAL_OF = {"complex128": "float64", "complex64": "float32"}


@dataclass(frozen=True)
class Unit:
    """Of the results of one operation: the unit roundoff, and what underflow may change.

    ``smallest`` is the smallest number that is not flushed to zero, ``normal`` the smallest that has all its digits,
    ``largest`` what there is before infinity.
    """

    dtype: str
    u: float
    smallest: float
    normal: float
    largest: float

    @property
    def flushes(self) -> bool:
        return self.smallest == self.normal


# Whose sums, and whose products of matrices, of half types are added up in float32 and rounded once, by themselves (at
# 4,096 terms within one unit; XLA adds up in its own type, in parts).
IN_FLOAT32 = frozenset({("torch", False), ("torch", True), ("jax", True)})


@dataclass(frozen=True)
class Accumulation:
    """Sums and products of matrices are added up in ``dtype``, rounded to the type of their result once; with ``block``
    in blocks of so many terms, whose sums are added up next."""

    dtype: str
    block: int | None = None

    def additions(self, terms: int) -> int:
        """The most that one term passes through."""
        if self.block is None or terms <= self.block:
            return max(terms - 1, 0)
        return self.block - 1 + math.ceil(terms / self.block) - 1


@dataclass(frozen=True)
class Arithmetic:
    """``backend`` and ``mode`` are those whose contracts hold. With ``dtype``, what is float64 on the tape is computed
    in that type."""

    backend: str
    dtype: str | None = None
    accumulate: Accumulation | None = None
    mode: str = "eager"

    def computed(self, dtype: str) -> str:
        """The real type in which a value of that type is computed."""
        real = REAL_OF.get(dtype, dtype)
        return self.dtype if self.dtype is not None and real == "float64" else real

    def unit(self, dtype: str) -> Unit:
        """Raises KeyError for a type without floats."""
        name = self.computed(dtype)
        if name not in self._units:
            self._units[name] = of(self.backend, PRECISIONS[name])
        return self._units[name]

    @cached_property
    def _units(self) -> dict[str, Unit]:
        return {}

    def sum(self, dtype: str, terms: int, multiplied: bool = False, placed: bool = False) -> tuple[float, float]:
        """What a sum of so many terms, products perhaps, may be off by, of the sum of their sizes; and of itself.

        ``placed``: added one by one to what stands in an array.
        """
        unit, wide = self.unit(dtype), self.accumulate
        if wide is None and unit.dtype in HALF and not placed and (self.backend, multiplied) in IN_FLOAT32:
            wide = Accumulation("float32")
        if wide is None or PRECISIONS[wide.dtype].unit_roundoff >= unit.u:
            return (max(terms - 1, 0) + multiplied) * unit.u, 0.0
        return (wide.additions(terms) + multiplied) * PRECISIONS[wide.dtype].unit_roundoff, unit.u


def of(backend: str, precision: Precision) -> Unit:
    smallest = backends.load(backend).smallest(precision)
    return Unit(precision.name, precision.unit_roundoff, smallest, precision.smallest_normal, precision.largest)
