"""Modes that take a path of their own: what rounding does is then that of what the mode itself runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.allowed import Allowed, either
from gradlaws.suite.check.answer import Row
from gradlaws.suite.check.comparison import compared
from gradlaws.suite.check.state import Check
from gradlaws.suite.check.subject import Mode
from gradlaws.suite.check.truth import Truth
from gradlaws.suite.tape.tape import Unsupported

Asked = tuple[str, Sequence[Floats], Sequence[Floats]]  # a question by name, its weights and its vectors


def compared_in(
    state: Check, rows: Sequence[Row], mode: Mode, question: Asked, answers: Sequence[Floats], truth: Truth,
    true: Sequence[Any], allowed: Allowed,
) -> None:  # fmt: skip
    """As ``compared``; where that fails, by the larger of two bounds: of the traced mode, and of this one."""
    name, weights, vectors = question
    before = [(len(row.failures), row.compared) for row in rows]
    compared(rows, mode.name, name, answers, truth, true, allowed)
    if all(len(row.failures) == count for row, (count, _) in zip(rows, before, strict=True)):
        return
    own = _own(state, mode, weights, vectors, truth, true)
    if own is None:
        return
    for row, (count, asked) in zip(rows, before, strict=True):
        del row.failures[count:]
        row.compared = asked
    compared(rows, mode.name, name, answers, truth, true, either(allowed, own))


def _own(
    state: Check, mode: Mode, weights: Sequence[Floats], vectors: Sequence[Floats], truth: Truth, true: Sequence[Any]
) -> Allowed | None:  # fmt: skip
    """None where there is no such trace, or where rounding in it is not known."""
    if state.own is None:
        return None  # then what runs is the reference's
    vectors = vectors or [np.ones_like(x) for x in state.subject.point]
    try:
        tape = state.subject.runs(mode.name)
        allowed = state.allowed_of(tape, [*state.subject.point, *weights, *vectors], truth.all_shown(true))
    except Unsupported:
        return None
    return None if any(allowed.unknown) else allowed
