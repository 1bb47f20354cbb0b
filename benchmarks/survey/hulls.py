"""The region of the points that exceed the default, out to the next that do not, as an expression."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.survey.dense import Measured
from gradlaws.strategies.primitive import Floats
from gradlaws.suite import regions

MODERATE = 2.0**-8, 2.0**8
SIZES = ("abs(x)", "abs(y)", "max(abs(x), abs(y))", "min(abs(x), abs(y))", "abs(x - y)", "abs(x + y)")
EVERYWHERE = 0.8  # of the moderate points: then a region says nothing


def hull(of: Sequence[Measured], over: Sequence[NDArray[np.bool_]], sides: tuple[int, ...]) -> str:
    """Of the points that exceed, on either side of 0, out to the next that does not; "" where it holds most of them."""
    points, mask = np.concatenate([found.x for found in of]), np.concatenate(over)
    if points.shape[1] > 1:
        return of_several(points, mask)
    x = points[:, 0]
    parts = []
    for side in sides:
        met = np.sort(abs(x[mask & (np.sign(x) == side)]))
        if met.size:
            rest = np.sort(abs(x[np.sign(x) == side]))
            low, high = rest[rest < met[0]], rest[rest > met[-1]]
            parts.append((side, float(low[-1]) if low.size else 0.0, float(high[0]) if high.size else math.inf))
    if mask[x == 0].any() or not parts:
        return ""
    text = " | ".join(f"({interval(*part)})" for part in parts)
    if len(parts) == 2 and symmetric(parts[0], parts[1]):
        text = interval(1, min(parts[0][1], parts[1][1]), max(parts[0][2], parts[1][2]), "abs(x)")
    moderate = (abs(x) > MODERATE[0]) & (abs(x) < MODERATE[1])
    held = np.zeros(len(x), dtype=bool)
    for side, low, high in parts:
        held |= (np.sign(x) == side) & (abs(x) >= low) & (abs(x) <= high)
    if len(sides) == 2 and np.mean(held[moderate]) > EVERYWHERE:
        return ""
    return text.removeprefix("(").removesuffix(")") if len(parts) == 1 else text


def of_several(points: Floats, mask: NDArray[np.bool_]) -> str:
    """By the one of SIZES between whose ends the fewest others lie."""
    moderate = ((abs(points) > MODERATE[0]) & (abs(points) < MODERATE[1])).all(axis=1)
    best, region = EVERYWHERE, ""
    for name in SIZES:
        size = regions.mask(name, tuple(points.T))  # a number here
        met, rest = size[mask], np.sort(size)
        low, high = rest[rest < met.min()], rest[rest > met.max()]
        ends = float(low[-1]) if low.size else 0.0, float(high[0]) if high.size else math.inf
        held = float(np.mean((size[moderate] >= ends[0]) & (size[moderate] <= ends[1])))
        if held < best:
            best, region = held, interval(1, *ends, name)
    return region


def symmetric(a: tuple[int, float, float], b: tuple[int, float, float]) -> bool:
    return all(max(p, q) <= 1.5 * min(p, q) or (p == q) for p, q in zip(a[1:], b[1:], strict=True))


def interval(side: int, low: float, high: float, name: str = "x") -> str:
    """Its ends with three digits, outwards."""
    ends = [f"{name} > {down(low)}" if low else "", f"{name} < {-down(-high)}" if math.isfinite(high) else ""]
    if side < 0:
        ends = [f"{name} < -{down(low)}" if low else "", f"{name} > {down(-high)}" if math.isfinite(high) else ""]
    ends = [end for end in ends if end] if any(ends) else [f"{name} {'>' if side > 0 else '<'} 0"]
    if side > 0 and not low and name == "x" and ends:
        ends = ["x > 0", *[end for end in ends if end != "x > 0"]]
    if side < 0 and not low and ends:
        ends = ["x < 0", *[end for end in ends if end != "x < 0"]]
    return " & ".join(f"({end})" for end in ends) if len(ends) > 1 else ends[0]


def down(number: float) -> float:
    """Three digits, not above."""
    if not number or not math.isfinite(number):
        return number
    digits = 2 - math.floor(math.log10(abs(number)))
    return float(f"{math.floor(number * 10.0**digits) / 10.0**digits:.3g}")
