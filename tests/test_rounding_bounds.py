"""A and F: right code stays inside and comes near, a wrong entry does not, and what is not known is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.sizes import asked
from gradlaws.suite.arithmetic.quad import QUAD
from gradlaws.suite.configuration import configure
from gradlaws.suite.rounding.bounds import Bounds, bounds, digits
from gradlaws.suite.rule import directions
from gradlaws.suite.tape.literals import literals
from gradlaws.suite.tape.run import run
from gradlaws.suite.tape.tape import Tape
from gradlaws.suite.tracing import jax_equations, of_jax

configure()


def error(answer: Sequence[Any], tape: Tape, inputs: Sequence[Any]) -> list[Any]:
    """Of every entry, signed."""
    return [
        QUAD.to_float64(QUAD.asarray(np.asarray(a, dtype=np.float64)) - exact)
        for a, exact in zip(answer, run(tape, inputs, QUAD), strict=True)
    ]


def asked_of_jax(function: Any, *point: Any, dtype: str = "float64") -> tuple[Bounds, list[Any], list[Any]]:
    """The bounds of its gradient, jax's own answer, and its errors."""
    arrays = [np.asarray(x, dtype=dtype) for x in point]
    traced = of_jax.derivatives(function, *arrays, second=False, dtype=dtype)
    ones = [np.ones(shape) for shape in traced.shapes]
    inputs = [*(a.astype(np.float64) for a in arrays), *ones]
    with jax_equations.in_float64():
        answer = jax.grad(lambda *x: jnp.sum(function(*x)), tuple(range(len(arrays))))(*map(jnp.asarray, arrays))
    found = bounds(traced.gradient, inputs, "jax", forward_literals=literals(traced.forward).values())
    return found, list(answer), error(answer, traced.gradient, inputs)


def inside(errors: Sequence[Any], found: Bounds) -> float:
    """The largest error / F."""
    assert not found.unknown
    worst = 0.0
    for e, f in zip(errors, found.outputs, strict=True):
        assert not np.any(e[f == 0])
        worst = max(worst, float(np.max(abs(e[f > 0]) / f[f > 0], initial=0.0)))
    return worst


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["chain", "softplus", "powr", "mlp", "lnblock", "xent"])
def test_right_code_is_inside(name: str, dtype: str) -> None:
    function, leaves = asked.flat_function("jax", name, 30, 1)
    found, _, errors = asked_of_jax(function, *leaves, dtype=dtype)
    worst = inside(errors, found)
    assert worst <= 1
    if name in ("chain", "softplus", "powr"):
        assert worst >= 0.05
    direction = directions.direction(leaves, np.random.default_rng(0))
    apart = abs(sum(float(np.sum(e * d)) for e, d in zip(errors, direction, strict=True)))
    entries = sum(float(np.sum(f * abs(d))) for f, d in zip(found.outputs, direction, strict=True))
    assert apart <= found.along(direction) <= entries * (1 + 1e-12)


@pytest.mark.parametrize("dtype, fault", [("float64", 1e-11), ("float32", 1e-3)])
def test_one_wrong_entry_is_outside(dtype: str, fault: float) -> None:
    function, leaves = asked.flat_function("jax", "chain", 100, 1)
    found, answer, errors = asked_of_jax(function, *leaves, dtype=dtype)
    at = int(np.argmax(abs(np.asarray(answer[0]))))
    errors[0][at] += fault * float(answer[0][at])
    assert inside(errors, found) > 1


def test_the_operation_that_loses_most_is_named() -> None:
    found, answer, _ = asked_of_jax(
        lambda x: (x + 1e6) - jnp.sum(x * x) * 0 - 1e6 + jnp.exp(x + 1e6 - 1e6), np.full(3, 1.1)
    )
    loss = found.loses([np.ones(3)])
    assert loss is not None and "add_p" in str(loss) and "test_rounding_bounds.py" in str(loss)
    assert 8 < digits(found.along([np.ones(3)]), float(np.sum(np.asarray(answer[0])))) < 11


def test_a_pole_within_the_errors_is_named() -> None:
    found, _, _ = asked_of_jax(lambda x: jnp.log((x + 1e16) - 1e16), np.array([1.0, 2.0]))
    assert found.unknown and "pole" in found.unknown[0] and "test_rounding_bounds.py" in found.unknown[0]
    assert found.along([np.ones(2)]) == np.inf


def test_an_overflow_is_named() -> None:
    found, _, _ = asked_of_jax(lambda x: jnp.exp(x) * jnp.exp(-x) * x, np.array([80.0, 2.0]), dtype="float16")
    assert found.unknown and "overflows in float16" in found.unknown[0]


def test_a_mask_of_minus_infinity_is_no_overflow() -> None:
    mask = np.array([0.0, -np.inf, 0.0])
    found, _, errors = asked_of_jax(lambda x: jax.nn.softmax(x + mask) * x, np.array([1.0, 2.0, 0.5]))
    assert inside(errors, found) <= 1


def test_a_maximum_is_a_copy_of_its_entry() -> None:
    """x == max(x) in the derivative asks nothing of rounding, whatever the error of x."""
    found, _, errors = asked_of_jax(lambda x: jnp.max(jnp.sin(x) * x), np.array([1.0, 2.0, 0.5]))
    assert inside(errors, found) <= 1


def test_a_branch_within_the_errors_is_counted() -> None:
    """relu at a rounded 0: the derivative may be that of either side."""
    found, _, _ = asked_of_jax(lambda x: jax.nn.relu((x + 0.1) - 0.30000000000000004) * x, np.array([0.2, 1.0]))
    assert found.outputs[0][0] > 0.1 and found.outputs[0][1] < 1e-14
