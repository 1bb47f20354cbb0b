"""Where a program contracts what absolute values do not, F grows to nothing, and A knows."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from gradlaws.suite.check.allowed import rounding  # noqa: E402
from gradlaws.suite.rounding.bounds import bounds  # noqa: E402
from gradlaws.suite.tracing import of_jax  # noqa: E402

TURN = np.array([[0.6, -0.8], [0.8, 0.6]])  # a rotation: its absolute values grow by 1.4 in each step
STEPS = 120


def turned(x: object) -> object:
    for _ in range(STEPS):
        x = jax.numpy.asarray(TURN) @ x
    return x


def test_a_rotation_keeps_its_digits_in_a_sum() -> None:
    x = np.array([1.0, 2.0])
    tape = of_jax.traced(turned, x)
    found = bounds(tape, [x], "jax")
    assert np.max(found.outputs[0]) > 0.1  # F: no digit
    allowed = rounding(found, found.values, np.random.default_rng(0))
    assert allowed.sums[0].bound < 1e-12 and not any(allowed.unknown)
    assert allowed.sums[0].bound > 2.0**-53


def test_a_leaf_without_a_bound_does_not_spoil_another() -> None:
    x = np.array([1.0, 2.0])
    tape = of_jax.traced(lambda x: (turned(x), x * 3), x)
    found = bounds(tape, [x], "jax")
    assert found.along([np.zeros(2), np.ones(2)]) < 1e-14
