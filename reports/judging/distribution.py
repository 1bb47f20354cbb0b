"""How large the errors are against their bounds: histograms and quantiles per backend and dtype."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from reports.records import Record, plain
from reports.shards.fold import Cells, bucket_order, worse


def distributions(cells: Cells, systems: Sequence[Sequence[str]]) -> list[Record]:
    """Error / bound for each backend (dtype None) and each (backend, dtype): histogram and quantiles.

    `systems` lists all (backend, dtype), and orders them. Quantiles are known to a factor of two:
    {"bucket": name, "upper": 2^(k+1)}, the exclusive upper edge of the bucket (0 for exact agreement, 'inf'
    for no finite ratio). The maximum is exact. `digits` counts comparisons by floor(-log10(bound / largest
    component)), how closely they looked.
    """
    groups: dict[tuple[str, str], list[Record]] = {}
    for backend, dtype in systems:
        groups.setdefault((backend, ""), [])
        groups.setdefault((backend, dtype), [])
    for (_, backend, dtype, _, _), cell in cells.items():
        for key in ((backend, ""), (backend, dtype)):
            groups[key].append(cell)
    return [_distribution(backend, dtype or None, group) for (backend, dtype), group in groups.items()]


def coverage(cells: Cells, backends: Sequence[str]) -> Record:
    """What was generated: comparisons per backend by primitive, number of steps, number of inputs."""
    tables: Record = {}
    for tally in ("primitives", "steps", "sizes"):
        sums = {
            backend: add_up(cell[tally] for key, cell in cells.items() if key[1] == backend) for backend in backends
        }
        names = {name for per_backend in sums.values() for name in per_backend}
        ordered = sorted(names, key=lambda name: (int(name), "") if name.isdecimal() else (0, name))
        tables[tally] = {name: {backend: sums[backend].get(name, 0) for backend in backends} for name in ordered}
    return tables


def quantile(histogram: Mapping[str, int], share: float) -> Record | None:
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


def add_up(tallies: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of several tallies."""
    total: dict[str, int] = {}
    for tally in tallies:
        for name, count in tally.items():
            total[name] = total.get(name, 0) + count
    return total


def _distribution(backend: str, dtype: str | None, group: list[Record]) -> Record:
    histogram = add_up(cell["histogram"] for cell in group)
    digits = add_up(cell["digits"] for cell in group)
    worst = worst_holding = None
    for cell in group:
        worst = worse(worst, cell["worst"])
        worst_holding = worse(worst_holding, cell["worst_holding"])
    ordered = sorted(digits, key=int)
    return {
        "backend": backend,
        "dtype": dtype,
        "comparisons": sum(sum(cell["counts"].values()) for cell in group),
        "conclusive": sum(histogram.values()),
        "median": quantile(histogram, 0.5),
        "p99": quantile(histogram, 0.99),
        "max": worst and plain(worst[0]),
        "max_function": worst and worst[1],
        "max_holding": worst_holding and plain(worst_holding[0]),
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
