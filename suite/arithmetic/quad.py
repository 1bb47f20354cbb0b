"""IEEE binary128 arithmetic over arrays, of 113 bits: about 34 decimal digits, from 6e-4966 to 1e4932."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp

from gradlaws.suite.arithmetic import (
    error_functions,
    gamma_functions,
    native,
    quad_numbers,
    reductions,
    special_entries,
)
from gradlaws.suite.arithmetic.by_entry import BITS
from gradlaws.suite.arithmetic.multiprecision import total
from gradlaws.suite.arithmetic.quad_numbers import QuadArray
from gradlaws.suite.arithmetic.splitting import matmul


@dataclass(frozen=True)
class Quad:
    """The namespace of quad arrays. Functions take arrays of any shape and strides (also what ``asarray`` takes), are
    broadcast, and give quad arrays, also of shape (). Outside of a function's domain the entry is NaN; none raises."""

    name, precision = "quad", 113

    @staticmethod
    def working() -> AbstractContextManager[Any]:
        return np.errstate(all="ignore")

    @staticmethod
    def divide(x: Any, y: Any) -> QuadArray:
        return np.asarray(x / y)

    @staticmethod
    def is_complex(array: Any) -> bool:
        """Complex numbers are mpmath's: there are none in quad."""
        return False

    @staticmethod
    def entrywise(function: Callable[..., Any], *arrays: Any) -> QuadArray:
        """A function of mpmath numbers, at half as many bits again as quad has."""
        with mp.workprec(BITS):
            return quad_numbers.from_mp(total(function, *map(quad_numbers.to_mp, arrays)))

    asarray = staticmethod(quad_numbers.asarray)
    to_float64 = staticmethod(quad_numbers.to_float64)
    to_mp = staticmethod(quad_numbers.to_mp)
    from_mp = staticmethod(quad_numbers.from_mp)
    zeros = staticmethod(quad_numbers.zeros)
    ones = staticmethod(quad_numbers.ones)
    matmul = staticmethod(matmul)
    sum = staticmethod(reductions.total)
    prod = staticmethod(reductions.product)
    argmax = staticmethod(reductions.argmax)
    argmin = staticmethod(reductions.argmin)

    exp = staticmethod(native.exp)
    exp2 = staticmethod(native.unary("exp2"))
    expm1 = staticmethod(native.unary("expm1"))
    log = staticmethod(native.log)
    log2 = staticmethod(native.unary("log2"))
    log10 = staticmethod(native.unary("log10"))
    log1p = staticmethod(native.unary("log1p"))
    sqrt = staticmethod(native.sqrt)
    cbrt = staticmethod(native.cbrt)
    rsqrt = staticmethod(native.rsqrt)
    sin = staticmethod(native.unary("sin"))
    cos = staticmethod(native.unary("cos"))
    tan = staticmethod(native.unary("tan"))
    asin = staticmethod(native.unary("arcsin"))
    acos = staticmethod(native.unary("arccos"))
    atan = staticmethod(native.unary("arctan"))
    atan2 = staticmethod(native.binary("arctan2"))
    sinh = staticmethod(native.unary("sinh"))
    cosh = staticmethod(native.unary("cosh"))
    tanh = staticmethod(native.unary("tanh"))
    asinh = staticmethod(native.unary("arcsinh"))
    acosh = staticmethod(native.unary("arccosh"))
    atanh = staticmethod(native.unary("arctanh"))
    pow = staticmethod(native.binary("power"))
    hypot = staticmethod(native.binary("hypot"))
    abs = staticmethod(native.unary("absolute"))
    sign = staticmethod(native.unary("sign"))
    floor = staticmethod(native.unary("floor"))
    ceil = staticmethod(native.unary("ceil"))
    rint = staticmethod(native.unary("rint"))
    trunc = staticmethod(native.unary("trunc"))
    maximum = staticmethod(native.binary("maximum"))
    minimum = staticmethod(native.binary("minimum"))
    sigmoid = staticmethod(native.sigmoid)
    xlogy = staticmethod(native.xlogy)
    xlog1py = staticmethod(native.xlog1py)

    erf = staticmethod(error_functions.erf)
    erfc = staticmethod(error_functions.erfc)
    erfinv = staticmethod(error_functions.erfinv)
    ndtri = staticmethod(error_functions.ndtri)
    lgamma = staticmethod(gamma_functions.lgamma)
    digamma = staticmethod(gamma_functions.digamma)
    trigamma = staticmethod(gamma_functions.trigamma)
    polygamma = staticmethod(special_entries.polygamma)
    gamma = staticmethod(special_entries.gamma)
    i0 = staticmethod(special_entries.bessel_i0)
    i1 = staticmethod(special_entries.bessel_i1)
    i0e = staticmethod(special_entries.bessel_i0e)
    i1e = staticmethod(special_entries.bessel_i1e)
    bessel_j0 = staticmethod(special_entries.bessel_j0)
    bessel_j1 = staticmethod(special_entries.bessel_j1)
    igamma = staticmethod(special_entries.igamma)
    igammac = staticmethod(special_entries.igammac)
    incomplete_beta = staticmethod(special_entries.incomplete_beta)
    hurwitz_zeta = staticmethod(special_entries.zeta)
    betaln = staticmethod(special_entries.betaln)
    beta = staticmethod(special_entries.beta)


QUAD = Quad()
