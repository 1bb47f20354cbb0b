"""Errors of sums and products over axes, running ones, and those of windows: k·u·Σ|x|, in any order.

Not √k·u: with equal entries roundings add up coherently, and a float32 sum of 10⁶ of them is off by nearly all of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradlaws.suite.rounding import moves
from gradlaws.suite.rounding.rule import Carried, Rule
from gradlaws.suite.rounding.step import Error, Errors, Step, added, sized, times
from gradlaws.suite.tape.operations.products import windows
from gradlaws.suite.tape.tape import Array

Cotangents = Sequence[Array | None]


def rounded_sum(step: Step, terms: int | Array, sizes: Array, placed: bool = False) -> Error:
    """What adding up so many terms, whose sizes sum to ``sizes``, may be off by; ``terms`` perhaps of every entry.
    ``placed``: one by one, each time rounded."""
    if not step.is_float:
        return None
    dtype = step.dtype
    if isinstance(terms, int):
        of_sizes, of_result = step.arithmetic.sum(dtype, terms, placed=placed)
        found = of_sizes * sizes
    else:
        known = {int(k): step.arithmetic.sum(dtype, int(k), placed=placed) for k in np.unique(terms)}
        found = np.vectorize(lambda k: known[int(k)][0], otypes=[float])(terms) * sizes
        of_result = max((pair[1] for pair in known.values()), default=0.0)
    found = found + of_result * abs(step.result) if of_result else found
    unit = step.unit
    if unit.flushes and sizes.size and np.min(sizes) < unit.normal / unit.u:
        found = found + np.where(sizes > 0, np.minimum(sizes, unit.smallest * np.maximum(terms, 1)), 0.0)
    return found if np.any(found) else None


def total(step: Step, errors: Errors) -> Carried:
    x, axes = step.arguments[0], tuple(step.parameters["axes"])
    terms = int(np.prod([x.shape[a] for a in axes], dtype=np.int64))
    own = rounded_sum(step, terms, np.sum(abs(x), axis=axes)) if terms > 1 else None
    linear = None if errors[0] is None else np.sum(errors[0], axis=axes)
    return [added(linear, own)], [own]


def from_total(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,), x = cotangents, step.arguments[0]
    assert g is not None
    return [np.broadcast_to(np.expand_dims(g, tuple(step.parameters["axes"])), x.shape)]


def running(step: Step, x: Array, reverse: bool | None = None) -> Array:
    axis = step.parameters["axis"]
    backward = step.parameters["reverse"] if reverse is None else reverse
    found = np.cumsum(np.flip(x, axis) if backward else x, axis=axis)
    return np.flip(found, axis) if backward else found


def running_total(step: Step, errors: Errors) -> Carried:
    x = step.arguments[0]
    own = rounded_sum(step, counted(step), running(step, abs(x)))
    linear = None if errors[0] is None else running(step, np.asarray(errors[0]))
    return [added(linear, own)], [own]


def counted(step: Step) -> Array:
    """Of every entry of a running sum, the number of its terms."""
    x, axis = step.arguments[0], step.parameters["axis"]
    line = np.arange(1, x.shape[axis] + 1)
    line = line[::-1] if step.parameters["reverse"] else line
    return np.broadcast_to(line.reshape([-1 if a == axis else 1 for a in range(x.ndim)]), x.shape)


def from_running_total(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,) = cotangents
    assert g is not None
    return [running(step, g, not step.parameters["reverse"])]


def others(lines: Array) -> Array:
    """Along the first axis, the product of all entries but each: by those before and those after, 0 or not."""
    ones = np.ones((1, *lines.shape[1:]))
    before = np.cumprod(np.concatenate([ones, lines[:-1]]), axis=0)
    after = np.cumprod(np.concatenate([ones, lines[:0:-1]]), axis=0)[::-1]
    return np.asarray(before * after)


def in_front(x: Array, axes: Sequence[int]) -> Array:
    moved = np.moveaxis(x, tuple(axes), tuple(range(len(axes))))
    return moved.reshape((-1, *moved.shape[len(axes) :]))


def product(step: Step, errors: Errors) -> Carried:
    """(k − 1) u |∏x|; the errors of the factors as intervals."""
    x, axes, out = step.arguments[0], step.parameters["axes"], step.result
    lines = in_front(x, axes)
    own: Error = max(len(lines) - 1, 0) * step.unit.u * abs(out) if step.is_float else None
    if own is not None and np.any(abs(out) < step.unit.normal):
        own = own + lost_by_underflow(step, lines)
    if errors[0] is None:
        return [own], [own]
    error = in_front(np.asarray(errors[0]), axes)
    linear = np.sum(times(abs(others(lines)), error), axis=0)
    whole = np.prod(abs(lines) + error, axis=0) - np.prod(abs(lines), axis=0)
    # What is left of the whole beyond the linear part; below its rounding in float64 there is nothing.
    more = np.maximum(whole - linear, 0.0)
    own = added(own, more)
    return [added(linear, own)], [own]


def lost_by_underflow(step: Step, lines: Array) -> Array:
    """Of a product that may pass through what underflows: its largest partial product, times that."""
    largest = np.prod(np.maximum(abs(lines), 1.0), axis=0)
    return np.where(np.any(lines == 0, axis=0), 0.0, step.unit.smallest * largest)


def from_product(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,), x, axes = cotangents, step.arguments[0], tuple(step.parameters["axes"])
    assert g is not None
    found = (others(in_front(x, axes)) * g).reshape(np.moveaxis(x, axes, tuple(range(len(axes)))).shape)
    return [np.moveaxis(found, tuple(range(len(axes))), axes)]


def lined(step: Step, x: Array) -> Array:
    """The axis of a running operation first, from its beginning."""
    x = np.moveaxis(x, step.parameters["axis"], 0)
    return x[::-1] if step.parameters["reverse"] else x


def unlined(step: Step, x: Array) -> Array:
    return np.moveaxis(x[::-1] if step.parameters["reverse"] else x, 0, step.parameters["axis"])


def running_product(step: Step, errors: Errors) -> Carried:
    """o_k = o_{k−1} x_k, rounded each time."""
    x = lined(step, step.arguments[0])
    e = lined(step, sized(errors[0], step.arguments[0].shape))
    out = np.cumprod(x, axis=0)
    u, smallest, normal = step.unit.u, step.unit.smallest, step.unit.normal
    rank = np.arange(len(x)).reshape((-1,) + (1,) * (x.ndim - 1))
    own = rank * u * abs(out)
    linear, whole = np.zeros(x.shape), np.zeros(x.shape)
    for k in range(len(x)):
        before, far = (abs(out[k - 1]), k - 1) if k else (np.ones(x.shape[1:]), 0)
        linear[k] = (times(abs(x[k]), linear[far]) if k else 0.0) + times(before, e[k])
        passed = times(abs(x[k]) + e[k], whole[far]) if k else 0.0
        whole[k] = passed + times(before, e[k]) + (u * abs(out[k]) if k else 0.0)
        tiny = (abs(out[k]) < normal) & (before > 0) & (x[k] != 0)
        whole[k] += np.where(tiny, smallest, 0.0)
    own = np.maximum(own, whole - linear)
    return [unlined(step, linear + own)], [unlined(step, own)]


def from_running_product(step: Step, cotangents: Cotangents) -> list[Array | None]:
    """g_j = (∏_{i<j} x_i) s_j with s_j = g_j + x_{j+1} s_{j+1}, which divides by nothing."""
    (g,) = cotangents
    assert g is not None
    x, g = lined(step, step.arguments[0]), lined(step, g)
    before = np.concatenate([np.ones((1, *x.shape[1:])), np.cumprod(x[:-1], axis=0)])
    sums = np.array(g, dtype=np.float64)
    for k in range(len(x) - 2, -1, -1):
        sums[k] += x[k + 1] * sums[k + 1]
    return [unlined(step, before * sums)]


def running_logsumexp(step: Step, errors: Errors) -> Carried:
    """A chain of log(exp a + exp b): of each the contract of a function, beside its largest number and 1."""
    x = lined(step, step.arguments[0])
    rank = np.arange(len(x)).reshape((-1,) + (1,) * (x.ndim - 1))
    largest = np.maximum.accumulate(np.where(np.isfinite(x), abs(x), 0.0), axis=0) + np.log(rank + 1)
    own = rank * 4 * step.unit.u * (largest + 1)
    linear: Error = None
    if errors[0] is not None:  # a mean of the errors, with weights that they may move: no more than the largest
        linear = np.maximum.accumulate(lined(step, np.asarray(errors[0])), axis=0)
        own = own + linear * np.minimum(np.expm1(np.minimum(2 * linear, 1.0)), 1.0)
    back = unlined(step, own)
    return [back if linear is None else back + unlined(step, linear)], [back]


def from_running_logsumexp(step: Step, cotangents: Cotangents) -> list[Array | None]:
    """g_j = Σ_{k ≥ j} g_k exp(x_j − o_k), summed from the end: exp(o_{k−1} − o_k) carries it on."""
    (g,) = cotangents
    assert g is not None
    x, out, g = (lined(step, v) for v in (step.arguments[0], step.result, g))
    found, sums = np.empty(x.shape), np.zeros(x.shape[1:])
    for k in range(len(x) - 1, -1, -1):
        sums = g[k] + sums
        found[k] = times(np.exp(x[k] - out[k]), sums)
        if k:
            sums = times(np.exp(out[k - 1] - out[k]), sums)
    return [unlined(step, found)]


def window_total(step: Step, errors: Errors) -> Carried:
    x, shape = step.arguments[0], step.parameters
    terms = int(np.prod(shape["size"], dtype=np.int64))
    own = rounded_sum(step, terms, np.add.reduce(windows(abs(x), np.float64(0), **shape), axis=0))
    linear = None if errors[0] is None else np.add.reduce(windows(errors[0], np.float64(0), **shape), axis=0)
    return [added(linear, own)], [own]


def from_window_total(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,), x = cotangents, step.arguments[0]
    assert g is not None
    numbers = windows(np.arange(x.size).reshape(x.shape), np.int64(moves.NOWHERE), **step.parameters)
    return moves.put_back(step, [np.broadcast_to(g, numbers.shape)], [numbers], (0,))


FAMILY = {
    "reduce_sum": Rule(total, from_total),
    "reduce_product": Rule(product, from_product),
    "cumulative_sum": Rule(running_total, from_running_total),
    "cumulative_product": Rule(running_product, from_running_product),
    "cumulative_logsumexp": Rule(running_logsumexp, from_running_logsumexp),
    "window_sum": Rule(window_total, from_window_total),
}
