"""Attacks on the oracle: functions with features narrower than any step, at 0, near it and elsewhere.

A confident wrong verdict is what two steps that agree are good for. Balls, which share neither steps nor chain rule
with the oracle, say what is right (benchmarks/balls.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from flint import arb
from numpy.random import Generator

from benchmarks import balls
from gradlaws.strategies.mathematics import mathematics
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.program import Point, Program, Step, constant_step, pruned
from gradlaws.suite.checking.verdict import beside
from gradlaws.suite.truth import oracle

DRAWN = 700


@dataclass
class Attack:
    """A function of (x, y) under construction; the last value is what the next layer is put around."""

    random: Generator
    steps: list[Step] = field(default_factory=list)

    def add(self, primitive: str, *arguments: int) -> int:
        self.steps.append(Step(primitive, arguments))
        return len(self.steps) + 1

    def constant(self, value: float) -> int:
        self.steps.append(constant_step(np.array(value)))
        return len(self.steps) + 1

    def power_of_two(self, least: int, most: int) -> int:
        return self.constant(2.0 ** int(self.random.integers(least, most)))

    def square(self, value: int) -> int:
        return self.add("mul", value, value)


def seed(attack: Attack, x: float) -> int:
    """What is 0, or nearly, at the point: x, x − x₀, xy, or what a cancellation has left of x."""
    kind = attack.random.integers(4)
    if kind == 0 or not x:
        u = attack.add("sub", 0, attack.constant(x))
    elif kind == 1:
        u = attack.add("sub", 0, attack.constant(float(np.nextafter(x, np.inf))))
    elif kind == 2:
        large = attack.power_of_two(60, 200)
        u = attack.add("sub", attack.add("sub", attack.add("add", 0, large), large), attack.constant(x))
    else:
        u = 0
    return attack.add("mul", u, 1) if attack.random.random() < 0.3 else u


def needle(attack: Attack, u: int) -> int:
    """e u²/(u² + e): flat but for |u| < √e."""
    e, square = attack.power_of_two(-700, -100), attack.square(u)
    return attack.add("mul", e, attack.add("div", square, attack.add("add", square, e)))


def slope(attack: Attack, u: int) -> int:
    """e u/(u² + e): of slope 1, and only within √e of 0."""
    e = attack.power_of_two(-700, -100)
    return attack.add("div", attack.add("mul", e, u), attack.add("add", attack.square(u), e))


def bump(attack: Attack, u: int) -> int:
    """u exp(−(Ku)²)."""
    scaled = attack.add("mul", u, attack.power_of_two(30, 350))
    return attack.add("mul", u, attack.add("exp", attack.add("negative", attack.square(scaled))))


def plateau(attack: Attack, u: int) -> int:
    """tanh(Ku)/K."""
    large = attack.power_of_two(30, 350)
    return attack.add("div", attack.add("tanh", attack.add("mul", u, large)), large)


def teeth(attack: Attack, u: int) -> int:
    """(Ku + ½) mod 1: a jump every 1/K."""
    scaled = attack.add("add", attack.add("mul", u, attack.power_of_two(30, 300)), attack.constant(0.5))
    return attack.add("remainder", scaled, attack.constant(1.0))


def ripple(attack: Attack, u: int) -> int:
    """sin(Ku)/K."""
    large = attack.power_of_two(30, 350)
    return attack.add("div", attack.add("sin", attack.add("mul", u, large)), large)


def squared(attack: Attack, u: int) -> int:
    return attack.square(u)


def unchanged(attack: Attack, u: int) -> int:
    return u


LAYERS = (needle, slope, bump, plateau, teeth, ripple, squared)
POINTS = (0.0, -0.0, 1.0, 1.5, -3.0, 2.0**-30, 2.0**-200, 1e-310)


def drawn(number: int) -> tuple[Program, Point]:
    """A tower of one to three layers around a seed, plus y² or times y."""
    random = np.random.default_rng(number)
    x, y = float(random.choice(POINTS)), float(random.choice((1.0, -0.75, 1e40, 1e-40)))
    attack = Attack(random)
    u = seed(attack, x)
    for _ in range(int(random.integers(1, 4))):
        u = LAYERS[int(random.integers(len(LAYERS)))](attack, u)
    attack.add("add", u, attack.square(1)) if random.random() < 0.6 else attack.add("mul", u, 1)
    program = Program(((), ()), tuple(attack.steps))
    return pruned(program, (np.array(x), np.array(y)))


def by_balls(program: Program, point: Point) -> tuple[list[arb], list[list[arb]]]:
    """Gradient and Hessian, by polarisation; raises balls.Unknown where they say nothing."""
    n = len(point)

    def along(*which: int) -> list[arb]:
        return balls.along(program, point, tuple(np.array(float(which.count(i))) for i in range(n)))[0].derivatives()

    single = [along(i) for i in range(n)]
    hessian = [
        [single[i][2] if i == k else (along(i, k)[2] - single[i][2] - single[k][2]) / 2 for k in range(n)]
        for i in range(n)
    ]
    return [d[1] for d in single], hessian


def known(ball: arb, beside: arb) -> bool:
    """Narrow beside itself, or beside the largest entry where it is 0."""
    return bool(
        ball.is_finite() and (ball.rad() <= abs(ball).mid() * arb(2) ** -80 or ball.rad() <= beside * 2.0**-200)
    )


@pytest.mark.parametrize("order", [1, 2])
def test_no_attack_has_a_confident_wrong_verdict(order: int) -> None:
    """Answers that are right, and ones that are wrong, are judged by bounds as narrow as any: the wrong ones never
    hold, the right ones are never violated, and nearly all are judged."""
    said: Counter[str] = Counter()
    for number in range(DRAWN):
        program, point = drawn(number)
        with balls.precisely():
            try:
                gradient, hessian = by_balls(program, point)
            except (balls.Unknown, ValueError):
                said["unknown to balls"] += 1
                continue
            entries = gradient if order == 1 else [entry for row in hessian for entry in row]
            largest = max((abs(entry).mid() for entry in entries), default=arb(0))
            if not all(known(entry, largest) for entry in entries) or not arb(1e-290) <= largest <= arb(1e290):
                said["unknown to balls"] += 1
                continue
            right = np.array([float(entry.mid()) for entry in entries])
        try:
            truth = oracle.gradient(program, point) if order == 1 else oracle.hessian(program, point)
        except DomainError:
            said["outside the domain"] += 1
            continue
        right = right.reshape(truth.exact.shape)
        size = float(np.max(np.abs(right)))
        allowed = np.maximum(4 * 2.0**-53 * np.abs(right), 2.0**-90 * size)
        verdict = beside(truth, right, allowed, size, FLOAT64)
        wrong = beside(truth, right + 2.0**-40 * size, allowed, size, FLOAT64)
        told = f"{mathematics(program)} at {point}: {truth.floats} ± {truth.error}, not {right}"
        assert verdict.kind != "violated" and wrong.kind != "holds", told
        said[verdict.kind] += 1
    assert sum(said.values()) == DRAWN and said["holds"] >= 500, said
    assert said["inconclusive"] + said["outside the domain"] <= 0.05 * DRAWN, said
