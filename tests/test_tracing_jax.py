"""The tape of what jax runs for every row of the catalogue, and RULE on it; what jax has beyond, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
from jax._src.interpreters import ad  # noqa: E402

from gradlaws.strategies import FLOAT64, alone  # noqa: E402
from gradlaws.strategies.catalogue import PRIMITIVES  # noqa: E402
from gradlaws.strategies.program import Point, Program  # noqa: E402
from gradlaws.suite.arithmetic import float64  # noqa: E402
from gradlaws.suite.backends.jax_backend import BACKEND  # noqa: E402
from gradlaws.suite.known import ledger  # noqa: E402
from gradlaws.suite.rule.arithmetics import arithmetic_for  # noqa: E402
from gradlaws.suite.rule.exact import Agreement  # noqa: E402
from gradlaws.suite.rule.rule import agreements  # noqa: E402
from gradlaws.suite.tape.run import run  # noqa: E402
from gradlaws.suite.tape.tape import Unsupported  # noqa: E402
from gradlaws.suite.tracing import jax_equations, jax_operations, of_jax  # noqa: E402
from gradlaws.suite.tracing.of_jax import derivatives  # noqa: E402
from gradlaws.suite.tracing.traced import Traced  # noqa: E402
from gradlaws.suite.truth import oracle  # noqa: E402

ROWS = sorted(name for name, row in PRIMITIVES.items() if "jax" in row.spellings)
# Of the largest of its terms: jax's own formulas for some special functions are approximations of float64's digits.
NEAR = 2.0**-40

# What RULE cannot be asked of, in jax's own words or ours.
UNSUPPORTED = {
    "householder_product": "Differentiation rule for 'householder_product' not implemented",
    "scatter_prod": "scatter_mul gradients are only implemented if `unique_indices=True`",
    "ldexp": "makes a float of another's bits",
    "exp1": "longer than",  # a batch runs every loop of it to the end
    "expn": "longer than",
}
# Series of float64's digits: that of a derivative is not the derivative of that of the function.
SERIES = {"hyp1f1": 1e-11, "log_ndtr": 1e-11}


def traced(program: Program, point: Point) -> Traced | None:
    """None where it is unsupported, as is known."""
    name = program.steps[0].primitive
    try:
        return derivatives(BACKEND.function(program, FLOAT64), *point)
    except Unsupported as error:
        if name in UNSUPPORTED and UNSUPPORTED[name] in str(error):
            return None
        raise


def is_known(agreement: Agreement, program: Program, point: Point) -> bool:
    """Whether a row of the ledger speaks of the wrong derivative, or a series ends early."""
    name = program.steps[0].primitive
    if agreement.relative <= SERIES.get(name, 0):
        return True
    rows = [row for row in ledger.rows() if row.backend == "jax" and row.speaks_of(jax.__version__)]
    ours = [row for row in rows if row.primitive == name and row.order <= agreement.order]
    return any(row.anywhere or row.contains(point) for row in ours)


@pytest.mark.parametrize("name", ROWS)
@given(data=st.data())
@settings(max_examples=2, deadline=None)
def test_every_row_is_jaxs_own_and_its_rule_is_right(name: str, data: st.DataObject) -> None:
    program, point = data.draw(alone(FLOAT64, PRIMITIVES[name]))
    found = traced(program, point)
    if found is None:
        return
    xp = arithmetic_for(found)
    exact = oracle.value(program, point)
    values = np.ravel(xp.to_float64(run(found.forward, point, xp)[0]))
    largest = max(exact.size, float(np.max(oracle.sizes(point, oracle.float_values(program, point)))))
    np.testing.assert_allclose(values, exact.floats.ravel(), rtol=0, atol=NEAR * largest)
    for agreement in agreements(found, np.random.default_rng(0)):
        assert agreement.verdict != "wrong" or is_known(agreement, program, point), f"{point}: {agreement}"


def test_a_wrong_rule_of_a_row_is_seen() -> None:
    @jax.custom_jvp
    def wrong(x: Any) -> Any:
        return jnp.sin(x)

    wrong.defjvp(lambda primals, tangents: (wrong(*primals), jnp.cos(primals[0]) * tangents[0] * (1 + 1e-13)))
    found = agreements(derivatives(wrong, np.array([0.3, 1.2])), np.random.default_rng(0))
    assert [a.verdict for a in found] == ["wrong"] * 3


# Operations that no row of the catalogue has: each is traced with gradient and Hessian product, beside jax itself.

X = np.array([0.3, -1.2, 2.5, 0.7, -0.4, 1.9])
M = np.array([[2.0, 0.3, -0.5], [0.7, 3.0, 0.2], [0.1, -0.4, 2.5]])


def folded(x: Any) -> Any:
    return jax.lax.reduce(x.reshape(2, 3), jnp.zeros(()), lambda a, b: a + b + a * b, (1,))


def windowed(x: Any) -> Any:
    return jax.lax.reduce_window(x, jnp.zeros(()), lambda a, b: jnp.hypot(a, b), (2,), (2,), ((1, 1),))


def pooled(x: Any) -> Any:
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (3,), (2,), "VALID")


BEYOND: dict[str, tuple[Callable[..., Any], Any]] = {
    "top_k": (lambda x: jax.lax.top_k(x, 3)[0] ** 2, X),
    "approx_top_k": (lambda x: jax.lax.approx_max_k(x, 2)[0] ** 2, X),
    "approx_top_k, smallest": (lambda x: jax.lax.approx_min_k(x, 2)[0] ** 2, X),
    "tile": (lambda x: jax.lax.tile_p.bind(x.reshape(2, 3), reps=(2, 1)) ** 2, X),
    "stack": (lambda x: jnp.stack([x, x * x], 1), X),
    "unstack": (lambda x: sum(k * y * y for k, y in enumerate(jnp.unstack(x.reshape(2, 3), axis=1))), X),
    "fft": (lambda x: abs(jnp.fft.fft(x)) ** 2, X),
    "ifft": (lambda x: jnp.fft.ifft(x).imag ** 2, X),
    "rfft": (lambda x: abs(jnp.fft.rfft(x)) ** 2, X),
    "irfft": (lambda x: jnp.fft.irfft(x * (1 + 2j)) ** 2, X),
    "rfft2": (lambda x: abs(jnp.fft.rfft2(x.reshape(2, 3))) ** 2, X),
    "irfft, odd": (lambda x: jnp.fft.irfft(x * (1 + 2j), n=5) ** 2, X),
    "reduce": (folded, X),
    "reduce_window_max": (pooled, X),
    "svd": (lambda a: jnp.linalg.svd(a, full_matrices=False)[0], M[:, :2]),
    "svd, wide": (lambda a: jnp.linalg.svd(a, full_matrices=False)[2], M[:2]),
    "qr": (lambda a: jnp.linalg.qr(a)[0], M),
    "qr, wide": (lambda a: jnp.linalg.qr(a)[1], M[:2]),
    "qr, complete": (lambda a: jnp.linalg.qr(a, mode="complete")[1], M),
    "eigh": (lambda a: jnp.linalg.eigh(a)[1], M + M.T),
    "tridiagonal_solve": (
        lambda x: jax.lax.linalg.tridiagonal_solve(0 * x, 4 + x, x * x / 9, jnp.stack([x, x + 1], 1)), X,
    ),
    "igamma_grad_a": (lambda a: jax.scipy.special.gammainc(a, 1.7), np.array([0.8, 2.3])),
    "betainc": (lambda x: jax.scipy.special.betainc(1.3, 2.2, x), np.array([0.2, 0.7])),
    "bitcast_convert_type": (lambda x: jnp.copysign(x * x, -x), X),
    "clz": (lambda x: x * jax.lax.clz(jnp.asarray(5)), X),
    "batched while": (lambda x: jax.vmap(lambda x: jax.scipy.special.expi(x))(x), np.array([0.3, 2.0, 7.0])),
}  # fmt: skip


@pytest.mark.parametrize("name", BEYOND)
def test_what_lies_beyond_the_catalogue(name: str) -> None:
    function, point = BEYOND[name]
    second = name != "igamma_grad_a"  # of which jax has no further derivative
    found = derivatives(function, point, second=second)
    weights = [np.cos(np.arange(np.prod(shape, dtype=int)) + 1.0).reshape(shape) for shape in found.shapes]
    with jax_equations.in_float64():
        own = [np.asarray(y) for y in jax.tree.leaves(function(jnp.asarray(point)))]
        gradient = jax.vjp(lambda x: jax.tree.leaves(function(x)), jnp.asarray(point))[1]
        pulled = gradient([jnp.asarray(w) for w in weights])
    agree(run(found.forward, [point], float64.FLOAT64), own)
    agree(run(found.gradient, [point, *weights], float64.FLOAT64), pulled)
    verdicts = [a.verdict for a in agreements(found, np.random.default_rng(0))]
    assert verdicts == ["right"] * (3 if second else 2)


def agree(found: Any, own: Any) -> None:
    for x, y in zip(found, own, strict=True):
        np.testing.assert_allclose(x, np.asarray(y), rtol=0, atol=NEAR * np.max(abs(np.asarray(y)), initial=1e-300))


def test_a_window_of_the_users() -> None:
    """jax has the JVP of it alone."""
    tape = of_jax.traced(lambda x: jax.jvp(windowed, (x,), (x * x,)), X)
    with jax_equations.in_float64():
        own = jax.jvp(windowed, (jnp.asarray(X),), (jnp.asarray(X * X),))
    agree(run(tape, [X], float64.FLOAT64), own)


def test_a_loop_of_a_batch_goes_on_until_all_have_ended() -> None:
    def counted(x: Any) -> Any:
        return jax.lax.while_loop(lambda s: s < 10, lambda s: s * 2, x)

    point = np.array([1.0, 3.0, 7.0])
    tape = of_jax.traced(jax.vmap(counted), point)
    assert run(tape, [point], float64.FLOAT64)[0].tolist() == [16.0, 12.0, 14.0]


def test_a_float_of_anothers_bits_is_unsupported() -> None:
    def mantissa(x: Any) -> Any:
        return jnp.frexp(x)[0]

    with pytest.raises(Unsupported, match=r"bitcast_convert_type_p .*makes a float of another's bits"):
        of_jax.traced(mantissa, np.array([0.3]))


def test_what_jax_has_no_derivative_of_is_said() -> None:
    with pytest.raises(Unsupported, match=r"jax has no gradient of it: .*reverse-mode"):
        derivatives(windowed, X)
    with pytest.raises(Unsupported, match=r"jax has no gradient of it: .*householder_product"):
        derivatives(lambda a: jax.lax.linalg.householder_product(a, a[:, 0]), M)
    found = derivatives(lambda a: jax.scipy.special.gammainc(a, 1.7), np.array([0.8]))
    assert found.product is None and "igamma_grad_a" in found.refused


# What jax has beyond.


def test_every_primitive_is_declared_or_left_out_with_a_reason() -> None:
    """A new one of jax's is neither."""
    assert sorted(set(of_jax.missing()) - jax_operations.LEFT_OUT.keys()) == []
    assert sorted(jax_operations.LEFT_OUT.keys() & of_jax.LOWERED.keys()) == []


def test_of_those_with_a_derivative_nine_in_ten_are_declared() -> None:
    differentiable = {name for name, p in of_jax.primitives().items() if p in ad.primitive_jvps}
    missing = differentiable & set(of_jax.missing())
    assert len(differentiable) > 80 and len(missing) <= 0.1 * len(differentiable), sorted(missing)
