"""What a framework answers, judged beside the truth: without a trial, and without the ledger."""

from __future__ import annotations

import numpy as np

from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.suite.backends.question import Question
from gradlaws.suite.bound import differences, tolerances
from gradlaws.suite.checking.answer import Answer
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.verdict import Verdict, beside, contradiction
from gradlaws.suite.truth.quantities import truth


def asked(question: Question) -> Judged:
    """What the mode answers: unsupported or an error, where it does not; inconclusive, where the oracle leaves the
    domain."""
    mode, precision, backend = question.mode, question.precision, question.backend
    assert mode is not None
    of = (question.program, question.point)

    def judged(verdict: Verdict) -> Judged:
        return Judged(question, mode.name, mode.order, verdict)

    result = backend.run(mode, question.program, precision, question.point, *question.directions)
    if result.numbers is None:
        error = f"{type(result.error).__name__}: {result.error}".splitlines()[0]
        return judged(Verdict("unsupported" if result.refused else "error", reason=error))
    try:
        with np.errstate(all="ignore"):
            bound, majorant = tolerances.tolerance(
                backend, precision, mode.name, mode.quantity, *of, *question.directions
            )
            if mode.differences:
                bound = differences.allowance(*of, precision, mode.differences, bound)
        exact = truth(mode.quantity, *of, *question.directions)
    except DomainError as error:
        return judged(Verdict("inconclusive", reason=f"the oracle: {error}"))
    unseen = contradiction(exact, majorant)
    verdict = unseen or beside(exact, result.numbers, bound, majorant, precision, mode.differences)
    return Judged(question, mode.name, mode.order, verdict, result.numbers, exact, bound)


def beside_truth(answer: Answer) -> Judged | None:
    """An answer that was given; None where the oracle leaves the domain."""
    asked, mode = answer.question, answer.by
    try:
        exact = answer.truth
    except DomainError:
        return None
    unseen = contradiction(exact, answer.majorant)
    verdict = unseen or beside(
        exact, answer.numbers, answer.tolerance, answer.majorant, asked.precision, mode.differences
    )
    return Judged(asked, mode.name, mode.order, verdict, answer.numbers, exact, answer.tolerance)
