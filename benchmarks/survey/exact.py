"""The truth at many points: partials to third order by ball arithmetic (benchmarks/balls.py), each as two floats."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from benchmarks import balls
from gradlaws.strategies.primitive import Floats, Primitive

BITS = (192, 448, 1536, 6144)  # each where fewer leave a ball too wide
KNOWN = 80  # bits that are right: 2^-27 of an ulp of float64
BELOW = arb(2) ** -1100  # no float is as small
FACTORIALS = (1, 1, 2, 6)
Key = tuple[int, ...]  # (): the value; (0,): the first partial by x; (0, 1): the mixed second


@dataclass(frozen=True)
class Exact:
    """Of each partial its nearest floats, and what they leave; NaN where it is not known or not of their range."""

    near: dict[Key, Floats]
    rest: dict[Key, Floats]

    def and_then(self, other: Exact) -> Exact:
        """These points, then the others."""
        a, b = (
            {key: np.concatenate([of, others[key]]) for key, of in mine.items()}
            for mine, others in ((self.near, other.near), (self.rest, other.rest))
        )
        return Exact(a, b)

    def error(self, key: Key, got: Floats) -> Floats:
        """|got − true|."""
        key = tuple(sorted(key))
        return np.asarray(np.abs((got - self.near[key]) - self.rest[key]))


def keys(arity: int) -> list[Key]:
    return [key for order in range(4) for key in itertools.combinations_with_replacement(range(arity), order)]


def exact(primitive: Primitive, points: Floats) -> Exact:
    """At points of shape (N, p)."""
    names = keys(primitive.arity)
    near, rest = ({key: np.full(len(points), np.nan) for key in names} for _ in range(2))
    for number, at in enumerate(points.tolist()):
        for key, value in partials(primitive, at).items():
            near[key][number], rest[key][number] = floats(value)
    return Exact(near, rest)


def partials(primitive: Primitive, at: Sequence[float]) -> dict[Key, arb]:
    """Those that some number of bits tells."""
    found: dict[Key, arb] = {}
    for bits in BITS:
        with balls.precisely(bits):
            try:
                told = by_polarisation(primitive, at)
            except (ArithmeticError, ValueError):
                continue
        found = {key: value for key, value in told.items() if settled(value)}
        if len(found) == len(told):
            break
    return found


def exponentials(x: Sequence[float], y: Sequence[float]) -> list[arb]:
    """exp(x + y) of each pair."""
    with balls.precisely(256):
        return [(arb(a) + arb(b)).exp() for a, b in zip(x, y, strict=True)]


def settled(value: arb) -> bool:
    return bool(value.rel_accuracy_bits() >= KNOWN or abs(value) < BELOW)


def floats(value: arb) -> tuple[float, float]:
    """The nearest float, and the rest as a float."""
    middle = value.mid()
    near = float(middle)
    return (near, float(middle - arb(near))) if math.isfinite(near) else (math.nan, math.nan)


def by_polarisation(primitive: Primitive, at: Sequence[float]) -> dict[Key, arb]:
    """All partials from derivatives along the axes, and along sums and differences of two or three of them; each axis
    is as long as its argument, so that no digits are lost between arguments of different sizes."""
    p = len(at)
    formula: Callable[..., Any] = balls.FORMULAS.get(primitive.name, primitive.definition)
    lengths = [balls.exactly(abs(a)) if a else arb(1) for a in at]

    def along(direction: Sequence[int]) -> list[arb]:
        moving = [
            balls.moving(balls.exactly(a), length * step)
            for a, length, step in zip(at, lengths, direction, strict=True)
        ]
        series = balls.ball(formula(*moving)).series
        return [series[k] * factor for k, factor in enumerate(FACTORIALS)]

    def axis(*steps: tuple[int, int]) -> list[int]:
        return [dict(steps).get(i, 0) for i in range(p)]

    found: dict[Key, arb] = {}
    for i in range(p):
        for order, value in enumerate(along(axis((i, 1)))):
            found[(i,) * order] = value
    for i, k in itertools.combinations(range(p), 2):
        plus, minus = along(axis((i, 1), (k, 1))), along(axis((i, 1), (k, -1)))
        found[i, k] = (plus[2] - minus[2]) / 4
        found[i, i, k] = ((plus[3] - minus[3]) / 2 - found[k, k, k]) / 3
        found[i, k, k] = ((plus[3] + minus[3]) / 2 - found[i, i, i]) / 3
    if p == 3:
        times = {key: math.factorial(3) // math.prod(math.factorial(key.count(i)) for i in range(3)) for key in keys(3)}
        known = sum((value * times[key] for key, value in found.items() if len(key) == 3), arb(0))
        found[0, 1, 2] = (along([1, 1, 1])[3] - known) / 6
    return {key: value / math.prod((lengths[i] for i in key), start=arb(1)) for key, value in found.items()}
