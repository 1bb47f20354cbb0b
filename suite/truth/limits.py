"""The limit definition: difference quotients in mpmath, of a function from R^n to R^m as flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from gradlaws.strategies.mp_arrays import MPArray
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, float_values

Function = Callable[[MPArray], MPArray]
Logarithms = NDArray[np.float64]
LOWEST = -(2**62)  # exponent: what is smaller counts as that


@dataclass(frozen=True)
class Difference:
    """A central difference: ``digits`` decimal digits of working precision, relative step 2**-``step_bits``."""

    digits: int
    step_bits: int


def sizes(point: Point, computed: Sequence[Floats]) -> Floats:
    """Of all numbers met on the way from the point over what is computed there, and 1."""
    found = np.abs(np.concatenate([np.ravel(v) for v in (*point, *computed, np.ones(1))]))
    return np.asarray(found[(found > 0) & np.isfinite(found)])


def dynamic_range(program: Program, point: Point) -> int:
    """Decimal digits between the largest and the smallest number met, or 1: that much of a sum can be swamped."""
    return decades(sizes(point, float_values(program, point)))


def decades(met: Floats) -> int:
    return int(np.ceil(np.ptp(np.log10(met))))


def logarithms(numbers: MPArray) -> Logarithms:
    """Binary ones, rounded up, of sizes that may be beyond any float, as exp(-1e308) is; -inf of 0."""
    return np.asarray(np.vectorize(lambda x: max(mp.frexp(x)[1], LOWEST) if x else -np.inf, otypes=[float])(numbers))


def scales(x: MPArray) -> NDArray[np.object_]:
    """The size against which the step of each coordinate is relative: |x_i|, or at 0 the size of its neighbours."""
    largest = max((abs(v) for v in x), default=mpf(1)) or mpf(1)
    return np.array([abs(v) or min(largest, mpf(1)) for v in x], dtype=object)


def first_difference(f: Function, x: MPArray, direction: MPArray, method: Difference) -> MPArray:
    """D_v f(x) for v = direction (already scaled like x)."""
    h = mpf(2) ** -method.step_bits
    return np.asarray((f(x + direction * h) - f(x - direction * h)) / (2 * h), dtype=object)


def second_difference(f: Function, x: MPArray, v: MPArray, w: MPArray, method: Difference) -> MPArray:
    """D_v D_w f(x); four evaluations, three where v is w."""
    h = mpf(2) ** -method.step_bits
    if v is w:
        return np.asarray((f(x + v * h) - f(x) * 2 + f(x - v * h)) / (h * h), dtype=object)
    v, w = v * h, w * h
    mixed = f(x + v + w) - f(x + v - w) - f(x - v + w) + f(x - v - w)
    return np.asarray(mixed / (4 * h * h), dtype=object)


def second_differences(f: Function, x: MPArray, steps: Sequence[MPArray], method: Difference) -> MPArray:
    """D_v D_w f(x) of a scalar function for every two steps: n^2 + n + 1 evaluations.

    What was evaluated for the diagonal serves the rest: f(x+v+w) - f(x+v) - f(x+w) + 2 f(x) - f(x-v) - f(x-w) +
    f(x-v-w) is 2 h^2 D_v D_w f(x) + O(h^4) too (Abramowitz & Stegun 1964, 25.3.27).
    """
    h = mpf(2) ** -method.step_bits
    moves = [step * h for step in steps]
    middle = f(x)[0]
    either = [f(x + move)[0] + f(x - move)[0] - 2 * middle for move in moves]
    found = np.diag(np.array(either, dtype=object))
    for i, v in enumerate(moves):
        for k, w in enumerate(moves[:i]):
            both = f(x + (v + w))[0] + f(x - (v + w))[0] - 2 * middle
            found[i, k] = found[k, i] = (both - either[i] - either[k]) / 2
    return np.asarray(found / (h * h), dtype=object)
