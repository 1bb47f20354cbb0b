"""Literals that a rule brings in and a trace rounds: 2/√π in the derivative of erf, log 2 in that of 2^x."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradlaws.suite.tape.tape import Array, Tape

ROUNDED = 2.0**-53  # of it a literal in float64 is off by
SHORT = 20  # bits that an exact one has: 2, 0.5, 1.5, 100


def is_short(value: float) -> bool:
    return not math.isfinite(value) or (math.frexp(value)[0] * 2.0**SHORT) % 1 == 0


def one_number(array: Array) -> float | None:
    """Of an array with that number alone, as a literal that was broadcast is."""
    if not array.size or array.dtype.kind != "f" or np.any(array != array.flat[0]):
        return None
    return float(array.flat[0])


def literals(tape: Tape) -> dict[int, float]:
    found = {n: one_number(np.asarray(c)) for n, c in tape.constants.items() if tape.kinds[n].is_float}
    return {number: value for number, value in found.items() if value is not None and not is_short(value)}


def moved_literals(tape: Tape, forward: Tape) -> Iterator[Tape]:
    """The tape with one literal more by half an ulp, for each that the function itself does not have."""
    own = {abs(value) for value in literals(forward).values()}
    brought: dict[float, list[int]] = {}
    for number, value in literals(tape).items():
        if abs(value) not in own:
            brought.setdefault(value, []).append(number)
    for value, numbers in brought.items():
        # As long double, whose bits every arithmetic takes.
        moved = np.longdouble(value) * (1 + np.longdouble(ROUNDED))
        constants = {n: np.full(np.shape(tape.constants[n]), moved) for n in numbers}
        yield replace(tape, constants={**tape.constants, **constants})
