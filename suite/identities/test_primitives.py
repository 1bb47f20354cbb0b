"""Every primitive by itself, on every backend: value, first and second derivative, in its plainest modes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.functions import alone
from gradlaws.strategies.points import arrays
from gradlaws.strategies.program import weighted
from gradlaws.suite import profiles
from gradlaws.suite.checking import controls
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.profiles import examples


@pytest.mark.identity("alone")
@pytest.mark.parametrize("primitive", PRIMITIVES)
@examples(1 / 5)
@given(data=st.data())
def test_a_primitive_alone(trial: Trial, data: st.DataObject, primitive: str) -> None:
    """phi, phi' and phi'' within the primitive's contract, reverse and forward. Cannot see beyond its domain."""
    program, x = trial.draw(data, alone(trial.precision, PRIMITIVES[primitive], profiles.pick_of(trial.backend.name)))
    f = weighted(program, trial.draw(data, arrays(trial.precision, program.output, wide=False)))
    with trial.example(f, x) as check:
        for value in check.answers("value", program, x):  # entry by entry: none hides behind the others
            check.true(value)
            off = controls.scaled(value.numbers, trial.precision)
            check.control("off by 2¹²u", off, value.truth, value.tolerance)
        for gradient in check.answers("gradient"):
            check.true(gradient)
        if f.size <= 6 and profiles.hessian_due(primitive, trial.backend.name):
            for hessian in check.answers("hessian"):
                check.true(hessian)
