"""Every mode of every backend answers in the same flat form, and what it prints as a reproducer stands alone."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import FLOAT32, FLOAT64, PRECISIONS
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, source
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Backend, Mode, Unsupported
from gradlaws.suite.backends.question import Question
from gradlaws.suite.backends.reproducer import script
from gradlaws.suite.bound import tolerances
from gradlaws.suite.run import Run, in_force
from gradlaws.suite.truth import quantities
from gradlaws.suite.truth.oracle import Truth
from gradlaws.suite.vocabulary import MODULES, Quantity

# f(x, y) = sin(x) y + exp(x y)
F = Program(
    ((), ()),
    (Step("sin", (0,)), Step("mul", (2, 1)), Step("mul", (0, 1)), Step("exp", (4,)), Step("add", (3, 5))),
)
X: Point = (np.array(0.7), np.array(-0.4))
V: Point = (np.array(1.5), np.array(0.25))
SIN, COS, EXP = np.sin(0.7), np.cos(0.7), np.exp(-0.28)
GRADIENT = np.array([-0.4 * COS - 0.4 * EXP, SIN + 0.7 * EXP])
HESSIAN = np.array([[0.4 * SIN + 0.16 * EXP, COS + 0.72 * EXP], [COS + 0.72 * EXP, 0.49 * EXP]])
DIRECTION, COTANGENT = np.array([1.5, 0.25]), 3.0
CLOSED: dict[Quantity, Floats] = {
    "value": np.array([-0.4 * SIN + EXP]),
    "gradient": GRADIENT,
    "jacobian": GRADIENT[None],
    "vjp": COTANGENT * GRADIENT,
    "jvp": np.array([GRADIENT @ DIRECTION]),
    "hessian": HESSIAN,
    "hvp": HESSIAN @ DIRECTION,
    "curvature": np.array([DIRECTION @ HESSIAN @ DIRECTION]),
}


def along(quantity: Quantity) -> tuple[Point, ...]:
    if quantity == "vjp":
        return ((np.array(COTANGENT),),)
    return (V,) if quantity in ("jvp", "hvp", "curvature") else ()


def modes_of(name: str) -> list[Any]:
    """JAX compiles each of its modes anew, so there only two are asked."""
    asked = {("gradient", "grad"), ("jvp", "jvp")}
    chosen = [mode for mode in backends.load(name).modes if name != "jax" or (mode.quantity, mode.name) in asked]
    return [pytest.param(name, mode, id=f"{name}-{mode.quantity}-{mode.name}") for mode in chosen]


def installed() -> list[str]:
    found = []
    for name in MODULES:
        try:
            backends.load(name)
        except ImportError:
            continue
        found.append(name)
    return found


ALL_MODES = [parameter for name in installed() for parameter in modes_of(name)]


@pytest.mark.parametrize(("name", "mode"), ALL_MODES)
def test_every_mode_gives_the_derivative(name: str, mode: Mode) -> None:
    result = backends.load(name).run(mode, F, FLOAT64, X, *along(mode.quantity))
    expected = CLOSED[mode.quantity]
    assert result.error is None
    assert result.numbers is not None
    assert result.numbers.dtype == np.float64
    if result.numbers.size == expected.size:
        np.testing.assert_allclose(
            result.numbers.reshape(expected.shape), expected, rtol=1e-8 if "difference" in mode.name else 1e-14
        )
    assert result.numbers.shape == expected.shape


@pytest.mark.parametrize("name", installed())
def test_answers_in_float32_are_computed_in_float32(name: str) -> None:
    backend = backends.load(name)
    (result,) = [backend.run(mode, F, FLOAT32, X) for mode in backend.modes_of("value")[:1]]
    assert result.numbers is not None
    assert result.numbers[0] == np.float32(result.numbers[0])
    assert result.numbers[0] == pytest.approx(CLOSED["value"][0], rel=1e-6)


@pytest.mark.parametrize("name", installed())
def test_every_quantity_has_a_truth_and_a_tolerance_in_the_shape_of_the_answer(name: str) -> None:
    backend = backends.load(name)
    for quantity in CLOSED:
        truth = quantities.truth(quantity, F, X, *along(quantity))
        allowed, majorant = tolerances.tolerance(backend, FLOAT64, "any", quantity, F, X, *along(quantity))
        assert truth.exact.shape == allowed.shape == CLOSED[quantity].shape
        np.testing.assert_allclose(truth.floats, CLOSED[quantity], rtol=1e-14)
        assert np.all(allowed < 1e-12)
        assert np.isfinite(majorant)


def raising(error: Exception, experimental: bool = False) -> Mode:
    def function(f: Any, x: Any) -> Any:
        raise error

    return Mode("value", "broken", function, experimental=experimental)


TORCH = pytest.param("torch", marks=pytest.mark.skipif("torch" not in installed(), reason="torch is not installed"))


@pytest.mark.parametrize("name", ["numpy", TORCH])
def test_what_a_framework_does_not_offer_is_unsupported_and_what_it_fails_at_is_an_error(name: str) -> None:
    backend = backends.load(name)
    for error, refused in (
        (NotImplementedError("no rule"), True),
        (Unsupported("no spelling"), True),
        (RuntimeError("out of luck"), False),
        (ValueError("wrong"), False),
    ):
        result = backend.run(raising(error), F, FLOAT64, X)
        assert result.numbers is None
        assert result.error is error
        assert result.refused is refused


def test_words_of_torch_that_say_unsupported_are_known() -> None:
    torch = pytest.importorskip("gradlaws.suite.backends.torch_backend").BACKEND
    error = RuntimeError(
        "Trying to use forward AD with x that does not support it because it has not been implemented yet"
    )
    assert torch.run(raising(error), F, FLOAT64, X).refused


def test_an_experimental_mode_that_fails_is_unsupported() -> None:
    assert backends.load("numpy").run(raising(RuntimeError(), experimental=True), F, FLOAT64, X).refused


def test_an_answer_of_the_wrong_form_is_an_error_and_not_a_crash() -> None:
    mode = Mode("gradient", "half", lambda f, x: 3)
    result = backends.load("numpy").run(mode, F, FLOAT64, X)
    assert result.numbers is None
    assert result.error is not None
    assert not result.refused


def test_complex_step_refuses_what_is_not_holomorphic() -> None:
    numpy = backends.load("numpy")
    (mode,) = [m for m in numpy.modes_of("gradient") if m.name == "complex step"]
    result = numpy.run(mode, Program(((), ()), (Step("maximum", (0, 1)),)), FLOAT64, X)
    assert isinstance(result.error, Unsupported)


def test_an_unknown_backend_is_refused_by_name() -> None:
    with pytest.raises(backends.UnknownBackend, match=r"'theano'.*numpy, torch, jax"):
        backends.load("theano")


@pytest.mark.parametrize("precision", PRECISIONS.values(), ids=lambda p: p.name)
@pytest.mark.parametrize("name", [n for n in installed() if n != "jax"])
def test_numpy_and_torch_keep_subnormals(name: str, precision: Any) -> None:
    if precision.name not in backends.load(name).dtypes:
        pytest.skip(f"{name} does not compute in {precision.name}")
    assert backends.load(name).smallest(precision) == precision.smallest_subnormal


@pytest.mark.skipif("jax" not in installed(), reason="jax is not installed")
def test_xla_flushes_subnormals_and_the_probe_sees_it() -> None:
    assert backends.load("jax").smallest(FLOAT32) == FLOAT32.smallest_normal


@pytest.mark.parametrize("name", installed())
def test_a_number_survives_the_way_into_the_framework_and_back(name: str) -> None:
    backend = backends.load(name)
    x = np.array([[0.1, -(2.0**-1000)], [1e300, 3.0]])
    assert np.array_equal(backend.numbers(backend.array(x, "float64")), x)


@pytest.mark.parametrize("name", installed())
def test_the_names_of_modes_are_unique_within_a_quantity(name: str) -> None:
    keys = [(mode.quantity, mode.name) for mode in backends.load(name).modes]
    assert len(keys) == len(set(keys))


def reproducer(backend: Backend, quantity: Quantity, true: float | None = None) -> str:
    """Of the plainest mode of the quantity, where the last component is the worst."""
    mode = backend.modes_of(quantity)[0]
    truth = quantities.truth(quantity, F, X, *along(quantity))
    allowed, _ = tolerances.tolerance(backend, FLOAT64, mode.name, quantity, F, X, *along(quantity))
    exact = truth.exact.copy()
    component = tuple(n - 1 for n in exact.shape)
    if true is not None:
        exact[component] = exact[component] + true
    return script(
        Question(backend, FLOAT64, F, X, mode, along(quantity)), component, Truth(exact, truth.error), allowed
    )


def run(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Alone: in a folder of its own, with nothing of this project on the path."""
    (folder / "reproducer.py").write_text(text)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-I", "reproducer.py"],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("name", installed())
def test_a_reproducer_prints_the_function_that_was_run(name: str) -> None:
    backend = backends.load(name)
    text = reproducer(backend, "value")
    assert source(F, "f", backend.expression)[0] in text
    assert backend.modes_of("value")[0].source in text
    assert "import suite" not in text
    assert "import strategies" not in text


@pytest.mark.skipif("torch" not in installed(), reason="torch is not installed")
@pytest.mark.parametrize("quantity", ["hessian"])
def test_a_reproducer_of_a_right_derivative_exits_0(quantity: Quantity, tmp_path: Path) -> None:
    done = run(reproducer(backends.load("torch"), quantity), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "true" in done.stdout


@pytest.mark.skipif("torch" not in installed(), reason="torch is not installed")
def test_a_reproducer_exits_1_while_the_error_exceeds_the_bound(tmp_path: Path) -> None:
    done = run(reproducer(backends.load("torch"), "jvp", true=1e-9), tmp_path)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_reproducer_of_numpy_needs_no_framework(tmp_path: Path) -> None:
    text = reproducer(backends.load("numpy"), "value")
    assert "torch" not in text
    assert "jax" not in text
    done = run(text, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_version_does_not_have_is_no_longer_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy before 2 has no trapezoid: its row stays for the others, and the reason is told."""
    row = PRIMITIVES["trapezoid"]
    monkeypatch.delattr(np, "trapezoid")
    older = replace(backends.load("numpy"), version="1.26.4")
    with in_force(Run()):
        assert backends.absent(older) == {"trapezoid": "numpy 1.26.4 has no numpy.trapezoid"}
        assert PRIMITIVES["trapezoid"].spellings.keys() == row.spellings.keys() - {"numpy"}
    assert PRIMITIVES["trapezoid"] == row


@pytest.mark.parametrize("backend", MODULES)
def test_the_pinned_versions_have_every_primitive(backend: str) -> None:
    assert not backends.absent(backends.load(backend))
