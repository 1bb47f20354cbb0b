"""The report in other forms says the same as the report."""

from __future__ import annotations

from xml.etree import ElementTree

from report_fixtures import comparison, failure, green

from reports.junit import junit
from reports.records import Record
from reports.summary import summarise

HOSTILE = "</script><script>alert(1)</script>\x00\x1b[31m|`'\"&\ud800"


def test_junit_has_a_case_for_each_test_and_one_for_the_verdict() -> None:
    tests: list[Record] = [
        {"kind": "test", "nodeid": f"suite/t.py::{outcome}[a::b]", "outcome": outcome, "message": HOSTILE}
        for outcome in ("crashed", "hung", "error", "failed", "idle", "skipped", "passed")
    ]
    text = junit(summarise([*green(), comparison("violated", 9.0), failure(), *tests]))
    suites = {suite.get("name"): suite for suite in ElementTree.fromstring(text)}
    assert suites["tests"].attrib | {"time": ""} == {
        "name": "tests", "tests": "8", "time": "", "failures": "2", "errors": "3", "skipped": "1",
    }  # fmt: skip
    assert suites["verdict"][0][0].get("message", "").startswith("violated: torch violates G1")


def test_junit_of_a_green_run_has_no_failure() -> None:
    assert "failure " not in junit(summarise(green())) and "error " not in junit(summarise(green()))
