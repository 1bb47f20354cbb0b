"""Records in, report out: pure, and the same for the same records in any order and sharding."""

from __future__ import annotations

from collections.abc import Iterable

from reports.judging import claims, outcomes
from reports.judging.compare import NOTHING, against_baseline
from reports.judging.distribution import coverage, distributions
from reports.judging.gist import gist
from reports.judging.matrix import matrix_cells, matrix_rows, totals
from reports.judging.run import merged_run, mixed
from reports.judging.verdict import outcome, reasons, sentence
from reports.records import Record, Report
from reports.shards.fold import fold, generated_records


def summarise(
    records: Iterable[Record], problems: Iterable[str] = (), baseline: Record | None = None, note: str = ""
) -> Report:
    """The report as a JSON-serialisable dict with a fixed key order.

    `records` and `problems` are what `shards.read_shards` returns; `baseline` is a gist, and `note` says why there is
    none. A test's records must come from one shard, as pytest-xdist runs them.
    """
    kinds: dict[str, list[Record]] = {}
    for record in records:
        kinds.setdefault(record["kind"], []).append(record)
    counted = ("comparison", "cell", "time", "example", "generated")
    cells, times, generated = fold(record for kind in counted for record in kinds.get(kind, ()))
    run = merged_run(kinds.get("run", []), {(backend, dtype) for _, backend, dtype, _, _ in cells})
    rows = matrix_cells(cells, run)
    backends = list(dict.fromkeys(backend for backend, _ in run["systems"]))
    report: Report = {
        "schema": 1,
        "verdict": "",
        "outcome": "",
        "sentence": "",
        "reasons": [],
        "totals": totals(rows),
        "failures": outcomes.failures(kinds.get("failure", []), kinds.get("witness", [])),
        "matrix": matrix_rows(rows, cells, run),
        "worst": outcomes.worst(kinds.get("witness", [])),
        "distributions": distributions(cells, run["systems"]),
        "controls": outcomes.controls(kinds.get("control", []), run),
        "claims": [],
        "cases": outcomes.cases(kinds.get("case", [])),
        "ledger": outcomes.ledger(kinds.get("ledger", [])),
        "conventions": outcomes.conventions(kinds.get("convention", [])),
        "unsupported": outcomes.unsupported(kinds.get("unsupported", [])),
        "comparison": {"baseline": None, **NOTHING, "note": note},
        "time": outcomes.time_split(times, backends),
        "tests": outcomes.tests(kinds.get("test", []), kinds.get("example", []), kinds.get("plan", [])),
        "coverage": coverage(cells, backends),
        "generated": generated_records(generated),
        "run": run,
        "problems": sorted({*problems, *mixed(kinds.get("run", []))}),
        "cells": rows,
    }
    report["claims"] = claims.claims(kinds.get("claim", []), report["controls"], report["matrix"], run)
    return judged(report, baseline)


def judged(report: Report, baseline: Record | None = None) -> Report:
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
