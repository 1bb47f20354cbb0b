"""What a framework answers, judged beside the truth: without a trial, and without the ledger."""

from __future__ import annotations

import numpy as np

from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.backends.question import Question
from gradlaws.suite.bound import differences, tolerances
from gradlaws.suite.checking.answer import Answer
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.verdict import Verdict, beside, contradiction


def asked(question: Question) -> Judged:
    """What the mode answers, beside the truth: unsupported or an error, where it does not; inconclusive, where the
    oracle leaves the domain."""
    mode, precision, backend = question.mode, question.precision, question.backend
    assert mode is not None
    of = (question.program, question.point)
    result = backend.run(mode, question.program, precision, question.point, *question.directions)
    if result.numbers is None:
        error = f"{type(result.error).__name__}: {result.error}".splitlines()[0]
        return Judged(
            question, mode.name, mode.order, Verdict("unsupported" if result.refused else "error", reason=error)
        )
    try:
        with np.errstate(all="ignore"):
            bound, majorant = tolerances.tolerance(
                backend, precision, mode.name, mode.quantity, *of, *question.directions
            )
            if mode.differences:
                bound = differences.allowance(*of, precision, mode.differences, bound)
    except DomainError as error:
        return unknown(question, mode, error)
    return beside_truth(Answer(question, mode, result.numbers, bound, majorant))


def beside_truth(answer: Answer) -> Judged:
    """An answer that was given; inconclusive, where the oracle leaves the domain."""
    question, mode, numbers, bound = answer.question, answer.by, answer.numbers, answer.tolerance
    try:
        exact = answer.truth
    except DomainError as error:
        return unknown(question, mode, error)
    unseen = contradiction(exact, answer.majorant)
    verdict = unseen or beside(exact, numbers, bound, answer.majorant, question.precision, mode.differences)
    return Judged(question, mode.name, mode.order, verdict, numbers, exact, bound)


def unknown(question: Question, mode: Mode, error: DomainError) -> Judged:
    return Judged(question, mode.name, mode.order, Verdict("inconclusive", reason=f"the oracle: {error}"))
