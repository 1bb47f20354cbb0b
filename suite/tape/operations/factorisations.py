"""Factorisations of matrices, by elimination in whatever arithmetic is asked. Leading axes are a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradlaws.suite.tape.operations.declaration import Declaration
from gradlaws.suite.tape.tape import Array


def of_each(one: Callable[..., Any], xp: Any, *matrices: Any, several: bool = False, **parameters: Any) -> Any:
    """A function of matrices, for each of a batch."""
    batch = matrices[0].shape[:-2]
    if not batch:
        return one(xp, *matrices, **parameters)
    count = int(np.prod(batch))
    flat = [m.reshape(count, *m.shape[-2:]) for m in matrices]
    found = [one(xp, *(m[k] for m in flat), **parameters) for k in range(count)]
    if not several:
        return np.stack(found).reshape(*batch, *found[0].shape)
    return tuple(np.stack(part).reshape(*batch, *part[0].shape) for part in zip(*found, strict=True))


def cholesky(xp: Any, a: Any) -> Any:
    """L with L Lᵀ = A, of the lower triangle of A, column by column."""
    lower, rest = np.array(xp.zeros(a.shape)), np.array(a)
    for k in range(len(a)):
        lower[k:, k] = xp.divide(rest[k:, k], xp.sqrt(rest[k, k]))
        rest[k + 1 :, k + 1 :] = rest[k + 1 :, k + 1 :] - lower[k + 1 :, k, None] * lower[None, k + 1 :, k]
    return lower


def triangular_solve(xp: Any, a: Any, b: Any, left: bool, lower: bool, transposed: bool, unit: bool) -> Any:
    """X with op(A) X = B, or X op(A) = B, where only that triangle of A is read."""
    if not left:
        return triangular_solve(xp, a, b.T, True, lower, not transposed, unit).T
    if transposed:
        a, lower = a.T, not lower
    found = np.array(b)
    for k in range(len(a)) if lower else range(len(a))[::-1]:
        known = slice(0, k) if lower else slice(k + 1, len(a))
        row = found[k] - np.add.reduce(a[k, known, None] * found[known], axis=0) if len(a[k, known]) else found[k]
        found[k] = row if unit else xp.divide(row, a[k, k])
    return found


def lu(xp: Any, a: Any) -> Sequence[Any]:
    """LAPACK's getrf: L and U in one matrix, the rows that were swapped, and the permutation that they make."""
    found: Any = np.array(a)
    rows, columns = a.shape
    swaps, permutation = np.arange(min(rows, columns)), np.arange(rows)
    for k in range(min(rows, columns)):
        pivot = k + int(np.argmax(np.abs(xp.to_float64(found[k:, k]))))
        swaps[k] = pivot
        found[[k, pivot]] = found[[pivot, k]]
        permutation[[k, pivot]] = permutation[[pivot, k]]
        if k + 1 < rows:
            found[k + 1 :, k] = xp.divide(found[k + 1 :, k], found[k, k])
            found[k + 1 :, k + 1 :] = found[k + 1 :, k + 1 :] - found[k + 1 :, k, None] * found[None, k, k + 1 :]
    return found, swaps.astype(np.int32), permutation.astype(np.int32)


def reflector(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    """LAPACK's larfg: v with v_0 = 1, τ and β with (I − τ v vᵀ) x = β e_0."""
    v = np.array(x)
    tail = np.add.reduce(x[1:] * x[1:]) if len(x) > 1 else xp.zeros(())
    if not np.any(tail != 0):
        v[0] = xp.ones(())
        return v, xp.zeros(()), x[0]
    norm = xp.sqrt(x[0] * x[0] + tail)
    beta = -norm if x[0] >= 0 else norm
    v[1:] = xp.divide(x[1:], x[0] - beta)
    v[0] = xp.ones(())
    return v, xp.divide(beta - x[0], beta), beta


def geqrf(xp: Any, a: Any) -> Sequence[Any]:
    """LAPACK's: R above the diagonal, the reflectors below it, and their factors τ."""
    found, count = np.array(a), min(a.shape)
    factors = np.array(xp.zeros((count,)))
    for k in range(count):
        v, tau, beta = reflector(xp, found[k:, k])
        row = np.add.reduce(v[:, None] * found[k:, k:], axis=0)
        found[k:, k:] = found[k:, k:] - tau * v[:, None] * row[None]
        found[k, k], found[k + 1 :, k], factors[k] = beta, v[1:], tau
    return found, factors


def householder_product(xp: Any, a: Any, factors: Any) -> Any:
    """The first columns of the product of the reflectors (LAPACK's orgqr). ``factors`` is a row."""
    found = np.array(xp.asarray(np.eye(*a.shape)))
    for k in reversed(range(factors.shape[-1])):
        v = np.array(a[k:, k])
        v[0] = xp.ones(())
        row = np.add.reduce(v[:, None] * found[k:], axis=0)
        found[k:] = found[k:] - factors.reshape(-1)[k] * v[:, None] * row[None]
    return found


def tridiagonal_solve(xp: Any, below: Any, diagonal: Any, above: Any, b: Any) -> Any:
    """X with A X = B, where A has those diagonals; what would stand outside of it is not read. By rows, with swaps."""
    batch, n = b.shape[:-2], b.shape[-2]
    full = np.array(np.broadcast_to(xp.zeros(()), (*batch, n, n)))
    k = np.arange(n)
    full[..., k, k] = diagonal
    full[..., k[1:], k[:-1]], full[..., k[:-1], k[1:]] = below[..., 1:], above[..., :-1]

    def solved(xp: Any, a: Any, b: Any) -> Any:
        factors, _, permutation = lu(xp, a)
        middle = triangular_solve(xp, factors, b[permutation], True, True, False, True)
        return triangular_solve(xp, factors, middle, True, False, False, False)

    return of_each(solved, xp, full, b)


SWEEPS = 40  # of Jacobi's method, which needs about ten at any precision


def rotation(xp: Any, p: Any, q: Any, r: Any) -> tuple[Any, Any]:
    """Cosine and sine that make [[p, r], [r, q]] diagonal (Golub & Van Loan, section 8.5.2)."""
    theta = xp.divide(q - p, r + r)
    root = abs(theta) + xp.sqrt(theta * theta + xp.ones(()))
    t = xp.divide(xp.ones(()) if theta >= 0 else -xp.ones(()), root)
    c = xp.divide(xp.ones(()), xp.sqrt(t * t + xp.ones(())))
    return c, t * c


def eigh(xp: Any, a: Any, lower: bool) -> Sequence[Any]:
    """Eigenvectors and eigenvalues, ascending, of the symmetric matrix of which A has one triangle, by Jacobi's method.

    Each vector has the sign that makes its largest entry positive: frameworks choose others.
    """
    half = np.tril(a, -1) if lower else np.triu(a, 1).T
    m = np.array(half + half.T + np.diag(np.diag(a)))
    n = len(m)
    vectors = np.array(xp.asarray(np.eye(n)))
    for _ in range(SWEEPS):
        off = [(p, q) for p in range(n) for q in range(p + 1, n) if not negligible(m, p, q)]
        if not off:
            break
        for p, q in off:
            if m[p, q] == 0:
                continue
            c, s = rotation(xp, m[p, p], m[q, q], m[p, q])
            for x in (m.T, m, vectors.T):
                x[p], x[q] = c * x[p] - s * x[q], s * x[p] + c * x[q]
    values = np.diag(m)
    at = sorted(range(n), key=lambda k: values[k])
    vectors = vectors[:, at]
    return np.where(turned_down(xp, vectors), -vectors, vectors), values[at]


def svd(xp: Any, a: Any) -> Sequence[Any]:
    """U, S and Vᵀ by one-sided Jacobi rotations (Golub & Van Loan, section 8.6.3), S descending.

    Each column of U has the sign that makes its largest entry positive: frameworks choose others.
    """
    if a.shape[0] < a.shape[1]:
        left, values, right = svd(xp, a.T)
        return signed_columns(xp, right.T, values, left.T)
    columns, turned = np.array(a), np.array(xp.asarray(np.eye(a.shape[1])))
    pairs = [(p, q) for p in range(a.shape[1]) for q in range(p + 1, a.shape[1])]
    for _ in range(SWEEPS):
        still = True
        for p, q in pairs:
            x, y = columns[:, p], columns[:, q]
            xx, yy, xy = np.add.reduce(x * x), np.add.reduce(y * y), np.add.reduce(x * y)
            size = xp.sqrt(xx * yy)
            if size + abs(xy) * 2.0**-4 == size:  # what is left is the rounding of the sums
                continue
            still = False
            c, s = rotation(xp, xx, yy, xy)
            for z in (columns.T, turned.T):
                z[p], z[q] = c * z[p] - s * z[q], s * z[p] + c * z[q]
        if still:
            break
    values = xp.sqrt(np.add.reduce(columns * columns, axis=0))
    at = sorted(range(len(values)), key=lambda k: -values[k])
    return signed_columns(xp, xp.divide(columns[:, at], values[at]), values[at], turned[:, at].T)


def signed_columns(xp: Any, left: Any, values: Any, right: Any) -> Sequence[Any]:
    down = turned_down(xp, left)
    return np.where(down, -left, left), values, np.where(down[:, None], -right, right)


def turned_down(xp: Any, vectors: Any) -> Array:
    """Of every column, whether its largest entry is negative."""
    rough = xp.to_float64(vectors)
    return np.asarray(rough[np.argmax(abs(rough), axis=0), np.arange(rough.shape[1])] < 0)


def negligible(m: Any, p: int, q: int) -> bool:
    """Whether it adds nothing to its diagonal entries."""
    size = abs(m[p, p]) + abs(m[q, q])
    return bool(size + abs(m[p, q]) == size)


def matrices(name: str, one: Callable[..., Any], several: bool = False) -> Declaration:
    return Declaration(name, functools.partial(of_each, one, several=several), several=several)


def products_of_reflectors(xp: Any, a: Any, factors: Any) -> Any:
    return of_each(householder_product, xp, a, factors[..., None, :])


FAMILY = (
    matrices("cholesky", cholesky),
    matrices("triangular_solve", triangular_solve),
    matrices("lu", lu, several=True),
    matrices("geqrf", geqrf, several=True),
    Declaration("householder_product", products_of_reflectors),
    Declaration("tridiagonal_solve", tridiagonal_solve),
    matrices("eigh", eigh, several=True),
    matrices("svd", svd, several=True),
)
