"""Records in, report out: pure, and the same for the same records in any order and sharding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from gradlaws.records import shard
from gradlaws.records.comparison import Gist
from gradlaws.records.report import Report
from gradlaws.reports.judging import claims, outcomes
from gradlaws.reports.judging.compare import NOTHING, against_baseline
from gradlaws.reports.judging.distribution import coverage, distributions
from gradlaws.reports.judging.gist import gist
from gradlaws.reports.judging.matrix import matrix_cells, matrix_rows, totals
from gradlaws.reports.judging.run import merged_run, mixed
from gradlaws.reports.judging.verdict import outcome, reasons, sentence
from gradlaws.reports.shards.fold import fold, generated_records

R = TypeVar("R")


def summarise(
    records: Iterable[shard.Record], problems: Iterable[str] = (), baseline: Gist | None = None, note: str = ""
) -> Report:
    """The report as a JSON-serialisable dict with a fixed key order.

    `records` and `problems` are what `shards.read_shards` returns; `baseline` is a gist, and `note` says why there is
    none. A test's records must come from one shard, as pytest-xdist runs them.
    """
    kinds: dict[type, list[Any]] = {kind: [] for kind in shard.KINDS.values()}
    for record in records:
        kinds[shard.KINDS[record["kind"]]].append(record)

    def of(kind: type[R]) -> list[R]:
        return kinds[kind]

    counted = (shard.Comparison, shard.Cell, shard.Time, shard.Example, shard.Generated)
    cells, times, generated = fold(record for kind in counted for record in kinds[kind])
    run = merged_run(of(shard.Run), {(backend, dtype) for _, backend, dtype, _, _ in cells})
    rows = matrix_cells(cells, run)
    backends = list(dict.fromkeys(backend for backend, _ in run["systems"]))
    report: Report = {
        "schema": 1,
        "verdict": "green",  # this and the next three as `judged` finds them
        "outcome": "holds",
        "sentence": "",
        "reasons": [],
        "totals": totals(rows),
        "failures": outcomes.failures(of(shard.Failure), of(shard.Witness)),
        "matrix": matrix_rows(rows, cells, run),
        "worst": outcomes.worst(of(shard.Witness)),
        "distributions": distributions(cells, run["systems"]),
        "controls": outcomes.controls(of(shard.Control), run),
        "claims": [],
        "cases": outcomes.cases(of(shard.Case)),
        "ledger": outcomes.ledger(of(shard.Ledger)),
        "conventions": outcomes.conventions(of(shard.Convention)),
        "unsupported": outcomes.unsupported(of(shard.Unsupported)),
        "comparison": {"baseline": None, **NOTHING, "note": note},
        "time": outcomes.time_split(times, backends),
        "tests": outcomes.tests(of(shard.Test), of(shard.Example), of(shard.Plan)),
        "coverage": coverage(cells, backends),
        "generated": generated_records(generated),
        "run": run,
        "problems": sorted({*problems, *mixed(of(shard.Run))}),
        "cells": rows,
    }
    report["claims"] = claims.claims(of(shard.Claim), report["controls"], report["matrix"], run)
    return judged(report, baseline)


def judged(report: Report, baseline: Gist | None = None) -> Report:
    """The report with its verdict, on what it saw and on what changed since the baseline.

    `outcome` is what it comes to (`verdict.EXITS`); `verdict` is 'red' exactly if there are `reasons`.
    """
    if baseline is not None:
        report["comparison"] = against_baseline(baseline, gist(report))
    found = reasons(report)
    report["outcome"] = outcome(found)
    report["reasons"] = [line for _, line in found]
    report["verdict"] = "red" if found else "green"
    report["sentence"] = sentence(report)
    return report
