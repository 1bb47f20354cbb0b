"""The accuracy history: reports of several versions become rows, and the rows become the ranges of the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import history
from gradlaws.reports.page import history as page


def report(version: str, found: dict[str, str], ratio: float | None = None) -> dict[str, Any]:
    cell = {"identity": "alone", "backend": "jax", "dtype": "float64", "mode": "grad", "order": 1, "comparisons": 3}
    failure = {
        "identity": "alone", "backend": "jax", "dtype": "float64", "mode": "grad", "order": 1, "verdict": "violated",
        "function": "f(x) = x·2³", "got": "0x0.0p+0", "true": "8.0", "ratio": ratio,
        "test": "suite/identities/test_primitives.py::test_a_primitive_alone[jax-float64-ldexp]",
    }  # fmt: skip
    return {
        "run": {
            "systems": [["jax", "float64"]], "versions": {"jax": version, "numpy": "2.1.3"}, "profile": "gate",
            "seed": "8", "started": "2026-11-25T00:00:00+00:00", "left_out": {},
        },
        "cells": [{**cell, "counts": {"holds": 3}, "worst": {"ratio": 0.5}, "worst_holding": {"ratio": 0.5}}],
        "failures": [failure] if ratio is not None else [],
        "ledger": [{"id": name, "backend": "jax", "found": status} for name, status in found.items()],
    }  # fmt: skip


REPORTS = [
    report("0.10.2", {"a": "confirmed", "b": "confirmed", "c": "confirmed"}),
    report("0.4.33", {"a": "confirmed", "b": "fixed", "c": "confirmed"}, ratio=1e14),
    report("0.7.2", {"a": "confirmed", "b": "confirmed", "c": "worse"}),
]


def test_rows_are_versions_in_order() -> None:
    rows = history.rows(REPORTS)
    assert [row["version"] for row in rows] == ["0.4.33", "0.7.2", "0.10.2"]
    assert rows[0]["date"] == "2024-09-16"
    assert [violation["primitive"] for violation in rows[0]["violations"]] == ["ldexp"]
    assert rows[1]["identities"] == {"alone": {"counts": {"holds": 3}, "worst": 0.5, "worst_holding": 0.5}}


def test_reports_of_one_version_are_added_up() -> None:
    (row,) = history.rows([REPORTS[0], REPORTS[0]])
    assert (row["comparisons"], len(row["runs"])) == (6, 2)


def test_a_row_may_speak_of_what_was_confirmed_between_measured_versions() -> None:
    assert dict(history.ranges(history.rows(REPORTS))) == {
        "a": [">=0.4.33,<=0.10.2"],
        "b": [">=0.7.2,<=0.10.2"],
        "c": ["0.4.33", "0.10.2"],
    }


def test_a_version_that_a_row_was_not_asked_of_parts_no_range() -> None:
    between = report("0.8.0", {"a": "confirmed"})
    assert dict(history.ranges(history.rows([*REPORTS, between])))["b"] == [">=0.7.2,<=0.10.2"]


def test_ranges_are_written_and_nothing_else_is_changed() -> None:
    block = '[[deviation]]\nid = "{}"\nversions = ["0.10.2"]\ncause = "versions = 1"\n\n'
    text = "# head\n" + block.format("a") + block.format("other")
    assert history.written(text, {"a": ["0.4.33", ">=0.7.2,<=0.10.2"]}) == text.replace(
        '"0.10.2"', '"0.4.33", ">=0.7.2,<=0.10.2"', 1
    )


def test_a_fix_is_shown_by_the_version_before_it() -> None:
    shown, problems = history.fixes(history.rows(REPORTS))
    assert not [line for line in problems if "ldexp" in line]
    assert next(fix for fix in shown if fix.get("primitive") == "ldexp")["violated_in"] == ["0.4.33"]
    assert any("ldexp: no run before 0.4.34" in line for line in history.fixes(history.rows(REPORTS[:1]))[1])


def test_the_command_keeps_the_versions_that_it_is_not_given(tmp_path: Path) -> None:
    out = tmp_path / "history.json"
    for number, one in enumerate(REPORTS):
        (tmp_path / f"{number}.json").write_text(json.dumps(one))
        history.main([str(tmp_path / f"{number}.json"), "--out", str(out)])
    assert [row["version"] for row in json.loads(out.read_text())["rows"]] == ["0.4.33", "0.7.2", "0.10.2"]


@pytest.mark.parametrize(
    ("text", "says"), [("{", "not JSON"), ("{}", "not the reports of runs"), (None, "cannot be read")]
)
def test_what_is_no_report_is_refused_in_one_line(
    tmp_path: Path, text: str | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    assert history.main([str(tmp_path / "report.json"), "--out", str(tmp_path / "history.json")]) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1
    assert not (tmp_path / "history.json").exists()


def test_the_page_has_a_column_for_each_version_and_a_line_for_each_identity() -> None:
    (group,) = (page.history({"rows": history.rows(REPORTS)}) or {})["groups"]
    assert group["versions"] == ["0.4.33", "0.7.2", "0.10.2"]
    assert [row["what"] for row in group["rows"]] == ["all", "alone", "known deviations"]
    assert group["rows"][0]["cells"][0]["findings"] == ["f(x) = x·2³ by grad: 100000000000000.0 × bound"]
    assert [cell["total"] for cell in group["rows"][2]["cells"]] == [3, 3, 3]


def test_nothing_is_said_of_what_was_not_compared() -> None:
    asked = report("0.8.0", {"a": "confirmed"})
    asked["cells"] = [{**asked["cells"][0], "counts": {}, "worst": None, "worst_holding": None}]
    (group,) = (page.history({"rows": history.rows([asked])}) or {})["groups"]
    assert [(row["what"], row["cells"][0] is None) for row in group["rows"]] == [
        ("all", True),
        ("alone", True),
        ("known deviations", False),
    ]
