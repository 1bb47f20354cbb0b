"""Calls that have no derivative to ask for, each in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.suite.tape.tape import Array, NoFunction, Tape

SHOWN = 4  # entries that are named
NEW_EACH_TIME = "it gives other numbers each time it is called: draw random numbers from a seed, or pass them in"


def why_no_point(point: Sequence[Any], names: Sequence[str] = ()) -> str | None:
    """Where a function has no derivative: by a NaN, by an infinite number, by nothing at all."""
    arrays = [np.asarray(x) for x in point]
    if not arrays:
        return "there is no argument to differentiate by"
    if not any(x.size for x in arrays):
        return "the arguments have no entries: there is nothing to differentiate by"
    for k, x in enumerate(arrays):
        name = names[k] if names else f"argument {k}"
        for what, odd in (("NaN", np.isnan(x)), ("infinite", np.isinf(x))):
            if odd.any():
                return f"{name} is {what} at {places(odd)}: nothing has a derivative there; hold it fixed (a closure)"
    return None


def places(odd: Array) -> str:
    """The first entries, by their indices."""
    found = [f"[{', '.join(map(str, index))}]" for index in np.argwhere(odd)[:SHOWN].tolist()]
    more = int(odd.sum()) - len(found)
    return ", ".join(found) + (f" and {more:,} more" if more else "")


def demand_same(one: Sequence[Any], other: Sequence[Any]) -> None:
    """Of the values of a function twice. Raises NoFunction if they are not the same."""
    if not all(map(same, one, other)):
        raise NoFunction(NEW_EACH_TIME)


def demand_same_constants(one: Tape, other: Tape) -> None:
    """Of a trace twice: what is drawn without a key is a constant of it. Raises NoFunction."""
    demand_same(list(one.constants.values()), list(other.constants.values()))


def same(one: Any, other: Any) -> bool:
    """To half the digits of float64: threads may add up in another order."""
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return False
    if one.dtype.kind not in "fc":
        return bool(np.array_equal(one, other))
    return bool(np.allclose(one, other, rtol=2.0**-26, atol=0, equal_nan=True))
