"""Elementwise functions of one array."""

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.primitive import Floats, interval, unary


def digamma_terms(x: Floats) -> Floats:
    """What ψ(x) subtracts from ln(x + n): Σ 1/(x + k) over x + k < 10 (DLMF 5.5.2). At 1.4616 nothing is left."""
    return np.asarray(sum(np.where(x + k < 10, 1 / (x + k), 0) for k in range(10)))


def lgamma(x: mpf) -> mpf:
    """ln|Γ(x)|; by reflection where x < 0 (DLMF 5.5.3)."""
    return mp.loggamma(x) if x > 0 else mp.log(mp.pi / abs(mp.sinpi(x))) - mp.loggamma(1 - x)


FAMILY = (
    unary("square", lambda x: x * x, symbol="{x}²", kind="arithmetic",
          numpy="numpy.square", torch="torch.square", jax="jax.numpy.square"),
    unary("sin", mp.sin, direct=True,
          numpy="numpy.sin", torch="torch.sin", jax="jax.numpy.sin"),
    unary("cos", mp.cos, direct=True,
          numpy="numpy.cos", torch="torch.cos", jax="jax.numpy.cos"),
    unary("exp", mp.exp, interval(-np.inf, 709),
          numpy="numpy.exp", torch="torch.exp", jax="jax.numpy.exp"),
    unary("log", mp.log, interval(0, np.inf),
          numpy="numpy.log", torch="torch.log", jax="jax.numpy.log"),
    unary("log1p", mp.log1p, interval(-1, np.inf),
          numpy="numpy.log1p", torch="torch.log1p", jax="jax.numpy.log1p"),
    unary("expm1", mp.expm1, interval(-np.inf, 709), terms=lambda x, y: (1, 1),
          numpy="numpy.expm1", torch="torch.expm1", jax="jax.numpy.expm1"),
    unary("sqrt", mp.sqrt, interval(0, np.inf),
          numpy="numpy.sqrt", torch="torch.sqrt", jax="jax.numpy.sqrt"),
    unary("reciprocal", lambda x: 1 / x, lambda x: bool(np.all(x != 0)), kind="arithmetic", symbol="(1/{x})",
          numpy="numpy.reciprocal", torch="torch.reciprocal", jax="jax.numpy.reciprocal"),
    unary("tanh", mp.tanh, terms=lambda x, y: (1 + y**2, 4 * abs(y)),
          numpy="numpy.tanh", torch="torch.tanh", jax="jax.numpy.tanh"),
    unary("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), terms=lambda x, y: (y, 3 * y),
          numpy="scipy.special.expit", torch="torch.sigmoid", jax="jax.nn.sigmoid"),
    unary("softplus", lambda x: mp.log1p(mp.exp(x)),
          terms=lambda x, y: (0, 1 / (1 + np.exp(-x))),
          numpy="numpy.logaddexp({x}, 0)", torch="torch.nn.functional.softplus", jax="jax.nn.softplus"),
    unary("erf", mp.erf,
          numpy="scipy.special.erf", torch="torch.erf", jax="jax.scipy.special.erf"),
    unary("gelu", lambda x: x * mp.ncdf(x), terms=lambda x, y: (1, 1),
          numpy="{x} * scipy.special.ndtr({x})", torch="torch.nn.functional.gelu",
          jax="jax.nn.gelu({x}, approximate=False)"),
    unary("lgamma", lgamma, interval(0, 1e305), symbol="lnΓ({x})", terms=lambda x, y: (digamma_terms(x), 0),
          numpy="scipy.special.gammaln", torch="torch.lgamma", jax="jax.scipy.special.gammaln"),
)  # fmt: skip
