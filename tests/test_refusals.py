"""What cannot be asked is told in one line, by the exceptions that say so, and never runs out of memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")

import jax.numpy as jnp  # noqa: E402

import gradlaws  # noqa: E402
from gradlaws.suite.check.leaves import CannotCheck  # noqa: E402
from gradlaws.suite.tape import reach  # noqa: E402
from gradlaws.suite.tape.tape import NoFunction, TooLarge, Unsupported  # noqa: E402
from gradlaws.suite.tracing import of_jax, of_torch  # noqa: E402

X = np.linspace(-1.0, 2.0, 5)
ORACLE = np.random.default_rng(0)  # of functions that draw numbers


def refusal(derivatives: Callable[..., Any], function: Callable[..., Any], *point: Any) -> Unsupported:
    with pytest.raises(Unsupported) as caught:
        derivatives(function, *point)
    assert "\n" not in str(caught.value)
    return caught.value


def told(function: Callable[..., Any], *arguments: Any) -> str:
    """What ``gradlaws.check`` says to its user."""
    with pytest.raises(CannotCheck) as caught:
        gradlaws.check(function, *arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def called_back(x: Any) -> Any:
    return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


def test_an_operation_without_a_declaration_is_named_with_the_line() -> None:
    error = refusal(of_jax.derivatives, lambda x: jnp.sum(called_back(x)), X)
    assert "jax.lax.pure_callback_p" in str(error) and "test_refusals.py" in str(error)


def test_no_arguments() -> None:
    for derivatives in (of_jax.derivatives, of_torch.derivatives):
        assert "no argument" in str(refusal(derivatives, lambda: jnp.ones(3)))


@pytest.mark.parametrize("framework", [jnp, torch])
def test_where_nothing_has_a_derivative(framework: Any) -> None:
    asarray = framework.asarray
    assert "NaN at [1]" in told(framework.sin, asarray(np.array([1.0, np.nan])))
    assert "infinite at [1, 0]" in told(framework.sin, asarray(np.array([[1.0], [-np.inf]])))
    assert "and 2 more" in told(framework.sin, asarray(np.full(6, np.nan)))
    assert "no entries" in told(framework.sin, asarray(np.zeros((0, 3))))


@pytest.mark.parametrize("framework", [jnp, torch])
def test_what_does_not_depend_on_its_input_has_derivative_zero(framework: Any) -> None:
    assert gradlaws.check(lambda x: framework.ones(3), framework.asarray(X)).verdict == "holds"


def test_random_numbers_without_a_key() -> None:
    error = refusal(of_jax.derivatives, lambda x: jnp.sum(x * ORACLE.random(5)), X)
    assert isinstance(error, NoFunction)
    assert isinstance(refusal(of_torch.derivatives, lambda x: torch.sum(x * torch.rand(5)), X), NoFunction)
    assert "other numbers each time" in told(lambda x: x * float(ORACLE.random()), torch.asarray(X))
    of_jax.derivatives(lambda x: x * jax.random.normal(jax.random.key(0), x.shape), X)  # with a key there are none


@pytest.mark.parametrize(
    ("function", "advice"),
    [
        (lambda x: x if x.sum() > 0 else -x, "jax.lax.cond"),
        (lambda x: np.sin(x), "instead of NumPy"),
        (lambda x: x[x > 0], "jax.numpy.where"),
        (lambda x: x * float(x[0]), "must be an argument"),
    ],
)
def test_a_trace_that_depends_on_data(function: Callable[..., Any], advice: str) -> None:
    text = str(refusal(of_jax.derivatives, function, X))
    assert "depends on data" in text and advice in text and "test_refusals.py" in text


def test_a_loop_too_long_to_unroll_is_refused_before_it_starts() -> None:
    def looped(x: Any) -> Any:
        return jax.lax.scan(lambda x, _: (jnp.sin(x) * 2, None), x, None, length=10**9)[0]

    error = refusal(of_jax.derivatives, looped, X)
    assert isinstance(error, TooLarge) and "2,000,000,000 operations" in str(error)


def test_a_loop_without_an_end_stops_at_the_limit() -> None:
    def function(x: Any) -> Any:
        return jax.lax.while_loop(lambda x: x.sum() < 10, lambda x: x * 1.0, x)

    with pytest.raises(TooLarge, match="longer than 1,000 operations"):
        of_jax.traced(function, X, most=1_000)


def cube(x: Any) -> Any:
    square = x[:, None] * x[None, :]
    return (square[:, :, None] * square[None]).sum()


def test_too_many_operations_are_estimated_before_they_start() -> None:
    error = refusal(of_jax.derivatives, cube, np.ones(2_000))
    assert isinstance(error, TooLarge) and "8.0e+09 operations on numbers, about 801 s" in str(error)


def test_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "free_memory", lambda: 10**6)
    for derivatives in (of_jax.derivatives, of_torch.derivatives):
        error = refusal(derivatives, cube, np.ones(50))
        assert isinstance(error, TooLarge) and "more memory than the 0.0 GB that are free" in str(error)


@pytest.mark.parametrize("error", [MemoryError("10 GiB"), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_memory_that_runs_out_on_the_way_is_no_traceback(error: Exception) -> None:
    def function(x: Any) -> Any:
        raise error

    for traced in (of_jax.traced, lambda f, x: of_torch.traced(f, torch.asarray(x))):
        with pytest.raises(TooLarge, match="not enough memory"):
            traced(function, X)


def test_what_an_evaluation_holds_at_once() -> None:
    """The estimate is of all arrays that are needed still, and what is done with the largest."""
    tape = of_jax.traced(lambda x: jnp.sum(jnp.sin(x) * jnp.cos(x)), np.ones(1_000))
    assert 4 * 1_000 <= reach.most_entries(tape) <= 6 * 1_000
    assert reach.free_memory() > 0
