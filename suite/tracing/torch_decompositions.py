"""Operations that torch does not take apart itself, written in torch: by formula, or as the transpose of a forward."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch._decomp
from torch import Tensor

aten = torch.ops.aten
Function = Callable[..., Any]

DECOMPOSITIONS: dict[Any, Function] = {}
GRADIENTS: dict[Any, Function] = {}  # those that need autograd, which a dispatch mode stands below


def written(*operations: Any) -> Callable[[Function], Function]:
    """Of these overloads."""

    def register(function: Function) -> Function:
        DECOMPOSITIONS.update(dict.fromkeys(operations, function))
        return function

    return register


def transposed(*operations: Any) -> Callable[[Function], Function]:
    """Of these overloads, which are a gradient of something that the function computes with autograd."""

    def register(function: Function) -> Function:
        GRADIENTS.update(dict.fromkeys(operations, function))
        return function

    return register


def forward_rule(operation: Any) -> Function:
    rule: Function = torch._decomp.decomposition_table[operation]
    return rule


def pulled_back(forward: Function, g: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    """gᵀ J of a forward, which has one result."""
    with torch.enable_grad():
        own = [x.detach().requires_grad_() for x in inputs]
        return torch.autograd.grad(forward(*own), own, g, allow_unused=True, materialize_grads=True)


def _scores(q: Tensor, k: Tensor, is_causal: bool, attn_mask: Tensor | None, scale: float | None) -> Tensor:
    scores = q @ k.mT * (scale if scale is not None else 1 / math.sqrt(q.shape[-1]))
    if attn_mask is not None:
        scores = scores + attn_mask
    if is_causal:
        scores = scores.masked_fill(~torch.ones(scores.shape[-2:], dtype=torch.bool).tril(), -math.inf)
    return scores


@written(aten._scaled_dot_product_flash_attention_for_cpu_backward.default)
def attention_backward(
    g: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, logsumexp: Tensor, dropout_p: float, is_causal: bool,
    attn_mask: Tensor | None = None, scale: float | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Dao and others, "FlashAttention" (arXiv:2205.14135), algorithm 4: the weights again from the log-sum-exp."""
    scores = _scores(q, k, is_causal, attn_mask, scale)
    weights = torch.exp(scores - logsumexp.unsqueeze(-1))
    share = (g * out).sum(-1, keepdim=True)
    slope = weights * (g @ v.mT - share) * (scale if scale is not None else 1 / math.sqrt(q.shape[-1]))
    return slope @ k, slope.mT @ q, weights.mT @ g


@written(aten._weight_norm_interface_backward.default)
def weight_norm_backward(g: Tensor, v: Tensor, scale: Tensor, norms: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    axes = [axis for axis in range(v.dim()) if axis != dim % v.dim()]
    along = (g * v).sum(axes, keepdim=True)
    return scale / norms * (g - v * (along / (norms * norms))), along / norms


def _distances(difference: Tensor, p: float) -> Tensor:
    size = difference.abs()
    if p == 0:
        return (size != 0).to(size.dtype).sum(-1)
    if p == 1:
        return size.sum(-1)
    if p == 2:
        return (difference * difference).sum(-1).sqrt()
    return size.amax(-1) if math.isinf(p) else size.pow(p).sum(-1).pow(1 / p)


@written(aten._cdist_forward.default)
def distances(x1: Tensor, x2: Tensor, p: float, compute_mode: int | None) -> Tensor:
    return _distances(x1.unsqueeze(-2) - x2.unsqueeze(-3), p)


@written(aten._cdist_backward.default)
def distances_backward(g: Tensor, x1: Tensor, x2: Tensor, p: float, found: Tensor) -> Tensor:
    """0 where the distance is."""
    d, size = x1.unsqueeze(-2) - x2.unsqueeze(-3), found.unsqueeze(-1)
    if p == 1:
        slope = d.sign()
    elif p == 2:
        slope = torch.where(size == 0, 0, d / torch.where(size == 0, 1, size))
    elif math.isinf(p):
        slope = d.sign() * (d.abs() == size)
    else:
        slope = torch.where(size == 0, 0, d.sign() * d.abs().pow(p - 1) / torch.where(size == 0, 1, size).pow(p - 1))
    return (g.unsqueeze(-1) * slope).sum(-2)


@written(aten._pdist_forward.default)
def own_distances(x: Tensor, p: float = 2) -> Tensor:
    i, j = torch.triu_indices(len(x), len(x), 1)
    return _distances(x[i] - x[j], p)


@written(aten.masked_select.default)
def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    x, mask = torch.broadcast_tensors(x, mask)
    return x.reshape(-1)[mask.reshape(-1)]


@written(aten.masked_scatter.default)
def masked_scatter(x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    x, mask = torch.broadcast_tensors(x, mask)
    return x.index_put((mask,), source.reshape(-1)[: int(mask.count_nonzero())])


@written(aten.masked_scatter_backward.default)
def masked_scatter_backward(g: Tensor, mask: Tensor, sizes: Sequence[int]) -> Tensor:
    found = masked_select(g, mask)
    short = math.prod(sizes) - found.numel()
    return torch.cat([found, found.new_zeros(short)]).reshape(sizes)


@written(aten.angle.default)
def angle(x: Tensor) -> Tensor:
    if x.is_complex():
        return torch.atan2(x.imag, x.real)
    return torch.where(x < 0, torch.full_like(x, math.pi), torch.zeros_like(x))


@written(aten.sgn.default)
def sgn(x: Tensor) -> Tensor:
    if not x.is_complex():
        return torch.sign(x)
    size = x.abs()
    return torch.where(size == 0, 0, x / torch.where(size == 0, 1, size))


@written(aten.rrelu_with_noise.default)
def rrelu(
    x: Tensor, noise: Tensor, lower: float = 0.125, upper: float = 1 / 3, training: bool = False, generator: Any = None
) -> Tensor:
    """A leak drawn for each negative entry, or the mean leak. Its own draw: not that of the kernel."""
    if not training:
        return torch.where(x > 0, x, x * ((lower + upper) / 2))
    noise.copy_(torch.where(x <= 0, torch.empty_like(x).uniform_(lower, upper, generator=generator), 1))
    return x * noise


@written(aten._scaled_dot_product_flash_attention_for_cpu.default)
def attention(
    q: Tensor, k: Tensor, v: Tensor, dropout_p: float = 0.0, is_causal: bool = False, *,
    attn_mask: Tensor | None = None, scale: float | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """With the log-sum-exp, which torch's own decomposition leaves out."""
    scores = _scores(q, k, is_causal, attn_mask, scale)
    return torch.softmax(scores, -1) @ v, torch.logsumexp(scores, -1)


@written(aten.softshrink_backward.default, aten.hardshrink_backward.default)
def hardshrink_backward(g: Tensor, x: Tensor, lambd: float) -> Tensor:
    return torch.where((x >= -lambd) & (x <= lambd), 0, g)


def bags(offsets: Tensor, indices: Tensor, include_last: bool, padding_idx: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of every index the bag that it is in, whether it counts, and how many of each bag do."""
    owner = torch.searchsorted(offsets, torch.arange(len(indices)), right=True) - 1
    counts = (indices != padding_idx) if padding_idx >= 0 else torch.ones_like(indices, dtype=torch.bool)
    sizes = torch.bincount(owner[counts], minlength=len(offsets) - int(include_last))
    return owner, counts, sizes


@written(aten._embedding_bag.default, aten._embedding_bag_forward_only.default)
def embedding_bag(
    weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: bool = False, mode: int = 0,
    sparse: bool = False, per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
    padding_idx: int = -1,
) -> Any:  # fmt: skip
    """Sums (mode 0) and means (1)."""
    if mode == 2:
        return NotImplemented
    owner, counts, sizes = bags(offsets, indices, include_last_offset, padding_idx)
    rows = weight[indices] if per_sample_weights is None else weight[indices] * per_sample_weights[:, None]
    found = torch.zeros(len(sizes), weight.shape[1], dtype=weight.dtype).index_add(0, owner[counts], rows[counts])
    if mode == 1:
        found = found / sizes.clamp(min=1)[:, None]
    return found, owner, sizes, torch.zeros_like(sizes)


@written(aten._embedding_bag_dense_backward.default)
def embedding_bag_backward(
    g: Tensor, indices: Tensor, offset2bag: Tensor, bag_size: Tensor, maximum_indices: Tensor, num_weights: int,
    scale_grad_by_freq: bool, mode: int, per_sample_weights: Tensor | None, padding_idx: int = -1,
) -> Any:  # fmt: skip
    if mode == 2 or scale_grad_by_freq:
        return NotImplemented
    counts = indices != padding_idx
    rows = (g / bag_size.clamp(min=1)[:, None] if mode == 1 else g)[offset2bag]
    rows = rows if per_sample_weights is None else rows * per_sample_weights[:, None]
    return torch.zeros(num_weights, g.shape[1], dtype=g.dtype).index_add(0, indices[counts], rows[counts])


@written(aten._embedding_bag_backward.default)
def embedding_bag_gradient(
    g: Tensor, indices: Tensor, offsets: Tensor, offset2bag: Tensor, bag_size: Tensor, maximum_indices: Tensor,
    num_weights: int, scale_grad_by_freq: bool, mode: int, sparse: bool, per_sample_weights: Tensor | None,
    padding_idx: int = -1,
) -> Any:  # fmt: skip
    return embedding_bag_backward(
        g, indices, offset2bag, bag_size, maximum_indices, num_weights, scale_grad_by_freq, mode, per_sample_weights,
        padding_idx,
    )  # fmt: skip


@written(aten._embedding_bag_per_sample_weights_backward.default)
def embedding_bag_weights_backward(
    g: Tensor, weight: Tensor, indices: Tensor, offsets: Tensor, offset2bag: Tensor, mode: int, padding_idx: int = -1
) -> Tensor:
    return (g[offset2bag] * weight[indices]).sum(1) * (indices != padding_idx)


@transposed(aten.multilabel_margin_loss_backward.default)
def multilabel_margin_backward(g: Tensor, x: Tensor, target: Tensor, reduction: int, is_target: Tensor) -> Tensor:
    rule = forward_rule(aten.multilabel_margin_loss_forward.default)
    return pulled_back(lambda own: rule(own, target, reduction)[0], g, x)[0]


@transposed(aten.multi_margin_loss_backward.default)
def multi_margin_backward(
    g: Tensor, x: Tensor, target: Tensor, p: float, margin: float, weight: Tensor | None = None, reduction: int = 1
) -> Tensor:
    rule = forward_rule(aten.multi_margin_loss.default)
    return pulled_back(lambda own: rule(own, target, p, margin, weight, reduction), g, x)[0]
