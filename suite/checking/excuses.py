"""What a ledger row excuses."""

from __future__ import annotations

import math
from dataclasses import replace

from gradlaws.records.shard import Ledger
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.verdict import Verdict
from gradlaws.suite.known import ledger
from gradlaws.suite.truth.oracle import HashablePoint


def excused(
    verdict: Verdict, label: str, order: int, system: System, program: Program, point: Point
) -> tuple[Verdict, Ledger | None]:
    """Of a violation or an error: a deviation, and its record, where a row knows it and none worse; else why not."""
    backend, dtype = system.backend, system.precision.name
    known = ledger.known(backend.name, backend.version, dtype, label, order, program, HashablePoint(point))
    ratio, error = verdict.ratio or 0.0, verdict.reason if verdict.kind == "error" else ""
    for row in known:
        if row.excuses(order, dtype, ratio, error):
            unlimited = int(not error and row.limit(order, dtype) == math.inf)
            record = Ledger(kind="ledger", id=row.id, status="confirmed", excused=1, unlimited=unlimited)
            return replace(verdict, kind="deviation", reason=row.id), record
    if not known:
        return verdict, None
    said = f"worse than {', '.join(row.id for row in known)} in suite/known/ledger.toml"
    return replace(verdict, reason=f"{verdict.reason}; {said}" if verdict.reason else said), None
