"""Shards of several jobs are one run: merged, they are the report of the run in one piece."""

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

ROOT = Path(__file__).parents[1]
MEASURED = {"seconds", "started", "time"}  # what no two runs have in common


def shard(folder: Path, rows: list[Record], **header: Any) -> Path:
    """A folder with one shard of these records."""
    folder.mkdir(parents=True)
    text = "".join(encode(row) + "\n" for row in [run_record() | header, *rows])
    (folder / "main.jsonl").write_text(text)
    return folder


def cell(**changes: Any) -> Record:
    return {"kind": "cell", "identity": "G1", "backend": "torch", "dtype": "float64", "mode": "func.grad", "order": 1,
            "counts": {"holds": 9}} | changes  # fmt: skip


def blank(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: None if key in MEASURED else blank(one) for key, one in value.items()}
    return [blank(one) for one in value] if isinstance(value, list) else value


def test_merged_shards_give_the_bytes_of_the_whole(tmp_path: Path) -> None:
    rows = [*green(), failure(), comparison("deviation", 9.0, mode="jvp")]
    write_shards(tmp_path / "whole" / "shards", rows)
    for place in range(3):
        write_shards(tmp_path / f"job{place}" / "shards", rows[place::3], f"gw{place}")
    jobs = [str(tmp_path / f"job{place}") for place in range(3)]
    assert main(["merge", *jobs, "--out", str(tmp_path / "merged")]) == 0
    assert main(["build", "--out", str(tmp_path / "whole")]) == 0
    for name in ("index.html", "report.json", "junit.xml"):
        whole, merged = ((tmp_path / run / name).read_bytes() for run in ("whole", "merged"))
        assert whole.replace(b"whole", b"merged") == merged, name
    assert main(["gate", "--out", str(tmp_path / "merged")]) == 1


def test_a_shard_that_is_given_twice_counts_once(tmp_path: Path) -> None:
    one = shard(tmp_path / "one", [cell(), control()])
    assert main(["merge", str(one), str(one), "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["totals"]["comparisons"] == 9


@pytest.mark.parametrize(
    ("header", "clue"),
    [
        ({"seed": "7"}, "seed 0 | 7"),
        ({"profile": "smoke"}, "profile gate | smoke"),
        ({"versions": {"torch": "2.14.0"}}, "versions torch 2.13.0+cpu | 2.14.0"),
        ({"settings": {"max_examples": 7}}, "settings max_examples 100 | 7"),
    ],
)
def test_shards_of_different_runs_are_refused_and_told_apart(
    header: dict[str, Any], clue: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [
        str(shard(tmp_path / "a", [cell(), control()])),
        str(shard(tmp_path / "b", [cell(mode="jvp")], **header)),
    ]
    assert main(["merge", *folders, "--out", str(tmp_path / "out")]) == 2
    assert clue in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert main(["gate", "--no-baseline", *folders, "--out", str(tmp_path / "out")]) == 2
    assert clue in (tmp_path / "out" / "index.html").read_text()


def test_what_machines_may_differ_in_is_no_difference(tmp_path: Path) -> None:
    other = {"platform": "macOS", "cpus": 10, "started": "2027-01-01", "shard": "2/2"}
    folders = [str(shard(tmp_path / "a", [cell(), control()], shard="1/2")), str(shard(tmp_path / "b", [], **other))]
    assert main(["gate", *folders, "--out", str(tmp_path / "out")]) == 0


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    folders = [str(shard(tmp_path / str(k), [cell(), control()] * (k == 1), shard=f"{k}/4")) for k in (1, 3)]
    assert main(["gate", *folders, "--out", str(tmp_path / "out")]) == 2
    reasons = json.loads((tmp_path / "out" / "report.json").read_text())["reasons"]
    assert reasons == ["shards are missing: 2/4, 4/4"]


def test_a_damaged_shard_does_not_keep_the_others_from_being_merged(tmp_path: Path) -> None:
    good, bad = shard(tmp_path / "good", [cell(), control()]), tmp_path / "bad"
    bad.mkdir()
    (bad / "gw0.jsonl").write_text('{"kind": "run"')
    gone = str(tmp_path / "gone")
    assert main(["merge", str(good), str(bad), gone, "--out", str(tmp_path / "out")]) == 2
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["totals"]["comparisons"] == 9
    assert any("2-gw0.jsonl" in problem for problem in report["problems"]) and gone in " ".join(report["problems"])


def test_a_merge_into_itself_or_into_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shard(tmp_path / "run" / "shards", [cell()])
    assert main(["merge", str(folder), "--out", str(tmp_path / "run")]) == 2
    (tmp_path / "file").write_text("")
    assert main(["merge", str(folder), "--out", str(tmp_path / "file")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2 and len(list(folder.iterdir())) == 1


def test_the_shards_of_a_run_are_the_run(tmp_path: Path) -> None:
    """A real one, of NumPy, in two jobs."""
    for name, options in {"whole": [], "1": ["--shard=1/2"], "2": ["--shard=2/2"]}.items():
        subprocess.run(
            [sys.executable, "-m", "pytest", "suite/identities/test_first_order.py", "--profile=smoke",
             "--backends=numpy", "--dtypes=float32", "--no-report", f"--out={tmp_path / name}", *options],
            cwd=ROOT, env=outside(), capture_output=True, timeout=300, check=False,
        )  # fmt: skip
    assert main(["merge", str(tmp_path / "1"), str(tmp_path / "2"), "--out", str(tmp_path / "merged")]) == 0
    assert main(["build", "--out", str(tmp_path / "whole")]) == 0
    whole, merged = (json.loads((tmp_path / run / "report.json").read_text()) for run in ("whole", "merged"))
    assert blank(whole) == blank(merged) and whole["totals"]["comparisons"] > 20
    jobs = [
        json.loads(path.read_text().splitlines()[1]) for path in (tmp_path / "merged" / "shards").glob("?-main.jsonl")
    ]
    assert len(jobs) == 2 and all(job["tests"] for job in jobs)


def outside() -> dict[str, str]:
    inner = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
    return {key: value for key, value in os.environ.items() if key not in inner}


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "-1/2"])
def test_a_part_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    from gradlaws.suite.session.options import part

    with pytest.raises(pytest.UsageError, match="no part K/N"):
        part(text)


def test_a_run_without_shards_has_none_missing() -> None:
    assert summarise(green())["run"]["missing"] == []
