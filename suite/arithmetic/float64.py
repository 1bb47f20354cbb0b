"""float64, by NumPy and SciPy: what sensitivities and estimates need, two digits of which will do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import scipy.special
from mpmath import mp

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import MPArray
from gradlaws.strategies.primitive import Floats

DIGITS = 30  # of what goes through mpmath


class Float64:
    name, precision = "float64", 53

    exp, exp2, expm1 = np.exp, np.exp2, np.expm1
    log, log2, log10, log1p = np.log, np.log2, np.log10, np.log1p
    sqrt, cbrt, hypot, pow = np.sqrt, np.cbrt, np.hypot, np.power
    sin, cos, tan, asin, acos, atan, atan2 = np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.arctan2
    sinh, cosh, tanh, asinh, acosh, atanh = np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh
    abs, sign, maximum, minimum = np.abs, np.sign, np.maximum, np.minimum
    floor, ceil, trunc, rint, divide = np.floor, np.ceil, np.trunc, np.rint, np.divide
    sigmoid, erf, erfc, erfcx, erfinv = (
        scipy.special.expit, scipy.special.erf, scipy.special.erfc, scipy.special.erfcx, scipy.special.erfinv,
    )  # fmt: skip
    ndtr, ndtri, log_ndtr = scipy.special.ndtr, scipy.special.ndtri, scipy.special.log_ndtr
    lgamma, digamma = scipy.special.gammaln, scipy.special.digamma
    igamma, igammac, incomplete_beta = scipy.special.gammainc, scipy.special.gammaincc, scipy.special.betainc
    i0, i1, i0e, i1e = scipy.special.i0, scipy.special.i1, scipy.special.i0e, scipy.special.i1e
    conjugate = np.conj
    # Not ufuncs but functions, which a class would give itself as a first argument.
    polygamma, hurwitz_zeta = map(staticmethod, (scipy.special.polygamma, scipy.special.zeta))
    real, imaginary = map(staticmethod, (np.real, np.imag))

    @staticmethod
    def working() -> AbstractContextManager[Any]:
        return np.errstate(all="ignore")

    @staticmethod
    def asarray(values: Any) -> Any:
        array = np.asarray(values)
        if array.dtype == object:
            return mp_arrays.to_floats(array)
        return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)

    @staticmethod
    def to_float64(array: Any) -> Floats:
        return np.asarray(array, dtype=np.float64)

    @staticmethod
    def to_mp(array: Any) -> MPArray:
        return mp_arrays.mp_array(array)

    @staticmethod
    def zeros(shape: tuple[int, ...]) -> Floats:
        return np.zeros(shape)

    @staticmethod
    def ones(shape: tuple[int, ...]) -> Floats:
        return np.ones(shape)

    @staticmethod
    def rsqrt(x: Floats) -> Floats:
        return 1.0 / np.sqrt(x)

    @staticmethod
    def matmul(a: Floats, b: Floats) -> Floats:
        return np.asarray(np.matmul(a, b))

    @staticmethod
    def is_complex(array: Any) -> bool:
        return bool(array.dtype.kind == "c")

    @staticmethod
    def complex(real: Floats, imaginary: Floats) -> Any:
        return real + 1j * imaginary

    @staticmethod
    def entrywise(function: Callable[..., Any], *arrays: Any) -> Floats:
        from gradlaws.suite.arithmetic.multiprecision import total

        with mp.workdps(DIGITS):
            return mp_arrays.to_floats(total(function, *map(mp_arrays.mp_array, arrays)))


FLOAT64 = Float64()
