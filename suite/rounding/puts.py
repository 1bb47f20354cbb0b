"""Errors of what is put at places that integers, or the extrema of windows, name: added up there, or in place of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradlaws.suite.rounding import moves
from gradlaws.suite.rounding.rule import Carried, Rule
from gradlaws.suite.rounding.step import Errors, Step, Unknown, added, sized, summed_to
from gradlaws.suite.rounding.sums import rounded_sum
from gradlaws.suite.tape.operations import indexing
from gradlaws.suite.tape.operations.products import windows
from gradlaws.suite.tape.tape import Array

RIVALS = "a window with two entries that are nearer than their errors"
Cotangents = Sequence[Array | None]


def targets(step: Step) -> tuple[Array, int]:
    """Of every entry of what is put: its place in the result or NOWHERE; and which argument it is."""
    p, arguments = step.parameters, step.arguments
    x = arguments[0]
    if step.operation.startswith("scatter_"):
        flat, inside = indexing.places(p["windows"], x.shape, p["sizes"], arguments[1], p["clip"])
        shape = arguments[2].shape
        return np.where(np.broadcast_to(inside, shape), np.broadcast_to(flat, shape), moves.NOWHERE), 2
    if step.operation == "index_put":
        return indexing.flat_index(x.shape, p["axes"], arguments[2:]), 1
    grid = indexing.along(x.shape, arguments[1], p["axis"])
    return np.asarray(np.ravel_multi_index(grid, x.shape)), 2


def parts(step: Step, values: Array) -> Array:
    """What is put, entry by entry of its targets."""
    at, _ = targets(step)
    if step.operation == "put_along" and np.ndim(values):
        values = values[tuple(map(slice, at.shape))]
    return np.broadcast_to(values, at.shape)


def add_at(step: Step, errors: Errors) -> Carried:
    at, where = targets(step)
    moves.asked_of_indices(step, errors, (0, where))
    x = step.arguments[0]
    landed = moves.gathered([np.ones(at.shape)], [at], x.size).reshape(x.shape)
    sizes = moves.gathered([abs(parts(step, step.arguments[where]))], [at], x.size).reshape(x.shape) + abs(x)
    own = rounded_sum(step, landed.astype(np.int64) + 1, sizes, placed=True)
    put = None
    if errors[where] is not None:
        moved = parts(step, sized(errors[where], step.arguments[where].shape))
        put = moves.gathered([moved], [at], x.size).reshape(x.shape)
    linear = added(errors[0], put)
    return [added(linear, own)], [own]


def from_add_at(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,), (at, where) = cotangents, targets(step)
    assert g is not None
    sign = -1.0 if step.operation == "scatter_sub" else 1.0
    taken = np.where(at == moves.NOWHERE, 0.0, sign * g.reshape(-1)[at])
    found: list[Array | None] = [None] * len(step.arguments)
    found[0], x = g, step.arguments[where]
    if step.operation == "put_along" and x.ndim:
        whole = np.zeros(x.shape, dtype=taken.dtype)
        whole[tuple(map(slice, at.shape))] = taken
        taken = whole
    found[where] = summed_to(taken, x.shape)
    return found


def puts(step: Step) -> bool:
    """Whether what is put stands in place of what was, not added to it."""
    return (step.operation == "index_put" and not step.parameters["accumulate"]) or (
        step.operation == "put_along" and step.parameters["how"] == "set"
    )


def put(step: Step, errors: Errors) -> Carried:
    if step.operation == "put_along" and step.parameters["how"] not in ("set", "add"):
        raise Unknown(f"put_along with {step.parameters['how']}")
    return moves.carried(step, errors) if puts(step) else add_at(step, errors)


def from_put(step: Step, cotangents: Cotangents) -> list[Array | None]:
    return moves.pulled(step, cotangents) if puts(step) else from_add_at(step, cotangents)


def window_put(step: Step, errors: Errors) -> Carried:
    """Each update is added where its window has its extremum."""
    x, updates = step.arguments
    if errors[0] is not None and rivals(step, np.asarray(errors[0])):
        raise Unknown(RIVALS)
    at = window_targets(step)
    landed = moves.gathered([np.ones(at.shape)], [at], x.size).reshape(x.shape)
    sizes = moves.gathered([abs(updates)], [at], x.size).reshape(x.shape)
    own = rounded_sum(step, np.maximum(landed.astype(np.int64), 1), sizes, placed=True)
    linear = None if errors[1] is None else moves.gathered([errors[1]], [at], x.size).reshape(x.shape)
    return [added(linear, own)], [own]


def _largest(step: Step) -> bool:
    return step.operation.endswith("max")


def spread(step: Step) -> Array:
    fill = np.float64(-np.inf if _largest(step) else np.inf)
    return np.asarray(windows(step.arguments[0], fill, **step.parameters))


def rivals(step: Step, error: Array) -> bool:
    found, errors = spread(step), windows(error, np.float64(0), **step.parameters)
    at = np.argmax(found, axis=0) if _largest(step) else np.argmin(found, axis=0)
    best, own = np.take_along_axis(found, at[None], 0), np.take_along_axis(errors, at[None], 0)
    near = (abs(found - best) <= errors + own) & (errors + own > 0)
    return bool(np.any(np.sum(near, axis=0) > 1))


def window_targets(step: Step) -> Array:
    x, found = step.arguments[0], spread(step)
    at = np.argmax(found, axis=0) if _largest(step) else np.argmin(found, axis=0)
    numbers = windows(np.arange(x.size).reshape(x.shape), np.int64(moves.NOWHERE), **step.parameters)
    return np.asarray(np.take_along_axis(numbers, at[None], 0)[0])


def from_window_put(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,) = cotangents
    assert g is not None
    return [None, g.reshape(-1)[window_targets(step)]]


def window_taken(step: Step, errors: Errors) -> Carried:
    """Of each window what stands beside its extremum."""
    if errors[0] is not None and rivals(step, np.asarray(errors[0])):
        raise Unknown(RIVALS)
    return [None if errors[1] is None else np.asarray(errors[1]).reshape(-1)[window_targets(step)]], [None]


def from_window_taken(step: Step, cotangents: Cotangents) -> list[Array | None]:
    return [None, moves.put_back(step, cotangents, [window_targets(step)], (1,))[1]]


def combined(step: Step) -> tuple[Array, Array, Array]:
    """Of a scatter that multiplies or picks: the places, and by what its result changes with x and with each update."""
    at, where = targets(step)
    x, updates, out = step.arguments[0], step.arguments[where], step.result
    there = out.reshape(-1)[np.maximum(at, 0)]
    if step.operation == "scatter_mul":
        if np.any(x == 0) or np.any(updates == 0):
            raise Unknown("a product in which a factor is 0")
        return at, out / x, np.where(at == moves.NOWHERE, 0.0, there / updates)
    picked = (updates == there) & (at != moves.NOWHERE)
    return at, (x == out) * 1.0, picked * 1.0


def combine(step: Step, errors: Errors) -> Carried:
    """Where several are near enough to be picked, the errors of all are counted."""
    _, where = targets(step)
    moves.asked_of_indices(step, errors, (0, where))
    at, of_x, of_updates = combined(step)
    x, updates = step.arguments[0], step.arguments[where]
    of_first, of_put = sized(errors[0], x.shape), sized(errors[where], updates.shape)
    landed = moves.gathered([np.ones(at.shape)], [at], x.size).reshape(x.shape)
    linear = abs(of_x) * of_first + moves.gathered([abs(of_updates) * of_put], [at], x.size).reshape(x.shape)
    if step.operation == "scatter_mul":
        relative = of_first / abs(x) + moves.gathered([of_put / abs(updates)], [at], x.size).reshape(x.shape)
        rounding = landed * step.unit.u
        own = abs(step.result) * (np.expm1(relative + rounding) - relative)
        return [linear + own], [own]
    if errors[0] is None and errors[where] is None:
        return [None], [None]
    both = of_first + moves.gathered([of_put], [at], x.size).reshape(x.shape)
    there = step.result.reshape(-1)[np.maximum(at, 0)]
    reach = both.reshape(-1)[np.maximum(at, 0)]
    near = (abs(updates - there) <= reach) & (reach > 0) & (at != moves.NOWHERE)
    count = ((abs(x - step.result) <= both) & (both > 0)) + moves.gathered([near * 1.0], [at], x.size).reshape(x.shape)
    own = np.where(count > 1, both, 0.0)
    return [linear + own], [own if own.any() else None]


def from_combined(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,), (at, of_x, of_updates), where = cotangents, combined(step), targets(step)[1]
    assert g is not None
    found: list[Array | None] = [None] * len(step.arguments)
    found[0] = of_x * g
    found[where] = of_updates * g.reshape(-1)[np.maximum(at, 0)]
    return found


FAMILY = {
    "scatter_add": Rule(add_at, from_add_at),
    "scatter_sub": Rule(add_at, from_add_at),
    "index_put": Rule(put, from_put),
    "put_along": Rule(put, from_put),
    "window_scatter_max": Rule(window_put, from_window_put),
    "window_scatter_min": Rule(window_put, from_window_put),
    **dict.fromkeys(("window_gather_max", "window_gather_min"), Rule(window_taken, from_window_taken)),
    **dict.fromkeys(("scatter_mul", "scatter_max", "scatter_min"), Rule(combine, from_combined)),
}
