"""``gradlaws.check``: right calls hold at their size and in their precision, wrong ones are violated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import gradlaws

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")

RANDOM = np.random.default_rng(5)
X, W = RANDOM.standard_normal((6, 4, 20)), 1 + 0.1 * RANDOM.standard_normal(20)


def rms_norm(x: Any, weight: Any, eps: float = 1e-6) -> Any:
    """The formula, in torch."""
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


class RMSNorm(torch.autograd.Function):
    """With a backward of its own; ``fault`` says what is wrong with it."""

    fault = ""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, eps: float, fault: str) -> Any:
        r = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, weight, r.detach().clone())
        ctx.eps, ctx.fault = eps, fault
        return x * r * weight

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, weight, r = ctx.saved_tensors
        if ctx.fault != "stale":
            r = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + ctx.eps)
        gh = g * weight
        gx = r * gh if ctx.fault == "mean" else r * gh - x * r.pow(3) * (gh * x).mean(-1, keepdim=True)
        if ctx.fault == "entry":
            gx = gx.clone()
            gx[5, 3, 7] = gx[5, 3, 7] * (1 + 1e-6)
        gw = (g * x * r).reshape(-1, x.shape[-1]).sum(0)
        return gx, gw * (1 + 1e-9) if ctx.fault == "factor" else gw, None, None


def fused(x: Any, weight: Any, eps: float = 1e-6, fault: str = "") -> Any:
    return RMSNorm.apply(x, weight, eps, fault)


def tensors(dtype: Any = torch.float64) -> tuple[Any, Any]:
    return torch.tensor(X, dtype=dtype), torch.tensor(W, dtype=dtype)


def asked(function: Any, *args: Any, **options: Any) -> gradlaws.Report:
    return gradlaws.check(function, *args, raises=False, **options)


REFERENCES = pytest.mark.parametrize("reference", [None, rms_norm])


@REFERENCES
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_right_function_holds(reference: Any, dtype: Any) -> None:
    report = asked(fused, *tensors(dtype), eps=1e-5, reference=reference)
    assert report.verdict == "holds", str(report)
    assert {(row.name, row.order) for row in report.rows} >= {("x", 1), ("weight", 1), ("x", 2), ("weight", 2)}
    assert all(0 < row.ratio <= 1 and row.digits > 4 for row in report.rows)
    assert report["weight"].smallest_fault < 1e-12


@REFERENCES
@pytest.mark.parametrize(
    ("fault", "leaf", "order"),
    [("mean", "x", 1), ("entry", "x", 1), ("factor", "weight", 1), ("stale", "x", 2)],
)
def test_a_wrong_one_is_violated_in_its_leaf(reference: Any, fault: str, leaf: str, order: int) -> None:
    report = asked(fused, *tensors(), fault=fault, reference=_of(reference))
    assert report.verdict == "violated"
    wrong = {row.name for row in report.rows if row.order == order and row.verdict == "violated"}
    assert leaf in wrong and (order == 2 or wrong == {leaf}), str(report)


def _of(reference: Any) -> Any:
    return None if reference is None else lambda x, weight, eps=1e-6, fault="": reference(x, weight, eps)


def test_the_wrong_entry_is_named() -> None:
    report = asked(fused, *tensors(), fault="entry")
    assert any("entry 467 of 480" in problem for problem in report.problems), str(report)  # [5, 3, 7] of (6, 4, 20)


def test_it_raises_what_pytest_shows() -> None:
    with pytest.raises(AssertionError, match="the rule for weight is not the derivative"):
        gradlaws.check(fused, *tensors(), fault="factor")


def test_a_module_has_its_parameters_by_name() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.LayerNorm(4), torch.nn.Dropout(0.5))
    # To first order: torch's own reverse over forward of layer_norm is wrong, and this check says so.
    report = asked(module, torch.randn(7, 5), order=1)
    assert report.verdict == "holds", str(report)
    assert {row.name for row in report.rows if row.order == 1} >= {"input", "0.weight", "0.bias", "2.weight", "2.bias"}


@dataclass
class State:
    mean: Any
    count: int


def test_containers_are_entered_by_name() -> None:
    def function(state: State, parts: dict[str, Any], *, scale: float, target: Any) -> dict[str, Any]:
        h = torch.tanh(state.mean * parts["a"][0]) * scale
        return {"loss": (h[target] ** 2).sum(), "hidden": h, "count": state.count}

    x, a = tensors()[1], torch.tensor(W)
    report = asked(function, State(x, 3), {"a": [a]}, scale=0.5, target=torch.tensor([0, 2, 2]))
    assert report.verdict == "holds", str(report)
    assert {row.name for row in report.rows if row.order == 2} == {"state.mean", "parts['a'][0]"}
    assert {row.name for row in report.rows if row.order == 0} == {"result['loss']", "result['hidden']"}


def jax_log1pexp(wrong: bool) -> Any:
    @jax.custom_vjp
    def function(params: Any, x: Any) -> Any:
        return jax.numpy.log1p(jax.numpy.exp(params["scale"] * x))

    def forward(params: Any, x: Any) -> Any:
        return function(params, x), (params, x)

    def backward(saved: Any, g: Any) -> Any:
        params, x = saved
        s = jax.nn.sigmoid(params["scale"] * x)
        s = s * (1 - 1e-7) if wrong else s
        return {"scale": (g * s * x).sum(0)}, g * s * params["scale"]

    function.defvjp(forward, backward)
    return function


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_custom_rule_of_jax(dtype: str) -> None:
    params, x = {"scale": jax.numpy.asarray(W, dtype)}, jax.numpy.asarray(X[0], dtype)
    report = asked(jax_log1pexp(False), params, x)
    assert report.verdict == "holds", str(report)
    assert "jit(vjp)" in report["params['scale']"].modes
    assert asked(jax_log1pexp(True), params, x).verdict == "violated"


def test_what_a_reference_holds_fixed_is_meant() -> None:
    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.round()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    x = torch.tensor([0.3, 1.2, -2.7], dtype=torch.float64)
    assert asked(lambda x: Rounded.apply(x) ** 2, x).verdict == "violated"
    through = asked(lambda x: Rounded.apply(x) ** 2, x, reference=lambda x: (x + (x.round() - x).detach()) ** 2)
    assert through.verdict == "holds", str(through)


def test_a_refused_second_order_leaves_the_verdict_to_the_first() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            return 3 * ctx.saved_tensors[0] ** 2 * g

    report = asked(Once.apply, torch.tensor([0.5, 2.0], dtype=torch.float64))
    assert report.verdict == "holds" and any("second order" in line for line in report.unsupported), str(report)


def test_the_answer_is_data_and_repeats() -> None:
    first, second = (asked(fused, *tensors(), seed=3).to_dict() for _ in range(2))
    assert {**first, "seconds": 0} == {**second, "seconds": 0} and first["verdict"] == "holds"
    assert "<table>" in asked(fused, *tensors())._repr_html_()


@pytest.mark.parametrize(
    ("function", "args", "said"),
    [
        (lambda x: x, ("text",), "no argument is a tensor of torch or an array of jax (there is str)"),
        (lambda x: x * 2, (torch.tensor([1, 2]),), "no argument is a float tensor (x is int64)"),
        (lambda x: x > 0, (torch.ones(2),), "the function gives torch.bool"),
        (lambda x: None, (torch.ones(2),), "the function gives NoneType"),
        (torch.ones(2), (torch.ones(2),), "is no function: write gradlaws.check(function, x)"),
    ],
)
def test_bad_input_is_one_line(function: Any, args: Any, said: str) -> None:
    with pytest.raises(gradlaws.CannotCheck) as raised:
        gradlaws.check(function, *args)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_reference_of_another_shape_is_refused() -> None:
    with pytest.raises(gradlaws.CannotCheck, match="the reference has other outputs"):
        gradlaws.check(fused, *tensors(), reference=lambda x, weight: rms_norm(x, weight).sum())


def test_the_functions_own_error_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        gradlaws.check(lambda x: x / (1 // 0), torch.ones(2))
