"""The stored cases of suite/corpus.jsonl, asked again: the lanes `pin` and `replay`."""

from __future__ import annotations

import pytest

from suite import replay
from suite.corpus import Case, CaseError, Damaged
from suite.system import System

NOTHING = "nothing can be said there: the bound is too wide, or the oracle does not certify itself"
WEAKER = "nothing can be said any more: the bound or the oracle has become weaker there"


@pytest.mark.corpus
def test_a_stored_case(system: System, case: Case | Damaged) -> None:
    """What was drawn once, under the identity for which it was drawn. Cannot see what nobody has met."""
    name, reason = system.backend.name, ""
    recorded = case.recorded.get(name, "")
    try:
        if isinstance(case, Damaged):
            raise CaseError(case.reason)
        answered = replay.ask(system, case)
        status, found = replay.status(recorded, answered.found), answered.found
        reason = answered.violation
        if status == replay.UNDECIDED:
            reason = WEAKER if recorded else NOTHING
    except CaseError as error:
        status, found, reason = replay.ERROR, "", str(error)
    system.emit({
        "kind": "case", "id": case.id, "test": system.test, "identity": case.identity,
        "backend": name, "dtype": system.precision.name,
        "status": status, "recorded": recorded, "found": found, "why": getattr(case, "why", ""),
        "message": reason.splitlines()[0] if reason else "",
    })  # fmt: skip
    assert status in (replay.HOLDS, replay.FIXED), f"{status} {case.id}: {reason}"
