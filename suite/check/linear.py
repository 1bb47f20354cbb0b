"""A gradient is linear in its cotangent: what clips, rounds or drops one is no derivative."""

from __future__ import annotations

import numpy as np

from gradlaws.suite.check.state import Check
from gradlaws.suite.check.truth import SAME
from gradlaws.suite.tape.run import run

SCALES = (60, -60)  # powers of two


def nonlinear(state: Check) -> list[str]:
    """What is wrong with the traced gradient at 2^60 and 2^-60 times its cotangent, exactly; a line or none."""
    if state.own is None:
        return []
    weights, point = state.cotangents[0].weights, state.subject.point
    with state.xp.working():
        here = run(state.own.gradient, [*point, *weights], state.xp)
        for power in SCALES:
            there = run(state.own.gradient, [*point, *(w * 2.0**power for w in weights)], state.xp)
            for leaf, a, b in zip(state.subject.inputs, here, there, strict=True):
                expected, found = (state.xp.to_float64(x) for x in (a * state.xp.asarray(2.0**power), b))
                known = np.isfinite(expected) & np.isfinite(found)  # what is no number at all is said elsewhere
                size = np.max(np.abs(expected), where=known, initial=0.0)
                if size and np.max(np.abs(expected - found), where=known, initial=0.0) > SAME * size:
                    return [
                        f"the gradient of {leaf.name} is not linear in its cotangent: at 2^{power} times one "
                        "it is another (is it clipped, or are small entries dropped?)"
                    ]
    return []
