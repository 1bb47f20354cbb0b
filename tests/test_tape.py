"""A tape says the same in every arithmetic, and of a program of the catalogue what its own definition says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from gradlaws.strategies import FLOAT64, alone, programs
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.arithmetic.multiprecision import Multiprecision
from gradlaws.suite.arithmetic.quad import QUAD
from gradlaws.suite.arithmetic.self_test import usable
from gradlaws.suite.tape.run import run
from gradlaws.suite.tracing.of_program import of_program
from gradlaws.suite.truth import oracle

DIGITS = 30  # to which quad, of 34, agrees with mpmath on values that no cancellation has made small
needs_quad = pytest.mark.skipif(usable() is not None, reason=str(usable()))


def beside(program: Program, point: Point, xp: Any) -> float:
    """How far the tape is from the oracle's value, of the largest number that is met on the way."""
    exact = oracle.value(program, point)
    found = run(of_program(program), point, xp)[0]
    with mp.workdps(60):
        apart = np.abs(xp.to_mp(found).ravel() - exact.exact)
        largest = float(np.max(oracle.sizes(point, oracle.float_values(program, point))))
        return float(max(np.max(apart, initial=0), 0)) / max(largest, exact.size)


@needs_quad
@pytest.mark.parametrize("name", sorted(PRIMITIVES))
@given(data=st.data())
@settings(max_examples=3, deadline=None)
def test_every_row_in_quad_is_its_definition(name: str, data: st.DataObject) -> None:
    program, point = data.draw(alone(FLOAT64, PRIMITIVES[name]))
    assert beside(program, point, QUAD) <= 10.0**-DIGITS * conditioning(program, point)


def conditioning(program: Program, point: Point) -> float:
    """Of the function: what one rounding of its input does, in units of it, as the largest partial shows."""
    size = max(1.0, float(np.max(np.abs(oracle.value(program, point).floats), initial=0.0)))
    steepest = float(np.max(np.abs(oracle.jacobian(program, point).floats), initial=0.0))
    return 1 + steepest * max(float(np.max(np.abs(x), initial=0.0)) for x in point) / size


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_tape_is_its_program(data: st.DataObject) -> None:
    program, point = data.draw(programs(FLOAT64))
    assert beside(program, point, Multiprecision(200)) <= 1e-25
