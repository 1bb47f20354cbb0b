"""Contractions, convolutions, pooling and discrete Fourier transforms."""

from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.catalogue.contractions import matmul
from gradlaws.strategies.catalogue.fits import of_equal_shapes, of_several, of_vector_pairs, of_vectors, same
from gradlaws.strategies.catalogue.statistics import distinct, mean
from gradlaws.strategies.primitive import Parameters, Shape, structured


def of_three_or_more(shape: Shape) -> list[Parameters]:
    """Of shorter rows the transform is real."""
    return [{}] if shape and shape[-1] > 2 else []


def of_matrix_and_vector(x: Shape, y: Shape) -> list[Parameters]:
    return [{}] if len(x) == 2 and len(y) == 1 and x[1] == y[0] else []


def of_two_vectors(x: Shape, y: Shape) -> list[Parameters]:
    return [{}] if len(x) == len(y) == 1 and x[0] >= y[0] > 1 else []


def of_threes(x: Shape, y: Shape) -> list[Parameters]:
    return [{}] if x == y == (3,) else []


def of_two_matrices(x: Shape, y: Shape) -> list[Parameters]:
    return [{}] if len(x) == len(y) == 2 and x[0] >= y[0] and x[1] >= y[1] else []


def dot(xp: Any, x: Any, y: Any) -> Any:
    return xp.total(x * y)


def cross(xp: Any, x: Any, y: Any) -> Any:
    return xp.stack([x[i] * y[k] - x[k] * y[i] for i, k in ((1, 2), (2, 0), (0, 1))])


def correlate(xp: Any, x: Any, y: Any) -> Any:
    m = y.shape[0]
    return xp.stack([xp.total(x[i : i + m] * y) for i in range(x.shape[0] - m + 1)])


def convolve(xp: Any, x: Any, y: Any) -> Any:
    """The full convolution: z_k = Σ x_i y_(k−i)."""
    n, m = x.shape[0], y.shape[0]
    pairs = [[(i, k - i) for i in range(n) if 0 <= k - i < m] for k in range(n + m - 1)]
    return xp.stack([xp.total(xp.stack([x[i] * y[j] for i, j in terms])) for terms in pairs])


def correlate_2d(xp: Any, x: Any, y: Any) -> Any:
    a, b = y.shape
    rows = [
        [xp.total(xp.total(x[i : i + a, k : k + b] * y)) for k in range(x.shape[1] - b + 1)]
        for i in range(x.shape[0] - a + 1)
    ]
    return xp.stack([xp.stack(row) for row in rows]).T


def valid(x: Shape, y: Shape) -> Shape:
    return tuple(n - m + 1 for n, m in zip(x, y, strict=True))


def transform(entry: Any) -> Any:
    """x ↦ M x over the last axis, with M_jk = entry(j, k, n)."""

    def definition(xp: Any, x: Any) -> Any:
        n = x.shape[-1]
        return xp.total(x[..., None, :] * xp.matrix(lambda j, k: entry(j, k, n), n, n))

    return definition


def real_part(j: int, k: int, n: int) -> mpf:
    return mp.cospi(mpf(2 * j * k) / n)


def imaginary_part(j: int, k: int, n: int) -> mpf:
    return -mp.sinpi(mpf(2 * j * k) / n)


def dct(j: int, k: int, n: int) -> mpf:
    return 2 * mp.cospi(mpf(j * (2 * k + 1)) / (2 * n))


def hermitian_transform(xp: Any, x: Any) -> Any:
    """Of half of a Hermitian signal: X_j = Σ c_k x_k cos(πjk/(n−1)), where c is 1 at both ends and 2 between."""
    n = x.shape[-1]

    def entry(j: int, k: int) -> mpf:
        return (1 if k in (0, n - 1) else 2) * mp.cospi(mpf(j * k) / (n - 1))

    return xp.total(x[..., None, :] * xp.matrix(entry, 2 * n - 2, n))


def scatter_prod(xp: Any, x: Any, y: Any) -> Any:
    return xp.stack([x[0] * y[0] * y[2], x[1] * y[1], x[2]])


def scatter_some(xp: Any, x: Any, y: Any) -> Any:
    """Of an index shorter than the source: the rest of y is not used."""
    return xp.stack([x[0] * y[0], *(x[i] for i in range(1, x.shape[0]))])


def clipped_max(xp: Any, x: Any, y: Any) -> Any:
    """Beyond the end, at an index that is clipped to the last."""
    last = xp.ordered(xp.stack([x[-1], y[0]]))[..., 1]
    return xp.stack([*(x[i] for i in range(x.shape[0] - 1)), last])


def of_several_pairs(x: Shape, y: Shape) -> list[Parameters]:
    return [{}] if x == y and len(x) == 1 and x[0] > 1 else []


def power_spectrum(xp: Any, x: Any) -> Any:
    real, imaginary = transform(real_part)(xp, x), transform(imaginary_part)(xp, x)
    return real * real + imaginary * imaginary


FAMILY = (
    structured("dot", dot, lambda x, y: (), of_vector_pairs, "({x}·{y})", arity=2,
               numpy="numpy.dot", torch="torch.dot", jax="jax.numpy.dot"),
    structured("inner", lambda xp, x, y: matmul(xp, x, y.T) if len(y.shape) == 2 else dot(xp, x, y),
               lambda x, y: (*x[:-1], *y[:-1]), of_equal_shapes, "inner({x}, {y})", arity=2,
               numpy="numpy.inner", torch="torch.inner", jax="jax.numpy.inner"),
    structured("vdot", lambda xp, x, y: dot(xp, x, y), lambda x, y: (), of_vector_pairs, "vdot({x}, {y})", arity=2,
               numpy="numpy.vdot", torch="torch.vdot", jax="jax.numpy.vdot"),
    structured("mv", matmul, lambda x, y: x[:1], of_matrix_and_vector, "mv({x}, {y})", arity=2,
               numpy="numpy.matvec", torch="torch.mv", jax="jax.numpy.matvec"),
    structured("einsum", lambda xp, x, y: matmul(xp, x, y), lambda x, y: x[:1], of_matrix_and_vector,
               "einsum(ij,j→i, {x}, {y})", arity=2, numpy="numpy.einsum('ij,j->i', {x}, {y})",
               torch="torch.einsum('ij,j->i', {x}, {y})", jax="jax.numpy.einsum('ij,j->i', {x}, {y})"),
    structured("einsum_batched", lambda xp, x, y: xp.total(x * y), lambda x, y: x[:1],
               lambda x, y: [{}] if x == y and len(x) == 2 else [], "einsum(ij,ij→i, {x}, {y})", arity=2,
               numpy="numpy.einsum('ij,ij->i', {x}, {y})", torch="torch.einsum('ij,ij->i', {x}, {y})",
               jax="jax.numpy.einsum('ij,ij->i', {x}, {y})"),
    structured("tensordot", lambda xp, x, y: xp.total(xp.total(x * y)), lambda x, y: (),
               lambda x, y: [{}] if x == y and len(x) == 2 else [], "tensordot({x}, {y})", arity=2,
               numpy="numpy.tensordot({x}, {y}, 2)", torch="torch.tensordot({x}, {y}, 2)",
               jax="jax.numpy.tensordot({x}, {y}, 2)"),
    structured("kron", lambda xp, x, y: xp.stack([x[i] * y[k] for i in range(x.shape[0]) for k in range(y.shape[0])]),
               lambda x, y: (x[0] * y[0],), lambda x, y: [{}] if len(x) == len(y) == 1 else [], "kron({x}, {y})",
               arity=2, numpy="numpy.kron", torch="torch.kron", jax="jax.numpy.kron"),
    structured("cross", cross, lambda x, y: x, of_threes, "({x} × {y})", arity=2,
               numpy="numpy.cross", torch="torch.linalg.cross", jax="jax.numpy.cross"),
    structured("correlate", correlate, valid, of_two_vectors, "({x} ⋆ {y})", arity=2,
               numpy="numpy.correlate({x}, {y}, 'valid')",
               torch="torch.nn.functional.conv1d({x}[None, None], {y}[None, None])[0, 0]",
               jax="jax.numpy.correlate({x}, {y}, 'valid')"),
    structured("convolve", convolve, lambda x, y: (x[0] + y[0] - 1,), of_two_vectors, "({x} ∗ {y})", arity=2,
               numpy="numpy.convolve",
               torch="torch.nn.functional.conv_transpose1d({x}[None, None], {y}[None, None])[0, 0]",
               jax="jax.numpy.convolve"),
    structured("conv2d", correlate_2d, valid, of_two_matrices, "conv2d({x}, {y})", arity=2,
               torch="torch.nn.functional.conv2d({x}[None, None], {y}[None, None])[0, 0]",
               jax="jax.lax.conv({x}[None, None], {y}[None, None], (1, 1), 'VALID')[0, 0]"),
    structured("avg_pool", lambda xp, x: (x[..., 1:] + x[..., :-1]) / 2, lambda shape: (*shape[:-1], shape[-1] - 1),
               of_several, "avg_pool({x})", numpy="({x}[..., 1:] + {x}[..., :-1]) / 2",
               torch="torch.nn.functional.avg_pool1d({x}.reshape(1, -1, {x}.shape[-1]), 2, 1)"
                     ".reshape(*{x}.shape[:-1], -1)",
               jax="({x}[..., 1:] + {x}[..., :-1]) / 2"),
    structured("adaptive_avg_pool", lambda xp, x: xp.column(mean(xp, x)), lambda shape: (*shape[:-1], 1), of_several,
               "pool({x})", numpy="numpy.mean({x}, axis=-1, keepdims=True)",
               torch="torch.nn.functional.adaptive_avg_pool1d({x}.reshape(1, -1, {x}.shape[-1]), 1)"
                     ".reshape(*{x}.shape[:-1], 1)",
               jax="jax.numpy.mean({x}, axis=-1, keepdims=True)"),
    structured("max_pool",
               lambda xp, x: xp.stack([xp.ordered(x[i : i + 2])[..., -1] for i in range(x.shape[0] - 1)]),
               lambda shape: (shape[0] - 1,), of_vectors, "max_pool({x})", distinct,
               numpy="numpy.maximum({x}[1:], {x}[:-1])",
               torch="torch.nn.functional.max_pool1d({x}[None, None], 2, 1)[0, 0]",
               jax="jax.lax.reduce_window({x}, -numpy.inf, jax.lax.max, (2,), (1,), 'VALID')"),
    structured("lp_pool",
               lambda xp, x: xp.sqrt(xp.stack([xp.total(x[i : i + 2] * x[i : i + 2]) for i in range(x.shape[0] - 1)])),
               lambda shape: (shape[0] - 1,), of_vectors, "lp_pool({x})",
               lambda x: bool(np.all((x[1:] != 0) | (x[:-1] != 0)) and np.all(abs(x) < 1e15)),
               numpy="numpy.hypot({x}[1:], {x}[:-1])",
               torch="torch.nn.functional.lp_pool1d({x}[None, None], 2.0, 2, 1)[0, 0]"),
    structured("fft_real", transform(real_part), same, of_several, "Re F{x}",
               numpy="numpy.fft.fft({x}).real", torch="torch.fft.fft({x}).real", jax="jax.numpy.fft.fft({x}).real"),
    structured("fft_imaginary", transform(imaginary_part), same, of_three_or_more, "Im F{x}",
               numpy="numpy.fft.fft({x}).imag", torch="torch.fft.fft({x}).imag", jax="jax.numpy.fft.fft({x}).imag"),
    structured("power_spectrum", power_spectrum, same, of_several, "|F{x}|²",
               numpy="(lambda z: z.real ** 2 + z.imag ** 2)(numpy.fft.fft({x}))",
               torch="(lambda z: z.real ** 2 + z.imag ** 2)(torch.fft.fft({x}))",
               jax="(lambda z: z.real ** 2 + z.imag ** 2)(jax.numpy.fft.fft({x}))"),
    structured("dct", transform(dct), same, of_several, "dct({x})", numpy="scipy.fft.dct", jax="jax.scipy.fft.dct"),
    structured("scatter_prod", scatter_prod, lambda x, y: x, of_threes, "{x} with [0, 1, 0] ×← {y}", arity=2,
               numpy="{x} * numpy.array([{y}[0] * {y}[2], {y}[1], {y}.dtype.type(1)])",
               torch="torch.scatter_reduce({x}, 0, torch.tensor([0, 1, 0]), {y}, 'prod')",
               jax="{x} * jax.ops.segment_prod({y}, jax.numpy.array([0, 1, 0]), 3)"),
    structured("scatter_prod_some", scatter_some, lambda x, y: x, of_several_pairs, "{x} with [0] ×← {y}[0]", arity=2,
               torch="torch.scatter_reduce({x}, 0, torch.tensor([0]), {y}, 'prod')", jax="{x}.at[0].mul({y}[0])"),
    structured("scatter_max_clipped", clipped_max, lambda x, y: x, of_several_pairs, "{x} with [−1] max← {y}[0]",
               lambda x, y: distinct(np.stack([x[-1], y[0]])), arity=2,
               torch="torch.scatter_reduce({x}, 0, torch.tensor([{x}.shape[0] - 1]), {y}[:1], 'amax')",
               jax="{x}.at[{x}.shape[0] + 3].max({y}[0], mode='clip')"),
    structured("hfft", hermitian_transform, lambda shape: (*shape[:-1], 2 * shape[-1] - 2), of_three_or_more,
               "hfft({x})", numpy="numpy.fft.hfft", torch="torch.fft.hfft", jax="jax.numpy.fft.hfft"),
)  # fmt: skip
