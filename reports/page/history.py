"""What held in which version of a framework, from benchmarks/results/history.json, as a table with a line of trend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gradlaws.records.conversions import number
from gradlaws.reports.page import View

WIDTH, HEIGHT = 90.0, 20.0


def history(found: Mapping[str, Any]) -> View | None:
    """Rows for (backend, identity or primitive) and columns for versions; None where nothing was measured.

    A cell counts verdicts and has the worst error / bound; a row's line shows how that went, on a logarithmic scale.
    """
    rows = [part for row in found.get("rows", ()) for part in _parts(row)]
    if not rows:
        return None
    columns: dict[str, list[str]] = {}
    table: dict[tuple[str, str], dict[str, View]] = {}
    for row in rows:
        backend, version = str(row.get("backend", "")), str(row.get("version", "?"))
        what = str(row.get("identity") or row.get("primitive") or row.get("what") or "all")
        versions = columns.setdefault(backend, [])
        if version not in versions:
            versions.append(version)
        table.setdefault((backend, what), {})[version] = row
    groups = []
    for backend, versions in columns.items():
        versions.sort(key=_ordered)
        lines = [
            {"what": what, "cells": [_cell(cells.get(version)) for version in versions],
             "line": _line([cells.get(version) for version in versions])}
            for (of, what), cells in table.items() if of == backend
        ]  # fmt: skip
        groups.append({"backend": backend, "versions": versions, "rows": lines})
    return {"groups": groups}


def _parts(row: Mapping[str, Any]) -> list[View]:
    """The rows of a version: all of it with what is violated, each identity, and the known deviations found in it."""
    if "identities" not in row:
        return [dict(row)]
    of = {"backend": row["backend"], "version": row["version"]}
    findings = [f"{one['function']} by {one['mode']}: {one['ratio']} × bound" for one in row["violations"]]
    whole = {**of, "what": "all", "counts": row["counts"], "findings": findings}
    each = [{**of, "what": name, **entry} for name, entry in sorted(row["identities"].items())]
    there = sum(found in ("confirmed", "worse") for found in row["deviations"].values())
    known = {**of, "what": "known deviations", "counts": {"deviation": there, "fixed": len(row["deviations"]) - there}}
    return [whole, *each, *([known] if row["deviations"] else [])]


def _ordered(version: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in version.replace("+", ".").split(".")]


def _cell(row: Mapping[str, Any] | None) -> View | None:
    if row is None:
        return None
    counts = row.get("counts") or row.get("verdicts") or {}
    counts = counts if isinstance(counts, Mapping) else {}
    bad = sum(int(counts.get(name, 0)) for name in ("violated", "error"))
    findings = row.get("findings") or []
    if not any(counts.values()) and not findings and row.get("worst") is None:
        return None  # a run that was asked of the known deviations only
    return {
        "status": "violated" if bad else "deviation" if counts.get("deviation") or findings else "holds",
        "bad": bad, "total": sum(int(total) for total in counts.values()), "worst": row.get("worst"),
        "findings": findings if isinstance(findings, list) else [str(findings)],
    }  # fmt: skip


def _line(rows: Sequence[Mapping[str, Any] | None]) -> str:
    values = [number(row.get("worst")) if row else None for row in rows]
    points = []
    for at, value in enumerate(values):
        if value is not None and value > 0:
            decade = min(max(math.log10(value) if math.isfinite(value) else 9.0, -3.0), 9.0)
            across = 4 + at * (WIDTH - 8) / max(len(values) - 1, 1)
            points.append(f"{across:.1f},{HEIGHT - 3 - (decade + 3) / 12 * (HEIGHT - 6):.1f}")
    return " ".join(points) if len(points) > 1 else ""
