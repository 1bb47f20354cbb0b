"""Errors through what picks by comparing: extrema, orders, comparisons. A value that is picked is Lipschitz in all of
them; where errors reach as far as the next one, which of them it is is not known, and its error is counted whole.

Of integers and booleans an error is how far off they may be, 1 of a condition that may be either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradlaws.suite.rounding import moves
from gradlaws.suite.rounding.copies import same_entry
from gradlaws.suite.rounding.rule import Carried, Rule
from gradlaws.suite.rounding.step import Error, Errors, Step, Unknown, added, sized
from gradlaws.suite.tape.operations import reductions
from gradlaws.suite.tape.operations.products import windows
from gradlaws.suite.tape.tape import Array


def compared(step: Step, errors: Errors) -> Carried:
    """Undecided where two numbers are nearer than their errors, unless they are copies of one."""
    both = added(*errors)
    if both is None:
        return [None], [None]
    a, b = step.arguments
    with np.errstate(invalid="ignore"):
        open_ = np.broadcast_to((abs(a - b) <= both) & (both > 0), step.result.shape)
    open_ = open_ | np.isnan(np.broadcast_to(both, step.result.shape))
    if open_.any():
        open_ = open_ & ~same_entry(step, open_)
    found = open_.astype(np.float64) if open_.any() else None
    return [found], [found]


def nothing_back(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    return [None] * len(step.arguments)


def either(step: Step, errors: Errors) -> Carried:
    """Of conditions: open where one of them is."""
    found = added(*errors)
    if found is None or not np.any(found > 0):
        return [None], [None]
    if step.result.dtype != bool:
        raise Unknown("the bits of an integer that errors may change")
    found = np.broadcast_to(np.minimum(found, 1.0), step.result.shape)
    return [found], [found]


def any_open(step: Step, errors: Errors) -> Carried:
    if errors[0] is None:
        return [None], [None]
    found = np.max(errors[0], axis=tuple(step.parameters["axes"]), initial=0.0)
    return [found], [found]


def of_integers(step: Step, errors: Errors) -> Carried:
    if any(e is not None and np.any(e > 0) for e in errors):
        raise Unknown("an integer that errors may change")
    return [None] * len(step.results), [None] * len(step.results)


def is_known(step: Step, errors: Errors) -> Carried:
    """is_finite, is_nan, is_infinite: as they are at the point."""
    return [None], [None]


def picked(x: Array, error: Array, at: Array, axis: int, largest: bool) -> tuple[Array, Array, Array]:
    """Along an axis, where ``at`` is picked: its error, the largest of those that it may be instead, and whether there
    is one."""
    sign = 1.0 if largest else -1.0
    best = np.take_along_axis(x, np.expand_dims(at, axis), axis)
    own = np.take_along_axis(error, np.expand_dims(at, axis), axis)
    with np.errstate(invalid="ignore"):
        rival = sign * (x - best) + error + own >= 0
    rival |= np.isnan(error)
    several = np.sum(rival, axis=axis) > 1
    worst = np.max(np.where(rival, error, 0.0), axis=axis, initial=0.0)
    return np.squeeze(own, axis), worst, several


def in_front(step: Step, x: Array) -> Array:
    """The axes of a reduction as one, which is the first."""
    axes = tuple(step.parameters["axes"])
    moved = np.moveaxis(x, axes, tuple(range(len(axes))))
    return moved.reshape((-1, *moved.shape[len(axes) :]))


def extremum(largest: bool) -> Rule:
    def place(step: Step) -> Array:
        lines = in_front(step, step.arguments[0])
        return np.asarray((np.argmax if largest else np.argmin)(lines, axis=0))

    def carried(step: Step, errors: Errors) -> Carried:
        if errors[0] is None:
            return [None], [None]
        lines, error = in_front(step, step.arguments[0]), in_front(step, np.asarray(errors[0]))
        return carried_of(picked(lines, error, place(step), 0, largest))

    def pulled(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
        (g,), x = cotangents, step.arguments[0]
        assert g is not None
        at = in_front(step, np.arange(x.size).reshape(x.shape))
        chosen = np.take_along_axis(at, place(step)[None], 0)[0]
        return moves.put_back(step, [g], [chosen], (0,))

    return Rule(carried, pulled)


def carried_of(found: tuple[Array, Array, Array]) -> Carried:
    """The error of what is picked, and that of any rival where there is one, which no derivative tells of."""
    linear, worst, several = found
    if not several.any():
        return [linear], [None]
    own = np.where(several, worst + linear, 0.0)
    return [linear + own], [own]


def running_extremum(largest: bool) -> Rule:
    def lines(step: Step, x: Array) -> Array:
        axis = step.parameters["axis"]
        x = np.moveaxis(x, axis, 0)
        return x[::-1] if step.parameters["reverse"] else x

    def at(step: Step) -> Array:
        """The row from which each entry of the result is."""
        x = lines(step, step.arguments[0])
        best = (np.maximum if largest else np.minimum).accumulate(x, axis=0)
        rows = np.arange(len(x)).reshape((-1,) + (1,) * (x.ndim - 1))
        new = np.ones(x.shape, dtype=bool)
        new[1:] = x[1:] != best[:-1]
        new &= x == best
        return np.asarray(np.maximum.accumulate(np.where(new, rows, 0), axis=0))

    def carried(step: Step, errors: Errors) -> Carried:
        if errors[0] is None:
            return [None], [None]
        x, e = lines(step, step.arguments[0]), lines(step, np.asarray(errors[0]))
        row = at(step)
        linear = np.take_along_axis(e, row, 0)
        worst = np.maximum.accumulate(e, axis=0)
        sign = 1.0 if largest else -1.0
        # The largest that any earlier entry but the picked one may be, beside the least that the picked one may be.
        best = np.take_along_axis(x, row, 0)
        apart = np.full(x.shape, np.inf)
        for k in range(len(x)):
            others = np.arange(k + 1).reshape((-1,) + (1,) * (x.ndim - 1)) != row[k]
            gap = np.where(others, sign * (best[k] - x[: k + 1]) - e[: k + 1] - linear[k], np.inf)
            apart[k] = gap.min(axis=0, initial=np.inf)
        own = np.where(apart <= 0, worst + linear, 0.0)
        back = [_unlined(step, a) for a in (linear + own, own)]
        return [back[0]], [back[1] if own.any() else None]

    def pulled(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
        x = step.arguments[0]
        numbers = lines(step, np.arange(x.size).reshape(x.shape))
        chosen = _unlined(step, np.take_along_axis(numbers, at(step), 0))
        return moves.put_back(step, cotangents, [chosen], (0,))

    return Rule(carried, pulled)


def _unlined(step: Step, x: Array) -> Array:
    return np.moveaxis(x[::-1] if step.parameters["reverse"] else x, 0, step.parameters["axis"])


def window_extremum(largest: bool) -> Rule:
    def spread(step: Step, x: Array, fill: float) -> Array:
        return np.asarray(windows(x, np.float64(fill), **step.parameters))

    def place(step: Step) -> Array:
        found = spread(step, step.arguments[0], -np.inf if largest else np.inf)
        return np.asarray((np.argmax if largest else np.argmin)(found, axis=0))

    def carried(step: Step, errors: Errors) -> Carried:
        if errors[0] is None:
            return [None], [None]
        x = spread(step, step.arguments[0], -np.inf if largest else np.inf)
        return carried_of(picked(x, spread(step, np.asarray(errors[0]), 0.0), place(step), 0, largest))

    def pulled(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
        x = step.arguments[0]
        numbers = spread(step, np.arange(x.size, dtype=np.float64).reshape(x.shape), moves.NOWHERE)
        chosen = np.take_along_axis(numbers, place(step)[None], 0)[0].astype(np.int64)
        return moves.put_back(step, cotangents, [chosen], (0,))

    return Rule(carried, pulled)


def place_of(largest: bool) -> Rule:
    """argmax and argmin: off by as much as the axis is long, where another may be picked."""

    def carried(step: Step, errors: Errors) -> Carried:
        if errors[0] is None:
            return [None], [None]
        axis = step.parameters["axis"]
        x = step.arguments[0]
        _, _, several = picked(x, np.asarray(errors[0]), step.result, axis, largest)
        found = np.where(several, float(x.shape[axis]), 0.0) if several.any() else None
        return [found], [found]

    return Rule(carried, nothing_back)


def ordered(step: Step, errors: Errors) -> Carried:
    """sort: the k-th of them is off by no more than the largest error, where neighbours may change places."""
    if all(e is None for e in errors):
        return [None] * len(step.results), [None] * len(step.results)
    axis, keys = step.parameters["axis"], step.parameters["keys"]
    at = order_of(step)
    x = step.results[0]
    sorted_ = [np.take_along_axis(sized(e, r.shape), at, axis) for e, r in zip(errors, step.results, strict=True)]
    error = sorted_[0]
    near = np.diff(x, axis=axis) <= np.delete(error, 0, axis) + np.delete(error, -1, axis)
    open_ = near & (np.delete(error, 0, axis) + np.delete(error, -1, axis) > 0)
    if not open_.any():
        return [None if e is None else s for e, s in zip(errors, sorted_, strict=True)], [None] * len(step.results)
    if keys > 1:
        raise Unknown("an order by several keys that are nearer than their errors")
    worst = np.broadcast_to(np.max(error, axis=axis, keepdims=True), x.shape)
    carried: list[Error] = [error + worst]
    own: list[Error] = [worst]
    for result in step.results[1:]:
        if result.dtype.kind not in "iub":
            raise Unknown("numbers put in the order of others that are nearer than their errors")
        moved = np.full(result.shape, float(result.shape[axis]))
        carried.append(moved)
        own.append(moved)
    return carried, own


def order_of(step: Step) -> Array:
    if "order" not in step.kept:
        axis, keys = step.parameters["axis"], step.parameters["keys"]
        step.kept["order"] = (
            np.argsort(step.arguments[0], axis=axis, kind="stable")
            if keys == 1
            else reductions.order(step.arguments[:keys], axis)
        )
    found: Array = step.kept["order"]
    return found


def from_ordered(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    axis, shape = step.parameters["axis"], step.results[0].shape
    numbers = np.arange(step.results[0].size).reshape(shape)
    at = np.take_along_axis(numbers, order_of(step), axis)
    found: list[Array | None] = []
    for x, g in zip(step.arguments, cotangents, strict=True):
        wanted = g is not None and x.dtype.kind not in "iub"
        found.append(moves.gathered([g], [at], x.size).reshape(shape) if wanted else None)
    return found


def discrete(carried: Callable[[Step, Errors], Carried]) -> Rule:
    return Rule(carried, nothing_back)


COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
FAMILY = {
    **dict.fromkeys(COMPARISONS, discrete(compared)),
    **dict.fromkeys(("logical_not", "logical_and", "logical_or", "logical_xor"), discrete(either)),
    **dict.fromkeys(("reduce_and", "reduce_or"), discrete(any_open)),
    **dict.fromkeys(
        ("floor_divide", "remainder", "shift_left", "shift_right", "nonzero", "bits"), discrete(of_integers)
    ),
    **dict.fromkeys(("is_finite", "is_nan", "is_infinite"), discrete(is_known)),
    "reduce_max": extremum(True),
    "reduce_min": extremum(False),
    "cumulative_max": running_extremum(True),
    "cumulative_min": running_extremum(False),
    "window_max": window_extremum(True),
    "window_min": window_extremum(False),
    "argmax": place_of(True),
    "argmin": place_of(False),
    "sort": Rule(ordered, from_ordered),
}
