"""One call judged: its values, its gradient, its Hessian products.

The function's own forward is traced and its limit is the truth; a reference's is in its place where there is one. The
traced derivative is compared with that exactly (suite/rule), and every answer, entry by entry, within what rounding may
do to it (suite/rounding).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check import control, excuses, linear, opaque, questions, tangents
from gradlaws.suite.check.allowed import Allowed
from gradlaws.suite.check.answer import Report, Row
from gradlaws.suite.check.comparison import all_looked_at, compared
from gradlaws.suite.check.options import Options
from gradlaws.suite.check.paths import compared_in
from gradlaws.suite.check.state import Check, one_line, truth_of
from gradlaws.suite.check.subject import Mode, Refused, Subject
from gradlaws.suite.check.verdict_of_rule import told
from gradlaws.suite.tape.tape import Unsupported


def judge(subject: Subject, reference: Subject | None, options: Options) -> Report:
    """Everything about one call."""
    state = Check(subject, reference, options)
    if state.truth is None:
        opaque.judged(state)
    else:
        _values(state)
        first = First(state)
        first.judged()
        if options.order > 1:
            _second(state, first)
    excuses.excused(state)
    state.report.problems += [text for _, _, text in state.mode_problems]
    if state.reference is not None and not options.surrogate:
        state.report.notes.append("the truth is the reference's")
    state.report.seconds = state.elapsed
    return state.report


def _values(state: Check) -> None:
    rows = state.rows(0)
    for row in rows:
        row.rule = "right"
    if state.options.surrogate and state.own is None:
        _unbounded(rows, "the function has no trace, and the surrogate's values are others")
        return
    truth = truth_of(state, of_values=True)
    true = truth.value()
    shown = truth.all_shown(true)
    for row, exact in zip(rows, shown, strict=True):
        if not np.all(np.isfinite(exact)):
            row.notes.append("it is not finite at this point: give one where it is")
    try:
        allowed = state.allowed("forward", state.subject.point, shown)
    except Unsupported as error:
        _unbounded(rows, str(error))
        return
    _look(rows, shown, allowed)
    for mode in state.modes(0):
        if (answers := state.asked(mode, [], [])) is not None:
            compared(rows, mode.name, "the call itself", answers, truth, true, allowed)


class First:
    """The gradient in every mode, and in one for every cotangent."""

    def __init__(self, state: Check) -> None:
        self.state, self.truth, self.rows = state, truth_of(state), state.rows(1)
        self.cotangent, *self.others = state.cotangents

    def judged(self) -> None:
        _ruled(self.state, self.rows, 1)
        self.state.report.problems += linear.nonlinear(self.state)
        if not self.state.knows(1):
            return
        true = self.truth.gradient(self.cotangent.weights)
        shown = self.truth.all_shown(true)
        try:
            allowed = self._allowed(self.cotangent.weights, shown)
        except Unsupported as error:
            _unbounded(self.rows, str(error))
            return
        _look(self.rows, shown, allowed)
        asked: list[Mode] = []
        for mode in self.state.modes(1, "gradient"):
            if not self.state.has_time(mode.name):
                continue
            if (answers := self.state.asked(mode, self.cotangent.weights, [])) is not None:
                asked.append(mode)
                if len(asked) == 1:
                    self.state.report.controls = control.planted(self.rows, answers, self.truth, true, allowed)
                question = self.cotangent.name, self.cotangent.weights, ()
                compared_in(self.state, self.rows, mode, question, answers, self.truth, true, allowed)
        self._subsets(true, allowed)
        for mode in self.state.modes(1, "tangents"):
            if self.state.has_time(mode.name):
                tangents.judged(self.state, mode, true)
        if asked:
            repeated = [mode for mode in asked if mode.name == self.state.subject.repeated]
            self._others((repeated or asked)[0])

    @property
    def is_wrong(self) -> bool:
        """Then what is linear in the cotangent is another function."""
        by_rule = self.state.rule is not None and self.state.rule.of_order(1) == "wrong"
        return by_rule or any(row.failures for row in self.rows)

    def _allowed(self, weights: Sequence[Floats], shown: Sequence[Floats], sums: int | None = None) -> Allowed:
        return self.state.allowed("gradient", [*self.state.subject.point, *weights], shown, sums)

    def _subsets(self, true: Sequence[Floats], allowed: Allowed) -> None:
        """By each leaf alone, and by all but one, as where the others do not require a gradient."""
        for ks, ask in self.state.subject.subsets(self.state.random):
            one = len(ks) == 1
            missing = [row.name for k, row in enumerate(self.rows) if k not in ks]
            name = f"{self.rows[ks[0]].name} alone requires" if one else f"all but {', '.join(missing)} require"
            if self.state.has_time(f"{name} a gradient"):
                rows, exact = [self.rows[k] for k in ks], [true[k] for k in ks]
                try:
                    answers = ask(self.cotangent.weights)
                except Refused as refused:
                    self.state.report.unsupported.append(f"{name} a gradient: {one_line(str(refused))}")
                    continue
                compared(rows, "grad", f"{name} a gradient", answers, self.truth, exact, allowed.of(*ks))

    def _others(self, mode: Mode) -> None:
        layouts = self.state.subject.layouts()
        drawn = self.cotangent.weights
        for other in [*self.others, *(questions.laid_out(drawn, name) for name in layouts)]:
            if not self.state.has_time(other.name):
                continue
            answer = layouts[other.layout](other.weights) if other.layout else self.state.asked(mode, other.weights, [])
            if answer is None:
                return
            true = self.truth.gradient(other.weights)
            allowed = self._allowed(other.weights, self.truth.all_shown(true), sums=1)
            question = other.name, other.weights, ()
            compared_in(self.state, self.rows, mode, question, answer, self.truth, true, allowed)


def _second(state: Check, first: First) -> None:
    own = state.own or state.truth
    assert own is not None and state.truth is not None
    if own.product is None:
        state.report.unsupported.append(f"second order: {one_line(own.refused)}; the verdict is that of the first")
        return
    if state.truth.product is None:
        state.report.unsupported.append(f"second order of the reference: {one_line(state.truth.refused)}")
        return
    rows, truth = state.rows(2), first.truth
    _ruled(state, rows, 2)
    if not state.knows(2):
        return
    weights, vectors = state.cotangents[0].weights, state.vectors
    true = truth.product(weights, vectors)
    try:
        shown = truth.all_shown(true)
        allowed = state.allowed("product", [*state.subject.point, *weights, *vectors], shown)
    except Unsupported as error:
        _unbounded(rows, str(error))
        return
    _look(rows, shown, allowed)
    modes, refused = state.modes(2, "product"), 0
    for mode in modes:
        if not state.has_time(mode.name):
            continue
        if (answers := state.asked(mode, weights, vectors)) is None:
            refused += 1
            continue
        question = "a drawn direction", weights, vectors
        compared_in(state, rows, mode, question, answers, truth, true, allowed)
    if refused == len(modes):
        state.report.rows = state.report.rows[: -len(rows)]
        state.report.unsupported.append("second order: no mode offers it; the verdict is that of the first")
        return
    for mode in state.modes(2, "tangents") if not first.is_wrong else []:
        if state.has_time(mode.name):
            tangents.judged(state, mode, truth.gradient(weights))


def _ruled(state: Check, rows: Sequence[Row], order: Literal[1, 2]) -> None:
    if state.rule is not None:
        mode = state.modes(order)[0].name  # the one that is traced
        state.mode_problems += [(mode, order, text) for text in told(state.rule, rows, order)]
    elif state.reference is not None:
        for row in rows:
            row.rule = "reference"


def _look(rows: Sequence[Row], shown: Sequence[Floats], allowed: Allowed) -> None:
    largest = max((float(np.max(np.abs(x), initial=0.0)) for x in shown), default=0.0)
    all_looked_at(rows, shown, allowed, largest)


def _unbounded(rows: Sequence[Row], why: str) -> None:
    for row in rows:
        row.notes.append(f"what rounding may do is not known: {why}")
