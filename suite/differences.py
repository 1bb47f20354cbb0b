"""Finite differences as users take them, and how far each may be off: truncation, which is computed, plus e(f)/h."""

from __future__ import annotations

import math

import numpy as np
from mpmath import mp, mpf

from strategies import mp_arrays
from strategies.precision import Precision
from strategies.primitive import Floats
from strategies.program import Point, Program
from suite import contracts, oracle, quantities

FORWARD, CENTRAL = 1, 2


def step(value: float, digits: int, order: int) -> float:
    """A power of two near |x| u^(1/2) or |x| u^(1/3), the best orders of magnitude, so that x + h is exact."""
    exponent = math.frexp(value)[1] if value else 0
    return math.ldexp(1.0, exponent - digits // (order + 1))


def allowance(program: Program, point: Point, precision: Precision, order: int) -> Floats:
    """Per coordinate |quotient - derivative|, both exact, plus what the errors of two values do when divided by h.

    Shape (n,) for a scalar function. The values' own bound at x serves at x + h too, with a little to spare.
    """
    found = quantities.analysis("value", program, point)
    kept = precision.smallest_subnormal
    value_bound = float(
        found.bound(precision, lambda p: contracts.contract("numpy", precision.name, "eager", p), kept)[0]
    )
    exact = oracle.gradient(program, point)
    f, x = oracle.flat_function(program), oracle.flat_point(point)
    allowed = []
    with mp.workdps(60):
        for i, value in enumerate(quantities.flat(point).tolist()):
            h = mpf(step(value, precision.digits, order))
            unit = mp_arrays.mp_array(np.eye(len(x))[i]) * h
            before = x if order == FORWARD else x - unit
            quotient = (f(x + unit)[0] - f(before)[0]) / (h * order)
            truncation = abs(quotient - exact.exact[i])
            rounding = 2 * (1 + mpf(2) ** -4) * value_bound / (h * order)
            allowed.append(float(truncation + rounding + 4 * precision.unit_roundoff * abs(quotient)))
    return np.array(allowed)
