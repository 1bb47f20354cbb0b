"""Quad arithmetic: every function agrees with mpmath to 30 digits over its range, in every layout of memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from benchmarks import quaddtype_faults
from gradlaws.strategies.mp_arrays import mp_array
from gradlaws.suite.arithmetic import quad_numbers, reductions, self_test, splitting
from gradlaws.suite.arithmetic.quad import QUAD
from gradlaws.suite.arithmetic.quad_numbers import SMALLEST_NORMAL, UNIT, QuadArray

if self_test.usable() is not None:
    pytest.skip(str(self_test.usable()), allow_module_level=True)

EDGE = 16384  # 2^EDGE is the first number that quad has not
SMALLEST = mpf(2) ** UNIT
DIGITS = mpf(10) ** -30
NOT_REAL = mp.mpc(0, 1)
Reference = Callable[..., Any]


def reference(function: Reference, bits: int = 800) -> Reference:
    """At 60 digits and more, so that cancellation leaves them. NOT_REAL outside of its domain."""

    def at_bits(*arguments: mpf) -> Any:
        with mp.workprec(200 + bits):
            try:
                return function(*arguments)
            except ValueError:
                return NOT_REAL

    return at_bits


def agree(got: QuadArray, true: list[Any], scale: list[Any] | None = None) -> None:
    """To 30 digits of the true value (or of the scale), where it is in range, and to two units where it is subnormal.
    NaN where it is not real."""
    for value, right, size in zip(QUAD.to_mp(got).ravel(), true, scale or true):
        if isinstance(right, mp.mpc):
            assert mp.isnan(value), (value, right)
        elif abs(right) >= mpf(2) ** EDGE:
            assert mp.isinf(value) and (value > 0) == (right > 0), (value, right)
        else:
            assert abs(value - right) <= DIGITS * abs(size) + 2 * SMALLEST, (value, right)


@st.composite
def quads(draw: st.DrawFn, low: int, high: int, signs: str = "+-", count: int = 6) -> QuadArray:
    """Entries with 2^low ≤ |x| < 2^high: random digits, or few; subnormals below 2^-16382."""
    bits = []
    for _ in range(draw(st.integers(1, count))):
        exponent = draw(st.integers(low, high - 1))
        digits = draw(st.integers(0, 2**112 - 1) | st.integers(0, 255).map(lambda n: n << 104))
        if exponent >= SMALLEST_NORMAL:
            number = (exponent - SMALLEST_NORMAL + 1 << 112) + digits
        else:
            number = (digits | 1 << 112) >> SMALLEST_NORMAL - exponent
        bits.append(number | (signs == "-" or (len(signs) > 1 and draw(st.booleans()))) << 127)
    return quad_numbers.from_integers(bits, (len(bits),))


@dataclass(frozen=True)
class Case:
    """A function of one argument, over exponents and signs of it. ``near`` are places to come close to."""

    name: str
    true: Reference
    low: int
    high: int
    signs: str = "+-"
    near: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.signs} 2^{self.low}…2^{self.high}"


def real_cbrt(x: mpf) -> mpf:
    return mp.sign(x) * mp.cbrt(abs(x))


def log_gamma(x: mpf) -> mpf:
    return mp.re(mp.loggamma(x))


def to_integer(x: mpf) -> mpf:
    return mp.sign(x) * mp.floor(abs(x))


def quantile(p: mpf) -> mpf:
    return mp.sqrt(2) * mp.erfinv(2 * p - 1)


HALF_TURNS = tuple(float(k * mp.pi / 2) for k in (1, 2, 3, 1000))
CASES = [
    Case("exp", mp.exp, UNIT, 14),
    Case("exp2", lambda x: mpf(2) ** x, UNIT, 14),
    Case("expm1", mp.expm1, -60, 14),
    Case("expm1", lambda x: x + x**2 / 2, UNIT, -120),
    Case("log", mp.log, UNIT, EDGE, "+", (1,)),
    Case("log2", lambda x: mp.log(x) / mp.log(2), UNIT, EDGE, "+", (1,)),
    Case("log10", mp.log10, UNIT, EDGE, "+", (1,)),
    Case("log1p", lambda x: mp.log(1 + x), -400, 0),
    Case("log1p", lambda x: mp.log(1 + x), -400, EDGE, "+"),
    Case("sqrt", mp.sqrt, UNIT, EDGE, "+"),
    Case("rsqrt", lambda x: 1 / mp.sqrt(x), UNIT, EDGE, "+"),
    Case("cbrt", real_cbrt, UNIT, EDGE),
    Case("sin", reference(mp.sin, 17000), UNIT, EDGE, near=HALF_TURNS),
    Case("cos", reference(mp.cos, 17000), UNIT, EDGE, near=HALF_TURNS),
    Case("tan", reference(mp.tan, 17000), UNIT, EDGE, near=HALF_TURNS),
    Case("asin", mp.asin, UNIT, 0, near=(1 - 1e-9,)),
    Case("acos", mp.acos, UNIT, 0, near=(1 - 1e-9,)),
    Case("atan", mp.atan, UNIT, EDGE),
    Case("sinh", mp.sinh, UNIT, 14),
    Case("cosh", mp.cosh, UNIT, 14),
    Case("tanh", mp.tanh, UNIT, 14),
    Case("asinh", mp.asinh, UNIT, EDGE),
    Case("acosh", mp.acosh, 0, EDGE, "+", (1 + 1e-9,)),
    Case("atanh", mp.atanh, UNIT, 0, near=(1 - 1e-9,)),
    Case("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), UNIT, 14),
    Case("abs", abs, UNIT, EDGE),
    Case("sign", mp.sign, UNIT, EDGE),
    Case("floor", mp.floor, UNIT, EDGE, near=(1, 2, 3)),
    Case("ceil", mp.ceil, UNIT, EDGE, near=(1, 2, 3)),
    Case("rint", mp.nint, UNIT, EDGE, near=(0.5, 1.5, 2.5)),
    Case("trunc", to_integer, UNIT, EDGE, near=(1, 2, 3)),
    Case("erf", mp.erf, UNIT, EDGE // 2, near=(0.5, 9)),
    Case("erfc", mp.erfc, UNIT, 7, near=(0.5, 16, 105)),
    Case("erfinv", mp.erfinv, -200, 0, near=(0.5, 1 - 1e-12)),
    Case("ndtri", quantile, -200, 0, "+", (0.25, 0.5, 0.75, 1 - 1e-12)),
    Case("lgamma", log_gamma, UNIT, EDGE, "+", (0.75, 1, 2, 16)),
    Case("lgamma", log_gamma, UNIT, 7, "-", (2.4570247382208, 0.5, 3, 50)),
    Case("digamma", mp.digamma, UNIT, EDGE, "+", (0.75, 1.4616321449683623, 16)),
    Case("digamma", mp.digamma, UNIT, 7, "-", (0.5040830082644554, 0.5, 3, 50)),
    Case("trigamma", lambda x: mp.psi(1, x), -2000, 2000, "+", (0.75, 16)),
    Case("trigamma", lambda x: mp.psi(1, x), -2000, 5, "-", (0.5, 3)),
    Case("gamma", mp.gamma, UNIT, 10, near=(1, 2)),
    Case("bessel_i0", lambda x: mp.besseli(0, x), UNIT, 10),
    Case("bessel_i1", lambda x: mp.besseli(1, x), UNIT, 10),
    Case("bessel_i0e", lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), UNIT, 14),
    Case("bessel_i1e", lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), UNIT, 14),
    Case("bessel_j0", mp.j0, UNIT, 200, near=(2.404825557695773,)),
    Case("bessel_j1", mp.j1, UNIT, 200, near=(3.8317059702075125,)),
]


def beside(case: Case, place: float, offsets: QuadArray) -> QuadArray:
    sign = -1.0 if case.signs == "-" else 1.0
    return np.asarray(QUAD.asarray(sign * place) * (1 + offsets))


@pytest.mark.parametrize("case", CASES, ids=str)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_function_agrees_with_mpmath(case: Case, data: st.DataObject) -> None:
    if case.near and data.draw(st.booleans()):
        offsets = data.draw(quads(-111, -7))
        x = beside(case, data.draw(st.sampled_from(case.near)), offsets)
    else:
        x = data.draw(quads(case.low, case.high, case.signs))
    poles = case.signs != "+" and case.name in ("lgamma", "digamma", "trigamma", "gamma")
    assume(not (poles and np.any((x <= 0) & (x == np.rint(x)))))
    agree(getattr(QUAD, case.name)(x), [reference(case.true)(entry) for entry in QUAD.to_mp(x)])


@settings(max_examples=100, deadline=None)
@given(quads(-16000, EDGE, "+", 1), quads(-14, 14, count=1))
def test_powers_agree(x: QuadArray, y: QuadArray) -> None:
    base, exponent = QUAD.to_mp(x)[0], QUAD.to_mp(y)[0]
    assume(abs(exponent * mp.log(base, 2)) < 2**15)
    agree(QUAD.pow(x, y), [reference(mp.power)(base, exponent)])


@settings(max_examples=100, deadline=None)
@given(quads(UNIT, EDGE, count=1), quads(UNIT, EDGE, count=1))
def test_functions_of_two_agree(x: QuadArray, y: QuadArray) -> None:
    a, b = QUAD.to_mp(x)[0], QUAD.to_mp(y)[0]
    agree(QUAD.hypot(x, y), [reference(mp.hypot, 17000)(a, b)])
    agree(QUAD.atan2(x, y), [reference(mp.atan2, 17000)(a, b)])
    assert QUAD.to_mp(QUAD.maximum(x, y))[0] == max(a, b) and QUAD.to_mp(QUAD.minimum(x, y))[0] == min(a, b)


@settings(max_examples=30, deadline=None)
@given(quads(-20, 6, "+", 1), quads(-20, 6, "+", 1), st.integers(0, 6))
def test_what_goes_through_mpmath_agrees(x: QuadArray, y: QuadArray, n: int) -> None:
    a, b = QUAD.to_mp(x)[0], QUAD.to_mp(y)[0]
    agree(QUAD.igamma(x, y), [reference(lambda: mp.gammainc(a, 0, b, regularized=True), 100)()])
    agree(QUAD.igammac(x, y), [reference(lambda: mp.gammainc(a, b, mp.inf, regularized=True), 100)()])
    above = 1 + x
    agree(QUAD.zeta(above, y), [reference(mp.zeta, 500)(QUAD.to_mp(above)[0], b)])
    agree(QUAD.beta(x, y), [reference(mp.beta, 200)(a, b)])
    agree(QUAD.betaln(x, y), [reference(lambda: mp.log(mp.beta(a, b)), 200)()], [1 + abs(mp.log(mp.beta(a, b)))])
    agree(QUAD.polygamma(n, x), [reference(mp.polygamma, 200)(n, a)])
    agree(QUAD.xlogy(x, y), [reference(lambda: a * mp.log(b))()])
    agree(QUAD.xlog1py(x, y), [reference(lambda: a * mp.log(1 + b))()])


SPECIALS = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.0, np.inf, -np.inf, np.nan])
AS_NUMPY = [
    ("exp", np.exp), ("exp2", np.exp2), ("expm1", np.expm1), ("log", np.log), ("log2", np.log2), ("log10", np.log10),
    ("log1p", np.log1p), ("sqrt", np.sqrt), ("cbrt", np.cbrt), ("sin", np.sin), ("cos", np.cos), ("tan", np.tan),
    ("asin", np.arcsin), ("acos", np.arccos), ("atan", np.arctan), ("sinh", np.sinh), ("cosh", np.cosh),
    ("tanh", np.tanh), ("asinh", np.arcsinh), ("acosh", np.arccosh), ("atanh", np.arctanh), ("abs", np.abs),
    ("sign", np.sign), ("floor", np.floor), ("ceil", np.ceil), ("rint", np.rint), ("trunc", np.trunc),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ufunc"), AS_NUMPY, ids=[name for name, _ in AS_NUMPY])
def test_zeros_infinities_and_nan_give_what_float64_gives(name: str, ufunc: Any) -> None:
    with np.errstate(all="ignore"):
        right = ufunc(SPECIALS)
    got = QUAD.to_float64(getattr(QUAD, name)(SPECIALS))
    np.testing.assert_allclose(got, right, rtol=1e-15)
    assert np.array_equal(np.signbit(got)[~np.isnan(right)], np.signbit(right)[~np.isnan(right)])


def test_special_functions_at_their_edges() -> None:
    inf, nan = np.inf, np.nan
    x = np.array([0.0, -0.0, 1.0, -1.0, 2.0, inf, -inf, nan])
    edges = {
        "erf": [0.0, -0.0, 0.8427007929497149, -0.8427007929497149, 0.9953222650189527, 1, -1, nan],
        "erfc": [1, 1, 0.15729920705028513, 1.8427007929497148, 0.004677734981047266, 0, 2, nan],
        "erfinv": [0.0, -0.0, inf, -inf, nan, nan, nan, nan],
        "ndtri": [-inf, -inf, inf, nan, nan, nan, nan, nan],
        "lgamma": [inf, inf, 0, inf, 0, inf, inf, nan],
        "digamma": [-inf, inf, -0.5772156649015329, nan, 0.42278433509846713, inf, nan, nan],
        "trigamma": [inf, inf, 1.6449340668482264, inf, 0.6449340668482264, 0, nan, nan],
    }
    for name, right in edges.items():
        np.testing.assert_allclose(QUAD.to_float64(getattr(QUAD, name)(x)), right, rtol=1e-15, err_msg=name)


UNARY = sorted({case.name for case in CASES})


@pytest.mark.parametrize("name", UNARY)
def test_layout_and_shape_do_not_matter(name: str) -> None:
    rng = np.random.default_rng(0)
    function, x = getattr(QUAD, name), QUAD.asarray(rng.uniform(0.1, 0.9, (6, 4)))
    plain = function(np.ascontiguousarray(x[::2, ::-1].T))
    wide = np.broadcast_to(function(x[0].copy()), (3, 4))
    assert np.array_equal(function(x[::2, ::-1].T), plain, equal_nan=True)
    assert np.array_equal(function(np.broadcast_to(x[0], (3, 4))), wide, equal_nan=True)
    assert function(x[0, 0]).shape == () and function(x[:0]).shape == (0, 4)
    assert np.array_equal(function(x[0, 0]), function(x)[0, 0], equal_nan=True)


def test_blocks_join(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-3, 20, 100)
    whole = QUAD.erfc(x), QUAD.lgamma(x)
    monkeypatch.setattr("gradlaws.suite.arithmetic.regions.BLOCK", 7)
    assert np.array_equal(QUAD.erfc(x), whole[0]) and np.array_equal(QUAD.lgamma(x), whole[1])


@given(quads(UNIT, EDGE), st.integers(-1200, 1200))
def test_conversions_are_exact_or_rounded_once(x: QuadArray, exponent: int) -> None:
    exact = QUAD.to_mp(x)
    assert quad_numbers.integers(QUAD.from_mp(exact)) == quad_numbers.integers(x)
    with mp.workprec(200):
        scaled = QUAD.from_mp([entry * mpf(2) ** (exponent - mp.mag(entry)) for entry in exact])
        assert QUAD.to_float64(scaled).tolist() == [float(entry) for entry in QUAD.to_mp(scaled)]


@given(st.integers(1, 2**52 - 1), st.integers(60, 112), st.sampled_from([-1, 0, 1]), st.integers(-1080, 1000))
def test_float64_beside_a_tie(odd: int, place: int, side: int, exponent: int) -> None:
    with mp.workprec(200):
        x = QUAD.from_mp([(1 + mpf(2 * odd + 1) / mpf(2) ** 53 + side * mpf(2) ** -place) * mpf(2) ** exponent])
    assert QUAD.to_float64(x)[0] == float(QUAD.to_mp(x)[0])


@given(st.lists(st.floats() | st.floats(width=32), min_size=1), st.integers(-(2**70), 2**70))
def test_what_numpy_holds_comes_over_exactly(numbers: list[float], whole: int) -> None:
    for kind in (np.float64, np.float32, np.float16, np.longdouble):
        with np.errstate(all="ignore"):
            values = np.array(numbers).astype(kind) / kind(3)
        back = QUAD.asarray(values).astype(np.float64)
        assert np.array_equal(back, values.astype(np.float64), equal_nan=True)
        finite, nothing = values[np.isfinite(values)], values[values == 0]
        assert QUAD.to_mp(QUAD.asarray(finite)).tolist() == mp_array(finite).tolist()
        assert np.array_equal(np.signbit(QUAD.asarray(nothing)), np.signbit(nothing))
    assert int(QUAD.to_mp(QUAD.asarray(whole))[()]) == whole


def test_what_is_not_real_is_refused() -> None:
    for values in (np.array([1j]), np.array(["1"], dtype=object), np.array([mp.mpc(1, 2)], dtype=object)):
        with pytest.raises(TypeError):
            QUAD.asarray(values)


@st.composite
def operands(draw: st.DrawFn) -> tuple[QuadArray, QuadArray]:
    """Matrices or stacks, in any layout, with entries of one size, of mixed sizes, or with zeros."""
    m, k, n = (draw(st.integers(1, 9)) for _ in range(3))
    stack = draw(st.sampled_from([(), (2,), (1,), (2, 1)])), draw(st.sampled_from([(), (2,), (1,)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    spread = draw(st.sampled_from([0, 3, 60, 400, 7000]))
    pair = []
    for leading, (rows, columns) in zip(stack, ((m, k), (k, n))):
        shape = (*leading, rows, columns)
        x = QUAD.asarray(rng.standard_normal(shape)) + QUAD.asarray(rng.standard_normal(shape)) * 2.0**-60
        x = quad_numbers.scaled(x, rng.integers(-spread, spread + 1, shape)) * (
            rng.random(shape) < draw(st.sampled_from([1, 0.7]))
        )
        layout = draw(st.sampled_from(["C", "F", "reversed", "strided"]))
        if layout == "F":
            x = np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)
        elif layout == "reversed":
            x = np.ascontiguousarray(x[..., ::-1])[..., ::-1]
        elif layout == "strided":
            x = np.repeat(x, 2, axis=-1)[..., ::2]
        pair.append(x)
    return pair[0], pair[1]


@settings(max_examples=150, deadline=None)
@given(operands(), st.booleans())
def test_products_of_matrices_agree(pair: tuple[QuadArray, QuadArray], sliced: bool) -> None:
    a, b = pair
    with pytest.MonkeyPatch.context() as patch, mp.workprec(30000):
        if sliced:
            patch.setattr(splitting, "worthwhile", lambda *_: True)
        got, exact = QUAD.to_mp(QUAD.matmul(a, b)), np.matmul(QUAD.to_mp(a), QUAD.to_mp(b))
        sizes = np.matmul(np.abs(QUAD.to_mp(a)), np.abs(QUAD.to_mp(b)))
        assert got.shape == exact.shape
        assert np.all(np.abs(got - exact) <= sizes * mpf(2) ** -104 + a.shape[-1] * SMALLEST)


@pytest.mark.parametrize("place", [np.inf, -np.inf, np.nan])
def test_products_with_infinities_and_nan(place: float) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((40, 40)), rng.standard_normal((40, 40))
    a[3, 5], b[7, 2], b[5, 9] = place, place, 0
    with np.errstate(all="ignore"):
        right = np.einsum("ij,jk->ik", a, b)
    np.testing.assert_allclose(QUAD.to_float64(QUAD.matmul(QUAD.asarray(a), QUAD.asarray(b))), right, rtol=1e-10)


def test_small_entries_survive_beside_large_ones() -> None:
    """What slices alone would lose: a term of 1e-40 where the row's and the column's largest meet zeros."""
    a, b = np.eye(64), np.eye(64)
    a[0, 1], b[1, 0] = 1e-40, 1.0
    b[0, 0] = 0
    left, right = QUAD.asarray(a), QUAD.asarray(b)
    assert splitting.worthwhile(64, 64, 64, 1)
    assert QUAD.to_float64(QUAD.matmul(left, right))[0, 0] == 1e-40


@pytest.mark.parametrize(("a", "b"), [((2, 3), (2, 3)), ((3,), (3, 2)), ((2, 2, 3), (3, 3, 2))])
def test_products_of_shapes_that_do_not_fit(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):
        QUAD.matmul(QUAD.zeros(a), QUAD.zeros(b))


@pytest.mark.parametrize(("a", "b"), [((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0, 2, 3), (3, 2))])
def test_empty_products(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    right = np.zeros(a) @ np.zeros(b)
    assert np.array_equal(QUAD.to_float64(QUAD.matmul(QUAD.zeros(a), QUAD.zeros(b))), right)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 3)])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_sums_also_of_none(shape: tuple[int, ...], axis: int | None) -> None:
    x = np.arange(float(np.prod(shape))).reshape(shape)
    for ours, theirs in ((QUAD.sum, np.sum), (QUAD.prod, np.prod)):
        got = QUAD.to_float64(ours(x, axis))
        assert np.array_equal(got, theirs(x, axis=axis)) and got.shape == theirs(x, axis=axis).shape


def test_the_largest_beside_nan() -> None:
    x = np.array([[0.0, np.nan, 2.0], [3.0, 1.0, 3.0]])
    for axis in (None, 0, 1):
        assert np.array_equal(QUAD.argmax(x, axis), np.argmax(x, axis=axis))
        assert np.array_equal(QUAD.argmin(x, axis), np.argmin(x, axis=axis))
    assert reductions.argmax(x[1]) == 0


def test_faults_of_the_package_are_still_there() -> None:
    """The reasons for our own products, casts, cbrt and reductions. Where this fails, one of them may go."""
    asked = [fault[0] for fault in quaddtype_faults.faults()]
    if version("numpy_quaddtype") != "1.0.0":
        pytest.skip(f"numpy_quaddtype {version('numpy_quaddtype')} has these faults left: {asked}")
    for fault in ("A.T @ A", "A @ A.T", "A[:, ::2] @ B[::2]", "a stack @ a matrix", "sum of none"):
        assert fault in asked
    assert any("cbrt" in fault for fault in asked) and any("float64(" in fault for fault in asked)


def test_the_self_test_sees_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    native = lambda a, b: a @ b
    assert self_test.checks() == dict.fromkeys(self_test.checks(), True)
    monkeypatch.setattr(type(QUAD), "matmul", staticmethod(native))
    monkeypatch.setattr(type(QUAD), "exp", staticmethod(lambda x: np.exp(x) * (QUAD.ones(()) + 1e-30)))
    assert [name for name, right in self_test.checks().items() if not right] == ["matrix product", "exponential"]
    assert "matrix product, exponential" in str(self_test.usable.__wrapped__())


def test_without_the_package_the_suite_says_so() -> None:
    code = (
        "import sys; sys.modules['numpy_quaddtype'] = None\n"
        "from gradlaws.suite.arithmetic import quad, self_test\n"
        "print(self_test.usable())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("no quad arithmetic: numpy_quaddtype wants NumPy ≥ 2.4: pip install 'gradlaws[quad]'")


def test_the_package_is_the_pinned_one() -> None:
    try:
        assert version("numpy_quaddtype") == "1.0.0"
    except PackageNotFoundError:
        pytest.fail("usable() said that it is there")
