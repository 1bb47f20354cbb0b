"""Powers, roots, exponentials and logarithms beyond the first few."""

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.catalogue.binary import shares
from gradlaws.strategies.primitive import Floats, binary, interval, unary

positive = interval(0, np.inf)


def nonzero(x: Floats) -> bool:
    return bool(np.all(x != 0))


def positive_second(x: Floats, y: Floats) -> bool:
    return bool(np.all(y > 0))


def logaddexp2(x: mpf, y: mpf) -> mpf:
    return max(x, y) + mp.log1p(mp.power(2, -abs(x - y))) / mp.ln2


FAMILY = (
    unary("negative", lambda x: -x, symbol="(-{x})", kind="arithmetic", numpy="-{x}", torch="-{x}", jax="-{x}"),
    unary("cube", lambda x: x * x * x, symbol="{x}³", kind="arithmetic",
          numpy="{x} ** 3", torch="{x} ** 3", jax="{x} ** 3"),
    unary("inverse_square", lambda x: 1 / (x * x), nonzero, symbol="{x}⁻²", kind="arithmetic",
          numpy="{x} ** -2.0", torch="{x} ** -2", jax="{x} ** -2"),
    unary("three_halves", lambda x: x * mp.sqrt(x), positive, symbol="{x}^1.5",
          numpy="{x} ** 1.5", torch="{x} ** 1.5", jax="{x} ** 1.5"),
    unary("cbrt", lambda x: mp.sign(x) * mp.cbrt(abs(x)), nonzero,
          numpy="numpy.cbrt", jax="jax.numpy.cbrt"),
    unary("rsqrt", lambda x: 1 / mp.sqrt(x), positive,
          numpy="1 / numpy.sqrt({x})", torch="torch.rsqrt", jax="jax.lax.rsqrt"),
    unary("exp2", lambda x: mp.power(2, x), interval(-np.inf, 1023),
          numpy="numpy.exp2", torch="torch.exp2", jax="jax.numpy.exp2"),
    unary("log2", lambda x: mp.log(x) / mp.ln2, positive,
          numpy="numpy.log2", torch="torch.log2", jax="jax.numpy.log2"),
    unary("log10", mp.log10, positive,
          numpy="numpy.log10", torch="torch.log10", jax="jax.numpy.log10"),
    binary("logaddexp2", logaddexp2, terms=shares(2.0),
           numpy="numpy.logaddexp2", torch="torch.logaddexp2", jax="jax.numpy.logaddexp2"),
    binary("xlogy", lambda x, y: x * mp.log(y), positive_second,
           numpy="scipy.special.xlogy", torch="torch.special.xlogy", jax="jax.scipy.special.xlogy"),
    binary("xlog1py", lambda x, y: x * mp.log1p(y), lambda x, y: bool(np.all(y > -1)),
           numpy="scipy.special.xlog1py", torch="torch.special.xlog1py", jax="jax.scipy.special.xlog1py"),
    unary("entr", lambda x: -x * mp.log(x) if x else x, positive, terms=lambda x, y: (1 + abs(np.log(x)), 0),
          numpy="scipy.special.entr", torch="torch.special.entr", jax="jax.scipy.special.entr"),
    binary("rel_entr", lambda x, y: x * (mp.log(x) - mp.log(y)) if x else x,
           lambda x, y: positive(x) and positive(y),
           terms=lambda x, y, value: (1 + abs(np.log(x)) + abs(np.log(y)), 0),
           numpy="scipy.special.rel_entr", jax="jax.scipy.special.rel_entr"),
    binary("squared_error", lambda x, y: (x - y) * (x - y), symbol="({x} − {y})²", kind="arithmetic",
           numpy="numpy.square({x} - {y})", jax="optax.squared_error(*jax.numpy.broadcast_arrays({x}, {y}))"),
)  # fmt: skip
