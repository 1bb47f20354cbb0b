"""J v, in forward mode and by differentiating the gradient by its cotangent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradlaws.suite.check.answer import Row
from gradlaws.suite.check.comparison import all_looked_at, compared
from gradlaws.suite.check.state import Check, one_line, truth_of
from gradlaws.suite.check.subject import Mode
from gradlaws.suite.check.truth import SAME
from gradlaws.suite.tape.tape import Tape, Unsupported

QUANTITY = "J v"


def judged(state: Check, mode: Mode, gradient: Sequence[Any]) -> None:
    """Exactly, it has ⟨w, J v⟩ = ⟨∇, v⟩; then its answers are within what rounding does to it."""
    weights, vectors = state.cotangents[0].weights, state.vectors
    answers = state.asked(mode, weights, vectors)
    if answers is None:
        return
    try:
        exact, runs = _tapes(state, mode)
    except Unsupported as error:
        state.report.notes.append(f"{mode.name} is not judged: {error}")
        return
    truth = truth_of(state)
    true = truth.tangents(exact, vectors)
    forward, size = truth.paired(weights, true)
    reverse, other = truth.paired(gradient, vectors)
    apart = float(abs(forward - reverse) / max(size, other)) if max(size, other) else 0.0
    if apart > max(SAME, state.options.allow.relative if state.options.allow else 0.0):
        text = (
            f"the rule of {mode.name} is wrong: <w, J v> is {float(forward):.17g} along the drawn direction, and "
            f"<gradient, v> {float(reverse):.17g} (apart {apart:.1e})"
        )
        state.mode_problems.append((mode.name, mode.order, text))
        return
    shown = truth.all_shown(true)
    allowed = state.allowed_of(runs, [*state.subject.point, *vectors], shown, wide=exact)
    rows = _rows(state)
    all_looked_at(rows, shown, allowed)
    compared(rows, mode.name, "a drawn tangent", answers, truth, true, allowed)


def _rows(state: Check) -> list[Row]:
    rows = [row for row in state.report.rows if row.quantity == QUANTITY]
    if not rows:
        rows = [Row(y.name, y.shape, y.dtype, 1, QUANTITY, rule="right") for y in state.subject.outputs]
        state.report.rows += rows
    return rows


def _tapes(state: Check, mode: Mode) -> tuple[Tape, Tape]:
    """x, v -> J v: the exact one, and what runs. Of a reference, whatever the mode, its own."""
    if state.reference is not None:
        exact = _in_float64(state.reference.cotangents_derivative)
        try:
            return exact, state.subject.tangents(False, mode.name)
        except Unsupported:
            return exact, state.reference.cotangents_derivative(False)
    return _in_float64(lambda wide: state.subject.tangents(wide, mode.name)), state.subject.tangents(False, mode.name)


def _in_float64(tape: Any) -> Tape:
    """Where literals are rounded least; as it is where the code does not run in that."""
    try:
        found: Tape = tape(True)
    except Unsupported:
        raise
    except Exception as error:
        try:
            found = tape(False)
        except Exception:
            raise Unsupported(one_line(str(error))) from error
    return found
