"""What was generated, over all backends: primitives and their pairs, depth, size, magnitudes, shares; and the holes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from gradlaws.records.report import Report
from gradlaws.records.shard import Generated
from gradlaws.reports.numerals import ten
from gradlaws.reports.page import View

BIN = 8  # decades of magnitude in a bar
SIDE, LEFT, TOP = 11.0, 104.0, 104.0
ARROW = " → "
WIDTH, HEIGHT, FLOOR = 420.0, 120.0, 96.0
TITLES: Mapping[Literal["steps", "depths", "sizes", "decades"], str] = {
    "steps": "Steps",
    "depths": "Longest path",
    "sizes": "Scalar inputs",
    "decades": "Magnitudes of inputs, from",
}


def generated(report: Report) -> View | None:
    """What the run drew, as tables and bars; None for shards of before it was recorded."""
    drawn = report["generated"]
    if not drawn:
        return None
    catalogue = report["run"]["catalogue"]
    composed = list(catalogue.get("composed", ()))
    # All backends meet the same functions: the one with most examples says what was drawn.
    most = max(drawn, key=lambda one: (one["examples"], one["backend"]))
    counts = report["totals"]["counts"]
    compared = report["totals"]["comparisons"]
    tests = report["tests"].get("drawn") or {}
    return {
        "backends": [{"backend": one["backend"], "examples": one["examples"]} for one in drawn],
        "most": most["backend"],
        "bars": [_bars(name, TITLES[name], most[name]) for name in TITLES if most[name]],
        "primitives": _primitives(drawn, catalogue),
        "pairs": _pairs(most["pairs"], composed),
        "shares": [
            {"name": name, "count": counts.get(name, 0), "share": counts.get(name, 0) / compared if compared else 0.0}
            for name in ("inconclusive", "unsupported", "deviation")
        ],
        "drawn": {name: tests.get(name, 0) for name in ("passing", "failing", "invalid")} if tests else None,
        "holes": _holes(drawn, catalogue),
    }


def _bars(name: str, title: str, tally: Mapping[str, int]) -> View:
    if name == "decades":
        tally = _binned(tally)
    ordered = ["zero"] * ("zero" in tally) + _every(tally, BIN if name == "decades" else 1)
    tallest = max(tally.values())
    step = WIDTH / max(len(ordered), 1)
    every = max(1, len(ordered) // 8)
    bars = []
    for at, key in enumerate(ordered):
        tall = round(max((FLOOR - 8) * tally.get(key, 0) / tallest, 1.5), 1) if tally.get(key) else 0.0
        bars.append(
            {"x": round(at * step, 2), "width": round(max(step - 1, 0.8), 2), "y": round(FLOOR - tall, 1),
             "height": tall, "count": tally.get(key, 0), "tick": at % every == 0,
             "label": ten(int(key)) if name == "decades" and key != "zero" else key}
        )  # fmt: skip
    empty = [bar["label"] for bar in bars if not bar["count"]]
    return {"name": name, "title": title, "bars": bars, "empty": empty, "width": WIDTH, "height": HEIGHT,
            "floor": FLOOR, "tallest": tallest}  # fmt: skip


def _every(tally: Mapping[str, int], step: int) -> list[str]:
    numbers = [int(key) for key in tally if key != "zero"]
    return [str(key) for key in range(min(numbers), max(numbers) + 1, step)] if numbers else []


def _binned(tally: Mapping[str, int]) -> dict[str, int]:
    bins: dict[str, int] = {}
    for key, total in tally.items():
        name = key if key == "zero" else str(int(key) // BIN * BIN)
        bins[name] = bins.get(name, 0) + total
    return bins


def _primitives(drawn: Sequence[Generated], catalogue: Mapping[str, Sequence[str]]) -> list[View]:
    composed = set(catalogue.get("composed", ()))
    names = sorted({name for one in drawn for name in one["primitives"]} | set(catalogue.get("all", ())))
    return [
        {"name": name, "composed": name in composed, "counts": [one["primitives"].get(name, 0) for one in drawn]}
        for name in names
    ]


def _pairs(pairs: Mapping[str, int], composed: Sequence[str]) -> View:
    """A square for each pair of primitives: how often the second was applied to the result of the first."""
    split = {tuple(key.split(ARROW, 1)): total for key, total in pairs.items() if ARROW in key}
    names = list(composed) or sorted({name for pair in split for name in pair})
    place = {name: at for at, name in enumerate(names)}
    squares = [
        {"x": LEFT + place[second] * SIDE, "y": TOP + place[first] * SIDE, "level": min(len(str(total)), 4),
         "label": f"{first}{ARROW}{second}", "count": total}
        for (first, second), total in sorted(split.items()) if first in place and second in place
    ]  # fmt: skip
    met = {pair for pair in split if pair[0] in place and pair[1] in place}
    never = {first: [second for second in names if (first, second) not in met] for first in names}
    return {
        "squares": squares, "side": SIDE, "left": LEFT, "top": TOP, "width": LEFT + len(names) * SIDE + 4,
        "height": TOP + len(names) * SIDE + 4, "met": len(met), "possible": len(names) ** 2,
        "labels": [{"name": name, "at": at * SIDE} for name, at in place.items()],
        "never": {first: others for first, others in never.items() if others},
        "rows": sorted(((label, total) for label, total in pairs.items()), key=lambda one: (-one[1], one[0])),
    }  # fmt: skip


def _holes(drawn: Sequence[Generated], catalogue: Mapping[str, Sequence[str]]) -> list[View]:
    """By backend, the primitives that it spells and this run did not meet: those of compositions, and the others."""
    composed = set(catalogue.get("composed", ()))
    holes = []
    for one in drawn:
        missing = sorted(set(catalogue.get(one["backend"], ())) - set(one["primitives"]))
        holes.append(
            {"backend": one["backend"], "composed": [name for name in missing if name in composed],
             "alone": [name for name in missing if name not in composed],
             "spelled": len(catalogue.get(one["backend"], ()))}
        )  # fmt: skip
    return holes


def shares(value: float) -> Any:
    """A share for reading: 0 %, 0.03 %, 2.1 %."""
    return "0 %" if value == 0 else f"{100 * value:.2g} %"
