"""The elementary functions of quad arrays: numpy_quaddtype's own, and what it lacks or has wrong.

The package's own are within 0.6 units in the last place (tests/test_quad.py), but for those that
benchmarks/quaddtype_faults.py names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradlaws.suite.arithmetic.quad_numbers import QuadArray, asarray, powers_of_two

Unary = Callable[[Any], QuadArray]
Binary = Callable[[Any, Any], QuadArray]


def unary(name: str) -> Unary:
    ufunc = getattr(np, name)

    def function(x: Any) -> QuadArray:
        with np.errstate(all="ignore"):
            return np.asarray(ufunc(asarray(x)))

    function.__doc__ = f"numpy.{name} of each entry; outside of its domain NaN, and at poles infinite."
    return function


def binary(name: str) -> Binary:
    ufunc = getattr(np, name)

    def function(x: Any, y: Any) -> QuadArray:
        with np.errstate(all="ignore"):
            return np.asarray(ufunc(asarray(x), asarray(y)))

    function.__doc__ = f"numpy.{name} of entries, broadcast; outside of its domain NaN, and at poles infinite."
    return function


exp = unary("exp")
log = unary("log")
sqrt = unary("sqrt")


def cbrt(x: Any) -> QuadArray:
    """The cube root, within 2 units in the last place: the package's is 2000 off, and one step of Newton's mends it.

    Beyond 2^±1000 it is taken of x 2^∓9000, whose steps are in range."""
    values = asarray(x)
    with np.errstate(all="ignore"):
        size = np.abs(values)
        shift = np.where(size > 2.0**1000, -3000, np.where(size < 2.0**-1000, 3000, 0))
        inner = values * powers_of_two(3 * shift)
        root = np.cbrt(inner)
        step = (root * root * root - inner) / (3 * root * root)
        mended = (root - step) * powers_of_two(-shift)
    return np.where(np.isfinite(size) & (size > 0), mended, values)


def rsqrt(x: Any) -> QuadArray:
    """1 / √x, within 1 unit in the last place."""
    with np.errstate(all="ignore"):
        return np.asarray(1 / sqrt(x))


def sigmoid(x: Any) -> QuadArray:
    """1 / (1 + exp(-x)), within 3 units in the last place: written so that no exponential overflows."""
    values = asarray(x)
    small = exp(-np.abs(values))
    return np.asarray(np.where(values < 0, small, 1) / (1 + small))


def xlogy(x: Any, y: Any) -> QuadArray:
    """x log y, and 0 where x is 0 and y is a number."""
    left, right = asarray(x), asarray(y)
    with np.errstate(all="ignore"):
        return np.where((left == 0) & ~np.isnan(right), 0 * left, left * log(right))


def xlog1py(x: Any, y: Any) -> QuadArray:
    """x log(1 + y), and 0 where x is 0 and y is a number."""
    left, right = asarray(x), asarray(y)
    with np.errstate(all="ignore"):
        return np.where((left == 0) & ~np.isnan(right), 0 * left, left * np.log1p(right))
