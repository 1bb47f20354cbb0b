"""A function of one entry each in a large array: what it says of few numbers, each at many places.

Truth and bound are those of the few (suite/truth, suite/bound), and so is what the ledger knows of them. Of the many
answers for a number the one that is farthest off is judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gradlaws.records.values import Verdict as Kind
from gradlaws.strategies.large import Layout
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, weighted
from gradlaws.suite import clock
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.backends.question import Question
from gradlaws.suite.checking.answer import Answer
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.trial import Check
from gradlaws.suite.checking.verdict import Verdict, beside
from gradlaws.suite.truth.oracle import Truth


def flattened(program: Program, point: Point) -> tuple[Program, Point]:
    """The one step of a program, of arguments of one shape, which has one axis."""
    arrays = tuple(np.ravel(x) for x in np.broadcast_arrays(*point))
    return Program(tuple(x.shape for x in arrays), (replace(program.steps[0]),)), arrays


def spread(program: Program, layout: Layout) -> Program:
    """The same step on arrays of the layout."""
    step: Step = program.steps[0]
    return Program(tuple(layout.shape for _ in program.inputs), (step,))


@dataclass
class RepeatedCheck(Check):
    """``program`` is the step by itself, ``weights`` make an objective of it; answers are of arrays of the layout."""

    weights: Floats = field(kw_only=True)
    layout: Layout = field(kw_only=True)
    given: dict[str, Floats] = field(default_factory=dict)  # by mode, all that it answered last

    @property
    def places(self) -> NDArray[np.int64]:
        return self.layout.places(len(self.weights))

    def many(self, point: Point) -> Point:
        return tuple(x[self.places] for x in point)

    def large(self, quantity: str) -> Program:
        program = spread(self.program, self.layout)
        return program if quantity == "value" else weighted(program, self.weights[self.places])

    def index(self, quantity: str) -> NDArray[np.int64]:
        """Of every entry of an answer, the entry that it is of the answer for few."""
        flat, count = self.places.ravel(), len(self.weights)
        arguments = 1 if quantity == "value" else len(self.program.inputs)
        return np.concatenate([flat + k * count for k in range(arguments)])

    def asked(self, mode: Mode, *directions: Point) -> None:
        """Judged, or recorded as unsupported."""
        few = self.program if mode.quantity == "value" else weighted(self.program, self.weights)
        question = Question(self.trial.backend, self.trial.precision, few, self.point, mode, directions)
        along = [self.many(d) for d in directions]
        result = question.backend.run(
            mode, self.large(mode.quantity), question.precision, self.many(self.point), *along
        )
        clock.seconds["framework"] += result.seconds
        if result.numbers is None:
            kind: Kind = "unsupported" if result.refused else "error"
            reason = f"{type(result.error).__name__}: {result.error}".splitlines()[0]
            self.take(self.excused(Judged(question, mode.name, mode.order, Verdict(kind, reason=reason))))
            return
        with np.errstate(all="ignore"):
            tolerance, majorant = self.tolerance(question, mode)
        answer = Answer(question, mode, result.numbers, tolerance, majorant, result.seconds)
        self.given[mode.name] = result.numbers
        self.true(replace(answer, numbers=farthest(answer, self.index(mode.quantity))))

    def take(self, judged: Judged) -> None:
        """What is wrong is shown as it was asked."""
        mode, got, exact, tolerance = judged.question.mode, judged.got, judged.exact, judged.tolerance
        if judged.verdict.kind == "violated" and mode and exact is not None and tolerance is not None:
            index = self.index(mode.quantity)
            got, true, allowed = self.given[mode.name], Truth(exact.exact[index], exact.error[index]), tolerance[index]
            verdict = beside(true, got, allowed, exact.size, judged.question.precision)
            if verdict.kind == "violated":
                question = replace(
                    judged.question, program=self.large(mode.quantity), point=self.many(self.point),
                    directions=tuple(map(self.many, judged.question.directions)),
                )  # fmt: skip
                judged = replace(judged, question=question, verdict=verdict, got=got, exact=true, tolerance=allowed)
        super().take(judged)


def farthest(answer: Answer, index: NDArray[np.int64]) -> Floats:
    """Of the answers for each number, the one that is farthest from the truth; what is no number is farthest."""
    true = answer.truth.floats
    apart = abs(answer.numbers - true[index])
    apart = np.where(np.isfinite(apart), apart, np.inf)
    found = np.zeros(true.shape)
    found[index[np.argsort(apart, kind="stable")]] = answer.numbers[np.argsort(apart, kind="stable")]
    return found
