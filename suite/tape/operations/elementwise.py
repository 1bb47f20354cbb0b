"""Operations on one entry of each argument; arguments broadcast."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import mp

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.suite.tape.operations.declaration import Declaration
from gradlaws.suite.tape.tape import HELD, Array

# What a function that is not smooth does where its pieces meet.


def equal(a: Array, b: Array) -> bool:
    return bool(np.any(a == b))


def zero(a: Array) -> bool:
    return bool(np.any(a == 0))


def both_zero(a: Array, b: Array) -> bool:
    return bool(np.any((a == 0) & (b == 0)))


def discrete(*arrays: Array) -> bool:
    return all(array.dtype.kind in "iub" for array in arrays)


def row(name: str) -> str | None:
    """Of the catalogue, if there is one of that name."""
    return name if name in PRIMITIVES else None


def by_operator(name: str, operator: Callable[..., Any]) -> Declaration:
    """The same expression on floats of any arithmetic, on integers and on complex numbers."""
    return Declaration(name, lambda xp, *arrays: operator(*arrays), primitive=row(name))


def evaluated(name: str, xp: Any, *arrays: Any) -> Any:
    """A function that the arithmetic has, or else the definition of that row of the catalogue, entry by entry."""
    function = getattr(xp, name, None)
    return function(*arrays) if function is not None else xp.entrywise(PRIMITIVES[name].definition, *arrays)


def function(name: str, tie: Callable[..., bool] | None = None) -> Declaration:
    """A function of real numbers by the name of its row in the catalogue."""
    return Declaration(name, functools.partial(evaluated, name), primitive=row(name), tie=tie)


def on_any(
    name: str, tie: Callable[..., bool] | None = None, on_discrete: Callable[..., Any] | None = None
) -> Declaration:
    """The same, where integers have it too."""
    integral = on_discrete if on_discrete is not None else getattr(np, name)

    def definition(xp: Any, *arrays: Any) -> Any:
        return integral(*arrays) if discrete(*arrays) else evaluated(name, xp, *arrays)

    return Declaration(name, definition, primitive=row(name), tie=tie)


def comparison(name: str, operator: Callable[..., Any]) -> Declaration:
    return Declaration(name, lambda xp, a, b: np.asarray(operator(a, b), dtype=bool), tie=equal)


def of_integers(name: str, operator: Callable[..., Any]) -> Declaration:
    return Declaration(name, lambda xp, *arrays: np.asarray(operator(*arrays)))


def truncated_divide(a: Array, b: Array) -> Array:
    """Integer division toward zero, as XLA and C have it."""
    with np.errstate(divide="ignore"):
        return np.where(b == 0, -1, np.sign(a) * np.sign(b) * (abs(a) // np.where(b == 0, 1, abs(b)))).astype(a.dtype)


def divided(xp: Any, a: Any, b: Any) -> Any:
    return truncated_divide(a, b) if discrete(a, b) else xp.divide(a, b)


def integer_power(xp: Any, x: Any, exponent: int) -> Any:
    """x^n by squaring: exact rules need no logarithm."""
    if exponent < 0:
        return xp.divide(xp.ones(np.shape(x)), integer_power(xp, x, -exponent))
    result, square = None, x
    while exponent:
        if exponent & 1:
            result = square if result is None else result * square
        exponent >>= 1
        if exponent:
            square = square * square
    return result if result is not None else x * 0 + 1


def chosen(xp: Any, which: Array, *cases: Any) -> Any:
    """Of every entry, the case with that number (a boolean is 0 or 1)."""
    result = cases[0]
    for number, case in enumerate(cases[1:], start=1):
        result = np.where(which == number, case, result)
    return result


def converted(xp: Any, x: Any, dtype: str, kind: str) -> Any:
    """Between floats nothing happens: the exact value has no type. ``kind``: "float", "complex" or "discrete"."""
    if x.dtype.kind in "iub":
        if kind == "discrete":
            return x.astype(dtype)
        return xp.asarray(x.astype(np.float64))
    if kind == "discrete":
        whole = xp.to_float64(x)
        return (whole != 0) if dtype == "bool" else np.trunc(whole).astype(dtype)
    if kind == "complex":
        return x if xp.is_complex(x) else xp.complex(x, xp.zeros(np.shape(x)))
    return xp.real(x) if xp.is_complex(x) else x


def remainder_to_zero(xp: Any, a: Any, b: Any) -> Any:
    """With the sign of the dividend, as C's fmod and XLA's rem."""
    if discrete(a, b):
        return a - truncated_divide(a, b) * b
    return a - xp.trunc(xp.divide(a, b)) * b


def bits(xp: Any, x: Any, of: str, dtype: str) -> Array:
    """The bits of numbers of one type, read as another of the same length: they are those of the point."""
    as_numbers = x if discrete(x) else np.asarray(xp.to_float64(x))
    return np.asarray(as_numbers, dtype=of).view(dtype)


def igamma_grad_a(xp: Any, a: Any, x: Any) -> Any:
    """∂P(a, x)/∂a."""
    return xp.entrywise(lambda a, x: mp.diff(lambda s: mp.gammainc(s, 0, x, regularized=True), a), a, x)


def next_is(condition: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda xp, x: np.asarray(condition(xp.to_float64(x)), dtype=bool)


def whole(a: Any) -> bool:
    """Where a rounding to integers jumps."""
    return bool(np.any(a == np.floor(a))) if a.dtype != object else any(x == int(x) for x in a.ravel())


SMOOTH = (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "rsqrt", "sin", "cos", "tan", "asin",
    "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "pow", "sigmoid", "erf",
    "erfc", "erfinv", "erfcx", "ndtr", "ndtri", "log_ndtr", "lgamma", "digamma", "igamma", "igammac", "incomplete_beta",
    "hurwitz_zeta", "i0", "i1", "i0e", "i1e", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_k0",
    "modified_bessel_k1", "spherical_bessel_j0", "airy_ai", "sinc", "logaddexp", "logaddexp2", "xlogy", "xlog1py",
    "logit", "entr", "spence", "multigammaln",
)  # fmt: skip

FAMILY = (
    by_operator("add", lambda a, b: a + b),
    by_operator("sub", lambda a, b: a - b),
    by_operator("mul", lambda a, b: a * b),
    by_operator("negative", lambda a: -a),
    by_operator("square", lambda a: a * a),
    Declaration("div", divided, primitive="div"),
    Declaration("reciprocal", lambda xp, a: xp.divide(xp.ones(np.shape(a)), a), primitive="reciprocal"),
    Declaration("integer_power", integer_power),
    Declaration("remainder_to_zero", remainder_to_zero, primitive="fmod"),
    *map(function, SMOOTH),
    function("sqrt", tie=zero),  # of a square it has a kink there
    function("cbrt", tie=zero),
    function("hypot", tie=both_zero),
    Declaration("polygamma", lambda xp, n, x: xp.polygamma(n, x)),
    on_any("abs", tie=zero),
    on_any("sign", tie=zero),
    on_any("maximum", tie=equal),
    on_any("minimum", tie=equal),
    on_any("floor", tie=whole, on_discrete=lambda a: a),
    on_any("ceil", tie=whole, on_discrete=lambda a: a),
    on_any("trunc", tie=whole, on_discrete=lambda a: a),
    on_any("rint", on_discrete=lambda a: a),
    comparison("less", lambda a, b: a < b),
    comparison("less_equal", lambda a, b: a <= b),
    comparison("greater", lambda a, b: a > b),
    comparison("greater_equal", lambda a, b: a >= b),
    comparison("equal", lambda a, b: a == b),
    comparison("not_equal", lambda a, b: a != b),
    of_integers("logical_not", lambda a: ~a),
    of_integers("logical_and", lambda a, b: a & b),
    of_integers("logical_or", lambda a, b: a | b),
    of_integers("logical_xor", lambda a, b: a ^ b),
    of_integers("floor_divide", lambda a, b: a // b),
    of_integers("remainder", lambda a, b: a % b),
    of_integers("shift_left", lambda a, b: np.left_shift(a, b)),
    of_integers("shift_right", lambda a, b: np.right_shift(a, b)),
    Declaration("is_finite", next_is(np.isfinite)),
    Declaration("is_nan", next_is(np.isnan)),
    Declaration("is_infinite", next_is(np.isinf)),
    Declaration("select", chosen),
    Declaration("convert", converted),
    Declaration("bits", bits),
    Declaration("igamma_grad_a", igamma_grad_a),
    Declaration("copy", lambda xp, a: a),
    Declaration(HELD, lambda xp, a: a),
    Declaration("real", lambda xp, a: xp.real(a)),
    Declaration("imaginary", lambda xp, a: xp.imaginary(a)),
    Declaration("conjugate", lambda xp, a: xp.conjugate(a)),
    Declaration("complex", lambda xp, a, b: xp.complex(a, b)),
)  # fmt: skip
