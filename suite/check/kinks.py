"""Points at a kink, where a convention is the user's: RULE is asked beside the point, and the entries of a derivative
that depend on the side are left out, by count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.subject import Subject
from gradlaws.suite.tape.run import run
from gradlaws.suite.tape.tape import Tape

EXACT = 2.0**-30  # the step where the band is 0: beside ties, and nothing else
JUMP = 0.75  # of a difference is left at half of the step where it is a jump; half of it where the derivative is smooth


def step(point: Sequence[Floats], band: float, random: np.random.Generator) -> list[Floats]:
    """To a side of the point, as far as the band reaches: a part of the largest entry of each leaf."""
    found = []
    for x in point:
        size = max(band, EXACT) * (np.max(np.abs(x), initial=0.0) or 1.0)
        found.append(size * random.choice([-1.0, 1.0], x.shape) * random.uniform(0.5, 1.0, x.shape))
    return found


def beside(subject: Subject, moves: Sequence[Floats]) -> Subject:
    return subject.at([x + move for x, move in zip(subject.point, moves, strict=True)])


def depends(tape: Tape, inputs: Sequence[Any], moves: Sequence[Floats], bound: Sequence[Floats], xp: Any) -> list[Any]:
    """Of each entry of the outputs, whether it jumps between the two sides of the point by more than rounding."""
    n = len(moves)

    def apart(part: float) -> list[Floats]:
        sides = [
            run(tape, [*(x + sign * part * m for x, m in zip(inputs[:n], moves, strict=True)), *inputs[n:]], xp)
            for sign in (1, -1)
        ]
        with xp.working():
            return [np.abs(xp.to_float64(a - b)) for a, b in zip(*sides, strict=True)]

    return [
        (half > JUMP * whole) & (half > f) if np.size(whole) else np.zeros(np.shape(whole), dtype=bool)
        for whole, half, f in zip(apart(1.0), apart(0.5), bound, strict=True)
    ]
