"""What jax's factorisations of matrices and its Fourier transform are on a tape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.lax import FftType

from gradlaws.suite.tape.tape import Array, Kind, Unsupported
from gradlaws.suite.tracing.call import JaxCall, JaxLowering, symmetrised

COMPLEX = {"float32": "complex64", "complex64": "complex64"}


def real(call: JaxCall) -> Kind:
    """The kind of the matrix. Raises Unsupported if it is complex."""
    kind = call.to.kinds[call.arguments[0]]
    if kind.is_complex:
        raise Unsupported(f"{call.origin} of complex matrices has no declaration")
    return kind


def signs_at_largest(vectors: Any) -> Array:
    """Of each column, the sign of its largest entry: what the tape makes positive."""
    found = np.asarray(vectors, dtype=np.float64)
    at = np.argmax(abs(found), axis=-2)[..., None, :]
    return np.asarray(np.where(np.take_along_axis(found, at, -2) < 0, -1.0, 1.0))


def signed(call: JaxCall, value: int, signs: Array) -> int:
    kind = call.to.kinds[value]
    return call.before("mul", kind.shape, value, call.to.constant(signs, kind.dtype))


def cholesky(call: JaxCall) -> list[int]:
    real(call)
    return call.emit("cholesky", symmetrised(call, call.arguments[0], call.values()[0], lower=True))


def eigh(call: JaxCall) -> list[int]:
    """Vectors, with the signs that jax has chosen, and values."""
    kind = real(call)
    if call.kinds[0].shape != kind.shape:
        raise Unsupported(f"{call.origin} has no declaration with subset_by_index")
    matrix = symmetrised(call, call.arguments[0], call.values()[0], call.parameters["lower"])
    vectors, values = call.emit("eigh", matrix, lower=call.parameters["lower"])
    return [signed(call, vectors, signs_at_largest(call.at_point()[0])), values]


def svd(call: JaxCall) -> list[int]:
    """S, U and Vᵀ without the vectors that no singular value belongs to."""
    *batch, rows, columns = real(call).shape
    k, dtype = min(rows, columns), call.kinds[0].dtype
    if call.kinds[0].shape[-1] != k:
        raise Unsupported(f"{call.origin} has no declaration with subset_by_index")
    if call.parameters["full_matrices"] and call.parameters["compute_uv"] and rows != columns:
        raise Unsupported(f"{call.origin} has no declaration with full_matrices")
    kinds = [Kind(shape, dtype) for shape in ((*batch, rows, k), (*batch, k), (*batch, k, columns))]
    left, values, right = call.to.emit("svd", call.arguments, kinds, call.origin)
    if not call.parameters["compute_uv"]:
        return [values]
    signs = signs_at_largest(call.at_point()[1])
    return [values, signed(call, left, signs), signed(call, right, np.swapaxes(signs, -1, -2))]


def qr(call: JaxCall) -> list[int]:
    """Householder's, whose signs LAPACK has."""
    *batch, rows, columns = real(call).shape
    dtype, p = call.kinds[0].dtype, call.parameters
    if p.get("pivoting"):
        raise Unsupported(f"{call.origin} has no declaration with pivoting")
    k, width = min(rows, columns), call.kinds[0].shape[-1]
    kinds = [Kind((*batch, rows, columns), dtype), Kind((*batch, k), dtype)]
    reflectors, weights = call.to.emit("geqrf", call.arguments, kinds, call.origin)
    zero = call.to.constant(np.zeros((*batch, rows, columns)), dtype)
    above = call.to.constant(np.triu(np.ones((rows, columns), dtype=bool)), "bool")
    above = call.to.one("broadcast", [above], Kind((*batch, rows, columns), "bool"), call.origin,
                        shape=(*batch, rows, columns), dimensions=(len(batch), len(batch) + 1))  # fmt: skip
    upper = call.to.one("select", [above, zero, reflectors], kinds[0], call.origin)
    upper = leading(call, upper, call.kinds[1].shape)
    basis = leading(call, reflectors, (*batch, rows, min(width, columns)))
    if width > columns:
        none = (0,) * (len(batch) + 2)
        nothing = call.to.constant(np.zeros(()), dtype)
        basis = call.before("pad", (*batch, rows, width), basis, nothing, low=none, interior=none,
                            high=(*none[1:], width - columns))  # fmt: skip
    return [call.before("householder_product", (*batch, rows, width), basis, weights), upper]


def leading(call: JaxCall, value: int, shape: Sequence[int]) -> int:
    """The first entries along each axis."""
    if call.to.kinds[value].shape == tuple(shape):
        return value
    zeros, ones = (0,) * len(shape), (1,) * len(shape)
    return call.before("slice", tuple(shape), value, starts=zeros, stops=tuple(shape), strides=ones)


def of_real(operation: str, **parameters: str) -> JaxLowering:
    """Of real matrices; ``parameters`` by the names that jax has for them."""

    def lowering(call: JaxCall) -> list[int]:
        real(call)
        return call.emit(operation, **{own: call.parameters[name] for own, name in parameters.items()})

    return lowering


def transform(call: JaxCall, value: int, axes: Sequence[int], forward: bool) -> int:
    """Along one axis after the other, into complex numbers."""
    kind = call.to.kinds[value]
    dtype = COMPLEX.get(kind.dtype, "complex128")
    for axis in axes:
        value = call.to.one("fourier", [value], Kind(kind.shape, dtype), call.origin, axis=axis, forward=forward)
    return value


def fourier(call: JaxCall) -> list[int]:
    lengths, which = call.parameters["fft_lengths"], FftType(int(call.parameters["fft_type"]))
    x, shape = call.arguments[0], call.shape(0)
    axes = range(len(shape) - len(lengths), len(shape))
    if which == FftType.RFFT:  # of which the first half says the other
        return [leading(call, transform(call, x, axes, True), call.kinds[0].shape)]
    if which == FftType.FFT:
        return [transform(call, x, axes, True)]
    if which == FftType.IFFT:
        return divided(call, transform(call, x, axes, False), math.prod(lengths))
    return divided(call, from_half(call, transform(call, x, axes[:-1], False), lengths[-1]), math.prod(lengths))


def divided(call: JaxCall, value: int, n: int) -> list[int]:
    kind = call.to.kinds[value]
    whole = np.asarray(n, dtype=np.complex128 if kind.is_complex else np.float64)
    return call.emit("div", value, call.to.constant(whole, kind.dtype))


def from_half(call: JaxCall, value: int, n: int) -> int:
    """The transform, along the last axis, of that half and the conjugate of it in reverse: a real one."""
    kind = call.to.kinds[value]
    last = len(kind.shape) - 1

    def cut(start: int, stop: int) -> int:
        starts = (*(0 for _ in range(last)), start)
        shape = (*kind.shape[:-1], stop - start)
        stops = (*kind.shape[:-1], stop)
        return call.before("slice", shape, value, starts=starts, stops=stops, strides=(1,) * (last + 1))

    mirrored = cut(1, (n + 1) // 2)
    shape = call.to.kinds[mirrored].shape
    mirrored = call.before("conjugate", shape, call.before("flip", shape, mirrored, axes=(last,)))
    whole = (*kind.shape[:-1], n)
    both = call.before("concatenate", whole, cut(0, n // 2 + 1), mirrored, axis=last)
    both = transform(call, both, [last], False)
    return call.to.one("real", [both], call.kinds[0], call.origin)


LOWERED: dict[str, JaxLowering] = {
    "cholesky": cholesky,
    "triangular_solve": of_real(
        "triangular_solve", left="left_side", lower="lower", transposed="transpose_a", unit="unit_diagonal"
    ),
    "lu": of_real("lu"),
    "geqrf": of_real("geqrf"),
    "householder_product": of_real("householder_product"),
    "eigh": eigh,
    "svd": svd,
    "qr": qr,
    "tridiagonal_solve": of_real("tridiagonal_solve"),
    "fft": fourier,
}
