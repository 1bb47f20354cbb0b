"""`python -m suite check`: a right operation holds, a wrong one has a small counterexample, a bad one is one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp, mpf

from gradlaws.suite.operation import check, probe, reference
from gradlaws.suite.operation.reference import Exact, ReferenceFault, exact

ROOT = Path(__file__).parents[1]
OPERATIONS = """
import time
import torch


class Wrong(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return torch.expm1(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent * torch.exp(ctx.saved_tensors[0]) * (1 + 1e-9)


def right(x):
    return torch.expm1(x)


def total(x):
    return x.sum()


def wide(x):
    return torch.expm1(x.double())


def greedy(x):
    answer = torch.expm1(x)
    with torch.no_grad():
        x.add_(1)
    return answer


def talkative(x):
    print("hello")
    return torch.expm1(x)


def broken(x):
    raise RuntimeError("no good\\nat all")


def endless(x):
    while True:
        time.sleep(1)


def deadly(x):
    import os
    os._exit(7)


def mixing(x):
    return torch.expm1(x) + (x.flip(-1) if x.ndim else x)


def reference(x):
    return torch.exp(x) - 1


number = 3
"""


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("operations") / "my_operations.py"
    path.write_text(OPERATIONS)
    return path


def run(operations: Path, name: str, *options: str, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "suite", "check", f"{operations}:{name}", "--domain=-5,5", f"--out={out}"]
    return subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_a_derivative_wrong_by_1e_9_has_a_counterexample_of_at_most_two_steps(operations: Path, tmp_path: Path) -> None:
    done = run(operations, "Wrong.apply", f"--reference={operations}:reference", "--dtypes=float64",
               "--identities=alone", out=tmp_path)  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    head, function, *_ = done.stdout.splitlines()
    assert head.startswith("alone violated by torch · ")
    assert function.endswith(("1 step", "2 steps"))
    assert "f(x) = Wrong(x)" in function
    assert "python -m gradlaws replay alone-" in done.stdout
    assert (tmp_path / "checked_Wrong.py").exists()


def test_a_right_operation_holds_and_is_kept_as_a_plugin(operations: Path, tmp_path: Path) -> None:
    done = run(operations, "talkative", "--definition=mpmath:expm1", "--dtypes=float64", "--identities=alone,G1",
               "--quiet", out=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "note: talkative: it prints: 'hello'"
    assert done.stdout.splitlines()[-1].startswith("holds: talkative; as a plugin: ")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("broken", "RuntimeError for arrays of torch: no good"),
        ("nothing", "has no attribute 'nothing'"),
        ("number", "is no function, but int"),
    ],
)
def test_what_cannot_be_asked_is_one_line(operations: Path, name: str, says: str, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    assert probe.main([str(answer), f"{operations}:{name}", "[[-5, 5]]", "torch"]) == 0
    error = json.loads(answer.read_text())["error"]
    assert says in error
    assert "\n" not in error


@pytest.mark.parametrize(
    ("name", "says"),
    [("endless", "gives no answer within 20 s (--time-limit)"), ("deadly", "ends its process with status 7: it says")],
)
def test_what_hangs_or_dies_is_one_line(operations: Path, name: str, says: str, tmp_path: Path) -> None:
    limit = "20" if name == "endless" else "120"
    done = run(operations, name, "--definition=mpmath:expm1", f"--time-limit={limit}", "--backend=torch", out=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("could not run: ")
    assert says in line


def test_what_mixes_entries_is_seen(operations: Path) -> None:
    assert probe.probed(f"{operations}:mixing", [(-5, 5)], ["torch"], whole=False)["mixes"]
    assert not probe.probed(f"{operations}:right", [(-5, 5)], ["torch"], whole=False)["mixes"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("total", "gives shape () for shape (3,): not elementwise"),
        ("wide", "gives torch.float64 for float32"),
        ("greedy", "changes its input (float64 of shape ())"),
    ],
)
def test_what_it_does_wrong_is_a_fault(operations: Path, name: str, says: str) -> None:
    answer = probe.probed(f"{operations}:{name}", [(-5, 5)], ["torch"], whole=False)
    assert any(says in fault for fault in answer["faults"]), answer
    assert "float64" in answer["dtypes"] or name != "wide"


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        ("mpmath:nope", "has no attribute 'nope'"),
        ("nowhere:f", "nowhere cannot be imported: ModuleNotFoundError"),
        ("expm1", "is no module:function"),
        ("mpmath:atan2", "cannot be evaluated inside the domain: TypeError"),
        ("mpmath:loggamma", "in place of a real mpmath number"),
        ("math:sinc", "has no attribute 'sinc'"),
    ],
)
def test_a_definition_that_is_none_is_one_line(
    definition: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = ["m:f", f"--definition={definition}", "--domain=-5,-1", f"--out={tmp_path}"]
    assert check.main(given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_a_definition_of_whole_arrays_is_told_what_it_may_call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "wholes.py"
    file.write_text("def definition(xp, x): return x / xp.sum(x)")
    given = ["m:f", f"--definition={file}:definition", "--domain=-5,-1", "--whole", f"--out={tmp_path}"]
    assert check.main(given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "xp has no sum; it has exp, log, log1p, sqrt, total" in line


def test_a_reference_in_numpy_scipy_or_torch_is_evaluated_in_mpmath() -> None:
    import scipy.special
    import torch

    def of_numpy(x: object) -> object:
        return np.where(np.greater(x, 0), np.log1p(x) * 2 - x / 3 + 1, -x)  # type: ignore[call-overload]

    with mp.workdps(50):
        assert exact(of_numpy)(mpf(2)) == mp.log1p(2) * 2 - mpf(2) / 3 + 1
        assert exact(of_numpy)(mpf(-2)) == 2
        assert exact(lambda x: scipy.special.expit(x) ** 2)(mpf(1)) == (1 / (1 + mp.exp(-1))) ** 2
        assert exact(lambda x: torch.exp(x) - torch.sigmoid(x))(mpf(1)) == mp.e - 1 / (1 + mp.exp(-1))
        assert exact(lambda x, y: 2.0**x + abs(-y))(mpf(1), mpf(3)) == 5


def test_a_reference_that_mpmath_cannot_evaluate_says_what_it_lacks() -> None:
    with pytest.raises(ReferenceFault, match="spence cannot be evaluated in mpmath; give the mathematics"):
        import scipy.special

        exact(scipy.special.spence)(mpf(2))
    with pytest.raises(ReferenceFault, match="not computed from it"):
        exact(lambda x: 3.0)(mpf(2))


def test_every_function_of_a_reference_is_a_function() -> None:
    half = Exact(mpf("0.5"))
    for name, function in reference.FUNCTIONS.items():
        for count in (1, 2, 3):
            try:
                reference.called(name, [half] * count)
                break
            except TypeError:
                continue
        else:
            pytest.fail(f"{name}: {function}")
