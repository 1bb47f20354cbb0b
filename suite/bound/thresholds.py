"""How narrow a bound must be beside what it bounds, to be evidence."""

from __future__ import annotations

from gradlaws.strategies.precision import Precision

FORWARD, CENTRAL, IMAGINARY = 1, 2, 3  # the differences, by the power of h in their truncation

# How small the bound must be beside the largest component to be evidence. What is off by more than that part
# of itself is always seen: in half types an eighth, hence a wrong sign, a factor, a path or a transpose that counts.
THRESHOLDS = {
    "longdouble": 2.0**-25, "float64": 2.0**-20, "float32": 2.0**-10, "float16": 2.0**-3, "bfloat16": 2.0**-3,
}  # fmt: skip


def threshold(precision: Precision, differences: int = 0) -> float:
    """Of an answer, or of a quotient of differences: a forward one keeps half of the digits, and a central one two
    thirds (Nocedal & Wright, Numerical Optimization, section 8.1); an imaginary step all of them."""
    return float(THRESHOLDS[precision.name] ** {FORWARD: 1 / 2, CENTRAL: 2 / 3}.get(differences, 1.0))


def fault(precision: Precision) -> float:
    """The relative size of a fault that must be seen: 2^12 u, or four times the widest bound that counts as evidence if
    that is less."""
    return min(2.0**12 * precision.unit_roundoff, 4 * THRESHOLDS[precision.name])
