"""The natural gradient, steepest descent in other metrics, and the product that they are built on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlaws.strategies.functions import functions_between
from gradlaws.strategies.points import arrays
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, constant_step, weighted
from gradlaws.suite.checking.system import System
from gradlaws.suite.document.derivatives import fisher, judged, known, looks
from gradlaws.suite.document.evidence import CONDITIONAL, Evidence
from gradlaws.suite.truth import oracle


def cross_entropy(label: int, classes: int) -> Program:
    """z -> −log softmax(z)_label, from the catalogue's log-sum-exp."""
    pick = weighted(Program(((classes,),), ()), np.eye(classes)[label])
    last = len(pick.shapes) - 1
    return Program(pick.inputs, (*pick.steps, Step("logsumexp", (0,)), Step("sub", (last + 1, last))))


@pytest.mark.identity("S11")
@pytest.mark.dtypes("float64")
@looks(10)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 4))
def test_the_natural_gradient_is_steepest_in_its_metric_and_invariant(
    system: System, evidence: Evidence, seed: int, n: int
) -> None:
    """max {D_v f : vᵀFv = 1} = √(gᵀF⁻¹g), at v = F⁻¹g (Amari 1998, theorem 1); for θ = Tη, the step in η is T⁻¹ times
    the step in θ, on the quotient by the direction (1, …, 1) in which the softmax's F is singular, or damped.

    F = diag q − qqᵀ is the Hessian of the cross-entropy in the logits. Gradients and Hessians are the framework's.
    Cannot see finite steps, which are invariant to first order only.
    """
    random = np.random.default_rng(seed)
    z = random.standard_normal(n)
    q, metric = fisher(z)
    loss = cross_entropy(int(random.integers(n)), n)
    for hessian in judged(system, evidence, "hessian", loss, (z,)):
        allowed = hessian.tolerance + 64 * 2.0**-53 * q.max()
        evidence.within("Hessian in the logits − (diag q − qqᵀ)", np.abs(hessian.numbers - metric), allowed)
    for gradient in judged(system, evidence, "gradient", loss, (z,)):
        g = gradient.numbers
        for name, f in (("quotient", metric), ("damped", metric + 0.125 * np.eye(n))):
            solved = np.linalg.pinv(f, rcond=1e-10) @ g
            spread = float(np.linalg.cond(f + (np.ones((n, n)) / n if name == "quotient" else 0)))
            small = 256 * n * 2.0**-53 * spread**2
            largest = float(np.sqrt(g @ solved))
            evidence.at_most(f"{name}: 1 − rate at F⁻¹g / √(gᵀF⁻¹g)", abs(1 - rate(g, f, solved) / largest), small)
            seen = np.eye(n) - (np.ones((n, n)) / n if name == "quotient" else 0)
            others = max(rate(g, f, seen @ v) for v in random.standard_normal((8, n)))
            evidence.at_most(f"{name}: rate in other directions", others, largest * (1 + small))
            t = random.standard_normal((n, n)) + 2 * np.eye(n)
            # In η the gradient is Tᵀg and the metric TᵀFT; directions that F does not see are left out.
            moved = t @ (np.linalg.pinv(t.T @ f @ t, rcond=1e-12) @ (t.T @ g))
            apart = float(np.linalg.norm(seen @ (moved - solved)))
            limit = small * float(np.linalg.cond(t)) ** 4 * float(np.linalg.norm(solved))
            evidence.at_most(f"{name}: invariance under θ = Tη", apart, limit)
            plain = float(np.linalg.norm(t @ (t.T @ g) - g))
            evidence.control("the plain gradient is not invariant", plain > limit)


def rate(g: Floats, metric: Floats, v: Floats) -> float:
    """D_v f for v scaled to vᵀFv = 1."""
    return float(g @ v / np.sqrt(v @ metric @ v))


@pytest.mark.identity("P1")
@pytest.mark.dtypes("float64")
@looks(10)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 4))
def test_the_gradient_is_not_steepest_in_another_metric(system: System, evidence: Evidence, seed: int, n: int) -> None:
    """In the metric F (damped) the rate at F⁻¹∇f exceeds that at ∇f, for F no multiple of the identity, and ∇f no
    eigenvector of it; in the Euclidean metric ∇f itself is steepest. Cannot see metrics near the identity."""
    random = np.random.default_rng(seed)
    z = random.standard_normal(n)
    metric = fisher(z)[1] + 0.125 * np.eye(n)
    for gradient in judged(system, evidence, "gradient", cross_entropy(0, n), (z,)):
        g = gradient.numbers
        solved: Floats = np.linalg.solve(metric, g).astype(np.float64)
        cosine = float(g @ solved / np.linalg.norm(g) / np.linalg.norm(solved))
        evidence.expect(
            "in the Euclidean metric ∇f is", rate(g, np.eye(n), g) * (1 + 1e-12) >= rate(g, np.eye(n), solved)
        )
        if n > 2:  # of two classes g is an eigenvector
            evidence.expect("F⁻¹∇f is steeper", rate(g, metric, solved) > rate(g, metric, g) * (1 + 1e-12))
            evidence.control("the Euclidean metric", rate(g, np.eye(n), solved) < rate(g, np.eye(n), g) * (1 - 1e-12))
        evidence.figure(f"cosine of ∇f and F⁻¹∇f, n = {n}", cosine)


@pytest.mark.identity("D5")
@pytest.mark.dtypes("float64")
@looks(10)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_the_gauss_newton_product_is_a_jvp_then_a_vjp(
    system: System, evidence: Evidence, data: st.DataObject, seed: int
) -> None:
    """JᵀSJv by the framework's JVP, then S = diag q − qqᵀ, then its VJP, against exact matrices (Schraudolph 2002, 3).

    It is the Hessian of the loss only where the logits are linear. Cannot see an error that J and Jᵀ share.
    """
    f, x = data.draw(functions_between(system.precision, 1, 1))
    gauss_newton(system, evidence, f, x, seed)
    mixed = data.draw(arrays(system.precision, (3, 3), wide=False))
    bent = Program(((3,),), (constant_step(mixed), Step("matmul", (1, 0)), Step("sin", (2,))))
    gauss_newton(system, evidence, bent, (np.array([1, -0.5, 2]),), seed)
    evidence.finds(
        CONDITIONAL, "natural-gradient methods with conjugate gradients use that product; K-FAC's preconditioner uses "
        "Kronecker factors and no product at all, and only its rescaling of the step does (Martens & Grosse 2015, 6.4)",
    )  # fmt: skip


def gauss_newton(system: System, evidence: Evidence, f: Program, x: Point, seed: int) -> None:
    logits = oracle.value(f, x).floats
    if len(logits) < 2 or not np.all(np.abs(logits) < 30):
        return
    q, s = fisher(logits)
    v = np.random.default_rng(seed).standard_normal(f.size)
    truth = oracle.jacobian(f, x)
    if not known(evidence, truth):
        return
    jacobian = truth.floats
    exact = jacobian.T @ s @ jacobian @ v
    for forward in judged(system, evidence, "jvp", f, x, (v,)):
        middle = s @ forward.numbers
        for backward in judged(system, evidence, "vjp", f, x, (middle,)):
            of_middle = np.abs(s) @ forward.tolerance + 16 * 2.0**-53 * np.abs(s) @ np.abs(forward.numbers)
            sizes = np.abs(jacobian.T) @ np.abs(s) @ np.abs(jacobian) @ np.abs(v)
            allowed = backward.tolerance + np.abs(jacobian.T) @ of_middle + 64 * 2.0**-53 * sizes
            evidence.within("JᵀSJv", np.abs(backward.numbers - exact), allowed)
            curved = hessian_of_loss(f, x, q, jacobian, s) @ v
            evidence.control("the Hessian where f is curved", bool(np.any(np.abs(curved - exact) > allowed)))


def hessian_of_loss(f: Program, x: Point, q: Floats, jacobian: Floats, s: Floats) -> Any:
    """JᵀSJ + Σ_k (q − e₀)_k ∇²z_k."""
    weights = q - np.eye(len(q))[0]
    return jacobian.T @ s @ jacobian + oracle.hessian(weighted(f, weights), x).floats
