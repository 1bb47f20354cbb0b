"""Sums, products and extrema over axes, and running ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradlaws.suite.tape.operations.declaration import Declaration
from gradlaws.suite.tape.operations.elementwise import discrete
from gradlaws.suite.tape.tape import Array


def over(x: Any, axes: Sequence[int], reduce: Callable[..., Any]) -> Any:
    """One axis after the other: NumPy reduces several at once for its own types only."""
    for axis in sorted(axes, reverse=True):
        x = reduce(x, axis=axis)
    return np.asarray(x)


def total(xp: Any, x: Any, axes: Sequence[int]) -> Any:
    if not x.size:
        shape = tuple(n for axis, n in enumerate(x.shape) if axis not in axes)
        return np.zeros(shape, dtype=x.dtype) if discrete(x) else xp.zeros(shape)
    return over(x, axes, np.add.reduce)


def product(xp: Any, x: Any, axes: Sequence[int]) -> Any:
    return over(x, axes, np.multiply.reduce) if x.size else xp.ones(()) + total(xp, x, axes)


def several_extrema(x: Any, axes: Sequence[int], extremum: Callable[..., Any]) -> bool:
    """Whether the extremum is met more than once along some line."""
    if not x.size:
        return False
    best = over(x, axes, extremum)
    return bool(np.any(np.sum(x == np.expand_dims(best, tuple(axes)), axis=tuple(axes)) > 1))


def extremum(name: str, reduce: Callable[..., Any]) -> Declaration:
    """NumPy's own maximum and minimum compare numbers of every type."""
    return Declaration(
        name, lambda xp, x, axes: over(x, axes, reduce), tie=functools.partial(several_extrema, extremum=reduce)
    )


def running(xp: Any, x: Any, axis: int, reverse: bool, step: Callable[..., Any]) -> Any:
    """Along an axis, from its beginning or its end."""
    lines = np.moveaxis(np.array(np.flip(x, axis) if reverse else x), axis, 0)
    result = lines.copy()
    for k in range(1, len(lines)):
        result[k] = step(xp, result[k - 1], lines[k])
    result = np.moveaxis(result, 0, axis)
    return np.flip(result, axis) if reverse else result


def accumulation(name: str, step: Callable[..., Any]) -> Declaration:
    return Declaration(name, functools.partial(running, step=step))


def logaddexp(xp: Any, a: Any, b: Any) -> Any:
    top = np.maximum(a, b)
    return top + xp.log1p(xp.exp(-abs(a - b)))


def first_extremum(xp: Any, x: Any, axis: int, dtype: str, largest: bool) -> Array:
    values = xp.to_float64(x) if not discrete(x) else x
    exact = x == np.expand_dims((np.max if largest else np.min)(x, axis=axis), axis)
    found = np.argmax(np.asarray(exact, dtype=bool) | np.isnan(values), axis=axis)
    return np.asarray(found, dtype=dtype)


def order(keys: Sequence[Array], axis: int) -> Array:
    """The stable order by the keys, of which the first counts most. NaN come last."""
    flat = [np.moveaxis(key, axis, -1) for key in keys]
    lines = [key.reshape(-1, key.shape[-1]) for key in flat]
    found = np.empty(lines[0].shape, dtype=np.int64)
    for number, line in enumerate(zip(*lines, strict=True)):
        ranks = [[(entry != entry, entry) for entry in key] for key in line]
        found[number] = [place for *_, place in sorted(zip(*ranks, range(found.shape[1]), strict=True))]
    return np.moveaxis(found.reshape(flat[0].shape), -1, axis)


def in_order(xp: Any, *arrays: Any, axis: int, keys: int) -> Sequence[Any]:
    """Arrays sorted together by the first ``keys`` of them, ascending."""
    if keys == 1 and len(arrays) == 1 and arrays[0].dtype != object and arrays[0].dtype.kind in "iufb":
        return (np.sort(arrays[0], axis=axis, kind="stable"),)
    places = order(arrays[:keys], axis)
    return tuple(np.take_along_axis(a, places, axis) for a in arrays)


def neighbours_equal(*arrays: Any, axis: int, keys: int) -> bool:
    x = arrays[0]
    if x.shape[axis] < 2:
        return False
    places = order(arrays[:keys], axis)
    line = np.take_along_axis(x, places, axis)
    first, second = np.delete(line, -1, axis), np.delete(line, 0, axis)
    return bool(np.any(first == second))


FAMILY = (
    Declaration("reduce_sum", total),
    Declaration("reduce_product", product),
    extremum("reduce_max", np.max),
    extremum("reduce_min", np.min),
    Declaration("reduce_and", lambda xp, x, axes: np.all(x, axis=tuple(axes))),
    Declaration("reduce_or", lambda xp, x, axes: np.any(x, axis=tuple(axes))),
    accumulation("cumulative_sum", lambda xp, a, b: a + b),
    accumulation("cumulative_product", lambda xp, a, b: a * b),
    accumulation("cumulative_max", lambda xp, a, b: np.maximum(a, b)),
    accumulation("cumulative_min", lambda xp, a, b: np.minimum(a, b)),
    accumulation("cumulative_logsumexp", logaddexp),
    Declaration("argmax", functools.partial(first_extremum, largest=True)),
    Declaration("argmin", functools.partial(first_extremum, largest=False)),
    Declaration("sort", in_order, several=True, tie=neighbours_equal),
)
