"""Sums of products: contractions, convolutions, windows."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.suite.tape.operations.declaration import Declaration
from gradlaws.suite.tape.operations.elementwise import discrete
from gradlaws.suite.tape.operations.shapes import padded
from gradlaws.suite.tape.tape import Shape

Axes = Sequence[int]


def contract(xp: Any, a: Any, b: Any, summed: tuple[Axes, Axes], batched: tuple[Axes, Axes], length: int) -> Any:
    """XLA's dot_general: sums over pairs of axes, along pairs that run together. Result: batch, rest of a, rest of b.

    ``length`` of a sum is what a run costs by (Tape.scalar_operations).
    """
    rest = [[i for i in range(x.ndim) if i not in (*s, *t)] for x, s, t in zip((a, b), summed, batched, strict=True)]
    shape = [a.shape[i] for i in (*batched[0], *rest[0])] + [b.shape[i] for i in rest[1]]
    count = math.prod(a.shape[i] for i in batched[0])
    height, width = (math.prod(x.shape[i] for i in r) for x, r in zip((a, b), rest, strict=True))
    left = a.transpose((*batched[0], *rest[0], *summed[0])).reshape(count, height, length)
    right = b.transpose((*batched[1], *summed[1], *rest[1])).reshape(count, length, width)
    if discrete(a, b):
        return np.matmul(left, right).reshape(shape)
    left, right = (xp.asarray(x) for x in (left, right))
    return (xp.matmul(left[0], right[0]) if count == 1 else xp.matmul(left, right)).reshape(shape)


def fourier(xp: Any, x: Any, axis: int, forward: bool) -> Any:
    """Σ_j x_j exp(∓2πi j k / n) along an axis, − forward and + backward, not scaled: the matrix written out."""
    n = x.shape[axis]
    lines = np.moveaxis(x, axis, -1)
    turns = xp.asarray(np.outer(np.arange(n), np.arange(n)) % max(n, 1) * 2.0)
    angles = xp.divide(turns * xp.atan2(xp.zeros(()), -xp.ones(())), xp.asarray(np.float64(n)))  # atan2(0, −1) is π
    cosines, sines = xp.cos(angles), xp.sin(angles) * (-1.0 if forward else 1.0)
    real, imaginary = (np.ascontiguousarray(part(lines)).reshape(-1, n) for part in (xp.real, xp.imaginary))
    found = xp.complex(
        xp.matmul(real, cosines) - xp.matmul(imaginary, sines), xp.matmul(real, sines) + xp.matmul(imaginary, cosines)
    )
    return np.moveaxis(found.reshape(lines.shape), -1, axis)


def convolve(
    xp: Any,
    x: Any,
    kernel: Any,
    strides: Shape,
    low: Shape,
    high: Shape,
    spread: Shape,
    kernel_spread: Shape,
    groups: int,
    batch_groups: int,
    length: int,
) -> Any:
    """x: (batch, channels, *space), kernel: (out, channels / groups, *space); no flip, as frameworks have it.

    ``spread`` and ``kernel_spread`` are dilations of either.
    """  # fmt: skip
    if batch_groups > 1:
        parts = [
            convolve(xp, part, block, strides, low, high, spread, kernel_spread, 1, 1, length)
            for part, block in zip(np.split(x, batch_groups), np.split(kernel, batch_groups), strict=True)
        ]
        return np.concatenate(parts, axis=1)
    if groups > 1:
        parts = [
            convolve(xp, part, block, strides, low, high, spread, kernel_spread, 1, 1, length)
            for part, block in zip(np.split(x, groups, axis=1), np.split(kernel, groups), strict=True)
        ]
        return np.concatenate(parts, axis=1)
    nothing = (0, 0)
    x = padded(xp, x, xp.zeros(()), (*nothing, *low), (*nothing, *high), (*nothing, *(d - 1 for d in spread)))
    space = kernel.shape[2:]
    shape = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, d, s in zip(x.shape[2:], space, kernel_spread, strides, strict=True)
    ]  # fmt: skip
    columns = []
    for offset in itertools.product(*map(range, space)):
        at = (
            slice(o * d, o * d + (n - 1) * s + 1, s)
            for o, d, n, s in zip(offset, kernel_spread, shape, strides, strict=True)
        )
        columns.append(x[(slice(None), slice(None), *at)])
    patches = np.stack(columns, axis=2)  # batch, channels, offset, *shape
    flat = np.moveaxis(patches.reshape(*patches.shape[:3], -1), -1, 1)  # batch, place, channels, offset
    rows = flat.reshape(flat.shape[0] * flat.shape[1], -1)
    weights = kernel.reshape(kernel.shape[0], -1)
    found = xp.matmul(rows, weights.T)
    return np.moveaxis(found.reshape(flat.shape[0], *shape, kernel.shape[0]), -1, 1)


def windows(
    x: Any, fill: Any, size: Shape, strides: Shape, low: Shape, high: Shape, spread: Shape, window_spread: Shape
) -> Any:
    """Every window of x, its entries along a new first axis."""
    x = padded(None, x, fill, low, high, tuple(d - 1 for d in spread))
    shape = [(n - (k - 1) * d - 1) // s + 1 for n, k, d, s in zip(x.shape, size, window_spread, strides, strict=True)]
    found = []
    for offset in itertools.product(*map(range, size)):
        at = (
            slice(o * d, o * d + (n - 1) * s + 1, s)
            for o, d, n, s in zip(offset, window_spread, shape, strides, strict=True)
        )
        found.append(x[tuple(at)])
    return np.stack(found)


def window_sum(xp: Any, x: Any, **shape: Any) -> Any:
    return np.add.reduce(windows(x, xp.zeros(()), **shape), axis=0)


def window_extremum(xp: Any, x: Any, largest: bool, **shape: Any) -> Any:
    fill = xp.asarray(np.float64(-np.inf if largest else np.inf))
    return (np.max if largest else np.min)(windows(x, fill, **shape), axis=0)


def several_in_window(x: Any, largest: bool, **shape: Any) -> bool:
    """Whether two entries of a window are its extremum."""
    low = np.asarray(-np.inf if largest else np.inf).astype(x.dtype)
    found = windows(x, low, **shape)
    best = (np.max if largest else np.min)(found, axis=0)
    return bool(np.any(np.sum(found == best, axis=0) > 1))


def window_scatter(xp: Any, x: Any, updates: Any, largest: bool, **shape: Any) -> Any:
    """Each update is added to the entry of x that is the extremum of its window, the first of equal ones."""
    fill = xp.asarray(np.float64(-np.inf if largest else np.inf))
    found = windows(x, fill, **shape)
    best = (np.max if largest else np.min)(found, axis=0)
    first = np.argmax(np.asarray(found == best, dtype=bool), axis=0)
    numbers = np.arange(x.size).reshape(x.shape)
    flat = np.take_along_axis(windows(numbers, np.int64(-1), **shape), first[None], axis=0)[0]
    result = np.broadcast_to(xp.zeros(()), (x.size,)).copy()
    np.add.at(result, flat.reshape(-1), updates.reshape(-1))
    return result.reshape(x.shape)


def window_gather(xp: Any, x: Any, tangents: Any, largest: bool, **shape: Any) -> Any:
    """Of each window the tangent of its extremum, the first of equal ones."""
    found = windows(x, xp.asarray(np.float64(-np.inf if largest else np.inf)), **shape)
    best = (np.max if largest else np.min)(found, axis=0)
    first = np.argmax(np.asarray(found == best, dtype=bool), axis=0)
    return np.take_along_axis(windows(tangents, xp.zeros(()), **shape), first[None], axis=0)[0]


FAMILY = (
    Declaration("contract", contract),
    Declaration("fourier", fourier),
    Declaration("convolve", convolve),
    Declaration("window_sum", window_sum),
    Declaration("window_max", functools.partial(window_extremum, largest=True),
                tie=functools.partial(several_in_window, largest=True)),
    Declaration("window_min", functools.partial(window_extremum, largest=False),
                tie=functools.partial(several_in_window, largest=False)),
    Declaration("window_scatter_max", functools.partial(window_scatter, largest=True)),
    Declaration("window_scatter_min", functools.partial(window_scatter, largest=False)),
    Declaration("window_gather_max", functools.partial(window_gather, largest=True)),
    Declaration("window_gather_min", functools.partial(window_gather, largest=False)),
)  # fmt: skip
