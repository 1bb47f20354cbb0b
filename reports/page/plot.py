"""Geometry of the claims' series, which the template draws as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

from gradlaws.records.parts import Series
from gradlaws.records.values import Number
from gradlaws.reports.page import View

WIDTH, HEIGHT = 440.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 10.0, 10.0, 34.0
TONES = 6
MOST = 12  # series in one plot


def plots(series: Sequence[Series]) -> list[View]:
    """The series of one subject, those with equal axes in one plot; without infinite points, which cannot be drawn."""
    groups: dict[tuple[str, str], list[Series]] = {}
    axes = ("", "")
    for one in series:
        x, y = one["axes"]
        axes = (x, y) if x or y else axes  # a series without axes joins the one before it
        groups.setdefault(axes, []).append(one)
    return [_plot(named, group[:MOST]) for named, group in groups.items()]


def _plot(axes: tuple[str, str], group: Sequence[Series]) -> View:
    drawn = [[(x, y) for x, y in one["points"] if _finite(x) and _finite(y)] for one in group]
    points = [point for line in drawn for point in line]
    x_low, x_high = _span([x for x, _ in points])
    y_low, y_high = _span([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        up = HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return round(across, 1), round(up, 1)

    lines = [
        {
            "name": one["name"],
            "tone": number % TONES,
            "points": " ".join(f"{x:g},{y:g}" for x, y in (place(*point) for point in line)),
            "dots": [place(*point) for point in line],
            "drawn": line,
        }
        for number, (one, line) in enumerate(zip(group, drawn, strict=True))
    ]
    return {
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "floor": HEIGHT - BOTTOM,
        "x": axes[0], "y": axes[1], "x_low": f"{x_low:.4g}", "x_high": f"{x_high:.4g}", "y_low": f"{y_low:.4g}",
        "y_high": f"{y_high:.4g}", "lines": lines,
    }  # fmt: skip


def _finite(value: Number) -> TypeGuard[float]:
    return not isinstance(value, str) and math.isfinite(value)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
