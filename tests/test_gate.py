"""The verdict is apart from the run: whatever becomes of pytest, what it recorded is judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from report_fixtures import comparison, control, failure, green, run_record, write_shards

from gradlaws.records.conversions import encode
from gradlaws.records.shard import Record
from gradlaws.reports.__main__ import main
from gradlaws.reports.judging.summary import summarise
from gradlaws.reports.judging.verdict import EXITS
from gradlaws.reports.shards.reading import read_shards
from gradlaws.reports.shards.writing import ShardWriter

ROOT = Path(__file__).parents[1]
CHEAP = ("suite/identities/test_first_order.py", "--backends=numpy", "--dtypes=float64", "--identities=G1", "-q")


def gate(records: list[Record], folder: Path) -> int:
    write_shards(folder / "shards", records)
    return main(["gate", "--out", str(folder)])


@pytest.mark.parametrize(
    ("added", "status"),
    [
        ([], 0),
        ([comparison("deviation", 9.0)], 0),
        ([comparison("violated", 9.0)], 1),
        ([comparison("error", None)], 1),
        ([failure()], 1),
        ([{"kind": "ledger", "id": "row", "status": "fixed"}], 1),
        ([{"kind": "test", "nodeid": "t", "outcome": "failed"}], 1),
        ([{"kind": "test", "nodeid": "t", "outcome": "error"}], 2),
        ([{"kind": "test", "nodeid": "t", "outcome": "crashed"}], 2),
        ([{"kind": "ledger", "id": "row", "status": "error"}], 2),
        ([{"kind": "plan", "tests": ["never.py::test"]}], 2),
        ([{"kind": "test", "nodeid": "t", "outcome": "idle"}], 3),
        ([control(dtype="float32", failed=0)], 3),
        ([comparison("inconclusive", None, mode="jvp")], 3),
        ([comparison("inconclusive", None, mode="jvp"), {"kind": "test", "nodeid": "t", "outcome": "error"}], 2),
        ([comparison("violated", 9.0), {"kind": "test", "nodeid": "t", "outcome": "crashed"}], 1),
    ],
)
def test_the_exit_status_says_what_the_run_comes_to(added: list[Record], status: int, tmp_path: Path) -> None:
    assert gate([*green(), *added], tmp_path) == status
    report = json.loads((tmp_path / "report.json").read_text())
    assert EXITS[report["outcome"]] == status and bool(report["reasons"]) == bool(status)
    assert main(["gate", str(tmp_path / "report.json")]) == status


def test_tests_that_never_ran_are_named(tmp_path: Path) -> None:
    tests = [record["nodeid"] for record in green() if record["kind"] == "test"]
    report = summarise([*green(), {"kind": "plan", "tests": [*tests, "a", "b", "c", "d"]}])
    assert report["reasons"] == ["the run ended early: 4 of 5 tests never ran: a, b, c and 1 more"]


def test_a_missing_folder_is_judged_as_one_that_could_not_run(tmp_path: Path) -> None:
    assert main(["gate", "--out", str(tmp_path)]) == 2
    assert "Nothing was compared" in (tmp_path / "index.html").read_text()


def test_a_cleared_folder_is_not_judged_by_an_earlier_run(tmp_path: Path) -> None:
    assert gate(green(), tmp_path) == 0
    assert main(["clear", "--out", str(tmp_path)]) == 0
    assert main(["gate", "--out", str(tmp_path)]) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"spam": 1}', '{"schema": 99, "outcome": "holds"}', "\x00"])
def test_a_file_that_is_no_report_is_one_line(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.json").write_text(text)
    assert main(["gate", str(tmp_path / "report.json")]) == 2
    assert main(["show", "id", "--report", str(tmp_path / "report.json")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 2 and str(tmp_path) in said.err


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_shards(tmp_path / "shards", green())
    (tmp_path / "file").write_text("")
    assert main(["gate", str(tmp_path / "shards"), "--out", str(tmp_path / "file" / "out")]) == 2
    assert "cannot write the report" in capsys.readouterr().out


@pytest.mark.parametrize(
    "foreign",
    [
        '{"kind": "run", "schema": 1}\n{"kind":"fold","sequence":0,"cells":7,"times":[]}\n',
        '{"kind": "run", "schema": 1}\n'
        + encode({**comparison(), "kind": "cell", "counts": {"holds": "many"}})
        + "\n",
        '{"kind": "run", "schema": 1, "identities": ["G1"]}\n',
        '{"kind": "run", "schema": 1, "systems": "torch"}\n' + encode(comparison()) + "\n",
        "{}\n" * 10_000,
        "name,value\n1,2\n",
    ],
)  # fmt: skip
def test_a_foreign_shard_is_named_and_the_others_are_reported(foreign: str, tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", green())
    (tmp_path / "shards" / "other.jsonl").write_text(foreign)
    assert main(["gate", "--out", str(tmp_path)]) == 2
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["totals"]["comparisons"] == 6 and "other.jsonl" in " ".join(report["problems"])
    assert len(report["problems"]) <= 2


def test_the_page_is_opened_or_said_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["open", str(tmp_path)]) == 2
    gate(green(), tmp_path)
    capsys.readouterr()
    for browser, says in ((True, "file:///"), (False, "no browser here; the report is file:///")):
        monkeypatch.setattr("webbrowser.open", lambda address, found=browser: found)
        assert main(["open", str(tmp_path)]) == 0
        assert capsys.readouterr().out.startswith(says)


@pytest.mark.parametrize("command", ["gate", "build", "merge", "compare", "baseline", "clear", "open", "show"])
def test_every_command_says_its_exit_status(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0 and "exit status: 0" in capsys.readouterr().out


# What becomes of pytest


def pytest_run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inner = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
    outside = {k: v for k, v in os.environ.items() if k not in inner}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT, env={**outside, **environment}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def run_with(plugin: str, folder: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    """The suite with a plugin that spoils it: pytest's exit status, the report that is judged then, what it said."""
    (folder / "spoil.py").write_text(plugin)
    done = pytest_run(*CHEAP, f"--out={folder}", "-p", "spoil", *options, PYTHONPATH=str(folder))
    main(["gate", "--out", str(folder)])
    return done.returncode, json.loads((folder / "report.json").read_text()), done.stdout + done.stderr


IN_THE_FIRST_TEST = """
import time, os, signal
from gradlaws.suite.checking.trial import Trial
example = Trial.example
def spoilt(self, *arguments):
    context = example(self, *arguments)
    context.__enter__()
    {do}
Trial.example = spoilt
"""


def test_a_hang_is_ended_and_the_report_names_test_example_and_place(tmp_path: Path) -> None:
    hang = IN_THE_FIRST_TEST.format(do="sum(range(10 ** 13))  # in C, and never lets go of the interpreter")
    _, report, _ = run_with(hang, tmp_path, "--time-limit=3", "-n1", "--max-worker-restart=0", "--no-report")
    assert report["outcome"] == "could not run"
    (row,) = report["tests"]["crashed"]
    assert row["nodeid"].startswith("suite/identities/test_first_order.py::test_the_gradient")
    assert row["message"] == "no result within 3.0 s"
    assert row["doing"]["function"].startswith("f(") and "spoilt" in row["trace"]
    assert report["reasons"][0].startswith("hung: suite/identities/test_first_order.py::test_the_gradient")


def test_a_killed_worker_is_reported_with_what_it_was_doing(tmp_path: Path) -> None:
    kill = IN_THE_FIRST_TEST.format(do="os.kill(os.getpid(), signal.SIGKILL)")
    status, report, said = run_with(kill, tmp_path, "-n1", "--max-worker-restart=0")
    assert status == 2 and "verdict: could not run (exit status 2)" in said
    assert report["tests"]["crashed"][0]["doing"]["function"].startswith("f(")


def test_a_killed_pytest_is_judged_by_what_it_left(tmp_path: Path) -> None:
    kill = IN_THE_FIRST_TEST.format(do="os.kill(os.getpid(), signal.SIGKILL)")
    status, report, _ = run_with(kill, tmp_path)
    assert status == -9 and report["outcome"] == "could not run"
    assert report["reasons"][0].startswith("crashed: suite/identities/test_first_order.py::test_the_gradient")


def test_a_test_that_cannot_be_made_is_an_error_and_no_violation(tmp_path: Path) -> None:
    status, report, _ = run_with(IN_THE_FIRST_TEST.format(do="raise OSError('disk full')"), tmp_path)
    assert status == 2 and report["outcome"] == "could not run"
    assert "disk full" in report["reasons"][0]


def test_a_run_that_stops_early_could_not_run(tmp_path: Path) -> None:
    stop = "def pytest_runtest_logfinish(nodeid): raise KeyboardInterrupt"
    status, report, _ = run_with(stop, tmp_path, "--identities=G1,H1")
    assert status == 2 and report["tests"]["never_ran"]


@pytest.mark.parametrize("options", [["-p", "no_such_plugin"], ["--plugin=no_such_module"]])
def test_a_run_that_cannot_start_could_not_run(options: list[str], tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", green())
    main(["clear", "--out", str(tmp_path)])
    done = pytest_run(*CHEAP, f"--out={tmp_path}", *options)
    assert done.returncode not in (0, 1)
    assert main(["gate", "--out", str(tmp_path)]) == 2


def test_a_file_that_cannot_be_imported_could_not_run(tmp_path: Path) -> None:
    broken = "import sys; sys.modules['gradlaws.suite.checking.controls'] = None"
    status, report, _ = run_with(broken, tmp_path)
    assert status == 2 and report["outcome"] == "could not run"
    assert any("suite/identities/test_first_order.py" in reason for reason in report["reasons"])


def test_a_worker_that_died_before_its_first_example_names_its_test(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "gw0", {})
    with writer.watch("suite/t.py::t", 60):
        report = summarise(read_shards([tmp_path])[0])
    assert [row["nodeid"] for row in report["tests"]["crashed"]] == ["suite/t.py::t"]


def test_text_that_no_encoding_takes_is_reported(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", [*green(), failure(message="\ud800\x00", function="\udfff", replay="𝛁")])
    assert main(["gate", "--out", str(tmp_path)]) == 1
    assert json.loads((tmp_path / "report.json").read_text())["failures"][0]["message"] == "?\x00"


def test_shards_of_another_schema_are_named(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", green())
    (tmp_path / "shards" / "new.jsonl").write_text(encode({**run_record(), "schema": 99}) + "\n")
    assert main(["gate", "--out", str(tmp_path)]) == 2
    assert "schema 99" in (tmp_path / "index.html").read_text()
