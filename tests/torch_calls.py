"""Small calls of torch with awkward shapes, one a line: what is called, and on what.

An argument is its letter, its kind and its shape: f any float, p a positive one, u between −0.9 and 0.9, i integers
from 0 to 2, b booleans, c complex numbers, s a positive definite matrix, l a lower triangle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

CALLS: dict[str, str] = {}


def listed(table: str) -> None:
    for line in table.strip().splitlines():
        call, _, arguments = line.partition("  # ")
        CALLS[call.strip()] = arguments.strip()


def arguments(spec: str, seed: int = 0) -> tuple[list[str], list[torch.Tensor]]:
    rng = np.random.default_rng(seed)
    names, tensors = [], []
    for item in spec.split():
        letter, _, kind = item.partition("=")
        names.append(letter)
        shape = tuple(int(n) for n in kind[1:].split("x")) if kind[1:] else ()
        tensors.append(torch.tensor(values(kind[0], shape, rng)))
    return names, tensors


def values(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    if kind == "i":
        return rng.integers(0, 3, shape)
    if kind == "b":
        return rng.random(shape) > 0.5
    if kind == "s":
        root = rng.standard_normal(shape)
        return root @ np.swapaxes(root, -1, -2) + np.eye(shape[-1])
    if kind == "l":
        return np.tril(rng.standard_normal(shape)) + 3 * np.eye(shape[-1])
    if kind == "c":
        return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return {"f": rng.standard_normal, "p": lambda s: rng.uniform(0.3, 2.5, s),
            "u": lambda s: rng.uniform(-0.9, 0.9, s)}[kind](shape)  # fmt: skip


def function(call: str, names: list[str]) -> Callable[..., Any]:
    made: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {call}", SCOPE)
    return made


def written(x: torch.Tensor, *steps: Callable[[torch.Tensor], Any]) -> torch.Tensor:
    """A copy, written into."""
    own = x.clone()
    for step in steps:
        step(own)
    return own


SCOPE = {"torch": torch, "F": F, "aten": torch.ops.aten, "prims": torch.ops.prims, "np": np, "written": written,
         "inf": float("inf")}  # fmt: skip

listed("""
torch.add(x, y, alpha=-2.5)  # x=f2x1x3 y=f4x1
torch.add(x, 3)  # x=f
x + i  # x=f3x2 i=i2
x - b.to(x.dtype)  # x=f3 b=b3
torch.sub(x, y, alpha=3)  # x=f0x3 y=f3
torch.rsub(x, 2.5)  # x=f2x2
1 - x  # x=f5
x * y  # x=f1x3x1x2x1 y=f2x1x4x1x3
x / y  # x=f3 y=p2x3
2 / x  # x=p3
i / 3 * x  # i=i3 x=f3
torch.div(x, y, rounding_mode="floor") * x  # x=f4 y=p4
torch.div(x, y, rounding_mode="trunc") * x  # x=f4 y=p4
torch.div(i, 2, rounding_mode="floor") * x  # i=i4 x=f4
torch.div(i, 2, rounding_mode="trunc") * x  # i=i4 x=f4
i // 2 * x  # i=i4 x=f4
x // y + x  # x=f4 y=p4
torch.remainder(x, y)  # x=f5 y=p5
i % 2 * x  # i=i5 x=f5
torch.fmod(x, y)  # x=f5 y=p5
x.pow(3) + x.pow(-2) + x.pow(0)  # x=p4
x.pow(0.5) + x.pow(-0.5) + x.pow(2.5)  # x=p4
2.0 ** x  # x=f4
x ** y  # x=p4 y=f2x1
x.square() + x.reciprocal()  # x=p3
-x + abs(x) + x.sign()  # x=f4
x.exp() + x.exp2() + x.expm1() + x.sigmoid()  # x=f4
x.log() + x.log2() + x.log10() + x.log1p() + x.sqrt() + x.rsqrt()  # x=p4
x.sin() + x.cos() + x.tan() + x.sinh() + x.cosh() + x.tanh()  # x=u4
x.asin() + x.acos() + x.atan() + x.asinh() + x.atanh()  # x=u4
(x + 1).acosh()  # x=p4
torch.atan2(x, y) + torch.hypot(x, y)  # x=f4 y=f4
x.erf() + x.erfc() + x.erfinv()  # x=u4
x.lgamma() + x.digamma()  # x=p4
torch.polygamma(1, x) + torch.polygamma(2, x)  # x=p3
aten.special_polygamma(1, x)  # x=p3
torch.mvlgamma(x + 2, 3)  # x=p3
torch.special.i0(x) + torch.special.i0e(x) + torch.special.i1(x) + torch.special.i1e(x)  # x=f4
torch.special.entr(x) + torch.special.xlogy(x, y) + torch.special.xlog1py(x, y)  # x=p4 y=p4
torch.special.erfcx(x) + torch.special.ndtri(x.abs()) + torch.special.log_ndtr(x) + torch.special.ndtr(x)  # x=u4
torch.special.zeta(x + 1.5, y) * y  # x=p2 y=p2
torch.logaddexp(x, y) + torch.logaddexp2(x, y)  # x=f4 y=f3x1
torch.special.sinc(x) + torch.logit(x.abs()) + torch.nan_to_num(x)  # x=u4
torch.igamma(2.5 * torch.ones_like(x), x) + torch.igammac(1.5 * torch.ones_like(x), x)  # x=p3
torch.special.bessel_j0(i * 0.7) + torch.special.bessel_j1(i * 0.7) + x  # i=i3 x=f3
torch.special.bessel_y0(x.detach()) + torch.special.bessel_y1(x.detach()) + x  # x=p3
torch.special.modified_bessel_i0(x.detach()) + torch.special.modified_bessel_i1(x.detach()) + x  # x=p3
torch.special.modified_bessel_k0(x.detach()) + torch.special.modified_bessel_k1(x.detach()) + x  # x=p3
torch.special.spherical_bessel_j0(x.detach()) + torch.special.airy_ai(x.detach()) + x  # x=p3
torch.special.bessel_j0(x.detach()) + torch.special.bessel_j1(x.detach()) + x  # x=p3
x.floor() + x.ceil() + x.trunc() + x.round() + x.frac()  # x=f5
torch.maximum(x, y) * torch.minimum(x, y)  # x=f4 y=f2x4
torch.fmax(x, y) * torch.fmin(x, y)  # x=f4 y=f4
x.clamp(-0.5, 0.5) * x.clamp_min(0.1) + x.clamp_max(y)  # x=f6 y=f
torch.clamp(x, min=y) + x.clamp(max=0.2)  # x=f4 y=f3x1
x.relu() + F.leaky_relu(x) + F.elu(x) + F.celu(x, 1.3) + F.selu(x) + F.hardtanh(x)  # x=f6
F.gelu(x) + F.gelu(x, approximate="tanh") + F.silu(x) + F.mish(x) + F.softplus(x, 2) + F.logsigmoid(x)  # x=f6
F.hardswish(x) + F.hardsigmoid(x) + F.softshrink(x) + F.hardshrink(x) + F.tanhshrink(x) + F.softsign(x)  # x=f6
F.relu6(5 * x) + F.threshold(x, 0.1, 2.0) + F.glu(x, 0).repeat(2)  # x=f6
F.prelu(x, y) + F.rrelu(x)  # x=f2x3 y=f3
torch.where(x > y, x * y, x.exp())  # x=f4 y=f3x1
torch.where(b, x, 2.0)  # b=b4 x=f4
torch.where((x < 0) | ((x >= 1) & (x != 2)) ^ (x <= y), x, y)  # x=f5 y=f5
torch.where(torch.logical_and(x > 0, ~b), x, 0) + torch.logical_or(x, b) * x  # x=f5 b=b5
torch.logical_xor(x, b) * x + torch.logical_not(x) * x + (x == y) * x  # x=f5 b=b5 y=f5
((i & 1) + (i | 1) + (i ^ 1) + (i << 1) + (i >> 1) + ~i) * x  # i=i5 x=f5
aten.__and__(i, i) * x + aten.__or__(i, i) * x + aten.__xor__(i, i) * x  # i=i3 x=f3
torch.isnan(x) * x + torch.isinf(x) * x + torch.isfinite(x) * x  # x=f3
torch.copysign(x, y)  # x=f5 y=f5
x.to(torch.float32).to(torch.float64) * 1.5  # x=f3
x.to(torch.complex128) * (1 + 2j)  # x=f3
i.to(x.dtype) * x  # i=i3 x=f3
x.type_as(y).double() + y  # x=f3 y=f3
aten.copy(x, y) + aten.fill(x, 2.0) + aten.zero(x)  # x=f2x3 y=f3
torch.lerp(x, y, 0.3) + torch.addcmul(x, x, y, value=2) + torch.addcdiv(x, y, x.abs() + 1)  # x=f4 y=f4
torch.complex(x, y) * 1j  # x=f3 y=f3
(z * z.conj()).real + (z * z).imag  # z=c3
z.abs() + (z.exp() * z.sin()).real + z.angle()  # z=c3
torch.view_as_real(z * z)  # z=c2x2
torch.view_as_complex(x)  # x=f3x2
z.sgn() + aten.conj_physical(z) + z.reciprocal()  # z=c3
x.angle() + x.sgn()  # x=f4
(z @ z.mH) + torch.vdot(z[0], z[1])  # z=c2x3
prims.sub(x, y) + prims.add(x, y) + prims.div(x, y) + prims.mul(x, y)  # x=f3 y=p3
prims.pow(x, y) + prims.remainder(x, y) + prims.fmod(x, y) + prims.atan2(x, y) + prims.hypot(x, y)  # x=p3 y=p3
prims.where(prims.lt(x, y), prims.neg(x), prims.abs(y))  # x=f3 y=f3
prims.cbrt(x) + prims.erf_inv(x / 3) + prims.round(x) + prims.clone(x)  # x=p3
prims.bessel_i0(x) + prims.bessel_i1(x) + prims.bessel_i0e(x) + prims.bessel_i1e(x)  # x=p3
prims.bessel_j0(x) + prims.bessel_j1(x) + prims.spherical_bessel_j0(x)  # x=p3
prims.erfcx(x) + prims.ndtri(x / 3) + prims.zeta(x + 1, x)  # x=p3
prims.convert_element_type(x, torch.float64) + prims.isfinite(x) * x  # x=f3
prims.real(z) + prims.imag(z) + prims.real(prims.conj(z))  # z=c3
prims.transpose(x, [1, 0]) + prims.sum(y, [0])  # x=f2x3 y=f4x3x2
prims.amax(x, [0]) + prims.amin(x, [0]) + prims.prod(x, [0]) + prims.var(x, [0], 1.0)  # x=f4x3
prims.reshape(x, [3, 2]) + prims.squeeze(y, [0]) + prims.broadcast_in_dim(w, [3, 2], [1])  # x=f2x3 y=f1x3x2 w=f2
prims.collapse_view(x, 0, 1) + prims.collapse_view(prims.split_dim(y, 0, 2), 0, 1)  # x=f2x3 y=f6
(prims.shift_left(i, i) + prims.shift_right_arithmetic(i, i) + prims.bitwise_not(i)) * x  # i=i3 x=f3
torch.native_dropout(x, 0.5, False)[0] + F.dropout(x, 0.3, False)  # x=f4
""")
listed("""
x.view(3, 4).reshape(2, 6) + x.flatten().view_as(y) + y  # x=f2x2x3 y=f2x6
""".replace("x.flatten().view_as(y)", "x.flatten().reshape(2, 6).view_as(y)"))
listed("""
x.expand(3, -1, 4, 2) * y  # x=f5x1x2 y=f5x4x2
x.permute(2, 0, -2) + x.transpose(0, -1).transpose(1, 2)  # x=f2x3x4
x.t() + x.mT + x.T  # x=f2x3
x.squeeze(1).unsqueeze(-1) + x.squeeze()[..., None] + aten.squeeze.dims(x, [1, 2]).unsqueeze(2)  # x=f3x1x1
x[1:7:2, -2:] + x[::3][:3, :2]  # x=f9x4
x[-1] + x[..., 2] + x.select(1, -2)  # x=f3x3
x.narrow(1, 1, 2) + x.unfold(1, 2, 1)[..., 0]  # x=f2x3
x.unfold(0, 3, 2) @ y  # x=f8x2 y=f3
x.as_strided((3, 2, 2), (2, 1, 3), 1) * y  # x=f3x4 y=f2
x.t().as_strided((2, 3), (1, 2)) + x[1:].as_strided((2, 3), (3, 1))  # x=f3x4
x.diagonal(1).sum() + torch.diag(x, -1) + y.diag().trace() + y.diag_embed().sum()  # x=f3x3 y=f4
torch.diagonal(x, -1, 0, 2)  # x=f3x2x4
torch.cat([x, y, x], -1) + torch.hstack([x, y, x])  # x=f2x3 y=f2x0
torch.cat([x, i])  # x=f3 i=i2
torch.stack([x, y], 1) + torch.stack([x, y], -2)  # x=f2x3 y=f2x3
aten.stack([x, y], 0)[0]  # x=f2 y=f2
sum(p.sum() * k for k, p in enumerate(torch.split(x, 2, 1)))  # x=f2x5
sum(p.sum() * k for k, p in enumerate(torch.split(x, [1, 4], -1)))  # x=f2x5
sum(p.sum() * k for k, p in enumerate(torch.chunk(x, 3))) + sum(x.unbind(0)).sum()  # x=f5x2
F.pad(x, (1, -1, 0, 2), value=1.5)  # x=f3x4
F.pad(x, (2, 1), mode="reflect") + F.pad(x, (2, 1), mode="replicate") + F.pad(x, (2, 1), mode="circular")  # x=f1x2x4
F.pad(x, (1, 2, 2, 0), mode="reflect") + F.pad(x, (1, 2, 2, 0), mode="replicate")  # x=f1x2x4x3
F.pad(x, (1, 1, 0, 1, 1, 0), mode="replicate") + F.pad(x, (1, 1, 0, 1, 1, 0), mode="reflect")  # x=f1x1x2x2x3
x.repeat(2, 1, 3) + x.repeat_interleave(3, 1).repeat(2, 1, 1)  # x=f2x4
x.flip(0, -1) + x.flip(()) + x.roll(1) + x.roll((1, -2), (0, 1)) + x.rot90(2)  # x=f3x4
x.tril(-1) + x.triu(1) * x.triu()  # x=f2x3x4
torch.kron(x, y) + torch.block_diag(x, y)[:4, :4]  # x=f2x2 y=f2x2
torch.movedim(x, 0, -1) + torch.swapaxes(x, 0, 2).transpose(0, 1)  # x=f2x3x2
x.unflatten(1, (2, -1)).sum(1) + x.flatten()[:6].view(3, 2)  # x=f3x4
F.pixel_shuffle(x, 2) + F.pixel_unshuffle(y, 2).mean()  # x=f1x4x2x3 y=f1x1x4x4
F.unfold(x, (2, 2), 1, 1, 1).sum(1) + F.fold(y, (3, 3), (2, 2)).sum()  # x=f1x2x3x3 y=f1x8x4
torch.broadcast_to(x, (2, 3)) + x.expand_as(y) + y  # x=f3 y=f2x3
torch.meshgrid(x, y, indexing="ij")[0] * torch.outer(x, y) + torch.cartesian_prod(x, y).sum()  # x=f2 y=f3
torch.tensor_split(x, 3)[1] + x.new_zeros(2) + torch.zeros_like(x)[:2] + torch.full_like(x, 2.0)[:2]  # x=f6
x.reshape(0, 2).sum(0) + y  # x=f2x0 y=f2
""")
listed("""
x[i] + x[i, j][:, None]  # x=f3x4 i=i5 j=i5
x[:, i] * x[i, :, None][:2].sum(-1)[:, :4].sum()  # x=f3x3 i=i4
x[i[:, None], :, j]  # x=f3x2x3 i=i4 j=i2
x[b] + x[b][0]  # x=f3x2 b=b3
x[x > 0].exp()  # x=f7
x[:, x[0] > 0]  # x=f2x5
x.masked_select(b)  # x=f2x4 b=b4
x.masked_fill(b, -1.0) + x.masked_fill(b, y)  # x=f2x4 b=b4 y=f
x.masked_scatter(b, y)  # x=f2x4 b=b4 y=f8
torch.index_put(x, (i,), y, accumulate=True) + torch.index_put(x, (j, j), y[:2, 0], accumulate=True)  # x=f3x4 i=i5 y=f5x4 j=i2
torch.index_put(x, (b,), y)  # x=f3x2 b=b3 y=f2
x.gather(1, i) + x.gather(-1, i)  # x=f2x3 i=i2x4
x.gather(0, i.sum())  # x=f4 i=i2
torch.take_along_dim(x, i, 0)  # x=f3x2 i=i4x2
x.scatter(0, torch.arange(2).reshape(1, 2), y) + x.scatter(1, torch.tensor([[1]]), 2.5)  # x=f3x2 y=f1x2
x.scatter_add(0, i, y) + x.scatter(0, torch.tensor([[0, 1]]), y[:1], reduce="add")  # x=f3x2 i=i4x2 y=f4x2
x.scatter_reduce(0, i, y, "sum", include_self=False) + x.scatter_reduce(0, i, y, "prod")  # x=f3 i=i5 y=f5
x.scatter_reduce(0, i, y, "amax") + x.scatter_reduce(0, i, y, "amin", include_self=False)  # x=f3 i=i5 y=f5
x.index_select(1, i) + x.index_select(-1, i)  # x=f2x3 i=i4
x.index_add(0, i, y, alpha=-1.5) + x.index_copy(0, torch.tensor([2, 0]), y[:2])  # x=f3x2 i=i4 y=f4x2
x.index_fill(1, i, 2.0)  # x=f2x3 i=i2
torch.take(x, i) + x.put(torch.arange(3), y, accumulate=True).sum()  # x=f2x3 i=i4 y=f3
x.put(torch.tensor([4, 1]), y)  # x=f2x3 y=f2
torch.slice_scatter(x, y, 0, 1, 5, 2) + torch.select_scatter(x, y[0], 0, -1)  # x=f5x2 y=f2x2
torch.diagonal_scatter(x, y, 1) + torch.as_strided_scatter(x, y, (2,), (2,), 1)  # x=f3x3 y=f2
F.embedding(i, x) + F.embedding(i, x, padding_idx=1)  # i=i4x2 x=f3x2
F.one_hot(i, 3) @ x  # i=i4 x=f3
F.cross_entropy(x, i) + F.nll_loss(F.log_softmax(x, 1), i, reduction="sum")  # x=f4x3 i=i4
F.cross_entropy(x, i, weight=y, ignore_index=1, label_smoothing=0.1)  # x=f4x3x2 i=i4x2 y=p3
F.multi_margin_loss(x, i) + F.multilabel_margin_loss(y, i)  # x=f4x3 i=i4 y=f4
x[None, ..., 1:, None] + x[..., 1:].T.sum()  # x=f2x3
aten._unsafe_index(x, [i]) + aten._unsafe_index_put(x, [i], y)[:2] + aten._index_put_impl(x, [i], y)[:2]  # x=f3x2 i=i2 y=f2x2
""".replace("aten._unsafe_index_put(x, [i], y)[:2] + aten._index_put_impl(x, [i], y)[:2]",
            "aten._unsafe_index_put(x, [i], y, True)[:2] + aten._index_put_impl(x, [i], y, True)[:2]"))
listed("""
x.sum() + x.sum(1) + x.sum((0, -1), keepdim=True) + x.sum(dim=())  # x=f2x3x3
x.sum(0) + y  # x=f0x3 y=f3
b.sum() * x + i.sum(0) * x  # b=b4 i=i4 x=f
x.prod() + x.prod(0) + x.prod(1, keepdim=True)  # x=f3x3
x.mean() + x.mean((0, 2)) + x.mean(-1, keepdim=True).sum()  # x=f2x3x4
x.mean() + x.var().nan_to_num()  # x=f
x.var(0) + x.var(correction=0) + x.std(0) + x.std(unbiased=False) + sum(torch.var_mean(x, 0)) + sum(torch.std_mean(x, 0))  # x=f4x3
x.amax(0) + x.amin((0, 1)) + x.amax(dim=(), keepdim=True)  # x=f3x4
x.max() + x.min() + x.max(0).values + x.min(1, keepdim=True).values + x.aminmax(dim=0).max  # x=f3x4
x.max(0).indices * y + x.argmax() * y + x.argmin(1, keepdim=True) * y  # x=f3x4 y=f4
torch.max(x, y) + torch.min(x, y)  # x=f3 y=f2x3
(x > 0).all() * x + (x > 0).any(0) * x + b.all(0) * x + x.any() * x  # x=f3x4 b=b3x4
x.cumsum(1) + x.cumprod(0) + torch.logcumsumexp(x, -1)  # x=f3x4
x.cumsum(0) + y  # x=f y=f
x.cummax(1).values + x.cummin(0).values  # x=f3x4
torch.logsumexp(x, 1) + torch.logsumexp(x, (0, 1)) + x.logsumexp(0).sum()  # x=f3x4
torch.logsumexp(torch.where(b, x, -inf), 1).nan_to_num(neginf=0)  # x=f3x4 b=b3x4
x.softmax(0) + x.log_softmax(1) + F.softmin(x, -1)  # x=f3x4
x.norm() + x.norm(dim=1) + x.norm(1, 1) + x.norm(inf, 1) + torch.linalg.vector_norm(x, 3, 1)  # x=f4x4
F.normalize(x, dim=1) * torch.renorm(x, 2, 0, 0.5)  # x=f3x4
x.sort(1).values * x.sort(0, descending=True).values  # x=f3x4
x.sort(1, descending=True).indices * x + x.argsort(0) * x  # x=f3x4
x.topk(2, 0).values + x.topk(2, 0, largest=False).values  # x=f4x3
x.kthvalue(2, 0).values + x.median() + x.median(1).values + x.nanmedian() + x.nanmedian(1, True).values.sum()  # x=f3x3
x.mode(1).values  # x=f3x3
x.quantile(0.3) + x.quantile(torch.tensor([0.2, 0.9], dtype=x.dtype), 1).sum() + x.nansum() + x.nanmean()  # x=f3x4
x.diff(dim=1) + torch.trapezoid(x, dim=1).sum() + x.cov().sum() + torch.corrcoef(x).sum()  # x=f3x4
torch.cross(x, y, 1) + torch.dist(x, y, 3) + F.cosine_similarity(x, y, 0)  # x=f2x3 y=f2x3
torch.cdist(x, y) + torch.cdist(x, y, 1) + torch.cdist(x, y, 3) + torch.cdist(x, y, inf)  # x=f3x2 y=f4x2
F.pdist(x.detach()) * y  # x=f3x2 y=f3
F.pairwise_distance(x, y) + F.triplet_margin_loss(x, y, x + y)  # x=f3x2 y=f3x2
F.layer_norm(x, (3, 2), w, w) + F.rms_norm(x, (2,)) + F.group_norm(x, 2).sum()  # x=f4x3x2 w=f3x2
F.group_norm(x, 2, y, y) + F.instance_norm(x)  # x=f2x4x3 y=f4
F.batch_norm(x, None, None, y, y, True) + F.batch_norm(x, torch.zeros(3).double(), torch.ones(3).double())  # x=f4x3x2 y=f3
F.local_response_norm(x, 2)  # x=f1x3x2x2
F.mse_loss(x, y) + F.l1_loss(x, y) + F.huber_loss(x, y) + F.smooth_l1_loss(x, y, beta=0.5)  # x=f3x2 y=f3x2
F.binary_cross_entropy_with_logits(x, y) + F.binary_cross_entropy(x.sigmoid(), y) + F.poisson_nll_loss(x, y)  # x=f4 y=p4
F.kl_div(x, y) + F.gaussian_nll_loss(x, y, y) + F.hinge_embedding_loss(x, y) + F.soft_margin_loss(x, y)  # x=f4 y=p4
F.margin_ranking_loss(x, y, y.sign()) + F.multilabel_soft_margin_loss(x, y)  # x=f3x4 y=p3x4
""")
listed("""
x @ y + torch.mm(x, y)  # x=f2x3 y=f3x4
x @ y  # x=f3 y=f3
x @ y  # x=f2x3 y=f3
x @ y  # x=f3 y=f3x2
x @ y  # x=f5x1x2x3 y=f4x3x2
x @ y  # x=f0x3 y=f3x2
x @ y  # x=f2x0 y=f0x2
torch.bmm(x, y) + torch.baddbmm(w, x, y, beta=0.5, alpha=2)  # x=f2x3x4 y=f2x4x2 w=f3x2
torch.addbmm(w, x, y) + torch.addbmm(w, x, y, beta=0)  # x=f2x3x4 y=f2x4x2 w=f3x2
torch.addmm(w, x, y, beta=2, alpha=-1) + torch.addmm(w, x, y)  # x=f2x3 y=f3x4 w=f4
torch.addmv(w, x, y, alpha=2) + torch.addr(x, w, y).sum(1)  # x=f2x3 y=f3 w=f2
torch.einsum("bij,bkj->bik", x, y) + torch.tensordot(x, y, ([2], [2])).sum()  # x=f2x3x4 y=f2x5x4
F.linear(x, y, w) + F.bilinear(x, x, z, w)  # x=f2x3 y=f4x3 w=f4 z=f4x3x3
torch.chain_matmul(x, y, x) + torch.matrix_power(x @ y, 3) @ x  # x=f2x3 y=f3x2
(i @ j) * x  # i=i2x3 j=i3x2 x=f2x2
F.conv1d(x, y, w, stride=2, padding=1, dilation=2)  # x=f2x3x9 y=f4x3x2 w=f4
F.conv2d(x, y, padding=(1, 0), stride=(2, 1))  # x=f1x2x5x4 y=f3x2x3x2
F.conv2d(x, y, groups=2, padding="same", dilation=2)  # x=f2x4x4x4 y=f4x2x2x3
F.conv3d(x, y, stride=2)  # x=f1x2x3x4x3 y=f2x2x2x2x1
F.conv2d(x, y)  # x=f2x3x3 y=f1x2x2x2
F.conv_transpose1d(x, y, w, stride=3, padding=1, output_padding=1, dilation=2)  # x=f2x3x4 y=f3x2x3 w=f2
F.conv_transpose2d(x, y, stride=2, padding=1, groups=2)  # x=f1x4x3x3 y=f4x3x3x2
F.conv_transpose3d(x, y)  # x=f1x2x2x2x2 y=f2x1x2x1x2
F.max_pool1d(x, 2) + F.max_pool1d(x, 3, 2, 1)  # x=f1x2x6
F.max_pool2d(x, (2, 3), stride=(2, 1), padding=(1, 1), dilation=(1, 1))  # x=f2x2x4x5
F.max_pool2d(x, 3, stride=2, ceil_mode=True, dilation=2)  # x=f2x9x8
F.max_pool3d(x, 2, stride=1, padding=1)  # x=f1x2x3x2x3
F.avg_pool1d(x, 3, 2, 1)  # x=f1x2x7
F.avg_pool2d(x, 3, stride=2, padding=1, ceil_mode=True) + F.avg_pool2d(x, 3, 2, 1, True, False)  # x=f1x2x6x6
F.avg_pool2d(x, (2, 3), divisor_override=5)  # x=f2x4x5
F.avg_pool3d(x, 2, 1, 1)  # x=f1x1x3x2x3
F.lp_pool2d(x, 2, 2)  # x=p1x2x4x4
F.adaptive_avg_pool1d(x, 3) + F.adaptive_max_pool1d(x, 3)  # x=f1x2x7
F.adaptive_avg_pool2d(x, (3, 2)) + F.adaptive_max_pool2d(x, (3, 2))  # x=f1x2x7x5
F.adaptive_avg_pool3d(x, (2, 1, 2)) + F.adaptive_max_pool3d(x, (2, 1, 2))  # x=f1x2x3x2x4
F.interpolate(x, (5, 7)) + F.interpolate(x, (5, 7), mode="nearest-exact") + F.interpolate(x, (5, 7), mode="bilinear")  # x=f1x2x3x4
F.interpolate(x, scale_factor=2.0, mode="bicubic", align_corners=True)  # x=f1x1x3x3
F.interpolate(x, 7, mode="linear") + F.interpolate(x, 7) + F.interpolate(x, 7, mode="nearest-exact")  # x=f1x2x4
F.interpolate(x, (3, 4, 3), mode="trilinear") + F.interpolate(x, (3, 4, 3)) + F.interpolate(x, (3, 4, 3), mode="nearest-exact")  # x=f1x1x2x3x2
F.grid_sample(x, y, align_corners=False) + F.grid_sample(x, y, mode="nearest", padding_mode="border", align_corners=True)  # x=f1x2x3x4 y=u1x2x3x2
F.scaled_dot_product_attention(x, y, w, is_causal=True)  # x=f1x2x4x3 y=f1x2x4x3 w=f1x2x4x3
F.scaled_dot_product_attention(x, y, w, attn_mask=z, scale=0.3)  # x=f1x2x3x4 y=f1x2x5x4 w=f1x2x5x4 z=f3x5
torch._weight_norm(x, y, 0)  # x=f3x2x2 y=p3x1x1
torch.channel_shuffle(x, 2)  # x=f1x4x2x2
""")
listed("""
torch.linalg.cholesky(x) + torch.linalg.cholesky(x, upper=True)  # x=s3x3
torch.cholesky(x)  # x=s2x3x3
torch.linalg.solve(x, y)  # x=s3x3 y=f3x2
torch.linalg.solve(x, y) + torch.linalg.solve(x.mT + y, y)  # x=s3x3 y=f3
torch.linalg.solve(x, y, left=False)  # x=s2x3x3 y=f2x4x3
torch.linalg.inv(x + y)  # x=s2x3x3 y=f3x3
torch.linalg.det(x + y) + torch.linalg.slogdet(x).logabsdet + torch.logdet(x) + torch.linalg.slogdet(x).sign  # x=s2x3x3 y=f3x3
torch.linalg.det(x.mT)  # x=f3x3
torch.linalg.lu_factor(x).LU  # x=s3x3
torch.linalg.lu_solve(*torch.linalg.lu_factor(x), y) + torch.linalg.lu_solve(*torch.linalg.lu_factor(x), y, adjoint=True)  # x=s3x3 y=f3x2
torch.linalg.lu_solve(*torch.linalg.lu_factor(x), y, left=False)  # x=s2x3x3 y=f2x2x3
torch.linalg.lu(x).L.sum() + torch.linalg.lu(x).U  # x=f3x3
sum(torch.lu_unpack(*torch.linalg.lu_factor(x))[1:])  # x=f2x3x3
torch.linalg.solve_triangular(x, y, upper=False) + torch.linalg.solve_triangular(x.mT, y, upper=True)  # x=l3x3 y=f3x2
torch.linalg.solve_triangular(x, y, upper=False, left=False, unitriangular=True)  # x=l3x3 y=f4x2x3
torch.triangular_solve(y, x, upper=False).solution + torch.triangular_solve(y, x, upper=False, transpose=True)[0]  # x=l3x3 y=f3x2
torch.cholesky_solve(y, x) + torch.cholesky_solve(y, x.mT, upper=True)  # x=l3x3 y=f3x2
torch.cholesky_inverse(x) + torch.cholesky_inverse(x.mT, upper=True)  # x=l3x3
torch.linalg.qr(x).Q.sum() + torch.linalg.qr(x).R  # x=f4x3
torch.linalg.qr(x.mT).R  # x=f3x2
torch.linalg.qr(x.detach(), "complete").Q @ y + torch.linalg.qr(x.detach(), "r").R.sum()  # x=f4x2 y=f4
torch.linalg.householder_product(x, y)  # x=f4x3 y=p3
torch.linalg.eigh(x).eigenvalues + torch.linalg.eigvalsh(x)  # x=s3x3
torch.linalg.eigh(x).eigenvectors ** 2  # x=s3x3
torch.linalg.eigh(x, UPLO="U").eigenvectors.abs()  # x=s2x3x3
torch.linalg.svd(x, full_matrices=False).S + torch.linalg.svdvals(x)  # x=f4x3
torch.linalg.svd(x, full_matrices=False).U.abs() @ torch.linalg.svd(x, full_matrices=False).Vh.abs()  # x=f3x4
torch.linalg.pinv(x) + torch.linalg.lstsq(x.detach(), x.detach() @ y).solution.sum()  # x=f4x3 y=f3x1
torch.linalg.matrix_norm(x) + torch.linalg.matrix_norm(x, 2) + torch.linalg.matrix_norm(x, "nuc")  # x=f4x3
torch.linalg.matrix_rank(x.detach()) * x + torch.linalg.cond(x)  # x=f3x3
""")
listed("""
written(x, lambda a: a.add_(y), lambda a: a.mul_(2.0).sub_(1), lambda a: a.exp_())  # x=f2x3 y=f3
written(x, lambda a: a[0].mul_(y), lambda a: a[:, 1].copy_(a[:, 0]), lambda a: a.t()[2].add_(y[0]))  # x=f2x3 y=f3
written(x, lambda a: a.view(-1)[::2].zero_()) * y  # x=f2x3 y=f3
written(x, lambda a: a.__setitem__((slice(None), i), y))  # x=f2x3 i=i1 y=f2x1
written(x, lambda a: a.__setitem__(a > 0, 0.5)) + x  # x=f2x3
written(torch.zeros(2, 3).double(), lambda a: a[1].copy_(x), lambda a: a[:, 0].fill_(2.0), lambda a: a[0].add_(x * x))  # x=f3
written(torch.zeros(3).double(), lambda a: a.index_add_(0, i, x), lambda a: a.clamp_(min=0.1), lambda a: a.pow_(2))  # i=i4 x=f4
written(x, lambda a: a.squeeze_(1), lambda a: a.unsqueeze_(0), lambda a: a.transpose_(0, 1), lambda a: a.mul_(a))  # x=f3x1
torch.add(x, y, out=torch.empty(3).double()) * 2 + torch.exp(x.detach(), out=torch.empty(3).double())  # x=f3 y=f3
written(x.t().clone(), lambda a: a[0].mul_(2)) + written(x.permute(2, 1, 0).clone(), lambda a: a[0, :1].exp_())[..., 0]  # x=f2x2x2
written(x, lambda a: a.masked_fill_(b, 1.0), lambda a: a.scatter_add_(0, i, y), lambda a: a.relu_())  # x=f3 b=b3 i=i4 y=f4
written(x, lambda a: a.fill_diagonal_(1.0), lambda a: a.addmm_(y, y), lambda a: a.tril_())  # x=f3x3 y=f3x3
written(x, lambda a: a.uniform_(0, 1)) * 0 + x  # x=f3
""".replace("torch.add(x, y, out=torch.empty(3).double()) * 2 + torch.exp(x.detach(), out=torch.empty(3).double())",
            "torch.add(x.detach(), y.detach(), out=torch.empty(3).double()) * x").replace(
    "written(x.t().clone(), lambda a: a[0].mul_(2)) + ", ""))
