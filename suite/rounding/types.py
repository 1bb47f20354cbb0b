"""Errors through changes of type, and between complex numbers and their parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradlaws.suite.rounding.promises import underflow
from gradlaws.suite.rounding.rule import Carried, Rule
from gradlaws.suite.rounding.step import Error, Errors, Step, Unknown, added
from gradlaws.suite.tape.tape import Array

Cotangents = Sequence[Array | None]


def converted(step: Step, errors: Errors) -> Carried:
    """To a narrower float: rounded once. To integers: as far as errors reach beyond a whole number."""
    x, (error,) = step.arguments[0], errors
    source = step.tape.kinds[step.instruction.arguments[0]]
    if not step.is_float:
        return to_discrete(step, source.is_discrete, error)
    own: Error = None
    if source.is_discrete:
        if np.max(abs(x), initial=0) * step.unit.u > 1:  # integers that the type does not hold
            own = step.unit.u * abs(step.result)
        # What a condition may be otherwise is no linear effect.
        return [added(error, own)], [added(error, own)]
    if step.unit.u > step.arithmetic.unit(source.dtype).u or (
        step.unit.normal > step.arithmetic.unit(source.dtype).normal
    ):
        own = added(step.unit.u * abs(step.result), underflow(step))
    return [added(error, own)], [own]


def to_discrete(step: Step, discrete: bool, error: Error) -> Carried:
    if error is None or not np.any(error > 0):
        return [None], [None]
    if discrete:
        found = np.minimum(error, 1.0) if step.dtype == "bool" else error
    elif step.dtype == "bool":
        found = ((abs(step.arguments[0]) <= error) & (error > 0)) * 1.0
    else:
        x = step.arguments[0]
        found = np.trunc(x + error) - np.trunc(x - error)
    return [found], [found]


def from_converted(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,) = cotangents
    assert g is not None
    if step.tape.kinds[step.instruction.arguments[0]].is_discrete:
        return [None]
    return [np.asarray(g.real) if step.is_real(0) else g]


def passed(step: Step, errors: Errors) -> Carried:
    return [errors[0]], [None]


def composed(step: Step, errors: Errors) -> Carried:
    """complex(a, b)"""
    if all(e is None for e in errors):
        return [None], [None]
    a, b = (0.0 if e is None else e for e in errors)
    return [np.broadcast_to(np.hypot(a, b), step.result.shape)], [None]


def from_part(unit: complex) -> Rule:
    return Rule(passed, lambda step, cotangents: [None if cotangents[0] is None else unit * cotangents[0]])


def from_conjugate(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,) = cotangents
    return [None if g is None else np.conj(g)]


def from_composed(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,) = cotangents
    if g is None:
        raise Unknown("a complex number without a cotangent")
    return [np.asarray(g.real), np.asarray(g.imag)]


FAMILY = {
    "convert": Rule(converted, from_converted),
    "real": from_part(1.0),
    "imaginary": from_part(1j),
    "conjugate": Rule(passed, from_conjugate),
    "complex": Rule(composed, from_composed),
}
