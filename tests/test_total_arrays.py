"""Primitives of whole arrays are total: any float64 of any array gives a verdict, or DomainError in a line."""

from __future__ import annotations

import itertools
import struct
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradlaws.strategies.catalogue import (
    PRIMITIVES,
    contractions,
    factorisations,
    linear_algebra,
    matrices,
    normalisations,
    products,
    rearrangements,
    reductions,
    rows,
    shapes,
    statistics,
    weighted,
)
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats, Primitive, Shape
from gradlaws.strategies.program import Point, Program, Step
from gradlaws.strategies.program import weighted as objective
from gradlaws.suite.bound import tolerances
from gradlaws.suite.checking.verdict import beside
from gradlaws.suite.truth import oracle

FAMILIES = {
    "reductions": reductions, "shapes": shapes, "contractions": contractions, "normalisations": normalisations,
    "linear_algebra": linear_algebra, "rearrangements": rearrangements, "statistics": statistics, "rows": rows,
    "products": products, "matrices": matrices, "weighted": weighted, "factorisations": factorisations,
}  # fmt: skip
ARRAYS = {name: [p.name for p in module.FAMILY] for name, module in FAMILIES.items()}
ARRAYS["arithmetic"] = [
    p.name for p in PRIMITIVES.values() if p.kind == "arithmetic" and p.name not in itertools.chain(*ARRAYS.values())
]
SHAPES: tuple[Shape, ...] = ((), (1,), (2,), (3,), (2, 2), (2, 3), (1, 1), (1, 2), (3, 1))
EXACT = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 3.0, 40.0, 700.0, -700.0, 1e4, 1e8, 1e30, 1e-30, 1e150, -1e150, 1e200, 1e-200,
         float(np.finfo(float).max), -float(np.finfo(float).max), float(np.finfo(float).tiny), 5e-324, -5e-324,
         np.inf, -np.inf, np.nan)  # fmt: skip


class Plain:
    """An arithmetic that promises what every library does."""

    name = "numpy"

    def smallest(self, precision: Precision) -> float:
        return precision.smallest_subnormal


def of_bits(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


numbers = st.one_of(
    st.sampled_from(EXACT), st.integers(0, 2**64 - 1).map(of_bits), st.floats(-50, 50), st.floats(-1e5, 1e5)
)


@st.composite
def arrays(draw: st.DrawFn, shape: Shape) -> Floats:
    """Of any entries, of equal ones, of one magnitude; diagonal, symmetric and singular matrices."""
    kind = draw(st.sampled_from(["any", "equal", "common", "diagonal", "symmetric", "singular"]))
    free = np.array([draw(numbers) for _ in range(int(np.prod(shape)))]).reshape(shape)
    with np.errstate(all="ignore"):
        if kind == "equal":
            return np.full(shape, draw(numbers))
        if kind == "common":
            return np.ldexp(np.where(np.abs(free) < 1e3, free, 1.0), draw(st.integers(-1080, 1020)))
        if kind == "diagonal" and len(shape) == 2:
            return np.where(np.eye(*shape) > 0, draw(numbers), 0.0)
        if kind == "symmetric" and len(shape) == 2 and shape[0] == shape[1]:
            return np.where(np.tri(*shape) > 0, free, free.T)
        if kind == "singular" and len(shape) == 2:
            return np.outer(free[:, 0], draw(arrays(shape[1:])))
    return free


def asked(primitive: Primitive) -> list[tuple[tuple[Shape, ...], Any]]:
    combinations = itertools.product(SHAPES, repeat=primitive.arity)
    return [(found, parameters) for found in combinations for parameters in primitive.variants(*found)]


def ask(program: Program, point: Point) -> None:
    """As the suite does, at orders 0 to 2; the answer is the truth, rounded."""
    for quantity in ("value", "gradient", "hessian"):
        for name in ("float64", "float32"):
            precision = PRECISIONS[name]
            try:
                truth = getattr(oracle, quantity)(program, point)
                with np.errstate(divide="ignore"):  # as in suite/checking/trial.py: an infinite bound
                    bound, majorant = tolerances.tolerance(Plain(), precision, "eager", quantity, program, point)
            except DomainError as error:
                assert "\n" not in str(error)
            else:
                verdict = beside(truth, truth.floats, bound, majorant, precision)
                assert name == "float32" or verdict.kind != "violated"


@pytest.mark.parametrize("family", ARRAYS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_number_has_a_verdict_or_is_outside_the_domain(family: str, data: st.DataObject) -> None:
    primitive = PRIMITIVES[data.draw(st.sampled_from(ARRAYS[family]))]
    found, parameters = data.draw(st.sampled_from(asked(primitive)))
    point = tuple(data.draw(arrays(shape)) for shape in found)
    step = Step(primitive.name, tuple(range(len(found))), tuple(parameters.items()))
    program = Program(found, (step,))
    weights = np.ldexp(1.0 + np.arange(np.prod(program.output)), -1).reshape(program.output)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert primitive.domain(*point) in (True, False)
        ask(objective(program, weights), point)
