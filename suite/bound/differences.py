"""Finite differences as users take them, and how far each may be off: truncation, which is computed, plus e(f)/h."""

from __future__ import annotations

import math

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, splitter
from gradlaws.suite.bound import contracts, tolerances
from gradlaws.suite.bound.scalar_partials import third_difference
from gradlaws.suite.bound.thresholds import FORWARD, IMAGINARY, threshold
from gradlaws.suite.truth import floats, oracle

SMALLEST = {precision.digits: precision.smallest_subnormal for precision in PRECISIONS.values()}
QUARTER = 2.0**-2  # of what a bound may be at most goes to the value's error: most is left to the truncation


def step(value: float, digits: int, order: int) -> float:
    """A power of two near |x| u^(1/2) or |x| u^(1/3), the best orders of magnitude, so that x + h is exact; where that
    is below all numbers, as if x were 0."""
    exponent = math.frexp(value)[1] if value else 0
    h = math.ldexp(1.0, exponent - digits // (order + 1))
    return h if h >= SMALLEST[digits] else step(0.0, digits, order)


def value_bound(program: Program, point: Point, precision: Precision) -> float:
    """How far NumPy's value of a scalar function may be off; infinite where an intermediate may overflow."""
    found = tolerances.analysis("value", program, point)
    if precision.may_overflow(found.largest):
        return math.inf
    kept = precision.smallest_subnormal
    return float(found.bound(precision, lambda *at: contracts.contract("numpy", precision.name, "eager", *at), kept)[0])


def steps(program: Program, point: Point, precision: Precision, order: int) -> list[float]:
    """Per coordinate, as of ``step``; or the smallest power of two at which the value's error leaves the digits that a
    quotient is judged by, where the coordinate is so small beside the others that the value does not feel it, and where
    the function is defined that far away.

    A user who knows the scale of their function does the same (Dennis & Schnabel 1983, algorithm A5.6.3, "typx").
    """
    error, size = value_bound(program, point, precision), oracle.gradient(program, point).size
    felt = QUARTER * threshold(precision, order) * size * order
    least = 2 * error / felt if 0 < error < math.inf and felt > 0 else 0.0
    power = math.ldexp(1.0, math.frexp(least)[1]) if 0 < least < precision.largest / 4 else 0.0
    near = [step(value, precision.digits, order) for value in floats.flat(point).tolist()]
    return [power if power > h and defined(program, point, i, power) else h for i, h in enumerate(near)]


def defined(program: Program, point: Point, i: int, h: float) -> bool:
    """Whether the function is, at x_i + h and at x_i - h."""
    f, x = oracle.flat_function(program), oracle.flat_point(point)
    try:
        return all(f(moved(x, i, mpf(by))) is not None for by in (h, -h))
    except DomainError:
        return False


def imaginary_step(value: float, digits: int) -> float:
    """So small that h² f'''/6 is far below the precision in float64, and below most derivatives in float32."""
    return max(abs(value), 2.0**-60) * (2.0**-500 if digits > 24 else 2.0**-40)


def shifted(program: Program, point: Point, i: int, by: mpf) -> Point:
    """A point with another x_i, x_i + by."""
    there = floats.flat(point)
    there[i] += float(by)
    return tuple(splitter(program.inputs)(there))


def moved(x: mp_arrays.MPArray, i: int, by: mpf) -> mp_arrays.MPArray:
    """x with another x_i, x_i + by."""
    there = x.copy()
    there[i] += by
    return there


def imaginary_truncation(program: Program, point: Point, precision: Precision) -> Floats:
    """h² |f'''| / 6 per coordinate, twice, for the rest of the series of Im f(x + ih) / h (Squire & Trapp 1998).

    Shape (n,) for a scalar function.
    """
    f, x = oracle.flat_function(program), oracle.flat_point(point)
    found = []
    with mp.workdps(60):  # of which the third difference leaves 24
        for i, value in enumerate(x):
            h = (abs(value) or mpf(1)) * mpf(2) ** -40
            far, near, back, behind = (f(moved(x, i, s * h))[0] for s in (2, 1, -1, -2))
            third = abs(third_difference(far, near, back, behind, h))
            found.append(float(imaginary_step(value, precision.digits) ** 2 / 3 * third))
    return np.array(found)


def allowance(program: Program, point: Point, precision: Precision, order: int, rule: Floats) -> Floats:
    """Per coordinate |quotient - derivative|, both exact, plus what the errors of two values do when divided by h; of
    an imaginary step, which subtracts nothing, the bound ``rule`` of a derivative and the truncation.

    Shape (n,) for a scalar function. From x to x + h the bound of the value grows by h times that of the gradient,
    unless the step is as long as the coordinate, or the gradient 0: then it is taken where the value is.
    """
    if order == IMAGINARY:
        return rule + imaginary_truncation(program, point, precision)
    error = value_bound(program, point, precision)
    if not math.isfinite(error):
        return np.full(len(rule), np.inf)
    exact = oracle.gradient(program, point)
    f, x = oracle.flat_function(program), oracle.flat_point(point)
    allowed = []
    with mp.workdps(60):
        here = f(x)[0] if order == FORWARD else None
        for i, h in enumerate(map(mpf, steps(program, point, precision, order))):
            far = h >= abs(x[i]) or exact.exact[i] == 0
            around = (shifted(program, point, i, s * h) for s in (1, -1) if far)
            met = max(error, *(value_bound(program, there, precision) for there in around), 0.0)
            with mp.workprec(precision.digits):  # across a power of two x + h may have to be rounded
                after, before = moved(x, i, h), moved(x, i, -h)
            quotient = (f(after)[0] - (f(before)[0] if here is None else here)) / (h * order)
            truncation = abs(quotient - exact.exact[i])
            rounding = (1 + mpf(2) ** -4) * (2 * met / (h * order) + rule[i])
            allowed.append(float(truncation + rounding + 4 * precision.unit_roundoff * abs(quotient)))
    return np.array(allowed)
