"""RULE sees what is wrong, holds what is right, and says where it does not know."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

from gradlaws.suite.arithmetic.multiprecision import Multiprecision  # noqa: E402
from gradlaws.suite.arithmetic.quad import QUAD  # noqa: E402
from gradlaws.suite.arithmetic.self_test import usable  # noqa: E402
from gradlaws.suite.rule import directions  # noqa: E402
from gradlaws.suite.rule.arithmetics import arithmetic_for, why_not_quad  # noqa: E402
from gradlaws.suite.rule.exact import Agreement, Exact  # noqa: E402
from gradlaws.suite.rule.place import operations, places  # noqa: E402
from gradlaws.suite.rule.rule import agreements  # noqa: E402
from gradlaws.suite.tracing import of_jax  # noqa: E402
from gradlaws.suite.tracing.of_jax import derivatives  # noqa: E402

ARITHMETIC: Any = QUAD if usable() is None else Multiprecision(113)
POINT = np.linspace(-1.3, 1.9, 9)


def asked(function: Callable[..., Any], *point: Any) -> list[Agreement]:
    return agreements(derivatives(function, *point), np.random.default_rng(0), ARITHMETIC)


def verdicts(function: Callable[..., Any], *point: Any) -> list[str]:
    return [a.verdict for a in asked(function, *point)]


def with_gradient(rule: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Σ x³, entry by entry, with a backward of one's own: rule(x, cotangent)."""

    @jax.custom_vjp
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, g: (rule(x, g),))
    return cube


def test_a_right_rule_agrees_to_more_digits_than_float64_has() -> None:
    found = asked(with_gradient(lambda x, g: 3 * x * x * g), POINT)
    assert [a.verdict for a in found] == ["right"] * 3
    assert max(a.relative for a in found) < 1e-20


@pytest.mark.parametrize("relative", [1.0, 1e-3, 1e-9, 1e-12])
def test_a_wrong_factor_is_seen(relative: float) -> None:
    found = asked(with_gradient(lambda x, g: 3 * x * x * g * (1 + relative)), POINT)
    assert [a.verdict for a in found[:2]] == ["wrong"] * 2
    assert 0.1 * relative < found[0].relative <= relative * (1 + 1e-9)


def test_one_wrong_entry_of_many_is_seen_and_found() -> None:
    def rule(x: Any, g: Any) -> Any:
        return (3 * x * x * g).at[417].multiply(1 + 1e-12)

    traced = derivatives(with_gradient(rule), np.linspace(0.5, 2, 1_000), second=False)
    assert {a.verdict for a in agreements(traced, np.random.default_rng(0), ARITHMETIC)} == {"wrong"}
    exact = Exact(traced, directions.cotangent(traced.shapes, np.random.default_rng(1)), ARITHMETIC)
    (place,) = places(exact, np.random.default_rng(2))
    assert (place.argument, place.first, place.last) == (0, 417, 417)
    assert str(place) == "argument 0, entry 417 of 1000: off by 1.0e-12"


@pytest.mark.parametrize(("first", "last"), [(0, 29), (0, 0), (29, 29), (7, 19), (0, 12), (21, 29)])
def test_a_range_of_wrong_entries_is_found(first: int, last: int) -> None:
    function = with_gradient(lambda x, g: (3 * x * x * g).at[first : last + 1].multiply(1 + 1e-6))
    traced = derivatives(lambda x, y: function(y) * x[0], np.ones(2), np.linspace(0.5, 2, 30), second=False)
    exact = Exact(traced, directions.cotangent(traced.shapes, np.random.default_rng(1)), ARITHMETIC)
    (place,) = places(exact, np.random.default_rng(2))
    assert (place.argument, place.first, place.last) == (1, first, last)


@pytest.mark.parametrize(("relative", "verdict"), [(2.0**-41, "wrong"), (2.0**-48, "right")])
def test_what_float64_shows_in_one_entry_of_many_is_no_rounding(relative: float, verdict: str) -> None:
    """Less than a rounding of the whole; in its entry more than roundings of float64 make, or less."""

    def rule(x: Any, g: Any) -> Any:
        return (3 * x * x * g).at[417].multiply(1 + relative)

    traced = derivatives(with_gradient(rule), np.linspace(0.5, 2, 1_000), second=False)
    assert {a.verdict for a in agreements(traced, np.random.default_rng(0), ARITHMETIC)} == {verdict}


def test_a_stale_second_derivative_is_seen() -> None:
    assert verdicts(with_gradient(lambda x, g: 3 * jax.lax.stop_gradient(x * x) * g), POINT) == [
        "right", "right", "wrong",
    ]  # fmt: skip


def test_a_wrong_gradient_may_have_the_right_second_derivative() -> None:
    """It is beside the limit of the function then, not of the wrong gradient."""
    assert verdicts(with_gradient(lambda x, g: (3 * x * x + 1) * g), POINT) == ["wrong", "wrong", "right"]


def test_the_operations_of_a_wrong_rule_are_named() -> None:
    function = with_gradient(lambda x, g: jnp.sinh(x) * g)

    def composed(x: Any) -> Any:
        return jnp.tanh(function(jnp.sin(x)))

    traced = derivatives(composed, POINT, second=False)
    exact = Exact(traced, directions.cotangent(traced.shapes, np.random.default_rng(1)), ARITHMETIC)
    named = {origin.name for origin in operations(exact, 0)}
    assert "jax.lax.sinh_p" in named and not named & {"jax.lax.tanh_p", "jax.lax.sin_p"}


def test_a_kink_at_the_point_is_no_derivative() -> None:
    found = asked(lambda x: jnp.abs(x), np.array([1.0, 0.0, -2.0]))
    assert {a.verdict for a in found[:2]} == {"unknown"}
    assert "kink" in found[0].reason and "abs" in found[0].reason


def test_a_tie_whose_pieces_fit_is_no_kink() -> None:
    """The shift of a softmax is a maximum that cancels."""
    assert set(verdicts(jax.nn.softmax, np.zeros(5))) == {"right"}


def test_beside_a_kink_the_piece_is_that_of_the_point() -> None:
    assert set(verdicts(lambda x: jnp.maximum(x, 0) ** 2, np.array([1e-30, -1e-30, 1.0]))) == {"right"}


def test_a_point_beside_an_edge_takes_steps_of_its_own_size() -> None:
    assert set(verdicts(lambda x: jnp.log(x), np.array([1e-30, 1.0, 2.0]))) == {"right"}


def test_what_does_not_depend_on_its_input_is_zero_exactly() -> None:
    found = asked(lambda x: jnp.ones(3) + 0 * jax.lax.stop_gradient(x[:3]), POINT)
    assert [(a.verdict, a.relative) for a in found] == [("right", 0.0)] * 3


@pytest.mark.parametrize("function", [lambda x: jnp.sin(1e6 * x), lambda x: (x + 1e25) - 1e25])
def test_what_cancels_and_what_oscillates(function: Callable[..., Any]) -> None:
    assert "wrong" not in verdicts(function, POINT)


@pytest.mark.parametrize("function", [jax.scipy.special.erf, jnp.exp2, lambda x: jax.nn.gelu(x, approximate=False)])
def test_a_literal_that_a_rule_rounds_is_no_fault(function: Callable[..., Any]) -> None:
    found = asked(function, POINT)
    assert {a.verdict for a in found} == {"right"} and max(a.relative for a in found) < 1e-15


def power(x: Any, fft: Callable[[Any], Any]) -> Any:
    return (abs(fft(x)) ** 2 * (1 + abs(x))).sum()


def test_complex_numbers_are_mpmaths() -> None:
    torch = pytest.importorskip("torch")
    from gradlaws.suite.tracing import of_torch

    for tracing, fft in ((of_jax, jnp.fft.fft), (of_torch, torch.fft.fft)):
        traced = tracing.derivatives(functools.partial(power, fft=fft), POINT)
        assert arithmetic_for(traced) == Multiprecision(160)
        assert "complex" in str(why_not_quad(traced))
        found = agreements(traced, np.random.default_rng(0))
        assert [a.verdict for a in found] == ["right"] * 3 and max(a.relative for a in found) < 1e-20


def test_real_numbers_are_quads_where_there_is_quad() -> None:
    traced = derivatives(jnp.tanh, POINT)
    assert arithmetic_for(traced) is QUAD if usable() is None else usable() in str(why_not_quad(traced))


def test_a_step_over_a_pole_is_no_alarm() -> None:
    """The other entries' size would take 1e-52 across the pole at 0, where 1 / x has no limit."""
    assert set(verdicts(lambda x: 1 / x, np.array([1.2, 1.7e-52, -0.4]))) == {"right"}
    assert "wrong" not in verdicts(lambda x: 1 / (x - 1), np.array([1 + 2.0**-52, 3.0]))


def test_a_derivative_that_is_nan_where_there_is_a_limit_is_wrong() -> None:
    """A where is differentiated on both sides: 0 times NaN on the one that is not taken."""
    found = asked(lambda x: jnp.where(x > 0, jnp.sqrt(x), x), np.array([0.5, -0.5]))
    assert found[0].verdict == "wrong" and "the limit is a number, and the derivative is not" in str(found[0])


def test_an_entry_near_the_largest_number_has_a_direction() -> None:
    assert set(verdicts(lambda x: x * x, np.array([1.7e308, 1.0]))) == {"right"}


def test_nan_and_infinity_are_not_known() -> None:
    assert set(verdicts(jnp.sin, np.array([np.nan, 1.0]))) == {"unknown"}
    assert "wrong" not in verdicts(jnp.exp, np.array([np.inf, 1.0]))


def test_nothing_to_differentiate() -> None:
    assert set(verdicts(lambda x: x * x, np.zeros((0, 3)))) == {"right"}
