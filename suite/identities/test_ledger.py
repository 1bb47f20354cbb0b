"""Every known deviation, confirmed on its own witness: fixed upstream is red, and so is worse than recorded."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from mpmath import mp, mpf

from gradlaws.records.values import LedgerStatus
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.suite.backends.question import Question
from gradlaws.suite.checking.asking import asked
from gradlaws.suite.checking.excuses import as_asked
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.system import System
from gradlaws.suite.known import given, ledger, ledger_cards


@pytest.mark.ledger
def test_a_known_deviation_is_still_there(system: System, row: ledger.Row) -> None:
    """The witness alone, without tolerance: the recorded bits, or a stated change.

    In a version of which the row does not speak, what is found is only told: it is from where ranges are known.
    """
    found, message = confirm(row, system)
    status: LedgerStatus = found if row.speaks_of(system.backend.version) else "elsewhere"
    system.emit({
        "kind": "ledger", "id": row.id, "backend": row.backend, "primitive": row.primitive, "order": row.order,
        "dtypes": list(row.dtypes), "modes": list(row.modes), "region": row.region, "cause": row.cause,
        "size": relative(row), "upstream": row.upstream or "not looked for", "status": status, "found": found,
        "excused": 0, "unlimited": 0, "any_size": row.any_size,
        "like": row.like, "gives": list(row.gives), "within": row.within, **ledger_cards.described(row),
    })  # fmt: skip
    assert status in ("confirmed", "elsewhere"), message


def relative(row: ledger.Row) -> str:
    if isinstance(row.got, str):
        return f"raises {row.got}"
    return f"{row.size:.1e} relative" if mpf(row.true) else f"{row.got:.1e} where 0 is right"


def confirm(row: ledger.Row, system: System) -> tuple[LedgerStatus, str]:
    """The row's status on this machine, and what to do if it is not `confirmed`."""
    if row.recheck < datetime.date.today():
        return "error", f"{row.id}: its recheck date {row.recheck} has passed; look again and move the date"
    try:
        mode = system.backend.named(row.quantity, row.mode)
    except KeyError as unknown:
        return "error", f"{row.id}: {unknown.args[0]}"
    precision = PRECISIONS[row.dtypes[0]]
    answer = asked(Question(system.backend, precision, row.program, row.witness, mode, row.directions))
    if answer.got is None:
        said = answer.verdict.reason
        expected = isinstance(row.got, str) and row.got in said
        return ("confirmed", "") if expected else ("error", f"{row.id}: {said}")
    if isinstance(row.got, str):
        return "fixed", f"{row.id} no longer raises: remove its row from suite/known/ledger.toml"
    return judged(row, answer)


def judged(row: ledger.Row, answer: Judged) -> tuple[LedgerStatus, str]:
    """Whether the answer is wrong as the row records it, and as it describes."""
    assert answer.got is not None and answer.exact is not None and answer.tolerance is not None
    precision = answer.question.precision
    got, bound = float(answer.got[row.component]), float(answer.tolerance[row.component])
    with mp.workdps(40):
        true = answer.exact.exact[row.component]
        error, recorded = abs(mpf(got) - true), abs(mpf(float(row.got)) - true)
        if abs(mpf(row.true) - true) > mpf(10) ** -15 * abs(true):
            return "error", f"{row.id}: records {row.true} as true, the oracle says {mp.nstr(true, 20)}"
        ulp = mpf(2) ** -precision.digits * abs(true)
    both = np.isfinite(got) or np.isfinite(float(row.got))
    if not row.by_processor and both and error <= max(recorded / 16, min(64 * ulp, recorded / 2)):
        return (
            "fixed",
            f"{row.id} is fixed in {row.backend} {answer.question.backend.version}: remove its row from "
            "suite/known/ledger.toml",
        )
    if not row.any_size and not given.explained([row], as_asked(answer.question), answer.got, answer.exact.floats,
                                                answer.tolerance + answer.exact.error)[row.component]:  # fmt: skip
        says = " or ".join((*row.gives, *filter(None, [row.within and f"within {row.within}"])))
        return "worse", f"{row.id}: its witness gives {got!r} where {mp.nstr(true, 20)} is right; it says {says}"
    same = got == row.got or not both or row.any_size or row.by_processor or abs(got - float(row.got)) <= bound
    return ("confirmed", "") if same else ("worse", f"{row.id}: got {got.hex()}, recorded {float(row.got).hex()}")
