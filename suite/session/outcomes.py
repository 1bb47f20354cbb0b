"""What became of a test, as records."""

from __future__ import annotations

import pytest

from gradlaws.records.shard import Claim, Test
from gradlaws.records.values import TestOutcome
from gradlaws.suite import hypothesis_internals
from gradlaws.suite.document.evidence import Evidence


class Idle(AssertionError):
    """A control was never seen to fail, so that the test shows nothing."""


def outcome_of(report: pytest.TestReport, error: BaseException | None) -> TestOutcome:
    """`failed` only where something is wrong with what is tested; `error` where the test itself could not be made."""
    if isinstance(error, Idle):
        return "idle"
    broken = report.when != "call" or not isinstance(error, AssertionError | pytest.fail.Exception)
    return "error" if report.failed and broken else report.outcome


def record_of(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Test:
    error = call.excinfo.value if call.excinfo else None
    return Test(
        kind="test", nodeid=item.nodeid, outcome=outcome_of(report, error), seconds=call.duration,
        message=str(error).splitlines()[0] if error is not None and str(error) else "",
        drawn=hypothesis_internals.drawn(item),
    )  # fmt: skip


def found_out(evidence: Evidence, call: pytest.CallInfo[None]) -> Claim:
    """The record of what a test found out, which may be that a library is missing."""
    error = call.excinfo.value if call.excinfo else None
    missing = isinstance(error, pytest.skip.Exception | ImportError)
    words = "" if error is None else (str(error).strip() or type(error).__name__).splitlines()[0]
    return evidence.record(call.duration, failure="" if missing else words, missing=words if missing else "")
