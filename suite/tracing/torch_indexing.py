"""ATen operations that take or put entries where integers say. The integers are those of the point."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from gradlaws.suite.tape.tape import Kind, Unsupported
from gradlaws.suite.tracing.torch_call import TorchCall, TorchLowering, Value
from gradlaws.suite.tracing.torch_shapes import axis_of, broadcast, numbered, reshape, taken


def indexed_axes(call: TorchCall) -> tuple[list[int], list[int]]:
    """Of x[..., indices, ...]: integer arrays and the axes that they are for. A mask stands for its ``nonzero``."""
    values: list[int] = []
    axes: list[int] = []
    axis = 0
    for index in call["indices"]:
        if index is not None and call.kind_of(index).dtype in ("bool", "uint8"):
            mask = call.tensor(index)
            count = int(mask.count_nonzero())
            values += call.to.emit("nonzero", [index], [Kind((count,), "int64")] * mask.ndim, call.origin)
            axes += range(axis, axis + mask.ndim)
            axis += mask.ndim
            continue
        if index is not None:
            values.append(index)
            axes.append(axis)
        axis += 1
    return values, axes


def indexed(call: TorchCall) -> list[int]:
    values, axes = indexed_axes(call)
    return call.last("index", call.parameters["self"], *values, axes=tuple(axes))


def index_put(call: TorchCall) -> list[int]:
    values, axes = indexed_axes(call)
    return call.last(
        "index_put", call.operand("self"), call.operand("values"), *values,
        axes=tuple(axes), accumulate=bool(call["accumulate"]),
    )  # fmt: skip


def as_line(call: TorchCall, value: int) -> Value:
    """A number stands for an array of one entry."""
    return reshape(call, value, call.kind_of(value).shape or (1,))


def gathered(call: TorchCall) -> list[int]:
    x, index = (as_line(call, call.parameters[name]) for name in ("self", "index"))
    axis = axis_of(call["dim"], len(call.shape(0)))
    found = call.one("take_along", call.kind_of(index).shape, x, index, axis=axis)
    return [reshape(call, found, call.kind.shape)]


HOW = {"add": "add", "sum": "add", "multiply": "mul", "prod": "mul", "amax": "max", "amin": "min"}


def scattered(call: TorchCall) -> list[int]:
    """src or a value, put in or joined ("add", "multiply", "sum", "prod", "amax", "amin")."""
    how = "add" if "scatter_add" in call.origin.name else HOW.get(call["reduce"], "set")
    if call["reduce"] == "mean":
        raise Unsupported(f"{call.origin} takes means")
    x, index = as_line(call, call.operand("self")), as_line(call, call.parameters["index"])
    shape = call.kind_of(index).shape
    if "src" in call.parameters:
        updates = as_line(call, call.operand("src"))
    else:
        updates = broadcast(call, call.operand("value"), shape)
    axis = axis_of(call["dim"], len(call.kind.shape))
    found = call.one("put_along", call.kind_of(x).shape, x, index, updates, axis=axis, how=how)
    return [reshape(call, found, call.kind.shape)]


def reduced(call: TorchCall) -> list[int]:
    """scatter_reduce: without ``include_self``, what is met begins at the neutral element."""
    if call["reduce"] == "mean":
        raise Unsupported(f"{call.origin} takes means")
    if call["include_self"] in (None, True):
        return scattered(call)
    x, index = call.operand("self"), call.parameters["index"]
    neutral = {"sum": 0, "prod": 1, "amax": -math.inf, "amin": math.inf}[call["reduce"]]
    start = broadcast(call, call.constant(neutral), call.kind_of(index).shape)
    axis = axis_of(call["dim"], len(call.kind.shape))
    x = call.one("put_along", call.kind.shape, x, index, start, axis=axis, how="set")
    return call.last("put_along", x, index, call.operand("src"), axis=axis, how=HOW[call["reduce"]])


def rows_at(call: TorchCall) -> list[int]:
    """index_select(self, dim, index)."""
    if not call.shape(0):
        return [call.arguments[0]]
    index = reshape(call, call.parameters["index"], (call.kind_of(call.parameters["index"]).size,))
    axis = axis_of(call["dim"], len(call.shape(0)))
    return call.last("index", call.parameters["self"], index, axes=(axis,))


def put_rows(accumulate: bool) -> TorchLowering:
    """index_add, index_copy: whole slices, by their places along an axis."""

    def lowering(call: TorchCall) -> list[int]:
        source = call.operand("source")
        if call["alpha"] not in (None, 1):
            source = call.one("mul", call.kind_of(source).shape, source, call.constant(call["alpha"]))
        x, shape = call.operand("self"), call.kind.shape or (1,)
        index = reshape(call, call.parameters["index"], (call.kind_of(call.parameters["index"]).size,))
        axis = axis_of(call["dim"], len(shape))
        count = call.kind_of(index).size
        source = reshape(call, source, tuple(count if a == axis else n for a, n in enumerate(shape)))
        found = call.one(
            "index_put", shape, reshape(call, x, shape), source, index, axes=(axis,), accumulate=accumulate
        )
        return [reshape(call, found, call.kind.shape)]

    return lowering


def flat_take(call: TorchCall) -> list[int]:
    x, index = call.parameters["self"], call.parameters["index"]
    flat = reshape(call, x, (call.kind_of(x).size,))
    return call.last("index", flat, index, axes=(0,))


def flat_put(call: TorchCall) -> list[int]:
    """put(self, index, source, accumulate)."""
    x, index, source = call.operand("self"), call.parameters["index"], call.operand("source")
    flat = (call.kind.size,)
    source = reshape(call, source, call.kind_of(index).shape)
    found = call.one(
        "index_put", flat, reshape(call, x, flat), source, index, axes=(0,), accumulate=bool(call["accumulate"])
    )
    return [reshape(call, found, call.kind.shape)]


def put_places(call: TorchCall, value: int, source: int, places: torch.Tensor, accumulate: bool = False) -> list[int]:
    """``source`` in place of the entries of a value at those places, flat."""
    flat, at = (call.kind.size,), call.to.constant(places.numpy().astype(np.int64), "int64")
    whole = reshape(call, value, flat)
    found = call.one("index_put", flat, whole, source, at, axes=(0,), accumulate=accumulate)
    return [reshape(call, found, call.kind.shape)]


def strided_places(call: TorchCall) -> torch.Tensor:
    """Of as_strided: which entry of the argument lies at each place in memory that it names."""
    tensor = call.tensor(call.arguments[0])
    size = tensor.untyped_storage().nbytes() // tensor.itemsize
    entries = torch.full((size,), -1)
    entries[torch.arange(size).as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())] = numbered(call)
    offset = call["storage_offset"]
    offset = tensor.storage_offset() if offset is None else offset
    found = entries.as_strided(call["size"], call["stride"], offset)
    if found.numel() and int(found.min()) < 0:
        raise Unsupported(f"{call.origin} looks at memory outside of its argument")
    return found


def strided(call: TorchCall) -> list[int]:
    return taken(call, strided_places(call))


def strided_scatter(call: TorchCall) -> list[int]:
    return put_places(call, call.operand("self"), call.operand("src"), strided_places(call))


def slice_scatter(call: TorchCall) -> list[int]:
    axis = axis_of(call["dim"], len(call.shape(0)))
    at: list[Any] = [slice(None)] * len(call.shape(0))
    at[axis] = slice(call["start"], call["end"], call["step"])
    return put_places(call, call.operand("self"), call.operand("src"), numbered(call)[tuple(at)])


def select_scatter(call: TorchCall) -> list[int]:
    places = numbered(call).select(call["dim"], call["index"])
    return put_places(call, call.operand("self"), call.operand("src"), places)


def diagonal_scatter(call: TorchCall) -> list[int]:
    places = numbered(call).diagonal(call["offset"], call["dim1"], call["dim2"])
    return put_places(call, call.operand("self"), call.operand("src"), places)


def masked(call: TorchCall) -> list[int]:
    """masked_fill(self, mask, value)."""
    return call.last("select", call.operand("mask", "bool"), call.operand("self"), call.operand("value"))


LOWERED: dict[str, TorchLowering] = {
    "aten.index": indexed,
    "aten._unsafe_index": indexed,
    "aten.index_put": index_put,
    "aten._unsafe_index_put": index_put,
    "aten._index_put_impl": index_put,
    "aten.gather": gathered,
    "aten.scatter": scattered,
    "aten.scatter_add": scattered,
    "aten.scatter_reduce": reduced,
    "aten.index_select": rows_at,
    "aten.index_add": put_rows(True),
    "aten.index_copy": put_rows(False),
    "aten.take": flat_take,
    "aten.put": flat_put,
    "aten.slice_scatter": slice_scatter,
    "aten.select_scatter": select_scatter,
    "aten.diagonal_scatter": diagonal_scatter,
    "aten.as_strided": strided,
    "aten.as_strided_scatter": strided_scatter,
    "aten.masked_fill": masked,
}
