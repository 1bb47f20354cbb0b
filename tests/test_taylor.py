"""The partials of whole arrays that the bound rests on are right where float64 over- or underflows or cancels."""

from __future__ import annotations

import numpy as np
import pytest

from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, float_values, weighted
from gradlaws.suite.bound import contracts, nodes, tolerances
from gradlaws.suite.bound.partials import Local, local
from gradlaws.suite.checking.verdict import beside
from gradlaws.suite.truth import oracle


class Plain:
    """An arithmetic that promises what every library does."""

    name = "numpy"

    def smallest(self, precision: object) -> float:
        return 5e-324


def alone(primitive: str, point: Point) -> Program:
    return Program(tuple(x.shape for x in point), (Step(primitive, tuple(range(len(point)))),))


def partials(primitive: str, *point: Floats) -> Local:
    program = alone(primitive, point)
    return local(program.steps[0], point, float_values(program, point)[-1])


SATURATED = [[40.0, 0.0, 1.0], [0.5, 60.0, 3.0], [-2.0, 30.0, 3.0]]


@pytest.mark.parametrize("primitive", ["softmax", "log_softmax", "softmin", "logsumexp", "cross_entropy", "nll_loss"])
@pytest.mark.parametrize("x", SATURATED)
def test_partials_keep_what_cancels_beside_one(primitive: str, x: list[float]) -> None:
    point = (np.array(x),)
    exact = oracle.jacobian(alone(primitive, point), point).floats
    assert partials(primitive, *point).first == pytest.approx(exact, rel=1e-12, abs=0)


@pytest.mark.parametrize("primitive", ["softmax", "cross_entropy"])
@pytest.mark.parametrize("x", SATURATED)
def test_saturated_logits_are_judged(primitive: str, x: list[float]) -> None:
    """What is right holds with digits; what has lost the others' share beside 1 is seen."""
    point = (np.array(x),)
    program = weighted(alone(primitive, point), np.array([1.25, -0.75, 2.0])[: 3 if primitive == "softmax" else 1])
    if program.output != ():
        program = Program(program.inputs, (*program.steps, Step("sum", (1,), (("axis", None),))))
    exact = oracle.gradient(program, point)
    bound, majorant = tolerances.tolerance(Plain(), FLOAT64, "eager", "gradient", program, point)
    right = beside(exact, exact.floats, bound, majorant, FLOAT64)
    assert right.kind == "holds" and (right.digits or 0) > 12
    assert beside(exact, np.zeros(3), bound, majorant, FLOAT64).kind == "violated"


@pytest.mark.parametrize("size", [1e-150, 1e-75, 1e75, 1e150])
def test_a_norm_is_scaled(size: float) -> None:
    """Third partials of a root of squares have sixth powers in them."""
    near, far = partials("norm", np.array([3.0, -4.0])), partials("norm", np.array([3.0, -4.0]) * size)
    assert far.first == pytest.approx(near.first, rel=1e-12)
    assert far.second * size == pytest.approx(near.second, rel=1e-12)


def test_what_is_not_defined_is_beyond_any_number() -> None:
    found = partials("norm", np.array([[0.0, 0.0], [3.0, 4.0]]))
    assert not np.all(np.abs(found.first[0]) < 1e300)
    assert found.first[1] == pytest.approx([0, 0, 0.6, 0.8])


def test_weights_do_not_drift() -> None:
    """A partial by a constant is not used, so that it may be off by all of itself: of 0.75 · 0, beside 1e30."""
    point = (np.array([[2e-30, 1e-30], [1e-30, 3e-30]]), np.array([1.0, 0.0]))
    program = weighted(alone("triangular_solve_transposed", point), np.array([1.25, -0.75]))
    graph = nodes.graph(program, oracle.HashablePoint(point))

    def promised(primitive: str, at: Point) -> contracts.Contract:
        return contracts.contract("torch", "float64", "eager", primitive, at)

    assert graph.drift(promised, 2.0**-53) < 1e-6


def test_a_determinant_is_judged_where_the_matrix_is_singular() -> None:
    point = (np.array([[1.0, 2.0], [2.0, 4.0]]),)
    program = alone("det", point)
    exact = oracle.gradient(program, point)
    bound, majorant = tolerances.tolerance(Plain(), FLOAT64, "eager", "gradient", program, point)
    assert beside(exact, exact.floats, bound, majorant, FLOAT64).kind == "holds"
    assert beside(exact, np.zeros(4), bound, majorant, FLOAT64).kind == "violated"
