"""The report in other forms says the same as the report, whatever text is in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator
from report_fixtures import comparison, control, failure, green, run_record

from gradlaws.records.report import SCHEMA as REPORT_SCHEMA
from gradlaws.records.report import Report
from gradlaws.records.shard import Record
from gradlaws.reports.files.junit import junit
from gradlaws.reports.files.markdown import markdown
from gradlaws.reports.files.sarif import sarif
from gradlaws.reports.judging.gist import gist
from gradlaws.reports.judging.summary import judged, summarise
from gradlaws.reports.judging.verdict import EXITS

SCHEMA = json.loads((Path(__file__).parents[1] / "reports" / "report.schema.json").read_text())
HOSTILE = "</script><script>alert(1)</script>\x00\x1b[31m|`'\"&\ud800](http://x) ```\n# @all"
TESTS: list[Record] = [
    {"kind": "test", "nodeid": f"suite/t.py::{outcome}[a::b]", "outcome": outcome, "message": HOSTILE}
    for outcome in ("crashed", "hung", "error", "failed", "idle", "skipped", "passed")
]
LEDGER: Record = {"kind": "ledger", "id": "row", "backend": "torch", "primitive": "erf", "region": "x > 1",
                  "cause": "it cancels", "status": "confirmed", "excused": 2}  # fmt: skip
CLAIM: Record = {"kind": "claim", "id": "G1", "subject": "torch", "verdict": "holds", "checks": 3, "words": "",
                 "controls": [], "figures": {}, "series": [], "worst": 0.5, "seconds": 1.0}  # fmt: skip


def everything(text: str = HOSTILE) -> Report:
    """A report with a row of each kind, each text of it hostile."""
    header: dict[str, Any] = {**run_record(), "settings": {text: text}, "left_out": {text: text}}
    rows: list[Record] = [
        header, *green(), *TESTS, LEDGER, comparison("violated", float("inf"), function=text, mode=text),
        comparison(identity=text, backend=text, dtype=text), failure(), failure(test=text, **dict.fromkeys(
            ("id", "identity", "backend", "dtype", "mode", "function", "message", "replay"), text)),
        failure(test="e", verdict="error", got=None, true=None, bound=None, ratio=None), control(control=text),
        LEDGER | {"id": text, "cause": text, "region": text},
        {"kind": "unsupported", "backend": "a", "mode": text, "primitive": text, "reason": text},
        {"kind": "plan", "tests": [text]},
    ]  # fmt: skip
    return summarise(rows, [text])


def claimed() -> Report:
    return summarise([run_record() | {"claims": run_record()["identities"]}, *green(), CLAIM])


REPORTS = {"nothing": summarise([]), "green": summarise(green()), "everything": everything(), "claims": claimed(),
           "compared": judged(everything(), gist(everything("x")))}  # fmt: skip


def all_of(value: Any) -> list[str]:
    """Every text in it."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in all_of(one)]
    return [text for one in value for text in all_of(one)] if isinstance(value, list) else [str(value)]


# report.json


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_as_its_schema_says(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    report = json.loads(json.dumps(REPORTS[name]))
    errors = [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(SCHEMA).iter_errors(report)]
    assert errors == []
    assert set(report) == set(SCHEMA["properties"]), "describe it in reports/report.schema.json"


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_the_schema_notices_what_is_missing_or_of_another_kind(key: str) -> None:
    report = json.loads(json.dumps(REPORTS["everything"]))
    valid = Draft202012Validator(SCHEMA)
    assert not valid.is_valid({name: value for name, value in report.items() if name != key})
    assert not valid.is_valid(report | {key: 7.5})


def test_the_schema_knows_the_outcomes_and_its_number() -> None:
    assert SCHEMA["properties"]["outcome"]["enum"] == list(EXITS)
    assert SCHEMA["properties"]["schema"]["const"] == REPORT_SCHEMA


# junit.xml


def test_junit_has_a_case_for_each_test_and_one_for_the_verdict() -> None:
    text = junit(summarise([*green(), comparison("violated", 9.0), failure(), *TESTS]))
    suites = {suite.get("name"): suite for suite in ElementTree.fromstring(text)}
    assert suites["tests"].attrib | {"time": ""} == {
        "name": "tests", "tests": "8", "time": "", "failures": "2", "errors": "3", "skipped": "1",
    }  # fmt: skip
    assert suites["verdict"][0][0].get("message", "").startswith("violated: torch violates G1")


def test_junit_of_a_green_run_has_no_failure() -> None:
    assert "<failure" not in junit(REPORTS["green"]) and "<error" not in junit(REPORTS["green"])


# report.sarif


def scanned(report: Report) -> Record:
    (run,) = json.loads(sarif(report).encode())["runs"]
    return dict(run)


@pytest.mark.parametrize("name", REPORTS)
def test_sarif_keeps_the_rules_of_code_scanning(name: str) -> None:
    """Of SARIF 2.1.0, what its schema and GitHub's demand: unique rules, known ids, relative files, a fingerprint."""
    run = scanned(REPORTS[name])
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for result in run["results"]:
        assert result["ruleId"] in rules and result["message"]["text"] and result["level"] in ("error", "note")
        (location,) = result["locations"]
        where = location["physicalLocation"]
        assert re.fullmatch(r"[A-Za-z0-9._/-]+", where["artifactLocation"]["uri"]) and where["region"]["startLine"] == 1
        assert all(re.fullmatch("[0-9a-f]{64}", value) for value in result["partialFingerprints"].values())
    invocation = run["invocations"][0]
    assert invocation["exitCode"] == EXITS[REPORTS[name]["outcome"]]
    assert len(invocation["toolExecutionNotifications"]) == len(REPORTS[name]["reasons"])


def test_sarif_tells_failures_and_suppresses_deviations() -> None:
    run = scanned(REPORTS["everything"])
    assert [result["level"] for result in run["results"]].count("error") == 3
    notes = [result for result in run["results"] if result["level"] == "note"]
    assert [note["suppressions"][0]["justification"] for note in notes if "row" in note["message"]["text"]] == [
        "it cancels"
    ]


def test_the_same_failure_has_the_same_fingerprint_however_it_shrank() -> None:
    one, other = (scanned(summarise([*green(), failure(function=f)]))["results"][0] for f in ("f(x) = x", "f(x) = y"))
    assert one["partialFingerprints"] == other["partialFingerprints"]


# summary.md


def test_markdown_says_verdict_reasons_and_failures() -> None:
    text = markdown(summarise([*green(), comparison("violated", 9.0), failure()]))
    assert text.startswith("## gradlaws: violated\n") and "torch violates G1" in text
    assert "| G1 | ✗ violated |" in text and "f(x) = tanh(x)" in text


@pytest.mark.parametrize("name", REPORTS)
def test_no_text_is_markup_in_markdown(name: str) -> None:
    text = markdown(REPORTS[name])
    text.encode()
    outside = re.sub(r"^(`{3,})\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in outside and "](" not in outside and "@all" not in outside
    assert {tag for tag in re.findall(r"<[^>]*>", outside)} <= {"<details>", "</details>", "<summary>", "</summary>"}
    for block in outside.split("\n\n"):
        assert len({line.count("|") for line in block.splitlines() if line.startswith("|")}) <= 1


def test_markdown_stays_short_however_much_failed() -> None:
    many = [failure(id=f"G1-{n}", test=str(n), function="f(x) = " + "x" * 9000, message="m" * 9000) for n in range(500)]
    assert len(markdown(summarise([*green(), *many])).encode()) < 200_000
