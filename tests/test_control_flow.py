"""Control flow changes no derivative where it is right, and what it changes is seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.program import Program, Step
from gradlaws.suite import backends
from gradlaws.suite.backends.question import Question
from gradlaws.suite.backends.reproducer import script
from gradlaws.suite.truth import quantities

F = Program(((3,), ()), (Step("mul", (0, 1)), Step("sin", (2,)), Step("sum", (3,), (("axis", None),))))
X = (np.array([0.3, 0.7, 1.1]), np.array(1.3))
GRADIENT = np.append(1.3 * np.cos(1.3 * X[0]), np.sum(X[0] * np.cos(1.3 * X[0])))


def cases(backend: str) -> list[str]:
    return [w.__name__ for w in backends.load(backend).wrappers if (backend, w.__name__) != ("torch", "cond")]


@pytest.mark.parametrize(
    ("backend", "name"), [(backend, name) for backend in backends.CONTROL_FLOW for name in cases(backend)]
)
def test_a_gradient_in_control_flow_is_the_gradient(backend: str, name: str) -> None:
    """Where the framework offers it: each wrapper refuses some modes, and none refuses all."""
    framework = backends.load(backend)
    modes = [mode for mode in framework.wrapped("gradient") if mode.wrapper == name.replace("_", " ")]
    if name == "while_loop":
        modes = [mode for mode in framework.wrapped("jacobian") if mode.name == "jacfwd of while loop"]
    answers = [framework.run(mode, F, FLOAT64, X) for mode in modes[:2]]
    answers = (
        answers if any(a.numbers is not None for a in answers) else [framework.run(m, F, FLOAT64, X) for m in modes]
    )
    assert all(a.refused for a in answers if a.numbers is None), [a.error for a in answers]
    given = [a.numbers.ravel() for a in answers if a.numbers is not None]
    assert given
    for numbers in given:
        np.testing.assert_allclose(numbers, GRADIENT, rtol=1e-14)


@pytest.mark.parametrize("backend", backends.CONTROL_FLOW)
def test_wrong_control_flow_changes_the_gradient(backend: str) -> None:
    framework = backends.load(backend)
    plain = framework.modes_of("gradient")[0]
    for wrapper, change in zip(framework.wrong.values(), (2.0**-41, 0.5), strict=True):
        numbers = framework.run(plain.of(wrapper), F, FLOAT64, X).numbers
        assert numbers is not None
        np.testing.assert_allclose(np.abs(numbers / GRADIENT - 1), change, rtol=1e-3)


@pytest.mark.parametrize("backend", backends.CONTROL_FLOW)
def test_a_reproducer_prints_the_wrapper(backend: str, tmp_path: Path) -> None:
    framework = backends.load(backend)
    mode = framework.wrapped("gradient")[0]
    exact = quantities.truth("gradient", F, X)
    text = script(Question(framework, FLOAT64, F, X, mode), (0,), exact, np.full(4, 1e-12))
    (tmp_path / "script.py").write_text(text)
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, text + done.stderr
    assert f"def {framework.wrappers[0].__name__}(f: Any)" in text


@pytest.mark.parametrize("backend", backends.CONTROL_FLOW)
def test_every_mode_of_every_wrapper_has_its_turn(backend: str) -> None:
    framework = backends.load(backend)
    plain = [mode for mode in framework.modes_of("hvp") if not mode.experimental]
    wrapped = framework.wrapped("hvp")
    assert len({mode.name for mode in wrapped}) == len(wrapped) == len(plain) * len(framework.wrappers)
    assert framework.named("hvp", wrapped[-1].name) == wrapped[-1]
