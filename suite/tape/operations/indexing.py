"""Operations that take or put entries where integers say. The integers are those of the point."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradlaws.suite.tape.operations.declaration import Declaration
from gradlaws.suite.tape.tape import Array, Shape


@dataclass(frozen=True)
class Windows:
    """How XLA's gather and scatter read their indices (openxla.org/xla/operation_semantics, "Gather").

    Of the array that is indexed: ``collapsed`` axes have windows of size 1 that do not show, ``mapped`` are those that
    the entries of an index vector are for, ``batched`` run along with axes ``index_batched`` of the indices. Of the
    windowed array (a gather's result, a scatter's updates): ``offsets`` are the axes inside a window.
    """

    offsets: Shape
    collapsed: Shape
    mapped: Shape
    batched: Shape
    index_batched: Shape


def places(windows: Windows, shape: Shape, sizes: Shape, indices: Array, clip: bool) -> tuple[Array, Array]:
    """Of every entry of the windowed array: the place in an array of that shape, flat, and whether it is inside."""
    batch = indices.shape[:-1]
    rank = len(batch) + len(windows.offsets)
    batch_axes = [axis for axis in range(rank) if axis not in windows.offsets]
    shown = [a for a in range(len(shape)) if a not in windows.collapsed and a not in windows.batched]
    flat, inside = np.zeros([1] * rank, dtype=np.int64), np.ones([1] * rank, dtype=bool)
    for axis, n in enumerate(shape):
        if axis in windows.mapped:
            start = indices[..., windows.mapped.index(axis)].astype(np.int64)
        elif axis in windows.batched:
            start = _along(len(batch), windows.index_batched[windows.batched.index(axis)], n)
        else:
            start = np.zeros([1] * len(batch), dtype=np.int64)
        if clip:
            start = np.clip(start, 0, n - sizes[axis])
        start = np.broadcast_to(start, batch)
        fits = (start >= 0) & (start + sizes[axis] <= n)
        spread = [1] * rank
        for batch_axis, size in zip(batch_axes, batch, strict=True):
            spread[batch_axis] = size
        place = np.where(fits, start, 0).reshape(spread)
        if axis in shown:
            place = place + _along(rank, windows.offsets[shown.index(axis)], sizes[axis])
        flat, inside = flat * n + place, inside & fits.reshape(spread)
    return flat, np.broadcast_to(inside, flat.shape)


def _along(rank: int, axis: int, n: int) -> Array:
    return np.arange(n, dtype=np.int64).reshape([-1 if a == axis else 1 for a in range(rank)])


def gather(
    xp: Any, x: Any, indices: Array, windows: Windows, sizes: Shape, shape: Shape, clip: bool, fill: float
) -> Any:
    """Entries of x; ``fill`` where an index is outside, unless it is moved inside."""
    flat, inside = places(windows, x.shape, sizes, indices, clip)
    flat, inside = np.broadcast_to(flat, shape), np.broadcast_to(inside, shape)
    if not x.size:
        return np.broadcast_to(_filling(xp, x, fill), shape)
    taken = x.reshape(-1)[flat]
    return taken if np.all(inside) else np.where(inside, taken, _filling(xp, x, fill))


def _filling(xp: Any, x: Any, fill: float) -> Any:
    return np.asarray(fill).astype(x.dtype) if x.dtype.kind in "iub" else xp.asarray(np.float64(fill))


def scatter(xp: Any, x: Any, indices: Array, updates: Any, windows: Windows, sizes: Shape, clip: bool, how: str) -> Any:
    """x with updates put in: "set", "add", "sub", "mul", "min" or "max". What would fall outside is left out."""
    flat, inside = places(windows, x.shape, sizes, indices, clip)
    flat = np.broadcast_to(flat, updates.shape)
    return put(x, flat.reshape(-1), updates.reshape(-1), how, np.broadcast_to(inside, updates.shape).reshape(-1))


COMBINED = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "min": np.minimum, "max": np.maximum}


def put(x: Any, flat: Array, updates: Any, how: str, inside: Array | None = None) -> Any:
    result = np.array(x).reshape(-1)
    if inside is not None and not np.all(inside):
        flat, updates = flat[inside], updates[inside]
    if how == "set":
        result[flat] = updates
    elif len(np.unique(flat)) == len(flat):
        result[flat] = COMBINED[how](result[flat], updates)
    else:
        COMBINED[how].at(result, flat, updates)
    return result.reshape(x.shape)


def flat_index(shape: Shape, axes: Sequence[int], indices: Sequence[Array]) -> Array:
    """Where ``x[..., indices, ...]`` takes its entries from: the places in an array of that shape, as NumPy indexes.

    ``axes`` are those that are indexed, one after the other or with slices between.
    """
    numbers = np.arange(int(np.prod(shape, dtype=np.int64))).reshape(shape)
    at: list[Any] = [slice(None)] * len(shape)
    for axis, index in zip(axes, indices, strict=True):
        at[axis] = index
    return np.asarray(numbers[tuple(at)])


def index(xp: Any, x: Any, *indices: Array, axes: Sequence[int]) -> Any:
    return x.reshape(-1)[flat_index(x.shape, axes, indices)]


def index_put(xp: Any, x: Any, updates: Any, *indices: Array, axes: Sequence[int], accumulate: bool) -> Any:
    flat = flat_index(x.shape, axes, indices)
    values = np.broadcast_to(updates, flat.shape).reshape(-1)
    return put(x, flat.reshape(-1), values, "add" if accumulate else "set")


def along(shape: Shape, places_along: Array, axis: int) -> tuple[Array, ...]:
    grid = [_along(places_along.ndim, a, n) for a, n in enumerate(places_along.shape)]
    grid[axis] = places_along
    return tuple(np.broadcast_arrays(*grid))


def take_along(xp: Any, x: Any, places_along: Array, axis: int) -> Any:
    return x[along(x.shape, places_along, axis)]


def put_along(xp: Any, x: Any, places_along: Array, updates: Any, axis: int, how: str) -> Any:
    """Entry by entry along one axis, where the updates may be longer than what is put."""
    grid = along(x.shape, places_along, axis)
    part = (
        updates[tuple(map(slice, places_along.shape))]
        if np.shape(updates)
        else np.broadcast_to(updates, places_along.shape)
    )
    return put(x, np.ravel_multi_index(grid, x.shape).reshape(-1), part.reshape(-1), how)


def nonzero(xp: Any, mask: Array) -> Sequence[Array]:
    """Where a mask holds: for each of its axes the places along it."""
    return np.nonzero(mask)


FAMILY = (
    Declaration("gather", gather),
    *(Declaration(f"scatter_{how}", functools.partial(scatter, how=how)) for how in ("set", *COMBINED)),
    Declaration("index", index),
    Declaration("index_put", index_put),
    Declaration("nonzero", nonzero, several=True),
    Declaration("take_along", take_along),
    Declaration("put_along", put_along),
)
