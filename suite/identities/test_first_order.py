"""Gradients, Jacobians, directional derivatives, and their duality."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlaws.strategies.functions import functions_between, programs, scalar_functions
from gradlaws.strategies.points import directions
from gradlaws.strategies.program import Point, splitter
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.checking import controls
from gradlaws.suite.checking.answer import Answer, exactly
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.profiles import examples
from gradlaws.suite.truth.floats import flat, unit
from gradlaws.suite.truth.oracle import linear
from gradlaws.suite.truth.quantities import truth
from gradlaws.suite.vocabulary import Quantity

RANKS = [(i, o) for i in range(3) for o in range(3)]


@pytest.mark.identity("G1")
@examples(1)
@given(data=st.data())
def test_the_gradient_holds_the_partial_derivatives(trial: Trial, data: st.DataObject) -> None:
    """grad f(x)_i = df/dx_i, the limit of difference quotients, in every mode. Cannot see an error below its bound."""
    f, x = trial.draw(data, scalar_functions(trial.precision))
    with trial.example(f, x) as check:
        for gradient in check.answers("gradient"):
            check.true(gradient)
            rule_scaled = controls.scaled(gradient.numbers, trial.precision)
            if "difference" in gradient.mode:  # coarse: by what its bound allows
                rule_scaled = gradient.numbers + 4 * np.max(gradient.tolerance)
            check.control("a rule scaled by 1 + 2¹²u", rule_scaled, gradient.truth, gradient.tolerance)


@pytest.mark.identity("H1")
@examples(1)
@given(data=st.data())
def test_the_jacobian_holds_the_partials_of_every_output(trial: Trial, data: st.DataObject) -> None:
    """J_ij = df_i/dx_j, of shape out + in for every pair of ranks, whole or column by column or row by row.

    Cannot see a symmetric Jacobian transposed.
    """
    f, x = trial.draw(data, st.sampled_from(RANKS).flatmap(lambda ranks: functions_between(trial.precision, *ranks)))
    m, n = math.prod(f.output), f.size
    with trial.example(f, x) as check:
        whole, mixing = truth("jacobian", f, x), np.diag(2.0 ** np.arange(m))[::-1]
        for jacobian in check.answers("jacobian"):
            check.true(jacobian, whole)
            if m > 1 and n > 1:
                # Stored in the wrong order; of f with entries reversed and scaled, since many Jacobians are diagonal.
                exact, tolerance = linear(whole, mixing, "left"), np.abs(mixing) @ jacobian.tolerance
                check.control("Jᵀ", (mixing @ jacobian.numbers).T.reshape(m, n), exact, tolerance)
        for mode in one_at_a_time(check, "jvp"):
            columns = [check.answer(mode, f, x, _unit(f.inputs, j)) for j in range(n)]
            check_stacked(check, columns, axis=1, label=f"columns by {mode.name}")
        for mode in one_at_a_time(check, "vjp"):
            rows = [check.answer(mode, f, x, _unit((f.output,), i)) for i in range(m)]
            check_stacked(check, rows, axis=0, label=f"rows by {mode.name}")


def one_at_a_time(check: Check, quantity: Quantity) -> list[Mode]:
    """Not those that trace or compile the function anew at each call."""
    return [mode for mode in check.modes(quantity) if not mode.name.startswith(("jit(", "func.linearize"))]


def _unit(shapes: tuple[tuple[int, ...], ...], index: int) -> Point:
    """The unit vector number ``index`` among all entries of arrays of these shapes."""
    whole = np.eye(sum(math.prod(shape) for shape in shapes))[index]
    return tuple(splitter(shapes)(whole))


def check_stacked(check: Check, answers: list[Answer | None], axis: int, label: str) -> None:
    """Rows or columns against the whole Jacobian."""
    found = [answer for answer in answers if answer is not None]
    if len(found) < len(answers):
        return  # unsupported or failed, and recorded as such
    whole = truth("jacobian", check.program, check.point)
    numbers = np.stack([answer.numbers for answer in found], axis=axis)
    tolerance = np.stack([answer.tolerance for answer in found], axis=axis)
    check.compare(label, 1, numbers, whole, tolerance, max(answer.majorant for answer in found), of=found)


@pytest.mark.identity("D1")
@examples(1)
@given(data=st.data())
def test_the_directional_derivative_is_a_jvp(trial: Trial, data: st.DataObject) -> None:
    """D_v f = J v = jvp(f)(x; v), against the derivative of s -> f(x + s v). Cannot see inputs that do not matter."""
    f, x = trial.draw(data, programs(trial.precision))
    v = trial.draw(data, directions(trial.precision, f.inputs))
    with trial.example(f, x, v) as check:
        for along in check.answers("jvp", f, x, v):
            check.true(along)
            ignored = truth("jacobian", f, x).floats[:, -1] * flat(v)[-1]
            check.control("a JVP that ignores one input", along.numbers - ignored, along.truth, along.tolerance)


@pytest.mark.identity("D2")
@examples(1)
@given(data=st.data())
def test_a_vjp_is_the_cotangent_times_the_jacobian(trial: Trial, data: st.DataObject) -> None:
    """backward(u) = vjp(u) = u^T J. Cannot see a symmetric Jacobian transposed."""
    f, x = trial.draw(data, programs(trial.precision))
    u = trial.draw(data, directions(trial.precision, (f.output,)))
    with trial.example(f, x, u) as check:
        for back in check.answers("vjp", f, x, u):
            check.true(back)
            jacobian = truth("jacobian", f, x).floats
            if min(jacobian.shape) > 1:  # read in the wrong order: Ju where J is square
                transposed = jacobian.T.reshape(jacobian.shape)
                check.control("Ju in place of uᵀJ", flat(u) @ transposed, back.truth, back.tolerance)


@pytest.mark.identity("D3")
@examples(1)
@given(data=st.data())
def test_jvp_and_vjp_are_adjoint_and_linear(trial: Trial, data: st.DataObject) -> None:
    """<u, Jv> = <J^T u, v> for every pair of modes, J(v + w) = Jv + Jw. Cannot see an error that J and J^T share."""
    f, x = trial.draw(data, programs(trial.precision))
    v = trial.draw(data, directions(trial.precision, f.inputs))
    u = trial.draw(data, directions(trial.precision, (f.output,)))
    with trial.example(f, x, v, u) as check:
        jvps, vjps = check.answers("jvp", f, x, v), check.answers("vjp", f, x, u)
        for jv in jvps:
            left, left_tolerance, size = paired(jv, flat(u))
            for uj in vjps:
                right, right_tolerance, _ = paired(uj, flat(v))
                tolerance = left_tolerance + right_tolerance
                check.compare(f"⟨u, {jv.mode}⟩ = ⟨{uj.mode}, v⟩", 1, left, exactly(right), tolerance, size, of=(jv, uj))
                transposed = controls.scaled(right, trial.precision)
                check.control("a transpose rule scaled by 1 + 2¹²u", left, exactly(transposed), tolerance, size)
        some, rest = halves(v)
        for whole in jvps:
            if whole.by not in one_at_a_time(check, "jvp"):
                continue
            first, second = check.answer(whole.by, f, x, some), check.answer(whole.by, f, x, rest)
            if first is not None and second is not None:
                total = first.numbers + second.numbers
                tolerance = whole.tolerance + first.tolerance + second.tolerance
                of = (whole, first, second)
                check.compare(
                    f"{whole.mode} is linear", 1, whole.numbers, exactly(total), tolerance, whole.majorant, of=of
                )


def paired(answer: Answer, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """<answer, other>, its tolerance including the product's own roundings, and the sum of sizes."""
    terms = answer.numbers * other
    size = float(np.sum(np.abs(terms)))
    tolerance = answer.tolerance @ np.abs(other) + len(terms) * unit(terms) * size
    return np.array([terms.sum()]), np.array([tolerance]), size


def halves(v: Point) -> tuple[Point, Point]:
    """v as the sum of two tangents, exactly: its even and its odd entries."""
    even = tuple(np.where(np.arange(a.size).reshape(a.shape) % 2 == 0, a, 0.0) for a in v)
    return even, tuple(a - b for a, b in zip(v, even, strict=True))
