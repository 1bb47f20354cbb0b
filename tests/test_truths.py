"""Truths are what closed formulas say, within what they claim, and say where they do not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

from gradlaws.suite.rule.truths import Known, Truths  # noqa: E402
from gradlaws.suite.tracing.of_jax import derivatives  # noqa: E402

A, B = np.array([0.3, -1.7, 2.4]), np.array([1.1, 0.2, -0.6])
ONE = [np.ones(3)]
OURS = mpf(10) ** -58  # what the tests themselves round


@pytest.fixture(autouse=True)
def precise() -> Iterator[None]:
    """Of what the tests themselves compute."""
    with mp.workdps(60):
        yield


def function(a: Any, b: Any) -> Any:
    return jnp.sin(a) * jnp.exp(b)


def truths(function: Callable[..., Any], *point: Any) -> Truths:
    return Truths(derivatives(function, *point))


def agree(known: Known, exact: Sequence[Any], digits: float = 20) -> None:
    """It is the closed formula, to no fewer digits than it claims, and it claims enough of them."""
    with mp.workdps(60):
        true = np.array([+x for x in exact], dtype=object).reshape(known.value.shape)
        assert np.all(abs(known.value - true) <= known.error + OURS * abs(true))
    assert known.is_known and np.min(known.digits, initial=np.inf) >= digits


def exactly(formula: Callable[[Any, Any], Any]) -> list[Any]:
    with mp.workdps(60):
        return [formula(mpf(float(a)), mpf(float(b))) for a, b in zip(A, B, strict=True)]


VALUE = [lambda a, b: mp.sin(a) * mp.exp(b)]
PARTIALS = [lambda a, b: mp.cos(a) * mp.exp(b), lambda a, b: mp.sin(a) * mp.exp(b)]


def test_first_order_is_what_closed_formulas_say() -> None:
    found = truths(function, A, B)
    agree(found.value()[0], exactly(VALUE[0]))
    by_a, by_b = map(exactly, PARTIALS)
    agree(found.along([np.ones(3), np.ones(3)])[0], [x + y for x, y in zip(by_a, by_b, strict=True)])
    with mp.workdps(60):
        agree(found.paired(ONE, [np.ones(3), np.zeros(3)]), [mp.fsum(by_a)])
    for known, exact in zip(found.gradient(ONE), (by_a, by_b), strict=True):
        agree(known, exact)


def test_second_order_is_what_closed_formulas_say() -> None:
    found = truths(function, A, B)
    value, by_a = exactly(VALUE[0]), exactly(PARTIALS[0])
    to_a, to_b = found.product(ONE, [np.ones(3), np.zeros(3)])
    agree(to_a, [-x for x in value])
    agree(to_b, by_a)
    with mp.workdps(60):
        agree(found.curvature(ONE, [np.ones(3), np.zeros(3)], [np.zeros(3), np.ones(3)]), [mp.fsum(by_a)])


def test_jacobian_and_hessian_of_few_coordinates() -> None:
    found = truths(lambda x: jnp.stack([jnp.sin(x[0]) * x[1], x[0] ** 3]), np.array([0.5, 1.5]))
    with mp.workdps(60):
        x, y = mpf(0.5), mpf(1.5)
        jacobian = found.jacobian()
        true = [[mp.cos(x) * y, mp.sin(x)], [3 * x * x, mpf(0)]]
        assert np.all(abs(jacobian.value - np.array(true, dtype=object)) <= jacobian.error + OURS)
        assert np.max(jacobian.error) < 1e-20
        hessian = found.hessian([np.ones(2)])
        true = [[-mp.sin(x) * y + 6 * x, mp.cos(x)], [mp.cos(x), mpf(0)]]
        assert np.all(abs(hessian.value - np.array(true, dtype=object)) <= hessian.error + OURS)
    assert "not asked" in truths(jnp.sin, np.ones(101)).jacobian().why


@jax.custom_vjp
def wrong(x: Any) -> Any:
    return x**3


wrong.defvjp(lambda x: (x**3, x), lambda x, g: (x * g,))


def test_a_wrong_rule_is_not_the_truth() -> None:
    found = truths(wrong, B)
    agree(found.gradient(ONE)[0], [3 * mpf(float(x)) ** 2 for x in B], 19)
    agree(found.product(ONE, [np.ones(3)])[0], [6 * mpf(float(x)) for x in B], 17)


def test_hard_places_are_known_or_said() -> None:
    edge = 1 - 1e-14
    with mp.workdps(60):
        root = [-mpf(edge) / mp.sqrt(1 - mpf(edge) ** 2)]
        agree(truths(lambda x: jnp.sqrt(1 - x * x), np.array([edge])).gradient([np.ones(1)])[0], root, 16)
        agree(truths(lambda x: (x + 1e25) - 1e25, np.array([1.5])).along([np.ones(1)])[0], [mpf(1)], 16)
        steep = [mpf(10) ** 6 * mp.cos(mpf(10) ** 6 * mpf(1.5))]
        agree(truths(lambda x: jnp.sin(1e6 * x), np.array([1.5])).along([np.ones(1)])[0], steep, 16)


def test_what_saturates_is_bounded_and_not_known() -> None:
    (known,) = truths(jnp.tanh, np.array([400.0])).gradient([np.ones(1)])
    assert abs(known.value[0] - 1 / mp.cosh(mpf(400)) ** 2) <= known.error[0] < 1e-20
    assert known.digits[0] == 0 and not known.is_known


def test_where_there_is_no_derivative_it_says_so() -> None:
    kink = truths(jnp.abs, np.array([1.0, 0.0])).along([np.ones(2)])[0]
    assert "kink" in kink.why and not kink.is_known and np.all(kink.digits == 0)
    nothing = truths(jnp.sin, np.array([np.nan, 1.0])).value()[0]
    assert "not finite" in nothing.why and nothing.digits[0] == 0 and nothing.digits[1] > 30


def test_what_does_not_depend_on_its_input_is_zero_exactly() -> None:
    (known,) = truths(lambda x: jnp.ones(2) + 0 * jax.lax.stop_gradient(x[:2]), A).gradient([np.ones(2)])
    assert np.all(known.value == 0)


def test_nothing_at_all() -> None:
    found = truths(lambda x: x * x, np.zeros((0, 3)))
    assert found.value()[0].value.shape == (0, 3) == found.gradient([np.zeros((0, 3))])[0].value.shape
