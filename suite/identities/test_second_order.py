"""Hessians and Hessian-vector products, in every nesting of modes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from gradlaws.strategies.functions import scalar_functions
from gradlaws.strategies.mp_arrays import MPArray, mp_array
from gradlaws.strategies.points import directions
from gradlaws.strategies.program import Program, Step
from gradlaws.suite.bound.thresholds import fault
from gradlaws.suite.checking import controls
from gradlaws.suite.checking.answer import exactly
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.profiles import examples
from gradlaws.suite.truth.floats import flat, unit
from gradlaws.suite.truth.limits import Difference, second_difference
from gradlaws.suite.truth.oracle import flat_function
from gradlaws.suite.truth.quantities import truth


@pytest.mark.identity("H2")
@examples(1)
@given(data=st.data())
def test_the_hessian_holds_the_second_partials(trial: Trial, data: st.DataObject) -> None:
    """H_ik = d2f/dx_i dx_k, by second differences, in every nesting. Cannot see what has no curvature."""
    f, x = trial.draw(data, scalar_functions(trial.precision))
    with trial.example(f, x) as check:
        for hessian in check.answers("hessian"):
            check.true(hessian)
            frozen = hessian.numbers - controls.frozen(f, x)
            check.control("a second derivative frozen", frozen, hessian.truth, hessian.tolerance)


@pytest.mark.identity("H3")
@examples(1)
@given(data=st.data())
def test_the_hessian_is_symmetric(trial: Trial, data: st.DataObject) -> None:
    """H = H^T where second derivatives are continuous (Clairaut; Rudin, Principles, theorem 9.41), entry by entry.

    Cannot see errors that are themselves symmetric.
    """
    f, x = trial.draw(data, scalar_functions(trial.precision))
    with trial.example(f, x) as check:
        for hessian in check.answers("hessian"):
            transposed, tolerance = exactly(hessian.numbers.T.copy()), hessian.tolerance + hessian.tolerance.T
            check.compare(hessian.mode, 2, hessian.numbers, transposed, tolerance, hessian.majorant, of=(hessian,))
            if f.size > 1:
                planted, size = hessian.numbers.copy(), float(np.max(np.abs(hessian.numbers)))
                planted[0, -1] += fault(trial.precision) * (size or hessian.majorant or 1.0)
                check.control("an asymmetry planted", planted, transposed, tolerance, hessian.majorant)


STEPS = (
    ("square", (0,)),
    ("square", (1,)),
    ("sub", (2, 3)),
    ("add", (2, 3)),
    ("mul", (0, 1)),
    ("mul", (6, 4)),
    ("div", (7, 5)),
)
# xy(x² − y²)/(x² + y²), whose second partials are not continuous at the origin.
COUNTEREXAMPLE = Program(((), ()), tuple(Step(primitive, arguments) for primitive, arguments in STEPS))


def nested_difference(first: int) -> mpf:
    """At the origin, the partial by variable ``first`` and then by the other, the inner step far below the outer."""
    inner, outer = mpf(2) ** -120, mpf(2) ** -40
    f = flat_function(COUNTEREXAMPLE)
    steps = mp_array(np.eye(2)[[first, 1 - first]])

    def inner_partial(at: MPArray) -> mpf:
        return (f(at + inner * steps[0])[0] - f(at - inner * steps[0])[0]) / (2 * inner)

    return (inner_partial(outer * steps[1]) - inner_partial(-outer * steps[1])) / (2 * outer)


@pytest.mark.identity("H3")
@pytest.mark.backends("torch", "jax")
def test_the_hessian_need_not_be_symmetric_where_second_partials_jump(trial: Trial) -> None:
    """xy(x² − y²)/(x² + y²) at the origin (Peano; Rudin, Principles, exercise 9.27): mixed partials −1 and +1.

    The symmetric mixed difference is 0 and hides it; the frameworks, which divide 0 by 0 there, say NaN.
    """
    with mp.workdps(100):
        by_x_then_y, by_y_then_x = nested_difference(0), nested_difference(1)
        x, y = mp_array(np.eye(2)) * mpf(2) ** -40
        symmetric = second_difference(flat_function(COUNTEREXAMPLE), 0 * x, x, y, Difference(100, 0))
    assert (round(by_x_then_y, 9), round(by_y_then_x, 9)) == (-1, 1)
    assert symmetric[0] == 0
    origin = (np.zeros(()), np.zeros(()))
    for mode in trial.backend.modes_of("hessian"):
        said = trial.backend.run(mode, COUNTEREXAMPLE, trial.precision, origin).numbers
        assert said is not None
        assert np.isnan(said).all(), f"{mode.name} says {said.tolist()}"


@pytest.mark.identity("D4")
@examples(1.5)
@given(data=st.data())
def test_jvp_of_vjp_is_the_hessian_times_v(trial: Trial, data: st.DataObject) -> None:
    """jvp(grad f)(x; v) = H(x) v without H (Pearlmutter 1994), in every nesting, and u.Hv = v.Hu.

    Cannot see a fault that scales f itself.
    """
    f, x = trial.draw(data, scalar_functions(trial.precision))
    v, u = (trial.draw(data, directions(trial.precision, f.inputs)) for _ in range(2))
    with trial.example(f, x, v, u) as check:
        for hv in check.answers("hvp", f, x, v):
            check.true(hv)
            stopped = hv.numbers - controls.frozen(f, x) @ flat(v)
            check.control("stop-gradient inside", stopped, hv.truth, hv.tolerance)
            hu = check.answer(hv.by, f, x, u)
            if hu is not None:
                uhv, vhu = (flat(u) * hv.numbers).sum(), (flat(v) * hu.numbers).sum()
                tolerance = np.abs(flat(u)) @ hv.tolerance + np.abs(flat(v)) @ hu.tolerance
                size = float(np.abs(flat(u)) @ np.abs(truth("hessian", f, x).floats) @ np.abs(flat(v)))
                tolerance = np.array([tolerance + 2 * f.size * unit(hv.numbers) * size])
                check.compare(
                    f"u·Hv = v·Hu by {hv.mode}",
                    2,
                    np.array([uhv]),
                    exactly(np.array([vhu])),
                    tolerance,
                    size,
                    of=(hv, hu),
                )
        for vhv in check.answers("curvature", f, x, v):
            check.true(vhv)
