"""A test on a system: the examples that it draws, the comparisons on each, and its controls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from gradlaws.records.shard import Control, Example, Record, Unsupported, Witness
from gradlaws.records.values import FEW, JUDGED
from gradlaws.strategies.mathematics import mathematics
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, input_names
from gradlaws.suite import clock, profiles
from gradlaws.suite.backends.backend import Backend, Mode
from gradlaws.suite.backends.question import Question
from gradlaws.suite.bound import differences, tolerances
from gradlaws.suite.checking import failure, witnesses
from gradlaws.suite.checking.answer import Answer
from gradlaws.suite.checking.asking import beside_truth
from gradlaws.suite.checking.excuses import excused
from gradlaws.suite.checking.failure import Occasion, Violation
from gradlaws.suite.checking.judged import Judged, worse
from gradlaws.suite.checking.rotation import in_turn
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.verdict import Verdict, beside, contradiction, differs
from gradlaws.suite.corpus import cases, hardest
from gradlaws.suite.corpus.cases import Case
from gradlaws.suite.truth.floats import arrays
from gradlaws.suite.truth.oracle import Truth
from gradlaws.suite.vocabulary import Quantity

T = TypeVar("T")
C = TypeVar("C", bound="Check")


@dataclass(repr=False)
class Trial:
    """One test of an identity on a system. It begins with the test and ends with it."""

    system: System
    identity: str = ""
    test: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of the test, beside the system
    seed: int = 0  # where a rotation over the modes begins
    focus: tuple[str, str] | None = None  # ("answer" or "compare", label) of the failure that is being shrunk
    controls: dict[str, Counter[str]] = field(default_factory=dict)
    examples: int = 0  # less those that showed nothing, which take no turn of the modes
    met: int = 0  # examples up to the first failure
    worst: Judged | None = None  # of the comparisons; of a test that fails, the last
    seen: Counter[str] = field(default_factory=Counter)  # verdicts, and "partly" where components were undecided
    data: object = None  # of the example at hand, and what was drawn from it
    drawn: list[Any] = field(default_factory=list)
    stored: Case | None = None  # the case that is asked again, if it is not drawn

    def __repr__(self) -> str:
        return str(self.system)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def backend(self) -> Backend:
        return self.system.backend

    @property
    def precision(self) -> Precision:
        return self.system.precision

    def emit(self, record: Record) -> None:
        self.system.emit(record)

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
        return self.stored or cases.case(
            self.identity, self.test, self.parameters, self.precision.name, self.drawn, mode, {self.backend.name: found}
        )

    @contextmanager
    def example(self, program: Program, point: Point, *directions: Point) -> Iterator[Check]:
        """All comparisons on one function at one point; violations are raised together at the end."""
        with self.asking(Check(self, program, point, directions, self.examples)) as check:
            yield check

    @contextmanager
    def asking(self, check: C) -> Iterator[C]:
        """The same, of a check that is made."""
        program, point = check.program, check.point
        shown = point if program.size <= witnesses.MANY else ()
        inputs = arrays(input_names(program), shown)
        example: Example = {"kind": "example", "test": self.test, "function": mathematics(program), "inputs": inputs}
        if not self.focus:
            example = {**example, "backend": self.backend.name, **witnesses.generated(program, point)}
        self.emit(example)
        self.met += self.focus is None
        try:
            yield check
        except DomainError as error:  # a step of the oracle leaves the domain: what is left cannot be judged
            question = Question(self.backend, self.precision, program, point)
            check.record(Judged(question, "oracle", 0, Verdict("unsupported", reason=f"the oracle: {error}")))
        self.examples += check.told
        if profiles.active.hunt:
            hardest.toward(check.worst)
            self.system.hardest.met(self.test, program, check.worst, lambda: self.case("", "holds"))
        check.finish()

    def finish(self) -> list[str]:
        """Records the controls; names those that never failed though they were other answers, and not only a few times:
        the test could not have failed."""
        for name, count in self.controls.items():
            self.emit(
                Control(kind="control", identity=self.identity, backend=self.backend.name, dtype=self.precision.name,
                        control=name, tried=count["tried"], failed=count["failed"], differed=count["differed"])
            )  # fmt: skip
        if self.worst is not None:
            self.emit(self.witness(self.worst))
        for record in self.system.hardest.records():
            self.emit(record)
        return [name for name, count in self.controls.items() if count["differed"] >= FEW and not count["failed"]]

    def occasion(self, judged: Judged) -> Occasion:
        case = self.case(judged.label, "holds" if judged.verdict.kind == "holds" else "violated")
        return Occasion(self.identity, self.test, self.met, case)

    def witness(self, judged: Judged) -> Witness:
        """The worst comparison of the test, with what every backend answers there."""
        self.drawn = [*judged.drawn]
        answers = witnesses.answers(judged, many=self.identity == "alone" or bool(self.stored))
        return failure.witness(judged, self.occasion(judged), answers)


@dataclass
class Check:
    """The comparisons of one example."""

    trial: Trial
    program: Program
    point: Point
    directions: tuple[Point, ...]
    number: int = 0
    violations: list[str] = field(default_factory=list)
    failed: tuple[str, str] | None = None
    told: bool = False  # whether any comparison was conclusive
    worst: float = 0.0  # the largest error / bound of those that hold

    @property
    def system(self) -> System:
        return self.trial.system

    def modes(self, quantity: Quantity, all_modes: Sequence[Mode] | None = None) -> list[Mode]:
        """The modes in turn: all of them, or the profile's number of them, the next ones for each example, less those
        that sit this turn out.

        While a failure is shrunk or asked again, only those that it is about.
        """
        known = self.system.backend.modes_of(quantity) if all_modes is None else all_modes
        offered = [m for m in known if self.system.selected(m.name)]
        label = self.trial.label
        if label:
            return [m for m in offered if m.name in label] or offered  # of a label that names none, any may be meant
        count = profiles.modes(self.system.backend.name, self.trial.identity)
        if count is None or len(offered) <= count:
            return offered
        # The few examples of a primitive alone start at another mode for each, and so does what is stored; elsewhere
        # tests of one function agree.
        few = self.trial.identity == "alone" or self.trial.stored
        return in_turn(offered, count, (self.trial.seed if few else 0) + self.number * count)

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
        system, focus = self.system, self.trial.focus
        if focus and focus[0] == "answer" and focus[1] != mode.name:
            return None
        program, point = self.program if program is None else program, self.point if point is None else point
        question = Question(system.backend, system.precision, program, point, mode, directions)
        result = system.backend.run(mode, program, system.precision, point, *directions)
        clock.seconds["framework"] += result.seconds
        wrong = result.error
        if result.numbers is not None:
            with np.errstate(all="ignore"):
                tolerance, majorant = self.tolerance(question, mode)
                if result.numbers.shape != tolerance.shape:
                    wrong = ValueError(f"its answer is of shape {result.numbers.shape} instead of {tolerance.shape}")
                if mode.differences and not wrong:
                    of = program, point, system.precision, mode.differences
                    try:
                        with clock.part("bound"):
                            tolerance = differences.allowance(*of, tolerance)
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
                Unsupported(kind="unsupported", backend=system.backend.name, mode=mode.name,
                            primitive=", ".join(dict.fromkeys(program.primitives)), reason=reason)
            )  # fmt: skip
        else:
            self.take(self.excused(Judged(question, mode.name, mode.order, Verdict("error", reason=reason))))
        return None

    def tolerance(self, question: Question, mode: Mode) -> tuple[Floats, float]:
        """The bound per component, and the majorant."""
        backend, program, point = question.backend, question.program, question.point
        of = point, *question.directions
        return tolerances.tolerance(backend, question.precision, mode.name, mode.quantity, program, *of)

    def true(self, answer: Answer, truth: Truth | None = None, label: str = "") -> None:
        """The answer against the oracle."""
        label = label or answer.mode
        try:
            exact = answer.truth if truth is None else truth
        except DomainError as error:
            verdict = Verdict("inconclusive", reason=f"the oracle: {error}")
            self.record(Judged(answer.question, label, answer.order, verdict, seconds=answer.seconds))
            return
        if truth is None and (unseen := contradiction(exact, answer.majorant)):
            self.record(Judged(answer.question, label, answer.order, unseen, seconds=answer.seconds))
            return
        self.judge(
            answer.question, label, answer.order, answer.numbers, exact, answer.tolerance, answer.majorant,
            answer.seconds,
        )  # fmt: skip

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
        of: Sequence[Answer] = (),
    ) -> None:
        """Any computed object against an exact one, within a tolerance; arrays of one shape. It is about the example's
        function and point, where no others are named. ``of`` are the answers of which it was made, if no mode did."""
        program, point = self.program if program is None else program, self.point if point is None else point
        question = Question(self.trial.backend, self.trial.precision, program, point, mode, directions)
        self.judge(question, label, order, got, exact, tolerance, majorant, of=of)

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
        of: Sequence[Answer] = (),
    ) -> None:
        """One comparison, unless another one is being shrunk or asked again."""
        focus, stored = self.trial.focus, self.trial.stored
        if focus and focus[0] == "compare" and focus[1] != label:
            return
        if stored and stored.mode not in ("", label):
            return
        verdict = self.verdict(got, exact, tolerance, majorant, question.mode)
        zero = order > 0 and exact.size == 0
        drawn = tuple(self.trial.drawn)
        judged = Judged(question, label, order, verdict, got, exact, tolerance, seconds, zero, drawn)
        self.take(self.excused(judged, of))

    def verdict(
        self, got: Floats, exact: Truth, tolerance: Floats, majorant: float = 0.0, mode: Mode | None = None
    ) -> Verdict:
        return beside(exact, got, tolerance, majorant, self.trial.precision, mode.differences if mode else 0)

    def excused(self, judged: Judged, of: Sequence[Answer] = ()) -> Judged:
        """A deviation where the ledger describes the violation or error; else as it is, and why."""
        found, record = excused(judged, [beside_truth(answer) for answer in of])
        if record is not None:
            self.trial.emit(record)
        return found

    def control(self, name: str, got: Floats, exact: Truth, tolerance: Floats, majorant: float = 0.0) -> None:
        """A corrupted answer, which must be seen to violate at least once in the test, if it is another one here."""
        count = self.trial.controls.setdefault(name, Counter())
        verdict = self.verdict(got, exact, tolerance, majorant)
        if verdict.kind in ("holds", "violated"):
            failed = int(verdict.kind == "violated")
            count.update(tried=1, failed=failed, differed=failed or int(differs(got, exact, self.trial.precision)))

    def record(self, judged: Judged) -> None:
        verdict = judged.verdict
        self.told |= verdict.kind not in ("inconclusive", "unsupported")
        self.trial.seen[verdict.kind] += 1
        self.trial.seen["partly"] += verdict.undecided > 0
        if verdict.kind == "holds":
            self.worst = max(self.worst, verdict.ratio or 0.0)
        self.trial.emit(judged.record(self.trial.identity))

    def take(self, judged: Judged) -> None:
        """Records what was judged; a violation or an error is kept until the example ends."""
        self.record(judged)
        kind = judged.verdict.kind
        if kind in JUDGED and judged.got is not None and judged.question.program.size <= witnesses.MANY:
            self.trial.worst = worse(self.trial.worst, judged, self.trial.focus is not None)
        if kind not in ("violated", "error"):
            return
        with clock.part("rest"):
            told = failure.failure(judged, self.trial.occasion(judged), kind)
        self.trial.emit(told)
        self.violations.append(failure.in_words(told))
        if self.failed is None:
            self.failed = ("answer" if judged.got is None else "compare", judged.label)

    def finish(self) -> None:
        """Raises Violation if anything was violated; from then on only that comparison is made, to shrink fast."""
        if self.violations:
            self.trial.focus = self.trial.focus or self.failed
            raise Violation(self.violations[0])
