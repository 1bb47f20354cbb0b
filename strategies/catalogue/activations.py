"""Activation functions, away from their kinks."""

from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.primitive import Floats, Terms, unary

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def away_from(*kinks: float) -> Callable[[Floats], bool]:
    """Every entry at a relative distance from every kink."""
    return lambda x: all(bool(np.all(abs(x - k) > 1e-3 * (abs(x) + abs(k)))) for k in kinks)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def silu_terms(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Of x σ (1 − σ), where the rounding of σ is multiplied by x; far out σ is 1 in every format, and 1 − σ is 0."""
    s, size = logistic(x), np.where(x > 50, 0, abs(x))
    return s * (1 + size), 3 * s * (2 + size)


def mish_terms(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Of x (1 − tanh²) σ, where the square doubles the rounding."""
    s, size = logistic(x), np.where(x > 50, 0, abs(x))
    return s + 2 * s * size, 3 * s * (2 + size)


def gelu_tanh_terms(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Of 1 − tanh², multiplied by x and by what the cubic inside is differentiated to; far out it is 0."""
    size = np.minimum(abs(x), 8)
    return 2 + 0.11 * size**3, 6 + 0.02 * size**5


def where_negative(size: float) -> Terms:
    """Of eˣ − 1, differentiated as y + 1, left of 0."""
    return lambda x, y: (np.where(x < 0, size, 0), np.where(x < 0, size, 0))


def inside(low: float, high: float) -> Terms:
    """A product of x and a sum, between two kinks."""
    return lambda x, y: (1.0 * ((x > low) & (x < high)), 1.0 * ((x > low) & (x < high)))


def clamp(x: mpf, low: float, high: float) -> mpf:
    return min(max(x, mpf(low)), mpf(high))


def elu(alpha: float, slope: float = 1.0) -> Callable[[mpf], mpf]:
    return lambda x: slope * x if x > 0 else slope * mpf(alpha) * mp.expm1(x)


def gelu_tanh(x: mpf) -> mpf:
    """x (1 + tanh u)/2, which cancels where u is far below 0, as x σ(2u)."""
    return x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3))


def tanhshrink(x: mpf) -> mpf:
    with mp.workprec(mp.prec - 2 * min(0, mp.mag(x) if x else 0)):  # x³/3 is left
        return x - mp.tanh(x)


def squareplus(x: mpf) -> mpf:
    root = mp.sqrt(x * x + 4)
    return (root + x) / 2 if x > 0 else 2 / (root - x)


FAMILY = (
    unary("abs", abs, away_from(0), symbol="|{x}|", selects=True,
          numpy="numpy.abs", torch="torch.abs", jax="jax.numpy.abs"),
    unary("relu", lambda x: max(x, mpf(0)), away_from(0), selects=True,
          numpy="numpy.maximum({x}, 0)", torch="torch.nn.functional.relu", jax="jax.nn.relu"),
    unary("relu6", lambda x: clamp(x, 0, 6), away_from(0, 6), selects=True,
          numpy="numpy.clip({x}, 0, 6)", torch="torch.nn.functional.relu6", jax="jax.nn.relu6"),
    unary("leaky_relu", lambda x: x if x > 0 else mpf(0.01) * x, away_from(0),
          numpy="numpy.where({x} > 0, {x}, 0.01 * {x})", torch="torch.nn.functional.leaky_relu",
          jax="jax.nn.leaky_relu"),
    unary("elu", elu(1.0), away_from(0), terms=where_negative(1),
          numpy="numpy.where({x} > 0, {x}, numpy.expm1({x}))", torch="torch.nn.functional.elu", jax="jax.nn.elu"),
    unary("celu", lambda x: x if x > 0 else 2 * mp.expm1(x / 2), away_from(0), terms=where_negative(1),
          numpy="numpy.where({x} > 0, {x}, 2 * numpy.expm1({x} / 2))",
          torch="torch.nn.functional.celu({x}, alpha=2.0)", jax="jax.nn.celu({x}, alpha=2.0)"),
    unary("selu", elu(SELU_ALPHA, SELU_SCALE), away_from(0), terms=where_negative(2),
          numpy="1.0507009873554805 * numpy.where({x} > 0, {x}, 1.6732632423543772 * numpy.expm1({x}))",
          torch="torch.nn.functional.selu", jax="jax.nn.selu"),
    unary("silu", lambda x: x * sigmoid(x), terms=silu_terms,
          numpy="{x} * scipy.special.expit({x})", torch="torch.nn.functional.silu", jax="jax.nn.silu"),
    unary("mish", lambda x: x * mp.tanh(mp.log1p(mp.exp(x))), terms=mish_terms,
          numpy="{x} * numpy.tanh(numpy.logaddexp({x}, 0))", torch="torch.nn.functional.mish", jax="jax.nn.mish"),
    unary("gelu_tanh", gelu_tanh, terms=gelu_tanh_terms,
          numpy="{x} / 2 * (1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * ({x} + 0.044715 * {x} ** 3)))",
          torch="torch.nn.functional.gelu({x}, approximate='tanh')", jax="jax.nn.gelu({x}, approximate=True)"),
    unary("hard_tanh", lambda x: clamp(x, -1, 1), away_from(-1, 1), selects=True,
          numpy="numpy.clip({x}, -1, 1)", torch="torch.nn.functional.hardtanh", jax="jax.nn.hard_tanh"),
    unary("hard_sigmoid", lambda x: clamp(x / 6 + mpf(1) / 2, 0, 1), away_from(-3, 3),
          numpy="numpy.clip({x} + 3, 0, 6) / 6", torch="torch.nn.functional.hardsigmoid", jax="jax.nn.hard_sigmoid"),
    unary("hard_swish", lambda x: x * clamp(x + 3, 0, 6) / 6, away_from(-3, 3), terms=inside(-3, 3),
          numpy="{x} * numpy.clip({x} + 3, 0, 6) / 6", torch="torch.nn.functional.hardswish",
          jax="jax.nn.hard_swish"),
    unary("log_sigmoid", lambda x: -mp.log1p(mp.exp(-x)),
          terms=lambda x, y: (0, 1 / (1 + np.exp(x))),
          numpy="scipy.special.log_expit", torch="torch.nn.functional.logsigmoid", jax="jax.nn.log_sigmoid"),
    unary("softsign", lambda x: x / (1 + abs(x)), away_from(0),
          terms=lambda x, y: (1 / (1 + abs(x)), 6 / (1 + abs(x)) ** 2),
          numpy="{x} / (1 + numpy.abs({x}))", torch="torch.nn.functional.softsign", jax="jax.nn.soft_sign"),
    unary("tanhshrink", tanhshrink, terms=lambda x, y: (2, 4),
          numpy="{x} - numpy.tanh({x})", torch="torch.nn.functional.tanhshrink"),
    unary("softshrink", lambda x: x - clamp(x, -0.5, 0.5), away_from(-0.5, 0.5),
          numpy="{x} - numpy.clip({x}, -0.5, 0.5)", torch="torch.nn.functional.softshrink"),
    unary("hardshrink", lambda x: x if abs(x) > 0.5 else 0 * x, away_from(-0.5, 0.5), selects=True,
          numpy="numpy.where(numpy.abs({x}) > 0.5, {x}, 0 * {x})", torch="torch.nn.functional.hardshrink"),
    unary("threshold", lambda x: x if x > 0.5 else mpf(0.25), away_from(0.5), selects=True,
          numpy="numpy.where({x} > 0.5, {x}, 0 * {x} + 0.25)", torch="torch.nn.functional.threshold({x}, 0.5, 0.25)"),
    unary("squareplus", squareplus, terms=lambda x, y: (1, 1 / np.hypot(x, 2)),
          numpy="({x} + numpy.sqrt({x} * {x} + 4)) / 2", jax="jax.nn.squareplus"),
    unary("sparse_plus", lambda x: x if x >= 1 else (x + 1) ** 2 / 4 if x > -1 else 0 * x,
          away_from(-1, 1), terms=inside(-1, 1),
          numpy="numpy.where({x} >= 1, {x}, numpy.where({x} > -1, ({x} + 1) ** 2 / 4, 0 * {x}))",
          jax="jax.nn.sparse_plus"),
    unary("softplus_beta_2", lambda x: mp.log1p(mp.exp(2 * x)) / 2, symbol="softplus({x}, β = 2)",
          terms=lambda x, y: (0, 2 / (1 + np.exp(-2 * x))),
          numpy="numpy.logaddexp(2 * {x}, 0) / 2", torch="torch.nn.functional.softplus({x}, beta=2.0)"),
    unary("clip", lambda x: clamp(x, -1.5, 1.5), away_from(-1.5, 1.5), symbol="clip({x}, ±1.5)", selects=True,
          numpy="numpy.clip({x}, -1.5, 1.5)", torch="torch.clamp({x}, -1.5, 1.5)",
          jax="jax.numpy.clip({x}, -1.5, 1.5)"),
    unary("nan_to_num", lambda x: x, kind="arithmetic",
          numpy="numpy.nan_to_num", torch="torch.nan_to_num", jax="jax.numpy.nan_to_num"),
    unary("ldexp", lambda x: 8 * x, kind="arithmetic", symbol="({x}·2³)",
          numpy="numpy.ldexp({x}, 3)", jax="jax.numpy.ldexp({x}, 3)"),
)  # fmt: skip
