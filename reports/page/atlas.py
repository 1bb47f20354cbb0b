"""The accuracy atlas: the error of every primitive over its domain, by order and precision, backends in one plot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gradlaws.records.conversions import number
from gradlaws.reports import numerals
from gradlaws.reports.page import View
from gradlaws.reports.page.axis import across, ticks

LEFT, RIGHT, TOP, FLOOR = 4.0, 256.0, 6.0, 58.0
_DECADES = (-1.0, 16.0)  # of ulps: what is below is drawn on the floor
TONES = {"numpy": 2, "torch": 0, "jax": 1}
# The survey's layers, and in what each measures.
UNITS = {"strict": "ulps", "bound": "× bound", "scaled": "relative", "nestings": "relative"}
_FORMATS = {"float64": (1024, 53), "float32": (128, 24)}  # largest exponent, digits


def atlas(survey: Mapping[str, Any]) -> View:
    """One row per (primitive, dtype, order, layer), with each backend's worst and median, and a plot of its profile.

    The strict layer comes first, in ulps of the true result, worst of all first; what is not elementwise is measured
    in units of its bound. Rows without a profile keep their figures.
    """
    groups: dict[tuple[str, str, int, str], dict[str, View]] = {}
    for row in survey.get("rows", ()):
        key = (str(row.get("primitive", "?")), str(row.get("dtype", "")), int(row.get("order") or 0))
        told = groups.setdefault((*key, str(row.get("layer", "strict"))), {})
        name = str(row.get("backend", "?"))
        if name not in told or _preferred(row) > _preferred(told[name]):
            told[name] = row
    rows = [_row(key, by_backend) for key, by_backend in groups.items()]
    layers = [*UNITS]
    rows.sort(
        key=lambda row: (
            layers.index(row["layer"]) if row["layer"] in layers else len(layers),
            -row["sort"],
            row["primitive"],
            row["dtype"],
            row["order"],
        )
    )
    backends = sorted({name for row in rows for name in row["backends"]}, key=lambda name: (TONES.get(name, 9), name))
    return {
        "rows": rows, "backends": backends, "ticks": ticks(LEFT, RIGHT),
        "primitives": len({row["primitive"] for row in rows}),
    }  # fmt: skip


def profile_points(profile: Any, dtype: str) -> list[tuple[float, float]]:
    """(x, ulps) of a profile, sorted; what is not a pair of numbers is passed over.

    A profile has pairs [place, log2 of the worst ulps there]; the place goes by binades from -1 to 1, and is ±½ at ±1.
    """
    largest, digits = _FORMATS.get(dtype, _FORMATS["float64"])
    points = []
    for pair in profile or ():
        if isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2:
            place, size = number(pair[0]), number(pair[1])
            if place is not None and size is not None and not math.isnan(place) and not math.isnan(size):
                binade = abs(place) * (2 * largest + digits) - largest - digits
                x = math.copysign(2.0 ** min(max(binade, -1074.0), 1023.0), place) if place else 0.0
                points.append((x, 2.0 ** min(size, 1023.0)))
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


def where(x: Any) -> str:
    """The input of the worst, to six digits: one number, several, or arrays; empty where it is not told."""
    if isinstance(x, (list, tuple)):
        return "; ".join(filter(None, map(where, x)))
    try:
        return ", ".join(f"{number(one):.6g}" for one in str(x).split(", ") if one and one != "None")
    except (ValueError, TypeError):
        return str(x)


def _preferred(row: Mapping[str, Any]) -> tuple[bool, float]:
    return bool(row.get("profile")), _figure(row.get("worst")) or 0.0


def _figure(value: Any) -> float | None:
    """A number of the survey; None where it has none."""
    return None if value in (None, "") else number(value)


def _row(key: tuple[str, str, int, str], by_backend: Mapping[str, View]) -> View:
    primitive, dtype, order, layer = key
    told: dict[str, View] = {}
    for name, row in sorted(by_backend.items()):
        contract = _figure(row.get("contract")) if layer == "strict" else None
        told[name] = {
            "worst": _figure(row.get("worst")), "median": _figure(row.get("median")), "contract": contract,
            "x": where(row.get("x") or ""), "mode": row.get("mode", ""), "known": row.get("row", ""),
            "got": numerals.decimal(row.get("got") or None), "true": row.get("true") or "",
            "lines": lines(profile_points(row.get("profile"), dtype), LEFT, RIGHT, TOP, FLOOR),
            "line": height(contract) if contract is not None else None,
        }  # fmt: skip
    return {
        "primitive": primitive, "dtype": dtype, "order": order, "layer": layer, "backends": told,
        "unit": UNITS.get(layer, layer), "sort": max((one["worst"] or 0.0 for one in told.values()), default=0.0),
        "drawn": any(one["lines"] for one in told.values()),
        "contract": min((one["line"] for one in told.values() if one["line"] is not None), default=None),
    }  # fmt: skip
