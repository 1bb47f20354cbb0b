"""How large the errors are against their bounds: histograms and quantiles per backend and dtype."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from gradlaws.records.conversions import plain
from gradlaws.records.matrix import Coverage, Distribution, Quantile
from gradlaws.reports.shards.fold import Case, Cells, Folded, bucket_order, worse

Name = TypeVar("Name", bound=str)


def distributions(cells: Cells, systems: Sequence[Sequence[str]]) -> list[Distribution]:
    """Error / bound for each backend (dtype None) and each (backend, dtype): histogram and quantiles.

    `systems` lists all (backend, dtype), and orders them. Quantiles are known to a factor of two:
    {"bucket": name, "upper": 2^(k+1)}, the exclusive upper edge of the bucket (0 for exact agreement, 'inf'
    for no finite ratio). The maximum is exact. `digits` counts comparisons by floor(-log10(bound / largest
    component)), how closely they looked.
    """
    groups: dict[tuple[str, str], list[Folded]] = {}
    for backend, dtype in systems:
        groups.setdefault((backend, ""), [])
        groups.setdefault((backend, dtype), [])
    for (_, backend, dtype, _, _), cell in cells.items():
        for key in ((backend, ""), (backend, dtype)):
            groups[key].append(cell)
    return [_distribution(backend, dtype or None, group) for (backend, dtype), group in groups.items()]


def coverage(cells: Cells, backends: Sequence[str]) -> Coverage:
    """What was generated: comparisons per backend by primitive, number of steps, number of inputs."""
    of = {backend: [cell for (_, name, *_), cell in cells.items() if name == backend] for backend in backends}
    return {
        "primitives": _table({name: add_up(cell["primitives"] for cell in group) for name, group in of.items()}),
        "steps": _table({name: add_up(cell["steps"] for cell in group) for name, group in of.items()}),
        "sizes": _table({name: add_up(cell["sizes"] for cell in group) for name, group in of.items()}),
    }


def _table(sums: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """By name and backend, of tallies by backend."""
    names = {name for per_backend in sums.values() for name in per_backend}
    ordered = sorted(names, key=lambda name: (int(name), "") if name.isdecimal() else (0, name))
    return {name: {backend: tally.get(name, 0) for backend, tally in sums.items()} for name in ordered}


def quantile(histogram: Mapping[str, int], share: float) -> Quantile | None:
    """The bucket below or at which the given share (0..1) of all counts lies; None without counts."""
    rank = max(1, math.ceil(share * sum(histogram.values())))
    for name in sorted(histogram, key=bucket_order):
        rank -= histogram[name]
        if rank <= 0:
            return {"bucket": name, "upper": plain(upper_edge(name))}
    return None


def upper_edge(name: str) -> float:
    """The exclusive upper edge of a bucket, 2^(k+1); 0 for 'zero', inf for 'inf' or beyond float64."""
    if name == "zero":
        return 0.0
    return math.inf if name == "inf" or int(name) >= 1023 else math.ldexp(1.0, int(name) + 1)


def add_up(tallies: Iterable[Mapping[Name, int]]) -> dict[Name, int]:
    """The sum of several tallies."""
    total: dict[Name, int] = {}
    for tally in tallies:
        for name, count in tally.items():
            total[name] = total.get(name, 0) + count
    return total


def _distribution(backend: str, dtype: str | None, group: list[Folded]) -> Distribution:
    histogram = add_up(cell["histogram"] for cell in group)
    digits = add_up(cell["digits"] for cell in group)
    worst: Case | None = None
    worst_holding: Case | None = None
    for cell in group:
        worst = worse(worst, cell["worst"])
        worst_holding = worse(worst_holding, cell["worst_holding"])
    ordered = sorted(digits, key=int)
    return {
        "backend": backend,
        "dtype": dtype,
        "comparisons": sum(sum(cell["counts"].values()) for cell in group),
        "causes": dict(sorted(add_up(cell["causes"] for cell in group).items())),
        "partly": sum(add_up(cell["partly"] for cell in group).values()),
        "conclusive": sum(histogram.values()),
        "median": quantile(histogram, 0.5),
        "p99": quantile(histogram, 0.99),
        "max": plain(worst[0]) if worst else None,
        "max_function": worst[1] if worst else None,
        "max_holding": plain(worst_holding[0]) if worst_holding else None,
        "median_digits": middle(digits),
        "histogram": {name: histogram[name] for name in sorted(histogram, key=bucket_order)},
        "digits": {name: digits[name] for name in ordered},
    }


def middle(tally: Mapping[str, int]) -> int | None:
    """The median of a tally whose names are integers; None without counts."""
    rank = math.ceil(sum(tally.values()) / 2)
    for name in sorted(tally, key=int):
        rank -= tally[name]
        if rank <= 0:
            return int(name)
    return None
