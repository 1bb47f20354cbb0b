"""Literals that a rule brings in and a trace rounds: 2/√π in the derivative of erf, log 2 in that of 2^x."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradlaws.suite.tape.tape import Array, Tape

ROUNDED = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}  # of it
MADE_OF = 4  # roundings: a literal may be a product of some that were rounded themselves
SHORT = 20  # bits that an exact one has: 2, 0.5, 1.5, 100


def is_short(value: float) -> bool:
    return not math.isfinite(value) or (math.frexp(value)[0] * 2.0**SHORT) % 1 == 0


def one_number(array: Array) -> float | None:
    """Of an array with that number alone, as a literal that was broadcast is."""
    if not array.size or np.any(array != array.flat[0]):
        return None
    return float(array.flat[0])


def literals(tape: Tape) -> dict[int, float]:
    found = {n: one_number(np.asarray(c)) for n, c in tape.constants.items() if tape.kinds[n].is_float}
    return {number: value for number, value in found.items() if value is not None and not is_short(value)}


def moved_literals(tape: Tape, forward: Tape) -> Iterator[Tape]:
    """The tape with one literal moved by what it may be off, for each that the function itself does not have.

    One at a time, those of one value as well: what they do together may cancel, as in a derivative beside the limit of
    a gradient that has the same one.
    """
    own = {abs(value) for value in literals(forward).values()}
    for number, value in literals(tape).items():
        if abs(value) not in own:
            # As long double, whose bits every arithmetic takes.
            moved = np.longdouble(value) * (1 + MADE_OF * np.longdouble(ROUNDED[tape.kinds[number].dtype]))
            constants = {**tape.constants, number: np.full(np.shape(tape.constants[number]), moved)}
            yield replace(tape, constants=constants)
