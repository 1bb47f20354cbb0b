"""Geometry of the error / bound histograms, which the template draws as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reports.numerals import power_of_two
from reports.records import Record

WIDTH, HEIGHT = 680.0, 132.0
LEFT, TOP, BOTTOM = 14.0, 20.0, 24.0
_LOWEST, _HIGHEST = -30, 20


def bucket_range(histograms: Iterable[Mapping[str, int]]) -> tuple[int, int]:
    """The buckets (first, last) that all charts share; what lies beyond is drawn in the outermost."""
    names = [int(name) for histogram in histograms for name in histogram if name not in ("zero", "inf")]
    return max(_LOWEST, min([*names, -4])), min(_HIGHEST, max([*names, 1]))


def chart(histogram: Mapping[str, int], span: tuple[int, int]) -> Record:
    """Bars, ticks and the line of the bound for one histogram, in units of a WIDTH × HEIGHT view box.

    The first slot is exact agreement (ratio 0), then a gap, then one slot per power of two of error /
    bound.
    """
    first, last = span
    step = (WIDTH - 2 * LEFT) / (last - first + 3)
    counts = _clamped(histogram, first, last)
    tallest = max(counts.values(), default=1)
    floor = HEIGHT - BOTTOM

    def left(slot: int) -> float:
        return round(LEFT + step * (slot - first + 2), 2)

    bars = []
    for slot, total in sorted(counts.items()):
        tall = round(max(1.5, (floor - TOP) * total / tallest), 2)
        bars.append(
            {
                "x": left(slot),
                "y": round(floor - tall, 2),
                "width": round(step - 1, 2),
                "height": tall,
                "count": total,
                "over": slot >= 0,
                "label": _label(slot, first, last),
            }
        )
    ticks = [{"x": left(slot), "label": power_of_two(str(slot))} for slot in range(first, last + 2) if slot % 4 == 0]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "floor": floor,
        "left": LEFT,
        "right": WIDTH - LEFT,
        "top": TOP,
        "bars": bars,
        "ticks": ticks,
        "bound": left(0),
        "zero": round(left(first - 2) + step / 2, 2),
        "tallest": tallest,
    }


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
