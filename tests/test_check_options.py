"""What a user may say of a call: each is printed, and swallows nothing that it does not name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradlaws

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")


def drawn(*shape: int) -> Any:
    """The same numbers in whatever order tests run."""
    return np.random.default_rng(5).standard_normal(shape)


X = drawn(4, 6)


def asked(function: Any, *args: Any, **options: Any) -> gradlaws.Report:
    return gradlaws.check(function, *args, raises=False, **options)


def x() -> Any:
    return torch.tensor(X)


def rounded(x: Any) -> Any:
    """A straight-through estimator."""
    return x + (torch.round(4 * x) / 4 - x).detach()


class Sine(torch.autograd.Function):
    """With a backward that is off by ``factor``."""

    factor = 1.0

    @staticmethod
    def forward(ctx: Any, x: Any, factor: float) -> Any:
        ctx.save_for_backward(x)
        ctx.factor = factor
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0].cos() * ctx.factor, None


def custom(backward: Any, forward: Any = torch.sin) -> Any:
    """A sine whose gradient for a cotangent is ``backward(x, g)``."""

    class Custom(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return backward(*ctx.saved_tensors, g)

    return Custom.apply


def foreign(factor: float) -> Any:
    """Its forward leaves torch: there is no trace of it."""
    return custom(lambda x, g: g * x.cos() * factor, lambda x: torch.from_numpy(np.sin(x.detach().numpy())))


def loses_its_cotangent(x: Any, g: Any) -> Any:
    """Right in first order; it leaves torch, so that the gradient has no derivative by the cotangent."""
    return torch.from_numpy(g.detach().numpy()) * x.cos()


class Relu(torch.autograd.Function):
    """With a slope of one's own at 0."""

    @staticmethod
    def forward(ctx: Any, x: Any, slope: float, factor: float) -> Any:
        ctx.save_for_backward(x)
        ctx.slope, ctx.factor = slope, factor
        return x.relu()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * torch.where(x > 0, ctx.factor, torch.where(x == 0, ctx.slope, 0.0)), None, None


def test_a_surrogate_is_whose_derivative_it_is_meant_to_have() -> None:
    right = asked(rounded, x(), surrogate=lambda x: x)
    assert right.verdict == "holds" and any("surrogate" in note for note in right.notes)
    assert asked(rounded, x()).verdict == "violated"
    assert asked(rounded, x(), surrogate=lambda x: 1.001 * x).verdict == "violated"


def test_what_is_allowed_is_printed_and_no_more_is() -> None:
    right = asked(Sine.apply, x(), 1 + 1e-7, allow=(1e-6, "by design"))
    assert right.verdict == "holds" and right["x"].rule == "allowed" and "by design" in str(right)
    assert asked(Sine.apply, x(), 1 + 1e-5, allow=(1e-6, "by design")).verdict == "violated"


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_within_a_band_a_kink_has_the_functions_own_convention(slope: float) -> None:
    at_kinks = x()
    at_kinks[0, :3], at_kinks[1, 2] = 0, 1e-9
    own = asked(Relu.apply, at_kinks, slope, 1.0, order=1, kinks=1e-6)
    assert own.verdict == "holds" and any("4 of 24 entries" in note for note in own.notes)
    assert asked(Relu.apply, at_kinks, slope, 1.0, order=1).verdict == "inconclusive"
    assert asked(Relu.apply, at_kinks, slope, 1 + 2.0**-20, order=1, kinks=1e-6).verdict == "violated"


def test_where_every_entry_is_at_a_kink_nothing_holds() -> None:
    assert asked(Relu.apply, torch.zeros(5, dtype=torch.float64), 0.0, 1.0, order=1, kinks=0).verdict == "inconclusive"


def test_a_result_is_seen_through_up_to() -> None:
    def vector(a: Any, sign: float = 1.0) -> Any:
        return sign * torch.linalg.eigh(a @ a.T)[1][:, 0]

    def flipped(a: Any) -> Any:
        return vector(a, -1.0)

    a = torch.tensor(drawn(4, 4))
    assert asked(flipped, a, reference=vector, order=1).verdict == "violated"
    assert asked(flipped, a, reference=vector, order=1, up_to=torch.square).verdict == "holds"


def test_complex_arrays_are_pairs_of_real_ones() -> None:
    z = drawn(3, 4) + 1j * drawn(2, 3, 4)[1]
    found = asked(lambda z: (z * z.conj()).real.sum() + z.abs().log().sum(), torch.tensor(z))
    assert found.verdict == "holds" and found["z"].shape == (3, 4, 2)
    assert asked(lambda z: jax.numpy.abs(z) ** 2 * z, jax.numpy.asarray(z)).verdict == "holds"


def energy(x: Any, w: Any) -> Any:
    return np.sum(np.tanh(x @ w) ** 2) / 3


def its_gradient(x: Any, w: Any) -> Any:
    t = np.tanh(x @ w)
    d = 2 * t * (1 - t * t) / 3
    return d @ w.T, x.T @ d


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_gradient_of_numpys(dtype: Any) -> None:
    given = X.astype(dtype), drawn(6, 3).astype(dtype)
    assert asked(energy, *given, gradient=its_gradient).verdict == "holds"

    def off(x: Any, w: Any) -> Any:
        by_x, by_w = its_gradient(x, w)
        return by_x, by_w * (1 + 1e-9)

    wrong = asked(energy, *given, gradient=off)
    assert wrong.verdict == "violated" and wrong["w"].rule == "wrong" and wrong["x"].rule == "right"


def test_of_what_leaves_the_framework_nothing_is_called_right() -> None:
    right = asked(foreign(1.0), x())
    assert right.verdict == "inconclusive" and "reference=" in str(right)
    wrong = asked(foreign(1.01), x())
    assert wrong.verdict == "violated" and "differences of the function itself" in str(wrong)
    assert asked(foreign(1.0), x(), reference=torch.sin).verdict == "holds"


@pytest.mark.parametrize("reference", [None, torch.sin])
def test_a_backward_that_loses_its_cotangent_is_violated(reference: Any) -> None:
    assert asked(custom(loses_its_cotangent), x(), reference=reference).verdict == "violated"


def test_what_the_ledger_knows_of_the_framework_is_excused_by_name() -> None:
    found = asked(lambda x: torch.nn.functional.layer_norm(x, (6,)), x())
    assert found.verdict == "holds"
    assert any("ledger torch-layer-norm-jvp-differentiated" in text for text in found.excused)
    assert found["x", 2].excused == ["vjp of jvp"] and "vjp of jvp" not in found["x", 2].modes


def test_what_the_budget_leaves_out_is_said() -> None:
    found = asked(torch.sin, x(), budget=1e-9)
    assert found.skipped and "the budget of 1e-09 s is spent" in str(found)
    assert found.verdict == "inconclusive"


def test_a_fault_is_planted_in_the_answers_of_every_call() -> None:
    assert "planted in one entry of x of the answers was seen" in asked(lambda x: torch.sin(x), x()).controls


def test_a_script_shows_a_failure_without_gradlaws(tmp_path: Any, capsys: Any) -> None:
    found = asked(Sine.apply, x(), 1.5, order=1)
    assert "function = Sine.apply" in found.script and "gradlaws" not in found.script
    head, _, rest = found.script.partition("function = Sine.apply")
    imports = "\n".join(line for line in head.splitlines() if line.startswith("import "))
    exec(f"{imports}\nfunction = lambda x: apply(x, 1.5)  # {rest}", {"apply": Sine.apply})
    by_torch, by_differences = (float(line.rpartition(" ")[2]) for line in capsys.readouterr().out.splitlines())
    assert by_torch == pytest.approx(1.5 * by_differences, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"allow": 1e-6}, "allow=1e-06"),
        ({"allow": (1e-6, "")}, "why"),
        ({"kinks": -1}, "kinks=-1"),
        ({"up_to": 3}, "up_to=3"),
        ({"budget": 0}, "budget=0"),
        ({"accumulate": "double"}, "accumulate='double'"),
        ({"reference": torch.sin, "surrogate": torch.sin}, "give one of them"),
        ({"gradient": 3}, "gradient=3"),
    ],
)
def test_an_option_that_means_nothing_is_one_line(options: Any, words: str) -> None:
    with pytest.raises(gradlaws.CannotCheck) as caught:
        asked(torch.sin, x(), **options)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def rotated(x: Any) -> Any:
    """With a table of angles that it makes in the type of its argument."""
    places = torch.arange(x.shape[0], dtype=x.dtype)[:, None]
    angles = places * 10000.0 ** (-torch.arange(0, x.shape[1], 2, dtype=x.dtype) / x.shape[1])
    even, odd = x[:, ::2], x[:, 1::2]
    return torch.cat([even * angles.cos() - odd * angles.sin(), even * angles.sin() + odd * angles.cos()], -1)


def channels_last_alone(x: Any, g: Any) -> Any:
    last = g.is_contiguous(memory_format=torch.channels_last) and not g.is_contiguous()
    return g * x.cos() * (1.5 if last else 1.0)


@pytest.mark.parametrize(
    "function",
    [rotated, lambda x: x * (torch.rand_like(x) > 0.3), lambda x: x.sin() * torch.randn_like(x)],
    ids=["a table of its own", "a mask that is drawn", "numbers that are drawn"],
)
def test_what_a_float32_function_makes_itself_is_its_own(function: Any) -> None:
    assert asked(function, torch.tensor(drawn(16, 32), dtype=torch.float32)).verdict == "holds"


@pytest.mark.parametrize(
    "backward",
    [
        lambda x, g: g.clamp(-100, 100) * x.cos(),
        lambda x, g: torch.where(g.abs() < 1e-6, 0.0, g) * x.cos(),
        channels_last_alone,
        lambda x, g: g * x.cos() * (1.5 if g.storage_offset() else 1.0),
    ],
    ids=["clipped", "small ones dropped", "wrong for channels last", "wrong at an offset"],
)
def test_no_cotangent_is_spared(backward: Any) -> None:
    given = torch.tensor(drawn(2, 3, 4, 5))
    assert asked(custom(lambda x, g: g * x.cos()), given, order=1).verdict == "holds"
    assert asked(custom(backward), given, order=1).verdict == "violated"


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_the_call_may_stand_where_nothing_is_differentiated(context: Any) -> None:
    with context():
        assert asked(lambda x: torch.sin(x), torch.tensor(X)).verdict == "holds"


def test_a_bias_before_a_normalisation_has_gradient_0_within_rounding() -> None:
    torch.manual_seed(0)
    block = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).double()
    found = asked(block, torch.tensor(drawn(2, 3, 4, 5)))
    assert found.verdict == "holds" and "no more than rounding" in str(found)


def test_a_wrong_rule_over_complex_numbers_is_violated() -> None:
    def backward(x: Any, g: Any) -> Any:
        return torch.fft.ifft(torch.fft.fft(g * x.cos())).real * (1 + 1e-9)

    assert asked(custom(backward), torch.tensor(X), order=1).verdict == "violated"


@pytest.mark.parametrize("draw", ["bernoulli", "normal"])
def test_what_a_float32_function_of_jax_draws_is_its_own(draw: str) -> None:
    key = jax.random.key(0)

    def noisy(x: Any) -> Any:
        return jax.numpy.tanh(x) * getattr(jax.random, draw)(key, shape=x.shape)

    assert asked(noisy, jax.numpy.asarray(X, dtype="float32")).verdict == "holds"


class Affine(torch.autograd.Function):
    """Wrong where x and b require gradients, and w does not."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any) -> Any:
        ctx.save_for_backward(x, w)
        return x * w + b

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, w = ctx.saved_tensors
        of_x, of_w, of_b = ctx.needs_input_grad
        return g * w, g * x, g * (1.5 if of_x and of_b and not of_w else 1.0)


def test_all_but_one_leaf_may_require_gradients() -> None:
    found = asked(Affine.apply, *(torch.tensor(drawn(5)) for _ in range(3)), order=1)
    assert found.verdict == "violated" and found["b"].verdict == "violated"
    assert "all but w require a gradient" in str(found)


def test_a_backward_that_writes_into_its_cotangent_is_one_line() -> None:
    with pytest.raises(gradlaws.CannotCheck, match="writes into the cotangent"):
        asked(custom(lambda x, g: g.mul_(x.cos())), torch.tensor(X))
