"""A traced derivative, evaluated exactly, beside the limit of its function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.rule import limits
from gradlaws.suite.rule.limits import Limit
from gradlaws.suite.tape.literals import moved_literals
from gradlaws.suite.tape.run import Evaluation
from gradlaws.suite.tracing.traced import Traced

KINK = "the point is at a kink"
DIVERGES = "the difference quotients do not converge"
Verdict = Literal["right", "wrong", "unknown"]
# In no part of the entries is more of it wrong than roundings of float64 make of some operations: an iteration that
# ends when float64 shows no change is the limit of nothing nearer.
SHOWN = 2.0**-46
KNOWN = mpf(2) ** -53  # of its size a limit has to be known to: what an answer in float64 can show
UNEVEN = 2**10  # times its estimate a rounding error may be, where terms cancel; a step over a pole adds 2^40 times it
CLEAR = 1e6  # times its error a difference is beyond doubt


@dataclass(frozen=True)
class Agreement:
    """The derivative of ``order`` along one direction: ``traced`` beside the limit, apart by so much.

    ``error`` is what the ``limit`` may be off by, ``truncation`` the part of it that the step makes, ``literals`` what
    rounded literals of the rule may do, ``size`` the sum of the sizes of the terms that ⟨v, gradient⟩ is made of,
    ``values`` that of what the limit is of. ``sharpest``: the largest relative difference over parts of the entries
    (suite/rule/place.py); what float64 cannot show anywhere is no fault, as where an iteration ends.
    """

    order: int
    apart: Any
    error: Any
    size: Any
    limit: Any = 0
    truncation: Any = 0
    values: Any = 0
    literals: Any = 0
    reason: str = ""
    sharpest: float | None = None

    @property
    def verdict(self) -> Verdict:
        if self.reason or not mp.isfinite(self.error):
            return "unknown"
        if self.apart > self.error + self.literals:
            return "right" if self.sharpest is not None and self.sharpest <= SHOWN else "wrong"
        # Where both are 0 up to the error there are no digits: it is beside the values of which the limit is taken.
        beside = self.size if self.size > self.error else self.values
        return "right" if self.error <= KNOWN * beside or self.apart == self.error == 0 else "unknown"

    @property
    def is_kink(self) -> bool:
        return self.reason.startswith(KINK)

    @property
    def is_open(self) -> bool:
        """Whether more digits could well tell another thing."""
        return self.verdict == "unknown" or (
            self.verdict == "wrong" and self.apart < CLEAR * (self.error + self.literals)
        )

    def beside_finer(self, finer: Agreement) -> Agreement:
        """Unknown, if a shorter step contradicts it: then the longer one stepped over something, as a pole."""
        with mp.workprec(2000):
            rest = UNEVEN * (finer.error - finer.truncation)
            holds = (
                finer.truncation <= self.error + rest
                and abs(finer.limit - self.limit) <= self.error + finer.error + rest
            )
        return self if holds and not finer.reason else replace(self, reason=finer.reason or DIVERGES)

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
        if mp.isinf(self.apart):
            return f"order {self.order}: {self.verdict}: the limit is a number, and the derivative is not"
        return f"order {self.order}: {self.verdict} (apart {self.relative:.0e}, seen from {self.resolution:.0e})"


class Exact:
    """A traced function at its point, in one arithmetic: everything that RULE asks about it.

    ``truth`` is the function whose limits count: another one (a reference) if ``traced`` is to have its derivatives.
    """

    def __init__(self, traced: Traced, weights: Sequence[Floats], xp: Any, truth: Traced | None = None) -> None:
        self.traced, self.weights, self.xp, self.truth = traced, list(weights), xp, truth
        n, inputs = len(traced.point), [*traced.point, *weights]
        moving = [True] * n + [False] * len(weights)
        self.value = Evaluation((truth or traced).forward, list(traced.point), xp, [True] * n)
        self.gradient = Evaluation(traced.gradient, inputs, xp, moving)
        self.true_gradient = Evaluation(truth.gradient, inputs, xp, moving) if truth else self.gradient
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

    def first(self, vector: Sequence[Floats], finer: int = 0) -> Agreement:
        """The gradient along a direction, beside the limit of the value. ``finer``: with a step shorter by 2^-finer."""
        direction = self.enter(vector)
        limit = limits.first(self.value, direction, self.objective, finer)
        return self.beside(1, self.gradient.outputs, direction, limit)

    def second(
        self,
        product: Sequence[Any],
        vector: Sequence[Floats],
        other: Sequence[Floats],
        of_gradient: bool,
        finer: int = 0,
    ) -> Agreement:
        """``product``, H v, along another direction, beside the limit of the gradient (its own or the reference's) if
        that is known to be right, or of the value. The gradient loses fewer digits, and its steps meet no kink of the
        value.
        """
        direction, across = self.enter(vector), self.enter(other)
        if of_gradient:
            moves = [*direction, *(None for _ in self.weights)]
            limit = limits.first(self.true_gradient, moves, limits.weighted(other, self.xp), finer)
            agreement = self.beside(2, product, across, limit)
            return self.with_literals_of_limit(agreement, moves, other, finer) if finer == 0 else agreement
        limit = limits.second(self.value, direction, across, self.objective, finer)
        return self.beside(2, product, across, limit)

    def with_literals_of_limit(
        self, agreement: Agreement, moves: Sequence[Any], other: Sequence[Floats], finer: int
    ) -> Agreement:
        """Where it seems wrong: what the rounded literals of the gradient can do to its limit."""
        judge, allowance = self.truth or self.traced, mpf(0)
        for tape in moved_literals(judge.gradient, judge.forward) if agreement.verdict == "wrong" else ():
            moved = Evaluation(tape, [*self.traced.point, *self.weights], self.xp, [m is not None for m in moves])
            found = limits.first(moved, moves, limits.weighted(other, self.xp), finer).value[0]
            with mp.workprec(2 * self.xp.precision):
                allowance += abs(found - agreement.limit)
        return replace(agreement, literals=allowance)

    def beside(self, order: int, derivative: Sequence[Any], along: Sequence[Any], limit: Limit) -> Agreement:
        total, size = self.along(derivative, along)
        if limit.kink is not None:
            return Agreement(order, mp.nan, mp.inf, size, reason=f"{KINK}: {limit.kink.origin}")
        with mp.workprec(2 * self.xp.precision):
            apart, size = abs(total - limit.value[0]), max(size, abs(limit.value[0]))
            # The derivative loses digits as well: as many as the quotient, if it is conditioned no worse than 1 / h.
            error = limit.error[0] + limits.rounding(limits.step(self.xp), size)
        if not mp.isfinite(limit.value[0]):
            return Agreement(order, mp.nan, mp.inf, size, reason="the function is not finite beside the point")
        if not mp.isfinite(total):
            apart, size, error = mp.inf, abs(limit.value[0]), limit.error[0]
        return Agreement(order, apart, error, size, limit.value[0], limit.truncation[0], limit.values)
