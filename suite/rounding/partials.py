"""Partial derivatives of the elementwise operations, in float64: as many digits as a bound needs, which is two."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.special as sp

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.tape.operations import declaration
from gradlaws.suite.tape.tape import Array

# out, then the arguments -> a partial derivative for each of them
Partials = Callable[..., Sequence[Any]]
ROOT_PI = np.sqrt(np.pi)


def by_differences(name: str, out: Array, *arguments: Array) -> list[Array]:
    """Central differences, of about ten digits where the function is smooth and not steep."""
    evaluate = functools.partial(declaration(name).definition, FLOAT64)
    found = []
    for place, x in enumerate(arguments):
        h = 2.0**-17 * np.maximum(abs(x), 2.0**-10)
        ends = [[x + s * h if k == place else y for k, y in enumerate(arguments)] for s in (1, -1)]
        width = ends[0][place] - ends[1][place]
        found.append((evaluate(*ends[0]) - evaluate(*ends[1])) / width)
    return found


def differences(name: str) -> Partials:
    return functools.partial(by_differences, name)


def of_last(name: str, last: Callable[..., Array]) -> Partials:
    """In the last argument by a formula, in those before it by differences."""

    def partials(out: Array, *arguments: Array) -> list[Array]:
        return [*by_differences(name, out, *arguments)[:-1], last(*arguments)]

    return partials


def gamma_density(a: Array, x: Array) -> Array:
    return np.asarray(np.exp(-x + sp.xlogy(a - 1, x) - sp.gammaln(a)))


def beta_density(a: Array, b: Array, x: Array) -> Array:
    return np.asarray(np.exp(sp.xlogy(a - 1, x) + sp.xlog1py(b - 1, -x) - sp.betaln(a, b)))


def share(a: Array, b: Array) -> Array:
    """exp(a) / (exp(a) + exp(b))"""
    return np.asarray(sp.expit(a - b))


def sinc(out: Array, x: Array) -> tuple[Array]:
    """cos(πx)/x − sin(πx)/(πx²); near 0 its series."""
    near = abs(x) < 1e-3
    safe = np.where(near, 1.0, x)
    return (np.where(near, -(np.pi**2) * x / 3, (np.cos(np.pi * safe) - out) / safe),)


def modulus(x: Array) -> Array:
    return np.sign(x) if x.dtype.kind != "c" else x / np.where(x == 0, 1, abs(x))


PARTIALS: dict[str, Partials] = {
    "add": lambda o, a, b: (1.0, 1.0),
    "sub": lambda o, a, b: (1.0, -1.0),
    "mul": lambda o, a, b: (b, a),
    "div": lambda o, a, b: (1 / b, -o / b),
    "negative": lambda o, a: (-1.0,),
    "copy": lambda o, a: (1.0,),
    "held": lambda o, a: (1.0,),
    "square": lambda o, a: (2 * a,),
    "reciprocal": lambda o, a: (-o * o,),
    "abs": lambda o, a: (modulus(a),),
    "sign": lambda o, a: (0.0,),
    "floor": lambda o, a: (0.0,),
    "ceil": lambda o, a: (0.0,),
    "trunc": lambda o, a: (0.0,),
    "rint": lambda o, a: (0.0,),
    "maximum": lambda o, a, b: ((a > b) + 0.5 * (a == b), (b > a) + 0.5 * (a == b)),
    "minimum": lambda o, a, b: ((a < b) + 0.5 * (a == b), (b < a) + 0.5 * (a == b)),
    "remainder_to_zero": lambda o, a, b: (1.0, -np.trunc(a / b)),
    "exp": lambda o, a: (o,),
    "exp2": lambda o, a: (np.log(2) * o,),
    "expm1": lambda o, a: (np.exp(a),),
    "log": lambda o, a: (1 / a,),
    "log2": lambda o, a: (1 / (np.log(2) * a),),
    "log10": lambda o, a: (1 / (np.log(10) * a),),
    "log1p": lambda o, a: (1 / (1 + a),),
    "sqrt": lambda o, a: (0.5 / o,),
    "cbrt": lambda o, a: (1 / (3 * o * o),),
    "rsqrt": lambda o, a: (-0.5 * o / a,),
    "sin": lambda o, a: (np.cos(a),),
    "cos": lambda o, a: (-np.sin(a),),
    "tan": lambda o, a: (1 + o * o,),
    "asin": lambda o, a: (1 / np.sqrt((1 - a) * (1 + a)),),
    "acos": lambda o, a: (-1 / np.sqrt((1 - a) * (1 + a)),),
    "atan": lambda o, a: (1 / (1 + a * a),),
    "atan2": lambda o, a, b: (b / (a * a + b * b), -a / (a * a + b * b)),
    "sinh": lambda o, a: (np.cosh(a),),
    "cosh": lambda o, a: (np.sinh(a),),
    "tanh": lambda o, a: (1 / np.cosh(a) ** 2,),
    "asinh": lambda o, a: (1 / np.hypot(1, a),),
    "acosh": lambda o, a: (1 / np.sqrt((a - 1) * (a + 1)),),
    "atanh": lambda o, a: (1 / ((1 - a) * (1 + a)),),
    "pow": lambda o, a, b: (b * np.power(a, b - 1), sp.xlogy(o, np.where(a > 0, a, 1))),
    "hypot": lambda o, a, b: (a / o, b / o),
    "sigmoid": lambda o, a: (sp.expit(a) * sp.expit(-a),),
    "erf": lambda o, a: (2 / ROOT_PI * np.exp(-a * a),),
    "erfc": lambda o, a: (-2 / ROOT_PI * np.exp(-a * a),),
    "erfinv": lambda o, a: (ROOT_PI / 2 * np.exp(o * o),),
    "erfcx": lambda o, a: (2 * a * o - 2 / ROOT_PI,),
    "ndtr": lambda o, a: (np.exp(-a * a / 2) / np.sqrt(2 * np.pi),),
    "ndtri": lambda o, a: (np.sqrt(2 * np.pi) * np.exp(o * o / 2),),
    "log_ndtr": lambda o, a: (np.exp(-a * a / 2 - o) / np.sqrt(2 * np.pi),),
    "lgamma": lambda o, a: (sp.digamma(a),),
    "digamma": lambda o, a: (sp.zeta(2, a),),
    "polygamma": lambda o, n, x: (np.nan, sp.polygamma(np.asarray(n) + 1, x)),
    "hurwitz_zeta": lambda o, s, a: (differences("hurwitz_zeta")(o, s, a)[0], -s * sp.zeta(s + 1, a)),
    "igamma": of_last("igamma", gamma_density),
    "igammac": of_last("igammac", lambda a, x: -gamma_density(a, x)),
    "incomplete_beta": of_last("incomplete_beta", beta_density),
    "i0": lambda o, a: (sp.i1(a),),
    "i1": lambda o, a: ((sp.i0(a) + sp.iv(2, a)) / 2,),
    "i0e": lambda o, a: (sp.i1e(a) - np.sign(a) * o,),
    "i1e": lambda o, a: ((sp.i0e(a) + sp.ive(2, a)) / 2 - np.sign(a) * o,),
    "bessel_j0": lambda o, a: (-sp.j1(a),),
    "bessel_j1": lambda o, a: ((sp.j0(a) - sp.jv(2, a)) / 2,),
    "bessel_y0": lambda o, a: (-sp.y1(a),),
    "bessel_y1": lambda o, a: ((sp.y0(a) - sp.yv(2, a)) / 2,),
    "modified_bessel_k0": lambda o, a: (-sp.k1(a),),
    "modified_bessel_k1": lambda o, a: (-(sp.k0(a) + sp.kv(2, a)) / 2,),
    "spherical_bessel_j0": lambda o, a: (-sp.spherical_jn(1, a),),
    "airy_ai": lambda o, a: (sp.airy(a)[1],),
    "sinc": sinc,
    "logaddexp": lambda o, a, b: (share(a, b), share(b, a)),
    "logaddexp2": lambda o, a, b: (share(np.log(2) * a, np.log(2) * b), share(np.log(2) * b, np.log(2) * a)),
    "xlogy": lambda o, a, b: (np.where(a == 0, 0.0, np.log(b)), a / b),
    "xlog1py": lambda o, a, b: (np.where(a == 0, 0.0, np.log1p(b)), a / (1 + b)),
    "logit": lambda o, a: (1 / (a * (1 - a)),),
    "entr": lambda o, a: (-np.log(a) - 1,),
    "spence": lambda o, a: (np.where(a == 1, -1.0, np.log(a) / np.where(a == 1, 1, 1 - a)),),
    "multigammaln": differences("multigammaln"),
    "igamma_grad_a": differences("igamma_grad_a"),
}


def integer_power(exponent: int) -> Partials:
    def partials(out: Array, a: Array) -> tuple[Any]:
        return (exponent * a ** float(exponent - 1) if exponent != 1 else 1.0,)

    return partials


# How far an argument is from where the derivative is not smooth, where that is neither 0 nor far away.
DISTANCE: dict[str, Callable[[Array], Array]] = {
    "log1p": lambda a: abs(1 + a),
    "asin": lambda a: 1 - abs(a),
    "acos": lambda a: 1 - abs(a),
    "atanh": lambda a: 1 - abs(a),
    "erfinv": lambda a: 1 - abs(a),
    "acosh": lambda a: a - 1,
    "logit": lambda a: 1 - a,
    "ndtri": lambda a: 1 - a,
    "tan": lambda a: abs(np.cos(a)),
    "lgamma": lambda a: np.where(a < 0, abs(a - np.rint(a)), abs(a)),
    "digamma": lambda a: np.where(a < 0, abs(a - np.rint(a)), abs(a)),
    "spence": lambda a: abs(a),
}
