"""The examples of docs/verify_your_function.md: each says what it says, and a fault that is planted in it is seen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from gradlaws.suite.check import command
from gradlaws.suite.checking.failure import Violation

pytest.importorskip("torch")
EXAMPLES = Path(__file__).parents[1] / "docs/examples"
FAULTS = {
    "custom_vjp": ("(s + z * s * (1 - s))", "(s + z * s)"),
    "equilibrium": ("(slope[:, None] * W).T", "(slope[:, None] * W)"),
    "feed_forward": ("silu(self.gate(h))", "silu(self.gate(h).detach())"),
    "fused_rms_norm": ("(cotangent * normed).sum((0, 1))", "(cotangent * x).sum((0, 1))"),
    "straight_through": (" * ((x >= -1) & (x <= 1))", ""),
}


def module(name: str, old: str = "", new: str = "") -> ModuleType:
    """The example, with one text in place of another."""
    source = (EXAMPLES / f"{name}.py").read_text("utf-8")
    assert old in source
    made = ModuleType(name)
    made.__file__ = str(EXAMPLES / f"{name}.py")
    exec(compile(source.replace(old, new), made.__file__, "exec"), vars(made))
    return made


def asked_in(name: str, old: str = "", new: str = "") -> list[Callable[[], None]]:
    return [thing for key, thing in vars(module(name, old, new)).items() if key.startswith("test_")]


def test_each_example_has_a_fault() -> None:
    assert sorted(FAULTS) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", FAULTS)
def test_an_example_holds(name: str) -> None:
    if "import jax" in (EXAMPLES / f"{name}.py").read_text("utf-8"):
        pytest.importorskip("jax")
    (test,) = asked_in(name)
    test()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_it_is_violated(name: str) -> None:
    if "import jax" in (EXAMPLES / f"{name}.py").read_text("utf-8"):
        pytest.importorskip("jax")
    (test,) = asked_in(name, *FAULTS[name])
    with pytest.raises(Violation):
        test()


def test_an_example_is_asked_from_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", [*sys.path])
    given = ["straight_through.py:quantised_layer", "--args=straight_through.py", "--order=1"]
    assert command.main(given) == 1
    assert command.main([*given, "--reference=straight_through.py:straight_through"]) == 0
