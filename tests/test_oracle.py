"""The oracle against closed forms; and it says where it cannot know. Against balls: tests/test_certification.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from mpmath import mp, mpf

from gradlaws.strategies import program as programs
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, constant_step, weighted
from gradlaws.suite.checking.verdict import beside, judge
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.oracle import Truth


def elementwise(name: str) -> Program:
    return Program(((),), (Step(name, (0,)),))


def number(value: float) -> Point:
    return (np.array(value),)


CUBIC = Program(  # x^3 - 2x y, at inputs x, y
    ((), ()),
    (Step("square", (0,)), Step("mul", (2, 0)), Step("mul", (0, 1)), constant_step(np.array(2.0)), Step("mul", (5, 4)),
     Step("sub", (3, 6))),
)  # fmt: skip
POWER = Program(((), ()), (Step("pow", (0, 1)),))
SOFTMAX = Program(((3,),), (Step("softmax", (0,)),))


def digits(got: object, expected: object) -> float:
    """Correct decimal digits of the worst entry, relative to the largest."""
    with mp.workdps(60):
        a, b = (np.atleast_1d(np.asarray(v, dtype=object)) for v in (got, expected))
        size = max(abs(v) for v in b.ravel()) or mpf(1)
        error = max(abs(x - y) for x, y in zip(a.ravel(), b.ravel(), strict=True)) / size
        return float(-mp.log10(error)) if error else 99.0


@pytest.fixture(autouse=True)
def enough_digits() -> object:
    with mp.workdps(60):
        yield


def test_polynomials_have_their_derivatives() -> None:
    x, y = mpf(1.3), mpf(-0.7)
    point = (np.array(1.3), np.array(-0.7))
    assert digits(oracle.value(CUBIC, point).exact, [x**3 - 2 * x * y]) > 50
    assert digits(oracle.gradient(CUBIC, point).exact, [3 * x**2 - 2 * y, -2 * x]) > 30
    assert digits(oracle.hessian(CUBIC, point).exact, [[6 * x, -2], [-2, 0]]) > 30


@pytest.mark.parametrize("at", [-30.0, -1e-3, 0.1, 2.0, 30.0])
def test_the_exponential_is_its_own_derivative(at: float) -> None:
    exact = mp.exp(mpf(at))
    assert digits(oracle.gradient(elementwise("exp"), number(at)).exact, exact) > 30
    assert digits(oracle.hessian(elementwise("exp"), number(at)).exact, exact) > 30


@pytest.mark.parametrize(("a", "b"), [(1.5, 2.5), (0.01, -3.0), (700.0, 0.3)])
def test_powers_have_their_derivatives(a: float, b: float) -> None:
    point = (np.array(a), np.array(b))
    x, y = mpf(a), mpf(b)
    f, log = x**y, mp.log(x)
    mixed = f / x * (1 + y * log)
    assert digits(oracle.gradient(POWER, point).exact, [y * f / x, f * log]) > 30
    hessian = [[y * (y - 1) * f / x**2, mixed], [mixed, f * log**2]]
    assert digits(oracle.hessian(POWER, point).exact, hessian) > 25


def test_the_jacobian_of_softmax_is_diag_p_minus_p_p() -> None:
    x = np.array([0.3, -1.7, 2.1])
    weights = [mp.exp(mpf(v)) for v in x]
    p = np.array([w / mp.fsum(weights) for w in weights], dtype=object)
    expected = np.diag(p) - np.outer(p, p)
    assert digits(oracle.jacobian(SOFTMAX, (x,)).exact, expected) > 30


def test_directional_forms_are_those_of_jacobian_and_hessian() -> None:
    point, u, v = ((np.array(a), np.array(b)) for a, b in ((1.3, -0.7), (0.25, 3.0), (-2.0, 0.1)))
    along = [mpf(float(t)) for t in v]
    gradient, hessian = oracle.gradient(CUBIC, point).exact, oracle.hessian(CUBIC, point).exact
    assert digits(oracle.jvp(CUBIC, point, v).exact, gradient @ np.array(along, dtype=object)) > 30
    mixed = np.array([mpf(float(t)) for t in u], dtype=object) @ hessian @ np.array(along, dtype=object)
    assert digits(oracle.curvature(CUBIC, point, u, v).exact, mixed) > 25


@pytest.mark.parametrize("name", ["sin", "tanh", "erf"])
def test_second_derivatives_of_odd_functions_at_tiny_points_are_certified(name: str) -> None:
    truth = oracle.hessian(elementwise(name), number(1e-20))
    assert truth.error[0, 0] <= 1e-20 * abs(truth.exact[0, 0])


def sees_or_admits(truth: Truth, expected: mpf) -> bool:
    """The exact value lies within the error that the oracle states."""
    return bool(abs(truth.exact.ravel()[0] - expected) <= truth.error.ravel()[0] + 1e-25 * abs(expected))


@pytest.mark.parametrize("at", [20.0, 50.0, 100.0, 300.0])
def test_saturated_functions_are_right_or_say_that_they_are_not(at: float) -> None:
    """At 60 digits tanh(100) is 1 and its differences are 0, which is 100 % wrong."""
    with mp.workdps(400):
        s = 1 / (1 + mp.exp(-mpf(at)))
        tanh = 1 - mp.tanh(mpf(at)) ** 2
        assert sees_or_admits(oracle.gradient(elementwise("tanh"), number(at)), tanh)
        assert sees_or_admits(oracle.gradient(elementwise("sigmoid"), number(at)), s * (1 - s))
        assert sees_or_admits(oracle.hessian(elementwise("tanh"), number(at)), -2 * mp.tanh(mpf(at)) * tanh)
        assert sees_or_admits(oracle.hessian(elementwise("sigmoid"), number(at)), s * (1 - s) * (1 - 2 * s))


def kink() -> tuple[Program, Point]:
    """max(x^2, x) ties at 1, where the one-sided derivatives are 2 and 1."""
    return Program(((),), (Step("square", (0,)), Step("maximum", (1, 0)))), number(1.0)


def inconclusive(truth: Truth) -> bool:
    got = truth.floats
    bound = np.full(got.shape, 1e-15)
    return judge(got, np.zeros(got.shape), bound, truth.error, np.ones(got.shape), 0.0, FLOAT64).kind == "inconclusive"


def test_the_hessian_at_a_kink_is_inconclusive() -> None:
    assert inconclusive(oracle.hessian(*kink()))


def test_the_gradient_at_a_kink_is_inconclusive() -> None:
    assert inconclusive(oracle.gradient(*kink()))


def test_a_sum_of_terms_far_apart_keeps_the_small_one() -> None:
    """d/dy of 1e77 x + sin(y), of 1e-14 y: swamped unless the digits reach that far."""
    f = Program(((), ()), (constant_step(np.array(1e77)), Step("mul", (2, 0)), Step("sin", (1,)), Step("add", (3, 4))))
    point = (np.array(1.1), np.array(1e-14))
    exact = mp.cos(mpf(1e-14))
    truth = oracle.gradient(f, point)
    assert digits(truth.exact[1], exact) > 25
    assert truth.error[1] < 1e-20
    assert digits(oracle.hessian(f, point).exact[1, 1], -mp.sin(mpf(1e-14))) > 20


@pytest.mark.parametrize(("name", "at"), [("log", -2.0), ("sqrt", -1.0), ("log1p", -3.0)])
def test_complex_results_raise_a_domain_error(name: str, at: float) -> None:
    with pytest.raises(DomainError):
        oracle.gradient(elementwise(name), number(at))


def test_the_step_does_not_cross_the_edge_of_the_domain() -> None:
    """An absolute step of 1e-20 would leave the domain of the logarithm at 1e-25."""
    assert digits(oracle.gradient(elementwise("log"), number(1e-25)).exact, 1 / mpf(1e-25)) > 30


def test_the_step_at_zero_is_not_zero() -> None:
    assert digits(oracle.gradient(elementwise("sin"), number(0.0)).exact, 1) > 30


def evaluations(monkeypatch: pytest.MonkeyPatch, compute: Callable[[Program, Point, Point], Truth], n: int) -> int:
    """How often the oracle asks for the function, on a fresh point of R^n."""
    calls = [0]
    evaluate = programs.values

    def counted(*arguments: object) -> object:
        calls[0] += 1
        return evaluate(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(oracle, "values", counted)
    f = weighted(Program(((n,),), (Step("sin", (0,)),)), np.arange(1.0, n + 1))
    x, v = np.linspace(0.1, 1.0, n), np.linspace(1.0, 2.0, n)
    compute(f, (x,), (v,))
    return calls[0]


@pytest.mark.parametrize(
    ("compute", "most"),
    [
        pytest.param(oracle.jvp, 6, id="jvp"),
        pytest.param(lambda f, x, v: oracle.curvature(f, x, v, v), 10, id="curvature"),
        pytest.param(lambda f, x, v: oracle.curvature(f, x, v, (v[0][::-1].copy(),)), 10, id="mixed"),
    ],
)
def test_directional_forms_cost_the_same_whatever_n(
    monkeypatch: pytest.MonkeyPatch, compute: Callable[[Program, Point, Point], Truth], most: int
) -> None:
    counts = [evaluations(monkeypatch, compute, n) for n in (2, 5, 20)]
    assert counts[0] == counts[1] == counts[2] <= most


def test_differences_of_floats_from_the_truth_lose_no_digits() -> None:
    truth = oracle.value(elementwise("sqrt"), number(2.0))
    error = oracle.difference(np.array([2.0**0.5]), truth)
    assert 0 < error[0] < 2.0**-52
    assert digits(error[0], abs(mpf(2.0**0.5) - mp.sqrt(2))) > 14


def test_linear_images_carry_the_error_along() -> None:
    truth = Truth(np.array([[mpf(1), mpf(2)]], dtype=object), np.array([[1e-30, 2e-30]]))
    image = oracle.linear(truth, np.array([3.0, -4.0]))
    assert image.exact.tolist() == [-5]
    assert image.error.tolist() == pytest.approx([11e-30])


def test_points_are_equal_by_their_bits() -> None:
    def hashable(x: Floats) -> oracle.HashablePoint:
        return oracle.HashablePoint((x,))

    assert hashable(np.array([1.0, 2.0])) == hashable(np.array([1.0, 2.0]))
    assert hashable(np.array([0.0])) != hashable(np.array([-0.0]))
    assert hashable(np.zeros((2, 3))) != hashable(np.zeros((3, 2)))


def test_every_elementwise_definition_has_enough_digits() -> None:
    """A float literal in a definition would be off by 1e-16 and agree with itself."""
    for primitive in PRIMITIVES.values():
        if primitive.arity == 1 and primitive.kind == "elementwise":
            at = next(mpf(x) for x in (1.0, 0.75, 2.5, 0.25) if primitive.domain(np.array(x)))
            with mp.workdps(30):
                short = primitive.definition(at)
            with mp.workdps(60):
                assert abs(primitive.definition(at) - short) < mpf(10) ** -26


def test_what_a_cancellation_has_swamped_is_within_its_error() -> None:
    """log(e⁰ + e¹¹⁷) − 117 is e⁻¹¹⁷, of which 60 digits see nothing: both methods agree on 0."""
    program = Program(
        ((2,),), (Step("logsumexp", (0,)), constant_step(np.array(117.0)), Step("sub", (1, 2)))
    )  # fmt: skip
    found = oracle.gradient(program, (np.array([0.0, 117.0]),))
    with mp.workdps(60):
        true = mp.exp(-117) / (1 + mp.exp(-117))
        assert abs(found.exact[0] - true) <= found.error[0]


def test_a_tie_of_large_logits_has_its_derivatives() -> None:
    """A step that is relative to 1e51 is beyond all that softmax does beside a tie: every coarse difference says 0."""
    tied = Program(((2,),), (Step("softmax", (0,)), Step("exp", (1,))))
    near, far = (oracle.jacobian(tied, (np.full(2, x),)) for x in (1.0, 1e51))
    assert np.all(near.error < 1e-30) and np.all(abs(near.floats) > 0.1)
    assert np.array_equal(near.floats, far.floats) and np.all(far.error < 1e-30)


def test_a_point_may_be_of_long_doubles() -> None:
    """The links of a chain are asked at what a framework has computed."""
    found = oracle.jacobian(elementwise("exp"), (np.array(1.0, dtype=np.longdouble),))
    assert abs(found.floats - np.e) < 1e-15 and np.all(np.isfinite(found.error))


@pytest.mark.parametrize(
    ("name", "point"),
    [("log", (1.0,)), ("relu", (-2.0,)), ("hardshrink", (0.25,)), ("sub", (1.0, 1.0))],
)
def test_a_value_that_is_zero_is_exactly_that(name: str, point: tuple[float, ...]) -> None:
    program = Program(((),) * len(point), (Step(name, tuple(range(len(point)))),))
    truth = oracle.value(program, tuple(map(np.array, point)))
    assert truth.exact[0] == 0
    assert truth.error[0] == 0


@pytest.mark.parametrize("name", ["fft_real", "layer_norm"])
def test_what_cancels_among_equal_entries_has_no_kink(name: str) -> None:
    """An output may be 0 by rounding alone: of its terms, which are not."""
    program = Program(((3,),), (Step(name, (0,)),))
    truth = oracle.hessian(weighted(program, np.ones(program.output)), (np.ones(3),))
    assert np.all(truth.floats == 0)
    assert np.all(truth.error == 0)


def test_a_number_with_a_long_exponent_has_derivatives() -> None:
    """exp(-1.8e308), whose exponent is no float."""
    at = number(-np.finfo(float).max)
    for truth in (oracle.gradient(elementwise("sigmoid"), at), oracle.hessian(elementwise("sigmoid"), at)):
        assert np.all(truth.floats == 0)
        assert np.all(truth.error == 0)


def test_a_truth_below_the_oracles_own_error_is_judged_beside_the_paths_to_it() -> None:
    """A sum of a softmax: its gradient cancels to what the oracle cannot tell from 0."""
    truth = Truth(np.array([mpf("1e-45"), mpf(0)], dtype=object), np.array([1e-44, 0.0]))
    bound = np.full(2, 1e-15)
    assert beside(truth, np.zeros(2), bound, 1.0, FLOAT64).kind == "holds"
    assert beside(truth, np.array([1e-14, 0.0]), bound, 1.0, FLOAT64).kind == "violated"
