"""Operations on images that torch does not take apart itself: adaptive pooling, padding and resampling, backwards."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gradlaws.suite.tracing.torch_decompositions import Function, forward_rule, pulled_back, transposed, written

aten = torch.ops.aten


def averaging(n: int, m: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Which of n entries each of m adaptive windows takes (0 and 1), and how many they are."""
    start = torch.arange(m) * n // m
    stop = -(-((torch.arange(m) + 1) * n) // m)
    place = torch.arange(n)
    inside = (place >= start[:, None]) & (place < stop[:, None])
    return inside.to(like.dtype), (stop - start).to(like.dtype)


@written(aten._adaptive_avg_pool2d.default, aten._adaptive_avg_pool3d.default)
def adaptive_means(x: Tensor, output_size: Sequence[int]) -> Tensor:
    """Axis by axis, a sum over each window, divided by its length."""
    for axis, m in zip(range(-len(output_size), 0), output_size, strict=True):
        inside, count = averaging(x.shape[axis], m, x)
        x = (x.movedim(axis, -1) @ inside.T / count).movedim(-1, axis)
    return x


@written(aten._adaptive_avg_pool2d_backward.default)
def adaptive_means_backward_2d(g: Tensor, x: Tensor) -> Tensor:
    return _adaptive_means_backward(g, x, 2)


@written(aten._adaptive_avg_pool3d_backward.default)
def adaptive_means_backward_3d(g: Tensor, x: Tensor) -> Tensor:
    return _adaptive_means_backward(g, x, 3)


def _adaptive_means_backward(g: Tensor, x: Tensor, rank: int) -> Tensor:
    for axis in range(-rank, 0):
        inside, count = averaging(x.shape[axis], g.shape[axis], x)
        g = ((g.movedim(axis, -1) / count) @ inside).movedim(-1, axis)
    return g


def _to_places(rank: int, g: Tensor, x: Tensor, indices: Tensor) -> Tensor:
    """Each gradient to the place of its maximum, numbered within an image."""
    images = math.prod(x.shape[:-rank])
    zeros = torch.zeros(images, math.prod(x.shape[-rank:]), dtype=g.dtype)
    flat = (images, math.prod(g.shape[-rank:]))
    return zeros.scatter_add(1, indices.reshape(flat), g.reshape(flat)).reshape(x.shape)


written(aten.adaptive_max_pool2d_backward.default)(functools.partial(_to_places, 2))
written(aten.adaptive_max_pool3d_backward.default)(functools.partial(_to_places, 3))


def _taken_from(g: Tensor, shape: Sequence[int], forward: Function) -> Tensor:
    """Of a forward that repeats entries: each gradient back to the place that its entry came from."""
    places = torch.arange(math.prod(shape), dtype=torch.float64).reshape(tuple(shape))
    source = forward(places).to(torch.int64)
    zeros = torch.zeros(math.prod(shape), dtype=g.dtype)
    return zeros.index_add(0, source.reshape(-1), g.reshape(-1)).reshape(tuple(shape))


@written(aten.replication_pad1d_backward.default)
def replication_1d_backward(g: Tensor, x: Tensor, padding: Sequence[int]) -> Tensor:
    return _taken_from(g, x.shape, lambda places: aten.replication_pad1d(places, padding))


@written(aten.replication_pad2d_backward.default)
def replication_2d_backward(g: Tensor, x: Tensor, padding: Sequence[int]) -> Tensor:
    return _taken_from(g, x.shape, lambda places: aten.replication_pad2d(places, padding))


@written(aten.replication_pad3d_backward.default)
def replication_3d_backward(g: Tensor, x: Tensor, padding: Sequence[int]) -> Tensor:
    return _taken_from(g, x.shape, lambda places: aten.replication_pad3d(places, padding))


def _nearest_backward(
    forward: Any, g: Tensor, output_size: Sequence[int], input_size: Sequence[int], *scales: float | None
) -> Tensor:
    return _taken_from(g, input_size, lambda places: forward(places, output_size, *scales))


for _name in ("nearest", "_nearest_exact"):
    for _rank in (1, 2, 3):
        _stem = f"{'_' if _name.startswith('_') else ''}upsample_{_name.removeprefix('_')}{_rank}d"
        written(getattr(aten, f"{_stem}_backward").default)(
            functools.partial(_nearest_backward, getattr(aten, _stem).default)
        )


def _resampled_backward(
    forward: Any, g: Tensor, output_size: Sequence[int], input_size: Sequence[int], *options: Any
) -> Tensor:
    zeros = torch.zeros(tuple(input_size), dtype=g.dtype)
    return pulled_back(lambda x: forward_rule(forward)(x, output_size, *options), g, zeros)[0]


for _stem in ("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d"):
    transposed(getattr(aten, f"{_stem}_backward").default)(
        functools.partial(_resampled_backward, getattr(aten, _stem).default)
    )


@transposed(aten.grid_sampler_2d_backward.default)
def grid_sampler_backward(
    g: Tensor, x: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool,
    output_mask: Sequence[bool],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    rule = forward_rule(aten.grid_sampler_2d.default)
    found = pulled_back(lambda *xs: rule(*xs, interpolation_mode, padding_mode, align_corners), g, x, grid)
    return found[0], found[1]
