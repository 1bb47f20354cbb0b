"""Newton's method: what it solves, how fast, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import mp_array
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Program, Step, constant_step
from gradlaws.suite.checking.system import System
from gradlaws.suite.document.derivatives import distance, judged, looks, quadratic, rounded
from gradlaws.suite.document.evidence import CONDITIONAL, FALSE, Evidence
from gradlaws.suite.document.orders import slope

Vector = Any  # an array of mpf
DIGITS = 1200
linear: Any = mp  # whose matrices have no types


def definite(random: np.random.Generator, n: int, negative: int = 0) -> Floats:
    """A symmetric matrix with eigenvalues of sizes 1/4 to 4, the first few of them negative."""
    q, _ = np.linalg.qr(random.standard_normal((n, n)))
    eigenvalues = 2.0 ** random.uniform(-2, 2, n)
    eigenvalues[:negative] *= -1
    a = q @ np.diag(eigenvalues) @ q.T
    return np.asarray((a + a.T) / 2)


def solve(matrix: Any, vector: Vector) -> Vector:
    return np.array(list(linear.lu_solve(linear.matrix(matrix.tolist()), linear.matrix(vector.tolist()))), dtype=object)


def solution(a: Floats, b: Floats) -> Vector:
    with mp.workdps(60):
        return solve(a, b)


def newton_steps(system: System, evidence: Evidence, f: Program, x: Floats) -> list[tuple[str, Floats, Floats, float]]:
    """(modes, x − H⁻¹g, Hessian, how far the step may be off in the 2-norm) by a gradient and a Hessian of the backend.

    By the bounds of both and the normwise backward error of the solve, n³ u at most (Higham 2002, theorem 9.4).
    """
    found = []
    for gradient in judged(system, evidence, "gradient", f, (x,)):
        for hessian in judged(system, evidence, "hessian", f, (x,)):
            h = hessian.numbers
            step = np.linalg.solve(h, gradient.numbers)
            inverse, size = 1 / np.min(np.abs(np.linalg.eigvalsh(h))), float(np.linalg.norm(step))
            residual = float(np.linalg.norm(gradient.tolerance)) + float(np.linalg.norm(hessian.tolerance)) * size
            residual += len(x) ** 3 * 2.0**-53 * float(np.linalg.norm(h)) * size
            allowed = 1.25 * float(inverse) * residual + 2.0**-52 * float(np.linalg.norm(x) + size)
            found.append((f"{gradient.mode}, {hessian.mode}", x - step, h, allowed))
    return found


@pytest.mark.identity("S1")
@looks(10)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 4))
def test_one_newton_step_solves_a_quadratic(system: System, evidence: Evidence, seed: int, n: int) -> None:
    """x − H⁻¹∇f(x) = A⁻¹b for f = ½xᵀAx − bᵀx, A positive definite, from anywhere (Nocedal & Wright 2006, (3.30)).

    A, b and x are of the backend's precision; the step is solved for in float64. Cannot see a gradient and a Hessian
    that are wrong by the same matrix.
    """
    random = np.random.default_rng(seed)
    a, b, x = (rounded(system, z) for z in (definite(random, n), *random.standard_normal((2, n))))
    exact = solution(a, b)
    for modes, after, h, allowed in newton_steps(system, evidence, quadratic(a, b), x):
        evidence.at_most(f"‖x₁ − x*‖ by {modes}", distance(after, exact), allowed)
        if n > 1:
            descended = x - h @ (x - exact.astype(float)) / np.max(np.linalg.eigvalsh(h))
            evidence.control("gradient descent", distance(descended, exact) > allowed)


@dataclass(frozen=True)
class Convex:
    """½xᵀAx − bᵀx + Σ softplus(cᵢ·x): μ-strongly convex, with M-Lipschitz Hessian, since the third derivative of
    softplus is at most 1/(6√3)."""

    a: Floats
    b: Floats
    c: Floats

    @classmethod
    def drawn(cls, random: np.random.Generator, n: int) -> Convex:
        return cls(definite(random, n), random.standard_normal(n), random.standard_normal((n, n)))

    @property
    def mu(self) -> float:
        return float(np.min(np.linalg.eigvalsh(self.a))) * (1 - 1e-12)

    @property
    def lipschitz(self) -> float:
        return float(np.sum(np.linalg.norm(self.c, axis=1) ** 3) / (6 * np.sqrt(3)) * (1 + 1e-12))

    @property
    def program(self) -> Program:
        base = quadratic(self.a, self.b)
        k = len(base.shapes)
        more = (
            constant_step(self.c), Step("matmul", (k, 0)), Step("softplus", (k + 1,)),
            Step("sum", (k + 2,), (("axis", None),)), Step("add", (k - 1, k + 3)),
        )  # fmt: skip
        return Program(base.inputs, (*base.steps, *more))

    def gradient(self, x: Vector) -> Vector:
        return mp_array(self.a) @ x - mp_array(self.b) + mp_array(self.c).T @ self.logistic(x)

    def hessian(self, x: Vector) -> Any:
        s, c = self.logistic(x), mp_array(self.c)
        return mp_array(self.a) + (c.T * (s * (1 - s))) @ c

    def logistic(self, x: Vector) -> Vector:
        return np.array([1 / (1 + mp.exp(-z)) for z in mp_array(self.c) @ x], dtype=object)

    def minimum(self) -> Vector:
        """To all digits of the working precision."""
        x = mp_array(np.zeros(len(self.b)))
        for _ in range(40):
            x = x - solve(self.hessian(x), self.gradient(x))
        return x

    def start(self, random: np.random.Generator, minimum: Vector) -> Vector:
        """Half the radius of the theorem's ball away."""
        direction = mp_array(random.standard_normal(len(self.b)))
        return minimum + direction / norm(direction) * mpf(self.mu / (3 * self.lipschitz))

    def limit(self, error: mpf) -> mpf:
        """Of the error after a step, by the theorem."""
        return self.lipschitz * error**2 / (2 * (self.mu - self.lipschitz * error))


def norm(x: Vector) -> mpf:
    return mp.norm(list(x))


@pytest.mark.identity("S2")
def test_newton_doubles_its_digits_inside_the_ball(evidence: Evidence, random: np.random.Generator) -> None:
    """‖e₊‖ ≤ M‖e‖² / (2(μ − M‖e‖)) inside the ball of radius 2μ/(3M) (Nesterov 2004, theorem 1.2.5); digits double.

    Watched with 1200 digits. Outside the theorem it is false: x⁴ converges linearly with rate 2/3, and √(1 + x²)
    diverges from |x| > 1. Cannot see problems that are convex only.
    """
    with mp.workdps(DIGITS):
        for n in (1, 2, 3):
            f = Convex.drawn(random, n)
            minimum = f.minimum()
            x = start = f.start(random, minimum)
            errors = [norm(x - minimum)]
            while errors[-1] > mpf(10) ** (-DIGITS // 3):
                x = x - solve(f.hessian(x), f.gradient(x))
                errors.append(norm(x - minimum))
                evidence.at_most(f"‖e₊‖ / limit, n = {n}", float(errors[-1] / f.limit(errors[-2])), 1)
            digits = [float(-mp.log10(e)) for e in errors]
            order = slope([float(-mp.log10(e)) for e in errors[-4:-1]], digits[-3:])[0]
            factor = [b / a for a, b in zip(digits[-4:-1], digits[-3:], strict=True)]
            evidence.at_most("digits after a step / before, − 2", max(abs(q - 2) for q in factor), 0.25)
            evidence.figure(f"digits, n = {n}", ", ".join(f"{d:.1f}" for d in digits))
            evidence.figure(f"slope of digits against digits before, n = {n}", order)
            evidence.plot(f"Newton, n = {n}", range(len(digits)), digits, ("step", "digits"))
            rate = 1 / mpf(float(np.max(np.linalg.eigvalsh(f.hessian(minimum).astype(float)))) * 2)
            y, descent = start, []
            for _ in range(len(digits)):
                descent.append(float(-mp.log10(norm(y - minimum))))
                y = y - rate * f.gradient(y)
            evidence.control("gradient descent is linear", descent[-1] < digits[-1] / 4)
            evidence.plot(f"gradient descent, n = {n}", range(len(descent)), descent)
        x4, ratios = mpf(1), []
        for _ in range(5):
            after = x4 - 4 * x4**3 / (12 * x4**2)
            ratios.append(after / x4)
            x4 = after
        evidence.at_most("x⁴: rate − 2/3", float(max(abs(r - mpf(2) / 3) for r in ratios)), 1e-30)
        for begin, converges in ((0.9, True), (1.1, False)):
            x = mpf(begin)
            for _ in range(8):
                x = x - x * (1 + x * x)  # f'/f'' of √(1 + x²)
            evidence.expect(f"√(1 + x²) from {begin}", (abs(x) < 1) == converges)
    evidence.finds(
        CONDITIONAL, "convexity is not enough: it takes a strongly convex f with Lipschitz Hessian and a "
        "start inside the ball; on x⁴ it is linear with rate 2/3, and on √(1 + x²) it diverges from |x| > 1",
    )  # fmt: skip


@pytest.mark.identity("S2")
@pytest.mark.backends("torch", "jax")
@pytest.mark.dtypes("float64")
@looks(6)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 3))
def test_newton_squares_its_error_until_roundoff(system: System, evidence: Evidence, seed: int, n: int) -> None:
    """The same bound in floating point, plus what rounding may do to a step. Cannot see more digits than there are."""
    random = np.random.default_rng(seed)
    f = Convex.drawn(random, n)
    with mp.workdps(60):
        minimum = f.minimum()
        x = f.start(random, minimum).astype(float)
    digits = []
    for _ in range(5):
        with mp.workdps(60):
            error = norm(mp_array(x) - minimum)
            digits.append(float(-mp.log10(error or mpf(10) ** -17)))
            limit = float(f.limit(error))
        for modes, after, _, allowed in newton_steps(system, evidence, f.program, x)[:1]:
            evidence.at_most(f"‖e₊‖ by {modes}", distance(after, minimum), limit + allowed)
            x = after
    evidence.plot(
        f"Newton in float64 by {system.backend.name}, n = {n}", range(len(digits)), digits, ("step", "digits")
    )


@pytest.mark.identity("S3")
@looks(8)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 4))
def test_newton_lands_on_the_saddle_of_an_indefinite_quadratic(
    system: System, evidence: Evidence, seed: int, n: int
) -> None:
    """x − H⁻¹∇f(x) is the saddle of ½xᵀAx − bᵀx for indefinite A, from anywhere; gradient descent leaves it, and with
    |H| in place of H (Dauphin et al. 2014) f falls. Cannot see landscapes of real losses."""
    random = np.random.default_rng(seed)
    a, b, x = (rounded(system, z) for z in (definite(random, n, negative=1), *random.standard_normal((2, n))))
    exact = solution(a, b)
    saddle = exact.astype(float)
    for modes, after, h, allowed in newton_steps(system, evidence, quadratic(a, b), x):
        evidence.at_most(f"‖x₁ − saddle‖ by {modes}", distance(after, exact), allowed)
        eigenvalues, vectors = np.linalg.eigh(h)
        away, slope_there = x - saddle, h @ (x - saddle)
        descended = away - slope_there / np.max(np.abs(eigenvalues))
        leaves = abs(vectors[:, 0] @ descended) > abs(vectors[:, 0] @ away)
        evidence.expect("gradient descent leaves along the negative curvature", bool(leaves))
        free = away - vectors @ ((vectors.T @ slope_there) / np.abs(eigenvalues))
        falls = free @ h @ free < away @ h @ away
        evidence.control("saddle-free Newton escapes", falls and float(np.linalg.norm(free)) > allowed)


@pytest.mark.identity("S3")
@pytest.mark.dtypes("float64")
def test_newton_does_not_go_to_the_nearest_stationary_point(system: System, evidence: Evidence) -> None:
    """On x⁴/4 − x²/2 + y²/2 from x = 0.46 it goes to the minimum at 1, though the saddle at 0 is nearer.

    Cannot see how often that happens.
    """
    fourth_power = Program(((),), (Step("square", (0,)), Step("square", (1,))))
    x = 0.46
    for _ in range(12):
        (gradient,) = judged(system, evidence, "gradient", fourth_power, (np.array(x),))
        (hessian,) = judged(system, evidence, "hessian", fourth_power, (np.array(x),))
        x = x - (gradient.numbers.item() / 4 - x) / (hessian.numbers.item() / 4 - 1)
    evidence.at_most("distance of the end from the minimum at 1", abs(x - 1), 2.0**-50)
    evidence.finds(
        FALSE, "it finds stationary points, and one step on an indefinite quadratic lands on its saddle; but “nearest” "
        "is false: on x⁴/4 − x²/2 + y²/2 from x = 0.46 it ends in the minimum at 1, while the saddle at 0 is nearer",
    )  # fmt: skip
