"""What a ledger row excuses: an answer that is what the row says that the framework gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradlaws.records.shard import Ledger
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.backends.question import Question
from gradlaws.suite.bound import differences
from gradlaws.suite.bound.thresholds import CENTRAL, FORWARD
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.known import given, ledger
from gradlaws.suite.known.ledger import Row
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.oracle import HashablePoint


def excused(judged: Judged, of: Sequence[Judged] = ()) -> tuple[Judged, Ledger | None]:
    """Of a violation or an error: a deviation, and its record, where a row describes it; else why not.

    An identity between answers, ``of`` which each was judged beside the truth, is excused by what excuses one of them.
    """
    asked, verdict = judged.question, judged.verdict
    backend, dtype = asked.backend, asked.precision.name
    if verdict.kind not in ("violated", "error"):
        return judged, None
    point = HashablePoint(asked.point)
    rows = ledger.known(backend.name, backend.version, dtype, judged.label, judged.order, asked.program, point)
    if judged.got is None:
        found = next((row for row in rows if row.raised(verdict.reason)), None)
    elif asked.mode is None:
        of_answers = (excused(unsettled(answer))[1] for answer in of)
        return next((known(judged, record["id"]) for record in of_answers if record), (judged, None))
    else:
        found = describing(rows, judged)
    if found is not None:
        return known(judged, found.id, unlimited=bool(found.any_size and judged.got is not None))
    if rows:
        said = f"not what {', '.join(row.id for row in rows)} in suite/known/ledger.toml says"
        verdict = replace(verdict, reason=f"{verdict.reason}; {said}" if verdict.reason else said)
    return replace(judged, verdict=verdict), None


def unsettled(answer: Judged) -> Judged:
    """An answer of which nothing is said by itself, where it is beyond its bound: an identity may see that it is wrong,
    since wrong numbers cancel less than the right ones."""
    got, exact, bound = answer.got, answer.exact, answer.tolerance
    if answer.verdict.kind != "inconclusive" or got is None or exact is None or bound is None:
        return answer
    wrong = ~(np.abs(got - exact.floats) <= bound + exact.error)
    return replace(answer, verdict=replace(answer.verdict, kind="violated", wrong=wrong))


def known(judged: Judged, name: str, unlimited: bool = False) -> tuple[Judged, Ledger]:
    record = Ledger(kind="ledger", id=name, status="confirmed", excused=1, unlimited=int(unlimited))
    return replace(judged, verdict=replace(judged.verdict, kind="deviation", reason=name)), record


def describing(rows: Sequence[Row], judged: Judged) -> Row | None:
    """The row that describes the answer at all components where it is wrong, or at some, where others do the rest."""
    if chaotic := [row for row in rows if row.any_size]:
        return chaotic[0]
    rows = [row for row in rows if row.gives or row.within]
    got, exact, wrong = judged.got, judged.exact, judged.verdict.wrong
    if not rows or got is None or exact is None or judged.tolerance is None or wrong is None:
        return None
    asked, bound = as_asked(judged.question), judged.tolerance + exact.error
    if judged.question.mode and judged.question.mode.differences in (FORWARD, CENTRAL):
        return of_differences(rows, asked, judged, bound)
    left, first = wrong.copy(), None
    for some in (*([row] for row in rows), *([rows] if len(rows) > 1 else [])):
        told = given.explained(some, asked, got, exact.floats, bound)
        if told.shape != wrong.shape:
            return None
        first = first or (some[0] if np.any(wrong & told) else None)
        left &= ~told
    return None if np.any(left) else first


def of_differences(rows: Sequence[Row], asked: given.Asked, judged: Judged, bound: Floats) -> Row | None:
    """The first row of values, where what these may be off by, divided by the steps, is more than the quotients are."""
    got, exact, wrong, mode = judged.got, judged.exact, judged.verdict.wrong, judged.question.mode
    assert got is not None and exact is not None and wrong is not None and mode is not None
    value = replace(asked, quantity="value")
    steps = differences.steps(asked.program, asked.point, asked.precision, mode.differences)
    off = given.off_by(rows, value, oracle.value(asked.program, asked.point).floats)
    allowed = bound + 2 * off / (mode.differences * np.array(steps))
    return None if np.any(wrong & (np.abs(got - exact.floats) > allowed)) else rows[0]


def as_asked(question: Question) -> given.Asked:
    assert question.mode is not None
    quantity, directions = question.mode.quantity, question.directions
    return given.Asked(quantity, question.program, question.point, directions, question.precision)
