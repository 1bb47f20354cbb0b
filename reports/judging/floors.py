"""How much was looked at: the figures of a cell or of several, and the floors that they are short of.

A comparison that could not fail is no evidence, and many of one function are not more than one. The figures are of
conclusive comparisons, but for the shares of those that were not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import cast, get_args

from gradlaws.records.matrix import Evidence
from gradlaws.records.run import Floor, Level
from gradlaws.records.values import CONCLUSIVE
from gradlaws.reports.judging.distribution import add_up
from gradlaws.reports.numerals import count
from gradlaws.reports.shards.fold import Folded

NAMED = 8  # primitives, where more are short
LEVELS: tuple[Level, ...] = get_args(Level)
# What a floor can demand: at least so many, or at most such a share (records/run.py).
LEAST = {
    "conclusive": "conclusive",
    "programs": "unique programs",
    "primitives": "primitives",
    "pairs": "pairs of primitives",
    "depth": "steps in a row",
    "size": "scalar inputs",
}
MOST = {
    "inconclusive": "inconclusive",
    "unsupported": "unsupported",
    "zero": "with a derivative that is zero",
    "unreached": "of the primitives without a conclusive comparison",
}


def figures(cells: Iterable[Folded]) -> Evidence:
    """What the cells hold together; shares are of all comparisons, `zero` of conclusive derivatives, and `unreached` of
    the primitives that were met."""
    cells = list(cells)
    counts = add_up(cell["counts"] for cell in cells)
    conclusive = sum(counts.get(verdict, 0) for verdict in CONCLUSIVE)
    comparisons = sum(counts.values())
    met, reached = _names(cell["primitives"] for cell in cells), _names(cell["reached"] for cell in cells)
    zero = sum(sum(cell["zero"].values()) for cell in cells)
    return {
        "conclusive": conclusive,
        "programs": len(_names(cell["programs"] for cell in cells)),
        "primitives": len(reached),
        "pairs": len(_names(cell["pairs"] for cell in cells)),
        "depth": max(map(int, _names(cell["depths"] for cell in cells)), default=0),
        "size": max(map(int, _names(cell["inputs"] for cell in cells)), default=0),
        "inconclusive": _share(counts.get("inconclusive", 0), comparisons),
        "unsupported": _share(counts.get("unsupported", 0), comparisons),
        "zero": _share(zero, conclusive),
        "unreached": _share(len(met - reached), len(met)),
    }


def floor_of(floors: Sequence[Floor], level: Level, identity: str, backend: str, dtype: str) -> dict[str, float]:
    """What is demanded there, by name: every row that speaks of it, later ones overriding earlier ones."""
    demanded: dict[str, float] = {}
    for row in floors:
        patterns = ((row.get("identities"), identity), (row.get("backends"), backend), (row.get("dtypes"), dtype))
        if row["level"] == level and all(_matches(known, name) for known, name in patterns):
            demanded |= {name: value for name, value in _numbers(row).items() if name in LEAST or name in MOST}
    return demanded


def shortfalls(evidence: Evidence, demanded: Mapping[str, float]) -> list[str]:
    """What is missing, one clause each; empty where there is enough."""
    found = _numbers(evidence)
    few = [
        f"{count(int(found[name]))} {words} of {count(int(demanded[name]))} needed"
        for name, words in LEAST.items()
        if found[name] < demanded.get(name, 0)
    ]
    many = [
        f"{100 * found[name]:.0f} % {words}, of at most {100 * demanded[name]:.0f} %"
        for name, words in MOST.items()
        if found[name] > demanded.get(name, 1)
    ]
    return few + many


def undecided(cells: Mapping[int, Sequence[Folded]], least: int) -> list[str]:
    """Of the cells of each order: which primitives were met and have too few conclusive comparisons, one clause each
    order. Where a mode does not exist for a primitive nothing was asked of it."""
    clauses = []
    for order, of_order in sorted(cells.items()):
        reached = add_up(cell["reached"] for cell in of_order)
        few = sorted(name for name in _names(cell["undecided"] for cell in of_order) if reached.get(name, 0) < least)
        if few:
            more = f" and {len(few) - NAMED} more" if len(few) > NAMED else ""
            clauses.append(f"of order {order}, fewer than {least} conclusive of {', '.join(few[:NAMED])}{more}")
    return clauses


def _numbers(record: object) -> Mapping[str, float]:
    """The figures of a record, to be gone through by name."""
    return cast(Mapping[str, float], record)


def _matches(patterns: Sequence[str] | None, name: str) -> bool:
    return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)


def _names(tallies: Iterable[Mapping[str, int]]) -> set[str]:
    return {name for tally in tallies for name in tally}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
