"""What each floating-point format can represent: the only place that knows."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Precision:
    """A binary floating-point format (IEEE 754-2019, section 3.3).

    ``digits`` is the number of significand bits p, so the unit roundoff is u = 2**-p. Its numbers are drawn, and its
    bounds computed, in float64, which has all the numbers of a narrower format and some of those of a wider one.
    """

    name: str
    digits: int
    largest_exponent: int

    @property
    def drawn_digits(self) -> int:
        """Of a point or a constant."""
        return min(self.digits, 53)

    @property
    def unit_roundoff(self) -> float:
        return math.ldexp(1.0, -self.digits)

    @property
    def smallest_normal(self) -> float:
        return math.ldexp(1.0, 1 - self.largest_exponent)

    @property
    def smallest_subnormal(self) -> float:
        return math.ldexp(1.0, 2 - self.largest_exponent - self.drawn_digits)

    @property
    def largest(self) -> float:
        return math.ldexp(2.0 - 2.0 ** (1 - self.drawn_digits), self.largest_exponent)

    @property
    def moderate_exponent(self) -> int:
        """Largest |e| for which 1/x^3 and x^3, hence second derivatives, stay finite and normal at x = 2**e."""
        return self.largest_exponent // 4

    def may_overflow(self, largest: float) -> bool:
        """Whether an order of accumulation may overflow, where that is the largest number met."""
        return largest > self.largest / 2

    def round(self, value: float) -> float:
        """The nearest number of this format, ties to even, as a Python float; infinite where it overflows."""
        if value == 0 or not math.isfinite(value):
            return value
        last_place = max(math.frexp(value)[1], 2 - self.largest_exponent) - self.drawn_digits
        rounded = math.ldexp(round(math.ldexp(value, -last_place)), last_place)
        return rounded if abs(rounded) <= self.largest else math.copysign(math.inf, value)


FLOAT64 = Precision("float64", 53, 1023)
FLOAT32 = Precision("float32", 24, 127)
FLOAT16 = Precision("float16", 11, 15)
BFLOAT16 = Precision("bfloat16", 8, 127)
# The x87's format of 80 bits (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, section 4.2.2),
# within the exponents of float64: what leaves them counts as an overflow, or as flushed.
LONGDOUBLE = Precision("longdouble", 64, 1023)
PRECISIONS = {precision.name: precision for precision in (FLOAT64, FLOAT32, FLOAT16, BFLOAT16, LONGDOUBLE)}
WIDE, HALF, EXTENDED = ("float64", "float32"), ("float16", "bfloat16"), ("longdouble",)
