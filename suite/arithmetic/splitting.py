"""The matrix product of quad arrays, by float64 products that make no error.

numpy_quaddtype's own is silently wrong for transposed and strided operands, and for stacks of matrices.

Rows of the left operand and columns of the right one are cut into slices of so many bits, counted from the largest
entry of the row or column (fixed point), so that BLAS adds up their products exactly: K. Ozaki, T. Ogita, S. Oishi,
S. M. Rump, "Error-free transformations of matrix multiplication by using fast routines of matrix multiplication and its
applications", Numerical Algorithms 59 (2012). Where entries of very different sizes meet, this loses the small ones,
and the sum is taken term by term.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gradlaws.suite.arithmetic.fixed_point import FixedPoint, fixed_point
from gradlaws.suite.arithmetic.quad_numbers import QuadArray, dtype, scaled, zeros

KEPT = 118  # bits below the largest entry of a row or column
EXACT = 53  # bits that a sum in float64 holds exactly
FAINT = 2.0**-10  # Σ|a b| below this share of k max|row| max|column| is summed term by term
MODERATE = 300  # exponents of two of rows and columns whose products are far from float64's limits
BLOCK = 2**14  # terms that are held at once


def matmul(a: QuadArray, b: QuadArray) -> QuadArray:
    """a @ b of shapes (…, m, k) and (…, k, n), the leading axes broadcast; of any strides.

    |error| ≤ max(2^9, k) 2^-113 Σ|a b| for each entry and k ≤ 10^7, short of underflow. Infinities, NaN and overflow
    give what the sum gives term by term. Raises ValueError where the shapes do not fit.

    Proof, with a row and a column divided by the powers of two just above their largest entries, and s ≤ 10 slices:
    what is cut off is at most 2 · 2^-118 in each of k terms, slices i and j with i + j ≥ s are at most s 2^-118, and
    what ``carried`` rounds, with slices of w bits, 2^(-4 w - 54) ≤ k^2 s^2 2^-156 < 2^-118 k. Then there are two
    roundings of sums. With Σ|a b| ≥ 2^-10 k that is (13 · 2^-108 + 3 · 2^-113) Σ|a b|, less than 2^-104 Σ|a b|. Any
    other entry is k products and k - 1 sums, rounded: to first order k 2^-113 Σ|a b|."""
    if min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul of shapes {a.shape} and {b.shape}: want (…, m, k) and (…, k, n)")
    k = a.shape[-1]
    if not worthwhile(a.shape[-2], k, b.shape[-1], math.prod(stack(a, b))):
        return by_terms(a, b)
    left, right = fixed_point(a, -1), fixed_point(b, -2)
    lost = faint(left, right, k)
    lost |= ~(np.isfinite(a).all(axis=-1, keepdims=True) & np.isfinite(b).all(axis=-2, keepdims=True))
    if np.mean(lost) > 0.5:  # to gather them costs twice as much as to take all
        return by_terms(a, b)
    result = by_slices(left, right, k)
    if lost.any():
        result[lost] = some_by_terms(a, b, np.nonzero(lost), result.shape)
    return result


def worthwhile(m: int, k: int, n: int, matrices: int) -> bool:
    """Whether slices are cheaper, by nanoseconds that were measured on one core (python -m benchmarks.quad_costs)."""
    return matrices * (36 * m * k * n - 40 * (m * k + k * n) - 190 * m * n) > 150_000


def by_terms(a: QuadArray, b: QuadArray) -> QuadArray:
    """Σ_k a[:, k] b[k, :], one term after the other."""
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    total = zeros((*stack(a, b), m, n))
    at_once = max(1, BLOCK // max(1, total.size))
    with np.errstate(all="ignore"):
        for start in range(0, k, at_once):
            part = slice(start, start + at_once)
            if at_once == 1:
                total += a[..., :, part] * b[..., part, :]
            else:
                total += (a[..., :, part, None] * b[..., None, part, :]).sum(axis=-2)
    return total


def some_by_terms(a: QuadArray, b: QuadArray, index: tuple[NDArray[np.intp], ...], shape: tuple[int, ...]) -> QuadArray:
    """Entries of the product at the indices."""
    rows = np.broadcast_to(a, (*shape[:-2], *a.shape[-2:]))
    columns = np.broadcast_to(b, (*shape[:-2], *b.shape[-2:])).swapaxes(-1, -2)
    at_once, parts = max(1, BLOCK // a.shape[-1]), []
    with np.errstate(all="ignore"):
        for start in range(0, len(index[0]), at_once):
            *which, i, j = (axis[start : start + at_once] for axis in index)
            parts.append((rows[*which, i] * columns[*which, j]).sum(axis=-1))
    return np.concatenate(parts)


def faint(left: FixedPoint, right: FixedPoint, k: int) -> NDArray[np.bool_]:
    """Where the sum of absolute values is under FAINT, but not 0."""
    sums = left.sizes() @ right.sizes()
    return np.asarray((sums > 0) & (sums < FAINT * k))


def by_slices(left: FixedPoint, right: FixedPoint, k: int) -> QuadArray:
    """The product; of slices i and j with i + j < count, as the others are beyond KEPT."""
    width, count = slicing(k)
    lefts = [left.slice(width * i, width) for i in range(count)]
    rights = [right.slice(width * i, width) for i in range(count)]
    # One after the other, the smallest first: an order is as large as the product.
    orders = (
        np.asarray(sum(lefts[i] @ rights[order - i] for i in range(order + 1))) for order in range(count - 1, -1, -1)
    )
    parts = carried(orders, width, count)
    if max(np.max(abs(left.exponent)), np.max(abs(right.exponent))) < MODERATE:  # no float64 leaves its range
        return summed([part * 2.0**left.exponent * 2.0**right.exponent for part in parts])
    return scaled(summed(parts), left.exponent + right.exponent)


def carried(orders: Iterable[NDArray[np.float64]], width: int, count: int) -> list[NDArray[np.float64]]:
    """Σ order_i 2^(-width (i + 2)), integers of at most 53 bits, the last i = count - 1 first, as three numbers of
    float64: conversions to quad cost most.

    What each has above ``width`` bits is carried to the one before, which has room for it: of ``count`` products that
    add up exactly it has one less. The first two digits are one number then, exactly, and the rest is rounded."""
    unit = 2.0**-width
    total = carry = second = tail = np.zeros(())
    for i, order in zip(range(count - 1, -1, -1), orders, strict=True):
        total = order + carry
        if i == 0:
            break
        carry = np.rint(total * unit)
        digit = total - carry / unit
        if i > 2:
            tail = digit + tail * unit
        else:
            second = digit + second * unit
    return [total * unit**2, second * unit**3, tail * unit**5]


def summed(parts: Sequence[NDArray[np.float64]]) -> QuadArray:
    """In quad, the smallest first."""
    first, second, third = (part.astype(dtype()) for part in parts)
    return np.asarray(first + (second + third))


def slicing(k: int) -> tuple[int, int]:
    """The bits of a slice and the count of slices: widest where ``count`` products of k pairs add up exactly."""
    for width in range(EXACT // 2, 1, -1):
        count = -(-KEPT // width)
        if 2 * width + math.ceil(math.log2(k * count)) <= EXACT:
            return width, count
    raise ValueError(f"matmul of {k} terms: too many to add up exactly")


def stack(a: QuadArray, b: QuadArray) -> tuple[int, ...]:
    return np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
