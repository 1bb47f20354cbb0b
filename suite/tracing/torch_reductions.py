"""ATen's sums, products, extrema and orders along axes, and what runs along one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradlaws.suite.tape.tape import Kind, Shape
from gradlaws.suite.tracing.torch_call import TorchCall, TorchLowering, Value
from gradlaws.suite.tracing.torch_shapes import axes_of, axis_of, cut, reshape


def without(shape: Shape, axes: Sequence[int]) -> Shape:
    return tuple(n for axis, n in enumerate(shape) if axis not in axes)


def with_ones(shape: Shape, axes: Sequence[int]) -> Shape:
    """As where a reduction keeps its axes."""
    return tuple(1 if axis in axes else n for axis, n in enumerate(shape))


def over(call: TorchCall) -> tuple[int, ...]:
    """The axes that an operation goes over: "dim", "dims", or all."""
    given = call["dims"] if "dims" in call.parameters else call["dim"]
    return axes_of(given, len(call.shape(0)))


def reduce(call: TorchCall, operation: str, value: int, axes: Sequence[int]) -> Value:
    """An array without axes is what it is."""
    kind = call.kind_of(value)
    if not kind.shape:
        return Value(value)
    return call.one(operation, without(kind.shape, axes), value, of=kind.dtype, axes=tuple(axes))


def reduction(operation: str, dtype: str | None = None) -> TorchLowering:
    """In the type of the result, or one that is given; kept axes come back."""

    def lowering(call: TorchCall) -> list[int]:
        value = call.operand(next(iter(call.parameters)), dtype)
        return [reshape(call, reduce(call, operation, value, over(call)), call.kind.shape)]

    return lowering


def mean(call: TorchCall) -> list[int]:
    value, axes = call.operand("self"), over(call)
    count = call.constant(math.prod(call.shape(0)[a] for a in axes) if call.shape(0) else 1)
    total = reduce(call, "reduce_sum", value, axes)
    return [reshape(call, call.one("div", call.kind_of(total).shape, total, count), call.kind.shape)]


def moments(call: TorchCall) -> tuple[Value, Value]:
    """The variance and the mean, their axes kept. The variance is of a sample, unless the arguments say other."""
    x, axes, shape = call.operand(next(iter(call.parameters))), over(call), call.shape(0)
    kept = with_ones(shape, axes)
    count = math.prod(shape[a] for a in axes) if shape else 1
    middle = call.one("div", kept, reshape(call, reduce(call, "reduce_sum", x, axes), kept), call.constant(count))
    centred = call.one("sub", shape, x, middle)
    total = reshape(call, reduce(call, "reduce_sum", call.one("square", shape, centred), axes), kept)
    correction = call.parameters.get("correction", call["unbiased"])
    correction = 1 if correction is None else correction
    return call.one("div", kept, total, call.constant(max(count - correction, 0))), middle


def variance(call: TorchCall) -> list[int]:
    return [reshape(call, moments(call)[0], call.kind.shape)]


def deviation(call: TorchCall) -> list[int]:
    spread = moments(call)[0]
    root = call.one("sqrt", call.kind_of(spread).shape, spread)
    return [reshape(call, root, call.kind.shape)]


def variance_and_mean(call: TorchCall) -> list[int]:
    return [reshape(call, value, call.kind.shape) for value in moments(call)]


def extremum_at(largest: bool) -> TorchLowering:
    """The extremum along an axis, and its place."""
    name = "max" if largest else "min"

    def lowering(call: TorchCall) -> list[int]:
        x, axes = call.arguments[0], axes_of(call["dim"], len(call.shape(0)))
        if not call.shape(0):
            return [x]
        best = reshape(call, reduce(call, f"reduce_{name}", x, axes), call.kinds[0].shape)
        shape = without(call.shape(0), axes)
        place = call.one(f"arg{name}", shape, x, of="int64", axis=axes[0], dtype="int64")
        return [best, reshape(call, place, call.kinds[1].shape)] if len(call.kinds) > 1 else [best]

    return lowering


def extremum(largest: bool) -> TorchLowering:
    """aten.max and min: over all, along an axis, or of two arrays."""
    name = "max" if largest else "min"
    along = extremum_at(largest)

    def lowering(call: TorchCall) -> list[int]:
        if "other" in call.parameters:
            return call.last("maximum" if largest else "minimum", call.operand("self"), call.operand("other"))
        return along(call) if "dim" in call.parameters else reduction(f"reduce_{name}")(call)

    return lowering


def place_of(operation: str) -> TorchLowering:
    def lowering(call: TorchCall) -> list[int]:
        x, axis = call.arguments[0], call["dim"]
        if not call.shape(0):
            return [call.constant(0)]
        if axis is None:
            x, axis = reshape(call, x, (math.prod(call.shape(0)),)), 0
        shape = call.kind_of(x).shape
        axis = axis_of(axis, len(shape))
        found = call.one(operation, without(shape, (axis,)), x, of="int64", axis=axis, dtype="int64")
        return [reshape(call, found, call.kind.shape)]

    return lowering


def running(operation: str) -> TorchLowering:
    """Along an axis from its beginning. Places of running extrema stay those of the point."""

    def lowering(call: TorchCall) -> list[int]:
        x = call.operand("self", call.kinds[0].dtype)
        if not call.shape(0):
            return [x]
        return call.last(operation, x, axis=axis_of(call["dim"], len(call.shape(0))), reverse=False)

    return lowering


def in_order(call: TorchCall, value: int, axis: int) -> tuple[Value, Value]:
    """Ascending, and the places that the entries come from."""
    kind = call.kind_of(value)
    line = np.arange(kind.shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(kind.shape))])
    places = call.to.constant(np.broadcast_to(line, kind.shape), "int64")
    kinds = [kind, Kind(kind.shape, "int64")]
    found, at = call.to.emit("sort", [value, places], kinds, call.origin, axis=axis, keys=1)
    return Value(found), Value(at)


def flip(call: TorchCall, value: int, axis: int) -> Value:
    kind = call.kind_of(value)
    return call.one("flip", kind.shape, value, of=kind.dtype, axes=(axis,))


def sorted_along(call: TorchCall) -> list[int]:
    if not call.shape(0):
        return [call.arguments[0]]
    axis = axis_of(call["dim"], len(call.shape(0)))
    values = in_order(call, call.arguments[0], axis)
    return [*(flip(call, v, axis) if call["descending"] else v for v in values)]


def largest_few(call: TorchCall) -> list[int]:
    """topk: sorted, though torch may leave them as they come, which its places say."""
    if not call.shape(0):
        return [call.arguments[0]]
    axis = axis_of(call["dim"], len(call.shape(0)))
    found: list[int] = []
    for value in in_order(call, call.arguments[0], axis):
        ordered = flip(call, value, axis) if call["largest"] else value
        found.append(cut(call, ordered, axis, 0, call["k"]))
    return found


def of_rank(call: TorchCall, value: int, axis: int, rank: int) -> list[int]:
    """The entry with so many below it along an axis, and its place."""
    ordered = in_order(call, value, axis)
    parts = (cut(call, v, axis, rank, rank + 1) for v in ordered)
    found: list[int] = [reshape(call, part, call.kind.shape) for part in parts]
    return found[: len(call.kinds)]


def kth(call: TorchCall) -> list[int]:
    if not call.shape(0):
        return [call.arguments[0]]
    return of_rank(call, call.arguments[0], axis_of(call["dim"], len(call.shape(0))), call["k"] - 1)


def median(call: TorchCall) -> list[int]:
    """The lower of the two in the middle."""
    if not call.shape(0):
        return [call.arguments[0]]
    if call["dim"] is None:
        flat = reshape(call, call.arguments[0], (math.prod(call.shape(0)),))
        return of_rank(call, flat, 0, (call.kind_of(flat).size - 1) // 2)
    axis = axis_of(call["dim"], len(call.shape(0)))
    return of_rank(call, call.arguments[0], axis, (call.shape(0)[axis] - 1) // 2)


def at_its_place(call: TorchCall) -> list[int]:
    """The entry that torch's own place names (mode, nanmedian: of equal ones, torch says which)."""
    x, shape = call.arguments[0], call.shape(0)
    if not shape:
        return [x]
    if len(call.results) < 2:
        flat = call.tensor(x).reshape(-1)
        place = int((flat == call.results[0]).nonzero()[0, 0])
        whole = reshape(call, x, (flat.numel(),))
        return [reshape(call, cut(call, whole, 0, place, place + 1), ())]
    axis = axis_of(call["dim"], len(shape))
    kept = with_ones(shape, (axis,))
    at = call.to.constant(call.results[1].numpy().reshape(kept), "int64")
    return [reshape(call, call.one("take_along", kept, x, at, axis=axis), call.kind.shape)]


def logsumexp(call: TorchCall) -> list[int]:
    """With the largest entry taken out, which is 0 where it is infinite."""
    x, axes, shape = call.operand("self"), axes_of(call["dim"], len(call.shape(0))), call.shape(0)
    kept = with_ones(shape, axes)
    top = reshape(call, reduce(call, "reduce_max", x, axes), kept)
    finite = call.one("is_finite", kept, top, of="bool")
    top = call.one("select", kept, finite, call.constant(0), top)
    total = reduce(call, "reduce_sum", call.one("exp", shape, call.one("sub", shape, x, top)), axes)
    logarithm = call.one("log", kept, reshape(call, total, kept))
    return [reshape(call, call.one("add", kept, logarithm, top), call.kind.shape)]


LOWERED: dict[str, TorchLowering] = {
    "aten.sum": reduction("reduce_sum"),
    "prims.sum": reduction("reduce_sum"),
    "aten.prod": reduction("reduce_product"),
    "prims.prod": reduction("reduce_product"),
    "aten.amax": reduction("reduce_max"),
    "prims.amax": reduction("reduce_max"),
    "aten.amin": reduction("reduce_min"),
    "prims.amin": reduction("reduce_min"),
    "aten.all": reduction("reduce_and", "bool"),
    "aten.any": reduction("reduce_or", "bool"),
    "aten.mean": mean,
    "aten.var": variance,
    "prims.var": variance,
    "aten.std": deviation,
    "aten.var_mean": variance_and_mean,
    "aten.max": extremum(True),
    "aten.min": extremum(False),
    "aten.argmax": place_of("argmax"),
    "aten.argmin": place_of("argmin"),
    "aten.cumsum": running("cumulative_sum"),
    "aten.cumprod": running("cumulative_product"),
    "aten.cummax": running("cumulative_max"),
    "aten.cummin": running("cumulative_min"),
    "aten.logcumsumexp": running("cumulative_logsumexp"),
    "aten.logsumexp": logsumexp,
    "aten.sort": sorted_along,
    "aten.topk": largest_few,
    "aten.kthvalue": kth,
    "aten.median": median,
    "aten.mode": at_its_place,
    "aten.nanmedian": at_its_place,
}
