"""Whether a trace is what runs: code that leaves its framework on the way (NumPy, ``.item()``) is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.tape.run import every_value, run
from gradlaws.suite.tape.tape import Array, Tape, Unsupported

# Of the largest entry. What was baked in is off by its own size; what float64 rounds, by far less.
APART = 1e-4
# Where everything cancels: of the largest number on the way. Some hundred roundings of it.
CANCELLED = 2.0**-46


def faithful(tape: Tape, inputs: Sequence[Any], answers: Sequence[Any], what: str) -> Tape:
    """The tape, if at other inputs than those it was traced at it gives what the framework answers there.

    Raises Unsupported if it does not: of such code only the answers can be judged.
    """
    expected = [np.asarray(answer) for answer in answers]
    found = run(tape, inputs, FLOAT64)
    if not all(_near(a, b, APART * _largest(b)) for a, b in zip(found, expected, strict=True)):
        noise = CANCELLED * _largest_on_the_way(tape, inputs)
        if not all(_near(a, b, noise) for a, b in zip(found, expected, strict=True)):
            raise Unsupported(f"the trace of the {what} is not what runs: on the way it leaves the framework")
    return tape


def _near(found: Any, expected: Array, tolerance: float) -> bool:
    return bool(np.allclose(found, expected, rtol=0, atol=tolerance, equal_nan=True))


def _largest(array: Array) -> float:
    return float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))


def _largest_on_the_way(tape: Tape, inputs: Sequence[Any]) -> float:
    values = every_value(tape, inputs, FLOAT64)
    return max((_largest(v) for n, v in values.items() if not tape.kinds[n].is_discrete), default=0.0)
