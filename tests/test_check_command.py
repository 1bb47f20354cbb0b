"""`gradlaws check`: the question of gradlaws.check from a shell; what is wrong with the user's own is one line."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import gradlaws
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.suite.check import as_primitive, command, custom_function, drawn
from gradlaws.suite.examples import log_cosh
from gradlaws.suite.known import ledger

torch = pytest.importorskip("torch")
ROOT = Path(__file__).parents[1]
MINE = """
import torch


class Square(torch.autograd.Function):
    generate_vmap_rule = True
    factor = 1.0

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @classmethod
    def backward(cls, ctx, cotangent):
        return 2 * cotangent * ctx.saved_tensors[0] * cls.factor


class Wrong(Square):
    factor = 1 + 1e-9

    @staticmethod
    def backward(ctx, cotangent):
        return 2 * cotangent * ctx.saved_tensors[0] * Wrong.factor


def scaled(x, weight, *, power=1):
    return torch.tanh(x) ** power * weight


def also_scaled(x, weight, *, power=1):
    return weight * torch.sinh(x) ** power / torch.cosh(x) ** power


def total(x):
    return x.sum()


def mixing(x):
    return torch.expm1(x) + x.flip(-1)


def broken(x):
    y = x + 1
    raise ValueError("no good\\nat all")


def mismatched(x):
    return x @ torch.ones(3, 3, dtype=x.dtype)


def leaving(x):
    raise SystemExit("enough")


def nothing(x):
    return None


number = 3
"""
CALL = """
import torch

args = (torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(3, 4), torch.full((4,), 0.7, dtype=torch.float64))
kwargs = {"power": 3}
"""
FILES = {
    "my_square.py": MINE,
    "my_call.py": CALL,
    "as_function.py": CALL + "\n\ndef arguments():\n    return args, {}\n\n",
    "no_args.py": "x = 1\n",
    "not_a_tuple.py": "import torch\nargs = torch.ones(3)\n",
    "wrong_pair.py": "def arguments():\n    return 3\n",
    "raising_call.py": "def arguments():\n    return 1 / 0\n",
    "one_too_many.py": "import torch\nargs = (torch.ones(3), torch.ones(3), torch.ones(3))\n",
    "no_import.py": "import torch\nimport not_there_at_all\n",
    "no_package.py": "from .other import f\n",
    "bad_syntax.py": "def f(x:\n",
    "raising.py": "def made():\n    raise KeyError('lost')\n\n\nmade()\n",
    "my_package/__init__.py": "",
    "my_package/inner/__init__.py": "",
    "my_package/inner/other.py": "import torch\n\n\ndef g(x):\n    return torch.sin(x)\n",
    "my_package/inner/mine.py": "from .other import g\n\n\ndef f(x):\n    return g(x) * 2\n",
}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def here(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine)
    monkeypatch.setattr(sys, "path", [*sys.path])


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line."""
    assert command.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if not line.startswith("gradlaws: ")]  # what takes long is said
    assert line.startswith("could not run") and "Traceback" not in line
    return line


# A call


@pytest.mark.parametrize("call", ["my_call.py", "as_function.py"])
@pytest.mark.parametrize("reference", [(), ("--reference=my_square.py:also_scaled",)])
def test_a_right_function_holds_at_its_call(
    call: str, reference: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["my_square.py:scaled", f"--args={call}", *reference]) == 0
    said = capsys.readouterr().out
    assert said.startswith("gradlaws: scaled (torch): holds\n") and "gradient of weight float64[4]" in said


def test_the_answer_is_kept_as_data_and_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, page = tmp_path / "deep" / "answer.json", tmp_path / "answer.html"
    given = ["my_square.py:scaled", "--args=my_call.py", "--order=1", "--seed=4", f"--json={data}", f"--html={page}"]
    assert command.main(given) == 0
    (report,) = json.loads(data.read_text())["reports"]
    assert (report["verdict"], report["order"], report["seed"]) == ("holds", 1, 4)
    assert page.read_text().startswith("<!doctype html>") and "<table>" in page.read_text()


@pytest.mark.parametrize("file", ["my_package/inner/mine.py", "my_package.inner.mine"])
def test_a_file_of_a_package_has_its_relative_imports(file: str) -> None:
    assert command.main([f"{file}:f", "--domain=-2,2", "--dtypes=float64", "--shape=20"]) == 0


def test_both_spellings_are_one_command(mine: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    rest = ["check", "my_square.py:Wrong.apply", "--domain=-2,2", "--dtypes=float64", "--shape=20"]
    for module in ("suite", "gradlaws"):
        done = subprocess.run(
            [sys.executable, "-m", module, *rest],
            cwd=mine,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
        assert done.stdout.startswith("gradlaws: Wrong.apply (torch): violated")


# Arguments that are drawn


def test_a_wrong_factor_is_violated_in_both_precisions(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["my_square.py:Wrong.apply", "--domain=-2,2", "--shape=4,5"]) == 1
    said = capsys.readouterr().out
    assert "float64[4, 5]" in said and "float32[4, 5]" in said and said.count("violated\n") == 2
    assert command.main(["my_square.py:Square.apply", "--domain=-2,2", "--shape=4,5"]) == 0


def test_a_root_that_is_not_rounded_once_holds() -> None:
    """torch has it from MKL: float32 numbers are off by up to 0.75 ulps."""
    assert command.main(["torch:sqrt", "--domain=0,4", "--backend=torch", "--shape=400"]) == 0


def test_a_kink_in_the_domain_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["torch:relu", "--domain=-2,2", "--backend=torch", "--shape=30", "--dtypes=float64"]
    assert command.main(given) == 3
    assert "try: --kinks 0" in capsys.readouterr().out
    assert command.main([*given, "--kinks=0"]) == 0
    assert "try:" not in capsys.readouterr().out


def test_a_digit_lost_in_torch_is_excused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["torch:special.gammaln", "--domain=0.1,9", "--backend=torch", "--shape=40", "--dtypes=float64"]
    assert command.main(given) == 0
    assert "(ledger torch-trigamma" in capsys.readouterr().out


def test_jax_is_found_out_and_asked_in_both_precisions(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jax")
    given = ["gradlaws.suite.examples.log_cosh:log_cosh_jax", "--domain=-30,30", "--shape=40", "--backend=jax"]
    assert command.main(given) == 0
    said = capsys.readouterr().out
    assert "(jax): holds" in said and "float64[40]" in said and "float32[40]" in said


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("domain", [(-5.0, 5.0), (0.0, 1.0), (0.1, 9.0), (-sys.float_info.max, sys.float_info.max)])
def test_what_is_drawn_lies_inside_and_has_the_exact_points(dtype: str, domain: tuple[float, float]) -> None:
    x, y = drawn.points([domain, domain], (30, 20), dtype, 1)
    low, high = domain
    for array in (x, y):
        assert array.shape == (30, 20) and np.all((low < array) & (array < high))
        assert [*map(PRECISIONS[dtype].round, array.ravel())] == [*array.ravel()]
        assert len(np.unique(array)) > 400
    pairs = {(float(a).hex(), float(b).hex()) for a, b in zip(x.ravel(), y.ravel(), strict=True)}
    if low < 0:
        assert {((0.0).hex(), (-0.0).hex()), ((-0.0).hex(), (1.0).hex()), ((-1.0).hex(), (0.0).hex())} <= pairs
    near = low + 1e-5 * (high - low)
    assert low < -1e300 or np.any(x < near)


# What is wrong with the user's own


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("my_square.py:broken", "my_square.py:48 in broken: ValueError: no good"),
        ("my_square.py:mismatched", "in mismatched: RuntimeError: "),
        ("my_square.py:leaving", "in leaving: SystemExit: enough"),
        ("my_square.py:nothing", "it gives NoneType for arrays of torch"),
        ("my_square.py:totl", "my_square.py has no 'totl'; did you mean total?"),
        ("my_square.py:number", "my_square.py:number is no function, but int"),
        ("my_square.py", "names no function: write pkg.module:function"),
        ("nowhere.py:f", "there is no file nowhere.py"),
        ("nowhere:f", "there is no module nowhere: run this where it can be imported, or give its file"),
        ("no_import.py:f", "no_import.py:2: ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("no_import:f", "no_import.py:2: ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("no_package.py:f", "no_package.py:1: ImportError: attempted relative import with no known parent package"),
        ("bad_syntax.py:f", "bad_syntax.py:1: SyntaxError: "),
        ("raising.py:f", "raising.py:2 in made: KeyError: 'lost'"),
    ],
)
def test_an_error_of_the_users_is_theirs(function: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert says in refused(capsys, function, "--domain=-1,1", "--dtypes=float64", "--backend=torch")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("no_args.py", "no_args.py defines no args (a tuple), no kwargs (a dict), nor arguments()"),
        ("not_a_tuple.py", "not_a_tuple.py: args is a Tensor; write args = (x,) for one argument"),
        ("wrong_pair.py", "arguments() gives int; it is to give (args, kwargs)"),
        ("raising_call.py", "raising_call.py:2 in arguments: ZeroDivisionError: division by zero"),
        ("one_too_many.py", "the arguments do not fit: scaled: too many positional arguments"),
        ("nowhere.py", "there is no file nowhere.py"),
    ],
)
def test_a_call_that_is_none_is_one_line(call: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert says in refused(capsys, "my_square.py:scaled", f"--args={call}")


def test_a_reference_that_raises_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "my_square.py:total", "--domain=-1,1", "--dtypes=float64", "--reference=my_square.py:broken")
    assert "my_square.py:48 in broken: ValueError: no good" in line


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--domain=5,-5",), "is no LOW,HIGH with LOW < HIGH"),
        (("--domain=-5,5", "--shape=0"), "is no shape"),
        (("--domain=-5,5", "--dtypes=float8"), "arrays are drawn in float64 and float32"),
        ((), "one of the arguments --args --domain is required"),
        (("--args=my_call.py", "--definition=mpmath:expm1"), "--definition is of elementwise functions, and needs"),
        (("--domain=-5,5", "--definition=mpmath:expm1", "--identities=Z9"), "--identities: unknown Z9"),
        (("--domain=-5,5", "--definition=mpmath:expm1", "--ulps=1,2"), "--ulps takes three numbers"),
    ],
)  # fmt: skip
def test_an_option_with_a_mistake_is_refused(
    options: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(["my_square.py:total", *options])
    assert stopped.value.code == 2 and says in capsys.readouterr().err


# Beside a definition, in compositions


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        ("mpmath:nope", "mpmath has no 'nope'"),
        ("mpmath:atan2", "mpmath:atan2 cannot be evaluated inside the domain: TypeError"),
        ("mpmath:loggamma", "in place of a real mpmath number"),
    ],
)
def test_a_definition_that_is_none_is_one_line(definition: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert says in refused(capsys, "my_square.py:total", f"--definition={definition}", "--domain=-5,-1")


@pytest.mark.parametrize(
    ("name", "says"),
    [("total", "it gives () for shape (8,)"), ("mixing", "it mixes entries: --definition is of elementwise")],
)
def test_what_is_not_elementwise_is_not_composed(
    name: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [
        f"my_square.py:{name}",
        "--definition=mpmath:expm1",
        "--domain=-1,1",
        "--dtypes=float64",
        f"--out={tmp_path}",
    ]
    assert command.main([*given, "--shape=20"]) == 2
    assert says in capsys.readouterr().err


def test_a_right_function_with_another_definition_has_a_counterexample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what it is, and not what it is said to be."""
    given = ["my_square.py:Square.apply", "--definition=mpmath:expm1", "--domain=-5,5", "--dtypes=float64"]
    assert command.main([*given, "--identities=alone", "--jobs=1", "--quiet", f"--out={tmp_path}", "--shape=20"]) == 1
    said = capsys.readouterr().out
    assert "(torch): holds" in said and "alone violated by torch · " in said
    assert "f(x) = Square_checked(x)    1 step" in said or "f(x) = Square(x)    1 step" in said
    assert "python -m gradlaws replay alone-" in said


def test_log_cosh_holds_without_a_contract_and_torch_is_excused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = "gradlaws.suite.examples.log_cosh"
    given = [f"{example}:log_cosh_torch", f"--definition={example}:definition", "--domain=-30,30", "--shape=50"]
    status = command.main([*given, "--identities=alone,G1,H2", "--jobs=1", "--quiet", f"--out={tmp_path}"])
    said = capsys.readouterr().out
    assert status == 0, said
    assert "torch-custom-function-nested-forward" in said
    assert said.splitlines()[-1].startswith("holds: log_cosh_torch beside ")
    assert "CONTRACTS = []" in (tmp_path / "checked_log_cosh_torch.py").read_text()


def test_the_row_of_a_custom_function_is_one_of_the_ledgers_and_the_examples(tmp_path: Path) -> None:
    text = custom_function.ledger(log_cosh.log_cosh_torch, "log_cosh", log_cosh.definition, [(-30.0, 30.0)])
    (row,) = tomllib.loads(text)["deviation"]
    (stored,) = tomllib.loads((ROOT / "suite/examples/log_cosh.toml").read_text())["deviation"]
    own = {"witness", "got", "true", "versions"}
    assert {k: v for k, v in row.items() if k not in own} == {k: v for k, v in stored.items() if k not in own}
    assert float.fromhex(row["got"]) == 0 and abs(float(row["true"])) > 0.01
    path = tmp_path / "row.toml"
    path.write_text(text.replace('"log_cosh"', '"sinh"'))
    assert [r.id for r in ledger.read(path)] == ["torch-custom-function-nested-forward"]


def test_without_a_jvp_of_ones_own_there_is_no_row() -> None:
    assert custom_function.ledger(torch.expm1, "expm1", mp.expm1, [(-5.0, 5.0)]) == ""


def test_what_the_formulas_lose_is_allowed_and_no_more() -> None:
    """logaddexp(x, -x) - log 2 loses near 0 what 1 - tanh(x)² loses far from it."""
    terms = as_primitive.losses(log_cosh.log_cosh_torch, "torch", [(-30.0, 30.0)])
    assert terms is not None
    x = np.array([1e-6, 1.0, 20.0, *np.linspace(-3, 3, 40)])
    value, first, second = terms(x, np.log(np.cosh(x)))
    assert [part.shape for part in (value, first, second)] == [(43,), (43, 1), (43, 1, 1)]
    u = 2.0**-53
    with mp.workdps(40):
        off = [
            abs(float(log_cosh.log_cosh_torch(torch.tensor(t, dtype=torch.float64))) - log_cosh.definition(mpf(t)))
            for t in x
        ]
    true = np.log(np.cosh(x))
    assert all(float(e) <= 4 * u * (abs(t) + s) for e, t, s in zip(off, true, value, strict=True))
    assert value[0] > 0.1 and value[2] < true[2] and second[2, 0, 0] > 0.1 and first[0, 0] < 1e-6


def test_what_has_no_trace_is_held_to_the_default() -> None:
    @torch.library.custom_op("gradlaws_tests::opaque", mutates_args=())
    def opaque(x: torch.Tensor) -> torch.Tensor:
        return torch.expm1(x)

    opaque.register_autograd(
        lambda ctx, cotangent: cotangent * torch.exp(*ctx.saved_tensors),
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    )
    assert as_primitive.losses(opaque, "torch", [(-1.0, 1.0)]) is None


def test_a_custom_operation_has_no_forward_mode_and_torch_does_not_say_so() -> None:
    @torch.library.custom_op("gradlaws_tests::square", mutates_args=())
    def square(x: torch.Tensor) -> torch.Tensor:
        return x * x

    def backward(ctx: Any, cotangent: Any) -> Any:
        return 2 * cotangent * ctx.saved_tensors[0]

    square.register_autograd(backward, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs))
    x = torch.linspace(0.5, 2, 6, dtype=torch.float64)
    assert torch.func.jvp(square, (x,), (torch.ones_like(x),))[1].count_nonzero() == 0  # and 2 x is right
    report = gradlaws.check(lambda x: torch.sin(square(x)), x, reference=lambda x: torch.sin(x * x), raises=False)
    assert report.verdict == "holds", str(report)
    assert any("no forward mode for gradlaws_tests::square" in line for line in report.excused)

    square.register_autograd(
        lambda ctx, cotangent: backward(ctx, cotangent) * 1.001,
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    )
    report = gradlaws.check(lambda x: torch.sin(square(x)), x, reference=lambda x: torch.sin(x * x), raises=False)
    assert report.verdict == "violated"
