"""Functions of many entries: to first order, to second order along directions, and every primitive by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlaws.strategies import large, points
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.functions import alone
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, weighted
from gradlaws.suite import profiles
from gradlaws.suite.bound.thresholds import fault
from gradlaws.suite.checking import controls
from gradlaws.suite.checking.answer import Answer, exactly
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.identities.large_check import asked_of_many
from gradlaws.suite.identities.large_repeated import RepeatedCheck, flattened
from gradlaws.suite.identities.large_traced import in_float64
from gradlaws.suite.profiles import examples
from gradlaws.suite.vocabulary import Quantity

SEED = 0  # of the directions of RULE


def few(trial: Trial) -> bool:
    """Whether a new shape costs more than a new function."""
    return trial.backend.name in profiles.SHARES


def one_entry_off(answer: Answer) -> Floats:
    """The largest entry as a rule has it that is wrong in one of them."""
    numbers = answer.numbers.copy()
    numbers[np.argmax(abs(numbers))] *= 1 + fault(answer.question.precision)
    return numbers


@pytest.mark.identity("U9")
@pytest.mark.backends("torch", "jax")
@pytest.mark.dtypes("float64", "float32")
@examples(1)
@given(data=st.data())
def test_large_arrays_to_first_order(trial: Trial, data: st.DataObject) -> None:
    """f, ∇f, u^T J, J v and <u, J v> = <J^T u, v>, entry by entry. Cannot see an error below its bound."""
    f, x = trial.draw(data, large.programs(trial.precision, in_float64, few(trial)))
    (w,) = trial.draw(data, large.directions(trial.precision, [f.output])) if f.output else (np.ones(()),)
    v = trial.draw(data, large.directions(trial.precision, f.inputs))
    with asked_of_many(trial, f, x, w, v) as check:
        if not check.rule(SEED):
            return
        for value in check.answers("value"):
            check.judged(value)
        for gradient in check.answers("gradient", weighted(f, w)):
            check.judged(gradient)
            check.control("one entry off by 2¹²u", one_entry_off(gradient), check.truth(gradient), gradient.tolerance)
        vjps = check.answers("vjp", f, x, (w,))
        for back in vjps:
            check.judged(back)
        if not check.forward_rule(v):
            return
        for along in check.answers("jvp", f, x, v):
            check.judged(along)
            left, allowed, size = check.along(along, (w,))
            for back in vjps:
                right, more, _ = check.along(back, v)
                label = f"⟨u, {along.mode}⟩ = ⟨{back.mode}, v⟩"
                check.compare(label, 1, left, exactly(right), allowed + more, size, of=(along, back))
                scaled = exactly(controls.scaled(right, trial.precision))
                check.control("a transpose rule scaled by 1 + 2¹²u", left, scaled, allowed + more, size)


@pytest.mark.identity("U10")
@pytest.mark.backends("torch", "jax")
@pytest.mark.dtypes("float64", "float32")
@examples(1 / 2)
@given(data=st.data())
def test_large_arrays_to_second_order(trial: Trial, data: st.DataObject) -> None:
    """H v in every nesting, v.Hv, and <u, Hv> = <v, Hu>. Cannot see what has no curvature along the directions."""
    f, x = trial.draw(data, large.programs(trial.precision, in_float64, few(trial)))
    (w,) = trial.draw(data, large.directions(trial.precision, [f.output])) if f.output else (np.ones(()),)
    v, u = (trial.draw(data, large.directions(trial.precision, f.inputs)) for _ in range(2))
    with asked_of_many(trial, f, x, w, v, u) as check:
        if not check.rule(SEED):
            return
        objective = weighted(f, w)
        for product in check.answers("hvp", objective, x, v):
            check.judged(product)
            check.control("one entry off by 2¹²u", one_entry_off(product), check.truth(product), product.tolerance)
            other = check.answer(product.by, objective, x, u)
            if other is not None:
                left, allowed, size = check.along(product, u)
                right, more, _ = check.along(other, v)
                label = f"⟨u, Hv⟩ = ⟨v, Hu⟩ by {product.mode}"
                check.compare(label, 2, left, exactly(right), allowed + more, size, of=(product, other))
        for curvature in check.answers("curvature", objective, x, v):
            check.judged(curvature)


ENTRYWISE = [name for name, row in PRIMITIVES.items() if row.kind in ("elementwise", "arithmetic")]
OF_ARRAYS = [name for name in PRIMITIVES if name not in ENTRYWISE]
FEW = settings(max_examples=2)


@pytest.mark.identity("alone")
@pytest.mark.backends("torch")  # jax compiles each anew, and has no share of the budget left
@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("primitive", ENTRYWISE)
@FEW
@given(data=st.data())
def test_a_primitive_in_a_large_array(trial: Trial, data: st.DataObject, primitive: str) -> None:
    """phi, phi' and phi'' of a few numbers, each at many places of an array. Cannot see beyond its domain."""
    drawn = trial.draw(data, alone(trial.precision, PRIMITIVES[primitive], profiles.pick_of(trial.backend.name)))
    layout = trial.draw(data, large.layouts(few(trial)))
    f, x = flattened(*drawn)
    w = trial.draw(data, points.arrays(trial.precision, f.output, wide=False))
    v = trial.draw(data, points.directions(trial.precision, f.inputs))
    with trial.asking(RepeatedCheck(trial, f, x, (v,), trial.examples, weights=w, layout=layout)) as check:
        for quantity in ("value", "gradient"):
            for mode in check.modes(quantity)[:1]:
                check.asked(mode)
        if profiles.hessian_due(primitive, trial.backend.name):
            for mode in check.modes("hvp")[:1]:
                check.asked(mode, v)


@pytest.mark.identity("alone")
@pytest.mark.backends("torch")  # jax compiles each anew, and has no share of the budget left
@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("primitive", OF_ARRAYS)
@FEW
@given(data=st.data())
def test_a_primitive_of_large_arrays(trial: Trial, data: st.DataObject, primitive: str) -> None:
    """phi, phi' and phi'' of whole arrays, by their tapes. Cannot see what has no trace."""
    f, x = trial.draw(data, large.alone(trial.precision, PRIMITIVES[primitive], few(trial)))
    if not f.steps:
        return
    (w,) = trial.draw(data, large.directions(trial.precision, [f.output])) if f.output else (np.ones(()),)
    v = trial.draw(data, large.directions(trial.precision, f.inputs))
    with asked_of_many(trial, f, x, w, v) as check:
        if not check.rule(SEED):
            return
        asked: list[tuple[Quantity, Program, tuple[Point, ...]]] = [("value", f, ()), ("gradient", weighted(f, w), ())]
        if check.large.traced.product is not None and profiles.hessian_due(primitive, trial.backend.name):
            asked.append(("hvp", weighted(f, w), (v,)))
        for quantity, program, along in asked:
            for answer in check.answers(quantity, program, x, *along):
                check.judged(answer)
