"""Options with a mistake are refused in one clear line; what is not installed is left out, and the report says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHEAP = ("suite/identities/test_first_order.py", "--backends=numpy", "--dtypes=float64", "--identities=G1", "-q")


def pytest_run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inner = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT")
    outside = {k: v for k, v in os.environ.items() if k not in inner}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT, env={**outside, **environment}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that says why."""
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--backends=theano", "--backends: unknown 'theano'; known are numpy, torch, jax"),
        ("--dtypes=float8", "--dtypes: unknown 'float8'; known are float64, float32"),
        ("--modes=nonsense", "--modes: 'nonsense' matches none of"),
        ("--identities=Z9", "--identities: unknown 'Z9'; known are alone, G1"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_are_known(option: str, says: str) -> None:
    assert says in refused(pytest_run(*CHEAP, option, "--collect-only"))


def test_an_unknown_profile_is_refused_with_those_that_are_known() -> None:
    done = pytest_run(*CHEAP, "--profile=huge", "--collect-only")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "invalid choice: 'huge' (choose from" in done.stderr


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "--out: cannot write to" in refused(pytest_run(*CHEAP, f"--out={tmp_path}/file/below"))


def test_a_run_of_numpy_alone_is_green(tmp_path: Path) -> None:
    done = pytest_run(*CHEAP, f"--out={tmp_path}")
    assert done.returncode == 0, done.stdout
    assert "gradlaws: green" in done.stdout
    assert (tmp_path / "index.html").exists()


def test_a_run_in_which_nothing_was_compared_is_red(tmp_path: Path) -> None:
    done = pytest_run(*CHEAP, "--identities=H1", "--deselect=suite/identities/test_first_order.py", f"--out={tmp_path}")
    assert done.returncode != 0


@pytest.fixture
def without_torch(tmp_path: Path) -> str:
    """A folder to put on the path, in which importing torch fails."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "torch.py").write_text("raise ImportError('no torch here')\n")
    return str(folder)


def test_a_backend_that_is_not_installed_is_left_out_and_the_report_says_so(without_torch: str, tmp_path: Path) -> None:
    done = pytest_run(*CHEAP, "--backends=numpy,torch", f"--out={tmp_path}/out", PYTHONPATH=without_torch)
    assert done.returncode == 0, done.stdout
    assert "no torch here" in (tmp_path / "out" / "index.html").read_text()
    assert "no torch here" in json.dumps(json.loads((tmp_path / "out" / "report.json").read_text()))


def test_a_run_without_any_backend_is_refused_with_the_reason(without_torch: str) -> None:
    done = pytest_run(*CHEAP, "--backends=torch", "--collect-only", PYTHONPATH=without_torch)
    assert "no torch here" in refused(done)


SHOW_SETTINGS = """
import json, sys
from gradlaws.suite import profiles
profiles.load(sys.argv[1])
from hypothesis import settings
s = settings.default
fields = ("max_examples", "derandomize", "deadline", "phases", "stateful_step_count", "report_multiple_bugs",
          "suppress_health_check", "print_blob", "backend")
print(json.dumps({**{f: repr(getattr(s, f)) for f in fields}, "database": type(s.database).__name__}))
"""


def loaded(profile: str, **environment: str) -> dict[str, str]:
    outside = {k: v for k, v in os.environ.items() if k not in ("CI", "TF_BUILD", "GITHUB_ACTIONS")}
    done = subprocess.run(
        [sys.executable, "-c", SHOW_SETTINGS, profile],
        cwd=ROOT, env={**outside, **environment}, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def test_the_settings_are_the_same_on_ci_and_elsewhere() -> None:
    assert loaded("gate", CI="1") == loaded("gate")


def test_the_gate_is_random_by_a_seed_and_keeps_no_examples() -> None:
    """A database, or derandomisation, would show other functions to each backend."""
    gate = loaded("gate", CI="1")
    assert (gate["derandomize"], gate["deadline"], gate["database"]) == ("False", "None", "NoneType")
    assert gate["report_multiple_bugs"] == "False"
