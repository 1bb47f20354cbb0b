"""What the suite can see: faults killed, the smallest fault seen beside other checkers, and how often it cries wolf."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median_high
from typing import Any

from gradlaws.records.conversions import number
from gradlaws.reports.judging.distribution import quantile
from gradlaws.reports.numerals import power_of_two, ten
from gradlaws.reports.page import View
from gradlaws.reports.shards.fold import bucket_order

OWN = "gradlaws"
WIDTH, LEFT, RIGHT, ROW, TOP = 560.0, 8.0, 540.0, 22.0, 24.0
SMALLEST = -16.0  # decades drawn
# Those that ask for a look first.
STATUSES = (
    "survived", "unexpected", "crashed", "timeout", "failed", "untested", "ineffective", "explained", "killed",
)  # fmt: skip


def kills(faults: Mapping[str, Any]) -> View:
    """The kill matrix, kind of fault × identity that killed it first, and a row for each fault, survivors first."""
    rows = sorted(
        faults.get("rows", ()),
        key=lambda row: (
            STATUSES.index(row["status"]) if row.get("status") in STATUSES else 0,
            str(row.get("backend")),
            str(row.get("name")),
        ),
    )
    kinds = sorted({str(row.get("kind", "?")) for row in rows})
    identities = sorted({str(row["identity"]) for row in rows if row.get("identity")})
    statuses = Counter(str(row.get("status", "?")) for row in rows)
    others = [status for status in sorted(statuses, key=lambda one: (one not in STATUSES, one)) if status != "killed"]
    table = []
    for kind in kinds:
        of_kind = [row for row in rows if str(row.get("kind", "?")) == kind]
        killed = Counter(str(row.get("identity")) for row in of_kind if row.get("status") == "killed")
        left = Counter(str(row.get("status")) for row in of_kind if row.get("status") != "killed")
        table.append(
            {"kind": kind, "total": len(of_kind), "killed": sum(killed.values()), "by": killed, "left": left}
        )  # fmt: skip
    backends = sorted({str(row.get("backend", "?")) for row in rows})
    return {
        "rows": rows, "table": table, "identities": identities, "others": others, "statuses": statuses,
        "backends": [
            {"backend": name, "total": len(own), "killed": sum(row.get("status") == "killed" for row in own)}
            for name in backends for own in [[row for row in rows if str(row.get("backend", "?")) == name]]
        ],
        "steps": _middle([row.get("steps") for row in rows if row.get("status") == "killed"]),
        "examples": _middle([row.get("examples") for row in rows if row.get("status") == "killed"]),
    }  # fmt: skip


def sensitivity(found: Mapping[str, Any]) -> list[View]:
    """For each (backend, dtype, order) the smallest relative fault that each checker sees, over the primitives.

    Rows carry one checker each (`tool`, `delta`). Median and quartiles on a logarithmic axis; a fault of 100 % that is
    not seen counts as unseen.
    """
    groups: dict[tuple[str, str, int], dict[str, list[View]]] = {}
    for row in found.get("rows", ()):
        key = (str(row.get("backend")), str(row.get("dtype")), int(row.get("order") or 0))
        groups.setdefault(key, {}).setdefault(str(row.get("tool", OWN)), []).append(row)
    panels = []
    for (backend, dtype, order), tools in sorted(groups.items()):
        ordered = sorted(tools, key=lambda tool: (tool != OWN, tool))
        panels.append(
            {"backend": backend, "dtype": dtype, "order": order, "width": WIDTH, "left": LEFT, "right": RIGHT,
             "height": TOP + ROW * len(ordered) + 22, "floor": TOP + ROW * len(ordered),
             "ticks": [{"x": _across(10.0**decade), "label": ten(decade)} for decade in range(-16, 1, 4)],
             "tools": [_tool(name, tools[name], at) for at, name in enumerate(ordered)]}
        )  # fmt: skip
    return panels


def false_alarms(soak: Mapping[str, Any]) -> View | None:
    """How many comparisons, under how many seeds, gave how many alarms; None where nothing was soaked."""
    if soak.get("missing") or not soak.get("comparisons"):
        return None
    histogram = {name: int(total) for name, total in (soak.get("histogram") or {}).items()}
    ordered = {name: histogram[name] for name in sorted(histogram, key=bucket_order)}
    alarms, mended = soak.get("alarms") or [], soak.get("mended") or []
    comparisons = int(soak["comparisons"])
    judged = sum(ordered.values())
    tail = []
    for edge in range(-4, 1):
        above = sum(total for name, total in ordered.items() if bucket_order(name) >= edge)
        if judged:
            tail.append({"edge": power_of_two(str(edge)), "count": above, "share": above / judged})
    return {
        "comparisons": comparisons, "seeds": soak.get("seeds"), "alarms": alarms if isinstance(alarms, list) else [],
        "total": len(alarms) if isinstance(alarms, list) else int(alarms), "counts": soak.get("counts") or {},
        "histogram": ordered, "tail": tail, "p99": quantile(ordered, 0.99) if ordered else None,
        "mended": mended,
        # With no alarm among n, the rate is below 3/n at 95 % confidence.
        "rate": 3 / comparisons if not alarms and not mended else None,
    }  # fmt: skip


def _tool(name: str, rows: Sequence[View], at: int) -> View:
    seen = sorted(delta for row in rows if (delta := number(row.get("delta"))) is not None and delta > 0)
    unseen = len(rows) - len(seen)
    every = [*seen, *[math.inf] * unseen]
    middle = median_high(every) if every else math.inf
    times = [seconds for row in rows if (seconds := number(row.get("seconds"))) is not None]
    down = TOP + ROW * at + ROW / 2
    return {
        "name": name, "own": name == OWN, "y": down, "dots": [_across(delta) for delta in seen],
        "median": middle if math.isfinite(middle) else None, "at": _across(middle) if math.isfinite(middle) else None,
        "best": seen[0] if seen else None, "worst": seen[-1] if seen else None, "primitives": len(rows),
        "unseen": unseen, "alarms": sum(int(row.get("alarms") or 0) for row in rows),
        "ms": 1e3 * median_high(sorted(times)) if times else None,
    }  # fmt: skip


def _across(delta: float) -> float:
    decade = min(max(math.log10(delta), SMALLEST), 0.0)
    return round(LEFT + (decade - SMALLEST) / -SMALLEST * (RIGHT - LEFT), 1)


def _middle(values: Sequence[Any]) -> int | None:
    known = sorted(int(value) for value in values if value is not None)
    return known[len(known) // 2] if known else None
