"""Runs of the suite, each in a process of its own, for the lanes that read the report; and the tests that they ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.forks import Clock
from gradlaws.records.reading import BadInput, read_report
from gradlaws.records.report import Report

RAN = (0, 1, 3, 5)  # exit statuses: green, red, too little seen, no test selected; with others it came to no test
ALONE = "suite/identities/test_primitives.py::test_a_primitive_alone"
KINK_TESTS, LEDGER_TESTS = "suite/identities/test_conventions.py", "suite/identities/test_ledger.py"  # of no identity
IDENTITIES_ONLY = (f"--ignore={KINK_TESTS}", f"--ignore={LEDGER_TESTS}")


def run_tests(*arguments: str) -> int:
    return int(pytest.main(list(arguments)))


def report_of(out: Path, clock: Clock, *arguments: str, **variables: str) -> Report:
    """The report of a run of pytest. Raises RuntimeError where it says nothing, TimeLimit and Crash."""
    done = clock.run(run_tests, *arguments, "-q", "--tb", "no", "--out", str(out), **variables)
    report = out / "report.json"
    if done.status not in RAN or not report.exists():
        raise RuntimeError(done.last_line)
    try:
        return read_report(report)
    except BadInput as error:
        raise RuntimeError(str(error)) from None
