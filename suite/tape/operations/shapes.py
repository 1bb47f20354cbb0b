"""Operations that move, repeat or select entries, whatever these are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.suite.tape.operations.declaration import Declaration
from gradlaws.suite.tape.tape import Array, Shape


def broadcast(xp: Any, x: Any, shape: Shape, dimensions: Sequence[int]) -> Any:
    """Axis i of x becomes axis ``dimensions[i]`` of the result."""
    aligned = [1] * len(shape)
    for axis, dimension in enumerate(dimensions):
        aligned[dimension] = x.shape[axis]
    return np.broadcast_to(x.reshape(aligned), shape)


def sliced(xp: Any, x: Any, starts: Shape, stops: Shape, strides: Shape) -> Any:
    return x[tuple(map(slice, starts, stops, strides))]


def padded(xp: Any, x: Any, value: Any, low: Shape, high: Shape, interior: Shape) -> Any:
    """With ``low`` and ``high`` entries more at the ends of each axis (fewer, if negative) and ``interior`` between."""
    spread = [n + max(n - 1, 0) * gap for n, gap in zip(x.shape, interior, strict=True)]
    whole = np.array(
        np.broadcast_to(value, [n + max(a, 0) + max(b, 0) for n, a, b in zip(spread, low, high, strict=True)]),
        dtype=x.dtype,
    )
    at = (slice(max(a, 0), max(a, 0) + n, gap + 1) for a, n, gap in zip(low, spread, interior, strict=True))
    whole[tuple(at)] = x
    cut = (slice(max(-a, 0), n - max(-b, 0)) for a, b, n in zip(low, high, whole.shape, strict=True))
    return whole[tuple(cut)]


def updated(xp: Any, x: Any, part: Any, starts: Shape) -> Any:
    """With a block in place of what stood there."""
    result = np.array(x)
    result[tuple(slice(s, s + n) for s, n in zip(starts, part.shape, strict=True))] = part
    return result


def placed(x: Array, shape: Shape, starts: Sequence[Array]) -> Shape:
    """Where a block of that shape starts, moved inside if it would stand over the end."""
    return tuple(
        int(np.clip(int(s), 0, n - m)) for s, n, m in zip(starts, x.shape, shape, strict=True)
    )  # fmt: skip


def dynamic_slice(xp: Any, x: Any, *starts: Array, shape: Shape) -> Any:
    at = placed(x, shape, starts)
    return x[tuple(slice(s, s + n) for s, n in zip(at, shape, strict=True))]


def dynamic_update(xp: Any, x: Any, part: Any, *starts: Array) -> Any:
    return updated(xp, x, part, placed(x, part.shape, starts))


def split(xp: Any, x: Any, sizes: Sequence[int], axis: int) -> Sequence[Any]:
    return np.split(x, np.cumsum(sizes)[:-1].tolist(), axis=axis)


FAMILY = (
    Declaration("broadcast", broadcast),
    Declaration("reshape", lambda xp, x, shape: x.reshape(shape)),
    Declaration("transpose", lambda xp, x, permutation: x.transpose(permutation)),
    Declaration("slice", sliced),
    Declaration("flip", lambda xp, x, axes: np.flip(x, tuple(axes))),
    Declaration("concatenate", lambda xp, *parts, axis: np.concatenate(parts, axis=axis)),
    Declaration("split", split, several=True),
    Declaration("pad", padded),
    Declaration("update", updated),
    Declaration("dynamic_slice", dynamic_slice),
    Declaration("dynamic_update", dynamic_update),
    Declaration("roll", lambda xp, x, shifts, axes: np.roll(x, shifts, axes)),
    Declaration("diagonal", lambda xp, x, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2)),
)
