"""Every known deviation, confirmed on its own witness: fixed upstream is red, and so is worse than recorded."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from mpmath import mp, mpf

from gradlaws.records.values import LedgerStatus
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.suite.checking.system import System
from gradlaws.suite.known import ledger, ledger_cards
from gradlaws.suite.truth.quantities import truth


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
        "excused": 0, "unlimited": 0, "any_size": row.any_size, **ledger_cards.described(row),
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
    result = system.backend.run(mode, row.program, precision, row.witness, *row.directions)
    if result.numbers is None:
        expected = isinstance(row.got, str) and row.got in f"{type(result.error).__name__}: {result.error}"
        return ("confirmed", "") if expected else ("error", f"{row.id}: {result.error}")
    if isinstance(row.got, str):
        return "fixed", f"{row.id} no longer raises: remove its row from suite/known/ledger.toml"
    exact = truth(mode.quantity, row.program, row.witness, *row.directions)
    got = float(result.numbers[row.component])
    with mp.workdps(40):
        true = exact.exact[row.component]
        error, recorded = abs(mpf(got) - true), abs(mpf(row.got) - true)
        if abs(mpf(row.true) - true) > mpf(10) ** -15 * abs(true):
            return "error", f"{row.id}: records {row.true} as true, the oracle says {mp.nstr(true, 20)}"
        ulp = mpf(2) ** -precision.digits * abs(true)
    if not np.isfinite(got) and not np.isfinite(row.got):
        return "confirmed", ""
    if error <= max(recorded / 16, min(64 * ulp, recorded / 2)):
        return (
            "fixed",
            f"{row.id} is fixed in {row.backend} {system.backend.version}: remove its row from suite/known/ledger.toml",
        )
    if not error <= 4 * recorded:
        return "worse", f"{row.id} is worse than recorded: got {got.hex()}, recorded {row.got.hex()}"
    return "confirmed", ""
