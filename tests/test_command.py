"""The command from the wheel, in an empty folder: every verb, and what stops it is told in one line."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from gradlaws.suite.corpus.cases import DATA, Case, read
from gradlaws.suite.vocabulary import VERSION
from tests.package_fixtures import Environment, installed, wheel, with_version, without

__all__ = ["installed", "wheel"]
SMALL = ("smoke", "-q", "--jobs", "1", "-k", "gradient_holds", "--dtypes", "float64")
EXAMPLES = "gradlaws.suite.examples"
VERBS = ("gate", "smoke", "claims", "pin", "explore", "check", "replay", "reproduce", "corpus", "show", "open",
         "compare", "merge", "build", "judge", "baseline", "clear")  # fmt: skip


@pytest.fixture(scope="module")
def run(installed: Environment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which a small run was made, and what it said."""
    folder = tmp_path_factory.mktemp("empty")
    done = installed.gradlaws(*SMALL, "--backends", "numpy", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_help_names_every_verb(installed: Environment, tmp_path: Path) -> None:
    for asked in ((), ("--help",)):
        done = installed.gradlaws(*asked, cwd=tmp_path)
        assert done.returncode == 0
        assert [verb for verb in VERBS if f"\n  {verb} " not in done.stdout] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_help_under_its_own_name(verb: str, installed: Environment, tmp_path: Path) -> None:
    done = installed.gradlaws(verb, "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: gradlaws {verb} ")
    assert "python -m suite" not in done.stdout and "python -m reports" not in done.stdout


def test_it_is_a_module_too(installed: Environment, tmp_path: Path) -> None:
    for done in (
        installed.gradlaws("--version", cwd=tmp_path),
        installed.run("-m", "gradlaws", "--version", cwd=tmp_path),
    ):
        assert (done.returncode, done.stdout) == (0, f"gradlaws {VERSION}\n")


def test_who_has_seen_enough_of_it_is_told_no_more(installed: Environment, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([installed.command, "--help"], stdout=write, stderr=subprocess.PIPE, cwd=tmp_path, timeout=60)
    os.close(write)
    assert done.stderr == b""


# What judges


def test_a_run_says_what_it_judges_and_leaves_a_report(run: tuple[Path, str]) -> None:
    folder, said = run
    assert said.splitlines()[0].startswith("judging numpy ")
    assert "report: gradlaws-report/index.html" in said and "verdict: holds (exit status 0)" in said
    assert (folder / "gradlaws-report" / "index.html").exists()
    assert [path.name for path in folder.iterdir()] == ["gradlaws-report"]


def test_without_frameworks_numpy_is_judged_and_the_rest_named(installed: Environment, tmp_path: Path) -> None:
    blocked = without(tmp_path / "blocked", "torch", "jax")
    (tmp_path / "empty").mkdir()
    done = installed.gradlaws(*SMALL, cwd=tmp_path / "empty", PYTHONPATH=blocked)
    assert done.returncode == 0, done.stdout + done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("judging numpy ") and first.endswith("; not installed: torch, jax")
    report = json.loads((tmp_path / "empty" / "gradlaws-report" / "report.json").read_text("utf-8"))
    assert {"torch", "jax"} <= set(report["run"]["left_out"])


def test_the_report_is_found_by_the_other_verbs(run: tuple[Path, str], installed: Environment) -> None:
    folder, _ = run
    report = "gradlaws-report/report.json"
    judged = installed.gradlaws("judge", report, "--no-baseline", cwd=folder)
    assert (judged.returncode, judged.stdout.splitlines()[-1]) == (0, "verdict: holds (exit status 0)")
    compared = installed.gradlaws("compare", report, report, cwd=folder)
    assert compared.returncode == 0 and "0 regressions" in compared.stdout
    shown = installed.gradlaws("show", "G1-0000", cwd=folder)
    assert (shown.returncode, shown.stderr) == (2, f"no failure 'G1-0000' in {report}; known: none\n")


def test_a_function_is_checked_and_its_failure_shown(installed: Environment, tmp_path: Path) -> None:
    done = installed.gradlaws(
        "check", f"{EXAMPLES}.faulty_log_cosh:faulty", "--definition", f"{EXAMPLES}.log_cosh:definition",
        "--domain=-30,30", "--identities", "alone", "--dtypes", "float64", "--shape", "20",
        "--jobs", "1", "--quiet", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    report = tmp_path / "gradlaws-report" / "check" / "report.json"
    failure = json.loads(report.read_text("utf-8"))["failures"][0]
    shown = installed.gradlaws("show", failure["id"], "--report", report, cwd=tmp_path)
    assert shown.returncode == 0 and failure["function"] in shown.stdout
    assert failure["replay"].startswith(f"python -m gradlaws replay {failure['id']} -- --plugin ")


def test_a_stored_case_is_asked_again(installed: Environment, tmp_path: Path) -> None:
    case = next(case for case in read(DATA) if isinstance(case, Case))
    done = installed.gradlaws("replay", case.id, "--", "--backends", "numpy", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"HOLDS {case.id} numpy")


# What stops it


def refused(done: subprocess.CompletedProcess[str], folder: Path) -> str:
    """The one line that says why; nothing is written."""
    assert done.returncode == 2, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert [path.name for path in folder.rglob("*")] == []
    return lines[0]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("verb", "says"),
    [("gaet", "did you mean gate?"), ("compair", "did you mean compare?"), ("xyzzy", "commands are gate, smoke, ")],
)
def test_an_unknown_verb_is_refused_with_the_nearest(verb: str, says: str, installed: Environment, empty: Path) -> None:
    assert f"no command is called '{verb}'; {says}" in refused(installed.gradlaws(verb, cwd=empty), empty)


@pytest.mark.parametrize(
    ("name", "version", "range"),
    [("numpy", "1.25.2", ">=1.26"), ("torch", "2.6.0", ">=2.7"), ("jax", "0.4.30", ">=0.4.32")],
)
@pytest.mark.parametrize("verb", ["gate", "check", "replay"])
def test_an_old_release_is_refused(
    verb: str, name: str, version: str, range: str, installed: Environment, empty: Path, tmp_path: Path
) -> None:
    old = with_version(tmp_path / "old", name, version)
    said = refused(installed.gradlaws(verb, "anything", cwd=empty, PYTHONPATH=old), empty)
    assert said == f"gradlaws {verb}: {name} {version} is installed, and {name}{range} is supported: upgrade it"


def test_an_old_python_is_refused(installed: Environment, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import platform\nplatform.python_version = lambda: '3.10.4'\n")
    said = refused(installed.gradlaws("gate", cwd=empty, PYTHONPATH=str(tmp_path)), empty)
    assert said == "gradlaws gate: python 3.10.4 is installed, and python>=3.11 is supported: upgrade it"


@pytest.mark.parametrize("verb", ["gate", "replay", "judge", "show"])
def test_a_missing_extra_is_refused(verb: str, installed: Environment, empty: Path, tmp_path: Path) -> None:
    blocked = without(tmp_path / "blocked", "jinja2")
    said = refused(installed.gradlaws(verb, "anything", cwd=empty, PYTHONPATH=blocked), empty)
    assert said == f"gradlaws {verb}: reports need jinja2: pip install 'gradlaws[report]'"


def test_what_judges_nothing_is_refused(installed: Environment, empty: Path, tmp_path: Path) -> None:
    blocked = without(tmp_path / "blocked", "torch", "jax")
    said = refused(installed.gradlaws("gate", "--backends", "torch,jax", cwd=empty, PYTHONPATH=blocked), empty)
    assert said == "gradlaws gate: nothing to judge; not installed: torch, jax"


@pytest.mark.parametrize(
    "options",
    [("--backends", "theano"), ("--identities", "Z9"), ("--dtypes", "float8"), ("--plugin", "no_such_module")],
    ids=" ".join,
)
def test_an_option_with_a_mistake_is_refused(options: tuple[str, str], installed: Environment, empty: Path) -> None:
    said = refused(installed.gradlaws("smoke", "--jobs", "1", *options, cwd=empty), empty)
    assert options[0] in said and options[1] in said


@pytest.mark.parametrize(
    "command",
    [
        ("smoke", "--jobs", "1"),
        ("replay", "C1-06e28058"),
        (
            "check",
            f"{EXAMPLES}.log_cosh:log_cosh_torch",
            "--definition",
            f"{EXAMPLES}.log_cosh:definition",
            "--domain=-30,30",
            "--shape=20",
            "--dtypes=float64",
            "--quiet",
        ),
        ("clear",),
    ],
    ids=lambda command: command[0],
)
def test_a_folder_that_cannot_be_written_is_refused(
    command: tuple[str, ...], installed: Environment, empty: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("kept")
    said = refused(installed.gradlaws(*command, "--out", tmp_path / "file", cwd=empty), empty)
    assert str(tmp_path / "file") in said
    assert (tmp_path / "file").read_text() == "kept"
