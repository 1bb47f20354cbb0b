"""Taylor coefficients to third order of one primitive, and how far a correct computation of them may be off.

This serves the bound only, never the verdict's truth. A structured definition is run on ``Taylor`` arrays, which carry
every partial derivative up to order three and, beside them, a running error analysis (Higham, Accuracy and Stability
of Numerical Algorithms, 2nd ed., section 3.3) with absolute values throughout, in units of the unit roundoff.

All of it is in long double: the third partial of a square root of squares of float64 has sixth powers in it, which its
exponents hold. What is not defined, as the partials of a norm at 0, is NaN or infinite here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from mpmath import mpf
from numpy.typing import NDArray

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import DomainError

FUNCTION_ULPS = 4.0  # an elementary function, as in the default contract
ARITHMETIC_ULPS = 1.0
Wide = NDArray[np.floating[Any]]
Coefficients = tuple[Wide, ...]
# The exponential of more, and of less than its opposite, is beyond float64 in any case; its products are not here.
LARGEST_ARGUMENT = math.log(2.0) * min(np.finfo(np.longdouble).maxexp - 400, 4000)


def outer(a: Wide, b: Wide) -> Wide:
    """a_i b_j + b_i a_j over the trailing axis."""
    product = a[..., :, None] * b[..., None, :]
    return product + np.swapaxes(product, -1, -2)


def outer3(matrix: Wide, vector: Wide) -> Wide:
    """M_ij v_k + M_ik v_j + M_jk v_i for a symmetric M."""
    product = matrix[..., :, :, None] * vector[..., None, None, :]
    return product + np.swapaxes(product, -1, -2) + np.moveaxis(product, -1, -3)


def leibniz(a: Coefficients, b: Coefficients) -> Coefficients:
    """Partial derivatives of a product, to the order that both have."""

    def lift(x: Wide, order: int) -> Wide:
        return np.asarray(x)[(..., *[None] * order)]

    found = [a[0] * b[0], a[1] * lift(b[0], 1) + lift(a[0], 1) * b[1]]
    found.append(a[2] * lift(b[0], 2) + lift(a[0], 2) * b[2] + outer(a[1], b[1]))
    if len(a) > 3:
        third = a[3] * lift(b[0], 3) + lift(a[0], 3) * b[3]
        found.append(third + outer3(a[2], b[1]) + outer3(b[2], a[1]))
    return tuple(found)


def absolute(coefficients: Coefficients) -> Coefficients:
    return tuple(np.abs(c) for c in coefficients)


@dataclass(frozen=True)
class Taylor:
    """An array of functions of p variables: ``partials`` of orders 0 to 3, of shapes S, S+(p,), S+(p,p), S+(p,p,p),
    and ``errors`` of orders 0 to 2 in units of u."""

    partials: Coefficients
    errors: Coefficients
    __array_priority__ = 1000  # so that an ndarray on the left defers to us

    @property
    def shape(self) -> tuple[int, ...]:
        return self.partials[0].shape

    @property
    def T(self) -> Taylor:
        return self._each(lambda c, order: np.moveaxis(c, [0, 1], [1, 0]))

    def _each(self, move: Callable[[Wide, int], Wide]) -> Taylor:
        return Taylor(
            tuple(move(c, k) for k, c in enumerate(self.partials)),
            tuple(move(c, k) for k, c in enumerate(self.errors)),
        )

    def __getitem__(self, key: Any) -> Taylor:
        keys = key if isinstance(key, tuple) else (key,)
        return self._each(lambda c, order: c[(*keys, *[slice(None)] * order)])

    def __add__(self, other: Any) -> Taylor:
        b = lifted(other, self)
        partials = tuple(x + y for x, y in zip(self.partials, b.partials, strict=True))
        errors = tuple(x + y + abs(p) for x, y, p in zip(self.errors, b.errors, partials, strict=False))
        return Taylor(partials, errors)

    def __neg__(self) -> Taylor:
        return Taylor(tuple(-c for c in self.partials), self.errors)

    def __sub__(self, other: Any) -> Taylor:
        return self + (-lifted(other, self))

    def __rsub__(self, other: Any) -> Taylor:
        return lifted(other, self) + (-self)

    def __mul__(self, other: Any) -> Taylor:
        b = lifted(other, self)
        sizes, other_sizes = absolute(self.partials[:3]), absolute(b.partials[:3])
        errors = [
            x + y + ARITHMETIC_ULPS * z
            for x, y, z in zip(
                leibniz(self.errors, other_sizes),
                leibniz(sizes, b.errors),
                leibniz(sizes, other_sizes),
                strict=True,
            )
        ]
        return Taylor(leibniz(self.partials, b.partials), tuple(errors))

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Any) -> Taylor:
        return self * reciprocal(lifted(other, self))

    def __rtruediv__(self, other: Any) -> Taylor:
        quotient: Taylor = reciprocal(self) * other
        return quotient

    def compose(self, derivatives: Coefficients, ulps: float) -> Taylor:
        """phi(self) from phi, phi', phi'', phi''' at its values (Faa di Bruno), each known to ``ulps``."""
        f, a = derivatives, self.partials
        f1, f2, f3 = (f[k][..., None] for k in (1, 2, 3))
        partials = (
            f[0],
            f1 * a[1],
            f2[..., None] * a[1][..., :, None] * a[1][..., None, :] + f1[..., None] * a[2],
            f3[..., None, None] * a[1][..., :, None, None] * a[1][..., None, :, None] * a[1][..., None, None, :]
            + f2[..., None, None] * outer3(a[2], a[1])
            + f1[..., None, None] * a[3],
        )
        size, (_, s1, s2) = [abs(c) for c in f], absolute(a[:3])
        e0, e1, e2 = self.errors
        # The error of phi^(k) at a computed argument: its own ulps, and the argument's error carried through it.
        c1, c2 = ((ulps * size[k] + size[k + 1] * e0)[..., None] for k in (1, 2))
        square = s1[..., :, None] * s1[..., None, :]
        errors = (
            ulps * size[0] + size[1] * e0,
            (c1 + abs(f1)) * s1 + abs(f1) * e1,
            (c2 + abs(f2))[..., None] * square
            + abs(f2)[..., None] * outer(s1, e1)
            + (c1 + abs(f1))[..., None] * s2
            + abs(f1)[..., None] * e2,
        )
        return Taylor(partials, errors)


def lifted(value: Any, like: Taylor) -> Taylor:
    """A constant as a Taylor array."""
    if isinstance(value, Taylor):
        return value
    number = np.asarray(value, dtype=np.longdouble)
    p = like.partials[1].shape[-1]
    zeros = [np.zeros(number.shape + (p,) * order, dtype=np.longdouble) for order in range(4)]
    return Taylor((number, *zeros[1:]), tuple(zeros[:3]))


def variables(values: Wide, positions: NDArray[Any], p: int) -> Taylor:
    """The array whose entry at each place is variable number ``positions`` there, with exact value ``values``."""
    first = np.eye(p, dtype=np.longdouble)[positions]
    zeros = [np.zeros(values.shape + (p,) * order, dtype=np.longdouble) for order in range(4)]
    return Taylor((values.astype(np.longdouble), first, zeros[2], zeros[3]), tuple(zeros[:3]))


# The namespace that definitions of structured primitives are written against.


def scaled(x: Taylor, factor: Any) -> Taylor:
    """x times powers of two, which round nothing."""
    spread = [factor.reshape(factor.shape + (1,) * order) for order in range(4)]
    return Taylor(
        tuple(c * s for c, s in zip(x.partials, spread, strict=True)),
        tuple(e * abs(s) for e, s in zip(x.errors, spread, strict=False)),
    )


def reciprocal(x: Taylor) -> Taylor:
    """Of x brought to size 1, so that 1/x⁴ does not underflow where f'' does not."""
    factor = np.ldexp(np.longdouble(1), -np.frexp(x.partials[0])[1])
    near = scaled(x, factor)
    r = 1 / near.partials[0]
    return scaled(near.compose((r, -(r**2), 2 * r**3, -6 * r**4), ARITHMETIC_ULPS), factor)


def exp(x: Taylor) -> Taylor:
    y = np.exp(np.clip(x.partials[0], -LARGEST_ARGUMENT, LARGEST_ARGUMENT))
    return x.compose((y, y, y, y), FUNCTION_ULPS)


def log(x: Taylor) -> Taylor:
    v = x.partials[0]
    return x.compose((np.log(v), 1 / v, -1 / v**2, 2 / v**3), FUNCTION_ULPS)


def log1p(x: Taylor) -> Taylor:
    v = x.partials[0]
    r = 1 / (1 + v)
    return x.compose((np.log1p(v), r, -(r**2), 2 * r**3), FUNCTION_ULPS)


def sqrt(x: Taylor) -> Taylor:
    """Of x brought to size 1 by a power of four."""
    half = -(np.frexp(x.partials[0])[1] // 2)
    near = scaled(x, np.ldexp(np.longdouble(1), 2 * half))
    v = near.partials[0]
    y = np.sqrt(v)
    root = near.compose((y, 0.5 / y, -0.25 / (v * y), 0.375 / (v * v * y)), ARITHMETIC_ULPS)
    return scaled(root, np.ldexp(np.longdouble(1), -half))


def total(x: Taylor) -> Taylor:
    """The sum over the last axis, in any order: n - 1 roundings of at most the sum of absolute values."""
    axis = len(x.shape) - 1
    n = x.shape[-1]
    partials = tuple(c.sum(axis=axis) for c in x.partials)
    errors = tuple(
        e.sum(axis=axis) + (n - 1) * abs(c).sum(axis=axis) for e, c in zip(x.errors, x.partials, strict=False)
    )
    return Taylor(partials, errors)


def largest(x: Taylor) -> Wide:
    return np.asarray(x.partials[0].max(axis=-1))


def ordered(x: Taylor) -> Taylor:
    """Sorted along the last axis, ascending; without ties."""
    axis, order = len(x.shape) - 1, np.argsort(x.partials[0], axis=-1)
    return x._each(lambda c, k: np.take_along_axis(c, order[(..., *[None] * k)], axis=axis))


def column(x: Taylor) -> Taylor:
    """With a last axis of length 1, along which it broadcasts over rows."""
    return x[..., None]


def stack(parts: Sequence[Taylor]) -> Taylor:
    """Along a new last axis."""
    axis = len(parts[0].shape)
    return Taylor(
        tuple(np.stack(c, axis=axis) for c in zip(*(part.partials for part in parts), strict=True)),
        tuple(np.stack(c, axis=axis) for c in zip(*(part.errors for part in parts), strict=True)),
    )


def matrix(entry: Callable[[int, int], mpf], n: int, m: int) -> Wide:
    return mp_arrays.to_longdoubles(mp_arrays.matrix(entry, n, m))


def root(n: int) -> float:
    return math.sqrt(n)


def constant(value: Fraction) -> float:
    return float(value)


def solve(a: Taylor, b: Taylor) -> Taylor:
    """A^-1 b: with A = A0 + E and E nilpotent, x <- x + A0^-1 (b - A x) gains one order of E at each turn.

    Errors: each application of A^-1 is off by n u |A^-1| |L| |U| times what it is applied to (Higham, theorem 9.4),
    and partial pivoting keeps |L| |U| near the largest entry of A.
    """
    n = a.shape[-1]
    inverse = inverted(a.partials[0])
    x = Taylor((inverse @ b.partials[0], *(0 * c for c in b.partials[1:])), b.errors)
    for _ in range(3):
        x = x + _apply(inverse, b - total(a * x[None, :]))
    growth = np.abs(inverse) @ np.full((n, n), np.max(np.abs(a.partials[0])))
    size = _absolute_solve(growth @ np.abs(inverse), a, b, growth @ np.abs(x.partials[0]))
    errors = tuple(n * (k + 1) * np.tensordot(growth, c, axes=(1, 0)) for k, c in enumerate(size))
    return Taylor(x.partials, errors)


def inverted(matrix: Wide) -> Wide:
    """By elimination with rows scaled by powers of two and swapped. Raises DomainError where it finds no pivot."""
    n = len(matrix)
    scale = np.ldexp(np.longdouble(1), -np.frexp(np.max(np.abs(matrix), axis=1))[1])
    rows = np.concatenate([matrix * scale[:, None], np.diag(scale)], axis=1)
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(rows[k:, k])))
        if not rows[pivot, k]:
            raise DomainError("solve: the matrix is singular")
        rows[[k, pivot]] = rows[[pivot, k]]
        rows[k] = rows[k] / rows[k, k]
        for i in range(n):
            if i != k:
                rows[i] = rows[i] - rows[i, k] * rows[k]
    return rows[:, n:]


def _apply(matrix: NDArray[Any], x: Taylor) -> Taylor:
    return x._each(lambda c, order: np.tensordot(matrix, c, axes=(1, 0)))


def _absolute_solve(inverse: Wide, a: Taylor, b: Taylor, x: Wide) -> Coefficients:
    """Majorants of x, its first and its second partials, when A^-1 and x are replaced by their sizes."""
    a1, b1 = np.abs(a.partials[1]), np.abs(b.partials[1])
    first = np.tensordot(inverse, b1 + np.einsum("ijp,j->ip", a1, x), axes=(1, 0))
    second = np.tensordot(inverse, np.einsum("ijp,jq->ipq", a1, first), axes=(1, 0))
    return x, first, second + np.swapaxes(second, -1, -2)


# Partials of a scalar function of one to three variables, from its mpmath definition alone.
