"""The matrix product of quad arrays, by float64 products that make no error.

numpy_quaddtype's own is silently wrong for transposed and strided operands and for stacks (benchmarks/quaddtype_faults.py).

Rows of the left operand and columns of the right one are cut into slices of b bits, counted from the largest entry of the
row or column (fixed point), so that BLAS adds up their products exactly: K. Ozaki, T. Ogita, S. Oishi, S. M. Rump,
"Error-free transformations of matrix multiplication by using fast routines of matrix multiplication and its
applications", Numerical Algorithms 59 (2012).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gradlaws.suite.arithmetic.quad_numbers import (
    LEADING,
    NO_SIGN,
    SIGN_PLACE,
    SIGNIFICAND_HIGH,
    QuadArray,
    dtype,
    exponents,
    powers_of_two,
    scaled,
    words,
    zeros,
)

KEPT = (
    118  # bits below the largest entry: what is cut off, (slices + 2) 2^-118 max|row| max|column| for each of k terms,
)
# is under 1e-34 for the 5 to 8 slices that there are
EXACT = 53  # bits that a float64 sum holds exactly
Slices = list[NDArray[np.float64]]


def matmul(a: QuadArray, b: QuadArray) -> QuadArray:
    """a @ b of shapes (…, m, k) and (…, k, n), the leading axes broadcast; of any strides.

    |error| ≤ 2e-34 k max|row of a| max|column of b|, and half a unit in the last place of the result for each of at most 8
    additions; where it is cheaper, summed term by term, |error| ≤ k u Σ|a b| with u = 2^-113. Infinities, NaN and overflow
    give what the sum gives. Raises ValueError where the shapes do not fit.
    """
    if min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul of shapes {a.shape} and {b.shape}: want (…, m, k) and (…, k, n)")
    if not worthwhile(a, b):
        return by_terms(a, b)
    result = by_slices(a, b)
    rows = ~np.isfinite(a).all(axis=-1)
    columns = ~np.isfinite(b).all(axis=-2)
    if rows.any() or columns.any():
        touched = np.broadcast_to(rows[..., :, None] | columns[..., None, :], result.shape)
        result = np.where(touched, by_terms(a, b), result)
    return result


def worthwhile(a: QuadArray, b: QuadArray) -> bool:
    """Whether slices are cheaper, by the nanoseconds that python -m benchmarks.quad_costs takes on one core."""
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    return bool(65 * m * k * n > 150 * (m * k + k * n) + 500 * m * n + 5 * m * k * n)


def by_terms(a: QuadArray, b: QuadArray) -> QuadArray:
    """Σ_k a[:, k] b[k, :], one term after the other."""
    shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    with np.errstate(all="ignore"):
        total = zeros(shape)
        for k in range(a.shape[-1]):
            total += a[..., :, k, None] * b[..., None, k, :]
    return total


def by_slices(a: QuadArray, b: QuadArray) -> QuadArray:
    """The product, with infinities and NaN taken for zeros."""
    width, count = slicing(a.shape[-1])
    left, row = slices(a, -1, width, count)
    right, column = slices(b, -2, width, count)
    total = zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))
    for order in range(count - 1, -1, -1):  # the smallest first; slices i and j with i + j ≥ count are beyond KEPT
        exact = sum(left[i] @ right[order - i] for i in range(order + 1))
        total += np.asarray(exact).astype(dtype()) * powers_of_two(np.array(-width * (order + 2)))
    return scaled(total, row + column)


def slicing(k: int) -> tuple[int, int]:
    """The bits of a slice, and how many: products of 2 b bits, k of them in a sum, and a sum for each slice."""
    width, count = 1, KEPT
    for candidate in range(2, EXACT):
        number = -(-KEPT // candidate)
        if 2 * candidate + math.ceil(math.log2(k * number)) <= EXACT:
            width, count = candidate, number
    return width, count


def slices(array: QuadArray, axis: int, width: int, count: int) -> tuple[Slices, NDArray[np.int64]]:
    """Integers q_0 … of ``width`` bits with x ≈ 2^e Σ q_i 2^(-width (i + 1)), cut off towards zero, and e along the axis."""
    bits = words(array)
    low, high = bits[..., 0], bits[..., 1] & NO_SIGN
    exponent = np.where(np.isfinite(array), exponents(array), -(2**15))
    largest = exponent.max(axis=axis, keepdims=True) + 1
    leading = np.where(high > SIGNIFICAND_HIGH, LEADING, np.uint64(0))
    high = np.where(exponent > -(2**15), high & SIGNIFICAND_HIGH | leading, np.uint64(0))
    low = np.where(exponent > -(2**15), low, np.uint64(0))
    # The significand's 113 bits go to the top of 128, and then down by what the exponent lacks.
    high, low = high << np.uint64(15) | low >> np.uint64(49), low << np.uint64(15)
    high, low = shifted_down(high, low, (largest - 1 - exponent).astype(np.uint64))
    sign = 1.0 - 2.0 * (bits[..., 1] >> SIGN_PLACE).astype(np.float64)
    return [sign * chunk(high, low, width * i, width).astype(np.float64) for i in range(count)], largest


def shifted_down(high: NDArray[np.uint64], low: NDArray[np.uint64], by: NDArray[np.uint64]) -> tuple[
    NDArray[np.uint64], NDArray[np.uint64]
]:  # fmt: skip
    """Of 128 bits. NumPy shifts 64 bits by 64 or more to 0."""
    word = np.uint64(64)
    across = np.where(by < word, high << (word - np.minimum(by, word)), high >> (by - np.minimum(by, word)))
    return high >> by, np.where(by < word, low >> by, np.uint64(0)) | across


def chunk(high: NDArray[np.uint64], low: NDArray[np.uint64], start: int, width: int) -> NDArray[np.uint64]:
    """Bits start … start + width of 128, from the top."""
    mask = np.uint64((1 << width) - 1)
    right = 128 - start - width
    if right >= 64:
        return high >> np.uint64(right - 64) & mask
    if right + width <= 64:
        return (low >> np.uint64(right) if right >= 0 else low << np.uint64(-right)) & mask
    return (high << np.uint64(64 - right) | low >> np.uint64(right)) & mask
