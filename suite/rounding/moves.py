"""Errors through operations that only move, repeat or leave out entries: they move with them.

The transpose is one for all: the operation is done to the numbers of the entries, and each cotangent is added to the
entry that it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.rounding.rule import Carried, Rule
from gradlaws.suite.rounding.step import Error, Errors, Step, Unknown, sized, summed_to
from gradlaws.suite.tape.tape import Array

# Which arguments hold what is moved; the others say where to.
FIRST, BOTH = (0,), (0, 1)
MOVED: dict[str, tuple[int, ...] | None] = {
    "broadcast": FIRST, "reshape": FIRST, "transpose": FIRST, "slice": FIRST, "flip": FIRST, "concatenate": None,
    "split": FIRST, "pad": BOTH, "update": BOTH, "dynamic_slice": FIRST, "dynamic_update": BOTH, "roll": FIRST,
    "diagonal": FIRST, "gather": FIRST, "scatter_set": (0, 2), "index": FIRST, "index_put": BOTH,
    "take_along": FIRST, "put_along": (0, 2),
}  # fmt: skip
INDEX = "an index that it takes is within an error of another"
NOWHERE = -1


def data_of(step: Step) -> tuple[int, ...]:
    places = MOVED[step.operation]
    return tuple(range(len(step.arguments))) if places is None else places


def defined(step: Step, arguments: Sequence[Array], fill: float) -> list[Array]:
    """The operation on other numbers; ``fill`` stands for what it puts in by itself."""
    parameters = dict(step.parameters)
    if "fill" in parameters:
        parameters["fill"] = fill
    found = step.declared.definition(FLOAT64, *arguments, **parameters)
    return [np.asarray(x) for x in (found if step.declared.several else (found,))]


def carried(step: Step, errors: Errors) -> Carried:
    data = data_of(step)
    asked_of_indices(step, errors, data)
    if all(errors[k] is None for k in data):
        return [None] * len(step.results), [None] * len(step.results)
    given = [np.asarray(sized(errors[k], x.shape)) if k in data else x for k, x in enumerate(step.arguments)]
    return defined(step, given, 0.0), [None] * len(step.results)


def asked_of_indices(step: Step, errors: Errors, data: Sequence[int]) -> None:
    if any(k not in data and error is not None and np.any(error > 0) for k, error in enumerate(errors)):
        raise Unknown(INDEX)


def places(step: Step) -> list[Array]:
    """Of every entry of the results, its place among all entries that are moved, one argument after the other."""
    if "places" not in step.kept:
        start, given = 0, list(step.arguments)
        for k in data_of(step):
            size = given[k].size
            given[k] = np.arange(start, start + size, dtype=np.float64).reshape(given[k].shape)
            start += size
        found = defined(step, given, np.nan)
        step.kept["places"] = [np.where(np.isnan(x), NOWHERE, x).astype(np.int64) for x in found]
    kept: list[Array] = step.kept["places"]
    return kept


def pulled(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    if step.operation in BACK:
        return BACK[step.operation](step, cotangents)
    return put_back(step, cotangents, places(step), data_of(step))


def put_back(
    step: Step, cotangents: Sequence[Array | None], at: Sequence[Array], data: Sequence[int]
) -> list[Array | None]:
    """Every cotangent to its place."""
    sizes = [step.arguments[k].size for k in data]
    total = gathered(cotangents, at, sum(sizes))
    found: list[Array | None] = [None] * len(step.arguments)
    start = 0
    for k, size in zip(data, sizes, strict=True):
        if not step.tape.kinds[step.instruction.arguments[k]].is_discrete:
            found[k] = total[start : start + size].reshape(step.arguments[k].shape)
        start += size
    return found


def gathered(cotangents: Sequence[Array | None], at: Sequence[Array], size: int) -> Array:
    total: Any = np.zeros(size)
    for g, place in zip(cotangents, at, strict=True):
        if g is None:
            continue
        flat, weights = place.reshape(-1), np.asarray(g).reshape(-1)
        inside = flat != NOWHERE
        if not inside.all():
            flat, weights = flat[inside], weights[inside]
        total = total + np.bincount(flat, weights.real, size)
        if weights.dtype.kind == "c":
            total = total + 1j * np.bincount(flat, weights.imag, size)
    return np.asarray(total)


def from_broadcast(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    (g,), (x,) = cotangents, step.arguments
    assert g is not None
    kept = list(step.parameters["dimensions"])
    rest = tuple(axis for axis in range(g.ndim) if axis not in kept)
    g = g.sum(axis=rest) if rest else g
    axes = tuple(k for k, n in enumerate(x.shape) if n == 1 and g.shape[k] != 1)
    return [g.sum(axis=axes, keepdims=True) if axes else g]


def from_slice(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    (g,), p = cotangents, step.parameters
    assert g is not None
    found = np.zeros(step.arguments[0].shape, dtype=g.dtype)
    found[tuple(map(slice, p["starts"], p["stops"], p["strides"]))] = g
    return [found]


def from_concatenate(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    (g,), axis = cotangents, step.parameters["axis"]
    assert g is not None
    ends = np.cumsum([x.shape[axis] for x in step.arguments])[:-1]
    return list(np.split(g, ends.tolist(), axis=axis))


def from_split(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    parts = [np.zeros(r.shape) if g is None else g for g, r in zip(cotangents, step.results, strict=True)]
    return [np.concatenate(parts, axis=step.parameters["axis"])]


def one(back: Callable[[Step, Any], Array]) -> Callable[[Step, Sequence[Array | None]], list[Array | None]]:
    return lambda step, cotangents: [back(step, cotangents[0])]


BACK: dict[str, Callable[[Step, Sequence[Array | None]], list[Array | None]]] = {
    "reshape": one(lambda step, g: g.reshape(step.arguments[0].shape)),
    "transpose": one(lambda step, g: g.transpose(np.argsort(step.parameters["permutation"]))),
    "flip": one(lambda step, g: np.flip(g, tuple(step.parameters["axes"]))),
    "broadcast": from_broadcast,
    "slice": from_slice,
    "concatenate": from_concatenate,
    "split": from_split,
}


def chosen(step: Step, errors: Errors) -> Carried:
    """select: of the case that is taken; where another may be, how far that lies away as well."""
    which, *cases = step.arguments
    if all(e is None for e in errors):
        return [None], [None]
    given = [sized(e, np.shape(x)) for e, x in zip(errors[1:], cases, strict=True)]
    linear: Error = None
    if any(e is not None for e in errors[1:]):
        linear = np.asarray(step.declared.definition(FLOAT64, which, *given))
    if errors[0] is None or not np.any(errors[0] > 0):
        return [linear], [None]
    away = np.zeros(step.result.shape)
    for case, error in zip(cases, given, strict=True):
        away = np.maximum(away, abs(case - step.result) + error)
    own = np.where(errors[0] > 0, away, 0.0)
    return [own if linear is None else linear + own], [own]


def from_chosen(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    (g,), which = cotangents, step.arguments[0]
    assert g is not None
    found: list[Array | None] = [None]
    for number, case in enumerate(step.arguments[1:]):
        found.append(summed_to(np.where(which == number, g, 0.0), np.shape(case)))
    return found


FAMILY = {name: Rule(carried, pulled) for name in MOVED} | {"select": Rule(chosen, from_chosen)}
