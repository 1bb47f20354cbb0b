"""ATen's convolutions and pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.suite.tape.tape import Shape
from gradlaws.suite.tracing.torch_call import TorchCall, TorchLowering, Value
from gradlaws.suite.tracing.torch_shapes import broadcast, reshape, transpose


def each(values: Sequence[int], rank: int) -> Shape:
    """torch takes one number for all axes."""
    return tuple(values) * rank if len(values) == 1 else tuple(values)


def convolve(
    call: TorchCall, x: int, kernel: int, shape: Shape, *, strides: Shape, low: Shape, high: Shape, spread: Shape,
    kernel_spread: Shape, groups: int = 1, batch_groups: int = 1,
) -> Value:  # fmt: skip
    return call.one(
        "convolve", shape, x, kernel, strides=strides, low=low, high=high, spread=spread, kernel_spread=kernel_spread,
        groups=groups, batch_groups=batch_groups, length=math.prod(call.kind_of(kernel).shape[1:]),
    )  # fmt: skip


def turned(call: TorchCall, kernel: int, groups: int) -> Value:
    """A kernel as its transpose needs it: flipped in space, (out, in / groups) for (in, out / groups)."""
    shape = call.kind_of(kernel).shape
    space = tuple(range(2, len(shape)))
    flipped = call.one("flip", shape, kernel, axes=space)
    grouped = reshape(call, flipped, (groups, shape[0] // groups, *shape[1:]))
    swapped = transpose(call, grouped, (0, 2, 1, *(axis + 1 for axis in space)))
    return reshape(call, swapped, (groups * shape[1], shape[0] // groups, *shape[2:]))


def transposed_convolve(
    call: TorchCall, g: int, kernel: int, shape: Shape, strides: Shape, padding: Shape, dilation: Shape, groups: int
) -> Value:
    """From a convolution's result back to an argument of that shape: its transpose in the first argument."""
    window = [(k - 1) * d for k, d in zip(call.kind_of(kernel).shape[2:], dilation, strict=True)]
    low = tuple(w - p for w, p in zip(window, padding, strict=True))
    rows = call.kind_of(g).shape[2:]
    high = tuple(
        n + w - (m - 1) * s - 1 - lo for n, w, m, s, lo in zip(shape[2:], window, rows, strides, low, strict=True)
    )
    one = (1,) * len(padding)
    return convolve(
        call, g, turned(call, kernel, groups), shape,
        strides=one, low=low, high=high, spread=strides, kernel_spread=dilation, groups=groups,
    )  # fmt: skip


def convolution(call: TorchCall) -> list[int]:
    """Of a batch; also the transposed one."""
    x, kernel, bias = call.operand("input"), call.operand("weight"), call["bias"]
    rank = len(call.kind.shape) - 2
    strides, padding, dilation = (each(call[name], rank) for name in ("stride", "padding", "dilation"))
    if call["transposed"]:
        found = transposed_convolve(call, x, kernel, call.kind.shape, strides, padding, dilation, call["groups"])
    else:
        found = convolve(
            call, x, kernel, call.kind.shape, strides=strides, low=padding, high=padding, spread=(1,) * rank,
            kernel_spread=dilation, groups=call["groups"],
        )  # fmt: skip
    if bias is None:
        return [found]
    return call.last("add", found, reshape(call, bias, (call.kind.shape[1], *[1] * rank)))


def kernel_gradient(
    call: TorchCall, x: int, g: int, shape: Shape, strides: Shape, padding: Shape, dilation: Shape, groups: int
) -> Value:
    """x against g, the batch summed: the strides dilate g, the dilation strides over x."""
    rank = len(padding)
    n, channels = call.kind_of(x).shape[:2]
    space, rows = call.kind_of(x).shape[2:], call.kind_of(g).shape[2:]
    grouped = reshape(call, x, (n, groups, channels // groups, *space))
    axes = tuple(range(3, 3 + rank))
    by_channel = transpose(call, grouped, (1, 2, 0, *axes))  # groups, channels / groups, batch
    left = reshape(call, by_channel, (channels, n, *space))
    right = transpose(call, g, (1, 0, *range(2, 2 + rank)))  # out, batch
    high = tuple(
        (k - 1) * d + (m - 1) * s + 1 - a - p
        for k, d, m, s, a, p in zip(shape[2:], dilation, rows, strides, space, padding, strict=True)
    )
    # Each group of channels against the results of its own group: groups of the batch.
    found = convolve(
        call, left, right, (channels // groups, call.kind_of(g).shape[1], *shape[2:]),
        strides=dilation, low=padding, high=high, spread=(1,) * rank, kernel_spread=strides, batch_groups=groups,
    )  # fmt: skip
    return transpose(call, found, (1, 0, *range(2, 2 + rank)))


def convolution_backward(call: TorchCall) -> list[int]:
    """Gradients of argument, kernel and bias, as far as the mask asks for them; of what it does not, none."""
    g, x, kernel = (call.operand(name) for name in ("grad_output", "input", "weight"))
    rank = len(call.kind_of(g).shape) - 2
    strides, padding, dilation = (each(call[name], rank) for name in ("stride", "padding", "dilation"))
    shape, weight, groups = call.kind_of(x).shape, call.kind_of(kernel).shape, call["groups"]
    found: list[int] = []
    asked = call["output_mask"]
    if asked[0] and call["transposed"]:
        found.append(
            convolve(
                call, g, kernel, shape, strides=strides, low=padding, high=_ends(call, g, shape, weight), groups=groups,
                spread=(1,) * rank, kernel_spread=dilation,
            )
        )  # fmt: skip
    elif asked[0]:
        found.append(transposed_convolve(call, g, kernel, shape, strides, padding, dilation, groups))
    if asked[1]:
        first, second = (g, x) if call["transposed"] else (x, g)
        found.append(kernel_gradient(call, first, second, weight, strides, padding, dilation, groups))
    if asked[2]:
        axes = (0, *range(2, 2 + rank))
        found.append(call.one("reduce_sum", (call.kind_of(g).shape[1],), g, axes=axes))
    return found


def _ends(call: TorchCall, g: int, shape: Shape, kernel: Shape) -> Shape:
    """Padding behind, so that a convolution of g has that shape (``output_padding`` makes it less than in front)."""
    rank = len(kernel) - 2
    strides, padding, dilation = (each(call[name], rank) for name in ("stride", "padding", "dilation"))
    return tuple(
        (m - 1) * s + (k - 1) * d + 1 - n - p
        for m, s, k, d, n, p in zip(shape[2:], strides, kernel[2:], dilation, call.kind_of(g).shape[2:], padding,
                                    strict=True)
    )  # fmt: skip


def window(call: TorchCall, rank: int) -> dict[str, Any]:
    """Of pooling over the last axes, in the words of the tape; with ceil_mode the last window may hang over."""
    size = each(call["kernel_size"], rank)
    strides = each(call["stride"], rank) if call["stride"] else size
    padding = each(call["padding"] or [0], rank)
    dilation = each(call["dilation"] or [1], rank)
    x = call.kind_of(call.parameters["self"]).shape
    rows = (call.kind.shape if "grad_output" not in call.parameters else call.kind_of(call["grad_output"]).shape)[
        -rank:
    ]
    high = tuple(
        (m - 1) * s + (k - 1) * d + 1 - n - p
        for m, s, k, d, n, p in zip(rows, strides, size, dilation, x[-rank:], padding, strict=True)
    )
    before = len(x) - rank
    return {
        "size": (1,) * before + size, "strides": (1,) * before + strides, "low": (0,) * before + padding,
        "high": (0,) * before + high, "spread": (1,) * len(x), "window_spread": (1,) * before + dilation,
    }  # fmt: skip


def max_pool(rank: int) -> TorchLowering:
    """The places of the extrema stay those of the point."""
    return lambda call: call.last("window_max", call.parameters["self"], **window(call, rank))


def max_pool_backward(rank: int) -> TorchLowering:
    """Each gradient goes to the place of its extremum, which are numbered within an image."""

    def lowering(call: TorchCall) -> list[int]:
        g, at, shape = call.parameters["grad_output"], call.parameters["indices"], call.kind.shape
        images, pixels, windows = (
            math.prod(shape[:-rank]), math.prod(shape[-rank:]), math.prod(call.kind_of(g).shape[-rank:]),
        )  # fmt: skip
        zeros = broadcast(call, call.constant(0), (images, pixels))
        flat = (images, windows)
        found = call.one(
            "put_along", (images, pixels), zeros, reshape(call, at, flat), reshape(call, g, flat), axis=1, how="add"
        )
        return [reshape(call, found, shape)]

    return lowering


def adaptive_max_pool(rank: int) -> TorchLowering:
    """The entries at the places that torch has found, which are numbered within an image."""

    def lowering(call: TorchCall) -> list[int]:
        x, shape = call.arguments[0], call.shape(0)
        whole = (*shape[:-rank], math.prod(shape[-rank:]))
        places = call.results[1].numpy().reshape(*shape[:-rank], -1)
        at = call.to.constant(places, "int64")
        found = call.one("take_along", places.shape, reshape(call, x, whole), at, axis=len(whole) - 1)
        return [reshape(call, found, call.kind.shape)]

    return lowering


def pooled_places(call: TorchCall, rank: int) -> Value:
    """How many entries each window averages, or the divisor that overrides that."""
    w, x = window(call, rank), call.kind_of(call.parameters["self"]).shape
    if call["divisor_override"] is not None:
        return call.constant(call["divisor_override"])
    counts = []
    inside = call["count_include_pad"] is False
    for axis in range(len(x) - rank, len(x)):
        n, k, s, p = x[axis], w["size"][axis], w["strides"][axis], w["low"][axis]
        rows = (n + p + w["high"][axis] - k) // s + 1
        start = np.arange(rows) * s - p
        stop = np.minimum(start + k, n + p)  # what hangs over the padding does not count
        counts.append(np.minimum(stop, n) - np.maximum(start, 0) if inside else stop - start)
    total = counts[0]
    for line in counts[1:]:
        total = total[..., None] * line
    return Value(call.to.constant(total.astype(np.float64), call.kind.dtype))


def mean_pool(rank: int) -> TorchLowering:
    def lowering(call: TorchCall) -> list[int]:
        total = call.one("window_sum", call.kind.shape, call.parameters["self"], **window(call, rank))
        return call.last("div", total, pooled_places(call, rank))

    return lowering


def mean_pool_backward(rank: int) -> TorchLowering:
    """The transpose of a sum over windows: a sum over windows of what is spread out."""

    def lowering(call: TorchCall) -> list[int]:
        g, w, shape = call.parameters["grad_output"], window(call, rank), call.kind.shape
        share = call.one("div", call.kind_of(g).shape, g, pooled_places(call, rank))
        low = tuple(k - 1 - p for k, p in zip(w["size"], w["low"], strict=True))
        rows = call.kind_of(g).shape
        high = tuple(
            n + k - 1 - (m - 1) * s - 1 - lo
            for n, k, m, s, lo in zip(shape, w["size"], rows, w["strides"], low, strict=True)
        )
        one = (1,) * len(shape)
        return call.last(
            "window_sum", share, size=w["size"], strides=one, low=low, high=high, spread=w["strides"], window_spread=one
        )

    return lowering


LOWERED: dict[str, TorchLowering] = {
    "aten.convolution": convolution,
    "aten.convolution_backward": convolution_backward,
    "aten.max_pool2d_with_indices": max_pool(2),
    "aten.max_pool3d_with_indices": max_pool(3),
    "aten.max_pool2d_with_indices_backward": max_pool_backward(2),
    "aten.max_pool3d_with_indices_backward": max_pool_backward(3),
    "aten.adaptive_max_pool2d": adaptive_max_pool(2),
    "aten.adaptive_max_pool3d": adaptive_max_pool(3),
    "aten.avg_pool2d": mean_pool(2),
    "aten.avg_pool3d": mean_pool(3),
    "aten.avg_pool2d_backward": mean_pool_backward(2),
    "aten.avg_pool3d_backward": mean_pool_backward(3),
}
