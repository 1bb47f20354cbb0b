"""Records are what their types say: the schema is made of them, and reading holds files to them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from page_fixtures import everything, hostile
from report_fixtures import comparison, control, failure, green, run_record, write_shards

from gradlaws.records import shard
from gradlaws.records.conversions import encode, taken
from gradlaws.records.parts import Worst
from gradlaws.records.reading import fault, lacking, wrong
from gradlaws.records.report import Report
from gradlaws.records.run import AtLeast, AtMost
from gradlaws.records.schema import schema, text
from gradlaws.reports.__main__ import main
from gradlaws.reports.judging.floors import LEAST, MOST
from gradlaws.reports.judging.gist import gist
from gradlaws.reports.judging.summary import judged, summarise
from gradlaws.reports.shards.reading import read_shards

ROOT = Path(__file__).parents[1]
BEFORE = json.loads((ROOT / "tests/data/report.schema.before.json").read_text("utf-8"))  # by hand, until schema.py
# What each kind needed when that was a list of its own.
NEEDED = {
    "run": ("schema",),
    "journal": ("sequence",),
    "fold": ("sequence", "cells", "times"),
    "example": ("test",),
    "comparison": ("identity", "backend", "dtype", "mode", "order", "verdict"),
    "cell": ("identity", "backend", "dtype", "mode", "order", "counts"),
    "control": ("identity", "backend", "dtype", "control", "tried", "failed"),
    "generated": ("backend", "examples"),
    "witness": ("identity", "backend", "dtype", "mode", "test", "ratio"),
    "failure": ("id", "identity", "backend", "dtype", "mode", "test", "verdict"),
    "unsupported": ("backend", "mode", "primitive"),
    "ledger": ("id", "status"),
    "case": ("id", "test", "identity", "backend", "dtype", "status"),
    "found": ("case",),
    "claim": ("id", "subject", "verdict"),
    "convention": ("case", "backend", "reverse", "forward"),
    "time": ("part", "backend", "seconds"),
    "plan": ("tests",),
    "test": ("nodeid", "outcome"),
}


def parsed(record: object) -> Any:
    return json.loads(encode(record))


# The schema of report.json


def test_the_schema_is_the_definition() -> None:
    written = (ROOT / "reports/report.schema.json").read_text("utf-8")
    assert written == text(schema()) + "\n", "python -m records.schema > reports/report.schema.json"


def test_the_schema_says_what_the_one_by_hand_said() -> None:
    assert plain(schema(), schema()["$defs"]) == plain(BEFORE, BEFORE["$defs"])


def plain(one: Any, parts: dict[str, Any]) -> Any:
    """What a schema accepts, in one form: without references, words for people, and orders that mean nothing."""
    if isinstance(one, list):
        return [plain(item, parts) for item in one]
    if not isinstance(one, dict):
        return {} if one is True else one
    if "$ref" in one:
        return plain(parts[one["$ref"].rpartition("/")[2]], parts)
    found: dict[str, Any] = {}
    for key, value in one.items():
        if key == "properties":
            inside = {name: plain(item, parts) for name, item in value.items()}
            found[key] = {name: item for name, item in inside.items() if item or name in one.get("required", ())}
        elif key == "anyOf":
            flat = [way for item in plain(value, parts) for way in item.get("anyOf", [item])]
            found[key] = sorted(flat, key=lambda item: json.dumps(item, sort_keys=True))
        elif key in ("required", "enum"):
            found[key] = sorted(value, key=str)
        elif key not in ("title", "description", "$schema", "$id", "$defs"):
            found[key] = plain(value, parts)
    return {key: value for key, value in found.items() if value or key not in ("properties", "required")}


@cache
def report() -> Any:
    """A small one with a row of each kind."""
    one = [record for record in everything([["torch", "float64"]]) if record["kind"] != "comparison"]
    rows = [*one, *(comparison(verdict) for verdict in ("holds", "violated", "deviation")), failure()]
    return parsed(judged(summarise([*rows, *crash()], ["a problem"]), gist(summarise([run_record(), *green()]))))


def crash() -> list[dict[str, Any]]:
    case = {"kind": "case", "id": "G1-1", "test": "t", "identity": "G1", "backend": "torch", "dtype": "float64"}
    return [case | {"status": "FIXED"}, {"kind": "example", "test": "suite/t.py::u", "hung": "File", "limit": 3.0}]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths into it, of the items of a list the first only."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


def spoilt(path: tuple[str | int, ...]) -> Iterator[Any]:
    """The report with one thing wrong, or only other, at a place."""
    for change in (None, True, -1, 0.5, "maybe", [], {}, ["a", "b"], "gone", "more"):
        changed = copy.deepcopy(report())
        *before, last = path
        inside = changed
        for key in before:
            inside = inside[key]
        if change == "gone" and isinstance(inside, dict):
            del inside[last]
        elif change == "more" and isinstance(inside[last], dict):
            inside[last]["maybe"] = 7
        else:
            inside[last] = change
        yield changed


@pytest.mark.parametrize("key", report())
def test_both_schemas_and_reading_agree_on_every_report_with_one_thing_changed(key: str) -> None:
    """The schemas are asked of the key in which it is alone, to be quick."""
    by_hand, made = Draft202012Validator(part(BEFORE, key)), Draft202012Validator(part(schema(), key))
    agreed = {True: 0, False: 0}
    for path in places(report()[key], (key,)):
        for changed in spoilt(path):
            accepts = by_hand.is_valid(changed)
            assert made.is_valid(changed) == accepts == (fault(changed, Report) is None), (path, changed.get(key))
            agreed[accepts] += 1
    assert agreed[False]


def part(whole: dict[str, Any], key: str) -> dict[str, Any]:
    """The schema as far as one key of a report goes."""
    kept = {name: item if name == key else {} for name, item in whole["properties"].items()}
    return whole | {"properties": kept}


# The records in a shard


def test_each_kind_needs_what_it_needed() -> None:
    assert {name: f"is a {name} record without {', '.join(keys)}" for name, keys in NEEDED.items()} == {
        name: lacking({"kind": name}) for name in shard.KINDS
    }
    for name in shard.KINDS:
        assert wrong({"kind": name}) == lacking({"kind": name})


@pytest.mark.parametrize("make", [everything, hostile, green], ids=lambda make: make.__name__)
def test_the_records_of_the_tests_are_records(make: Any) -> None:
    assert [wrong(parsed(record)) for record in make()] == [None] * len(make())


CELL = {key: value for key, value in comparison().items() if key in NEEDED["cell"]} | {"kind": "cell", "counts": {}}


@pytest.mark.parametrize(
    ("record", "clause"),
    [
        ([1], "is not a JSON object"),
        ({"kind": "x"}, "has the unknown kind 'x'"),
        ({"kind": ["x"]}, "has the unknown kind \"['x']\""),
        (comparison(order="x"), "is a comparison record whose order is 'x', not an integer"),
        (comparison(order=-1), "is a comparison record whose order is -1, not an integer >= 0"),
        (comparison(order=True), "is a comparison record whose order is True, not an integer"),
        (comparison("maybe"), "is a comparison record whose verdict is 'maybe', not a known word"),
        (comparison(ratio=[]), "is a comparison record whose ratio is [], not a number or a string or null"),
        (comparison(primitives=["a", 3]), "is a comparison record whose primitives[1] is 3, not a string"),
        (comparison(seconds=-1.0), "is a comparison record whose seconds is -1.0, not a number >= 0.0"),
        (comparison(function={"a" * 99: 1}), f"whose function is {{'{'a' * 58}…, not a string"),
        (CELL | {"counts": {"maybe": 1}}, "is a cell record whose counts has a key that is not a known word"),
        (CELL | {"counts": {"holds": "x"}}, "is a cell record whose counts[...] is not an integer"),
        (CELL | {"worst": {"ratio": 1.0}}, "is a cell record whose worst has no function"),
        (
            {"kind": "fold", "sequence": 0, "times": [], "cells": [CELL | {"order": None}]},
            "is a fold record whose cells[0].order is None, not an integer",
        ),
        (run_record() | {"systems": [["torch"]]}, "whose systems[0] is ['torch'], not an array of length >= 2"),
        (failure(inputs=[{"name": "x", "shape": [], "hex": [1.5]}]), "whose inputs[0].hex[0] is 1.5, not a string"),
        (comparison("\ud800"), "is a comparison record whose verdict is '?', not a known word"),
    ],
)
def test_what_is_wrong_with_a_record_is_one_clause(record: object, clause: str) -> None:
    found = wrong(record)
    assert found is not None and found.endswith(clause) and "\n" not in found


def test_more_keys_and_halves_of_surrogate_pairs_are_no_fault() -> None:
    assert wrong(comparison(more=1) | {"\ud800": "\ud800"}) is None


def test_a_value_of_a_wrong_type_damages_its_line_and_no_other(tmp_path: Path) -> None:
    write_shards(tmp_path, green())
    with (tmp_path / "main.jsonl").open("a") as file:
        file.write(encode(control(tried="many")) + "\n")
    records, (problem,) = read_shards([tmp_path])
    assert problem.startswith(f"{tmp_path / 'main.jsonl'}, line ")
    assert problem.endswith(
        " is a control record whose tried is 'many', not an integer: left out, the rest is kept; run the suite again"
    )
    assert summarise(records)["totals"]["comparisons"] == 6


def test_what_another_schema_wrote_is_not_held_against_the_types(tmp_path: Path) -> None:
    rows = [{"kind": "run", "schema": 2, "floors": "none"}, control(tried="many"), comparison(order=1.5)]
    (tmp_path / "main.jsonl").write_text("".join(encode(row) + "\n" for row in rows))
    records, (problem,) = read_shards([tmp_path])
    assert records == [] and "written with record schema 2" in problem


def test_a_header_of_a_wrong_type_leaves_its_shard_out(tmp_path: Path) -> None:
    write_shards(tmp_path, green())
    (tmp_path / "other.jsonl").write_text(encode(run_record() | {"systems": "torch"}) + "\n" + encode(comparison()))
    records, (problem,) = read_shards([tmp_path])
    assert summarise(records)["totals"]["comparisons"] == 6
    assert problem == (
        f"{tmp_path / 'other.jsonl'}: its records make no sense together: left out "
        "(in its run record systems is 'torch', not an array)"
    )


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """An integer stays one where any number may stand, and a key that nobody knows stays there."""
    row = control(more={"a": 1})
    header = run_record() | {"domains": {"exp": 1}}
    (tmp_path / "main.jsonl").write_text(encode(header) + "\n" + encode(row) + "\n")
    records, problems = read_shards([tmp_path])
    assert problems == [] and [encode(record) for record in records] == [encode(header), encode(row)]


def test_numbers_and_constants_that_only_python_writes_are_read(tmp_path: Path) -> None:
    (tmp_path / "main.jsonl").write_text(encode(run_record()) + '\n{"kind":"plan","tests":["\\ud800"],"x":NaN}\n')
    records, problems = read_shards([tmp_path])
    assert problems == [] and records[1]["kind"] == "plan" and records[1]["tests"] == ["?"]


# A report that was written earlier


@pytest.mark.parametrize(
    ("spoil", "clue"),
    [
        ({"totals": None}, "not a whole report; build it again from its shards (its totals is None, not an object)\n"),
        (
            {"outcome": "well"},
            "not a whole report; build it again from its shards (its outcome is 'well', not a known word)\n",
        ),
        ({"failures": [{}]}, "not a whole report; build it again from its shards (its failures[0] has no "),
    ],
)
@pytest.mark.parametrize("command", [["show", "x", "--report"], ["gate"], ["baseline"]])
def test_a_report_that_is_none_is_refused_in_one_line(
    tmp_path: Path, spoil: dict[str, Any], clue: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report() | spoil))
    assert main([*command, str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{path}: {clue}") and said.count("\n") == 1


# What is listed beside a definition


def test_the_names_of_floors_are_those_of_the_records() -> None:
    assert [*LEAST] == [*AtLeast.__annotations__] and [*MOST] == [*AtMost.__annotations__]


def test_what_is_taken_of_a_record_has_its_keys() -> None:
    assert taken(Worst, {"function": "f", "more": 1}) == {"ratio": None, "function": "f"}
