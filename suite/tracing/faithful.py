"""Whether a trace is what runs: code that leaves its framework on the way (NumPy, ``.item()``) is not in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradlaws.strategies.precision import PRECISIONS
from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.tape.run import every_value, run
from gradlaws.suite.tape.tape import Array, Tape, Unsupported
from gradlaws.suite.tracing.refusals import demand_same

# Of the largest entry. What was baked in is off by its own size; what float64 rounds, by far less, and what a narrower
# type on the way rounds, by the root of its unit.
APART = 1e-4
# Where everything cancels: of the largest number on the way. Some hundred roundings of it.
CANCELLED = 2.0**-46


def faithful(tape: Tape, inputs: Sequence[Any], answers: Sequence[Any], what: str) -> Tape:
    """The tape, if at other inputs than those it was traced at it gives what the framework answers there.

    Raises Unsupported if it does not: of such code only the answers can be judged.
    """
    expected = [np.asarray(answer) for answer in answers]
    found = run(tape, inputs, FLOAT64)
    unit = max((PRECISIONS[d].unit_roundoff for d in _floats(tape)), default=2.0**-53)
    apart = max(APART, unit**0.5)
    if not all(_near(a, b, apart * _largest(b)) for a, b in zip(found, expected, strict=True)):
        noise = CANCELLED * _largest_on_the_way(tape, inputs) * unit / 2.0**-53
        if not all(_near(a, b, noise) for a, b in zip(found, expected, strict=True)):
            raise Unsupported(f"the trace of the {what} is not what runs: on the way it leaves the framework")
    return tape


MOVED = 2.0**-26  # relative: beside the rounding of float64, which is as much smaller again
SHARE = 2.0**-6  # of a change that may be missing from the tape's: beyond that something does not move with the inputs


def follows(tape: Tape, inputs: Sequence[Any], function: Callable[..., Sequence[Any]]) -> Tape:
    """The tape of a value, if it moves with the inputs as ``function`` does: what leaves the framework is a constant.

    Two moves, since a step of the function may lie within one. Raises Unsupported if it does not, NoFunction for what
    gives other numbers each time.
    """
    here = function(*inputs)
    demand_same(here, function(*inputs))
    unit = max((PRECISIONS[d].unit_roundoff for d in _floats(tape)), default=2.0**-53)
    size = max(MOVED, unit**0.5)
    for sign in (1, -1):
        moved = [x * (1 + sign * size) + sign * size * (x == 0) for x in inputs]
        changes = [np.asarray(b) - np.asarray(a) for a, b in zip(here, function(*moved), strict=True)]
        found = [b - a for a, b in zip(run(tape, inputs, FLOAT64), run(tape, moved, FLOAT64), strict=True)]
        noise = CANCELLED * _largest_on_the_way(tape, inputs) * unit / 2.0**-53
        if all(_near(a, b, SHARE * _largest(b) + noise) for a, b in zip(found, changes, strict=True)):
            return tape
    raise Unsupported("its value does not follow the trace: on the way it leaves the framework (NumPy, a kernel)")


def _floats(tape: Tape) -> set[str]:
    return {kind.dtype for kind in tape.kinds if kind.is_float}


def _near(found: Any, expected: Array, tolerance: float) -> bool:
    return bool(np.allclose(found, expected, rtol=0, atol=tolerance, equal_nan=True))


def _largest(array: Array) -> float:
    return float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))


def _largest_on_the_way(tape: Tape, inputs: Sequence[Any]) -> float:
    values = every_value(tape, inputs, FLOAT64)
    return max((_largest(v) for n, v in values.items() if not tape.kinds[n].is_discrete), default=0.0)
