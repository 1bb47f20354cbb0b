"""The bound holds for all computations within the contracts, is near the worst of them, and says when it cannot say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from mpmath import mp

from benchmarks import certify
from benchmarks.certify import defaults
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import FLOAT16, FLOAT32, FLOAT64, Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, constant_step, float_values, weighted
from gradlaws.suite import backends
from gradlaws.suite.bound import differences, nodes, sweep, tolerances
from gradlaws.suite.bound.contracts import Contract
from gradlaws.suite.bound.nodes import Graph
from gradlaws.suite.bound.partials import local
from gradlaws.suite.bound.scalar_partials import scalar_partials
from gradlaws.suite.bound.thresholds import CENTRAL, FORWARD, threshold
from gradlaws.suite.checking.verdict import Verdict, beside, judge
from gradlaws.suite.truth import oracle, quantities
from gradlaws.suite.vocabulary import Quantity

U = 2.0**-20  # so coarse that float64's own rounding does not matter
NOTHING_FLUSHED = 0.0
SOMEWHERE = (np.array(0.3),)


@pytest.fixture(scope="module")
def programs() -> list[tuple[Program, Point]]:
    return certify.sample(60)


def swept(graph: Graph) -> list[Floats]:
    """Value, gradient and Hessian as the bound sees them."""
    one, unit = np.ones((1, 1)), np.eye(graph.inputs)
    with np.errstate(all="ignore"):
        return [sweep.sweep(graph, one, sets, lambda x: x)[2][0] for sets in ((), (unit,), (unit, unit))]


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
    assert compared > 100


def bounds(graph: Graph, u: float = U) -> list[Floats]:
    """Of value, gradient and Hessian."""
    one, unit = np.ones((1, 1)), np.eye(graph.inputs)
    precision = Precision("coarse", round(-math.log2(u)), 1023)
    with np.errstate(all="ignore"):
        return [
            (
                sweep.analyse(graph, one, *sets).bound(precision, defaults, NOTHING_FLUSHED)
                + sweep.meeting(graph, defaults, precision, one, *sets)
            )[0]
            for sets in ((), (unit,), (unit, unit))
        ]


@pytest.fixture(scope="module")
def ratios(programs: list[tuple[Program, Point]]) -> dict[int, dict[str, list[float]]]:
    """error / bound by digits and order of accumulation, of computations that err within the contracts."""
    return {digits: certify.measured(programs[:count], digits) for digits, count in ((20, 30), (11, 20), (8, 20))}


@pytest.mark.parametrize("digits", [20, 11, 8])
def test_the_bound_holds_in_every_order_of_accumulation(ratios: dict[int, dict[str, list[float]]], digits: int) -> None:
    """Forward, reverse and their nestings, sums in random order, errors within the contracts; and the worst signs."""
    assert set(ratios[digits]) == {"value", *certify.GRADIENTS, *certify.HESSIANS, certify.WORST}
    for order, found in ratios[digits].items():
        assert len(found) >= 5 or (digits == 8 and order in certify.HESSIANS), order  # most are too coarse
        assert max(found, default=0.0) <= 1, order


def test_the_bound_is_within_a_stated_fraction_of_what_happens(ratios: dict[int, dict[str, list[float]]]) -> None:
    """Measured by benchmarks/certify.py: the worst signs reach 0.99 of a gradient's bound, half of it at the median;
    random ones a sixth at the median, in every order of accumulation. Fewer programs are met here."""
    found = ratios[20]
    assert max(found[certify.WORST]) > 0.8 and np.median(found[certify.WORST]) > 0.4
    for order in (*certify.GRADIENTS, *certify.HESSIANS):
        assert max(found[order]) > 0.25 and np.median(found[order]) > 0.08, order


def test_an_error_beyond_a_contract_exceeds_the_bound() -> None:
    """Each value of exp(sin(x)) off by 64 ulps where 4 are allowed."""
    program = Program(((),), (Step("sin", (0,)), Step("exp", (1,))))

    class TooCoarse(certify.Arithmetic):
        def within(self, numbers: Floats, size: Floats) -> Floats:
            return np.asarray(numbers + 16 * size)

    with np.errstate(all="ignore"):
        graph = Graph(program, SOMEWHERE)
        run = certify.Run(program, SOMEWHERE, TooCoarse(U, np.random.default_rng(0)), graph)
        truth = certify.tolerances(graph, 20)
    ratio = truth.ratio(1, run.gradient("reverse"), 2.0**-10)
    assert ratio is not None and ratio > 2


def test_the_bound_grows_with_the_unit_roundoff(programs: list[tuple[Program, Point]]) -> None:
    for program, point in programs[:20]:
        with np.errstate(all="ignore"):
            graph = Graph(program, point)
        for fine, coarse in zip(bounds(graph, 2.0**-40), bounds(graph, 2.0**-20), strict=True):
            finite = np.isfinite(coarse)
            assert np.all(fine[finite] <= coarse[finite])


def test_the_bound_grows_with_the_contracts() -> None:
    graph = Graph(Program(((),), (Step("exp", (0,)), Step("sin", (1,)))), (np.array(0.5),))
    analysis = sweep.analyse(graph, np.ones((1, 1)), np.eye(1))

    def allowed(*ulps: float) -> float:
        contract = Contract((ulps[0], ulps[1], ulps[2]))
        return float(analysis.bound(FLOAT64, lambda *at: contract, 0.0)[0, 0])

    assert allowed(1, 1, 1) < allowed(2, 1, 1) < allowed(2, 2, 1) == allowed(2, 2, 9)


def test_the_bound_of_a_step_is_what_its_contract_says() -> None:
    """exp at 2: four ulps of the value, and nothing else."""
    graph = Graph(Program(((),), (Step("exp", (0,)),)), (np.array(2.0),))
    allowed = sweep.analyse(graph, np.ones((1, 1))).bound(FLOAT64, defaults, 0.0)
    assert allowed[0] == pytest.approx(4 * 2.0**-53 * math.exp(2), rel=1e-9)


TRIANGULAR = ("triangular_solve", "triangular_solve_transposed", "cholesky_solve", "cholesky_inverse")


@pytest.mark.parametrize("name", TRIANGULAR)
def test_of_a_triangle_only_the_triangle_is_conditioned(name: str) -> None:
    """What lies above the diagonal is not read; this matrix is conditioned far better than its lower triangle."""
    point = (np.array([[0.75, -1.75], [2.25, -0.5]]), np.array([1.0, 2.0]))[: PRIMITIVES[name].arity]
    step = Step(name, tuple(range(len(point))))
    value = float_values(Program(tuple(x.shape for x in point), (step,)), point)[-1]
    found = local(step, point, value)
    triangle = np.linalg.cond(np.tril(point[0]))
    assert triangle > 5 * np.linalg.cond(point[0])
    assert found.norms[1] == pytest.approx(np.max(np.abs(found.first)) * triangle)


def test_what_is_flushed_counts() -> None:
    graph = Graph(Program(((),), (Step("square", (0,)),)), (np.array(3.0),))
    analysis = sweep.analyse(graph, np.ones((1, 1)), np.eye(1))
    kept, flushed = (analysis.bound(FLOAT32, defaults, smallest) for smallest in (0.0, 1e-3))
    assert np.all(flushed > kept)


def verdict(got: object, bounded: object, error: object = 0.0, oracle_error: object = 0.0, size: float = 1.0) -> str:
    numbers, allowed = np.asarray(got, dtype=float), np.asarray(bounded, dtype=float)
    errors, certified = (np.broadcast_to(np.asarray(e, dtype=float), allowed.shape) for e in (error, oracle_error))
    if numbers.shape != allowed.shape:
        errors = numbers
    return judge(numbers, errors, allowed, certified, np.full(allowed.shape, size), 0.0, FLOAT64).kind


def test_an_error_within_the_bound_holds_and_beyond_it_violates() -> None:
    assert verdict([1.0], [1e-15], error=0.9e-15) == "holds"
    assert verdict([1.0], [1e-15], error=1.1e-15) == "violated"
    assert verdict([1.0, 2.0], [1e-15, 1e-15], error=[0.0, 1e-12]) == "violated"


def test_the_worst_component_and_its_ratio_are_named() -> None:
    allowed, error = np.full((2, 2), 1e-15), np.array([[0, 0], [5e-15, 1e-16]])
    found = judge(np.ones((2, 2)), error, allowed, np.zeros((2, 2)), np.ones((2, 2)), 0.0, FLOAT64)
    assert found.component == (1, 0)
    assert found.ratio == pytest.approx(5)


@pytest.mark.parametrize("allowed", [math.inf, math.nan])
def test_a_bound_that_is_not_finite_is_inconclusive_before_anything_is_compared(allowed: float) -> None:
    for got, error in ((1.0, 0.0), (math.nan, 0.0), (math.inf, math.inf)):
        assert verdict([got], [allowed], error=error) == "inconclusive"


def test_a_bound_too_wide_and_a_doubtful_oracle_are_inconclusive() -> None:
    assert verdict([1.0], [1e-5], error=1.0) == "inconclusive"
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
        allowed = sweep.analyse(graph, np.ones((1, 1)), np.eye(1)).bound(FLOAT64, defaults, 0.0)[0]
    assert (
        judge(np.array([np.inf]), np.array([0.0]), allowed, np.zeros(1), np.ones(1), 0.0, FLOAT64).kind
        == "inconclusive"
    )


def test_a_hessian_whose_product_with_a_tangent_overflows_is_inconclusive() -> None:
    """H = 6000 of 500 x⁴ at 1 and H v = 24000 are representable in float16, v² H = 96000 is not."""
    program = Program(
        ((),), (Step("square", (0,)), constant_step(np.array(500.0)), Step("square", (1,)), Step("mul", (2, 3)))
    )
    numpy, at, tangent = backends.load("numpy"), (np.array(1.0),), (np.array(4.0),)

    def tolerance(quantity: Quantity) -> Floats:
        return tolerances.tolerance(numpy, FLOAT16, "chain rule to second order", quantity, program, at, tangent)[0]

    assert np.all(np.isfinite(tolerance("hessian"))) and np.all(np.isfinite(tolerance("hvp")))
    assert np.all(np.isinf(tolerance("curvature")))


def test_a_difference_of_values_that_may_overflow_is_inconclusive() -> None:
    """250 x² at 16 is 64000, and less than float16's largest number by too little; its derivative is 8000."""
    program = Program(((),), (Step("square", (0,)), constant_step(np.array(250.0)), Step("mul", (1, 2))))
    at, rule = (np.array(16.0),), np.array([1.0])
    with np.errstate(all="ignore"):
        narrow, wide = (differences.allowance(program, at, p, CENTRAL, rule) for p in (FLOAT16, FLOAT32))
    assert np.all(np.isinf(narrow)) and np.all(np.isfinite(wide))


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


def kinked(primitive: str, small: float) -> Program:
    """A kinked function of x + 1 - x, less 1, which is small but for rounding: ``small`` if that is added to it."""
    one, rest = constant_step(np.array(1.0)), constant_step(np.array(small))
    away = (one, Step("add", (0, 1)), Step("sub", (2, 0)), Step("sub", (3, 1)), rest, Step("add", (4, 5)))
    return Program(((),), (*away, Step(primitive, (6, 5) if PRIMITIVES[primitive].arity == 2 else (6,))))


@pytest.mark.parametrize("primitive", ["abs", "relu", "leaky_relu", "maximum"])
def test_nothing_is_certified_where_rounding_may_cross_a_kink(primitive: str) -> None:
    with np.errstate(all="ignore"):
        drifts = [Graph(kinked(primitive, small), SOMEWHERE).drift(defaults, sweep.U) for small in (1e-17, 1e-3)]
    assert drifts[0] >= 0.99 and (primitive == "maximum" or drifts[1] < 1e-9)


def test_of_arguments_that_may_be_off_any_two_are_met_on_opposite_sides() -> None:
    for n in (1, 2, 3, 7, 8):
        found = np.array(nodes.corners(n))
        for i, k in itertools.permutations(range(n), 2):
            assert np.any((found[:, i] > 0) & (found[:, k] < 0))
        assert np.all(np.any(found > 0, axis=0) & np.any(found < 0, axis=0))


def test_nothing_is_certified_where_rounding_moves_a_partial_by_as_much_as_itself() -> None:
    def tolerance(size: float) -> float:
        numpy, program = backends.load("numpy"), swamped(size)
        with np.errstate(divide="ignore"):
            found, _ = tolerances.tolerance(numpy, FLOAT64, "", "gradient", program, SOMEWHERE)
        analysis = sweep.analyse(Graph(program, SOMEWHERE), np.ones((1, 1)), np.eye(1))
        return float(found[0] / analysis.bound(FLOAT64, defaults, numpy.smallest(FLOAT64))[0, 0])

    assert tolerance(2.0**10) == pytest.approx(1.0)
    assert tolerance(2.0**51) == pytest.approx(1 / (1 - (0.25 + 0.25**2 / 2)))
    assert tolerance(2.0**53) == math.inf


def test_constants_carry_no_error_of_their_own() -> None:
    program = Program(((),), (constant_step(np.array(3.0)), Step("mul", (1, 0))))
    graph = Graph(program, (np.array(2.0),))
    assert len(graph.nodes) == 1
    assert sweep.analyse(graph, np.ones((1, 1))).bound(FLOAT64, defaults, 0.0)[0] == pytest.approx(6 * 2.0**-53)


@pytest.mark.parametrize("x", [1.0, 7850.83730639, 1e12, 1e-12])
def test_partials_are_right_to_a_float_where_steps_relative_to_the_argument_would_span_a_period(x: float) -> None:
    _, first, second, third = scalar_partials(mp.sin, x)
    with mp.workdps(40):
        truth = [float(mp.diff(mp.sin, x, k)) for k in (1, 2, 3)]
    np.testing.assert_allclose([first.item(), second.item(), third.item()], truth, rtol=1e-15)


def test_a_partial_that_is_zero_is_not_what_the_step_leaves_of_it() -> None:
    """Ai″ = x Ai, of which a difference at 0 leaves 2⁻¹⁶⁰."""
    assert scalar_partials(PRIMITIVES["airy_ai"].definition, 0.0)[2] == 0


def test_partials_outside_the_domain_are_refused() -> None:
    with pytest.raises(DomainError, match="not real"):
        scalar_partials(mp.log, -1.0)


def judged(name: str, backend: str, mode: str, at: float, answer: float) -> str:
    """What is said of an answer for the derivative of a function of one number."""
    program, point = Program(((),), (Step(name, (0,)),)), (np.array(at),)
    order = 2 if mode == "hessian" else 1
    quantity: Quantity = "hessian" if order == 2 else "gradient"
    allowed, majorant = tolerances.tolerance(backends.load(backend), FLOAT64, "eager", quantity, program, point)
    return beside(
        quantities.truth(quantity, program, point), np.full((1,) * order, answer), allowed, majorant, FLOAT64
    ).kind


@pytest.mark.parametrize(
    ("name", "order", "at", "wrong"),
    [("relu", "gradient", -1.0, 1e6), ("relu", "hessian", 1.0, 1e-300), ("hardshrink", "hessian", 2.0, 5.0),
     ("abs", "hessian", -3.0, 1e-17), ("clip", "gradient", 4.0, 1e-12), ("negative", "hessian", 1e100, 1.0)],
)  # fmt: skip
def test_a_zero_by_structure_is_judged_exactly(name: str, order: str, at: float, wrong: float) -> None:
    for backend in ("torch", "jax"):
        assert judged(name, backend, order, at, 0.0) == judged(name, backend, order, at, -0.0) == "holds"
        assert judged(name, backend, order, at, wrong) == "violated"


def test_a_hessian_of_what_selects_or_sums_is_judged() -> None:
    for name in ("max", "sort", "cumsum"):
        f = Program(((3,),), (Step(name, (0,)),))
        f, x = weighted(f, np.arange(1.0, 4.0)) if f.output else f, (np.array([0.5, 3.0, -1.0]),)
        allowed, majorant = tolerances.tolerance(backends.load("torch"), FLOAT64, "eager", "hessian", f, x)
        for answer, kind in ((0.0, "holds"), (5.0, "violated")):
            exact = quantities.truth("hessian", f, x)
            assert beside(exact, np.full((3, 3), answer), allowed, majorant, FLOAT64).kind == kind


def test_a_quotient_of_differences_is_asked_for_the_digits_that_it_keeps() -> None:
    asked = [threshold(FLOAT32, order) for order in (0, 1, 2, 3)]
    assert asked == pytest.approx([2.0**-10, 2.0**-5, 2.0 ** (-20 / 3), 2.0**-10], rel=1e-12)


def test_the_bound_of_a_difference_grows_from_a_value_that_has_none() -> None:
    """Squares of layer_norm at equal entries are 0 without error; a step beside them they are not."""
    normed = Program(((3,),), (Step("layer_norm", (0,)), Step("square", (1,))))
    f, x = weighted(normed, np.array([1.0, 1.0, -1.0])), (np.full(3, 2.0),)
    none, some = (differences.allowance(f, x, FLOAT64, FORWARD, np.full(3, rule)) for rule in (0.0, 1.0))
    assert np.all(some - none >= 1.0)


def test_the_usual_formula_is_tolerated_where_ours_is_exact() -> None:
    """The first entry of logcumsumexp is the entry itself, of which a route by exp(x − out) loses u |x|."""
    x = np.array([-32.0, 16.0])
    step = Step("logcumsumexp", (0,))
    found = local(step, [x], float_values(Program(((2,),), (step,)), (x,))[-1])
    assert found.sizes[1][0, 0] > 32


def test_components_of_which_something_can_be_said_are_judged() -> None:
    """One of which the bound says nothing neither hides the others, nor lends them its size."""
    bound, sizes = np.array([math.inf, 1e-15, 1e-12]), np.array([1e300, 1.0, 1e-9])

    def found(*error: float) -> Verdict:
        return judge(sizes, np.array(error), bound, np.zeros(3), sizes, 0.0, FLOAT64)

    assert (found(1e300, 0, 0).kind, found(1e300, 0, 0).undecided) == ("holds", 1)
    assert found(0, 2e-15, 0).component == (1,)
    assert found(0, 0, 2e-12).kind == "violated"
    wide = judge(sizes, np.zeros(3), np.array([math.inf, 1e-15, 1e-3]), np.zeros(3), sizes, 0.0, FLOAT64)
    assert wide.undecided == 2


def test_a_softmax_of_one_entry_is_judged_by_what_its_terms_leave() -> None:
    """Its derivative is 0 by structure, of which e/e − (e/e)² leaves a few u, and nothing else holds."""
    x = np.array([0.25])
    step = Step("softmax", (0,))
    found = local(step, [x], float_values(Program(((1,),), (step,)), (x,))[-1])
    assert not np.any(found.first) and 1 < found.sizes[1][0, 0] < 64


@pytest.mark.parametrize("order", [FORWARD, CENTRAL])
def test_a_difference_takes_a_step_that_the_value_feels(order: int) -> None:
    """Of x + y at (1, 2⁻⁹⁰) a step near 2⁻⁹⁰ u^(1/2) moves nothing; and none leaves the domain of a logarithm."""
    total = Program(((), ()), (Step("add", (0, 1)),))
    at = (np.array(1.0), np.array(2.0**-90))
    chosen = differences.steps(total, at, FLOAT64, order)
    assert chosen[0] == differences.step(1.0, FLOAT64.digits, order) and 2.0**-45 < chosen[1] < 2.0**-20
    allowed = differences.allowance(total, at, FLOAT64, order, np.full(2, 1e-16))
    assert np.all(allowed < threshold(FLOAT64, order))
    logs = Program(((), ()), (Step("log", (1,)), Step("add", (0, 2))))
    assert differences.steps(logs, at, FLOAT64, order)[1] == differences.step(2.0**-90, FLOAT64.digits, order)
