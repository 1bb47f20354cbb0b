"""What a function holds fixed (stop_gradient, detach): its limit is asked as it is meant, or as it is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradlaws.suite.arithmetic.multiprecision import Multiprecision
from gradlaws.suite.rule.rule import agreements
from gradlaws.suite.tracing.traced import Traced

ARITHMETIC = Multiprecision(113)
POINT = np.array([0.3, 1.2, -2.6])


def verdicts(traced: Traced, truth: Traced | None = None) -> list[str]:
    return [a.verdict for a in agreements(traced, np.random.default_rng(0), ARITHMETIC, truth)]


def of_torch(function: Any, holds: bool) -> Traced:
    from gradlaws.suite.tracing.of_torch import derivatives

    return derivatives(function, POINT, holds=holds)


def of_jax(function: Any, holds: bool) -> Traced:
    from gradlaws.suite.tracing.of_jax import derivatives

    return derivatives(function, POINT, holds=holds)


def rounded_by_torch(x: Any) -> Any:
    """x², of x rounded: straight through."""
    return (x + (x.round() - x).detach()) ** 2


def rounded_by_torch_without_a_graph(x: Any) -> Any:
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        residual = x.round() - x
    return (x + residual) ** 2


def rounded_by_jax(x: Any) -> Any:
    jax = pytest.importorskip("jax")
    return (x + jax.lax.stop_gradient(jax.numpy.round(x) - x)) ** 2


@pytest.mark.parametrize(
    ("traced", "function"),
    [(of_torch, rounded_by_torch), (of_torch, rounded_by_torch_without_a_graph), (of_jax, rounded_by_jax)],
)
def test_held_values_stay_beside_the_point(traced: Any, function: Any) -> None:
    """As it is written, x² of the rounded is constant in steps; what is meant is 2 round(x), and 2 to second order."""
    pytest.importorskip(traced.__name__.removeprefix("of_"))
    assert verdicts(traced(function, holds=False))[0] == "wrong"
    assert verdicts(traced(function, holds=True)) == ["right"] * 3


def test_a_custom_function_has_the_derivatives_of_its_reference() -> None:
    torch = pytest.importorskip("torch")

    def made(factor: float) -> Any:
        class Rounded(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                residual = x.round() - x
                ctx.save_for_backward(x, residual)
                return (x + residual) ** 2

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                x, residual = ctx.saved_tensors
                return factor * g * (x + residual)

        return lambda x: Rounded.apply(x)

    truth = of_torch(rounded_by_torch, holds=True)
    assert verdicts(of_torch(made(2.0), holds=False), truth) == ["right"] * 3
    assert verdicts(of_torch(made(2.0 + 1e-12), holds=False), truth) == ["wrong"] * 3
