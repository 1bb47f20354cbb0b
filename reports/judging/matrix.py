"""The evidence matrix, identity × system × mode: what each cell found and how much it looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from gradlaws.records.conversions import seconds
from gradlaws.records.matrix import Cell, Row, System, Totals
from gradlaws.records.parts import Worst
from gradlaws.records.run import Identity, Run
from gradlaws.records.values import CONCLUSIVE, STATUSES, VERDICTS, Status, Verdict
from gradlaws.reports.judging.distribution import add_up, middle
from gradlaws.reports.judging.floors import figures, floor_of, shortfalls, undecided
from gradlaws.reports.shards.fold import Case, Cells, Folded, Key, bucket_order, worse, worst_record

BAD = frozenset(STATUSES[:3])


def status_of(counts: Mapping[Verdict, int], short: Sequence[str], coarse: bool = False) -> Status:
    """The status of one cell; one that is short of a floor is insufficient evidence.

    A mode that exists for some functions only needs none: where nothing else was seen of it, it is unsupported. A
    `coarse` cell, whose floor is 0, says so where every bound was too wide: that is neither a pass nor a fault.
    """
    if counts.get("error"):
        return "error"
    if counts.get("violated"):
        return "violated"
    if counts.get("unsupported"):
        return "holds" if _conclusive(counts) else "unsupported"
    if coarse and not _conclusive(counts):
        return "too coarse"
    return "insufficient evidence" if short or not _conclusive(counts) else "holds"


def matrix_cells(cells: Cells, run: Run) -> list[Cell]:
    """One row per (identity, backend, dtype, mode, order), and one with mode None for each pair never
    compared.

    `run` is the merged header: identities, systems, floor, floors, not_applicable. Rows are sorted in header order.
    """
    rows = [_row(key, cell, run) for key, cell in cells.items()]
    seen = {(row["identity"], row["backend"], row["dtype"]) for row in rows}
    for identity in run["identities"]:
        for backend, dtype in run["systems"]:
            if (identity["id"], backend, dtype) not in seen:
                rows.append(_absent(identity["id"], backend, dtype, run["not_applicable"]))
    place = {identity["id"]: index for index, identity in enumerate(run["identities"])}
    system = {(backend, dtype): index for index, (backend, dtype) in enumerate(run["systems"])}
    return sorted(
        rows,
        key=lambda row: (
            place.get(row["identity"], len(place)),
            row["identity"],
            system[row["backend"], row["dtype"]],
            row["mode"] or "",
            row["order"] or 0,
        ),
    )


def matrix_rows(rows: Sequence[Cell], cells: Cells, run: Run) -> list[Row]:
    """One row per identity: its header text and, for each system, the cells merged.

    Insufficient evidence of a system: its modes together are short of a floor, or one of them is."""
    merged: dict[tuple[str, str, str], dict[int, list[Folded]]] = {}
    for (identity, backend, dtype, _, order), cell in cells.items():
        merged.setdefault((identity, backend, dtype), {}).setdefault(order, []).append(cell)
    known = {identity["id"]: identity for identity in run["identities"]}
    groups: dict[str, dict[tuple[str, str], list[Cell]]] = {}
    for row in rows:
        groups.setdefault(row["identity"], {}).setdefault((row["backend"], row["dtype"]), []).append(row)
    found: list[Row] = []
    for name, systems in groups.items():
        claim = known.get(name, Identity(id=name))
        columns = [
            _system(backend, dtype, group, merged.get((name, backend, dtype), {}), run)
            for (backend, dtype), group in systems.items()
        ]
        found.append(
            {
                "identity": name,
                "claim": claim.get("claim", ""),
                "statement": claim.get("statement", ""),
                "blind": claim.get("blind", ""),
                "status": _first_status(system["status"] for system in columns),
                "comparisons": sum(system["comparisons"] for system in columns),
                "systems": columns,
            }
        )
    return found


def totals(rows: Sequence[Cell]) -> Totals:
    """Counts over all cells, and the worst holding error / bound."""
    return {
        "comparisons": sum(row["comparisons"] for row in rows),
        "conclusive": sum(row["conclusive"] for row in rows),
        "counts": _sum_counts(rows),
        "worst_holding": _worst(row["worst_holding"] for row in rows),
        "worst": _worst(row["worst"] for row in rows),
        "cells": {status: sum(row["status"] == status for row in rows) for status in STATUSES},
    }


def _row(key: Key, cell: Folded, run: Run) -> Cell:
    identity, backend, dtype, mode, order = key
    counts = {verdict: cell["counts"][verdict] for verdict in VERDICTS if cell["counts"].get(verdict)}
    evidence = figures([cell])
    demanded = floor_of(run["floors"], "mode", identity, backend, dtype)
    coarse = demanded.get("conclusive") == 0
    least = 0 if coarse else max(run["floor"], demanded.get("conclusive", 1))
    short = shortfalls(evidence, demanded | {"conclusive": least})
    status = status_of(counts, short, coarse)
    reason = ", ".join(short) if status == "insufficient evidence" else ""
    return {
        "identity": identity,
        "backend": backend,
        "dtype": dtype,
        "mode": mode,
        "order": order,
        "status": status,
        "reason": reason,
        "counts": counts,
        "comparisons": sum(counts.values()),
        "conclusive": _conclusive(counts),
        "deviations": counts.get("deviation", 0),
        "evidence": evidence,
        "worst": worst_record(cell["worst"]),
        "worst_holding": worst_record(cell["worst_holding"]),
        "histogram": {name: cell["histogram"][name] for name in sorted(cell["histogram"], key=bucket_order)},
        "digits": {name: cell["digits"][name] for name in sorted(cell["digits"], key=int)},
        "seconds": seconds(cell["ns"]),
    }


def _absent(identity: str, backend: str, dtype: str, not_applicable: Mapping[str, str]) -> Cell:
    names = (f"{identity} {backend} {dtype}", f"{identity} {backend}", identity)
    reason = next((not_applicable[name] for name in names if name in not_applicable), None)
    return {
        "identity": identity,
        "backend": backend,
        "dtype": dtype,
        "mode": None,
        "order": None,
        "status": "insufficient evidence" if reason is None else "not applicable",
        "reason": "never compared" if reason is None else reason,
        "counts": {},
        "comparisons": 0,
        "conclusive": 0,
        "deviations": 0,
        "evidence": figures([]),
        "worst": None,
        "worst_holding": None,
        "histogram": {},
        "digits": {},
        "seconds": 0.0,
    }


def _system(backend: str, dtype: str, group: Sequence[Cell], cells: Mapping[int, Sequence[Folded]], run: Run) -> System:
    """``cells`` are those of each order."""
    evidence = figures(chain(*cells.values()))
    demanded, of_each = (
        floor_of(run["floors"], level, group[0]["identity"], backend, dtype) for level in ("system", "primitive")
    )
    short = [*shortfalls(evidence, demanded), *undecided(cells, int(of_each.get("conclusive", 0)))] if cells else []
    status = _first_status(row["status"] for row in group)
    if short and status not in BAD:
        status = "insufficient evidence"
    return {
        "backend": backend,
        "dtype": dtype,
        "status": status,
        "reason": group[0]["reason"] if group[0]["mode"] is None else ", ".join(short),
        "short": short,
        "evidence": evidence,
        "modes": sum(row["mode"] is not None for row in group),
        "insufficient": sum(row["status"] == "insufficient evidence" for row in group),
        "comparisons": sum(row["comparisons"] for row in group),
        "conclusive": sum(row["conclusive"] for row in group),
        "deviations": sum(row["deviations"] for row in group),
        "counts": _sum_counts(group),
        "worst": _worst(row["worst"] for row in group),
        "worst_holding": _worst(row["worst_holding"] for row in group),
        "digits": middle(add_up(row["digits"] for row in group)),
    }


def _first_status(statuses: Iterable[Status]) -> Status:
    return min(statuses, key=STATUSES.index)


def _sum_counts(rows: Sequence[Cell]) -> dict[Verdict, int]:
    sums = {verdict: sum(row["counts"].get(verdict, 0) for row in rows) for verdict in VERDICTS}
    return {verdict: count for verdict, count in sums.items() if count}


def _worst(cases: Iterable[Worst | None]) -> Worst | None:
    worst: Case | None = None
    for case in cases:
        worst = worse(worst, (float(case["ratio"]), case["function"]) if case else None)
    return worst_record(worst)


def _conclusive(counts: Mapping[Verdict, int]) -> int:
    return sum(counts.get(verdict, 0) for verdict in CONCLUSIVE)
