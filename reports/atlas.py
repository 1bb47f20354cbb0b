"""The accuracy atlas: ulps of every primitive over its domain, by order and precision, all backends in one plot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports.axis import across, ticks
from reports.records import Record, number

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FLOOR = 260.0, 74.0, 4.0, 256.0, 6.0, 58.0
_DECADES = (-1.0, 16.0)  # of ulps: what is below is drawn on the floor
TONES = {"numpy": 2, "torch": 0, "jax": 1}


def atlas(survey: Mapping[str, Any]) -> Record:
    """One row per (primitive, dtype, order), each backend's worst and median, and a plot of its profile.

    Rows without a profile keep their figures. Worst of all first; ulps are units in the last place of the true result.
    """
    groups: dict[tuple[str, str, int], dict[str, Record]] = {}
    for row in survey.get("rows", ()):
        key = (str(row.get("primitive", "?")), str(row.get("dtype", "")), int(row.get("order") or 0))
        told = groups.setdefault(key, {})
        name = str(row.get("backend", "?"))
        if name not in told or _preferred(row) > _preferred(told[name]):
            told[name] = row
    rows = [_row(key, by_backend) for key, by_backend in groups.items()]
    rows.sort(key=lambda row: (-row["sort"], row["primitive"], row["dtype"], row["order"]))
    backends = sorted({name for row in rows for name in row["backends"]}, key=lambda name: (TONES.get(name, 9), name))
    return {
        "rows": rows, "backends": backends, "ticks": ticks(LEFT, RIGHT),
        "primitives": len({row["primitive"] for row in rows}),
        "dtypes": sorted({row["dtype"] for row in rows}, reverse=True),
    }  # fmt: skip


def profile_points(profile: Any) -> list[tuple[float, float]]:
    """(x, ulps) of a profile, sorted; what is not a pair of numbers is passed over."""
    points = []
    for pair in profile or ():
        if isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2:
            x, ulps = number(pair[0]), number(pair[1])
            if x is not None and ulps is not None and not math.isnan(x) and not math.isnan(ulps):
                points.append((x, ulps))
    return sorted(points)


def height(ulps: float, top: float = TOP, floor: float = FLOOR) -> float:
    """Where so many ulps are drawn, on a logarithmic scale from 0.1 up."""
    low, high = _DECADES
    decade = high if math.isinf(ulps) else low if ulps <= 0 else min(max(math.log10(ulps), low), high)
    return round(floor - (decade - low) / (high - low) * (floor - top), 1)


def lines(profile: Iterable[tuple[float, float]], left: float, right: float, top: float, floor: float) -> list[str]:
    """Polylines of a profile, one for each sign of x, since nothing joins them across zero."""
    negative: list[str] = []
    positive: list[str] = []
    for x, ulps in profile:
        (negative if x < 0 else positive).append(f"{across(x, left, right):g},{height(ulps, top, floor):g}")
    return [" ".join(part) for part in (negative, positive) if part]


def _preferred(row: Mapping[str, Any]) -> tuple[bool, float]:
    return bool(row.get("profile")), number(row.get("worst")) or 0.0


def _row(key: tuple[str, str, int], by_backend: Mapping[str, Record]) -> Record:
    primitive, dtype, order = key
    told: dict[str, Record] = {}
    for name, row in sorted(by_backend.items()):
        contract = number(row.get("contract"))
        told[name] = {
            "worst": row.get("worst"), "median": row.get("median"), "contract": row.get("contract"),
            "x": row.get("x"), "got": row.get("got"), "true": row.get("true"), "mode": row.get("mode", ""),
            "tone": TONES.get(name, 5), "lines": lines(profile_points(row.get("profile")), LEFT, RIGHT, TOP, FLOOR),
            "line": height(contract) if contract is not None else None,
        }  # fmt: skip
    finite = [number(one["worst"]) or 0.0 for one in told.values()]
    return {
        "primitive": primitive, "dtype": dtype, "order": order, "backends": told,
        "sort": max(finite, default=0.0), "drawn": any(one["lines"] for one in told.values()),
        "contract": min((one["line"] for one in told.values() if one["line"] is not None), default=None),
    }  # fmt: skip
