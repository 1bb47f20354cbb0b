"""ATen operations that move, repeat or select entries, views among them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from gradlaws.suite.tape.tape import Shape
from gradlaws.suite.tracing.torch_call import TorchCall, TorchLowering, Value


def axis_of(axis: int, rank: int) -> int:
    """From the front; an array without axes is taken for one with a single axis."""
    return axis % max(rank, 1)


def axes_of(axes: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """None, or none at all, are all of them."""
    if axes is None or (not isinstance(axes, int) and not axes):
        return tuple(range(rank))
    listed = (axes,) if isinstance(axes, int) else axes
    return tuple(sorted(axis_of(axis, rank) for axis in listed)) if rank else ()


def reshape(call: TorchCall, value: int, shape: Shape) -> Value:
    if call.kind_of(value).shape == shape:
        return Value(value)
    return call.one("reshape", shape, value, of=call.kind_of(value).dtype, shape=tuple(shape))


def broadcast(call: TorchCall, value: int, shape: Shape) -> Value:
    """Aligned at the last axis."""
    kind = call.kind_of(value)
    if kind.shape == tuple(shape):
        return Value(value)
    dimensions = tuple(range(len(shape) - len(kind.shape), len(shape)))
    return call.one("broadcast", shape, value, of=kind.dtype, shape=tuple(shape), dimensions=dimensions)


def transpose(call: TorchCall, value: int, order: Sequence[int]) -> Value:
    kind = call.kind_of(value)
    if tuple(order) == tuple(range(len(kind.shape))):
        return Value(value)
    shape = tuple(kind.shape[axis] for axis in order)
    return call.one("transpose", shape, value, of=kind.dtype, permutation=tuple(order))


def cut(call: TorchCall, value: int, axis: int, start: int, stop: int, step: int = 1) -> Value:
    kind = call.kind_of(value)
    rank = range(len(kind.shape))
    shape = tuple(len(range(start, stop, step)) if a == axis else n for a, n in enumerate(kind.shape))
    starts = tuple(start if a == axis else 0 for a in rank)
    stops = tuple(stop if a == axis else n for a, n in enumerate(kind.shape))
    strides = tuple(step if a == axis else 1 for a in rank)
    return call.one("slice", shape, value, of=kind.dtype, starts=starts, stops=stops, strides=strides)


def reshaped(call: TorchCall) -> list[int]:
    """Whatever the operation says, its result says the shape."""
    return [reshape(call, call.arguments[0], call.kind.shape)]


def expanded(call: TorchCall) -> list[int]:
    return [broadcast(call, call.arguments[0], call.kind.shape)]


def broadcast_in_dim(call: TorchCall) -> list[int]:
    axes = tuple(call["broadcast_dimensions"])
    return call.last("broadcast", call.arguments[0], shape=call.kind.shape, dimensions=axes)


def permuted(call: TorchCall) -> list[int]:
    rank = len(call.kind.shape)
    order = call["dims"] if "dims" in call.parameters else call["permutation"]
    return [transpose(call, call.arguments[0], [axis_of(axis, rank) for axis in order])]


def swapped(call: TorchCall) -> list[int]:
    rank = len(call.kind.shape)
    order = list(range(rank))
    if rank:
        a, b = axis_of(call["dim0"], rank), axis_of(call["dim1"], rank)
        order[a], order[b] = b, a
    return [transpose(call, call.arguments[0], order)]


def transposed(call: TorchCall) -> list[int]:
    return [transpose(call, call.arguments[0], range(len(call.kind.shape))[::-1])]


def sliced(call: TorchCall) -> list[int]:
    n = call.shape(0)[axis_of(call["dim"], len(call.shape(0)))]
    start, stop, step = slice(call["start"], call["end"], call["step"]).indices(n)
    return [cut(call, call.arguments[0], axis_of(call["dim"], len(call.shape(0))), start, max(start, stop), step)]


def selected(call: TorchCall) -> list[int]:
    shape = call.shape(0)
    axis = axis_of(call["dim"], len(shape))
    place = call["index"] % shape[axis]
    return [reshape(call, cut(call, call.arguments[0], axis, place, place + 1), call.kind.shape)]


def split(call: TorchCall) -> list[int]:
    """In pieces of which the results say the size."""
    axis = axis_of(call["dim"], len(call.shape(0)))
    found: list[int] = []
    start = 0
    for kind in call.kinds:
        found.append(cut(call, call.arguments[0], axis, start, start + kind.shape[axis]))
        start += kind.shape[axis]
    return found


def unbound(call: TorchCall) -> list[int]:
    axis = axis_of(call["dim"], len(call.shape(0)))
    rows = (cut(call, call.arguments[0], axis, k, k + 1) for k in range(len(call.kinds)))
    return [reshape(call, row, kind.shape) for row, kind in zip(rows, call.kinds, strict=True)]


def joined(call: TorchCall) -> list[int]:
    """Old torch lets an empty vector stand beside any array."""
    rank = len(call.kind.shape)
    parts = [call.converted(v, call.kind.dtype) for v in call.arguments if call.kind_of(v).shape != (0,) or rank == 1]
    return call.last("concatenate", *parts, axis=axis_of(call["dim"] or 0, rank))


def stacked(call: TorchCall) -> list[int]:
    axis = axis_of(call["dim"] or 0, len(call.kind.shape))
    shape = tuple(1 if a == axis else n for a, n in enumerate(call.kind.shape))
    parts = [reshape(call, call.converted(v, call.kind.dtype), shape) for v in call.arguments]
    return call.last("concatenate", *parts, axis=axis)


def padded(call: TorchCall) -> list[int]:
    """``pad`` has pairs from the last axis on."""
    rank, pad = len(call.kind.shape), list(call["pad"])
    pairs = [tuple(pad[k : k + 2]) for k in range(0, len(pad), 2)] + [(0, 0)] * rank
    low, high = zip(*reversed(pairs[:rank]), strict=True)
    value = call.constant(call["value"] or 0)
    return call.last("pad", call.arguments[0], value, low=low, high=high, interior=(0,) * rank)


def repeated(call: TorchCall) -> list[int]:
    """A new axis before each, along which it is repeated."""
    times = tuple(call["repeats"])
    shape = (1,) * (len(times) - len(call.shape(0))) + call.shape(0)
    value = reshape(call, call.arguments[0], tuple(m for n in shape for m in (1, n)))
    wide = broadcast(call, value, tuple(m for pair in zip(times, shape, strict=True) for m in pair))
    return [reshape(call, wide, call.kind.shape)]


def flipped(call: TorchCall) -> list[int]:
    return call.last(
        "flip", call.arguments[0], axes=axes_of(call["dims"], len(call.kind.shape)) if call["dims"] else ()
    )


def rolled(call: TorchCall) -> list[int]:
    shifts, axes = tuple(call["shifts"]), call["dims"]
    if axes:
        rank = len(call.kind.shape)
        return call.last(
            "roll", call.arguments[0], shifts=shifts, axes=tuple(axis_of(axis, rank) for axis in axes)
        )  # fmt: skip
    flat = reshape(call, call.arguments[0], (call.kind.size,))
    return [reshape(call, call.one("roll", (call.kind.size,), flat, shifts=shifts, axes=(0,)), call.kind.shape)]


def diagonal(call: TorchCall) -> list[int]:
    rank = len(call.shape(0))
    axes = axis_of(call["dim1"], rank), axis_of(call["dim2"], rank)
    return call.last("diagonal", call.arguments[0], offset=call["offset"], axis1=axes[0], axis2=axes[1])


def taken(call: TorchCall, places: torch.Tensor) -> list[int]:
    """Entries of the first argument by their places in it, in the order of its axes."""
    flat = reshape(call, call.arguments[0], (math.prod(call.shape(0)),))
    at = Value(call.to.constant(places.numpy().astype(np.int64), "int64"))
    return call.last("index", flat, at, axes=(0,))


def numbered(call: TorchCall) -> torch.Tensor:
    """The places of the first argument's entries, in its shape."""
    return torch.arange(math.prod(call.shape(0))).reshape(call.shape(0))


def unfolded(call: TorchCall) -> list[int]:
    return taken(call, numbered(call).unfold(call["dimension"], call["size"], call["step"]))


def triangle(upper: bool) -> TorchLowering:
    """Zero on the other side of the diagonal."""

    def lowering(call: TorchCall) -> list[int]:
        ones = np.ones(call.kind.shape[-2:], dtype=bool)
        kept = (np.triu if upper else np.tril)(ones, call["diagonal"] or 0)
        return call.last("select", call.to.constant(kept, "bool"), call.constant(0), call.arguments[0])

    return lowering


def as_real(call: TorchCall) -> list[int]:
    """The parts along a new last axis."""
    shape = (*call.shape(0), 1)
    parts = (call.one(name, call.shape(0), call.arguments[0]) for name in ("real", "imaginary"))
    return call.last("concatenate", *(reshape(call, part, shape) for part in parts), axis=len(shape) - 1)


def as_complex(call: TorchCall) -> list[int]:
    rank = len(call.shape(0)) - 1
    parts = (reshape(call, cut(call, call.arguments[0], rank, k, k + 1), call.kind.shape) for k in (0, 1))
    return call.last("complex", *parts)


LOWERED: dict[str, TorchLowering] = {
    "aten.view": reshaped,
    "aten._unsafe_view": reshaped,
    "aten._reshape_alias": reshaped,
    "aten.reshape": reshaped,
    "aten.squeeze": reshaped,
    "aten.unsqueeze": reshaped,
    "prims.reshape": reshaped,
    "prims.squeeze": reshaped,
    "prims.collapse_view": reshaped,
    "prims.split_dim": reshaped,
    "aten.expand": expanded,
    "prims.broadcast_in_dim": broadcast_in_dim,
    "aten.permute": permuted,
    "prims.transpose": permuted,
    "aten.transpose": swapped,
    "aten.t": transposed,
    "aten.slice": sliced,
    "aten.select": selected,
    "aten.split": split,
    "aten.split_with_sizes": split,
    "aten.unbind": unbound,
    "aten.cat": joined,
    "aten.stack": stacked,
    "aten.constant_pad_nd": padded,
    "aten.repeat": repeated,
    "aten.flip": flipped,
    "aten.roll": rolled,
    "aten.diagonal": diagonal,
    "aten.unfold": unfolded,
    "aten.triu": triangle(True),
    "aten.tril": triangle(False),
    "aten.view_as_real": as_real,
    "aten.view_as_complex": as_complex,
}
