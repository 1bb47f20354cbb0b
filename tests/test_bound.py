"""The bound holds for all computations within the contracts, is near the worst of them, and says when it cannot say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from mpmath import mp

from strategies import functions
from strategies.catalogue import PRIMITIVES
from strategies.mp_arrays import DomainError
from strategies.precision import FLOAT32, FLOAT64, Precision
from strategies.primitive import Floats
from strategies.program import Point, Program, Step, constant_step
from suite import backends, bound, oracle, quantities, taylor
from suite.bound import Graph
from suite.contracts import DEFAULT_ULPS, Contract
from suite.local import Local
from suite.verdict import judge

U = 2.0**-20  # of the imagined arithmetic: so coarse that float64's own rounding does not matter
NOTHING_FLUSHED = 0.0
SOMEWHERE = (np.array(0.3),)


def defaults(primitive: str) -> Contract:
    ulps = DEFAULT_ULPS[PRIMITIVES[primitive].kind]
    return Contract((ulps, ulps, ulps))


def sample(max_steps: int, count: int) -> list[tuple[Program, Point]]:
    found: list[tuple[Program, Point]] = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(functions.scalar_functions(FLOAT64, max_steps, shapes=((), (3,))))
    def collect(drawn: tuple[Program, Point]) -> None:
        if drawn[0].steps:
            found.append(drawn)

    collect()
    return found


@pytest.fixture(scope="module")
def programs() -> list[tuple[Program, Point]]:
    return sample(max_steps=5, count=120)


def swept(graph: Graph) -> list[Floats]:
    """Value, gradient and Hessian as the bound sees them."""
    one, unit = np.ones((1, 1)), np.eye(graph.inputs)
    with np.errstate(all="ignore"):
        return [bound.sweep(graph, one, sets, lambda x: x)[2][0] for sets in ((), (unit,), (unit, unit))]


def test_the_sweep_is_the_gradient_and_the_hessian_of_the_oracle(programs: list[tuple[Program, Point]]) -> None:
    """To 1e-9, or to what cancels inside a structured step, which the bound at 2^-40 knows."""
    compared = 0
    for program, point in programs[:60]:
        with np.errstate(all="ignore"):
            graph = Graph(program, point)
        truths = oracle.value(program, point), oracle.gradient(program, point), oracle.hessian(program, point)
        for got, truth, cancelled in zip(swept(graph), truths, bounds(graph, 2.0**-40), strict=True):
            if np.all(np.isfinite(got)) and np.all(np.isfinite(cancelled)):
                compared += 1
                slack = 1e-9 * np.abs(truth.floats) + cancelled + truth.error
                assert np.all(np.abs(got - truth.floats) <= slack), program
    assert compared > 120


def bounds(graph: Graph, u: float = U) -> list[Floats]:
    """Of value, gradient and Hessian."""
    one, unit = np.ones((1, 1)), np.eye(graph.inputs)
    precision = Precision("coarse", round(-math.log2(u)), 1023)
    with np.errstate(all="ignore"):
        return [
            (
                bound.analyse(graph, one, *sets).bound(precision, defaults, NOTHING_FLUSHED)
                + bound.meeting(graph, defaults, precision, one, *sets)
            )[0]
            for sets in ((), (unit,), (unit, unit))
        ]


class Rounding:
    """An arithmetic that errs as the contracts allow it to."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def within(self, numbers: Floats, size: Floats) -> Floats:
        """Numbers off by up to ``size``; half of the time by all of it, where the worst case is."""
        theta = self.random.uniform(-1, 1, numbers.shape)
        theta = np.where(self.random.random(numbers.shape) < 0.5, np.sign(theta), theta)
        return numbers + theta * size

    def rounded(self, numbers: Floats) -> Floats:
        return self.within(numbers, U * np.abs(numbers))


def perturbed(graph: Graph, rounding: Rounding) -> list[Floats]:
    """Forward over forward: value, gradient and Hessian.

    Rounded values are carried to first order: deviations of a node's arguments reach its value by its partials, and
    its partials by its next ones.
    """
    n = graph.inputs
    drift = np.zeros(graph.count)  # computed value - exact value
    t, T = np.zeros((n, graph.count)), np.zeros((n, n, graph.count))
    t[:, :n] = np.eye(n)
    for node in graph.nodes:
        found, ulps = node.local, defaults(node.primitive).ulps
        moved = drift[node.operands]
        drift[node.outputs] = np.einsum("kp,kp->k", found.first, moved)
        drift[node.outputs] += rounding.within(np.zeros(len(moved)), U * ulps[0] * found.sizes[0])
        first, second = partials(found, moved, ulps, rounding)
        tj = t[:, node.operands]
        t[:, node.outputs] = summed(rounding.rounded(first * tj), rounding)
        bent = rounding.rounded(rounding.rounded(second * tj[:, None, :, :, None]) * tj[None, :, :, None, :])
        linear = rounding.rounded(first * T[..., node.operands])
        terms = np.concatenate([linear, bent.reshape(*bent.shape[:3], -1)], axis=-1)
        T[..., node.outputs] = summed(terms, rounding)
    out = graph.output.start
    return [graph.values[-1].ravel()[0] + drift[out], t[:, out], T[..., out]]


def partials(
    found: Local, moved: Floats, ulps: tuple[float, float, float], rounding: Rounding
) -> tuple[Floats, Floats]:
    first = found.first + np.einsum("kpq,kq->kp", found.second, moved)
    second = found.second + np.einsum("kpqr,kr->kpq", found.third, moved)
    noise = rounding.within(np.zeros(second.shape), U * ulps[2] * found.sizes[2])
    return rounding.within(first, U * ulps[1] * found.sizes[1]), second + (noise + np.swapaxes(noise, 1, 2)) / 2


def summed(terms: Floats, rounding: Rounding) -> Floats:
    """The sum over the last axis, one rounded addition per term; adding a zero is exact."""
    total = np.zeros(terms.shape[:-1])
    for k in range(terms.shape[-1]):
        term = terms[..., k]
        total = np.where(term == 0, total, np.where(total == 0, term, rounding.rounded(total + term)))
    return total


@pytest.fixture(scope="module")
def ratios(programs: list[tuple[Program, Point]]) -> dict[int, list[float]]:
    """error / bound of the perturbed computations, by order, where the bound is narrow enough for first order in u."""
    found: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for number, (program, point) in enumerate(programs):
        with np.errstate(all="ignore"):
            graph = Graph(program, point)
        allowed = bounds(graph)
        exact = swept(graph)
        for seed in range(3):
            got = perturbed(graph, Rounding(1000 * number + seed))
            for order in (0, 1, 2):
                size = np.max(np.abs(exact[order]), initial=0.0)
                if size == 0 or not np.all(allowed[order] <= 1e-3 * size):
                    continue
                error = np.abs(got[order] - exact[order])
                assert np.all(error[allowed[order] == 0] <= 1e-12 * size), program
                with np.errstate(all="ignore"):
                    worst = np.where(allowed[order] > 0, error / allowed[order], 0.0)
                found[order].append(float(np.max(worst)))
    return found


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_bound_holds_for_roundings_within_the_contracts(ratios: dict[int, list[float]], order: int) -> None:
    assert len(ratios[order]) > 100
    assert max(ratios[order]) <= 1


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_bound_is_not_vacuous(ratios: dict[int, list[float]], order: int) -> None:
    assert max(ratios[order]) >= 1 / 50
    assert np.median(ratios[order]) >= 1 / 200


def test_the_bound_grows_with_the_unit_roundoff(programs: list[tuple[Program, Point]]) -> None:
    for program, point in programs[:20]:
        with np.errstate(all="ignore"):
            graph = Graph(program, point)
        for fine, coarse in zip(bounds(graph, 2.0**-40), bounds(graph, 2.0**-20), strict=True):
            finite = np.isfinite(coarse)
            assert np.all(fine[finite] <= coarse[finite])


def test_the_bound_grows_with_the_contracts() -> None:
    graph = Graph(Program(((),), (Step("exp", (0,)), Step("sin", (1,)))), (np.array(0.5),))
    analysis = bound.analyse(graph, np.ones((1, 1)), np.eye(1))

    def allowed(*ulps: float) -> float:
        contract = Contract((ulps[0], ulps[1], ulps[2]))
        return float(analysis.bound(FLOAT64, lambda primitive: contract, 0.0)[0, 0])

    assert allowed(1, 1, 1) < allowed(2, 1, 1) < allowed(2, 2, 1) == allowed(2, 2, 9)


def test_the_bound_of_a_step_is_what_its_contract_says() -> None:
    """exp at 2: four ulps of the value, and nothing else."""
    graph = Graph(Program(((),), (Step("exp", (0,)),)), (np.array(2.0),))
    allowed = bound.analyse(graph, np.ones((1, 1))).bound(FLOAT64, defaults, 0.0)
    assert allowed[0] == pytest.approx(4 * 2.0**-53 * math.exp(2), rel=1e-9)


def test_what_is_flushed_counts() -> None:
    graph = Graph(Program(((),), (Step("square", (0,)),)), (np.array(3.0),))
    analysis = bound.analyse(graph, np.ones((1, 1)), np.eye(1))
    kept, flushed = (analysis.bound(FLOAT32, defaults, smallest) for smallest in (0.0, 1e-3))
    assert np.all(flushed > kept)


def verdict(got: object, bounded: object, error: object = 0.0, oracle_error: object = 0.0, size: float = 1.0) -> str:
    numbers, allowed = np.asarray(got, dtype=float), np.asarray(bounded, dtype=float)
    errors, certified = (np.broadcast_to(np.asarray(e, dtype=float), allowed.shape) for e in (error, oracle_error))
    if numbers.shape != allowed.shape:
        errors = numbers
    return judge(numbers, errors, allowed, certified, size, FLOAT64).kind


def test_an_error_within_the_bound_holds_and_beyond_it_violates() -> None:
    assert verdict([1.0], [1e-15], error=0.9e-15) == "holds"
    assert verdict([1.0], [1e-15], error=1.1e-15) == "violated"
    assert verdict([1.0, 2.0], [1e-15, 1e-15], error=[0.0, 1e-12]) == "violated"


def test_the_worst_component_and_its_ratio_are_named() -> None:
    allowed, error = np.full((2, 2), 1e-15), np.array([[0, 0], [5e-15, 1e-16]])
    found = judge(np.ones((2, 2)), error, allowed, np.zeros((2, 2)), 1.0, FLOAT64)
    assert found.component == (1, 0)
    assert found.ratio == pytest.approx(5)


@pytest.mark.parametrize("allowed", [math.inf, math.nan])
def test_a_bound_that_is_not_finite_is_inconclusive_before_anything_is_compared(allowed: float) -> None:
    for got, error in ((1.0, 0.0), (math.nan, 0.0), (math.inf, math.inf)):
        assert verdict([got], [allowed], error=error) == "inconclusive"


def test_a_bound_too_wide_an_object_of_zero_and_a_doubtful_oracle_are_inconclusive() -> None:
    assert verdict([1.0], [1e-5], error=1.0) == "inconclusive"
    assert verdict([0.0], [1e-15], size=0.0) == "inconclusive"
    assert verdict([1.0], [1e-15], error=1.0, oracle_error=1e-16) == "inconclusive"
    assert verdict([1.0], [1e-15], error=1.0, oracle_error=math.nan) == "inconclusive"
    assert verdict([1.0], [1e-15], size=math.inf) == "inconclusive"


@pytest.mark.parametrize("got", [math.nan, math.inf, -math.inf])
def test_an_answer_that_is_not_a_number_violates(got: float) -> None:
    assert verdict([got], [1e-15], error=0.0) == "violated"


@pytest.mark.parametrize("shape", [(), (2,), (1, 1), (0,)])
def test_an_answer_of_another_shape_violates(shape: tuple[int, ...]) -> None:
    assert verdict(np.zeros(shape), [1e-15]) == "violated"


def test_an_intermediate_that_overflows_is_inconclusive() -> None:
    """exp(700)^4 is not representable; its bound is infinite."""
    steps = (Step("exp", (0,)), Step("square", (1,)), Step("square", (2,)))
    with np.errstate(all="ignore"):
        graph = Graph(Program(((),), steps), (np.array(700.0),))
        allowed = bound.analyse(graph, np.ones((1, 1)), np.eye(1)).bound(FLOAT64, defaults, 0.0)[0]
    assert judge(np.array([np.inf]), np.array([0.0]), allowed, np.zeros(1), 1.0, FLOAT64).kind == "inconclusive"


def swamped(size: float) -> Program:
    """exp((x + size) - size)."""
    large = constant_step(np.array(size))
    return Program(((),), (large, Step("add", (0, 1)), Step("sub", (2, 1)), Step("exp", (3,))))


def test_rounding_that_moves_a_partial_by_a_part_of_itself_is_seen() -> None:
    u = FLOAT64.unit_roundoff
    # x + size is rounded by size u, and the difference by 0.3 u; the partials of exp move by e + e^2 / 2 of themselves.
    for size in (1.0, 2.0**30, 2.0**51):
        e = size * u
        assert Graph(swamped(size), SOMEWHERE).drift(defaults, u) == pytest.approx(
            e + e * e / 2, rel=0.31 if size == 1 else 1e-6
        )


def test_nothing_is_certified_where_rounding_moves_a_partial_by_as_much_as_itself() -> None:
    def tolerance(size: float) -> float:
        numpy, program = backends.load("numpy"), swamped(size)
        with np.errstate(divide="ignore"):
            found, _ = quantities.tolerance(numpy, FLOAT64, "", "gradient", program, SOMEWHERE)
        analysis = bound.analyse(Graph(program, SOMEWHERE), np.ones((1, 1)), np.eye(1))
        return float(found[0] / analysis.bound(FLOAT64, defaults, numpy.smallest(FLOAT64))[0, 0])

    assert tolerance(2.0**10) == pytest.approx(1.0)
    assert tolerance(2.0**51) == pytest.approx(1 / (1 - (0.25 + 0.25**2 / 2)))
    assert tolerance(2.0**53) == math.inf


def test_constants_carry_no_error_of_their_own() -> None:
    program = Program(((),), (constant_step(np.array(3.0)), Step("mul", (1, 0))))
    graph = Graph(program, (np.array(2.0),))
    assert len(graph.nodes) == 1
    assert bound.analyse(graph, np.ones((1, 1))).bound(FLOAT64, defaults, 0.0)[0] == pytest.approx(6 * 2.0**-53)


def test_partials_outside_the_domain_are_refused() -> None:
    with pytest.raises(DomainError, match="not real"):
        taylor.scalar_partials(mp.log, -1.0)
