"""Custom Functions of torch that are right when they are called once, as most tests do."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import gradlaws
from gradlaws.suite.check import opaque


class Counted(torch.autograd.Function):
    """Its backward writes into what it has saved."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.calls = 0
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        ctx.calls += 1
        return g * ctx.saved_tensors[0].cos() * ctx.calls


class OfTheClass(torch.autograd.Function):
    """What it saves belongs to the class, and the next call takes it away."""

    saved: Any = None

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        OfTheClass.saved = x
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * OfTheClass.saved.cos()


class Batched(torch.autograd.Function):
    """Its vmap gives other values."""

    @staticmethod
    def forward(x: Any) -> Any:
        return torch.sin(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0].cos()

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any) -> Any:
        return torch.sin(x) * (1 + 1e-9), in_dims[0]


class Product(torch.autograd.Function):
    """Its JVP is right where both tangents are there, and doubles one that is alone."""

    @staticmethod
    def forward(a: Any, b: Any) -> Any:
        return a * b

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        a, b = ctx.saved_tensors
        return g * b, g * a

    @staticmethod
    def jvp(ctx: Any, along_a: Any, along_b: Any) -> Any:
        a, b = ctx.saved_tensors
        if along_b is None:
            return 2 * along_a * b
        return a * along_b if along_a is None else along_a * b + a * along_b


def x() -> Any:
    return torch.linspace(0.3, 2.1, 5, dtype=torch.float64)


def failing(report: Any) -> set[str]:
    return {failure.mode for row in report.rows for failure in row.failures}


@pytest.mark.parametrize(
    ("function", "mode"),
    [(Counted, "the same graph again"), (OfTheClass, "after another call"), (Batched, "value by func.vmap")],
)
def test_what_only_a_second_call_shows_is_violated(function: Any, mode: str) -> None:
    report = gradlaws.check(function.apply, x(), order=1, raises=False)
    assert report.verdict == "violated" and mode in failing(report)


@pytest.mark.parametrize("function", [Counted, OfTheClass])
def test_its_script_shows_it(function: Any, capsys: Any) -> None:
    report = gradlaws.check(function.apply, x(), order=1, raises=False)
    head, _, rest = report.script.partition(f"from {__name__} import {function.__name__}\n\nfunction = ")
    exec(head + "function = " + rest, {function.__name__: function})
    by_torch, by_differences = (float(line.rpartition(":")[2]) for line in capsys.readouterr().out.splitlines())
    assert abs(by_torch - by_differences) > 0.1


def test_a_tangent_that_is_absent_is_asked() -> None:
    report = gradlaws.check(Product.apply, x(), 2 * x(), order=1, raises=False)
    assert report.verdict == "violated" and any("func.jvp by each leaf" in text for text in report.problems)


@pytest.mark.parametrize("function", [torch.sin, torch.nn.functional.gelu, torch.atan])
def test_functions_of_torch_hold_when_called_again(function: Any) -> None:
    report = gradlaws.check(function, x(), raises=False)
    assert report.verdict == "holds"
    assert {"the same graph again", "after another call", "value by func.vmap"} <= {
        m for r in report.rows for m in r.modes
    }


def test_a_function_may_ask_for_a_gradient_itself() -> None:
    """As a gradient penalty does, and the loss of a physics-informed network."""

    def penalty(x: Any, w: Any, factor: float = 1.0) -> Any:
        (g,) = torch.autograd.grad(torch.tanh(x * w).sum(), x, create_graph=True)
        return (g.norm() - 1) ** 2 + (factor - 1) * (g.detach() * x).sum()

    report = gradlaws.check(penalty, x(), 2 * x(), raises=False)
    assert report.verdict == "holds" and any("w alone requires" in text for text in report.unsupported)
    assert gradlaws.check(penalty, x(), 2 * x(), factor=1.1, order=1, raises=False).verdict == "violated"


def test_a_leaf_whose_gradient_is_zero_but_for_literals_is_right() -> None:
    """The bias before a batch normalisation: rounded 1/12 stands in its second derivative, and nothing else."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).double()
    inputs = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    assert gradlaws.check(module, inputs, raises=False).verdict == "holds"


def test_differences_that_agree_by_chance_know_no_more_than_rounding_leaves() -> None:
    found = opaque.difference(lambda h: 1.0 + round(h * 2.0**30) * 2.0**-30, 53)
    assert found.spread >= 2.0**-53 / found.step


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (torch.eye(3).to_sparse(), "a tensor of layout sparse_coo"),
        (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "a nested tensor"),
        (torch.ones(3).to(torch.float8_e4m3fn), "a tensor of float8_e4m3fn"),
        (torch.ones(3, device="meta"), "a meta tensor"),
    ],
)
def test_tensors_without_dense_numbers_are_refused_in_a_line(tensor: Any, says: str) -> None:
    with pytest.raises(gradlaws.CannotCheck, match=says):
        gradlaws.check(lambda x: x.sum(), tensor)


def test_a_lazy_module_is_to_be_called_first() -> None:
    with pytest.raises(gradlaws.CannotCheck, match="call it once"):
        gradlaws.check(torch.nn.LazyLinear(3), torch.ones(2, 4))
