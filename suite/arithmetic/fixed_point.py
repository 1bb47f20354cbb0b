"""Rows of a quad matrix as integers of 128 bits, counted from the row's largest entry, and cut into slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradlaws.suite.arithmetic.quad_numbers import (
    EXPONENT_PLACE,
    NO_SIGN,
    SIGN_PLACE,
    SIGNIFICAND_HIGH,
    QuadArray,
    Words,
    exponents,
    words,
)

WORD = np.uint64(64)
ROOM = np.uint64(128 - 113)  # above the significand
ONE = np.uint64(1)


@dataclass(frozen=True)
class FixedPoint:
    """x = sign · 2^exponent · (high 2^-64 + low 2^-128), but for what lies under 2^(exponent - 128), which is cut off.

    Along one axis the exponent is the same, the least for which all |x| < 2^exponent."""

    high: Words
    low: Words
    sign: NDArray[np.float64]
    exponent: NDArray[np.int64]
    nonzero: NDArray[np.bool_]

    def slice(self, start: int, width: int) -> NDArray[np.float64]:
        """The signed integer of bits start … start + width, from the top."""
        below = 128 - start - width
        if below >= 64:
            bits = self.high >> np.uint64(below - 64)
        elif below + width <= 64:
            bits = self.low >> np.uint64(below) if below >= 0 else self.low << np.uint64(-below)
        else:
            bits = self.high << np.uint64(64 - below) | self.low >> np.uint64(below)
        return self.sign * (bits & np.uint64((1 << width) - 1)).astype(np.float64)

    def sizes(self) -> NDArray[np.float64]:
        """|x| 2^-exponent to float64's digits, and at least 2^-64 where x is not 0."""
        return np.maximum(self.high.astype(np.float64), self.nonzero) * 2.0**-64


def fixed_point(array: QuadArray, axis: int) -> FixedPoint:
    """Along the axis, which may not be empty. Infinities and NaN are taken for zeros."""
    bits = words(array)
    sign = 1.0 - 2.0 * (bits[..., 1] >> SIGN_PLACE).astype(np.float64)
    finite = np.isfinite(array)
    low, high = np.where(finite, bits[..., 0], 0), np.where(finite, bits[..., 1] & NO_SIGN, 0)
    nonzero = (low | high) != 0
    exponent = np.where(finite, exponents(array), exponents(array).min(axis=axis, keepdims=True))
    largest = exponent.max(axis=axis, keepdims=True)
    leading = (high > SIGNIFICAND_HIGH).astype(np.uint64) << EXPONENT_PLACE
    high = high & SIGNIFICAND_HIGH | leading
    high, low = high << ROOM | low >> (WORD - ROOM), low << ROOM
    by = (largest - exponent).astype(np.uint64)
    # NumPy shifts a word by 64 or more to 0.
    across = np.where(by < WORD, high << (WORD - np.minimum(by, WORD)), high >> (np.maximum(by, WORD) - WORD))
    return FixedPoint(high >> by, (low >> by) | across, sign, largest + 1, nonzero)
