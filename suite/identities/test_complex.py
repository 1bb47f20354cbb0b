"""Derivatives with respect to complex numbers: what each framework means by them, and whether they are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.points import arrays
from gradlaws.strategies.program import Program, Step
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.identities import holomorphic
from gradlaws.suite.identities.holomorphic import CONVENTIONS, FORMULAS, NAMES, TYPES, Complexes
from gradlaws.suite.profiles import examples

SIZE = 2


@pytest.mark.backends("torch", "jax")
@pytest.mark.dtypes("float64", "float32")
@examples(1 / 3)
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_derivatives_of_holomorphic_functions_follow_the_convention(
    trial: Trial, data: st.DataObject, name: str
) -> None:
    """f′ v, f′ u or conj(f′) u, and the gradient of a real L (holomorphic.py), in complex128 and complex64.

    f′ is one number along the real and the imaginary axis (Cauchy–Riemann). Cannot see branch cuts.
    """
    backend, precision = trial.backend, trial.precision
    real = arrays(precision, (SIZE,), wide=False)
    arity = PRIMITIVES[name].arity
    z, (v, u) = ([trial.draw(data, real) + 1j * trial.draw(data, real) for _ in range(n)] for n in (arity, 2))
    found = [holomorphic.partials(name, tuple(column)) for column in np.array(z).T]
    d, across = (np.array([row[k] for row in found]).T for k in (0, 1))
    assert np.all(abs(d - across) <= 2.0**-50 * abs(d)), f"{name} is not holomorphic: {d} and {across}"
    u_of = precision.unit_roundoff
    allowed = holomorphic.ULPS * u_of * np.array([row[2] for row in found]).T + backend.smallest(precision)
    f = backend.function(Program(((SIZE,),) * arity, (Step(name, tuple(range(arity))),)), precision_of(trial.system))

    def loss(*x: Any) -> Any:
        return (native(backend, u.conj(), trial.system) * f(*x)).real.sum()

    x, convention = [native(backend, a, trial.system) for a in z], CONVENTIONS[backend.name]
    for mode in backend.modes_of("jvp"):
        if trial.system.selected(mode.name) and not mode.experimental:
            got = complexes(backend, mode.function(f, x, [native(backend, v, trial.system)] * arity))
            judged(f"{name} by {mode.name}", convention["jvp"], got, d.sum(0), v, allowed.sum(0) + u_of * abs(d).sum(0))
    for quantity, function, given_to in (("vjp", f, [native(backend, u, trial.system)]), ("gradient", loss, [])):
        for mode in backend.modes_of(quantity):  # type: ignore[arg-type]
            if trial.system.selected(mode.name) and "compile" not in mode.name:
                got = np.array([complexes(backend, a) for a in mode.function(function, x, *given_to)])
                judged(f"{name} by {mode.name}", convention[quantity], got, d, u, allowed)
    trial.emit({
        "kind": "convention", "case": "complex z: reverse and forward mode of a holomorphic f", "backend": backend.name,
        "at": ["z"], "value": ["f(z)"], "reverse": [convention["vjp"]], "forward": [convention["jvp"]],
        "subdifferential": "", "inside": None, "known": "",
    })  # fmt: skip
    trial.emit({
        "kind": "convention", "case": "complex z: the gradient of a real L", "backend": backend.name, "at": ["z"],
        "value": ["L(z)"], "reverse": [convention["gradient"]], "forward": ["not asked"],
        "subdifferential": "", "inside": None, "known": "",
    })  # fmt: skip


def judged(what: str, formula: str, got: Complexes, d: Complexes, seed: Complexes, allowed: np.ndarray) -> None:
    """By the stated formula, within the bound."""
    bound = allowed * abs(seed)
    error = abs(got - FORMULAS[formula](d, seed))
    assert np.all(error <= bound), f"{what}: {formula} is {FORMULAS[formula](d, seed)}, got {got}, bound {bound}"


def precision_of(system: System) -> Any:
    """The complex type whose parts have the precision of the system, as far as arrays are concerned."""
    return type("Complex", (), {"name": TYPES[system.precision.name]})()


def native(backend: Backend, values: Complexes, system: System) -> Any:
    return backend.array(values, TYPES[system.precision.name])  # type: ignore[arg-type]


def complexes(backend: Backend, array: Any) -> Complexes:
    return np.asarray(backend.numbers(array.real) + 1j * backend.numbers(array.imag))
