"""ATen's factorisations of matrices and what is solved by them. Of real matrices: complex ones are not declared."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch

from gradlaws.suite.tape.tape import Array, Kind, Unsupported
from gradlaws.suite.tracing.call import symmetrised
from gradlaws.suite.tracing.torch_call import TorchCall, TorchLowering, Value, array_of
from gradlaws.suite.tracing.torch_reductions import reduce
from gradlaws.suite.tracing.torch_shapes import broadcast, cut, reshape, transpose


def of_real(lowering: TorchLowering) -> TorchLowering:
    @functools.wraps(lowering)
    def checked(call: TorchCall) -> list[int]:
        if any(kind.is_complex for kind in call.kinds):
            raise Unsupported(f"{call.origin} has no declaration for complex matrices")
        return lowering(call)

    return checked


def matrix_transpose(call: TorchCall, value: int) -> Value:
    rank = len(call.kind_of(value).shape)
    return transpose(call, value, (*range(rank - 2), rank - 1, rank - 2))


def triangle(call: TorchCall, value: int, upper: bool, offset: int = 0) -> Value:
    """The entries on that side of a diagonal, and zeros."""
    shape = call.kind_of(value).shape
    kept = (np.triu if upper else np.tril)(np.ones(shape[-2:], dtype=bool), offset)
    return call.one("select", shape, call.to.constant(kept, "bool"), call.constant(0.0), value)


def identity(call: TorchCall, n: int) -> Value:
    return Value(call.to.constant(np.eye(n), call.kind.dtype))


def solve_triangular(
    call: TorchCall, a: int, b: int, *, lower: bool, left: bool = True, transposed: bool = False, unit: bool = False
) -> Value:
    """Batches broadcast."""
    shapes = [call.kind_of(v).shape for v in (a, b)]
    batch = np.broadcast_shapes(*(shape[:-2] for shape in shapes))
    a, b = (broadcast(call, v, (*batch, *shape[-2:])) for v, shape in zip((a, b), shapes, strict=True))
    return call.one(
        "triangular_solve", call.kind_of(b).shape, a, b, left=left, lower=lower, transposed=transposed, unit=unit
    )


def symmetric(call: TorchCall, value: int, lower: bool) -> Value:
    return Value(symmetrised(call, value, array_of(call.tensor(value)), lower))


def cholesky(call: TorchCall) -> list[int]:
    """Of the triangle that is asked for."""
    a = symmetric(call, call.parameters["self"], not call["upper"])
    if not call["upper"]:
        return [call.one("cholesky", call.kind.shape, a)]
    return [matrix_transpose(call, call.one("cholesky", call.kind.shape, matrix_transpose(call, a)))]


def factor(call: TorchCall, a: int) -> tuple[Value, Value, Value]:
    """L and U in one matrix, pivots as LAPACK counts them, from 1, and the permutation."""
    *batch, rows, columns = call.kind_of(a).shape
    kinds = [
        Kind((*batch, rows, columns), call.kind_of(a).dtype),
        Kind((*batch, min(rows, columns)), "int32"),
        Kind((*batch, rows), "int32"),
    ]
    found, swaps, permutation = call.to.emit("lu", [a], kinds, call.origin)
    pivots = call.one("add", kinds[1].shape, swaps, call.constant(1, "int32"), of="int32")
    return Value(found), pivots, Value(permutation)


def lu_factor(call: TorchCall) -> list[int]:
    return list(factor(call, call.arguments[0])[:2])


def kept_factors(call: TorchCall, place: int) -> tuple[Value, Value, Value, bool]:
    """Of the matrix, or of its transpose, which torch takes where rows lie together (LAPACK wants columns) and which
    its backward counts on. Which of them, the factors say that are its results from that place on."""
    a = call.parameters["A"]
    own, lu, pivots = (t.detach().double() for t in (call.tensor(a), *call.results[place : place + 2]))
    product = (torch.eye(lu.shape[-1], dtype=lu.dtype) + lu.tril(-1)) @ lu.triu()
    order = torch.as_tensor(permuted_rows(pivots.int().numpy(), lu.shape[-1]))[..., None].expand(lu.shape)
    errors = [float((m.gather(-2, order) - product).abs().sum()) for m in (own, own.mT)]
    turned = errors[1] < errors[0]
    return *factor(call, matrix_transpose(call, a) if turned else a), turned


def lu_unpacked(call: TorchCall, lu: int) -> tuple[Value, Value]:
    *_, rows, columns = call.kind_of(lu).shape
    k = min(rows, columns)
    rank = len(call.kind_of(lu).shape)
    lower = triangle(call, cut(call, lu, rank - 1, 0, k), False, -1)
    eye = Value(call.to.constant(np.eye(rows, k), call.kind.dtype))
    upper = triangle(call, cut(call, lu, rank - 2, 0, k), True)
    return call.one("add", call.kind_of(lower).shape, lower, eye), upper


def unpack(call: TorchCall) -> list[int]:
    """P, L and U; P is torch's own."""
    lower, upper = lu_unpacked(call, call.parameters["LU_data"])
    return [call.constant_like(0), lower, upper]


def factors(call: TorchCall) -> list[int]:
    lower, upper = lu_unpacked(call, factor(call, call.parameters["A"])[0])
    return [call.constant_like(0), lower, upper]


def permuted_rows(pivots: Array, rows: int) -> Array:
    """The order of rows that pivots make, for each of a batch."""
    flat = pivots.reshape(-1, pivots.shape[-1])
    found = np.tile(np.arange(rows), (len(flat), 1))
    for order, swaps in zip(found, flat, strict=True):
        for k, pivot in enumerate(swaps):
            order[[k, pivot - 1]] = order[[pivot - 1, k]]
    return found.reshape(*pivots.shape[:-1], rows)


def take_rows(call: TorchCall, value: int, order: Array) -> Value:
    """Rows of each matrix in an order of its own."""
    shape = call.kind_of(value).shape
    places = np.broadcast_to(order[..., None], shape)
    return call.one("take_along", shape, value, call.to.constant(places, "int64"), axis=len(shape) - 2)


def solve_factored(call: TorchCall, lu: int, order: Array, b: int, transposed: bool) -> Value:
    """A X = B or Aᵀ X = B, where rows ``order`` of A are L U."""
    batch = np.broadcast_shapes(call.kind_of(lu).shape[:-2], call.kind_of(b).shape[:-2])
    b = broadcast(call, b, (*batch, *call.kind_of(b).shape[-2:]))
    if not transposed:
        half = solve_triangular(call, lu, take_rows(call, b, order), lower=True, unit=True)
        return solve_triangular(call, lu, half, lower=False)
    half = solve_triangular(call, lu, b, lower=False, transposed=True)
    whole = solve_triangular(call, lu, half, lower=True, transposed=True, unit=True)
    return take_rows(call, whole, np.argsort(order, axis=-1))


def solve_either_side(call: TorchCall, lu: int, order: Array, b: int, left: bool, transposed: bool) -> Value:
    if left:
        return solve_factored(call, lu, order, b, transposed)
    return matrix_transpose(call, solve_factored(call, lu, order, matrix_transpose(call, b), not transposed))


def lu_solve(call: TorchCall) -> list[int]:
    lu, pivots = call.parameters["LU"], call.parameters["pivots"]
    order = permuted_rows(call.tensor(pivots).numpy(), call.kind_of(lu).shape[-1])
    return [solve_either_side(call, lu, order, call.parameters["B"], call["left"], call["adjoint"])]


def solve(call: TorchCall) -> list[int]:
    """_linalg_solve_ex: the result, and the factors that its backward uses."""
    b = call.parameters["B"]
    lu, pivots, _, turned = kept_factors(call, 1)
    vector = len(call.kind_of(b).shape) < len(call.kind_of(lu).shape)
    if vector:
        b = reshape(call, b, (*call.kind_of(b).shape, 1))
    order = permuted_rows(call.results[2].numpy(), call.kind_of(lu).shape[-1])
    found = solve_either_side(call, lu, order, b, call["left"] or vector, turned)
    return [reshape(call, found, call.kind.shape), lu, pivots]


def inverse(call: TorchCall) -> list[int]:
    a = call.arguments[0]
    lu = factor(call, a)[0]
    order = permuted_rows(torch.linalg.lu_factor(call.tensor(a))[1].numpy(), call.kind.shape[-1])
    eye = broadcast(call, identity(call, call.kind.shape[-1]), call.kind.shape)
    return [solve_factored(call, lu, order, eye, False)]


def parity(pivots: Array) -> Array:
    """±1: of the permutation."""
    moved = pivots != np.arange(1, pivots.shape[-1] + 1)
    return np.asarray(1.0 - 2.0 * (moved.sum(-1) % 2))


def diagonal(call: TorchCall, value: int) -> Value:
    *batch, rows, columns = call.kind_of(value).shape
    shape, first = (*batch, min(rows, columns)), len(batch)
    return call.one("diagonal", shape, value, offset=0, axis1=first, axis2=first + 1)


def determinant(call: TorchCall) -> list[int]:
    lu, pivots, *_ = kept_factors(call, 1)
    size = call.to.constant(parity(call.results[2].numpy()), call.kind.dtype)
    product = reduce(call, "reduce_product", diagonal(call, lu), (len(call.kind.shape),))
    return [call.one("mul", call.kind.shape, product, size), lu, pivots]


def log_determinant(call: TorchCall) -> list[int]:
    """The sign, log |det|, and the factors."""
    lu, pivots, *_ = kept_factors(call, 2)
    entries, shape, axis = diagonal(call, lu), call.kind.shape, (len(call.kind.shape),)
    size = call.to.constant(parity(call.results[3].numpy()), call.kind.dtype)
    signs = reduce(call, "reduce_product", call.one("sign", call.kind_of(entries).shape, entries), axis)
    logarithms = call.one("log", call.kind_of(entries).shape, call.one("abs", call.kind_of(entries).shape, entries))
    return [call.one("mul", shape, signs, size), reduce(call, "reduce_sum", logarithms, axis), lu, pivots]


def triangular(call: TorchCall) -> list[int]:
    """linalg_solve_triangular(self, B)."""
    a, b = call.parameters["self"], call.parameters["B"]
    return [solve_triangular(call, a, b, lower=not call["upper"], left=call["left"], unit=call["unitriangular"])]


def old_triangular(call: TorchCall) -> list[int]:
    """triangular_solve(self, A): A X = self; and a copy of A."""
    a, b = call.parameters["A"], call.parameters["self"]
    options = {"transposed": call["transpose"], "unit": call["unitriangular"]}
    return [solve_triangular(call, a, b, lower=not call["upper"], **options), a]


def solve_by_factor(call: TorchCall, factored: int, b: int) -> Value:
    """Of L Lᵀ X = B, or Uᵀ U X = B, as "upper" says."""
    upper = bool(call["upper"])
    half = solve_triangular(call, factored, b, lower=not upper, transposed=upper)
    return solve_triangular(call, factored, half, lower=not upper, transposed=not upper)


def solve_by_cholesky(call: TorchCall) -> list[int]:
    """cholesky_solve(self, input2): L Lᵀ X = self, or Uᵀ U."""
    b, factored = call.arguments
    return [solve_by_factor(call, factored, b)]


def inverse_by_cholesky(call: TorchCall) -> list[int]:
    eye = broadcast(call, identity(call, call.kind.shape[-1]), call.kind.shape)
    return [solve_by_factor(call, call.arguments[0], eye)]


def qr(call: TorchCall) -> list[int]:
    """Householder's, whose signs LAPACK has."""
    a, mode = call.parameters["A"], call["mode"]
    *batch, rows, columns = call.kind_of(a).shape
    k, rank = min(rows, columns), len(batch) + 2
    kinds = [call.kind_of(a), Kind((*batch, k), call.kind.dtype)]
    reflectors, weights = call.to.emit("geqrf", [a], kinds, call.origin)
    upper = triangle(call, reflectors, True)
    if mode != "complete":
        upper = cut(call, upper, rank - 2, 0, k)
    if mode == "r":
        return [call.constant_like(0), upper]
    width = rows if mode == "complete" else k
    basis = cut(call, reflectors, rank - 1, 0, min(width, columns))
    if width > columns:
        none = (0,) * rank
        basis = call.one(
            "pad", (*batch, rows, width), basis, call.constant(0.0), low=none, interior=none,
            high=(*none[1:], width - columns),
        )  # fmt: skip
    return [call.one("householder_product", (*batch, rows, width), basis, weights), upper]


def reflected(call: TorchCall) -> list[int]:
    a, weights = call.arguments
    return [call.one("householder_product", call.kind.shape, a, weights)]


def signs_at_largest(vectors: torch.Tensor) -> Array:
    """Of each column, the sign of its largest entry: what the tape makes positive."""
    found = vectors.detach().double().numpy()
    at = np.argmax(abs(found), axis=-2)[..., None, :]
    return np.asarray(np.where(np.take_along_axis(found, at, -2) < 0, -1.0, 1.0))


def signed(call: TorchCall, value: int, signs: Array) -> Value:
    return call.one("mul", call.kind_of(value).shape, value, call.to.constant(signs, call.kind.dtype))


def eigh(call: TorchCall) -> list[int]:
    """Values, and vectors with the signs that torch has chosen."""
    a = symmetric(call, call.parameters["A"], call["UPLO"] == "L")
    kinds = [call.kind_of(a), Kind(call.kinds[0].shape, call.kind.dtype)]
    vectors, values = call.to.emit("eigh", [a], kinds, call.origin, lower=call["UPLO"] == "L")
    if not call["compute_v"]:
        return [values]
    return [values, signed(call, vectors, signs_at_largest(call.results[1]))]


def svd(call: TorchCall) -> list[int]:
    """U, S and Vᵀ without the vectors that no singular value belongs to."""
    a = call.parameters["A"]
    *batch, rows, columns = call.kind_of(a).shape
    k = min(rows, columns)
    if call["full_matrices"] and call["compute_uv"] and rows != columns:
        raise Unsupported(f"{call.origin} has no declaration with full_matrices")
    kinds = [Kind(shape, call.kind.dtype) for shape in ((*batch, rows, k), (*batch, k), (*batch, k, columns))]
    left, values, right = call.to.emit("svd", [a], kinds, call.origin)
    if not call["compute_uv"]:
        return [call.constant_like(0), values, call.constant_like(2)]
    signs = signs_at_largest(call.results[0])
    return [signed(call, left, signs), values, signed(call, right, np.swapaxes(signs, -1, -2))]


_REAL: dict[str, Callable[[TorchCall], list[int]]] = {
    "aten.linalg_cholesky_ex": cholesky,
    "aten.cholesky": cholesky,
    "aten.linalg_lu_factor_ex": lu_factor,
    "aten.linalg_lu": factors,
    "aten.lu_unpack": unpack,
    "aten.linalg_lu_solve": lu_solve,
    "aten._linalg_solve_ex": solve,
    "aten.linalg_inv_ex": inverse,
    "aten._linalg_det": determinant,
    "aten._linalg_slogdet": log_determinant,
    "aten.linalg_solve_triangular": triangular,
    "aten.triangular_solve": old_triangular,
    "aten.cholesky_solve": solve_by_cholesky,
    "aten._cholesky_solve_helper": solve_by_cholesky,
    "aten.cholesky_inverse": inverse_by_cholesky,
    "aten.linalg_qr": qr,
    "aten.linalg_householder_product": reflected,
    "aten._linalg_eigh": eigh,
    "aten._linalg_svd": svd,
}
LOWERED: dict[str, TorchLowering] = {name: of_real(lowering) for name, lowering in _REAL.items()}
