"""The check of complex derivatives can fail: for functions that are not holomorphic, and for another convention."""

from __future__ import annotations

import cmath

import numpy as np
import pytest
from mpmath import mp

from gradlaws.strategies.catalogue import in_use
from gradlaws.strategies.primitive import unary
from gradlaws.suite.identities import holomorphic
from gradlaws.suite.identities.holomorphic import CONVENTIONS, FORMULAS
from gradlaws.suite.identities.test_complex import judged

Z = 0.75 - 1.25j


def test_partials_are_the_derivative_along_both_axes() -> None:
    real, imaginary, (size,) = holomorphic.partials("exp", (Z,))
    assert real == imaginary == [pytest.approx(cmath.exp(Z), rel=1e-15)]
    assert size == pytest.approx(abs(cmath.exp(Z)) * (1 + abs(Z)), rel=1e-9)
    assert holomorphic.partials("mul", (Z, 2j))[0] == [2j, Z]


@pytest.mark.parametrize("function", [mp.conj, lambda z: mp.mpc(abs(z)), lambda z: mp.mpc(z.real)])
def test_what_is_not_holomorphic_has_two_derivatives(monkeypatch: pytest.MonkeyPatch, function: object) -> None:
    monkeypatch.setitem(in_use().primitives, "other", unary("other", function))  # type: ignore[arg-type]
    real, imaginary, _ = holomorphic.partials("other", (Z,))
    assert abs(real[0] - imaginary[0]) > 0.1


@pytest.mark.parametrize("stated", FORMULAS)
def test_another_convention_is_seen(stated: str) -> None:
    d, seed, allowed = np.array([Z]), np.array([0.5 + 2j]), np.array([1e-14])
    for name, formula in FORMULAS.items():
        same = np.allclose(formula(d, seed), FORMULAS[stated](d, seed))
        if same:
            judged(name, stated, formula(d, seed), d, seed, allowed)
        else:
            with pytest.raises(AssertionError, match="got"):
                judged(name, stated, formula(d, seed), d, seed, allowed)


def test_each_framework_states_its_convention() -> None:
    assert {formula for stated in CONVENTIONS.values() for formula in stated.values()} <= set(FORMULAS)
