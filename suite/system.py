"""One backend in one precision under test, and the checks that its answers must pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from strategies.mathematics import mathematics
from strategies.mp_arrays import DomainError, mp_array
from strategies.precision import Precision
from strategies.primitive import Floats
from strategies.program import Point, Program
from suite import clock, corpus, differences, hunt, ledger, oracle, profiles, quantities, witnesses
from suite.backends.backend import Backend, Mode, Quantity
from suite.corpus import Case
from suite.failure import describe, failure_text, inputs, number
from suite.judged import Judged, worse
from suite.oracle import HashablePoint, Truth
from suite.question import Question
from suite.verdict import Verdict, judge

Record = Mapping[str, Any]
T = TypeVar("T")


class Violation(AssertionError):
    """An identity does not hold, or a framework failed. The message is what a person needs, shortest first."""


@dataclass(frozen=True)
class Answer:
    """What a mode said: ``numbers`` is flat, in float64 or, where that was asked, in long double, with its bound
    ``tolerance`` and its ``majorant``."""

    question: Question
    by: Mode
    numbers: Floats
    tolerance: Floats
    majorant: float
    seconds: float = 0.0

    @property
    def mode(self) -> str:
        return self.by.name

    @property
    def order(self) -> int:
        return self.by.order

    @property
    def truth(self) -> Truth:
        asked = self.question
        return quantities.truth(self.by.quantity, asked.program, asked.point, *asked.directions)


# Of fewer trials chance decides, where bounds are wide; the verdict counts those of all tests of an identity together.
FEW = 5


@dataclass(repr=False)
class System:
    """A backend in a precision, with the sink of its records.

    One per (backend, precision) and process; ``begin`` turns it to the next test.
    """

    backend: Backend
    precision: Precision
    emit: Callable[[Record], None] = lambda record: None
    selected: Callable[[str], bool] = lambda mode: True
    share: float = 1.0  # of a test's examples
    identity: str = ""
    test: str = ""
    focus: tuple[str, str] | None = None  # ("answer" or "compare", label) of the failure that is being shrunk
    controls: dict[str, Counter[str]] = field(default_factory=dict)
    examples: int = 0  # of this test, less those that showed nothing, which take no turn of the modes
    worst: Judged | None = None  # of this test's comparisons; of one that fails, the last
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of this test, beside the system
    seed: int = 0  # of this test: where a rotation over the modes begins
    data: object = None  # of the example at hand, and what was drawn from it
    drawn: list[Any] = field(default_factory=list)
    stored: Case | None = None  # the case that is asked again, if it is not drawn
    seen: Counter[str] = field(default_factory=Counter)  # verdicts of this test
    hardest: hunt.Worst = field(default_factory=hunt.Worst)
    met: int = 0  # examples of this test up to its first failure

    def __str__(self) -> str:
        return f"{self.backend.name}-{self.precision.name}"

    __repr__ = __str__

    def begin(self, identity: str, test: str, parameters: Mapping[str, Any] | None = None, seed: int = 0) -> None:
        self.identity, self.test, self.focus, self.controls, self.examples = identity, test, None, {}, 0
        self.worst, self.met, self.seed = None, 0, seed
        self.parameters, self.data, self.stored, self.seen = parameters or {}, None, None, Counter()

    def draw(self, data: st.DataObject, strategy: st.SearchStrategy[T]) -> T:
        if data is not self.data:
            self.data, self.drawn = data, []
        with clock.part("generate"):
            self.drawn.append(data.draw(strategy))
        return self.drawn[-1]  # type: ignore[no-any-return]

    @property
    def label(self) -> str:
        """The comparison that is being shrunk or asked again, if any."""
        return self.focus[1] if self.focus else self.stored.mode if self.stored else ""

    def case(self, mode: str, found: str) -> Case | None:
        """What was drawn for the example at hand, to be stored; None where something in it cannot be."""
        return self.stored or corpus.case(
            self.identity, self.test, self.parameters, self.precision.name, self.drawn, mode, {self.backend.name: found}
        )

    @contextmanager
    def example(self, program: Program, point: Point, *directions: Point) -> Iterator[Check]:
        """All comparisons on one function at one point; violations are raised together at the end."""
        self.emit(
            {"kind": "example", "test": self.test, "function": mathematics(program), "inputs": inputs(program, point)}
            | ({} if self.focus else {"backend": self.backend.name, **witnesses.generated(program, point)})
        )
        self.met += self.focus is None
        check = Check(self, program, point, directions, self.examples)
        try:
            yield check
        except DomainError as error:  # a step of the oracle leaves the domain: what is left cannot be judged
            question = Question(self.backend, self.precision, program, point)
            check.record(Judged(question, "oracle", 0, Verdict("unsupported", reason=f"the oracle: {error}")))
        self.examples += check.told
        if profiles.active.hunt:
            hunt.toward(check.worst)
            self.hardest.met(self, program, check.worst)
        check.finish()

    def finish(self) -> list[str]:
        """Records the controls of a test; names those that never failed though they were tried, and not only a few
        times: the test could not have failed."""
        for name, count in self.controls.items():
            self.emit(
                {"kind": "control", "identity": self.identity, "backend": self.backend.name,
                 "dtype": self.precision.name, "control": name, "tried": count["tried"], "failed": count["failed"]}
            )  # fmt: skip
        if self.worst is not None:
            self.emit(self.witness(self.worst))
        for record in self.hardest.records():
            self.emit(record)
        return [name for name, count in self.controls.items() if count["tried"] >= FEW and not count["failed"]]

    def witness(self, judged: Judged) -> Record:
        """The worst comparison of the test, with what every backend answers there."""
        self.drawn = [*judged.drawn]
        own = describe(self, judged, [self.backend.name])
        many = self.identity == "alone" or bool(self.stored)
        answers = witnesses.answers(judged, many)
        return own | {"kind": "witness", "answers": answers, "digits": number(judged.verdict.digits)}


@dataclass
class Check:
    """The comparisons of one example."""

    system: System
    program: Program
    point: Point
    directions: tuple[Point, ...]
    number: int = 0
    violations: list[str] = field(default_factory=list)
    failed: tuple[str, str] | None = None
    told: bool = False  # whether any comparison was conclusive
    worst: float = 0.0  # the largest error / bound of those that hold

    def modes(self, quantity: Quantity, all_modes: Sequence[Mode] | None = None) -> list[Mode]:
        """The modes in turn: all of them, or the profile's number of them, the next ones for each example, less those
        that sit this turn out.

        While a failure is shrunk or asked again, only those that it is about.
        """
        known = self.system.backend.modes_of(quantity) if all_modes is None else all_modes
        offered = [m for m in known if self.system.selected(m.name)]
        label = self.system.label
        if label:
            return [m for m in offered if m.name in label] or offered  # of a label that names none, any may be meant
        count = profiles.modes(self.system.backend.name, self.system.identity)
        if count is None or len(offered) <= count:
            return offered
        # The few examples of a primitive alone start at another mode for each, and so does what is stored; elsewhere
        # tests of one function agree.
        few = self.system.identity == "alone" or self.system.stored
        first = self.system.seed if few else 0
        start = first + self.number * count
        met = ((place // len(offered), offered[place % len(offered)]) for place in range(start, start + count))
        return [mode for turn, mode in met if turn % mode.every == 0]

    def answers(
        self, quantity: Quantity, program: Program | None = None, point: Point | None = None, *directions: Point
    ) -> list[Answer]:
        """The quantity in every mode that offers it, of the example's function or of another one."""
        found = (self.answer(mode, program, point, *directions) for mode in self.modes(quantity))
        return [answer for answer in found if answer is not None]

    def answer(
        self, mode: Mode, program: Program | None = None, point: Point | None = None, *directions: Point
    ) -> Answer | None:
        """The quantity by one mode; None, and recorded, where it is unsupported or the framework failed."""
        system = self.system
        if system.focus and system.focus[0] == "answer" and system.focus[1] != mode.name:
            return None
        program = self.program if program is None else program
        point = self.point if point is None else point
        question = Question(system.backend, system.precision, program, point, mode, directions)
        result = system.backend.run(mode, program, system.precision, point, *directions)
        clock.seconds["framework"] += result.seconds
        wrong = result.error
        if result.numbers is not None:
            with np.errstate(all="ignore"):
                tolerance, majorant = quantities.tolerance(
                    system.backend, system.precision, mode.name, mode.quantity, program, point, *directions
                )
                if result.numbers.shape != tolerance.shape:
                    wrong = ValueError(f"its answer is of shape {result.numbers.shape} instead of {tolerance.shape}")
                if mode.differences and not wrong:
                    try:
                        with clock.part("bound"):
                            tolerance = differences.allowance(
                                program, point, system.precision, mode.differences, tolerance
                            )
                    except DomainError as error:
                        verdict = Verdict("inconclusive", reason=f"its steps leave the domain: {error}")
                        self.record(Judged(question, mode.name, mode.order, verdict, seconds=result.seconds))
                        return None
            if not wrong:
                return Answer(question, mode, result.numbers, tolerance, majorant, result.seconds)
        said = str(wrong).strip().splitlines() or [""]
        reason = f"{type(wrong).__name__}: {said[0]}"
        if result.refused:
            self.record(Judged(question, mode.name, mode.order, Verdict("unsupported", reason=reason)))
            system.emit(
                {"kind": "unsupported", "backend": system.backend.name, "mode": mode.name,
                 "primitive": ", ".join(dict.fromkeys(program.primitives)), "reason": reason}
            )  # fmt: skip
        else:
            verdict = self.excused(Verdict("error", reason=reason), mode.name, mode.order, program, point)
            self.take(Judged(question, mode.name, mode.order, verdict))
        return None

    def true(self, answer: Answer, truth: Truth | None = None, label: str = "") -> None:
        """The answer against the oracle."""
        label = label or answer.mode
        try:
            exact = answer.truth if truth is None else truth
        except DomainError as error:
            verdict = Verdict("inconclusive", reason=f"the oracle: {error}")
            self.record(Judged(answer.question, label, answer.order, verdict, seconds=answer.seconds))
            return
        self.judge(
            answer.question, label, answer.order, answer.numbers, exact, answer.tolerance, answer.majorant,
            answer.seconds,
        )  # fmt: skip

    def equal(self, label: str, a: Answer, b: Answer) -> None:
        """Two answers of this backend to the same question, each within its own bound."""
        reference = exactly(b.numbers)
        both = replace(a, tolerance=a.tolerance + b.tolerance, majorant=max(a.majorant, b.majorant), seconds=0.0)
        self.true(both, reference, label)

    def compare(
        self,
        label: str,
        order: int,
        got: Floats,
        exact: Truth,
        tolerance: Floats,
        majorant: float = 0.0,
        program: Program | None = None,
        point: Point | None = None,
        mode: Mode | None = None,
        directions: tuple[Point, ...] = (),
    ) -> None:
        """Any computed object against an exact one, within a tolerance; arrays of one shape. It is about the example's
        function and point, where no others are named."""
        program, point = self.program if program is None else program, self.point if point is None else point
        question = Question(self.system.backend, self.system.precision, program, point, mode, directions)
        self.judge(question, label, order, got, exact, tolerance, majorant)

    def judge(
        self,
        question: Question,
        label: str,
        order: int,
        got: Floats,
        exact: Truth,
        tolerance: Floats,
        majorant: float,
        seconds: float = 0.0,
    ) -> None:
        """One comparison, unless another one is being shrunk or asked again."""
        focus, stored = self.system.focus, self.system.stored
        if focus and focus[0] == "compare" and focus[1] != label:
            return
        if stored and stored.mode not in ("", label):
            return
        verdict = self.verdict(got, exact, tolerance, majorant)
        verdict = self.excused(verdict, label, order, question.program, question.point)
        zero = order > 0 and bool(np.all(np.abs(exact.floats) <= exact.error))
        drawn = tuple(self.system.drawn)
        self.take(Judged(question, label, order, verdict, got, exact, tolerance, seconds, zero, drawn))

    def verdict(self, got: Floats, exact: Truth, tolerance: Floats, majorant: float = 0.0) -> Verdict:
        with clock.part("oracle"), np.errstate(all="ignore"):
            error = (
                oracle.difference(np.where(np.isfinite(got), got, 0.0), exact) if got.shape == tolerance.shape else got
            )
            size = float(np.max(np.abs(exact.floats), initial=0.0))
        return judge(got, error, tolerance, exact.error, size or majorant, self.system.precision)

    def verdict_of(self, answer: Answer) -> Verdict:
        """What would be said of an answer, which is not recorded. The oracle may leave the domain: inconclusive."""
        try:
            return self.verdict(answer.numbers, answer.truth, answer.tolerance, answer.majorant)
        except DomainError as error:
            return Verdict("inconclusive", reason=f"the oracle: {error}")

    def excused(self, verdict: Verdict, label: str, order: int, program: Program, point: Point) -> Verdict:
        """A deviation where the ledger knows the violation or error, and none worse; else the verdict, and why."""
        if verdict.kind not in ("violated", "error"):
            return verdict
        backend, dtype = self.system.backend, self.system.precision.name
        known = ledger.known(backend.name, backend.version, dtype, label, order, program, HashablePoint(point))
        ratio, error = verdict.ratio or 0.0, verdict.reason if verdict.kind == "error" else ""
        for row in known:
            if row.excuses(order, dtype, ratio, error):
                unlimited = int(not error and row.limit(order, dtype) == np.inf)
                self.system.emit(
                    {"kind": "ledger", "id": row.id, "status": "confirmed", "excused": 1, "unlimited": unlimited}
                )
                return replace(verdict, kind="deviation", reason=row.id)
        if not known:
            return verdict
        said = f"worse than {', '.join(row.id for row in known)} in suite/ledger.toml"
        return replace(verdict, reason=f"{verdict.reason}; {said}" if verdict.reason else said)

    def control(self, name: str, got: Floats, exact: Truth, tolerance: Floats, majorant: float = 0.0) -> None:
        """A corrupted answer, which must be seen to violate at least once in the test."""
        count = self.system.controls.setdefault(name, Counter())
        verdict = self.verdict(got, exact, tolerance, majorant)
        if verdict.kind in ("holds", "violated"):
            count["tried"] += 1
            count["failed"] += verdict.kind == "violated"

    def record(self, judged: Judged) -> None:
        system, verdict, program = self.system, judged.verdict, judged.question.program
        self.told |= verdict.kind not in ("inconclusive", "unsupported")
        system.seen[verdict.kind] += 1
        if verdict.kind == "holds":
            self.worst = max(self.worst, verdict.ratio or 0.0)
        system.emit(
            {
                "kind": "comparison", "identity": system.identity, "backend": system.backend.name,
                "dtype": system.precision.name, "mode": judged.cell, "order": judged.order, "verdict": verdict.kind,
                "ratio": number(verdict.ratio), "digits": number(verdict.digits),
                "function": mathematics(program), "program": program.structure,
                "primitives": list(program.primitives), "pairs": list(program.pairs), "size": program.size,
                "steps": len(program.primitives), "depth": program.depth, "zero": judged.zero,
                "seconds": judged.seconds,
            }
        )  # fmt: skip

    def take(self, judged: Judged) -> None:
        """Records what was judged; a violation or an error is kept until the example ends."""
        self.record(judged)
        kind = judged.verdict.kind
        if kind in ("holds", "violated") and judged.got is not None:
            self.system.worst = worse(self.system.worst, judged, self.system.focus is not None)
        if kind not in ("violated", "error"):
            return
        with clock.part("rest"):
            failure = describe(self.system, judged)
        self.system.emit(failure)
        self.violations.append(failure_text(failure))
        if self.failed is None:
            self.failed = ("answer" if judged.got is None else "compare", judged.label)

    def finish(self) -> None:
        """Raises Violation if anything was violated; from then on only that comparison is made, to shrink fast."""
        if self.violations:
            self.system.focus = self.system.focus or self.failed
            raise Violation(self.violations[0])


def exactly(numbers: Floats) -> Truth:
    """Floats taken as exact."""
    return Truth(mp_array(np.where(np.isfinite(numbers), numbers, 0.0)), np.zeros(np.shape(numbers)))
