"""Half types: their numbers, and a bound that holds at u = 2^-8 and 2^-11 for all computations within the contracts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from mpmath import mp

from gradlaws.strategies import functions, mp_arrays
from gradlaws.strategies.precision import BFLOAT16, FLOAT16, FLOAT32, HALF, PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, apply
from gradlaws.suite import backends, profiles
from gradlaws.suite.bound import contracts, nodes, sweep, tolerances
from gradlaws.suite.bound.contracts import Contract
from gradlaws.suite.bound.nodes import Graph
from gradlaws.suite.bound.partials import local
from gradlaws.suite.bound.thresholds import THRESHOLDS, fault
from gradlaws.suite.checking.verdict import judge

halves = pytest.mark.parametrize("precision", [PRECISIONS[name] for name in HALF], ids=lambda p: p.name)


@given(st.floats(allow_nan=False))
def test_rounding_is_that_of_the_libraries(value: float) -> None:
    torch = pytest.importorskip("torch")
    with np.errstate(over="ignore"):
        assert FLOAT32.round(value) == float(np.float32(value))
        assert FLOAT16.round(value) == float(np.float16(value))
    if value == float(np.float32(value)):  # torch rounds to bfloat16 by way of float32
        assert BFLOAT16.round(value) == float(torch.tensor(value, dtype=torch.bfloat16))


def test_ties_go_to_even_and_the_largest_is_finite() -> None:
    assert BFLOAT16.round(1 + 2.0**-8) == 1 and BFLOAT16.round(1 + 3 * 2.0**-8) == 1 + 2.0**-6
    assert FLOAT16.round(65519.0) == FLOAT16.largest == 65504 and FLOAT16.round(-65520.0) == -math.inf
    assert FLOAT16.round(2.0**-25) == 0 and FLOAT16.round(1.1 * 2.0**-25) == FLOAT16.smallest_subnormal


class Rounding:
    """An arithmetic that errs by up to u, half of the time by all of it, where the worst case is."""

    def __init__(self, u: float, seed: int) -> None:
        self.u, self.random = u, np.random.default_rng(seed)

    def within(self, numbers: Floats, size: Floats) -> Floats:
        theta = self.random.uniform(-1, 1, numbers.shape)
        return numbers + self.u * size * np.where(self.random.random(numbers.shape) < 0.5, np.sign(theta), theta)

    def rounded(self, numbers: Floats) -> Floats:
        return self.within(numbers, np.abs(numbers))

    def summed(self, terms: Floats) -> Floats:
        """Over the last axis, one rounded addition per term; adding a zero is exact."""
        total = np.zeros(terms.shape[:-1])
        for term in np.moveaxis(terms, -1, 0):
            total = np.where(term == 0, total, np.where(total == 0, term, self.rounded(total + term)))
        return total


def promised(precision: Precision, primitive: str) -> Contract:
    return contracts.contract("torch", precision.name, "eager", primitive)


def computed(program: Program, point: Point, precision: Precision, rounding: Rounding) -> list[Floats]:
    """Value, gradient and Hessian, forward over forward, with every step evaluated at what was computed before it."""
    values = list(point)
    starts = np.cumsum([0, *(math.prod(shape) for shape in program.shapes)])
    n, count = int(starts[len(point)]), int(starts[-1])
    t, T = np.zeros((n, count)), np.zeros((n, n, count))
    t[:, :n] = np.eye(n)
    for number, step in enumerate(program.steps, start=len(point)):
        if step.is_constant:
            values.append(step.constant)
            continue
        arguments = [values[i] for i in step.arguments]
        with mp.workprec(80):
            value = mp_arrays.to_floats(apply(step, [mp_arrays.mp_array(a) for a in arguments]))
        found, contract = local(step, arguments, value), promised(precision, step.primitive)
        numbers = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in step.arguments])
        operands, outputs = numbers[found.index], slice(int(starts[number]), int(starts[number + 1]))
        values.append(rounding.within(value.ravel(), nodes.value_error(found, contract)).reshape(value.shape))
        first = rounding.within(found.first, contract.ulps[1] * found.sizes[1])
        noise = rounding.within(np.zeros(found.second.shape), contract.ulps[2] * found.sizes[2])
        second, tj = found.second + (noise + np.swapaxes(noise, 1, 2)) / 2, t[:, operands]
        t[:, outputs] = rounding.summed(rounding.rounded(first * tj))
        bent = rounding.rounded(rounding.rounded(second * tj[:, None, :, :, None]) * tj[None, :, :, None, :])
        straight = rounding.rounded(first * T[..., operands])
        T[..., outputs] = rounding.summed(np.concatenate([straight, bent.reshape(*bent.shape[:3], -1)], -1))
    out = int(starts[-2])
    return [values[-1].ravel()[0], t[:, out], T[..., out]]


def worst(program: Program, point: Point, precision: Precision, number: int) -> dict[int, list[float]]:
    """error / bound by order, of a few such computations, where the bound is narrow enough to be evidence."""
    numpy, found = backends.load("torch"), {}
    one, unit = np.ones((1, 1)), np.eye(program.size)
    with np.errstate(all="ignore"):
        graph = Graph(program, point)
        for order, quantity in enumerate(("value", "gradient", "hessian")):
            sets = (unit,) * order
            exact = np.abs(exactly := sweep.sweep(graph, one, sets, lambda x: x)[2][0])
            allowed = tolerances.tolerance(numpy, precision, "eager", quantity, program, point)[0].reshape(exact.shape)  # type: ignore[arg-type]
            if np.max(exact, initial=0.0) > 0 and np.all(allowed <= THRESHOLDS[precision.name] * np.max(exact)):
                found[order] = (exactly, allowed)
    ratios: dict[int, list[float]] = {order: [] for order in found}
    for attempt in range(3 if found else 0):
        got = computed(program, point, precision, Rounding(precision.unit_roundoff, 100 * number + attempt))
        for order, (exactly, allowed) in found.items():
            error = np.abs(got[order] - exactly)
            with np.errstate(all="ignore"):
                ratios[order].append(float(np.max(np.where(allowed > 0, error / allowed, error > 1e-12))))
    return ratios


@halves
def test_the_bound_holds_for_roundings_within_the_contracts(precision: Precision) -> None:
    """Not to first order only: each step is evaluated where the roundings before it have led."""
    found: list[tuple[Program, Point]] = []

    @seed(0)
    @settings(
        max_examples=80, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(functions.scalar_functions(precision, shapes=((), (3,))))
    def collect(drawn: tuple[Program, Point]) -> None:
        if drawn[0].steps:
            found.append(drawn)

    collect()
    ratios: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for number, (program, point) in enumerate(found):
        for order, more in worst(program, point, precision, number).items():
            ratios[order] += more
    for order, least in ((0, 150), (1, 100), (2, 20)):
        assert len(ratios[order]) > least
        assert max(ratios[order]) <= 1
        assert max(ratios[order]) >= 1 / 4


@halves
def test_an_answer_that_is_wrong_by_an_eighth_is_seen(precision: Precision) -> None:
    """Where a bound counts as evidence at all; and so is each control."""
    tau = THRESHOLDS[precision.name]
    for wrong in (-1.0, 0.0, 1 + 1.01 * tau, 1 + fault(precision)):
        got = np.array([wrong])
        assert judge(got, np.abs(got - 1), np.array([tau]), np.zeros(1), np.ones(1), 0.0, precision).kind == "violated"


def test_an_order_of_accumulation_that_may_overflow_is_inconclusive() -> None:
    """1/x² at 2^-3, three times over: (1/x²)' alone is 2^10, the chain of their products beyond 65504."""
    torch, point = backends.load("torch"), (np.array(2.0**-3),)
    steps = tuple(functions.Step(name, (number,)) for number, name in enumerate(("reciprocal", "square") * 3))
    for length, finite in ((2, True), (6, False)):
        program = Program(((),), steps[:length])
        allowed, _ = tolerances.tolerance(torch, FLOAT16, "eager", "hessian", program, point)
        assert np.isfinite(allowed).all() == finite


def test_half_types_take_turns_on_jax_and_have_a_share_elsewhere() -> None:
    before = profiles.active, profiles.turn
    try:
        profiles.active = profiles.PROFILES["gate"]
        met = []
        for profiles.turn in (0, 1):
            met += profiles.precisions("jax", ("float64", "float16", "bfloat16")).keys()
        assert sorted(set(met)) == ["bfloat16", "float16", "float64"] and len(met) == 4
        assert profiles.precisions("torch", ("float64", "float16")) == {"float64": 1.0, "float16": 0.25}
        profiles.active = profiles.PROFILES["smoke"]
        assert profiles.precisions("torch", ("float64", "float16")) == {"float64": 1.0}
    finally:
        profiles.active, profiles.turn = before
