"""The truth of a call: its traced forward, or its reference's, exactly, and whether a traced rule is its limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from mpmath import mp

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.leaf_rule import of_small_leaves
from gradlaws.suite.check.leaves import CannotCheck
from gradlaws.suite.check.subject import Subject
from gradlaws.suite.rule import directions
from gradlaws.suite.rule.exact import Agreement, Exact
from gradlaws.suite.rule.place import Place, operations, part, places
from gradlaws.suite.rule.rule import agreements
from gradlaws.suite.tape.run import run
from gradlaws.suite.tape.tape import NoFunction, Origin, Tape, TooLarge, Unsupported
from gradlaws.suite.tracing.refusals import why_no_point
from gradlaws.suite.tracing.traced import Traced

SAME = 2.0**-46  # relative: two exact evaluations of one number are apart by less, if it is one


def traced(subject: Subject, second: bool, holds: bool) -> Traced:
    """In float64; where the code does not run in that (constants of its own in float32), as it is.

    Raises Unsupported where there is no trace, CannotCheck at a point where nothing has a derivative.
    """
    if (why := why_no_point(subject.point, [x.name for x in subject.inputs])) is not None:
        raise CannotCheck(why)
    try:
        return subject.traced(True, second, holds)
    except (NoFunction, TooLarge) as error:
        raise CannotCheck(str(error)) from error
    except (Unsupported, CannotCheck):
        raise
    except Exception:
        return subject.traced(False, second, holds)


@dataclass(frozen=True)
class Rule:
    """What is known of a traced derivative: along two directions at first order, along one at second.

    ``wrong`` names where: places of the gradient, or the leaves whose Hessian product is wrong, and the operations.
    """

    agreements: Sequence[Agreement]
    places: Sequence[Place] = ()
    leaves: Sequence[int] = ()  # whose H v is wrong
    operations: Sequence[Origin] = ()
    allow: float = 0.0  # a relative difference that is meant to be there
    small: Mapping[int, Agreement] = field(default_factory=dict)  # of leaves that are lost beside others

    def of_order(self, order: int) -> str:
        verdicts = {self._verdict(a) for a in self._of(order)}
        return next((v for v in ("wrong", "unknown", "allowed", "right") if v in verdicts), "not asked")

    def is_right(self, order: int) -> bool:
        return self.of_order(order) in ("right", "allowed")

    def _verdict(self, agreement: Agreement) -> str:
        return "allowed" if agreement.verdict == "wrong" and agreement.relative <= self.allow else agreement.verdict

    def _of(self, order: int) -> list[Agreement]:
        return [a for a in (*self.agreements, *self.small.values()) if a.order == order]

    def worst(self, order: int) -> Agreement | None:
        return max(self._of(order), key=lambda a: a.relative, default=None)

    def seen(self, order: int, leaf: int) -> float:
        """The smallest relative fault of that leaf's gradient that would have been seen."""
        found = [a for a in self.agreements if a.order == order]
        if order == 1 and leaf in self.small:
            found = [self.small[leaf]]
        return max((a.resolution for a in found), default=math.nan)

    @property
    def wrong_leaves(self) -> set[int]:
        """Of the gradient, as far as they are known by themselves."""
        return {place.argument for place in self.places} | {k for k, a in self.small.items() if a.verdict == "wrong"}

    def reasons(self, order: int) -> list[str]:
        return list(dict.fromkeys(str(a) for a in self._of(order) if a.verdict != "right"))


def judged(
    own: Traced, truth: Traced | None, seed: int, xp: Any, allow: float = 0.0, where: bool = True
) -> Rule:  # fmt: skip
    """RULE of ``own``, against the limits of its own forward or of the reference's; with ``where`` its wrong places."""
    found = agreements(own, np.random.default_rng(seed), xp, truth)
    rule = Rule(found, allow=allow)
    if not where:
        return rule
    if rule.is_right(1):
        rule = replace(rule, small=of_small_leaves(own, truth, seed, xp))
        if rule.wrong_leaves:
            return rule
    if rule.of_order(1) == "wrong":
        exact = Exact(own, directions.cotangent(own.shapes, np.random.default_rng(seed)), xp, truth)
        at = places(exact, np.random.default_rng(seed))
        named = operations(exact, at[0].argument) if at and truth is None else []
        return replace(rule, places=at, operations=named)
    if rule.of_order(2) == "wrong":
        return replace(rule, leaves=_wrong_at_second_order(own, truth, seed, xp))
    return rule


def _wrong_at_second_order(own: Traced, truth: Traced | None, seed: int, xp: Any) -> list[int]:
    random = np.random.default_rng(seed)
    exact = Exact(own, directions.cotangent(own.shapes, random), xp, truth)
    one, other = (directions.direction(own.point, random) for _ in range(2))
    assert own.product is not None
    product = run(own.product, [*own.point, *exact.weights, *one], xp)
    found = []
    for k, v in enumerate(other):
        if v.size and exact.second(product, one, part(other, k, 0, v.size), of_gradient=True).verdict == "wrong":
            found.append(k)
    return found


class Truth:
    """True numbers, in the arithmetic: of the outputs, of the gradient of ⟨w, outputs⟩, of its Hessian times v."""

    def __init__(self, traced: Traced, xp: Any) -> None:
        self.traced, self.xp = traced, xp

    def value(self) -> list[Any]:
        return run(self.traced.forward, list(self.traced.point), self.xp)

    def gradient(self, weights: Sequence[Floats]) -> list[Any]:
        return run(self.traced.gradient, [*self.traced.point, *weights], self.xp)

    def product(self, weights: Sequence[Floats], vectors: Sequence[Floats]) -> list[Any]:
        assert self.traced.product is not None
        return run(self.traced.product, [*self.traced.point, *weights, *vectors], self.xp)

    def tangents(self, tape: Tape, vectors: Sequence[Floats]) -> list[Any]:
        return run(tape, [*self.traced.point, *vectors], self.xp)

    def paired(self, one: Sequence[Any], other: Sequence[Any]) -> tuple[Any, Any]:
        """⟨one, other⟩ and the sum of the sizes of its terms."""
        xp = self.xp
        with xp.working():
            terms = [xp.asarray(a) * xp.asarray(b) for a, b in zip(one, other, strict=True) if np.size(a)]
            sums = [(xp.to_mp(np.sum(t)).item(), xp.to_mp(np.sum(abs(t))).item()) for t in terms]
        with mp.workprec(2 * xp.precision):
            return mp.fsum(a for a, _ in sums), mp.fsum(b for _, b in sums)

    def apart(self, answer: Floats, true: Any) -> Floats:
        """|answer − truth| in float64, the difference taken exactly."""
        xp = self.xp
        with xp.working():
            return np.asarray(np.abs(xp.to_float64(xp.asarray(answer) - true)))

    def shown(self, true: Any) -> Floats:
        return np.asarray(self.xp.to_float64(true))

    def all_shown(self, true: Sequence[Any]) -> list[Floats]:
        return [self.shown(t) for t in true]
