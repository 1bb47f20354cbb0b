"""Errors of factorisations and of triangular systems, by their backward errors (Higham, Accuracy and Stability).

What is computed is exact for a matrix a little off: by γ|L||Lᵀ| for Cholesky (Theorem 10.3), γ|L||U| for LU (9.3), γ|T|
for a triangular system (8.5), in norm for QR (19.4) and for eigenvalues and singular values. That, and the error of the
matrix itself, goes through the derivative with inverses written out, in absolute values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.rounding.rule import Carried, Rule
from gradlaws.suite.rounding.step import Error, Errors, Step, Unknown, sized
from gradlaws.suite.tape.tape import Array

Cotangents = Sequence[Array | None]
ENTRIES = 256  # of a matrix whose QR is differentiated entry by entry
NORMWISE = 10.0  # times n u ‖A‖: what LAPACK's eigenvalues and singular values are known to (Users' Guide, section 4)


def turned(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def half(x: Array) -> Array:
    """The lower triangle, with half the diagonal."""
    n = x.shape[-1]
    return np.asarray(np.tril(x) - np.eye(n) * np.diagonal(x, axis1=-2, axis2=-1)[..., None, :] / 2)


def real(step: Step) -> None:
    if any(x.dtype.kind == "c" for x in step.arguments):
        raise Unknown("of complex matrices")


def inverse(x: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(x))
    except np.linalg.LinAlgError:
        raise Unknown("a matrix that float64 cannot invert") from None


def grown(whole: Array, linear: Array, own: Array, size: Array) -> tuple[Array, Array]:
    """With the errors of higher order, a geometric series in ``size``, the relative error of each matrix."""
    ratio = np.max(np.sum(size, axis=-1), axis=-1, initial=0.0)[..., None, None]
    more = whole * np.where(2 * ratio < 1, 1 / (1 - 2 * np.minimum(ratio, 0.49)) - 1, np.inf)
    own = own + np.where(whole > 0, more, 0.0)
    return linear + own, own


def cholesky(step: Step, errors: Errors) -> Carried:
    real(step)
    lower = step.result
    n = lower.shape[-1]
    back = inverse(lower)
    given = np.tril(sized(errors[0], lower.shape))
    given = given + turned(np.tril(given, -1))
    rounding = (n + 1) * step.unit.u * abs(lower) @ turned(abs(lower))

    def through(error: Array) -> tuple[Array, Array]:
        inner = abs(back) @ error @ turned(abs(back))
        return np.asarray(abs(lower) @ half(inner)), inner

    linear, moved = through(given)
    own, made = through(rounding)
    whole, own = grown(linear + own, linear, own, moved + made)
    return [whole], [own]


def from_cholesky(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,), lower = cotangents, step.result
    assert g is not None
    back = inverse(lower)
    found = turned(back) @ half(turned(lower) @ np.tril(g)) @ back
    found = found + turned(found)
    n = lower.shape[-1]
    return [np.tril(found) - np.eye(n) * np.diagonal(found, axis1=-2, axis2=-1)[..., None, :] / 2]


def triangle(step: Step) -> tuple[Array, bool, bool, Callable[[Array], Array]]:
    """The matrix T with T X = B, whether B and X stand turned, whether T is A turned; what the solver reads of A."""
    p, a = step.parameters, step.arguments[0]
    left, lower, unit = p["left"], p["lower"], p["unit"]

    def read(x: Array) -> Array:
        k = -1 if unit else 0
        return np.asarray(np.tril(x, k) if lower else np.triu(x, -k))

    used = read(a) + (np.eye(a.shape[-1]) if unit else 0.0)
    flipped = p["transposed"] if left else not p["transposed"]
    return (turned(used) if flipped else used), not left, flipped, read


def triangular(step: Step, errors: Errors) -> Carried:
    real(step)
    matrix, sideways, flipped, read = triangle(step)
    x = turned(step.result) if sideways else step.result
    n = matrix.shape[-1]
    of_a = read(sized(errors[0], step.arguments[0].shape))
    of_a = turned(of_a) if flipped else of_a
    of_b = sized(errors[1], step.arguments[1].shape)
    of_b = turned(of_b) if sideways else of_b
    back = abs(inverse(matrix))
    linear = back @ (of_a @ abs(x) + of_b)
    rounding = (n + 1) * step.unit.u * abs(matrix)
    moved = back @ (of_a + rounding)
    if np.any(np.diagonal(moved, axis1=-2, axis2=-1) >= 1):
        raise Unknown("a triangular matrix that its errors may make singular")
    whole = inverse(np.eye(n) - moved) @ (back @ ((of_a + rounding) @ abs(x) + of_b))
    own = np.maximum(whole - linear, 0.0)
    pair = (linear + own, own)
    found = [turned(e) if sideways else e for e in pair]
    return [found[0]], [found[1]]


def from_triangular(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,) = cotangents
    assert g is not None
    matrix, sideways, flipped, read = triangle(step)
    x = turned(step.result) if sideways else step.result
    to_b = turned(inverse(matrix)) @ (turned(g) if sideways else g)
    to_a = -to_b @ turned(x)
    return [read(turned(to_a) if flipped else to_a), turned(to_b) if sideways else to_b]


def banded(diagonals: Sequence[Array]) -> Array:
    """The matrix with those diagonals: below the main one, on it, above it; what would stand outside is left out."""
    below, middle, above = diagonals
    n = middle.shape[-1]
    k = np.arange(n)
    found = np.zeros((*middle.shape, n))
    found[..., k, k] = middle
    found[..., k[1:], k[:-1]], found[..., k[:-1], k[1:]] = below[..., 1:], above[..., :-1]
    return found


def diagonals_of(x: Array) -> list[Array]:
    n = x.shape[-1]
    k, found = np.arange(n), [np.zeros(x.shape[:-1]) for _ in range(3)]
    found[1][...] = x[..., k, k]
    found[0][..., 1:], found[2][..., :-1] = x[..., k[1:], k[:-1]], x[..., k[:-1], k[1:]]
    return found


def tridiagonal(step: Step, errors: Errors) -> Carried:
    """Elimination with swaps: exact for a matrix off by a few u |L||U| (Higham, section 9.6)."""
    real(step)
    matrix, x = banded(step.arguments[:3]), step.result
    n = matrix.shape[-1]
    of_a = banded([sized(e, y.shape) for e, y in zip(errors[:3], step.arguments[:3], strict=True)])
    of_b = sized(errors[3], step.arguments[3].shape)
    flat = [scipy.linalg.lu(m) for m in matrix.reshape(-1, n, n)]
    rounding = 4 * step.unit.u * np.stack([p @ abs(lower) @ abs(upper) for p, lower, upper in flat])
    rounding = rounding.reshape(matrix.shape)
    back = abs(inverse(matrix))
    linear = back @ (of_a @ abs(x) + of_b)
    own = back @ rounding @ abs(x)
    whole, own = grown(linear + own, linear, own, back @ (of_a + rounding))
    return [whole], [own]


def from_tridiagonal(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,) = cotangents
    assert g is not None
    to_b = turned(inverse(banded(step.arguments[:3]))) @ g
    return [*diagonals_of(-to_b @ turned(step.result)), to_b]


def parted(step: Step) -> tuple[Array, Array, Array]:
    """L, U and, as a matrix, the permutation of the rows."""
    packed, _, order = step.results
    n = packed.shape[-1]
    if packed.shape[-2] != n:
        raise Unknown("LU of a matrix that is not square")
    return np.tril(packed, -1) + np.eye(n), np.triu(packed), np.eye(n)[order]


def lu(step: Step, errors: Errors) -> Carried:
    real(step)
    lower, upper, permutation = parted(step)
    n = lower.shape[-1]
    given = permutation @ sized(errors[0], step.arguments[0].shape)
    rounding = n * step.unit.u * abs(lower) @ abs(upper)
    back, other = abs(inverse(lower)), abs(inverse(upper))

    def through(error: Array) -> tuple[Array, Array]:
        inner = back @ error @ other
        return np.asarray(abs(lower) @ np.tril(inner, -1) + np.triu(inner) @ abs(upper)), inner

    linear, moved = through(given)
    own, made = through(rounding)
    whole, own = grown(linear + own, linear, own, moved + made)
    # A multiplier of size 1 is a pivot that another row may give; in the last column there is no choice.
    if np.any(np.tril(abs(lower) + whole >= 1, -1)[..., :-1]):
        raise Unknown("a pivot that another row may give within its errors")
    return [whole, None, None], [own, None, None]


def from_lu(step: Step, cotangents: Cotangents) -> list[Array | None]:
    g = cotangents[0]
    assert g is not None
    lower, upper, permutation = parted(step)
    inner = np.tril(turned(lower) @ np.tril(g, -1), -1) + np.triu(np.triu(g) @ turned(upper))
    return [turned(permutation) @ turned(inverse(lower)) @ inner @ turned(inverse(upper))]


def symmetric(step: Step, error: Array) -> Array:
    """Of the triangle that is read."""
    part = np.tril(error, -1) if step.parameters["lower"] else turned(np.triu(error, 1))
    return np.asarray(part + turned(part) + np.eye(error.shape[-1]) * error)


def gaps(values: Array, errors: Array | float = 0.0) -> Array:
    """1 / (λ_j − λ_i), 0 on the diagonal; with the errors of the differences taken off, infinite where one is none."""
    apart = values[..., None, :] - values[..., :, None]
    size = abs(apart) - errors
    n = values.shape[-1]
    found = np.where(size > 0, np.sign(apart) / np.where(size > 0, size, 1.0), np.inf)
    return np.where(np.eye(n, dtype=bool), 0.0, found)


def eigh(step: Step, errors: Errors) -> Carried:
    real(step)
    vectors, values = step.results
    n = vectors.shape[-1]
    given = symmetric(step, sized(errors[0], step.arguments[0].shape))
    norm = np.max(abs(values), axis=-1, initial=0.0)[..., None, None]
    rounding = np.broadcast_to(NORMWISE * n * step.unit.u * norm, given.shape)
    size = np.max(np.sum(given + rounding, axis=-1), axis=-1, initial=0.0)[..., None, None]

    def through(error: Array) -> tuple[Array, Array]:
        inner = turned(abs(vectors)) @ error @ abs(vectors)
        turn = abs(vectors) @ np.where(inner == 0, 0.0, abs(gaps(values, 2 * size)) * inner)
        return np.asarray(turn), np.asarray(np.diagonal(inner, axis1=-2, axis2=-1))

    linear = through(given)
    own = list(through(rounding))
    # Gaps less twice the error hold the second order of the vectors; that of a value is error² / gap.
    bent = np.max(abs(gaps(values, 2 * size)), axis=-1) * size[..., 0] ** 2
    own[1] = own[1] + np.where(np.isfinite(bent), bent, size[..., 0])
    return [a + b for a, b in zip(linear, own, strict=True)], own


def from_eigh(step: Step, cotangents: Cotangents) -> list[Array | None]:
    vectors, values = step.results
    n = vectors.shape[-1]
    inner = np.zeros((*values.shape, n))
    if cotangents[0] is not None:
        inner = inner + np.where(np.eye(n, dtype=bool), 0.0, gaps(values) * (turned(vectors) @ cotangents[0]))
    if cotangents[1] is not None:
        inner = inner + np.eye(n) * cotangents[1][..., None, :]
    found = vectors @ inner @ turned(vectors)
    found = found + turned(found)  # an entry beside the diagonal stands for two
    triangle_ = np.tril(found) if step.parameters["lower"] else np.triu(found)
    return [triangle_ - np.eye(n) * found / 2]


def orders(step: Step, place: int = 0) -> Array:
    """The derivatives of all results by the entries of one matrix, by central differences: (all results, entries)."""
    if f"jacobian {place}" not in step.kept:
        given = [np.array(x) for x in step.arguments]
        x = given[place]
        if x.size > ENTRIES:
            raise Unknown(f"of a matrix with more than {ENTRIES} entries")
        columns = []
        h = 2.0**-18 * max(float(np.max(abs(x), initial=0.0)), 2.0**-500)
        for k in range(x.size):
            ends = []
            for sign in (1, -1):
                flat = x.reshape(-1).copy()
                flat[k] += sign * h
                given[place] = flat.reshape(x.shape)
                found = step.declared.definition(FLOAT64, *given, **step.parameters)
                several = found if step.declared.several else (found,)
                ends.append(np.concatenate([np.ravel(r) for r in several]))
            columns.append((ends[0] - ends[1]) / (2 * h))
        step.kept[f"jacobian {place}"] = np.stack(columns, axis=-1) if columns else np.zeros((0, 0))
    jacobian: Array = step.kept[f"jacobian {place}"]
    return jacobian


def split(step: Step, flat: Array) -> list[Error]:
    ends = np.cumsum([r.size for r in step.results])[:-1]
    return [part.reshape(r.shape) for part, r in zip(np.split(flat, ends), step.results, strict=True)]


def by_columns(step: Step) -> Array:
    """γ ‖a_j‖ in every entry of column j: m n roundings, of which each reflector makes some (Higham, Theorem 19.4)."""
    x = step.arguments[0]
    norms = np.linalg.norm(x, axis=-2, keepdims=True)
    return np.broadcast_to(4 * min(x.shape[-2:]) * x.shape[-2] * step.unit.u * norms, x.shape)


def numerically(backward: Callable[[Step], Array]) -> Rule:
    """By derivatives entry by entry, where these are not too many."""

    def carried(step: Step, errors: Errors) -> Carried:
        real(step)
        linear = np.zeros(sum(r.size for r in step.results))
        for place, error in enumerate(errors):
            if error is not None:
                linear = linear + abs(orders(step, place)) @ np.ravel(
                    np.broadcast_to(error, step.arguments[place].shape)
                )
        own = abs(orders(step)) @ np.ravel(backward(step)) * 2.0 + linear * 2.0**-10
        return split(step, linear + own), split(step, own)

    def pulled(step: Step, cotangents: Cotangents) -> list[Array | None]:
        whole = np.concatenate(
            [np.zeros(r.size) if g is None else np.ravel(g) for g, r in zip(cotangents, step.results, strict=True)]
        )
        return [(orders(step, k).T @ whole).reshape(x.shape) for k, x in enumerate(step.arguments)]

    return Rule(carried, pulled)


def of_reflectors(step: Step) -> Array:
    """Roundings of the product are those of reflectors with entries a little off."""
    x = step.arguments[0]
    return np.broadcast_to(4 * x.shape[-2] * x.shape[-1] * step.unit.u * np.maximum(abs(x), 1.0), x.shape)


FAMILY: dict[str, Rule] = {
    "cholesky": Rule(cholesky, from_cholesky),
    "triangular_solve": Rule(triangular, from_triangular),
    "tridiagonal_solve": Rule(tridiagonal, from_tridiagonal),
    "lu": Rule(lu, from_lu),
    "eigh": Rule(eigh, from_eigh),
    "geqrf": numerically(by_columns),
    "householder_product": numerically(of_reflectors),
    "svd": numerically(by_columns),
}
