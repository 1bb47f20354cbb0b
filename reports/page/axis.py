"""The axis of all floating-point numbers: equal steps near one, and both ends of the range in sight."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradlaws.reports.numerals import ten
from gradlaws.reports.page import View

_END = 1074.0  # binades between one and the smallest number of float64
_BEND = 0.4  # how strongly the binades far from one are drawn together
_TICKS = (-1e300, -1e30, -1.0, -1e-30, 0.0, 1e-30, 1.0, 1e30, 1e300)


def position(x: float) -> float:
    """Where x stands, from -1 to 1: 0 for zero, ±1/2 for ±1, ±1 for the largest numbers and for infinity."""
    if x == 0 or math.isnan(x):
        return 0.0
    binade = math.copysign(_END, math.inf) if math.isinf(x) else math.log2(abs(x))
    bent = math.copysign(min(abs(binade) / _END, 1.0) ** _BEND, binade)
    return math.copysign(0.5 + 0.5 * bent, x)


def across(x: float, left: float, right: float) -> float:
    """The same in pixels between left and right."""
    return round(left + (position(x) + 1) / 2 * (right - left), 1)


def ticks(left: float, right: float) -> list[View]:
    """Marks for reading the axis."""
    return [{"x": across(x, left, right), "label": _label(x)} for x in _TICKS]


def strip(intervals: Sequence[Sequence[float]], left: float, right: float) -> list[View]:
    """Intervals of x as rectangles' left ends and widths; a single point is drawn two pixels wide."""
    found = []
    for low, high in intervals:
        start, end = across(low, left, right), across(high, left, right)
        found.append({"x": start, "width": round(max(end - start, 2.0), 1)})
    return found


def _label(x: float) -> str:
    if x in (0.0, 1.0, -1.0):
        return f"{x:g}".replace("-", "−")
    return ("−" if x < 0 else "") + ten(round(math.log10(abs(x))))
