"""Comparisons become cells by commutative, associative sums and maxima: sharding changes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar, cast

from gradlaws.records import shard
from gradlaws.records.conversions import nanoseconds, number, plain, seconds
from gradlaws.records.parts import Worst
from gradlaws.records.values import CONCLUSIVE, JUDGED

T = TypeVar("T")
Name = TypeVar("Name", bound=str)
Key = tuple[str, str, str, str, int]
Case = tuple[float, str]  # error / bound, and the function


class Folded(shard.Tallies):
    """A cell while it is counted."""

    worst: Case | None
    worst_holding: Case | None
    ns: int


class Drawn(shard.GeneratedTallies):
    """What a backend met, while it is counted."""

    examples: int


Cells = dict[Key, Folded]
Times = dict[tuple[str, str], int]
Generated = dict[str, Drawn]

_TALLIES, _DRAWN = tuple(shard.Tallies.__annotations__), tuple(shard.GeneratedTallies.__annotations__)


def bucket(ratio: float) -> str:
    """The histogram bucket of an error / bound: floor(log2(ratio)), 'zero' for 0, 'inf' for inf and nan."""
    if ratio == 0:
        return "zero"
    return str(math.frexp(ratio)[1] - 1) if math.isfinite(ratio) else "inf"


def bucket_order(name: str) -> float:
    """Sorts bucket names from small to large ratios."""
    return {"zero": -math.inf, "inf": math.inf}.get(name) or int(name)


def add_comparison(cells: Cells, record: shard.Comparison) -> None:
    """Count one comparison record into its cell, in place."""
    cell = _cell(cells, record)
    verdict = record["verdict"]
    _count(cell["counts"], verdict, 1)
    cell["ns"] += nanoseconds(record.get("seconds"))
    for name in record.get("primitives") or ():
        _count(cell["primitives"], name, 1)
    for tally, value in ((cell["sizes"], record.get("size")), (cell["steps"], record.get("steps"))):
        if value is not None:
            _count(tally, str(value), 1)
    if verdict in CONCLUSIVE:
        _add_evidence(cell, record)
    if record.get("partly"):
        _count(cell["partly"], verdict, 1)
    if verdict == "inconclusive":
        for name in dict.fromkeys(record.get("primitives") or ()):
            _count(cell["undecided"], name, 1)
        _count(cell["causes"], record.get("cause", ""), 1)
    digits = number(record.get("digits"))
    if digits is not None and math.isfinite(digits):
        _count(cell["digits"], str(math.floor(digits)), 1)
    ratio = number(record.get("ratio"))
    if verdict not in JUDGED or ratio is None:
        return
    _count(cell["histogram"], bucket(ratio), 1)
    case = (math.inf if math.isnan(ratio) else ratio, record.get("function", ""))
    cell["worst"] = worse(cell["worst"], case)
    if verdict == "holds":
        cell["worst_holding"] = worse(cell["worst_holding"], case)


def _add_evidence(cell: Folded, record: shard.Comparison) -> None:
    """Of conclusive comparisons alone: what a floor of evidence is about. A program is counted by its digest."""
    found = (
        (cell["programs"], [record.get("program")]),
        (cell["reached"], dict.fromkeys(record.get("primitives") or ())),
        (cell["pairs"], record.get("pairs") or ()),
        (cell["depths"], [record.get("depth")]),
        (cell["inputs"], [record.get("size")]),
        (cell["zero"], ["zero"] if record.get("zero") else []),
    )
    for tally, names in found:
        for name in names:
            if name is not None:
                _count(tally, str(name), 1)


def add_cell(cells: Cells, record: shard.Cell) -> None:
    """Merge one cell record (a fold of comparisons) into the cell of the same key, in place."""
    cell = _cell(cells, record)
    _add(_tallies(cell), _tallies(record), _TALLIES)
    cell["worst"] = worse(cell["worst"], _case(record.get("worst")))
    cell["worst_holding"] = worse(cell["worst_holding"], _case(record.get("worst_holding")))
    cell["ns"] += nanoseconds(record.get("seconds"))


def add_time(times: Times, record: shard.Time) -> None:
    """Add one time record, in place; kept in nanoseconds."""
    key = (record["part"], record["backend"])
    times[key] = times.get(key, 0) + nanoseconds(record["seconds"])


def add_example(generated: Generated, record: shard.Example) -> None:
    """Count one example record, where it says what kind of function it is, in place."""
    if "backend" not in record:
        return
    drawn = _drawn(generated, record["backend"])
    drawn["examples"] += 1
    for name in record.get("primitives") or ():
        _count(drawn["primitives"], name, 1)
    for tally, names in ((drawn["pairs"], record.get("pairs")), (drawn["decades"], record.get("decades"))):
        for name, count in (names or {}).items():
            _count(tally, name, count)
    for tally, value in (
        (drawn["depths"], record.get("depth")),
        (drawn["steps"], record.get("steps")),
        (drawn["sizes"], record.get("size")),
    ):
        if value is not None:
            _count(tally, str(value), 1)


def add_generated(generated: Generated, record: shard.Generated) -> None:
    """Merge one generated record (a fold of examples), in place."""
    drawn = _drawn(generated, record["backend"])
    drawn["examples"] += record["examples"]
    _add(_tallies(drawn), _tallies(record), _DRAWN)


def generated_records(generated: Generated) -> list[shard.Generated]:
    """What was generated for each backend as records, every tally sorted."""
    return [
        shard.Generated(
            kind="generated", backend=backend, examples=drawn["examples"], **_sorted(drawn, shard.GeneratedTallies)
        )
        for backend, drawn in sorted(generated.items())
    ]


def cell_records(cells: Cells) -> list[shard.Cell]:
    """The cells as records, sorted by key, every tally sorted."""
    return [_cell_record(key, cells[key]) for key in sorted(cells)]


def time_records(times: Times) -> list[shard.Time]:
    """The times as records, sorted by (part, backend)."""
    return [
        shard.Time(kind="time", part=part, backend=backend, seconds=seconds(ns))
        for (part, backend), ns in sorted(times.items())
    ]


def fold(records: Iterable[shard.Record]) -> tuple[Cells, Times, Generated]:
    """All comparison, cell, time, example and generated records folded; other kinds are passed over."""
    cells: Cells = {}
    times: Times = {}
    generated: Generated = {}
    for record in records:
        match record["kind"]:
            case "comparison":
                add_comparison(cells, record)
            case "cell":
                add_cell(cells, record)
            case "time":
                add_time(times, record)
            case "example":
                add_example(generated, record)
            case "generated":
                add_generated(generated, record)
    return cells, times, generated


def worse(one: Case | None, other: Case | None) -> Case | None:
    """The case (ratio, function) with the larger ratio; ties go to the smaller function text."""
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda case: (-case[0], case[1]))


def worst_record(case: Case | None) -> Worst | None:
    """As a record has it."""
    return None if case is None else Worst(ratio=plain(case[0]), function=case[1])


def _drawn(generated: Generated, backend: str) -> Drawn:
    return generated.setdefault(backend, cast(Drawn, {"examples": 0, **{tally: {} for tally in _DRAWN}}))


def _cell(cells: Cells, record: shard.Place) -> Folded:
    key = (record["identity"], record["backend"], record["dtype"], record["mode"], record["order"])
    cell = cells.get(key)
    if cell is None:
        empty: dict[str, dict[str, int]] = {tally: {} for tally in _TALLIES}
        cell = cells[key] = cast(Folded, {**empty, "worst": None, "worst_holding": None, "ns": 0})
    return cell


def _cell_record(key: Key, cell: Folded) -> shard.Cell:
    identity, backend, dtype, mode, order = key
    return shard.Cell(
        kind="cell", identity=identity, backend=backend, dtype=dtype, mode=mode, order=order,
        **_sorted(cell, shard.Tallies),
        worst=worst_record(cell["worst"]), worst_holding=worst_record(cell["worst_holding"]),
        seconds=seconds(cell["ns"]),
    )  # fmt: skip


def _case(worst: Worst | None) -> Case | None:
    ratio = number(worst["ratio"]) if worst else None
    return None if worst is None or ratio is None else (ratio, worst["function"])


def _tallies(record: object) -> dict[str, dict[str, int]]:
    """The tallies of a record, to be gone through by name."""
    return cast(dict[str, dict[str, int]], record)


def _sorted(record: object, kind: type[T]) -> T:
    return cast(T, {tally: dict(sorted(_tallies(record)[tally].items())) for tally in kind.__annotations__})


def _add(into: dict[str, dict[str, int]], found: dict[str, dict[str, int]], names: Iterable[str]) -> None:
    for tally in names:
        counts = into[tally]
        for name, count in (found.get(tally) or {}).items():
            counts[name] = counts.get(name, 0) + count


def _count(tally: dict[Name, int], name: Name, count: int) -> None:
    tally[name] = tally.get(name, 0) + count
