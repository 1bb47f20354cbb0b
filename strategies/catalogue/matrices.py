"""Functions of one or two same matrices; definitions for two rows, where algebra is short."""

from typing import Any

import numpy as np

from gradlaws.strategies.catalogue.contractions import matmul
from gradlaws.strategies.catalogue.fits import of_squares, same
from gradlaws.strategies.primitive import Floats, Parameters, Shape, structured

TERMS, HALVINGS = 40, 5  # of the exponential series: 1 / 40! is below 1e-47


def of_two_rows(shape: Shape) -> list[Parameters]:
    return [{}] if shape == (2, 2) else []


def of_two_rows_and_vector(a: Shape, b: Shape) -> list[Parameters]:
    return [{}] if a == (2, 2) and b == (2,) else []


def powers(shape: Shape) -> list[Parameters]:
    return [{"n": n} for n in (2, 3)] if of_squares(shape) else []


def moderate(a: Floats, *rest: Floats) -> bool:
    """Of entries whose products stay in the range of float32 too."""
    return bool(np.max(abs(a)) < 1e10)


def well_conditioned(a: Floats, *rest: Floats) -> bool:
    return bool(1e-10 < np.max(abs(a)) < 1e10 and np.linalg.cond(a) < 100)


def nothing(a: Floats) -> Floats:
    """No matrix is inverted."""
    return np.ones(1)


def of_full_rank(a: Floats) -> Floats:
    """Of a singular matrix of two rows, whose determinant is smooth there, what its largest singular value leaves."""
    return a if np.linalg.matrix_rank(a) == len(a) else np.eye(len(a))


def triangle_conditioned(a: Floats, b: Floats) -> bool:
    return well_conditioned(np.tril(a))


def not_huge(a: Floats) -> bool:
    return bool(np.max(abs(a)) < 1e6)


def small(a: Floats) -> bool:
    return bool(np.linalg.norm(a, 1) < 2.0**HALVINGS)


def eigenvalues_apart(a: Floats) -> bool:
    s = (a + a.T) / 2
    low, high = np.linalg.eigvalsh(s)
    return bool(1e-10 < np.max(abs(a)) < 1e10 and high - low > 1e-2 * np.max(abs(s)))


def singular_values_apart(a: Floats) -> bool:
    high, low = np.linalg.svd(a)[1]
    return bool(1e-10 < high < 1e10 and low > 1e-2 * high and high - low > 1e-2 * high)


def scalar(shape: Shape) -> Shape:
    return ()


def array(xp: Any, rows: list[list[Any]]) -> Any:
    return xp.stack([xp.stack(row) for row in rows]).T


def determinant(xp: Any, a: Any) -> Any:
    return a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]


def inverse(xp: Any, a: Any) -> Any:
    return array(xp, [[a[1, 1], -a[0, 1]], [-a[1, 0], a[0, 0]]]) / determinant(xp, a)


def power(xp: Any, a: Any, n: int) -> Any:
    return a if n == 1 else matmul(xp, power(xp, a, n - 1), a)


def exponential(xp: Any, a: Any) -> Any:
    """Horner's form of the series, 1 + A (1 + A/2 (1 + …)), of a part of A, squared as often as that was halved."""
    one, part = np.eye(a.shape[0]), a / 2**HALVINGS
    found = part / TERMS + one
    for k in range(TERMS - 1, 0, -1):
        found = matmul(xp, part, found) / k + one
    for _ in range(HALVINGS):
        found = matmul(xp, found, found)
    return found


def triangular_solve(xp: Any, a: Any, b: Any) -> Any:
    first = b[0] / a[0, 0]
    return xp.stack([first, (b[1] - a[1, 0] * first) / a[1, 1]])


def eigenvalues(xp: Any, a: Any) -> Any:
    """Of the symmetric part, ascending."""
    centre, half, off = (a[0, 0] + a[1, 1]) / 2, (a[0, 0] - a[1, 1]) / 2, (a[0, 1] + a[1, 0]) / 2
    radius = xp.sqrt(half * half + off * off)
    return xp.stack([centre - radius, centre + radius])


def singular_values(xp: Any, a: Any) -> Any:
    """Descending: half of √((a+d)² + (b−c)²) ± √((a−d)² + (b+c)²), whose signs order them."""
    p, q, r, s = a[0, 0] + a[1, 1], a[0, 1] - a[1, 0], a[0, 0] - a[1, 1], a[0, 1] + a[1, 0]
    u, v = xp.sqrt(p * p + q * q), xp.sqrt(r * r + s * s)
    both = xp.ordered(xp.stack([u, v]))
    return xp.stack([(both[1] + both[0]) / 2, (both[1] - both[0]) / 2])


def gram_plus_one(xp: Any, a: Any) -> Any:
    return matmul(xp, a, a.T) + np.eye(a.shape[0])


def cholesky(xp: Any, a: Any) -> Any:
    """Of A Aᵀ + 1: the lower triangle's three entries."""
    s = gram_plus_one(xp, a)
    top = xp.sqrt(s[0, 0])
    below = s[1, 0] / top
    return xp.stack([top, below, xp.sqrt(s[1, 1] - below * below)])


def squared_triangle(xp: Any, a: Any) -> Any:
    """The squares of the entries of R in A = QR, whose signs are the library's choice: r₁₁², r₁₂², r₂₂²."""
    first = a[0, 0] * a[0, 0] + a[1, 0] * a[1, 0]
    mixed = a[0, 0] * a[0, 1] + a[1, 0] * a[1, 1]
    area = determinant(xp, a)
    return xp.stack([first, mixed * mixed / first, area * area / first])


def log_determinant(xp: Any, a: Any) -> Any:
    area = determinant(xp, a)
    return xp.log(area * area) / 2


LOWER = "[numpy.array([0, 1, 1]), numpy.array([0, 0, 1])]"
UPPER = "[numpy.array([0, 0, 1]), numpy.array([0, 1, 1])]"

FAMILY = (
    structured("det", determinant, scalar, of_two_rows, "det {x}", moderate,
               matrix=of_full_rank,
               numpy="numpy.linalg.det", torch="torch.linalg.det", jax="jax.numpy.linalg.det"),
    structured("logdet", log_determinant, scalar, of_two_rows, "ln|det {x}|", well_conditioned,
               numpy="numpy.linalg.slogdet({x})[1]", torch="torch.linalg.slogdet({x})[1]",
               jax="jax.numpy.linalg.slogdet({x})[1]"),
    structured("inv", inverse, same, of_two_rows, "{x}⁻¹", well_conditioned,
               numpy="numpy.linalg.inv", torch="torch.linalg.inv", jax="jax.numpy.linalg.inv"),
    structured("pinv", inverse, same, of_two_rows, "pinv({x})", well_conditioned,
               numpy="numpy.linalg.pinv", torch="torch.linalg.pinv", jax="jax.numpy.linalg.pinv"),
    structured("matrix_power", power, same, powers, "{x}^{n}", moderate,
               numpy="numpy.linalg.matrix_power({x}, {n})", torch="torch.linalg.matrix_power({x}, {n})",
               jax="jax.numpy.linalg.matrix_power({x}, {n})"),
    structured("matrix_exp", exponential, same, of_two_rows, "exp {x}", small,
               matrix=nothing,
               numpy="scipy.linalg.expm", torch="torch.linalg.matrix_exp", jax="jax.scipy.linalg.expm"),
    structured("triangular_solve", triangular_solve, lambda a, b: b, of_two_rows_and_vector, "tril({x})⁻¹{y}",
               triangle_conditioned, arity=2, matrix=np.tril,
               numpy="scipy.linalg.solve_triangular({x}, {y}, lower=True)",
               torch="torch.linalg.solve_triangular({x}, {y}[:, None], upper=False)[:, 0]",
               jax="jax.scipy.linalg.solve_triangular({x}, {y}, lower=True)"),
    structured("solve_ex", lambda xp, a, b: xp.solve(a, b), lambda a, b: b, of_two_rows_and_vector, "solve({x}, {y})",
               well_conditioned, arity=2, torch="torch.linalg.solve_ex({x}, {y}).result"),
    structured("tensorsolve", lambda xp, a, b: xp.solve(a, b), lambda a, b: b, of_two_rows_and_vector,
               "tensorsolve({x}, {y})", well_conditioned, arity=2, numpy="numpy.linalg.tensorsolve",
               torch="torch.linalg.tensorsolve", jax="jax.numpy.linalg.tensorsolve"),
    structured("solve_from_right", lambda xp, a, b: xp.solve(a.T, b), lambda a, b: b, of_two_rows_and_vector,
               "{y}ᵀ{x}⁻¹", well_conditioned, arity=2, numpy="numpy.linalg.solve({x}.T, {y})",
               torch="torch.linalg.solve({x}, {y}[None], left=False)[0]", jax="jax.numpy.linalg.solve({x}.T, {y})"),
    structured("lstsq", lambda xp, a, b: xp.solve(a, b), lambda a, b: b, of_two_rows_and_vector, "lstsq({x}, {y})",
               well_conditioned, arity=2, numpy="numpy.linalg.lstsq({x}, {y})[0]",
               torch="torch.linalg.lstsq({x}, {y}[:, None]).solution[:, 0]", jax="jax.numpy.linalg.lstsq({x}, {y})[0]"),
    structured("cholesky", cholesky, lambda shape: (3,), of_two_rows, "chol({x}{x}ᵀ + 1)", not_huge,
               matrix=nothing,
               squares=("numpy", "torch", "jax"),
               numpy="numpy.linalg.cholesky({x} @ {x}.T + numpy.eye(2, dtype={x}.dtype))[tuple(" + LOWER + ")]",
               torch="torch.linalg.cholesky({x} @ {x}.T + torch.eye(2, dtype={x}.dtype))[[0, 1, 1], [0, 0, 1]]",
               jax="jax.numpy.linalg.cholesky({x} @ {x}.T + jax.numpy.eye(2, dtype={x}.dtype))[tuple(" + LOWER + ")]"),
    structured("qr", squared_triangle, lambda shape: (3,), of_two_rows, "R({x})²", well_conditioned,
               squares=("numpy", "torch", "jax"),
               numpy="(numpy.linalg.qr({x})[1] ** 2)[tuple(" + UPPER + ")]",
               torch="(torch.linalg.qr({x})[1] ** 2)[[0, 0, 1], [0, 1, 1]]",
               jax="(jax.numpy.linalg.qr({x})[1] ** 2)[tuple(" + UPPER + ")]"),
    structured("eigvalsh", eigenvalues, lambda shape: (2,), of_two_rows, "λ(({x} + {x}ᵀ)/2)", eigenvalues_apart,
               matrix=nothing,
               numpy="numpy.linalg.eigvalsh(({x} + {x}.T) / 2)", torch="torch.linalg.eigvalsh(({x} + {x}.T) / 2)",
               jax="jax.numpy.linalg.eigvalsh(({x} + {x}.T) / 2)"),
    structured("eigh", eigenvalues, lambda shape: (2,), of_two_rows, "eigh(({x} + {x}ᵀ)/2)", eigenvalues_apart,
               matrix=nothing,
               numpy="numpy.linalg.eigh(({x} + {x}.T) / 2)[0]", torch="torch.linalg.eigh(({x} + {x}.T) / 2)[0]",
               jax="jax.numpy.linalg.eigh(({x} + {x}.T) / 2)[0]"),
    structured("svdvals", singular_values, lambda shape: (2,), of_two_rows, "σ({x})", singular_values_apart,
               numpy="numpy.linalg.svd({x}, compute_uv=False)", torch="torch.linalg.svdvals",
               jax="jax.numpy.linalg.svd({x}, compute_uv=False)"),
    structured("svd", singular_values, lambda shape: (2,), of_two_rows, "svd({x})", singular_values_apart,
               numpy="numpy.linalg.svd({x})[1]", torch="torch.linalg.svd({x})[1]", jax="jax.numpy.linalg.svd({x})[1]"),
    structured("spectral_norm", lambda xp, a: singular_values(xp, a)[0], scalar, of_two_rows, "‖{x}‖₂",
               singular_values_apart, numpy="numpy.linalg.norm({x}, 2)", torch="torch.linalg.matrix_norm({x}, 2)",
               jax="jax.numpy.linalg.norm({x}, 2)"),
    structured("nuclear_norm", lambda xp, a: xp.total(singular_values(xp, a)), scalar, of_two_rows, "‖{x}‖∗",
               singular_values_apart, numpy="numpy.linalg.norm({x}, 'nuc')",
               torch="torch.linalg.matrix_norm({x}, 'nuc')", jax="jax.numpy.linalg.norm({x}, 'nuc')"),
)  # fmt: skip
