"""The comparisons of one example of many entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from gradlaws.records.values import Verdict as Kind
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.backends.question import Question
from gradlaws.suite.checking.answer import Answer, exactly
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.checking.verdict import Verdict
from gradlaws.suite.identities.large_traced import SAME, Large
from gradlaws.suite.known import ledger
from gradlaws.suite.rounding.bounds import Bounds
from gradlaws.suite.rule.exact import Agreement
from gradlaws.suite.truth.floats import flat, unit
from gradlaws.suite.truth.oracle import HashablePoint, Truth
from gradlaws.suite.vocabulary import Quantity

RULE, FORWARD = "the traced rule", "the traced rule of the forward mode"
MOVES = "it moves within a step of a difference"
COUNTED = {"curvature": "hvp"}  # what is a product with another quantity


@dataclass
class LargeCheck(Check):
    """Its answers are judged by the bounds of their tapes, entry by entry, and sums of them by A."""

    large: Large = field(kw_only=True)

    def modes(self, quantity: Quantity, all_modes: Sequence[Mode] | None = None) -> list[Mode]:
        """Less Taylor modes, whose formulas are no tape, and batched ones, which torch takes apart in another way than
        the tape has it; of a primitive by itself the next one only."""
        known = self.system.backend.modes_of(quantity) if all_modes is None else all_modes
        found = super().modes(quantity, [mode for mode in known if not (mode.experimental or "vmap" in mode.name)])
        return found[:1] if self.trial.identity == "alone" else found

    def rule(self, seed: int) -> bool:
        """RULE, recorded; whether the traced derivative is the limit, so that it is the truth."""
        if not self.large.is_traced:
            question = Question(self.trial.backend, self.trial.precision, self.program, self.point)
            self.record(Judged(question, RULE, 1, Verdict("unsupported", reason=self.large.refused)))
            return False
        found = self.large.agreements(seed)
        if any(a.verdict == "wrong" for a in found):
            found = self.large.agreements(seed, settled=True)
        for agreement in found:
            judged = self._of_rule(agreement)
            if agreement.verdict == "wrong" and not self.large.is_tame(agreement.order, self.point):
                judged = self._apart(
                    RULE, agreement.order, 0.0, 0.0, "inconclusive", "it moves within a difference's step"
                )
            self.take(self.excused(judged))
        return all(a.verdict == "right" for a in found)

    def forward_rule(self, tangent: Point) -> bool:
        """Whether the traced J v has ⟨w, J v⟩ = ⟨∇, v⟩; recorded."""
        apart = self.large.apart(tangent)
        self.take(self.excused(self._apart(FORWARD, 1, apart, SAME, "holds" if apart <= SAME else "violated")))
        return apart <= SAME

    def _of_rule(self, agreement: Agreement) -> Judged:
        kind: Kind = {"right": "holds", "wrong": "violated"}.get(agreement.verdict, "inconclusive")  # type: ignore
        seen_from = max(agreement.resolution, SAME if agreement.verdict == "right" else 0.0)
        return self._apart(RULE, agreement.order, agreement.relative, seen_from, kind, str(agreement))

    def _apart(self, label: str, order: int, apart: float, allowed: float, kind: Kind, reason: str = "") -> Judged:
        """Two exact evaluations, relative to their size: got 0 where they are not apart."""
        question = Question(self.trial.backend, self.trial.precision, self.program, self.point)
        if kind == "inconclusive":
            return Judged(question, label, order, Verdict(kind, reason=reason))
        verdict = Verdict(kind, apart / allowed if allowed else np.inf, (0,), reason=reason)
        numbers = np.array([apart]), exactly(np.zeros(1)), np.array([allowed])
        return Judged(question, label, order, verdict, *numbers, drawn=tuple(self.trial.drawn))

    def bounds(self, answer: Answer) -> Bounds:
        return self._bounds(answer.question, answer.by)

    def _bounds(self, question: Question, mode: Mode) -> Bounds:
        quantity: Quantity = COUNTED.get(mode.quantity, mode.quantity)  # type: ignore[assignment]
        return self.large.bounds(quantity, mode.name, *question.directions)

    def tolerance(self, question: Question, mode: Mode) -> tuple[Floats, float]:
        found = self._bounds(question, mode)
        size = float(max((np.max(abs(v), initial=0.0) for v in found.values), default=0.0))
        if mode.quantity == "curvature":
            # The product's own F, and the sum with v, which modes make anywhere on the way.
            v, terms = flat(question.directions[0]), max(kind.size for kind in self.large.traced.gradient.kinds)
            u, values = question.precision.unit_roundoff, flat(tuple(found.values))
            return np.array([abs(v) @ flat(tuple(found.outputs)) + terms * u * abs(v) @ abs(values)]), size
        return flat(tuple(found.outputs)), size

    def truth(self, answer: Answer) -> Truth:
        directions = answer.question.directions
        if answer.by.quantity != "curvature":
            return self.large.truth(answer.by.quantity, *directions)
        product = self.large.truth("hvp", *directions)
        v = flat(directions[0])
        return Truth(np.array([np.sum(product.exact * v)]), np.array([np.sum(product.error * abs(v))]))

    def judged(self, answer: Answer) -> None:
        """Beside the truth."""
        self.true(answer, self.truth(answer))

    def along(self, answer: Answer, weights: Point) -> tuple[Floats, Floats, float]:
        """⟨weights, answer⟩, its tolerance by A with the product's own roundings, and the sum of sizes."""
        terms = answer.numbers * flat(weights)
        size = float(np.sum(abs(terms)))
        allowed = self.bounds(answer).along(shaped(weights, self.bounds(answer)))
        return np.array([terms.sum()]), np.array([allowed + len(terms) * unit(terms) * size]), size

    def excused(self, judged: Judged, of: Sequence[Answer] = ()) -> Judged:
        """Where rows of the ledger hold, nothing is said: they are met by functions of few entries."""
        if judged.verdict.kind not in ("violated", "error"):
            return judged
        asked = judged.question
        modes = [answer.mode for answer in of] or [judged.label]
        if judged.label == RULE:
            modes = [asked.backend.modes_of(quantity)[0].name for quantity in ("gradient", "hessian", "hvp")]
            modes.append("vjp(grad)")  # as the trace is taken: reverse over reverse
        point, dtype = HashablePoint(asked.point), asked.precision.name
        rows = [
            row.id
            for mode in modes
            for row in ledger.known(
                asked.backend.name, asked.backend.version, dtype, mode, judged.order, asked.program, point
            )
        ]
        if not rows:
            return judged
        reason = f"rows of the ledger hold: {', '.join(dict.fromkeys(rows))}"
        return replace(judged, verdict=Verdict("inconclusive", reason=reason))


def shaped(weights: Point, found: Bounds) -> list[Floats]:
    """One for each output."""
    return [w.reshape(v.shape) for w, v in zip(weights, found.values, strict=True)]


@contextmanager
def asked_of_many(trial: Trial, f: Program, x: Point, w: Floats, *directions: Point) -> Iterator[LargeCheck]:
    """All comparisons on f, of any output, whose weights are w; violations are raised together at the end."""
    whole = Large(trial.backend, trial.precision, f, x, w)
    with trial.asking(LargeCheck(trial, f, x, directions, trial.examples, large=whole)) as check:
        yield check
