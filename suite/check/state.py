"""One check under way: the call, its truth, its rule, and what has been found."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check import kinks, questions
from gradlaws.suite.check.allowed import Allowed, rounding, widened
from gradlaws.suite.check.answer import Report, Row
from gradlaws.suite.check.drift import drift
from gradlaws.suite.check.leaves import CannotCheck
from gradlaws.suite.check.options import Options
from gradlaws.suite.check.subject import Mode, Refused, Subject
from gradlaws.suite.check.truth import Rule, Truth, judged, traced
from gradlaws.suite.rounding.bounds import Bounds, bounds
from gradlaws.suite.rule import symmetric
from gradlaws.suite.rule.arithmetics import arithmetic_for, why_not_quad
from gradlaws.suite.tape.tape import Array, Tape, Unsupported
from gradlaws.suite.tracing.traced import Traced

PATIENCE = 5.0  # seconds without a word


@dataclass(eq=False)
class Check:
    """``own``: the trace of the function, if it has one. ``truth``: that of the function whose derivatives count."""

    subject: Subject
    reference: Subject | None
    options: Options
    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        options, subject = self.options, self.subject
        self._said = 0.0  # seconds after the start
        self.report = Report("", subject.framework, [], options.order, options.seed)
        self.mode_problems: list[tuple[str, int, str]] = []  # a mode whose own rule is wrong, its order, and how
        self.report.notes += [*options.said(), *subject.notes]
        self.random = np.random.default_rng(options.seed)
        self.stage("tracing")
        self.own, self.truth = self._traces()
        self.rule: Rule | None = None
        if self.truth is not None:
            self.xp = arithmetic_for(self.truth)
            self.report.notes += [reason for reason in [why_not_quad(self.truth)] if reason]
            self.stage("the exact limit of the function")
            if options.kinks is not None:
                self.moves = kinks.step(subject.point, options.kinks, np.random.default_rng(options.seed))
            self.rule = self._rule()
        self.cotangents = questions.cotangents(subject.outputs, self.random)
        self.vectors = questions.direction(subject.point, self.random)
        if self.truth is not None:
            self.vectors = symmetric.within(self.truth, self.vectors, self.xp)
        self._runs: dict[str, Tape | None] = {}
        self._drifts: dict[str, dict[int, Array]] = {}  # of what they bring along, beside the traces in float64

    def stage(self, what: str) -> None:
        """Progress, of what takes longer."""
        if self.elapsed > self._said + PATIENCE:
            self._said = self.elapsed
            print(f"gradlaws: {what} ({self.elapsed:.0f} s)", file=sys.stderr, flush=True)

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.started

    def has_time(self, what: str) -> bool:
        """Whether something more may be asked; what is not, is said."""
        if self.elapsed <= self.options.budget:
            self.stage(what)
            return True
        self.report.skipped.append(f"{what} (the budget of {self.options.budget:g} s is spent)")
        return False

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
        if judged(plain, None, seed, arithmetic_for(plain), where=False).of_order(1) == "right":
            return plain
        held = traced(reference, second, holds=True)
        sure = judged(held, None, seed, arithmetic_for(held), where=False)
        if sure.of_order(1) != "right":
            raise CannotCheck(f"the reference cannot be one: {'; '.join(sure.reasons(1))}")
        self.report.notes.append("what the reference holds fixed (detach, stop_gradient) is constant")
        return held

    def _rule(self) -> Rule | None:
        """Of what is traced."""
        own, truth = self.own, self.truth
        assert truth is not None
        if self.options.kinks is not None:
            own, truth = self._beside(self.subject, own), self._beside(self.reference or self.subject, truth)
            assert truth is not None
        allow = self.options.allow.relative if self.options.allow else 0.0
        if self.reference is None:
            return judged(truth, None, self.options.seed, self.xp, allow)
        return judged(own, truth, self.options.seed, self.xp, allow) if own is not None else None

    def _beside(self, subject: Subject, here: Traced | None) -> Traced | None:
        """The trace beside the point, of what has one at the point."""
        return None if here is None else traced(kinks.beside(subject, self.moves), self.options.order > 1, holds=False)

    def knows(self, order: int) -> bool:
        """Whether every entry has a truth: a reference's, or that of a rule that is right."""
        if self.truth is None or (order == 2 and self.truth.product is None):
            return False
        return self.reference is not None or (self.rule is not None and self.rule.is_right(order))

    def rows(self, order: int) -> list[Row]:
        leaves = self.subject.inputs if order else self.subject.outputs
        found = [Row(x.name, x.shape, x.dtype, order) for x in leaves]
        self.report.rows += found
        return found

    def runs(self, kind: str) -> Tape:
        """The tape of what runs, in its own types: the function's, or where it has none, the reference's.

        ``kind``: "forward", "gradient" or "product". Raises Unsupported.
        """
        if kind not in self._runs:
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
        wide = self.own or self.truth
        assert wide is not None
        for kind, tape in self._runs.items():
            if tape is not None:
                self._drifts[kind] = drift(tape, getattr(wide, kind))

    def allowed(self, kind: str, inputs: Sequence[Floats], exact: Sequence[Floats], sums: int | None = None) -> Allowed:
        """What rounding may do to the answers; beside a reference also to its evaluation in the arithmetic; and what
        the user allows, of the true numbers ``exact``. Raises Unsupported."""
        found = self._bounds(self.runs(kind), inputs, self._drifts.get(kind))
        result = rounding(found, exact, self.random, sums)
        tape = getattr(self.truth, kind, None)
        if self.reference is not None and tape is not None and not (self.options.surrogate and kind == "forward"):
            scale = 2.0 ** (53 - self.xp.precision)
            noise = [np.where(np.isfinite(e), e, 0.0) * scale for e in self._bounds(tape, inputs).outputs]
            result = widened(result, noise)
        self._loses(found, kind)
        if kind == "forward":
            return result
        result = self._with_allowance(result, exact)
        return result if self.options.kinks is None else self._left_out(kind, inputs, result)

    def allowed_of(
        self, tape: Tape, inputs: Sequence[Floats], exact: Sequence[Floats], wide: Tape | None = None
    ) -> Allowed:
        """The same of a mode's own tape; ``wide``: what that is in float64."""
        found = self._bounds(tape, inputs, drift(tape, wide))
        return self._with_allowance(rounding(found, exact, np.random.default_rng(self.options.seed)), exact)

    def _bounds(self, tape: Tape, inputs: Sequence[Floats], apart: Mapping[int, Array] | None = None) -> Bounds:
        return bounds(tape, inputs, self.subject.framework, accumulate=self.options.accumulate, drift=apart)

    def _with_allowance(self, allowed: Allowed, exact: Sequence[Floats]) -> Allowed:
        """And what the user allows."""
        if self.options.allow is None:
            return allowed
        return widened(allowed, [self.options.allow.relative * np.max(np.abs(e), initial=0.0) for e in exact])

    def _left_out(self, kind: str, inputs: Sequence[Floats], allowed: Allowed) -> Allowed:
        """Without the entries that depend on the side of a kink: infinite where an answer may be anything."""
        finite = [np.where(np.isfinite(f), f, 0.0) for f in allowed.all]
        depends = kinks.depends(getattr(self.truth, kind), inputs, self.moves, finite, self.xp)
        out = [d | ~np.isfinite(f) for d, f in zip(depends, allowed.framework, strict=True)]
        for leaf, o in zip(self.subject.inputs, out, strict=True):
            if np.any(o):
                title = f"kinks: of the {kind} for {leaf.name} "
                if not any(note.startswith(title) for note in self.report.notes):
                    self.report.notes.append(f"{title}{int(np.sum(o))} of {o.size} entries are left to it")
        unknown = [["every entry depends on a kink"] if o.size and np.all(o) else [] for o in out]
        framework = [np.where(o, 0.0, f) for o, f in zip(out, allowed.framework, strict=True)]
        return Allowed(framework, [np.where(o, np.inf, f) for o, f in zip(out, allowed.all, strict=True)], unknown)

    def _loses(self, found: Bounds, kind: str) -> None:
        if kind == "gradient" and not found.unknown and not self.report.loses:
            weights = [np.ones(v.shape) for v in found.values]
            lost = found.loses(weights)
            self.report.loses = str(lost) if lost is not None else ""

    def asked(self, mode: Mode, weights: Sequence[Floats], vectors: Sequence[Floats]) -> list[Floats] | None:
        """Nothing where the framework refuses, in its own words."""
        try:
            return mode.ask(weights, vectors)
        except Refused as error:
            self.report.unsupported.append(f"{mode.name}: {one_line(str(error))}")
            return None

    def modes(self, order: int, kind: str = "") -> list[Mode]:
        """Those whose answer is ``kind``: "gradient", "product", "tangents" or "value"."""
        return [m for m in self.subject.modes(self.options.compiled) if m.order == order and kind in ("", m.kind)]


def one_line(text: str) -> str:
    return (text.strip() or "refused").splitlines()[0][:200]


def truth_of(state: Check, of_values: bool = False) -> Truth:
    """Of a surrogate the values are the function's own."""
    assert state.truth is not None
    if of_values and state.options.surrogate:
        assert state.own is not None
        return Truth(state.own, state.xp)
    return Truth(state.truth, state.xp)
