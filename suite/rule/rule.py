"""RULE: whether the derivative that a framework computes is, evaluated exactly, the limit of its function.

Nothing is rounded to the framework's own precision, so nothing has to be tolerated: what is apart is beside what the
limit is known to, and beside what a literal that the rule rounds (2/√π in float64) does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.arithmetic.multiprecision import Multiprecision
from gradlaws.suite.rule import directions, limits
from gradlaws.suite.rule.limits import Limit
from gradlaws.suite.rule.literals import moved_literals
from gradlaws.suite.tracing.traced import Traced
from gradlaws.suite.tape.run import Evaluation, run
from gradlaws.suite.tape.tape import Tape

Verdict = Literal["right", "wrong", "unknown"]
KNOWN = mpf(2) ** -53  # of its size a limit has to be known to: what an answer in float64 can show
SETTLED_BITS = 400  # in which mpmath decides what quad does not
PACE = 3e-6  # seconds an operation on two numbers takes in mpmath, with what is around it
PATIENCE = 30.0  # seconds that mpmath may take to settle one comparison


@dataclass(frozen=True)
class Agreement:
    """The derivative of ``order`` along one direction: ``traced`` beside the limit, apart by so much.

    ``error`` is what the limit may be off by, ``literals`` what rounded literals of the rule may do, ``size`` the sum
    of the sizes of the terms ⟨v, gradient⟩ is made of.
    """

    order: int
    apart: Any
    error: Any
    size: Any
    literals: Any = mpf(0)
    reason: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.reason or not mp.isfinite(self.error) or not mp.isfinite(self.apart):
            return "unknown"
        if self.apart > self.error + self.literals:
            return "wrong"
        return "right" if self.error <= KNOWN * self.size or self.apart == self.error == 0 else "unknown"

    @property
    def relative(self) -> float:
        """What is apart, of the size; 0 where both are."""
        return float(self.apart / self.size) if self.size else float(self.apart)

    @property
    def resolution(self) -> float:
        """The smallest relative fault along the direction that would have been seen."""
        return float((self.error + self.literals) / self.size) if self.size else float(self.error)

    def __str__(self) -> str:
        if self.reason:
            return f"order {self.order}: does not know: {self.reason}"
        if self.verdict == "unknown":
            return f"order {self.order}: does not know: the limit is known to {self.resolution:.0e} only"
        return f"order {self.order}: {self.verdict} (apart {self.relative:.0e}, seen from {self.resolution:.0e})"


class Exact:
    """A traced function at its point, in one arithmetic: everything that RULE asks about it."""

    def __init__(self, traced: Traced, weights: Sequence[Floats], xp: Any) -> None:
        self.traced, self.weights, self.xp = traced, list(weights), xp
        n = len(traced.point)
        self.value = Evaluation(traced.forward, list(traced.point), xp, [True] * n)
        self.gradient = Evaluation(
            traced.gradient, [*traced.point, *weights], xp, [True] * n + [False] * len(weights)
        )  # fmt: skip
        self.objective = limits.weighted(weights, xp)

    def enter(self, vectors: Sequence[Floats]) -> list[Any]:
        with self.xp.working():
            return [self.xp.asarray(v) for v in vectors]

    def along(self, gradient: Sequence[Any], direction: Sequence[Any]) -> tuple[Any, Any]:
        """⟨gradient, v⟩ and Σ |gradient v|."""
        xp = self.xp
        with xp.working():
            terms = [g * v for g, v in zip(gradient, direction, strict=True) if v.size]
            sums = [(xp.to_mp(np.sum(t)).item(), xp.to_mp(np.sum(abs(t))).item()) for t in terms]
        with mp.workprec(2 * xp.precision):
            return mp.fsum(total for total, _ in sums), mp.fsum(size for _, size in sums)

    def first(self, vector: Sequence[Floats]) -> Agreement:
        """The gradient along a direction, beside the limit of the value."""
        direction = self.enter(vector)
        limit = limits.first(self.value, direction, self.objective)
        return self.beside(1, self.gradient.outputs, direction, limit)

    def second(self, vector: Sequence[Floats], other: Sequence[Floats], of_gradient: bool) -> Agreement:
        """H v along another direction, beside the limit of the gradient (if that is known to be right) or of the value.

        The gradient loses fewer digits, and its steps meet no kink of the value.
        """
        direction, across = self.enter(vector), self.enter(other)
        if of_gradient:
            moves = [*direction, *(None for _ in self.weights)]
            limit = limits.first(self.gradient, moves, lambda found: self._inner(found, across))
        else:
            limit = limits.second(self.value, direction, across, self.objective)
        return self.beside(2, self.product(vector), across, limit)

    def product(self, vector: Sequence[Floats]) -> list[Any]:
        if self.traced.product is None:
            raise ValueError("no product of Hessian and vector was traced")
        return run(self.traced.product, [*self.traced.point, *self.weights, *vector], self.xp)

    def _inner(self, found: Sequence[Any], across: Sequence[Any]) -> Any:
        with self.xp.working():
            parts = [np.sum(g * u) for g, u in zip(found, across, strict=True) if u.size]
            return np.asarray(sum(parts[1:], start=parts[0]))

    def beside(self, order: int, derivative: Sequence[Any], along: Sequence[Any], limit: Limit) -> Agreement:
        total, size = self.along(derivative, along)
        if limit.kink is not None:
            return Agreement(order, mp.nan, mp.inf, size, reason=f"the point is at a kink: {limit.kink.origin}")
        with mp.workprec(2 * self.xp.precision):
            apart, size = abs(total - limit.value[0]), max(size, abs(limit.value[0]))
            # The derivative loses digits as well: as many as the quotient does, if it is conditioned no worse than 1 / h.
            error = limit.error[0] + limits.rounding(self.xp, size)
        if not mp.isfinite(total):
            return Agreement(order, mp.nan, mp.inf, size, reason="the derivative is not finite")
        if not mp.isfinite(limit.value[0]):
            return Agreement(order, mp.nan, mp.inf, size, reason="the function is not finite beside the point")
        return Agreement(order, apart, error, size)


def affordable(traced: Traced) -> bool:
    """Whether mpmath settles it in reasonable time: about ten evaluations of all there is."""
    tapes = (traced.forward, traced.gradient, traced.product)
    return sum(tape.scalar_operations for tape in tapes if tape is not None) * 10 * PACE <= PATIENCE


def agreements(traced: Traced, random: np.random.Generator, xp: Any) -> list[Agreement]:
    """RULE along two directions for the gradient, and along one for the Hessian if its product was traced.

    What quad does not know, or holds wrong, mpmath settles where that takes no more than half a minute.
    """
    weights = directions.cotangent(traced.shapes, random)
    seeds = [int(s) for s in random.integers(2**32, size=2)]
    found = asked(Exact(traced, weights, xp), seeds, directions.FLOORS[0])
    if any(a.verdict == "unknown" for a in found):
        found = better(found, asked(Exact(traced, weights, xp), seeds, directions.FLOORS[1]))
    if any(a.verdict != "right" for a in found) and affordable(traced):
        settled = Exact(traced, weights, Multiprecision(SETTLED_BITS))
        for floor in directions.FLOORS:
            found = better(found, asked(settled, seeds, floor))
    return found


def better(found: list[Agreement], again: list[Agreement]) -> list[Agreement]:
    """The second answers where they know more."""
    return [b if b.verdict != "unknown" else a for a, b in zip(found, again, strict=True)]


def asked(exact: Exact, seeds: Sequence[int], floor: float) -> list[Agreement]:
    point = [np.asarray(x, dtype=np.float64) for x in exact.traced.point]
    one, other = (directions.direction(point, np.random.default_rng(seed), floor) for seed in seeds)
    found = [with_literals(exact, exact.first(v), v) for v in (one, other)]
    if exact.traced.product is not None:
        right = all(a.verdict == "right" for a in found)
        found.append(with_literals(exact, exact.second(one, other, of_gradient=right), other, one))
    return found


def with_literals(
    exact: Exact, agreement: Agreement, along: Sequence[Floats], vector: Sequence[Floats] | None = None
) -> Agreement:
    """Where it seems wrong: what the literals that the rule brings in, each rounded once, can do."""
    if agreement.verdict != "wrong":
        return agreement
    traced, first = exact.traced, vector is None
    tape: Tape | None = traced.gradient if first else traced.product
    if tape is None:
        return agreement
    inputs = [*traced.point, *exact.weights, *(vector or ())]
    direction = exact.enter(along)
    base = exact.along(exact.gradient.outputs if vector is None else exact.product(vector), direction)[0]
    allowance = mpf(0)
    for moved in moved_literals(tape, traced.forward):
        allowance += abs(exact.along(run(moved, inputs, exact.xp), direction)[0] - base)
    return replace(agreement, literals=allowance)
