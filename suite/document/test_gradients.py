"""Gradients: steepest ascent, descent, linearisation, and where it ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from gradlaws.strategies.functions import scalar_functions
from gradlaws.strategies.mp_arrays import DomainError, MPArray, mp_array
from gradlaws.strategies.points import directions
from gradlaws.suite.checking.system import System
from gradlaws.suite.document.derivatives import judged, looks, quadratic
from gradlaws.suite.document.evidence import CONDITIONAL, Evidence
from gradlaws.suite.document.orders import Line, fitted
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.floats import flat

SMALL = 0.02  # the next term of a series, relative to the one that is measured


@pytest.mark.identity("G2")
@looks(12)
@given(data=st.data())
def test_the_gradient_is_steepest_and_its_norm_the_largest_rate(
    system: System, evidence: Evidence, data: st.DataObject
) -> None:
    """D_v f(x) <= ||grad f(x)|| for unit v, with equality at v = grad f / ||grad f|| (Cauchy-Schwarz).

    The direction is the framework's gradient, the rate is exact: an error of angle t loses t^2/2 of the rate. Cannot
    see an error of the gradient along itself, which G1 sees.
    """
    f, x = data.draw(scalar_functions(system.precision, max_steps=4))
    w = flat(data.draw(directions(system.precision, f.inputs)))
    exact = oracle.gradient(f, x).exact
    with mp.workdps(40):
        norm = mp.norm(list(exact))
    if not norm:
        return  # a plateau has no steepest direction
    for gradient in judged(system, evidence, "gradient", f, x):
        angle = float(np.linalg.norm(gradient.tolerance)) / float(norm) + 2.0**-50
        if angle > 0.1:
            continue  # too coarse to have a direction
        steepest = rate(exact, mp_array(gradient.numbers), 2)
        evidence.at_most("1 − D_v f/‖∇f‖ at v = ∇f", float(1 - steepest / norm), angle**2)
        evidence.at_most("D_w f/‖∇f‖ at another w", float(abs(rate(exact, mp_array(w), 2)) / norm), 1 + 2.0**-50)
        if len(w) > 1:
            evidence.control(
                "unit vector of the 4-norm", rate(exact, mp_array(gradient.numbers), 4) > norm * (1 + 2.0**-40)
            )


def rate(gradient: MPArray, v: MPArray, p: int) -> mpf:
    """D_v f for v scaled to 1 in the p-norm."""
    with mp.workdps(40):
        return mp.fdot(gradient, v) / mp.norm(list(v), p)


@pytest.mark.identity("G3")
@pytest.mark.dtypes("float64")
@looks(10)
@given(data=st.data())
def test_descent_decreases_below_two_over_the_curvature(
    system: System, evidence: Evidence, data: st.DataObject
) -> None:
    """f(x - t g) < f(x) for 0 < t < 2/L, where L bounds the curvature along the segment (Nesterov 2004, (1.2.13)).

    L is the largest of 33 curvatures along it, and t stays below 1.9/L. On quadratics exactly: along an eigenvector
    descent if and only if t < 2/lambda. Cannot see what happens between the 33 points.
    """
    f, x = data.draw(scalar_functions(system.precision, max_steps=4))
    for gradient in judged(system, evidence, "gradient", f, x):
        line = Line(f, x, -gradient.numbers)
        square = mp.fdot(*(mp_array(gradient.numbers),) * 2)
        if not square or float(np.max(gradient.tolerance)) ** 2 * len(gradient.numbers) > float(square) / 1e6:
            continue
        t = longest(line, square)
        if t is not None:
            with mp.workdps(60):
                evidence.expect(f"f(x − {float(t):.3g} g) < f(x)", line(t) < line(mpf(0)))


def longest(line: Line, square: mpf) -> mpf | None:
    """The largest step t with t L <= 1.9, L over 33 points of [0, t], doubled from below, so that a pole is felt before
    it is passed; up to half the distance to where an entry of x changes its sign. None where there is none."""
    found = None
    for exponent in range(-24, 0):
        t = line.scale * mpf(2) ** exponent
        try:
            largest = max(line.derivatives(t * k / 32)[2] for k in range(33))
        except DomainError:
            break
        if t * largest > mpf("1.9") * square:
            break
        found = t
    return found


@pytest.mark.identity("G3")
@pytest.mark.dtypes("float64")
def test_along_an_eigenvector_the_limit_is_two_over_its_eigenvalue(
    system: System, evidence: Evidence, random: np.random.Generator
) -> None:
    """For f = ½xᵀAx, descent along an eigenvector decreases f exactly if t < 2/lambda: f scales by (1 - t lambda)².

    Cannot see an error of the gradient below 1e-9.
    """
    for n in (1, 2, 3, 5):
        eigenvalues = 2.0 ** random.integers(-3, 4, n)
        f, place = quadratic(np.diag(eigenvalues), np.zeros(n)), int(random.integers(n))
        x = np.eye(n)[place]
        for gradient in judged(system, evidence, "gradient", f, (x,)):
            for near, below in ((1 - 1e-9, True), (1 + 1e-9, False)):
                with mp.workdps(40):
                    t = 2 / mpf(float(eigenvalues[place])) * mpf(near)
                    after = oracle.flat_function(f)(mp_array(x) - t * mp_array(gradient.numbers))[0]
                    before = oracle.flat_function(f)(mp_array(x))[0]
                if below:
                    evidence.expect("a step just below 2/λ decreases f", after < before)
                else:
                    evidence.control("a step just above 2/λ", after >= before)


@pytest.mark.identity("G4")
@pytest.mark.dtypes("float64")
@looks(16)
@given(data=st.data())
def test_taylor_remainders_have_orders_one_two_three(system: System, evidence: Evidence, data: st.DataObject) -> None:
    """|f(x + hv) - T_k(hv)| = c h^(k+1) (1 + r), |r| <= SMALL, for T_k with the value, the gradient, the Hessian.

    Fitted over 8 halvings of h below where, by the derivatives along v, the next term is SMALL of this one; the slope
    may be off by what that does. Cannot see errors of the derivatives below the remainder at the smallest h.
    """
    f, x = data.draw(scalar_functions(system.precision, max_steps=4))
    v = data.draw(directions(system.precision, f.inputs))
    line = Line(f, x, flat(v))
    along = line.derivatives(mpf(0), up_to=6)
    for order, quantity in ((1, "gradient"), (2, "curvature")):
        further = (v,) if quantity == "curvature" else ()
        for answer in judged(system, evidence, quantity, f, x, *further):  # type: ignore[arg-type]
            with mp.workdps(60):
                numbers = mp_array(answer.numbers)
                slope = mp.fdot(numbers, mp_array(flat(v))) if order == 1 else numbers[0] / 2
                model = [*along[:order], slope]
            found = fitted(line, model, along, order + 1, SMALL)
            if found is None:
                continue
            evidence.at_most(f"slope − {order + 1}", abs(found.slope - (order + 1)), found.allowed)
            evidence.sample(f"slope of the remainder of order {order + 1}", found.slope)
            name = f"remainder with derivatives up to order {order}"
            evidence.plot(name, np.log10(found.h), np.log10(found.size), ("log₁₀ h", "log₁₀ remainder"))
            if order == 1 and (other := fitted(line, [along[0], 2 * slope], along, 1, SMALL)) is not None:
                evidence.control("the gradient of another function", abs(other.slope - 2) > found.allowed)
    constant = fitted(line, along[:1], along, 1, SMALL)
    if constant is not None:
        evidence.at_most("slope − 1", abs(constant.slope - 1), constant.allowed)
        evidence.sample("slope of the remainder of order 1", constant.slope)


@pytest.mark.identity("G5")
@pytest.mark.dtypes("float64")
@looks(16)
@given(data=st.data())
def test_the_decrease_departs_from_its_prediction_linearly(
    system: System, evidence: Evidence, data: st.DataObject
) -> None:
    """(f(x) - f(x - t g)) / (t ||g||^2) = 1 - ½ t gᵀHg/||g||² + O(t²): slope 1 in t, and the sign of -gᵀHg.

    So where f is concave along g, a longer step does better than promised: the claim holds with that condition.
    Cannot see the region beyond the second order.
    """
    f, x = data.draw(scalar_functions(system.precision, max_steps=4))
    for gradient in judged(system, evidence, "gradient", f, x):
        line = Line(f, x, -gradient.numbers)
        along = line.derivatives(mpf(0), up_to=6)
        with mp.workdps(60):
            square = mp.fdot(*(mp_array(gradient.numbers),) * 2)
        if not square:
            continue
        found = fitted(line, [along[0], -square], along, 2, SMALL)
        if found is None:
            continue
        with mp.workdps(60):
            t = mpf(found.h[0])
            departure = (line(mpf(0)) - line(t)) / (t * square) - 1
            predicted = -t * along[2] / (2 * square)
        evidence.at_most("slope − 1", abs(found.slope - 1 - 1), found.allowed)
        evidence.sample("slope of the departure", found.slope - 1)
        evidence.at_most("coefficient", float(abs(departure / predicted - 1)), 2 * SMALL)
        kind = "convex" if along[2] > 0 else "concave"
        evidence.figure(f"departure at the largest step, {kind} along g", float(departure))
        ratios = [float((line(mpf(0)) - line(mpf(h))) / (mpf(h) * square)) for h in found.h]
        name = f"{kind} along g"
        evidence.plot(name, np.log10(found.h), ratios, ("log₁₀ step", "actual / predicted decrease"))
    evidence.finds(
        CONDITIONAL, "the decrease falls behind its prediction where f is convex along g, and exceeds it "
        "where f is concave",
    )  # fmt: skip
    flat_line = quadratic(np.zeros((2, 2)), np.array([1.0, -2.0]))
    with mp.workdps(60):
        straight = Line(flat_line, (np.array([0.5, 0.25]),), np.array([1.0, -2.0]))
        evidence.control("a linear function", (straight(mpf(0)) - straight(mpf(4))) / 20 == 1)
