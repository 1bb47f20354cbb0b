"""Truth and RULE at real sizes: programs by name and size, and how time grows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gradlaws.reports.page import View

TYPES = ("float64", "float32")
FROM = 1_000  # entries from which on what is paid once no longer counts


def sizes(found: Mapping[str, Any]) -> View:
    """A row for each program, size and framework, with what its traces in either type say; growth and lanes."""
    rows: dict[tuple[str, int, str], View] = {}
    for row in found.get("rows", ()):
        key = (str(row.get("program")), int(row.get("n") or 0), str(row.get("framework")))
        one = rows.setdefault(key, {"program": key[0], "n": key[1], "framework": key[2], "types": {}})
        one["types"][str(row.get("dtype"))] = row
    for one in rows.values():
        met = [one["types"][name] for name in TYPES if name in one["types"]]
        one["verdict"] = next((row["verdict"] for row in met if row.get("verdict") != "right"), "right")
        one["seconds"] = max((float(row.get("rule_seconds") or 0.0) for row in met), default=0.0)
        one["arrays"] = next((row["arrays"] for row in met if row.get("arrays")), None)
    return {
        "rows": list(rows.values()), "types": TYPES, "growth": growth(found.get("rows", ())),
        **{lane: found.get(lane) for lane in ("right", "faults", "against")},
    }  # fmt: skip


def growth(rows: Sequence[Mapping[str, Any]]) -> list[View]:
    """Of each program and framework, the power of its operations with which seconds grow, from ``FROM`` on."""
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        if row.get("dtype") == "float64" and (row.get("n") or 0) >= FROM * 0.9 and row.get("rule_seconds"):
            at = math.log(float(row["operations"])), math.log(float(row["rule_seconds"]))
            points.setdefault((str(row["program"]), str(row["framework"])), []).append(at)
    return [
        {"program": program, "framework": framework, "exponent": slope(met), "points": len(met)}
        for (program, framework), met in points.items()
        if max(met)[0] - min(met)[0] > math.log(10)
    ]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line of least squares."""
    x, y = (sum(p[k] for p in points) / len(points) for k in (0, 1))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
