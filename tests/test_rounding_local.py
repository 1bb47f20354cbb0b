"""LOCAL: no call of right code exceeds its contract, and one that is made to is named with its line."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.sizes import asked
from gradlaws.suite.configuration import configure
from gradlaws.suite.rounding.local import local
from gradlaws.suite.tape.tape import Execution, Tape

configure()


def gradient(framework: str, name: str, dtype: str) -> tuple[Tape, list[Any]]:
    """The tape of a gradient in its own types, and its inputs in float64."""
    function, leaves = asked.flat_function(framework, name, 20, 1)
    tracing = importlib.import_module(f"gradlaws.suite.tracing.of_{framework}")
    traced = tracing.derivatives(function, *leaves, dtype=dtype, second=False)
    ones = [np.ones(shape) for shape in traced.shapes]
    return traced.gradient, [*(np.asarray(x, dtype=np.float64) for x in traced.point), *ones]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("framework", ["jax", "torch"])
@pytest.mark.parametrize("name", ["chain", "gelu_erf", "attention", "xent", "cums"])
def test_no_call_of_right_code_exceeds_its_contract(name: str, framework: str, dtype: str) -> None:
    tape, inputs = gradient(framework, name, dtype)
    found = local(tape, inputs, framework)
    assert len(found) >= 3 and 0.05 <= found[0].excess <= 1


def off(run: Callable[..., Any], relative: float) -> Callable[..., Any]:
    def wrong(arrays: Sequence[Any]) -> list[Any]:
        answers = [np.array(x) for x in run(arrays)]
        answers[0].reshape(-1)[-1] *= 1 + relative
        return answers

    return wrong


@pytest.mark.parametrize("dtype, ulps", [("float64", 2.0**-49), ("float32", 2.0**-20)])
@pytest.mark.parametrize(
    "framework, name, call",
    [
        ("jax", "chain", "tanh"), ("jax", "chain", "add_any"), ("jax", "attention", "div"),
        ("jax", "cums", "cumsum"), ("torch", "chain", "aten.exp"), ("torch", "chain", "tanh_backward"),
        ("torch", "xent", "_log_softmax.default"), ("torch", "cums", "aten.mul.Tensor"),
    ],
)  # fmt: skip
def test_a_call_that_exceeds_its_contract_is_named(
    framework: str, name: str, call: str, dtype: str, ulps: float
) -> None:
    """The last entry of one call is off by some hundred units, which is more than any of these contracts allows."""
    tape, inputs = gradient(framework, name, dtype)
    at = [k for k, x in enumerate(tape.executions) if call in x.origin.name][-1]

    def planted(x: Execution) -> Execution:
        return replace(x, run=off(x.run, 32 * ulps))

    faulty = replace(tape, executions=tuple(planted(x) if k == at else x for k, x in enumerate(tape.executions)))
    worst = local(faulty, inputs, framework)[0]
    assert worst.origin is tape.executions[at].origin and worst.excess > 1
    assert call in str(worst)
