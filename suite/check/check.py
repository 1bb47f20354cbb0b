"""One call judged: its values, its gradient, its Hessian products.

The function's own forward is traced and its limit is the truth; a reference's is in its place where there is one. The
traced derivative is compared with that exactly (suite/rule), and every answer, entry by entry, within what rounding may
do to it (suite/rounding).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check import questions
from gradlaws.suite.check.answer import Report, Row
from gradlaws.suite.check.comparison import compared, looked_at
from gradlaws.suite.check.leaves import CannotCheck
from gradlaws.suite.check.questions import Cotangents
from gradlaws.suite.check.subject import Mode, Refused, Subject
from gradlaws.suite.check.truth import Rule, Truth, judged, traced
from gradlaws.suite.check.verdict_of_rule import told
from gradlaws.suite.rounding.bounds import Bounds, bounds
from gradlaws.suite.rule.arithmetics import arithmetic_for, why_not_quad
from gradlaws.suite.tape.tape import Tape, Unsupported
from gradlaws.suite.tracing.traced import Traced

SAME = 2.0**-46  # relative: two exact evaluations of one derivative are apart by less, if it is one


@dataclass(frozen=True)
class Options:
    """What a user may say of the call; each is printed in the answer."""

    order: int = 2
    seed: int = 0
    compiled: bool = False
    accumulate: str | None = None


class Check:
    """One check under way: the subject, its truth, its rule, and the rows that it fills."""

    def __init__(self, subject: Subject, reference: Subject | None, options: Options) -> None:
        self.subject, self.reference, self.options = subject, reference, options
        self.random = np.random.default_rng(options.seed)
        self.report = Report("", subject.framework, [], options.order, options.seed)
        self.own, self.truth = self._traces()
        if self.truth is not None:
            self.xp = arithmetic_for(self.truth)
            self.report.notes += [reason for reason in [why_not_quad(self.truth)] if reason]
        self.rule = self._rule()
        self.cotangents = questions.cotangents(subject.outputs, self.random)
        self.vectors = questions.direction(subject.point, self.random)
        self._runs: dict[str, Tape | None] = {}

    def _traces(self) -> tuple[Traced | None, Traced | None]:
        second = self.options.order > 1
        own: Traced | None = None
        try:
            own = traced(self.subject, second, holds=False)
        except Unsupported as error:
            self.report.notes.append(f"the function has no trace: {error}")
        if self.reference is None:
            return own, own
        try:
            return own, self._referred(self.reference, second)
        except Unsupported as error:
            raise CannotCheck(f"the reference cannot be traced: {error}") from error

    def _referred(self, reference: Subject, second: bool) -> Traced:
        """A reference as it is written, if its derivative is the limit of that; else with what it holds fixed.

        jax's own solvers stop gradients on the way to right ones; a surrogate does so on purpose.
        """
        seed, plain = self.options.seed, traced(reference, second, holds=False)
        if judged(plain, None, seed, arithmetic_for(plain)).of_order(1) == "right":
            return plain
        held = traced(reference, second, holds=True)
        sure = judged(held, None, seed, arithmetic_for(held))
        if sure.of_order(1) != "right":
            raise CannotCheck(f"the reference cannot be one: {'; '.join(sure.reasons(1))}")
        self.report.notes.append("what the reference holds fixed (detach, stop_gradient) is constant")
        return held

    def _rule(self) -> Rule | None:
        """Of what is traced."""
        if self.truth is None:
            return None
        seed = self.options.seed
        if self.reference is None:
            return judged(self.truth, None, seed, self.xp)
        return judged(self.own, self.truth, seed, self.xp) if self.own is not None else None

    @property
    def entries_known(self) -> bool:
        """Whether every entry of the gradient has a truth: that of a rule that is right."""
        return self.reference is not None or (self.rule is not None and self.rule.of_order(1) == "right")

    def products_known(self) -> bool:
        if self.truth is None or self.truth.product is None:
            return False
        return self.reference is not None or (self.rule is not None and self.rule.of_order(2) == "right")

    def rows(self, order: int) -> list[Row]:
        leaves = self.subject.inputs if order else self.subject.outputs
        found = [Row(x.name, x.shape, x.dtype, order) for x in leaves]
        self.report.rows += found
        return found

    def runs(self, kind: str) -> Tape:
        """The tape of what runs, in its own types: the function's, or where it has none, the reference's.

        ``kind``: "forward", "gradient", "product" or "tangents". Raises Unsupported.
        """
        if kind not in self._runs:
            if kind == "tangents":
                self._runs[kind] = self.subject.tangents(wide=False)
            else:
                self._take_runs()
        tape = self._runs[kind]
        if tape is None:
            raise Unsupported("there is no trace of what runs")
        return tape

    def _take_runs(self) -> None:
        source = self.own or self.truth
        if any(x.dtype != "float64" for x in (*self.subject.inputs, *self.subject.outputs)):
            asked = self.subject if self.own is not None else self.reference
            assert asked is not None
            source = asked.traced(False, self.options.order > 1, False)
        assert source is not None
        self._runs.update(forward=source.forward, gradient=source.gradient, product=source.product)

    def bounded(self, kind: str, inputs: Sequence[Floats]) -> Bounds:
        """What rounding may do to the answers, and, beside a reference, to its exact evaluation. Raises Unsupported."""
        found = bounds(self.runs(kind), inputs, self.subject.framework, accumulate=self.options.accumulate)
        tape = getattr(self.truth, kind, None)
        if self.reference is not None and tape is not None:
            exact = bounds(tape, inputs, self.subject.framework).outputs
            scale = 2.0 ** (53 - self.xp.precision)
            noise = [np.where(np.isfinite(e), e, 0.0) * scale for e in exact]
            found.outputs = [f + e for f, e in zip(found.outputs, noise, strict=True)]
        return found


def judge(subject: Subject, reference: Subject | None, options: Options) -> Report:
    """Everything about one call."""
    started = time.perf_counter()
    state = Check(subject, reference, options)
    if state.truth is None:
        state.report.notes.append("without a trace and without reference= only modes can be compared with each other")
        _between_modes(state)
    else:
        truth = Truth(state.truth, state.xp)
        _values(state, truth)
        _first(state, truth)
        if options.order > 1:
            _second(state, truth)
    _told(state)
    state.report.seconds = time.perf_counter() - started
    return state.report


def _values(state: Check, truth: Truth) -> None:
    rows = state.rows(0)
    for row in rows:
        row.rule = "right"
    inputs = state.subject.point
    try:
        found = state.bounded("forward", inputs)
    except Unsupported as error:
        _unbounded(rows, str(error))
        return
    _unknown(rows, found)
    true = truth.value()
    for row, exact, bound in zip(rows, true, found.outputs, strict=True):
        looked_at(row, truth.shown(exact), bound)
    for mode in _modes(state, 0):
        if (answers := _asked(state, mode, [], [])) is not None:
            compared(rows, mode.name, "the call itself", answers, truth, true, found.outputs)


def _first(state: Check, truth: Truth) -> None:
    rows = state.rows(1)
    if state.rule is not None:
        told(state.rule, state.report, rows, 1)
    elif state.reference is not None:
        for row in rows:
            row.rule = "reference"
    if not state.entries_known:
        return
    first, *others = state.cotangents
    inputs = [*state.subject.point, *first.weights]
    try:
        found = state.bounded("gradient", inputs)
    except Unsupported as error:
        _unbounded(rows, str(error))
        return
    _unknown(rows, found)
    true = truth.gradient(first.weights)
    for row, exact, bound in zip(rows, true, found.outputs, strict=True):
        looked_at(row, truth.shown(exact), bound)
    modes = _modes(state, 1)
    for mode in modes:
        if mode.forward:
            _tangents(state, truth, mode, true, first)
        elif (answers := _asked(state, mode, first.weights, [])) is not None:
            compared(rows, mode.name, first.name, answers, truth, true, found.outputs)
    for other in [*others, *(questions.laid_out(first.weights, name) for name in state.subject.layouts())]:
        allowed = state.bounded("gradient", [*state.subject.point, *other.weights]).outputs
        exact = truth.gradient(other.weights)
        if other.layout:
            answer = state.subject.layouts()[other.layout](other.weights)
        else:
            asked = _asked(state, modes[0], other.weights, [])
            if asked is None:
                return
            answer = asked
        compared(rows, modes[0].name, other.name, answer, truth, exact, allowed)


def _tangents(state: Check, truth: Truth, mode: Mode, gradient: Sequence[Any], first: Cotangents) -> None:
    """J v: exactly, it has ⟨w, J v⟩ = ⟨∇, v⟩, and then its answers are within what rounding does to it."""
    answers = _asked(state, mode, [], state.vectors)
    if answers is None:
        return
    try:
        state.runs("tangents")
        exact_tape = _exact_tangents(state)
    except Unsupported as error:
        state.report.notes.append(f"{mode.name} is not judged: {error}")
        return
    inputs = [*state.subject.point, *state.vectors]
    true = truth.tangents(exact_tape, state.vectors)
    forward, size = truth.paired(first.weights, true)
    reverse, other = truth.paired(gradient, state.vectors)
    if abs(forward - reverse) > SAME * max(size, other):
        apart = float(abs(forward - reverse) / max(size, other))
        state.report.problems.append(
            f"the forward mode rule ({mode.name}) is wrong: <w, J v> is {float(forward):.17g} along the drawn "
            f"direction, and <gradient, v> {float(reverse):.17g} (apart {apart:.1e})"
        )
        return
    found = state.bounded("tangents", inputs)
    rows = [Row(f"{y.name} along v", y.shape, y.dtype, 1, rule="right") for y in state.subject.outputs]
    state.report.rows += rows
    _unknown(rows, found)
    for row, exact, bound in zip(rows, true, found.outputs, strict=True):
        looked_at(row, truth.shown(exact), bound)
    compared(rows, mode.name, "a drawn tangent", answers, truth, true, found.outputs)


def _exact_tangents(state: Check) -> Tape:
    """In float64, where literals are rounded least; as it is where the code does not run in that."""
    try:
        return state.subject.tangents(wide=True)
    except Unsupported:
        raise
    except Exception:
        return state.runs("tangents")


def _second(state: Check, truth: Truth) -> None:
    own = state.own or state.truth
    assert own is not None and state.truth is not None
    if own.product is None:
        state.report.unsupported.append(f"second order: {_line(own.refused)}; the verdict is that of the first")
        return
    if state.truth.product is None:
        state.report.unsupported.append(f"second order of the reference: {_line(state.truth.refused)}")
        return
    rows = state.rows(2)
    if state.rule is not None:
        told(state.rule, state.report, rows, 2)
    elif state.reference is not None:
        for row in rows:
            row.rule = "reference"
    if not state.products_known():
        return
    weights, vectors = state.cotangents[0].weights, state.vectors
    try:
        found = state.bounded("product", [*state.subject.point, *weights, *vectors])
    except Unsupported as error:
        _unbounded(rows, str(error))
        return
    _unknown(rows, found)
    true = truth.product(weights, vectors)
    for row, exact, bound in zip(rows, true, found.outputs, strict=True):
        looked_at(row, truth.shown(exact), bound)
    for mode in _modes(state, 2):
        if (answers := _asked(state, mode, weights, vectors)) is not None:
            compared(rows, mode.name, "a drawn direction", answers, truth, true, found.outputs)


def _between_modes(state: Check) -> None:
    """Of what has no trace: nothing is called right."""
    rows = state.rows(1)
    for row in rows:
        row.notes.append("no truth: give reference=, a plain formula of the same function")


def _modes(state: Check, order: int) -> list[Mode]:
    return [mode for mode in state.subject.modes(state.options.compiled) if mode.order == order]


def _asked(state: Check, mode: Mode, weights: Sequence[Floats], vectors: Sequence[Floats]) -> list[Floats] | None:
    try:
        return mode.ask(weights, vectors)
    except Refused as error:
        state.report.unsupported.append(f"{mode.name}: {_line(str(error))}")
        return None


def _unknown(rows: Sequence[Row], found: Bounds) -> None:
    for row in rows:
        row.notes += found.unknown


def _unbounded(rows: Sequence[Row], why: str) -> None:
    for row in rows:
        row.notes.append(f"what rounding may do is not known: {why}")


def _line(text: str) -> str:
    return (text.strip() or "refused").splitlines()[0][:200]


def _told(state: Check) -> None:
    state.report.notes += state.subject.notes
    if state.reference is not None:
        state.report.notes.append(
            "the truth is the reference's; what it holds fixed (detach, stop_gradient) is constant"
        )
    if state.rule is not None and state.own is not None and state.rule.of_order(1) == "right":
        state.report.controls = _control(state)


def _control(state: Check) -> str:
    """A fault planted in the same call: an entry of the exact gradient off by a factor, against the same limit."""
    assert state.rule is not None
    worst = state.rule.worst(1)
    assert worst is not None
    return (
        f"a rule that were off by a factor 1 + {max(2 * worst.resolution, 2.0**-52):.0e} would have been called wrong"
    )
