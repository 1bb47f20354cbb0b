"""What is made of a matrix's factors: definitions for two rows, where algebra is short."""

from typing import Any

import numpy as np

from gradlaws.strategies.catalogue.fits import same
from gradlaws.strategies.catalogue.matrices import (
    array,
    determinant,
    eigenvalues_apart,
    of_two_rows,
    of_two_rows_and_vector,
    scalar,
    singular_values_apart,
    triangle_conditioned,
    well_conditioned,
)
from gradlaws.strategies.primitive import Floats, structured


def cholesky_inverse(xp: Any, a: Any) -> Any:
    """(L Lᵀ)⁻¹ of the lower triangle L."""
    p, q, r = a[0, 0], a[1, 0], a[1, 1]
    return array(xp, [[q * q + r * r, -(p * q)], [-(p * q), p * p]]) / (p * p * (r * r))


def cholesky_solve(xp: Any, a: Any, b: Any) -> Any:
    """(L Lᵀ)⁻¹ b of the lower triangle L."""
    first = b[0] / a[0, 0]
    return transposed_solve(xp, a, xp.stack([first, (b[1] - a[1, 0] * first) / a[1, 1]]))


def transposed_solve(xp: Any, a: Any, b: Any) -> Any:
    """L⁻ᵀ b of the lower triangle L."""
    last = b[1] / a[1, 1]
    return xp.stack([(b[0] - a[1, 0] * last) / a[0, 0], last])


def householder_product(xp: Any, a: Any, t: Any) -> Any:
    """(1 − t₀ v vᵀ)(1 − t₁ e₁ e₁ᵀ) with v = (1, a₁₀), as LAPACK's orgqr."""
    v, kept = a[1, 0], -t[1] + 1
    return array(xp, [[-t[0] + 1, -(t[0] * v * kept)], [-(t[0] * v), (-(t[0] * v * v) + 1) * kept]])


def first_share(xp: Any, a: Any, b: Any, c: Any) -> Any:
    """The squares of the entries of the eigenvector of [[a, b], [b, c]] to its larger eigenvalue."""
    share = (a - c) / xp.sqrt((a - c) * (a - c) + b * b * 4) / 2
    return xp.stack([share + 0.5, -share + 0.5])


def eigenvector(xp: Any, a: Any) -> Any:
    return first_share(xp, a[0, 0], (a[0, 1] + a[1, 0]) / 2, a[1, 1])


def singular_vector(xp: Any, a: Any) -> Any:
    p, q, r, s = a[0, 0], a[0, 1], a[1, 0], a[1, 1]
    return first_share(xp, p * p + q * q, p * r + q * s, r * r + s * s)


def frobenius_condition(xp: Any, a: Any) -> Any:
    """‖A‖F ‖A⁻¹‖F, which for two rows is ‖A‖F² / |det A|."""
    area = determinant(xp, a)
    return xp.total(xp.total(a * a)) / xp.sqrt(area * area)


def triangle(a: Floats) -> bool:
    return triangle_conditioned(a, a)


def mixed(shares: Floats) -> bool:
    """Neither entry of the eigenvector is near 0: LAPACK promises vectors to u of their norm only, and the square of an
    entry below that, with all its derivatives, is rounding."""
    return bool(np.min(shares) > 1e-4)


def eigenvectors_mixed(a: Floats) -> bool:
    return eigenvalues_apart(a) and mixed(np.linalg.eigh((a + a.T) / 2)[1][:, 1] ** 2)


def singular_vectors_mixed(a: Floats) -> bool:
    return singular_values_apart(a) and mixed(np.linalg.svd(a)[0][:, 0] ** 2)


def invertible_reflections(a: Floats, t: Floats) -> bool:
    """Both factors 1 − τ v vᵀ can be inverted, as torch's derivative does."""
    apart = abs(t * np.array([1 + a[1, 0] ** 2, 1]) - 1) > 1e-2
    return bool(np.all(abs(a) < 1e3) and np.all(abs(t) < 1e3) and np.all(apart))


FAMILY = (
    structured("cholesky_inverse", cholesky_inverse, same, of_two_rows, "(tril({x}) tril({x})ᵀ)⁻¹", triangle,
               matrix=np.tril,
               numpy="scipy.linalg.cho_solve((numpy.tril({x}), True), numpy.eye(2, dtype={x}.dtype))",
               torch="torch.cholesky_inverse(torch.tril({x}))",
               jax="jax.scipy.linalg.cho_solve((jax.numpy.tril({x}), True), jax.numpy.eye(2, dtype={x}.dtype))"),
    structured("cholesky_solve", cholesky_solve, lambda a, b: b, of_two_rows_and_vector,
               "(tril({x}) tril({x})ᵀ)⁻¹{y}", triangle_conditioned, arity=2, matrix=np.tril,
               numpy="scipy.linalg.cho_solve((numpy.tril({x}), True), {y})",
               torch="torch.cholesky_solve({y}[:, None], torch.tril({x}))[:, 0]",
               jax="jax.scipy.linalg.cho_solve((jax.numpy.tril({x}), True), {y})"),
    structured("cholesky_solve_batched", lambda xp, a: cholesky_inverse(xp, a) * 2, same, of_two_rows,
               "2 (tril({x}) tril({x})ᵀ)⁻¹", triangle, matrix=np.tril,
               torch="torch.cholesky_solve(torch.eye(2, dtype={x}.dtype), torch.stack([torch.tril({x})] * 2)).sum(0)",
               jax="jax.vmap(lambda l: jax.scipy.linalg.cho_solve((l, True), jax.numpy.eye(2, dtype={x}.dtype)))("
                   "jax.numpy.stack([jax.numpy.tril({x})] * 2)).sum(0)"),
    structured("triangular_solve_transposed", transposed_solve, lambda a, b: b, of_two_rows_and_vector,
               "tril({x})⁻ᵀ{y}", triangle_conditioned, arity=2, matrix=np.tril,
               numpy="scipy.linalg.solve_triangular({x}, {y}, lower=True, trans=1)",
               torch="torch.triangular_solve({y}[:, None], torch.tril({x}), upper=False, transpose=True)[0][:, 0]",
               jax="jax.scipy.linalg.solve_triangular({x}, {y}, lower=True, trans=1)"),
    structured("householder_product", householder_product, lambda a, t: a, of_two_rows_and_vector, "Q({x}, {y})",
               invertible_reflections, arity=2, torch="torch.linalg.householder_product",
               jax="jax.lax.linalg.householder_product"),
    structured("eigenvector", eigenvector, lambda shape: (2,), of_two_rows, "v₁(({x} + {x}ᵀ)/2)²", eigenvectors_mixed,
               numpy="numpy.linalg.eigh(({x} + {x}.T) / 2)[1][:, 1] ** 2",
               torch="torch.linalg.eigh(({x} + {x}.T) / 2)[1][:, 1] ** 2",
               jax="jax.numpy.linalg.eigh(({x} + {x}.T) / 2)[1][:, 1] ** 2"),
    structured("singular_vector", singular_vector, lambda shape: (2,), of_two_rows, "u₀({x})²", singular_vectors_mixed,
               numpy="numpy.linalg.svd({x})[0][:, 0] ** 2", torch="torch.linalg.svd({x})[0][:, 0] ** 2",
               jax="jax.numpy.linalg.svd({x})[0][:, 0] ** 2"),
    structured("frobenius_condition", frobenius_condition, scalar, of_two_rows, "cond({x})", well_conditioned,
               numpy="numpy.linalg.cond({x}, 'fro')", torch="torch.linalg.cond({x}, 'fro')",
               jax="jax.numpy.linalg.cond({x}, 'fro')"),
)  # fmt: skip
