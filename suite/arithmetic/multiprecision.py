"""mpmath, at any precision: arrays of mpf, and of mpc where a tape has complex values. It settles what is in doubt."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp, mpc, mpf

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import REFUSALS, MPArray
from gradlaws.strategies.primitive import Floats

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": mp.exp, "exp2": lambda x: mpf(2) ** x, "expm1": mp.expm1,
    "log": mp.log, "log2": lambda x: mp.log(x, 2), "log10": mp.log10, "log1p": mp.log1p,
    "sqrt": mp.sqrt, "rsqrt": lambda x: 1 / mp.sqrt(x), "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "asin": mp.asin, "acos": mp.acos, "atan": mp.atan, "atan2": mp.atan2,
    "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "asinh": mp.asinh, "acosh": mp.acosh, "atanh": mp.atanh,
    "pow": mp.power, "hypot": mp.hypot, "sigmoid": lambda x: mp.mpf(1) / (1 + mp.exp(-x)),
    "erf": mp.erf, "erfc": mp.erfc, "erfinv": mp.erfinv, "digamma": mp.digamma,
    "lgamma": lambda x: mp.re(mp.loggamma(x)), "polygamma": lambda n, x: mp.polygamma(int(n), x),
    "igamma": lambda a, x: mp.gammainc(a, 0, x, regularized=True), "hurwitz_zeta": mp.zeta,
    "igammac": lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True),
    "incomplete_beta": lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True),
    "floor": mp.floor, "ceil": mp.ceil, "rint": mp.nint, "trunc": lambda x: mp.floor(x) if x >= 0 else mp.ceil(x),
    "sign": mp.sign, "abs": abs, "maximum": lambda a, b: b if b > a or b != b else a,
    "minimum": lambda a, b: b if b < a or b != b else a,
    "real": mp.re, "imaginary": mp.im, "conjugate": mp.conj, "complex": mpc,
}  # fmt: skip


def quotient(a: Any, b: Any) -> Any:
    """As IEEE arithmetic divides by 0."""
    if b != 0:
        return a / b
    return mp.nan if a == 0 or a != a else mp.inf * mp.sign(a)


def number(value: Any) -> Any:
    """What no real number is, and a complex result of a real function, is NaN."""
    return value if isinstance(value, mpf) else mp.nan


def total(function: Callable[..., Any], *arrays: MPArray) -> MPArray:
    """A function of real numbers, entry by entry; NaN where it has no real value."""

    def one(*numbers: Any) -> Any:
        try:
            return number(function(*numbers))
        except REFUSALS:
            return mp.nan

    return mp_arrays.elementwise(one, *arrays)


@dataclass(frozen=True)
class Multiprecision:
    """In which numbers have so many bits, as long as ``working`` is in force."""

    bits: int
    name = "mpmath"

    @property
    def precision(self) -> int:
        """Bits of a significand."""
        return self.bits

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__") or name not in FUNCTIONS:
            raise AttributeError(name)
        function = FUNCTIONS[name]

        def of_arrays(*arrays: Any) -> Any:
            if name in {"complex", "conjugate", "abs", "real", "imaginary"} or any(map(self.is_complex, arrays)):
                return mp_arrays.elementwise(function, *arrays)
            return total(function, *arrays)

        return of_arrays

    def working(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = mp.workprec(self.bits)
        return context

    @staticmethod
    def asarray(values: Any) -> Any:
        array = np.asarray(values)
        if array.dtype == object:
            return array
        if array.dtype.kind == "c":
            return mp_arrays.elementwise(mpc, array)
        return mp_arrays.mp_array(array)

    @staticmethod
    def to_float64(array: Any) -> Floats:
        return mp_arrays.to_floats(np.asarray(array, dtype=object))

    @staticmethod
    def to_mp(array: Any) -> MPArray:
        return np.asarray(array, dtype=object)

    def zeros(self, shape: tuple[int, ...]) -> Any:
        return self.asarray(np.zeros(shape))

    def ones(self, shape: tuple[int, ...]) -> Any:
        return self.asarray(np.ones(shape))

    @staticmethod
    def divide(a: Any, b: Any) -> MPArray:
        return mp_arrays.elementwise(quotient, a, b)

    @staticmethod
    def matmul(a: MPArray, b: MPArray) -> MPArray:
        return np.asarray(np.matmul(a, b), dtype=object)

    @staticmethod
    def is_complex(array: Any) -> bool:
        return any(isinstance(x, mpc) for x in np.ravel(np.asarray(array, dtype=object)))

    @staticmethod
    def entrywise(function: Callable[..., Any], *arrays: Any) -> MPArray:
        return total(function, *arrays)
