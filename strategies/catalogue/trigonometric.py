"""Trigonometric and hyperbolic functions, and their inverses."""

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.primitive import Floats, interval, unary


def away_from_poles(x: Floats) -> bool:
    return bool(np.all(abs(np.cos(x)) > 1e-3))


def sinc(x: mpf) -> mpf:
    return mp.sinpi(x) / (mp.pi * x) if x else mpf(1)


def sinc_terms(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Of cos(πx)/x − sin(πx)/(πx²), and of its derivative; at 0 frameworks have the limit."""
    size = np.where(x == 0, np.inf, abs(x))
    return 2 / size, 4 / size**2 + 40 / size


FAMILY = (
    unary("tan", mp.tan, away_from_poles, numpy="numpy.tan", torch="torch.tan", jax="jax.numpy.tan"),
    unary("asin", mp.asin, interval(-1, 1), numpy="numpy.arcsin", torch="torch.asin", jax="jax.numpy.arcsin"),
    unary("acos", mp.acos, interval(-1, 1), numpy="numpy.arccos", torch="torch.acos", jax="jax.numpy.arccos"),
    unary("atan", mp.atan, numpy="numpy.arctan", torch="torch.atan", jax="jax.numpy.arctan"),
    unary("deg2rad", lambda x: x * mp.pi / 180,
          numpy="numpy.deg2rad", torch="torch.deg2rad", jax="jax.numpy.deg2rad"),
    unary("rad2deg", lambda x: x * 180 / mp.pi,
          numpy="numpy.rad2deg", torch="torch.rad2deg", jax="jax.numpy.rad2deg"),
    unary("sinc", sinc, interval(-1e15, 1e15), terms=sinc_terms,
          numpy="numpy.sinc", torch="torch.sinc", jax="jax.numpy.sinc"),
    unary("sinh", mp.sinh, interval(-709, 709), numpy="numpy.sinh", torch="torch.sinh", jax="jax.numpy.sinh"),
    unary("cosh", mp.cosh, interval(-709, 709), numpy="numpy.cosh", torch="torch.cosh", jax="jax.numpy.cosh"),
    unary("asinh", mp.asinh, numpy="numpy.arcsinh", torch="torch.asinh", jax="jax.numpy.arcsinh"),
    unary("acosh", mp.acosh, interval(1, np.inf),
          numpy="numpy.arccosh", torch="torch.acosh", jax="jax.numpy.arccosh"),
    unary("atanh", mp.atanh, interval(-1, 1),
          numpy="numpy.arctanh", torch="torch.atanh", jax="jax.numpy.arctanh"),
)  # fmt: skip
