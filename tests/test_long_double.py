"""Long double: its numbers keep all their bits, its partials are rounded once, and what has no loop for it is told."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import FLOAT64, LONGDOUBLE
from gradlaws.strategies.program import Point, Program, Step, constant_step
from gradlaws.suite import backends, profiles
from gradlaws.suite.backends import numpy_backend
from gradlaws.suite.backends.backend import Result, Unsupported
from gradlaws.suite.backends.question import Question
from gradlaws.suite.backends.reproducer import script
from gradlaws.suite.bound import contracts, differences, tolerances
from gradlaws.suite.bound.exact_partials import exact_partials
from gradlaws.suite.bound.thresholds import CENTRAL, FORWARD
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.truth import floats, oracle, quantities
from gradlaws.suite.truth.oracle import HashablePoint
from gradlaws.suite.vocabulary import Quantity

NUMPY = backends.load("numpy")
offered = pytest.mark.skipif("longdouble" not in NUMPY.dtypes, reason=NUMPY.elsewhere.get("longdouble", ""))
THIRD = np.longdouble(1) / 3
SINE: tuple[Program, Point] = (Program(((),), (Step("sin", (0,)), Step("square", (1,)))), (np.array(0.7),))
PRODUCT: tuple[Program, Point] = (
    Program(((3,),), (constant_step(np.array([0.1, -0.3, 0.7])), Step("exp", (0,)), Step("mul", (1, 2)),
                      Step("sum", (3,), (("axis", None),)))),
    (np.array([0.3, -1.1, 0.2]),),
)  # fmt: skip


def asked(quantity: Quantity, mode: str, program: Program, point: Point, *directions: Point) -> Result:
    return NUMPY.run(NUMPY.named(quantity, mode), program, LONGDOUBLE, point, *directions)


def verdict(quantity: Quantity, mode: str, factor: float, function: tuple[Program, Point]) -> str:
    """Of NumPy's own answer times (1 + factor)."""
    program, point = function
    with Trial(System(NUMPY, LONGDOUBLE)).example(program, point) as check:
        answer = check.answer(NUMPY.named(quantity, mode))
        assert answer is not None and answer.numbers.dtype == np.longdouble
        numbers = answer.numbers * (1 + np.longdouble(factor))
        return check.verdict(numbers, answer.truth, answer.tolerance, answer.majorant).kind


@offered
@pytest.mark.parametrize("function", [SINE, PRODUCT], ids=["sin²", "Σ c exp x"])
@pytest.mark.parametrize(
    ("quantity", "mode", "fault"),
    [
        ("value", "eager", 1e-17),
        ("gradient", "product of Jacobians, outputs first", 1e-17),
        ("gradient", "product of Jacobians, inputs first", 1e-17),
        ("gradient", "complex step", 1e-17),
        ("gradient", "central difference", 1e-10),
        ("gradient", "forward difference", 1e-6),
        ("hessian", "chain rule to second order", 3e-17),
    ],
)
def test_a_fault_far_below_float64_is_seen_and_none_where_there_is_none(
    quantity: Quantity, mode: str, fault: float, function: tuple[Program, Point]
) -> None:
    """1e-17 is a tenth of the unit roundoff of float64: an answer rounded to float64 on its way could not tell."""
    assert verdict(quantity, mode, 0.0, function) == "holds"
    assert verdict(quantity, mode, fault, function) == "violated"


@offered
@pytest.mark.parametrize("quantity", ["value", "gradient", "hessian"])
def test_a_step_computed_in_float64_is_seen(monkeypatch: pytest.MonkeyPatch, quantity: Quantity) -> None:
    """As NumPy's own function would, if it hid that by handing out long doubles: a fault of 1e-17 in the framework."""
    sine = np.sin

    def narrow(x: Any) -> Any:
        return sine(x.astype(np.float64)).astype(x.dtype)

    numpy_backend.forget()
    monkeypatch.setattr(np, "sin", narrow)
    try:
        program, point = SINE
        mode = NUMPY.modes_of(quantity)[0]
        result = asked(quantity, mode.name, program, point)
        assert result.numbers is not None
        truth = quantities.truth(quantity, program, point)
        allowed, _ = tolerances.tolerance(NUMPY, LONGDOUBLE, mode.name, quantity, program, point)
        assert np.any(oracle.difference(result.numbers, truth) > allowed)
    finally:
        numpy_backend.forget()


@offered
def test_numbers_keep_all_their_bits() -> None:
    (exact,) = mp_arrays.mp_array(np.array([THIRD]))
    with mp.workprec(200):
        assert exact != mpf(float(THIRD)) and abs(exact * 3 - 1) <= mpf(2) ** -64
    assert float.fromhex(floats.written(THIRD)) == float(THIRD)
    assert floats.written(THIRD) == "0x1.5555555555555556p-2" and floats.written(-THIRD)[0] == "-"
    assert floats.hexadecimal(np.array([0.1, np.nan, np.inf])) == [x.hex() for x in (0.1, np.nan, np.inf)]
    assert floats.told(THIRD) == "0.33333333333333333334" and floats.told(np.longdouble(0.5)) == (0.5).hex()


@offered
@given(st.integers(-(2**64) + 1, 2**64 - 1), st.integers(-500, 500))
def test_the_way_to_mpmath_and_back_loses_nothing(significand: int, exponent: int) -> None:
    x = np.ldexp(np.longdouble(abs(significand)), exponent) * int(np.sign(significand))
    exact = mp_arrays.mp_array(x)
    with mp.workprec(80):
        assert exact[()] == mpf(significand) * mpf(2) ** exponent
    assert mp_arrays.to_longdoubles(exact) == x
    with mp.workprec(100):  # to the nearest: what is beyond the last of 64 bits is a third of a unit in it
        beyond = np.asarray(exact[()] * (1 + mpf(2) ** -66), dtype=object)
    assert abs(mp_arrays.to_longdoubles(beyond) - x) <= np.spacing(abs(x))


@offered
def test_points_that_differ_beyond_float64_are_two() -> None:
    near = np.array([float(THIRD)], dtype=np.longdouble)
    one, other = (HashablePoint((x,)) for x in (near, near + np.spacing(near)))
    assert one != other and one == HashablePoint((near.copy(),)) and hash(one) == hash(HashablePoint((near.copy(),)))


@offered
@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        (Step("sin", (0,)), [np.array([0.7, -1e-8])]),
        (Step("tanh", (0,)), [np.array(9.0)]),
        (Step("div", (0, 1)), [np.array([[1.5, 2.0]]), np.array([0.3, -1e40])]),
        (Step("softmax", (0,)), [np.array([0.1, 0.2, 3.0])]),
        (Step("norm", (0,)), [np.array([1.0, -1.0, 1e60])]),
        (Step("sum", (0,), (("axis", None),)), [np.array([0.1, 0.2])]),
    ],
    ids=lambda value: value.primitive if isinstance(value, Step) else "",
)
def test_partials_are_rounded_once_and_agree_with_those_of_the_bound(step: Step, arguments: list[Any]) -> None:
    from gradlaws.suite.bound.partials import local

    program = Program(tuple(a.shape for a in arguments), (step,))
    point = tuple(arguments)
    index, first, second = exact_partials(step, [a.astype(np.longdouble) for a in arguments])
    with mp.workprec(80):
        value = mp_arrays.to_floats(oracle.flat_function(program)(oracle.flat_point(point))).reshape(program.output)
    found = local(step, arguments, value)
    assert np.array_equal(index, found.index)
    assert np.allclose(first.astype(float), found.first, rtol=1e-12, atol=0)
    assert np.allclose(second.astype(float), found.second, rtol=1e-6, atol=1e-12 * np.max(np.abs(found.second)))
    truth = oracle.jacobian(program, point)
    whole = np.zeros(truth.exact.shape, np.longdouble)
    np.put_along_axis(whole, index, first, axis=1)
    assert np.all(oracle.difference(whole, truth) <= 2.0**-64 * np.abs(truth.floats) + truth.error)


@offered
@pytest.mark.parametrize(
    ("primitive", "point", "says"),
    [
        ("erf", (np.array(0.5),), "not supported for the input types"),
        ("inv", (np.array([[2.0, 1.0], [1.0, 3.0]]),), "unsupported in linalg"),
        ("scatter_add", (np.array([0.1, 0.2, 0.3]),), ""),
        ("gelu_tanh", (np.array(0.5),), "numpy.sqrt(2 / numpy.pi), which is float64"),
        ("matrix_exp", (np.array([[0.5, 0.25], [0.0, 1.0]]),), ""),
    ],
)
def test_what_has_no_loop_for_long_double_is_unsupported(primitive: str, point: Point, says: str) -> None:
    if primitive not in PRIMITIVES or "numpy" not in PRIMITIVES[primitive].spellings:
        pytest.skip(f"no {primitive}")
    parameters = next(iter(PRIMITIVES[primitive].variants(*(x.shape for x in point))))
    program = Program(tuple(x.shape for x in point), (Step(primitive, (0,), tuple(parameters.items())),))
    for quantity in ("value", "jacobian"):
        result = NUMPY.run(NUMPY.modes_of(quantity)[0], program, LONGDOUBLE, point)  # type: ignore[arg-type]
        assert result.refused and says in str(result.error)


@offered
def test_a_step_that_answers_in_float64_is_unsupported_and_other_types_are_not_looked_at() -> None:
    program, (x,) = Program(((),), (Step("sin", (0,)), Step("square", (1,)))), SINE[1]
    numpy_backend.forget()
    try:
        numpy_backend.evaluators(program, "longdouble")[0] = (program.steps[0], lambda a: np.float64(np.sin(float(a))))
        result = asked("value", "eager", program, (x,))
        assert isinstance(result.error, Unsupported) and "sin answers long double in float64" in str(result.error)
    finally:
        numpy_backend.forget()


@offered
@pytest.mark.parametrize("order", [FORWARD, CENTRAL])
def test_the_steps_of_differences_are_exact_and_near_the_best(order: int) -> None:
    h = differences.step(0.7, LONGDOUBLE.digits, order)
    moved = np.longdouble(0.7) + np.longdouble(h)
    assert moved - np.longdouble(0.7) == h and h == 2.0 ** -(64 // (order + 1))


@offered
def test_the_same_functions_are_met_as_in_float64() -> None:
    """So that their truths, which know no precision, serve twice."""
    assert LONGDOUBLE.drawn_digits == FLOAT64.digits and LONGDOUBLE.moderate_exponent == FLOAT64.moderate_exponent
    assert LONGDOUBLE.smallest_subnormal == FLOAT64.smallest_subnormal and LONGDOUBLE.largest == FLOAT64.largest
    assert LONGDOUBLE.unit_roundoff == float(np.finfo(np.longdouble).eps) / 2


def test_it_has_a_share_of_the_examples_and_only_numpy_offers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "active", profiles.PROFILES["gate"])
    assert profiles.precisions("numpy", ("float64", "longdouble")) == {"float64": 1.0, "longdouble": 0.25}
    monkeypatch.setattr(profiles, "active", profiles.PROFILES["smoke"])
    assert profiles.precisions("numpy", ("float64", "longdouble")) == {"float64": 1.0}


@pytest.mark.parametrize(
    ("mantissa", "says"), [(52, "is float64 itself"), (112, "binary128"), (105, "a pair of float64"), (63, "")]
)
def test_another_format_of_that_name_is_not_offered_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, mantissa: int, says: str
) -> None:
    class Found:
        nmant = mantissa

    monkeypatch.setattr(np, "finfo", lambda dtype: Found)
    told = numpy_backend.elsewhere()
    assert says in told.get("longdouble", "") and bool(told) == bool(says)


def test_contracts_of_long_double_are_its_own() -> None:
    of = functools.partial(contracts.contract, "numpy", mode="eager", primitive="log1p")
    assert (of(dtype="longdouble").ulps[0], of(dtype="float64").ulps[0]) == (6, 4)


@offered
def test_a_reproducer_compares_all_bits(tmp_path: Path) -> None:
    program, point = SINE
    truth = quantities.truth("value", program, point)
    allowed, _ = tolerances.tolerance(NUMPY, LONGDOUBLE, "eager", "value", program, point)
    for factor, status in ((0.0, 0), (1e-17, 1)):
        with mp.workdps(40):
            moved = oracle.Truth(truth.exact * (1 + mpf(factor)), truth.error)
        mode = NUMPY.named("value", "eager")
        text = script(Question(NUMPY, LONGDOUBLE, program, point, mode), (0,), moved, allowed)
        (tmp_path / "reproducer.py").write_text(text)
        done = subprocess.run([sys.executable, "-I", "reproducer.py"], cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (status, "")
