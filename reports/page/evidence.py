"""The evidence matrix and what stands behind each cell of it, as the templates want it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar, cast

from gradlaws.records.conversions import number
from gradlaws.records.matrix import Cell, System
from gradlaws.records.outcomes import Failure, Witness
from gradlaws.records.parts import Answer
from gradlaws.records.report import Report
from gradlaws.records.run import Identity
from gradlaws.records.values import Number
from gradlaws.reports import numerals
from gradlaws.reports.judging.distribution import add_up, middle, quantile
from gradlaws.reports.page import View
from gradlaws.reports.page.chart import SMALL, bucket_range, chart, digits_chart
from gradlaws.reports.page.graph import graph
from gradlaws.reports.page.seal import Anchors
from gradlaws.reports.shards.fold import bucket_order

R = TypeVar("R", Cell, Witness)

CHANGES = {
    "new": "✗",
    "worse": "▼",
    "removed": "−",
    "weakened": "▽",
    "fixed": "✓",
    "better": "▲",
    "added": "+",
    "edited": "~",
}
LEVELS = ("none", "under ten", "tens", "hundreds", "thousands", "tens of thousands and more")


def level(conclusive: int) -> int:
    """How much evidence there is, by powers of ten: 0 none, 1 under ten, … 5 from ten thousand on."""
    return min(len(str(conclusive)), 5) if conclusive > 0 else 0


def matrix(report: Report, anchors: Anchors) -> list[View]:
    """One row per identity, with a cell for each of the run's systems (None where it is not listed)."""
    rows = []
    changes = changed(report)
    for row in report["matrix"]:
        found = {(one["backend"], one["dtype"]): one for one in row["systems"]}
        cells = [found.get((backend, dtype)) for backend, dtype in report["run"]["systems"]]
        rows.append(
            {
                "identity": row["identity"],
                "claim": row["claim"],
                "status": row["status"],
                "anchor": anchors(row["identity"]),
                "cells": [
                    cell
                    and _cell(row["identity"], cell, anchors)
                    | {"change": changes.get((row["identity"], cell["backend"], cell["dtype"]), "")}
                    for cell in cells
                ],
            }
        )
    return rows


def changed(report: Report) -> dict[tuple[str, str, str], str]:
    """By (identity, backend, dtype) what changed there since the baseline, the gravest change first."""
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for row in report["comparison"]["rows"]:
        if row["backend"]:
            tally = found.setdefault((row["identity"], row["backend"], row["dtype"]), {})
            tally[row["change"]] = tally.get(row["change"], 0) + 1
    return {
        place: ", ".join(f"{CHANGES.get(change, '')} {change}{f' {n}' if n > 1 else ''}" for change, n in tally.items())
        for place, tally in found.items()
    }


def identities(report: Report, anchors: Anchors) -> list[View]:
    """One entry per identity: its text, its controls, and for each system distributions, worst examples and modes."""
    span = bucket_range(row["histogram"] for row in report["cells"])
    cells, worst = _by_system(report["cells"]), _by_system(report["worst"])
    known = {identity["id"]: identity for identity in report["run"]["identities"]}
    entries = []
    for row in report["matrix"]:
        name = row["identity"]
        systems = []
        for one in row["systems"]:
            key = (name, one["backend"], one["dtype"])
            systems.append(
                _cell(name, one, anchors)
                | _distribution(cells.get(key, []), span)
                | {
                    "rows": [mode for mode in cells.get(key, []) if mode["mode"] is not None],
                    "worst": [example(case, case["digits"]) for case in worst.get(key, [])],
                    "failures": [
                        failure["id"]
                        for failure in report["failures"]
                        if (failure["identity"], failure["backend"], failure["dtype"]) == key
                    ],
                }
            )
        entries.append(
            {key: row[key] for key in ("identity", "claim", "statement", "blind", "status", "comparisons")}
            | {
                "latex": known.get(name, Identity(id=name)).get("latex", ""),
                "anchor": anchors(name),
                "systems": systems,
                "controls": [control for control in report["controls"] if control["identity"] == name],
            }
        )
    return entries


def example(case: Failure | Witness, digits: Number | None = None) -> View:
    """A comparison in full: its graph, got and true cut where their digits part, each backend's answer beside it.

    `digits` are those that its bound resolves."""
    got = numerals.decimal(case["got"])
    true = numerals.alike(numerals.decimal(case["true"]), got)
    answers = dict(case.get("answers") or {})
    if case["backend"] not in answers and case["got"] is not None:
        own = {"mode": case["mode"], "got": case["got"], "bound": case["bound"], "ratio": case["ratio"]}
        answers = {case["backend"]: cast(Answer, own)} | answers
    sides = [
        {"backend": name, "own": name == case["backend"], "says": one.get("says", ""), "mode": one.get("mode", "")}
        | {"got": parted(numerals.alike(numerals.decimal(one.get("got")), true), true), "hex": one.get("got")}
        | {"bound": one.get("bound"), "ratio": one.get("ratio")}
        for name, one in sorted(answers.items(), key=lambda item: (item[0] != case["backend"], item[0]))
    ]
    return {
        **case,
        "drawn": graph(case.get("graph") or []),
        "sides": sides,
        "entries": sum(len(one["hex"]) for one in case["inputs"]),
        "truth": true,
        "agreement": _agreement(number(digits), number(case["ratio"])),
    }


def parted(one: str, other: str) -> tuple[str, str]:
    """A decimal cut where its digits part from another's."""
    same = numerals.shared_digits(one, other)
    return one[:same], one[same:]


def _agreement(digits: float | None, ratio: float | None) -> float | None:
    """How many decimal digits of the derivative are right at least: what the bound resolves, less what is exceeded."""
    if digits is None or ratio is None or not math.isfinite(digits) or not math.isfinite(ratio):
        return None
    return max(digits - math.log10(max(ratio, 1.0)), 0.0)


def _cell(identity: str, system: System, anchors: Anchors) -> View:
    bad = system["status"] in ("violated", "error")
    shown = system["worst"] if bad else system["worst_holding"]
    return {
        **system,
        "anchor": anchors(system["backend"], system["dtype"], inside=anchors(identity)),
        "level": level(system["conclusive"]),
        "amount": LEVELS[level(system["conclusive"])],
        "bad": bad,
        "known": system["status"] == "holds" and bool(system["deviations"]),
        "shown": shown["ratio"] if shown else None,
    }


def _distribution(rows: Sequence[Cell], span: tuple[int, int]) -> View:
    histogram = add_up(row["histogram"] for row in rows)
    digits = add_up(row["digits"] for row in rows)
    quantiles = {"median": quantile(histogram, 0.5), "99 %": quantile(histogram, 0.99)} if histogram else {}
    fewest = min(map(int, digits), default=None)
    return {
        "histogram": {name: histogram[name] for name in sorted(histogram, key=bucket_order)},
        "resolved": {name: digits[name] for name in sorted(digits, key=int)},
        "quantiles": quantiles,
        "chart": chart(histogram, span, SMALL, quantiles) if histogram else None,
        "digits_chart": digits_chart(digits) if digits else None,
        "median_digits": middle(digits),
        "fewest_digits": fewest,
    }


def _by_system(rows: Sequence[R]) -> dict[tuple[str, str, str], list[R]]:
    groups: dict[tuple[str, str, str], list[R]] = {}
    for row in rows:
        groups.setdefault((row["identity"], row["backend"], row["dtype"]), []).append(row)
    return groups
