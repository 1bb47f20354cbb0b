"""The chain rule: products of Jacobians along a path, sums over paths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlaws.strategies.functions import chains, compositions, forks
from gradlaws.strategies.points import arrays
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Composition, Point, composed, shared, weighted
from gradlaws.suite.checking.answer import Answer
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.profiles import examples
from gradlaws.suite.truth.floats import unit
from gradlaws.suite.truth.quantities import truth

LEFTMOST_FIRST, RIGHTMOST_FIRST = "outputs first", "inputs first"


def stage_jacobians(check: Check, composition: Composition, point: Point) -> dict[str, list[Answer]]:
    """By each mode, the Jacobian of every stage at the value that the framework itself computed before it."""
    value_mode = check.modes("value")[0] if check.modes("value") else check.system.backend.modes_of("value")[0]
    found: dict[str, list[Answer]] = {mode.name: [] for mode in check.modes("jacobian")}
    for stage in composition.stages:
        for mode in check.modes("jacobian"):
            jacobian = check.answer(mode, stage, point)
            if jacobian is not None:
                check.true(jacobian, label=f"{mode.name} of a stage")
                found[mode.name].append(jacobian)
        value = check.system.backend.run(value_mode, stage, check.system.precision, point).numbers
        if value is None:
            break
        point = (value.reshape(stage.output),)
    return {name: answers for name, answers in found.items() if len(answers) == len(composition.stages)}


def product(jacobians: list[Answer], order: str) -> tuple[Floats, Floats]:
    """J_k ... J_1, and how far it may be off: each factor by its own bound, each product by n u |A| |B|."""
    factors = [(a.numbers, a.tolerance) for a in jacobians]
    if order == LEFTMOST_FIRST:
        (left, left_error), rest = factors[-1], factors[-2::-1]
        for right, right_error in rest:
            left_error = multiplied_error(left, left_error, right, right_error)
            left = left @ right
        return left, left_error
    (right, right_error), rest = factors[0], factors[1:]
    for left, left_error in rest:
        right_error = multiplied_error(left, left_error, right, right_error)
        right = left @ right
    return right, right_error


def multiplied_error(a: Floats, a_error: Floats, b: Floats, b_error: Floats) -> Floats:
    a_size, b_size = np.abs(a), np.abs(b)
    rounding = a.shape[1] * unit(a, b) * a_size @ b_size
    return np.asarray(a_error @ b_size + a_size @ b_error + a_error @ b_error + rounding)


def check_products(check: Check, composition: Composition, point: Point, dropped: str) -> None:
    """Whole Jacobians against the truth, and products of stage Jacobians against it, in both bracketings.

    The product is formed at the rounded intermediate values, so it may also be off by what the whole's bound allows
    for their roundings.
    """
    whole = truth("jacobian", composition.program, point)
    by_mode = {jacobian.mode: jacobian for jacobian in check.answers("jacobian")}
    for jacobian in by_mode.values():
        check.true(jacobian, whole)
    for mode, factors in stage_jacobians(check, composition, point).items():
        if mode not in by_mode:
            continue
        for order in (LEFTMOST_FIRST, RIGHTMOST_FIRST):
            numbers, error = product(factors, order)
            tolerance = error + by_mode[mode].tolerance
            majorant = by_mode[mode].majorant
            check.compare(f"product of {mode}, {order}", 1, numbers, whole, tolerance, majorant, of=factors)
        corrupted = corrupt(factors, dropped)
        if corrupted is not None and corrupted.shape == numbers.shape:
            check.control(dropped, corrupted, whole, tolerance)


def corrupt(factors: list[Answer], control: str) -> Floats | None:
    """The product with its first factor dropped; or with its first two swapped, or if that does not fit, misaligned:
    the inner index runs backwards in one of them. None where neither changes anything."""
    if len(factors) < 2:
        return None
    first, second, *rest = (f.numbers for f in factors)
    if control == "a factor dropped":
        changed = second
    elif (
        first.shape == second.shape
        and first.shape[0] == first.shape[1]
        and not np.allclose(first @ second, second @ first)
    ):
        changed = first @ second
    elif len(first) > 1:
        changed = second @ first[::-1]
    else:
        return None
    for factor in rest:
        changed = factor @ changed
    return changed


@pytest.mark.identity("C1")
@examples(2 / 3)
@given(data=st.data())
def test_a_chain_has_the_product_of_its_links_derivatives(trial: Trial, data: st.DataObject) -> None:
    """(phi_k o ... o phi_1)'(x) = phi_k' ... phi_1', to depth 12. Cannot see links whose derivative is 1."""
    chain, x = trial.draw(data, chains(trial.precision))
    with trial.example(chain.program, x) as check:
        check_products(check, chain, x, "a factor dropped")


@pytest.mark.identity("C2")
@examples(1)
@given(data=st.data())
def test_the_jacobian_of_a_composition_is_the_product_of_jacobians(trial: Trial, data: st.DataObject) -> None:
    """J(g o f)(x) = J(g)(f(x)) J(f)(x), in either bracketing. Cannot see Jacobians that commute."""
    composition, x = trial.draw(data, compositions(trial.precision))
    with trial.example(composition.program, x) as check:
        check_products(check, composition, x, "factors swapped or misaligned")


@pytest.mark.identity("C3")
@examples(1)
@given(data=st.data())
def test_paths_add_where_a_value_is_used_twice(trial: Trial, data: st.DataObject) -> None:
    """f(x) = g(h(x), h(x)) has grad f = J(h)^T (grad_1 g + grad_2 g). Cannot see paths that contribute nothing."""
    h, g, x = trial.draw(data, forks(trial.precision))
    g = weighted(g, trial.draw(data, arrays(trial.precision, g.output, wide=False)))
    f = composed([h, shared(g)])
    with trial.example(f, x) as check:
        value = trial.backend.run(trial.backend.modes_of("value")[0], h, trial.precision, x).numbers
        exact = truth("gradient", f, x)
        gradients = {gradient.mode: gradient for gradient in check.answers("gradient")}
        for gradient in gradients.values():
            check.true(gradient, exact)
        if value is None:
            return
        at = value.reshape(h.output)
        jacobian = next(iter(check.answers("jacobian", h, x)), None)
        for paths in check.answers("gradient", g, (at, at)):
            if jacobian is None or paths.mode not in gradients or paths.mode == "complex step":
                continue  # f and g are seldom both holomorphic: too few for a cell of their own
            whole = gradients[paths.mode]
            first, second = np.split(paths.numbers, 2)
            total = first + second
            tolerance = np.add(*np.split(paths.tolerance, 2)) + unit(total) * np.abs(total)
            numbers = total[None] @ jacobian.numbers
            error = multiplied_error(total[None], tolerance[None], jacobian.numbers, jacobian.tolerance)[0]
            error = error + whole.tolerance
            of = (paths, jacobian, whole)
            check.compare(f"sum of paths by {paths.mode}", 1, numbers[0], exact, error, whole.majorant, of=of)
            check.control("a path dropped", (first[None] @ jacobian.numbers)[0], exact, error)
