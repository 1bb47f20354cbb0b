"""Programs in control flow, custom rules, checkpoints and hooks have the derivatives of the program itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlaws.strategies.functions import scalar_functions
from gradlaws.strategies.points import directions
from gradlaws.strategies.program import Point
from gradlaws.suite.checking.asking import beside_truth
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.profiles import examples
from gradlaws.suite.vocabulary import Quantity

SHAPES: tuple[tuple[int, ...], ...] = ((), (3,))


@pytest.mark.identity("U5")
@examples(1 / 3)
@given(data=st.data())
def test_control_flow_leaves_derivatives_alone(trial: Trial, data: st.DataObject) -> None:
    """W(f) = f ⇒ value, gradient, JVP and Hessian-vector product of W(f) are those of f, for every wrapper W of
    suite/backends/*_control_flow.py. Cannot see loops whose number of steps depends on x."""
    f, x = trial.draw(data, scalar_functions(trial.precision, max_steps=3, shapes=SHAPES))
    v = trial.draw(data, directions(trial.precision, f.inputs))
    asked: tuple[tuple[Quantity, tuple[Point, ...]], ...] = (
        ("value", ()),
        ("gradient", ()),
        ("jvp", (v,)),
        ("hvp", (v,)),
        ("curvature", (v,)),
    )
    with trial.example(f, x, v) as check:
        for quantity, along in asked:
            if conclusive(check, quantity, *along):
                for mode in check.modes(quantity, trial.backend.wrapped(quantity)):
                    answer = check.answer(mode, f, x, *along)
                    if answer is not None:
                        check.true(answer)
        see_the_wrong_fail(check)


def conclusive(check: Check, quantity: Quantity, *along: Point) -> bool:
    """Whether the program itself can be judged here: a wrapper's turn is not for others."""
    plain = check.answer(check.system.backend.modes_of(quantity)[0], check.program, check.point, *along)
    return plain is not None and beside_truth(plain).verdict.kind != "inconclusive"


def see_the_wrong_fail(check: Check) -> None:
    """The same with wrappers that change the derivative, in the framework itself."""
    backend = check.system.backend
    plain = check.answer(backend.modes_of("gradient")[0])
    if plain is None:
        return
    for name, wrapper in backend.wrong.items():
        wrong = backend.run(plain.by.of(wrapper), check.program, check.system.precision, check.point)
        if wrong.numbers is not None:
            check.control(name, wrong.numbers, plain.truth, plain.tolerance, plain.majorant)
