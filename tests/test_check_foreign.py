"""gradlaws.check on functions that others wrote: modules of torch, functions of jax, losses of optax."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import gradlaws

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

Call = tuple[Any, tuple[Any, ...], dict[str, Any]]


def asked(make: Callable[[Any], Call], dtype: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    function, args, kwargs = make(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return gradlaws.check(function, *args, raises=False, **options, **kwargs)


def normal(dtype: Any, *shape: int) -> Any:
    return torch.randn(*shape).to(dtype)


def attention(dtype: Any) -> Call:
    x = normal(dtype, 2, 6, 16)
    return nn.MultiheadAttention(16, 2, batch_first=True).to(dtype), (x, x, x), {}


def encoder(dtype: Any) -> Call:
    """In training: it has dropout, which functorch draws in another way."""
    return nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).to(dtype), (normal(dtype, 2, 5, 16),), {}


def gru(dtype: Any) -> Call:
    return nn.GRUCell(8, 12).to(dtype), (normal(dtype, 4, 8), normal(dtype, 4, 12)), {}


def lstm(dtype: Any) -> Call:
    state = normal(dtype, 4, 12), normal(dtype, 4, 12)
    return nn.LSTMCell(8, 12).to(dtype), (normal(dtype, 4, 8), state), {}


def group_norm(dtype: Any) -> Call:
    return nn.GroupNorm(2, 8).to(dtype), (normal(dtype, 3, 8, 4, 4),), {}


def bilinear(dtype: Any) -> Call:
    return nn.Bilinear(5, 7, 4).to(dtype), (normal(dtype, 6, 5), normal(dtype, 6, 7)), {}


def grid_sample(dtype: Any) -> Call:
    grid = (torch.rand(2, 4, 4, 2) * 1.6 - 0.8).to(dtype)
    return functional.grid_sample, (normal(dtype, 2, 3, 6, 6), grid), {"align_corners": False}


def cross_entropy(dtype: Any) -> Call:
    return functional.cross_entropy, (normal(dtype, 16, 10), torch.randint(0, 10, (16,))), {"label_smoothing": 0.1}


def frozen(dtype: Any) -> Call:
    """What is fixed is wide too where the truth is."""
    module = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)).to(dtype).eval()
    module[0].requires_grad_(False)
    return module, (normal(dtype, 5, 6),), {}


RIGHT = (attention, encoder, gru, lstm, group_norm, bilinear, grid_sample, cross_entropy, frozen)


@pytest.mark.parametrize("make", RIGHT, ids=lambda make: make.__name__)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_what_torch_ships_holds(make: Callable[[Any], Call], dtype: Any) -> None:
    order = 1 if dtype == torch.float32 and make in (attention, encoder) else 2  # no digit is left of H v there
    report = asked(make, dtype, order=order)
    assert report.verdict == "holds", str(report)


@pytest.mark.parametrize("make", [gru, lstm, bilinear, cross_entropy], ids=lambda make: make.__name__)
def test_no_alarm_in_bfloat16(make: Callable[[Any], Call]) -> None:
    """Sums and products of matrices are added up in float32, and something is left of the value."""
    report = asked(make, torch.bfloat16)
    assert report.verdict in ("holds", "inconclusive"), str(report)
    assert report["result", 0].verdict == "holds" if make is not lstm else report["result[0]", 0].verdict == "holds"


@pytest.mark.parametrize("function", [nn.GLU(), nn.Unfold(3, padding=1)], ids=lambda f: type(f).__name__)
def test_a_kernel_that_rounds_in_between(function: Any) -> None:
    report = asked(lambda dtype: (function, (normal(dtype, 2, 3, 8, 8),), {}), torch.bfloat16)
    assert report.verdict == "holds", str(report)


def test_dropout_under_functorch_is_another_function() -> None:
    report = asked(encoder, torch.float64, order=1)
    assert any("functorch draws other random numbers" in line for line in report.unsupported)


def test_targets_that_a_loss_refuses_are_held_fixed() -> None:
    report = gradlaws.check(functional.soft_margin_loss, torch.randn(8).double(), torch.randn(8).double(), raises=False)
    assert report.verdict == "holds", str(report)
    assert [row.name for row in report.rows if row.order == 1 and not row.quantity] == ["input"]
    assert any("target is held fixed" in note for note in report.notes)


def test_a_sampler_is_not_the_derivative_of_its_draws() -> None:
    """torch differentiates Gamma implicitly, which is right, and no derivative at fixed random numbers."""

    def sampled(concentration: Any) -> Any:
        return torch.distributions.Gamma(concentration, 1.0).rsample((4,))

    report = gradlaws.check(sampled, torch.rand(3).double() + 0.5, raises=False)
    assert report.verdict == "inconclusive"
    assert any("fixed random numbers" in note for note in report.notes)


def test_no_number_is_no_alarm() -> None:
    report = gradlaws.check(nn.LPPool1d(3, 2), torch.randn(1, 2, 8).double(), raises=False)
    assert report.verdict == "inconclusive"
    assert "not a number" in str(report)


def test_ctc_loss_of_what_is_not_normalised() -> None:
    """torch's gradient of ctc_loss is that of its composition with log_softmax, by itself it is not the derivative."""
    scores = torch.randn(9, 2, 5).double()
    rest = torch.randint(1, 5, (2, 3)), torch.full((2,), 9), torch.full((2,), 3)

    def normalised(x: Any) -> Any:
        return functional.ctc_loss(x.log_softmax(-1), *rest)

    assert gradlaws.check(normalised, scores, order=1, raises=False).verdict == "inconclusive"  # it has no trace
    report = gradlaws.check(functional.ctc_loss, scores.log_softmax(-1), *rest, order=1, raises=False)
    assert report.verdict == "violated"


def test_a_leaf_beside_a_far_larger_one_is_looked_at() -> None:
    def maximum(factor: float) -> Any:
        class Maximum(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any, y: Any) -> Any:
                ctx.save_for_backward(x, y)
                return torch.maximum(x, y)

            @staticmethod
            def backward(ctx: Any, w: Any) -> Any:
                x, y = ctx.saved_tensors
                return w * (x > y) * factor, w * (x < y)

        return Maximum.apply

    far = [[3.0, 2.0, -1e70], [1.0, 1.5, 1e70]]
    point = [torch.tensor(x, dtype=torch.float64) for x in far]
    assert gradlaws.check(maximum(1.0), *point, order=1, raises=False).verdict == "holds"
    report = gradlaws.check(maximum(1 + 1e-9), *point, order=1, raises=False)
    assert report.verdict == "violated"
    assert report["x"].verdict == "violated"


def optax_cross_entropy(jax: Any) -> Call:
    optax = pytest.importorskip("optax")
    logits = jax.random.normal(jax.random.key(0), (8, 5))
    return optax.softmax_cross_entropy_with_integer_labels, (logits, jax.numpy.arange(8) % 5), {}


def standardize(jax: Any) -> Call:
    return jax.nn.standardize, (jax.random.normal(jax.random.key(0), (4, 8)),), {}


@pytest.mark.parametrize("make", [optax_cross_entropy, standardize])
def test_what_jax_and_optax_ship_holds(make: Callable[[Any], Call]) -> None:
    jax = pytest.importorskip("jax")
    function, args, kwargs = make(jax)
    report = gradlaws.check(function, *args, raises=False, order=1, **kwargs)
    assert report.verdict == "holds", str(report)


def test_focal_loss_by_its_labels() -> None:
    """A finding: jax's logsumexp leaves out what has weight 0, and with it its derivative by that weight."""
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    logits = jax.random.normal(jax.random.key(0), (6,))
    labels = (jax.numpy.arange(6) % 2).astype(logits.dtype)
    report = gradlaws.check(optax.sigmoid_focal_loss, logits, labels, order=1, raises=False)
    assert report["logits"].verdict != "violated"
    assert report["labels"].verdict == "violated"
