"""How much was looked at: the figures of a cell or of several, and the floors that they are short of.

A comparison that could not fail is no evidence, and many of one function are not more than one. The figures are of
conclusive comparisons, but for the shares of those that were not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from reports.numerals import count
from reports.records import CONCLUSIVE, Record

# What a floor can demand: at least so many, or at most such a share.
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
LEVELS = ("mode", "system")  # identity × backend × dtype × mode, and all modes together


def figures(cells: Iterable[Record]) -> Record:
    """What the cells hold together; shares are of all comparisons, `zero` of conclusive derivatives, and `unreached` of
    the primitives that were met."""
    cells = list(cells)
    counts = {verdict: sum(cell["counts"].get(verdict, 0) for cell in cells) for verdict in _verdicts(cells)}
    conclusive = sum(counts.get(verdict, 0) for verdict in CONCLUSIVE)
    comparisons = sum(counts.values())
    met, reached = _names(cells, "primitives"), _names(cells, "reached")
    zero = sum(sum(cell["zero"].values()) for cell in cells)
    return {
        "conclusive": conclusive,
        "programs": len(_names(cells, "programs")),
        "primitives": len(reached),
        "pairs": len(_names(cells, "pairs")),
        "depth": max(map(int, _names(cells, "depths")), default=0),
        "size": max(map(int, _names(cells, "inputs")), default=0),
        "inconclusive": _share(counts.get("inconclusive", 0), comparisons),
        "unsupported": _share(counts.get("unsupported", 0), comparisons),
        "zero": _share(zero, conclusive),
        "unreached": _share(len(met - reached), len(met)),
    }


def floor_of(floors: Sequence[Mapping[str, Any]], level: str, identity: str, backend: str, dtype: str) -> Record:
    """What is demanded there: every row that speaks of it, later ones overriding earlier ones."""
    demanded: Record = {}
    for row in floors:
        patterns = ((row.get("identities"), identity), (row.get("backends"), backend), (row.get("dtypes"), dtype))
        if row["level"] == level and all(_matches(known, name) for known, name in patterns):
            demanded |= {name: row[name] for name in (*LEAST, *MOST) if name in row}
    return demanded


def shortfalls(found: Mapping[str, Any], demanded: Mapping[str, Any]) -> list[str]:
    """What is missing, one clause each; empty where there is enough."""
    few = [
        f"{count(found[name])} {words} of {count(demanded[name])} needed"
        for name, words in LEAST.items()
        if found[name] < demanded.get(name, 0)
    ]
    many = [
        f"{100 * found[name]:.0f} % {words}, of at most {100 * demanded[name]:.0f} %"
        for name, words in MOST.items()
        if found[name] > demanded.get(name, 1)
    ]
    return few + many


def _matches(patterns: Sequence[str] | None, name: str) -> bool:
    return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)


def _verdicts(cells: Iterable[Record]) -> set[str]:
    return {verdict for cell in cells for verdict in cell["counts"]}


def _names(cells: Iterable[Record], tally: str) -> set[str]:
    return {name for cell in cells for name in cell[tally]}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
