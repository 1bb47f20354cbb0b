"""Elementwise primitives at any float64 whatever: judged, or said to be outside the domain in a line; never a crash."""

from __future__ import annotations

import math
import struct
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import FLOAT64, Precision
from gradlaws.strategies.program import Point, Program, Step, constant_step
from gradlaws.suite.bound import tolerances
from gradlaws.suite.checking import verdict
from gradlaws.suite.truth import quantities
from gradlaws.suite.vocabulary import Quantity

ELEMENTWISE = [name for name, primitive in PRIMITIVES.items() if primitive.kind in ("elementwise", "arithmetic")]
ORDERS: tuple[Quantity, ...] = ("value", "gradient", "hessian")
UNIT = 2.0**-53
EXACT = [
    sign * size
    for size in (0.0, 5e-324, 2.0**-1022, 1e-170, 2.0**-60, 0.25, 0.5, 1 - UNIT, 1.0, 1 + 2 * UNIT, 1.5, 2.0, 3.0, 8.0,
                 20.0, 40.0, 710.0, 2.0**60, 1e170, 2.0**1023, math.inf)
    for sign in (1, -1)
]  # fmt: skip


@dataclass(frozen=True)
class Plain:
    """An arithmetic that flushes nothing."""

    name: str = "torch"

    def smallest(self, precision: Precision) -> float:
        return precision.smallest_subnormal


def judged(program: Program, point: Point) -> dict[str, str]:
    """What is said at each order of the truth itself, rounded: a verdict, or why the point is outside the domain."""
    said: dict[str, str] = {}
    for quantity in ORDERS:
        try:
            with np.errstate(all="ignore"):
                tolerance, majorant = tolerances.tolerance(Plain(), FLOAT64, "eager", quantity, program, point)
            exact = quantities.truth(quantity, program, point)
            got = exact.floats.reshape(tolerance.shape)
            unseen = verdict.contradiction(exact, majorant)
            found = unseen or verdict.beside(exact, got, tolerance, majorant, FLOAT64)
            said[quantity] = found.kind if found.kind != "inconclusive" else f"inconclusive: {found.reason}"
        except DomainError as error:
            assert str(error) and "\n" not in str(error)
            said[quantity] = "outside the domain"
    return said


def alone(name: str) -> Program:
    arity = PRIMITIVES[name].arity
    return Program(((),) * arity, (Step(name, tuple(range(arity))),))


def float_of(bits: int) -> float:
    return float(struct.unpack("<d", bits.to_bytes(8, "little"))[0])


any_float = st.one_of(
    st.integers(0, 2**64 - 1).map(float_of).filter(lambda x: not math.isnan(x)),
    st.sampled_from(EXACT),
    st.floats(-100, 100),
)


@pytest.mark.parametrize("name", ELEMENTWISE)
@settings(max_examples=3, deadline=None, database=None)
@given(data=st.data())
def test_any_float_is_judged_or_outside_the_domain(name: str, data: st.DataObject) -> None:
    primitive = PRIMITIVES[name]
    point = tuple(np.array(data.draw(any_float)) for _ in range(primitive.arity))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(all="ignore"):
            inside = primitive.domain(*point)
    said = judged(alone(name), point)
    assert "violated" not in said.values()
    if inside and all(map(np.isfinite, point)):
        assert "outside the domain" not in said.values(), f"{name} at {point}: {said}"


@pytest.mark.parametrize(
    ("name", "x"),
    [("acos", 1 - 1e-12), ("asin", 1 - 2.0**-53), ("atanh", 1 - 1e-15), ("log1p", -1 + 1e-15), ("acosh", 1 + 1e-12)],
)
def test_a_point_beside_the_edge_of_a_domain_is_judged(name: str, x: float) -> None:
    """Of the derivatives an ulp of the argument is allowed for, which is much of them here."""
    said = judged(alone(name), (np.array(x),))
    assert said["value"] == "holds"
    wide = "inconclusive: the bound is too wide beside the derivative"
    assert (said["gradient"], said["hessian"]) == (wide, wide)


def test_a_value_that_underflows_is_inconclusive() -> None:
    program = Program(((),), (Step("square", (0,)), Step("sqrt", (1,))))
    said = judged(program, (np.array(1e-170),))
    assert all(text.startswith("inconclusive: ") for text in said.values())


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("x", [-1.5, 0.0, 1.5])
def test_a_power_by_a_constant_array_is_judged_where_the_exponent_could_not_move(x: float, exponent: float) -> None:
    program = Program(((),), (constant_step(np.array(exponent)), Step("pow", (0, 1))))
    said = judged(program, (np.array(x),))
    assert "outside the domain" not in said.values()
    assert "violated" not in said.values()
    if x:
        assert said["gradient"] == "holds"
