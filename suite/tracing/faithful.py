"""Whether a trace is what runs: code that leaves its framework on the way (NumPy, ``.item()``) is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.tape.run import run
from gradlaws.suite.tape.tape import Tape, Unsupported

# Of the largest entry. What was baked in is off by its own size; what float64 rounds, by far less, unless it cancels.
APART = 1e-4


def faithful(tape: Tape, inputs: Sequence[Any], answers: Sequence[Any], what: str) -> Tape:
    """The tape, if at other inputs than those it was traced at it gives what the framework answers there.

    Raises Unsupported if it does not: of such code only the answers can be judged.
    """
    for found, answer in zip(run(tape, inputs, FLOAT64), answers, strict=True):
        expected = np.asarray(answer)
        if not np.allclose(found, expected, rtol=0, atol=APART * np.max(np.abs(expected), initial=0.0), equal_nan=True):
            raise Unsupported(f"the trace of the {what} is not what runs: on the way it leaves the framework")
    return tape
