"""The diagonals of curvature that Sophia preconditions with, and its step, against what they estimate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlaws.strategies.functions import functions_between, scalar_functions
from gradlaws.strategies.points import arrays
from gradlaws.strategies.program import Point, Program, Step, constant_step, splitter
from gradlaws.suite.checking.system import System
from gradlaws.suite.document.derivatives import fisher, judged, known, looks, quadratic
from gradlaws.suite.document.evidence import CONDITIONAL, Evidence
from gradlaws.suite.truth import oracle


@pytest.mark.identity("S10")
@pytest.mark.dtypes("float64")
@looks(12)
@given(data=st.data())
def test_hutchinson_over_all_signs_is_the_diagonal(system: System, evidence: Evidence, data: st.DataObject) -> None:
    """The mean of u ⊙ Hu over all 2ⁿ sign vectors is diag H (Hutchinson 1989; Liu et al. 2023, section 2.3).

    With the framework's Hessian-vector products on random functions. Cannot see how estimates age.
    """
    f, x = data.draw(scalar_functions(system.precision, max_steps=4, shapes=((), (3,))))
    if f.size <= 4:
        hutchinson(system, evidence, f, x)
    mixed = data.draw(arrays(system.precision, (3, 3), wide=False))  # most random functions do not mix their entries
    hutchinson(system, evidence, quadratic(mixed + mixed.T, np.zeros(3)), (np.ones(3),))


def hutchinson(system: System, evidence: Evidence, f: Program, x: Point) -> None:
    n, truth = f.size, oracle.hessian(f, x)
    diagonal = np.diag(truth.floats)
    inputs = splitter(f.inputs)
    total, allowed, single = np.zeros(n), np.diag(truth.error).copy(), None
    for signs in itertools.product((1.0, -1.0), repeat=n):
        u = np.array(signs)
        direction = tuple(inputs(u))
        products = [*judged(system, evidence, "hvp", f, x, direction)][:1]
        if not products:
            return
        single = u * products[0].numbers if single is None else single
        total += u * products[0].numbers / 2**n
        allowed += (products[0].tolerance + n * 2.0**-53 * np.abs(products[0].numbers)) / 2**n
    allowed += 2.0**-52 * np.abs(diagonal)
    evidence.within("mean of u ⊙ Hu − diag H", np.abs(total - diagonal), allowed)
    if single is not None and n > 1:
        evidence.control("a single sign vector", bool(np.any(np.abs(single - diagonal) > 2 * allowed)))


@pytest.mark.identity("S10")
@pytest.mark.dtypes("float64")
@looks(12)
@given(data=st.data())
def test_gauss_newton_bartlett_is_the_diagonal_of_gauss_newton(
    system: System, evidence: Evidence, data: st.DataObject
) -> None:
    """Σ_y q_y (Jᵀ(q − e_y))² = diag Jᵀ(diag q − qqᵀ)J, with the framework's VJPs of random logits (Liu et al. 2023,
    section 2.3, after Bartlett 1953). Not diag H, and not with labels drawn uniformly. Cannot see its variance."""
    f, x = data.draw(functions_between(system.precision, 1, 1))
    bartlett(system, evidence, f, x)
    mixed = data.draw(arrays(system.precision, (3, 3), wide=False))
    bartlett(
        system, evidence, Program(((3,),), (constant_step(mixed), Step("matmul", (1, 0)))), (np.array([1, -0.5, 2]),)
    )


def bartlett(system: System, evidence: Evidence, f: Program, x: Point) -> None:
    logits = oracle.value(f, x).floats
    if not np.all(np.abs(logits) < 30) or len(logits) < 2:
        return
    q, metric = fisher(logits)
    truth = oracle.jacobian(f, x)
    if not known(evidence, truth):
        return
    jacobian = truth.floats
    exact = np.diag(jacobian.T @ metric @ jacobian)
    found = []
    for label in range(len(q)):
        products = [*judged(system, evidence, "vjp", f, x, (q - np.eye(len(q))[label],))][:1]
        if not products:
            return
        found.append(products[0])
    total = sum(p * answer.numbers**2 for p, answer in zip(q, found, strict=True))
    allowed = sum(p * (2 * np.abs(answer.numbers) * answer.tolerance) for p, answer in zip(q, found, strict=True))
    allowed = allowed + 64 * 2.0**-53 * (q @ (np.abs(jacobian) ** 2) * len(q) + np.max(np.abs(exact), initial=0.0))
    evidence.within("weighted labels", np.abs(total - exact), allowed)
    uniform = sum(answer.numbers**2 for answer in found) / len(q)
    evidence.control("uniform labels", bool(np.any(np.abs(uniform - exact) > allowed)))


@pytest.mark.identity("S10")
@pytest.mark.backends("jax")
@pytest.mark.dtypes("float64")
def test_sophia_clips_its_preconditioned_step(system: System, evidence: Evidence, random: np.random.Generator) -> None:
    """optax.contrib.sophia: θ ← θ − lr clip(m̂ / max(γh, ε), 1) (Liu et al. 2023, algorithm 3), with a known h.

    Cannot see how well h is estimated.
    """
    optax = pytest.importorskip("optax", reason="optax is not installed: its Sophia is not verified")
    h, gradients = np.array([100.0, 2.0, -1.0]), random.standard_normal((4, 3))
    known = optax.GradientTransformation(lambda _: optax.EmptyState(), lambda g, state, params=None: (0 * g + h, state))
    optimizer = optax.contrib.sophia(1.0, b1=0.5, b2=0.0, weight_decay=0.0, gamma=1.0, update_interval=1,
                                     hessian_diagonal_fn=known)  # fmt: skip
    x = system.backend.array(np.zeros(3), "float64")
    state, m, late = optimizer.init(x), np.zeros(3), False
    for t, g in enumerate(gradients, start=1):
        updates, state = optimizer.update(system.backend.array(g, "float64"), state, x)
        m = 0.5 * m + 0.5 * g
        scaled = m / (1 - 0.5**t)
        step = -np.clip(scaled / np.maximum(h, 1e-8), -1, 1)
        got = system.backend.numbers(updates)
        if t == 1:
            late = bool(np.any(np.abs(got - step) > 1e-12))
            step = -np.clip(scaled / 1e-8, -1, 1)
        evidence.at_most(f"step {t}", float(np.max(np.abs(got - step))), 16 * 2.0**-53)
    if late:
        evidence.finds(
            CONDITIONAL, "the estimates are as published; optax.contrib.sophia divides by the estimate from before its "
            "refresh, so its first step is −lr sign(g), where algorithm 3 of the paper divides by the fresh one",
        )  # fmt: skip
