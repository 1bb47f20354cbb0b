"""Geometry of histograms over powers of two (error / bound) and over digits, which the templates draw as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gradlaws.reports.numerals import count, power_of_two
from gradlaws.reports.page import View

WIDE, SMALL = (680.0, 146.0), (330.0, 126.0)
LEFT, TOP, BOTTOM = 14.0, 34.0, 24.0
_LOWEST, _HIGHEST = -30, 20
_MOST_DIGITS = 17


def bucket_range(histograms: Iterable[Mapping[str, int]]) -> tuple[int, int]:
    """The buckets (first, last) that all charts share; what lies beyond is drawn in the outermost."""
    names = [int(name) for histogram in histograms for name in histogram if name not in ("zero", "inf")]
    return max(_LOWEST, min([*names, -4])), min(_HIGHEST, max([*names, 1]))


def chart(
    histogram: Mapping[str, int],
    span: tuple[int, int],
    size: tuple[float, float] = WIDE,
    quantiles: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> View:
    """Bars, ticks, the line of the bound and marks of quantiles for one histogram of error / bound.

    The first slot is exact agreement (ratio 0), then a gap, then one slot per power of two. `quantiles` are drawn where
    they end: each is known to a factor of two.
    """
    first, last = span
    drawn = _drawn(_clamped(histogram, first, last), first - 2, last, size, lambda slot: slot >= 0)
    left = drawn["left_of"]
    every = 4 if size == WIDE else 8
    ticks = [{"x": left(slot), "label": power_of_two(str(slot))} for slot in range(first, last + 2) if not slot % every]
    marks = []
    for label, found in (quantiles or {}).items():
        if found is not None:
            slot = {"zero": first - 2, "inf": last}.get(found["bucket"])
            slot = min(max(int(found["bucket"]), first), last) if slot is None else slot
            marks.append({"x": left(slot + 1), "label": label})
    for bar in drawn["bars"]:
        bar["label"] = _label(bar["slot"], first, last)
    zero = round(left(first - 2) + drawn["step"] / 2, 2)
    return _plain(drawn) | {"ticks": ticks, "marks": marks, "bound": left(0), "zero": zero}


def digits_chart(tally: Mapping[str, int], size: tuple[float, float] = SMALL) -> View:
    """Bars and ticks for how many comparisons resolved so many decimal digits."""
    counts: dict[int, int] = {}
    for name, total in tally.items():
        slot = min(max(int(name), 0), _MOST_DIGITS)
        counts[slot] = counts.get(slot, 0) + total
    drawn = _drawn(counts, 0, _MOST_DIGITS, size, lambda slot: False)
    ticks = [{"x": drawn["left_of"](slot) + drawn["step"] / 2, "label": str(slot)} for slot in range(0, 18, 4)]
    for bar in drawn["bars"]:
        bar["label"] = f"{bar['slot']} digits"
    return _plain(drawn) | {"ticks": ticks, "marks": [], "bound": None, "zero": None}


def _drawn(counts: dict[int, int], first: int, last: int, size: tuple[float, float], over: Any) -> View:
    width, height = size
    step = (width - 2 * LEFT) / (last - first + 1)
    tallest = max(counts.values(), default=1)
    floor = height - BOTTOM

    def left(slot: float) -> float:
        return round(LEFT + step * (slot - first), 2)

    bars: list[View] = []
    for slot, total in sorted(counts.items()):
        tall = round(max(1.5, (floor - TOP) * total / tallest), 2)
        bars.append(
            {"slot": slot, "x": left(slot), "y": round(floor - tall, 2), "width": round(step - 1, 2), "height": tall,
             "count": count(total), "over": over(slot)}
        )  # fmt: skip
    return {
        "width": width, "height": height, "floor": floor, "left": LEFT, "right": width - LEFT, "top": TOP,
        "bars": bars, "tallest": tallest, "left_of": left, "step": step,
    }  # fmt: skip


def _plain(drawn: View) -> View:
    return {key: value for key, value in drawn.items() if key not in ("left_of", "step")}


def _clamped(histogram: Mapping[str, int], first: int, last: int) -> dict[int, int]:
    counts: dict[int, int] = {}
    for name, total in histogram.items():
        slot = {"zero": first - 2, "inf": last}.get(name)
        if slot is None:
            slot = min(max(int(name), first), last)
        counts[slot] = counts.get(slot, 0) + total
    return counts


def _label(slot: int, first: int, last: int) -> str:
    if slot == first - 2:
        return "exact"
    edges = f"{power_of_two(str(slot))} to {power_of_two(str(slot + 1))}"
    if slot == first == _LOWEST:
        return f"below {power_of_two(str(slot + 1))}"
    return f"{power_of_two(str(slot))} and above" if slot == last else edges
