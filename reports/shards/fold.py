"""Comparisons become cells by commutative, associative sums and maxima: sharding changes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from reports.records import CONCLUSIVE, JUDGED, Record, nanoseconds, number, plain, seconds

Key = tuple[str, str, str, str, int]
Cells = dict[Key, Record]
Times = dict[tuple[str, str], int]
Generated = dict[str, Record]

GENERATED = ("primitives", "pairs", "depths", "steps", "sizes", "decades")
# Of conclusive comparisons alone: what a floor of evidence is about. A program is counted by its digest.
EVIDENCE = ("programs", "reached", "pairs", "depths", "inputs", "zero")
_TALLIES = ("counts", "histogram", "digits", "primitives", "sizes", "steps", *EVIDENCE)


def bucket(ratio: float) -> str:
    """The histogram bucket of an error / bound: floor(log2(ratio)), 'zero' for 0, 'inf' for inf and nan."""
    if ratio == 0:
        return "zero"
    return str(math.frexp(ratio)[1] - 1) if math.isfinite(ratio) else "inf"


def bucket_order(name: str) -> float:
    """Sorts bucket names from small to large ratios."""
    return {"zero": -math.inf, "inf": math.inf}.get(name) or int(name)


def add_comparison(cells: Cells, record: Mapping[str, Any]) -> None:
    """Count one comparison record into its cell, in place."""
    cell = _cell(cells, record)
    verdict = record["verdict"]
    _count(cell["counts"], verdict, 1)
    cell["ns"] += nanoseconds(record.get("seconds"))
    for name in record.get("primitives") or ():
        _count(cell["primitives"], name, 1)
    for tally, value in (("sizes", record.get("size")), ("steps", record.get("steps"))):
        if value is not None:
            _count(cell[tally], str(value), 1)
    if verdict in CONCLUSIVE:
        _add_evidence(cell, record)
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


def _add_evidence(cell: Record, record: Mapping[str, Any]) -> None:
    found = {
        "programs": [record.get("program")],
        "reached": dict.fromkeys(record.get("primitives") or ()),
        "pairs": record.get("pairs") or (),
        "depths": [record.get("depth")],
        "inputs": [record.get("size")],
        "zero": ["zero"] if record.get("zero") else [],
    }
    for tally, names in found.items():
        for name in names:
            if name is not None:
                _count(cell[tally], str(name), 1)


def add_cell(cells: Cells, record: Mapping[str, Any]) -> None:
    """Merge one cell record (a fold of comparisons) into the cell of the same key, in place."""
    cell = _cell(cells, record)
    for tally in _TALLIES:
        for name, count in record.get(tally, {}).items():
            _count(cell[tally], name, count)
    for name in ("worst", "worst_holding"):
        cell[name] = worse(cell[name], _case(record.get(name)))
    cell["ns"] += nanoseconds(record.get("seconds"))


def add_time(times: Times, record: Mapping[str, Any]) -> None:
    """Add one time record, in place; kept in nanoseconds."""
    key = (record["part"], record["backend"])
    times[key] = times.get(key, 0) + nanoseconds(record["seconds"])


def add_example(generated: Generated, record: Mapping[str, Any]) -> None:
    """Count one example record, where it says what kind of function it is, in place."""
    if "backend" not in record:
        return
    tallies = _generated(generated, record["backend"])
    tallies["examples"] += 1
    for name in record.get("primitives") or ():
        _count(tallies["primitives"], name, 1)
    for tally in ("pairs", "decades"):
        for name, count in (record.get(tally) or {}).items():
            _count(tallies[tally], name, count)
    for tally, key in (("depths", "depth"), ("steps", "steps"), ("sizes", "size")):
        if record.get(key) is not None:
            _count(tallies[tally], str(record[key]), 1)


def add_generated(generated: Generated, record: Mapping[str, Any]) -> None:
    """Merge one generated record (a fold of examples), in place."""
    tallies = _generated(generated, record["backend"])
    tallies["examples"] += record["examples"]
    for tally in GENERATED:
        for name, count in (record.get(tally) or {}).items():
            _count(tallies[tally], name, count)


def generated_records(generated: Generated) -> list[Record]:
    """What was generated for each backend as records, every tally sorted."""
    return [
        {"kind": "generated", "backend": backend, "examples": tallies["examples"]}
        | {tally: dict(sorted(tallies[tally].items())) for tally in GENERATED}
        for backend, tallies in sorted(generated.items())
    ]


def cell_records(cells: Cells) -> list[Record]:
    """The cells as records, sorted by key, every tally sorted."""
    return [_cell_record(key, cells[key]) for key in sorted(cells)]


def time_records(times: Times) -> list[Record]:
    """The times as records, sorted by (part, backend)."""
    return [
        {"kind": "time", "part": part, "backend": backend, "seconds": seconds(ns)}
        for (part, backend), ns in sorted(times.items())
    ]


def fold(records: Iterable[Mapping[str, Any]]) -> tuple[Cells, Times, Generated]:
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


def worse(one: tuple[float, str] | None, other: tuple[float, str] | None) -> tuple[float, str] | None:
    """The case (ratio, function) with the larger ratio; ties go to the smaller function text."""
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda case: (-case[0], case[1]))


def _generated(generated: Generated, backend: str) -> Record:
    return generated.setdefault(backend, {"examples": 0, **{tally: {} for tally in GENERATED}})


def _cell(cells: Cells, record: Mapping[str, Any]) -> Record:
    key = (record["identity"], record["backend"], record["dtype"], record["mode"], record["order"])
    cell = cells.get(key)
    if cell is None:
        cell = cells[key] = {
            **{tally: {} for tally in _TALLIES},
            "worst": None,
            "worst_holding": None,
            "ns": 0,
        }
    return cell


def _cell_record(key: Key, cell: Record) -> Record:
    record: Record = {"kind": "cell"}
    record |= dict(zip(("identity", "backend", "dtype", "mode", "order"), key, strict=True))
    for tally in _TALLIES:
        record[tally] = dict(sorted(cell[tally].items()))
    for name in ("worst", "worst_holding"):
        case = cell[name]
        record[name] = case and {"ratio": plain(case[0]), "function": case[1]}
    record["seconds"] = seconds(cell["ns"])
    return record


def _case(worst: Mapping[str, Any] | None) -> tuple[float, str] | None:
    ratio = number(worst["ratio"]) if worst else None
    return None if worst is None or ratio is None else (ratio, worst.get("function", ""))


def _count(tally: dict[str, int], name: str, count: int) -> None:
    tally[name] = tally.get(name, 0) + count
