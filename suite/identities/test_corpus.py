"""The stored cases of suite/corpus/corpus.jsonl, asked again: the lanes `pin` and `replay`."""

from __future__ import annotations

import pytest

from gradlaws.records.values import CaseStatus
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.corpus.cases import Case, CaseError, Damaged
from gradlaws.suite.identities import stored

NOTHING = "nothing can be said there: the bound is too wide, or the oracle does not certify itself"
WEAKER = "nothing can be said any more: the bound or the oracle has become weaker there"


@pytest.mark.corpus
def test_a_stored_case(trial: Trial, case: Case | Damaged) -> None:
    """What was drawn once, under the identity for which it was drawn. Cannot see what nobody has met."""
    name, reason = trial.backend.name, ""
    status: CaseStatus
    recorded = case.recorded.get(name, "")
    try:
        if isinstance(case, Damaged):
            raise CaseError(case.reason)
        answered = stored.ask(trial, case)
        status, found = stored.status(recorded, answered.found), answered.found
        reason = answered.violation
        if status == stored.UNDECIDED:
            reason = WEAKER if recorded else NOTHING
    except CaseError as error:
        status, found, reason = stored.ERROR, "", str(error)
    trial.emit({
        "kind": "case", "id": case.id, "test": trial.test, "identity": case.identity,
        "backend": name, "dtype": trial.precision.name,
        "status": status, "recorded": recorded, "found": found, "why": getattr(case, "why", ""),
        "message": reason.splitlines()[0] if reason else "",
    })  # fmt: skip
    assert status in (stored.HOLDS, stored.FIXED), f"{status} {case.id}: {reason}"
