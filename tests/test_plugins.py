"""Plugins: the examples find what is to be found, and one with a mistake is one clear line while the rest runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gradlaws.suite import plugins
from gradlaws.suite.run import Run, in_force

ROOT = Path(__file__).parents[1]
ALONE = (
    "suite/identities/test_plugins.py",
    "suite/identities/test_primitives.py",
    "--profile=gate",
    "--identities=alone",
)

PLUGIN = """
import sys, time
import numpy
from mpmath import mp
from gradlaws.strategies.primitive import interval, unary

def right(x):
    print("x = ", x)
    return numpy.sinh(x)

def raises(x):
    raise RuntimeError("no kernel")

def leaves(x):
    sys.exit(3)

def reshapes(x):
    return numpy.sinh(x)[..., None]

def narrows(x):
    return numpy.sinh(x).astype("float32")

def forgets(x):
    numpy.sinh(x)

def changes(x):
    x += 1
    return numpy.sinh(x - 1)

def hangs(x):
    time.sleep(1000)

PRIMITIVES = [
    unary(name, mp.sinh, interval(-5, 5), numpy=f"{__name__}.{name}")
    for name in ("right", "raises", "leaves", "reshapes", "narrows", "forgets", "changes", "hangs", "missing")
]
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    inner = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=no", "--dtypes=float64", *arguments],
        cwd=ROOT, env={k: v for k, v in os.environ.items() if k not in inner}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip


def report(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "report.json").read_text()))


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "own_operations.py"
    path.write_text(PLUGIN)
    return path


def test_operations_that_cannot_be_tested_are_a_line_each_and_the_rest_runs(
    plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADLAWS_PROBE_SECONDS", "2")
    done = run(
        *ALONE, f"--plugin={plugin}", "--backends=numpy", "-k", "can_be_tested or right", f"--out={tmp_path}/out"
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    found = report(tmp_path / "out")
    failed = {test["nodeid"]: test["message"] for test in found["tests"]["all"] if test["outcome"] == "failed"}
    expected = {
        "raises": "raises by numpy 2.4.6 in float64 raises RuntimeError: no kernel",
        "leaves": "raises SystemExit: 3",
        "reshapes": "returns the shape (2, 3, 1) where (2, 3) is declared",
        "narrows": "returns float32 where its argument is float64",
        "forgets": "returns a NoneType, which is no array",
        "changes": "changes its argument",
        "hangs": "does not come back within 2 s",
        "missing": "numpy 2.4.6 has no own_operations.missing",
    }
    assert len(failed) == len(expected)
    for name, says in expected.items():
        (message,) = [message for nodeid, message in failed.items() if nodeid.endswith(f"-{name}]")]
        assert says in message and says in found["run"]["left_out"][f"numpy {name}"]
    right = [test for test in found["tests"]["all"] if test["nodeid"].endswith("-right]")]
    assert {test["outcome"] for test in right} == {"passed"} and len(right) == 2
    assert found["totals"]["counts"]["holds"] > 0 and "x = " not in done.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import no_such_module", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def", "cannot be imported: SyntaxError"),
        ("import sys; sys.exit(3)", "cannot be imported: SystemExit: 3"),
        ("X = 1", "declares none of PRIMITIVES, BACKEND, CONTRACTS, LEDGER"),
        ("PRIMITIVES = ['sinh']", "PRIMITIVES holds 'sinh', which is no row"),
        ("BACKEND = 'autograd'", "BACKEND is 'autograd', which is no Backend"),
        ("from gradlaws import Backend as B\nB('b', '1', abs, abs, '', ()).mode('hesian', 'h')(abs)",
         "cannot be imported: ValueError: mode 'h': unknown quantity 'hesian'; known are value, gradient"),
    ],
)  # fmt: skip
def test_a_plugin_that_cannot_be_loaded_says_why_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "plugin_with_a_mistake.py"
    path.write_text(text)
    with in_force(Run()) as run, pytest.raises(plugins.PluginError) as error:
        plugins.load(run, str(path))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_run_with_a_plugin_that_cannot_be_loaded_is_refused(tmp_path: Path) -> None:
    done = run(*ALONE, "--plugin=no_such_plugin", "--backends=numpy", f"--out={tmp_path}/out")
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert len(lines) == 1 and "--plugin no_such_plugin: cannot be imported" in lines[0]


PARTIAL = """
import numpy
from gradlaws.suite.backends.backend import Backend

BACKEND = Backend("partial", "1", lambda values, dtype: numpy.asarray(values, dtype),
                  lambda a: numpy.asarray(a, "float64"), "numpy.array({values})", (NotImplementedError,))
SPELLINGS = {"add": "{x} + {y}", "mul": "{x} * {y}", "sin": "numpy.sin({x})"}

@BACKEND.mode("value", "eager")
def value(f, x):
    return f(*x)
"""


def test_a_backend_that_lacks_modes_is_asked_what_it_has_and_the_report_says_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "partial_backend.py"
    path.write_text(PARTIAL)
    tests = (
        "suite/identities/test_first_order.py",
        "suite/identities/test_second_order.py",
        "suite/identities/test_primitives.py",
    )
    own = (f"--plugin={path}", "--backends=partial", "--identities=G1,H2,D4,alone")
    done = run(*tests, "--profile=gate", *own, f"--out={tmp_path}/out")
    found = report(tmp_path / "out")
    assert found["run"]["not_applicable"]["G1 partial"] == "it has no mode for gradient"
    assert found["run"]["not_applicable"]["D4 partial"] == "it has no mode for hvp"
    assert not found["failures"], done.stdout


def test_a_backend_that_is_wrong_has_a_script_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "partial_backend.py"
    path.write_text(PARTIAL.replace("numpy.sin", "numpy.cos"))
    done = run(*ALONE, f"--plugin={path}", "--backends=partial", "-k", "sin]", f"--out={tmp_path}/out")
    assert "_partial.py" in done.stdout
    (failure,) = report(tmp_path / "out")["failures"]
    script = failure["scripts"]["partial"]
    again = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 1 and "numpy.cos(x)" in script, again.stderr


def test_the_right_operation_holds_and_the_faulty_one_is_caught_in_composition(tmp_path: Path) -> None:
    """A derivative wrong by 10⁻⁹, in a counterexample of two steps at most."""
    own = ("suite/identities/test_first_order.py", "--identities=G1", "--profile=smoke", "--backends=torch")
    done = run(*own, "--plugin=suite.examples.log_cosh", f"--out={tmp_path}/right")
    assert done.returncode == 0, done.stdout
    done = run(*own, "--plugin=suite.examples.faulty_log_cosh", f"--out={tmp_path}/faulty")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    (failure,) = report(tmp_path / "faulty")["failures"]
    assert failure["steps"] <= 2 and "log cosh" in failure["function"] and failure["ratio"] > 1e3


@pytest.mark.parametrize(("module", "backend", "example"), [
    ("autograd", "autograd", "hips_autograd"),
    ("mlx.core", "mlx", "apple_mlx"),
])  # fmt: skip
def test_a_framework_of_eighty_lines_is_verified_with_its_findings(
    module: str, backend: str, example: str, tmp_path: Path
) -> None:
    pytest.importorskip(module, reason=f"{module} is not installed: pip install -r requirements.txt")
    assert len((ROOT / "suite/examples" / f"{example}.py").read_text().splitlines()) <= 80
    done = run("suite", "--profile=smoke", f"--plugin=suite.examples.{example}", f"--backends={backend}",
               "--identities=G1,D4", f"--out={tmp_path}")  # fmt: skip
    assert done.returncode == 0, done.stdout
    found = report(tmp_path)
    assert found["totals"]["counts"]["holds"] > 5
    assert {row["status"] for row in found["ledger"] if row["backend"] == backend} == {"confirmed"}


def test_the_survey_takes_plugins(plugin: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.survey", "right", f"--plugin={plugin}", "--backends=numpy",
         "--dtypes=float64", "--jobs=1", f"--out={tmp_path}/survey.jsonl"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"primitive": "right"' in (tmp_path / "survey.jsonl").read_text()
