"""Tests that cannot say themselves what became of them."""

from __future__ import annotations

import pytest

from gradlaws.records.shard import Test
from gradlaws.records.values import TestOutcome


class Lost:
    """A pytest plugin that hears of them: of files that cannot be imported, and of workers that crashed."""

    def __init__(self) -> None:
        self.uncollected: list[Test] = []
        self.crashed: list[Test] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported has tests too, and they are missing."""
        if report.failed:
            message = str(report.longrepr).strip().splitlines()[-1]
            self.uncollected.append(_test(report.nodeid, "error", message))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "???":  # type: ignore[comparison-overlap]  # what xdist says for a worker that is gone
            self.crashed.append(_test(report.nodeid, "crashed", str(report.longrepr).splitlines()[0]))


def _test(nodeid: str, outcome: TestOutcome, message: str) -> Test:
    return Test(kind="test", nodeid=nodeid, outcome=outcome, seconds=0.0, message=message)
