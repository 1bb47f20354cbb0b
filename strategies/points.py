"""Numbers, arrays, directions, logits and gradients that are exactly representable in the precision under test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats, Shape

# Odd multipliers near the golden ratio spread any integer over the whole significand (Knuth, TAOCP 3, 6.4),
# so that points are full-width; 0 stays 0, so that 1.0 is the simplest number.
SPREAD = {53: 0x13C6EF372FE94F | 1, 24: 0x9E3779 | 1, 11: 0x279, 8: 0x4F}

# Moderate magnitudes twice as often as the rest of the range: most functions are only interesting there.
MODERATE = (0, 1, -1, 0, 1, -2, 2, -3)


# Where functions of one variable bend, saturate and have the thresholds of their branches.
AROUND = (-8, 5)


@cache
def exponents(precision: Precision, wide: bool, around: bool = False) -> SearchStrategy[int]:
    moderate = st.sampled_from(MODERATE)
    if not wide:
        return moderate
    limit = precision.moderate_exponent
    return st.one_of(moderate, near_one(precision) if around else moderate, st.integers(-limit, limit))


@cache
def numbers(precision: Precision, wide: bool = True, around: bool = False) -> SearchStrategy[float]:
    """Full-width numbers of the precision, or of float64 if that is narrower, of either sign; 1.0 is the simplest.

    Magnitudes are mostly moderate; if ``wide``, a third are spread over 2**-e to 2**e, where e is a quarter of the
    largest exponent, so that second derivatives of 1/x stay representable; if ``around`` too, another third over
    AROUND.
    """
    fraction_bits = precision.drawn_digits - 1
    spread = SPREAD[precision.drawn_digits]

    def build(index: int, exponent: int, negative: bool) -> float:
        significand = 1 + ((index * spread) % (1 << fraction_bits)) / (1 << fraction_bits)
        return math.ldexp(-significand if negative else significand, exponent)

    return st.builds(build, st.integers(0, 2**fraction_bits - 1), exponents(precision, wide, around), st.booleans())


@cache
def arrays(precision: Precision, shape: Shape, wide: bool = True, around: bool = False) -> SearchStrategy[Floats]:
    """Numbers, each of its own magnitude; if ``around``, half of them at a common one, since functions of whole arrays
    have the thresholds of their branches in norms."""
    n = int(np.prod(shape))
    entries = st.lists(numbers(precision, wide, around), min_size=n, max_size=n).map(
        lambda values: np.array(values, dtype=np.float64).reshape(shape)
    )
    if not around or n < 2:
        return entries
    return st.one_of(entries, st.builds(np.ldexp, arrays(precision, shape, wide=False), near_one(precision)))


def near_one(precision: Precision) -> SearchStrategy[int]:
    """Exponents of the magnitudes of AROUND."""
    limit = precision.moderate_exponent
    return st.integers(max(AROUND[0], -limit), min(AROUND[1], limit))


def directions(precision: Precision, shapes: Sequence[Shape]) -> SearchStrategy[tuple[Floats, ...]]:
    """A tangent (shapes of the inputs) or cotangent (shape of the output): moderate, never zero, never all ones
    except when shrunk to it."""
    return st.tuples(*(arrays(precision, shape, wide=False) for shape in shapes))


@st.composite
def logits(draw: DrawFn, precision: Precision) -> Floats:
    """A batch of rows of logits, up to +-1e4 and often with a large margin between classes."""
    batch, classes = draw(st.integers(1, 3)), draw(st.integers(2, 5))
    scale = draw(st.sampled_from([1.0, 8.0, 64.0, 1024.0]))
    rows = draw(arrays(precision, (batch, classes), wide=False)) * scale
    largest = precision.round(1e4)
    return np.clip(rows, -largest, largest)


@st.composite
def probabilities(draw: DrawFn, precision: Precision, shape: Shape) -> Floats:
    """Rows of class probabilities, each entry representable; rows sum to 1 up to their rounding."""
    weights = np.abs(draw(arrays(precision, shape, wide=False)))
    rows = weights / weights.sum(axis=-1, keepdims=True)
    return np.asarray(np.vectorize(precision.round, otypes=[float])(rows))


@st.composite
def gradient_trees(draw: DrawFn, precision: Precision, wide: bool = True) -> tuple[Floats, ...]:
    """The gradients of a model: one to four tensors of ranks 0 to 2, at one common magnitude."""
    shapes = draw(st.lists(st.sampled_from([(), (2,), (3,), (2, 2), (2, 3)]), min_size=1, max_size=4))
    exponent = draw(exponents(precision, wide))
    return tuple(np.ldexp(draw(arrays(precision, shape, wide=False)), exponent) for shape in shapes)
