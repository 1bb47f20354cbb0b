"""Errors through operations on one entry of each argument.

The linear part of what errors of the arguments do is |∂φ| · error. What it leaves out, the remainder, is counted with
the operation's own error: in full for products and quotients, and where the errors are not small beside the place, by
the partial derivatives at the ends of the errors' range.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.rounding.partials import DISTANCE, PARTIALS, integer_power
from gradlaws.suite.rounding.promises import evaluated
from gradlaws.suite.rounding.rule import Carried, Rule
from gradlaws.suite.rounding.step import Error, Errors, Step, Unknown, added, sized, summed_to, times
from gradlaws.suite.tape.operations import declaration
from gradlaws.suite.tape.tape import Array

# Of √u times the distance to where a function is not smooth: from there on the remainder is below u / 1000.
SMALL = 2.0**-5
STRAIGHT = frozenset({"add", "sub", "negative", "copy", "sign", "floor", "ceil", "trunc", "rint", "abs", "maximum",
                      "minimum", "remainder_to_zero"})  # fmt: skip


def partials_of(step: Step, out: Array, arguments: Sequence[Array]) -> Sequence[Any]:
    if step.operation == "integer_power":
        return integer_power(int(step.parameters["exponent"]))(out, *arguments)
    return PARTIALS[step.operation](out, *arguments)


def carried(step: Step, errors: Errors) -> Carried:
    partials = partials_of(step, step.result, step.arguments)
    linear: Error = None
    for d, error in zip(partials, errors, strict=True):
        if error is not None:
            linear = added(linear, times(np.abs(d), error))
    own = evaluated(step, partials) if step.is_float else None
    if linear is not None:
        own = added(own, remainder(step, partials, errors))
    whole = added(linear, own)
    shape = step.result.shape
    return [None if e is None else np.broadcast_to(e, shape) for e in (whole,)], [
        None if own is None else np.broadcast_to(own, shape)
    ]


def pulled(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    (g,) = cotangents
    assert g is not None
    found: list[Array | None] = []
    for place, d in enumerate(partials_of(step, step.result, step.arguments)):
        x = step.arguments[place]
        d = np.conj(d) if np.iscomplexobj(d) else d
        back = summed_to(np.broadcast_to(g * d, step.result.shape), x.shape)
        found.append(back.real if step.is_real(place) and np.iscomplexobj(back) else back)
    return found


def remainder(step: Step, partials: Sequence[Any], errors: Errors) -> Error:
    name = step.operation
    if name in JUMPS:
        return JUMPS[name](step, errors)
    if name in STRAIGHT:
        return None
    if name == "mul":
        a, b = errors
        return None if a is None or b is None else a * b
    if name == "square":
        return None if errors[0] is None else errors[0] ** 2
    if name == "div":
        return of_quotient(step, errors)
    return curvature(step, partials, errors)


def of_quotient(step: Step, errors: Errors) -> Error:
    """(|δa| + |q| |δb|) / (|b| − |δb|), less its linear part."""
    if errors[1] is None:
        return None
    size = abs(step.arguments[1])
    top = added(errors[0], times(abs(step.result), errors[1]))
    left = size - errors[1]
    share = np.where(left > 0, errors[1] / np.where(left > 0, left, 1.0), np.where(errors[1] > 0, np.inf, 0.0))
    return None if top is None else times(share / size, top)


def curvature(step: Step, partials: Sequence[Any], errors: Errors) -> Error:
    """Σ error · (how far the partial moves within the errors of the arguments), where these are not small."""
    shape = step.result.shape
    given = [np.broadcast_to(x, shape) for x in step.arguments]
    boxes = [sized(e, np.shape(x)) for e, x in zip(errors, step.arguments, strict=True)]
    boxes = [np.broadcast_to(e, shape) for e in boxes]
    large = np.zeros(shape, dtype=bool)
    for argument, (x, e) in enumerate(zip(given, boxes, strict=True)):
        if errors[argument] is not None:
            large = large | ~(e <= np.sqrt(step.unit.u) * SMALL * nearness(step, argument, x))
    if not large.any():
        return None
    if any(x.dtype.kind == "c" for x in given):
        raise Unknown("its complex argument is known too badly")
    places, box = [x[large] for x in given], [e[large] for e in boxes]
    moved: list[Array] = [np.zeros(int(large.sum())) for _ in given]
    middle = [np.broadcast_to(d, shape)[large] for d in partials]
    moving = [k for k, e in enumerate(errors) if e is not None]
    for signs in itertools.product((-1.0, 1.0), repeat=len(moving)):
        corner = list(places)
        for k, sign in zip(moving, signs, strict=True):
            corner[k] = places[k] + sign * box[k]
        out = np.asarray(declaration(step.operation).definition(FLOAT64, *corner, **step.parameters))
        for k, d in enumerate(partials_of(step, out, corner)):
            apart = abs(d - middle[k])
            moved[k] = np.maximum(moved[k], np.where(np.isnan(apart), np.inf, apart))
    found = np.zeros(shape)
    found[large] = sum(times(m, e) for m, e in zip(moved, box, strict=True))
    return found


def nearness(step: Step, place: int, x: Array) -> Array:
    """A distance within which the partials change by about themselves."""
    if step.operation == "pow":
        a, b = step.arguments
        steep = 1 + abs(b) + abs(np.log(np.where(a > 0, a, 1)))
        return np.asarray(np.minimum(abs(x), 1.0) / steep)
    if step.operation == "integer_power":
        return np.asarray(abs(x) / max(abs(step.parameters["exponent"]), 1))
    near = np.minimum(abs(x), 1.0)
    return np.asarray(np.minimum(near, DISTANCE[step.operation](x)) if step.operation in DISTANCE else near)


def of_abs(step: Step, errors: Errors) -> Error:
    return None if errors[0] is None else 2 * np.maximum(errors[0] - abs(step.arguments[0]), 0.0)


def of_sign(step: Step, errors: Errors) -> Error:
    return None if errors[0] is None else 2.0 * ((errors[0] > 0) & (abs(step.arguments[0]) <= errors[0]))


def of_choice(step: Step, errors: Errors) -> Error:
    """Where either of two arguments may be the larger: both errors, once more."""
    a, b = step.arguments
    both = added(*errors)
    return None if both is None else np.where(abs(a - b) <= both, both, 0.0)


def of_whole(step: Step, errors: Errors) -> Error:
    if errors[0] is None:
        return None
    shift = 0.5 if step.operation == "rint" else 0.0
    x, e = step.arguments[0] + shift, errors[0]
    jumps = np.floor(x + e) - np.ceil(x - e) + 1  # how many whole numbers are within the error
    return np.where(e > 0, np.maximum(jumps, 0.0), 0.0)


def of_remainder(step: Step, errors: Errors) -> Error:
    a, b = step.arguments
    quotient = a / b
    error = added(
        None if errors[0] is None else errors[0] / abs(b),
        None if errors[1] is None else abs(quotient / b) * errors[1],
    )
    if error is None:
        return None
    jumps = np.floor(quotient + error) - np.ceil(quotient - error) + 1
    return times(abs(b), np.where(error > 0, np.maximum(jumps, 0.0), 0.0))


JUMPS = {
    "abs": of_abs, "sign": of_sign, "maximum": of_choice, "minimum": of_choice, "floor": of_whole, "ceil": of_whole,
    "trunc": of_whole, "rint": of_whole, "remainder_to_zero": of_remainder,
}  # fmt: skip
FAMILY = {name: Rule(carried, pulled) for name in (*PARTIALS, "integer_power")}
