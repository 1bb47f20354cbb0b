"""A reference implementation, evaluated in mpmath: the function as NumPy's or torch's users write it, to any precision.

An ``Exact`` is an mpmath number that answers NumPy's protocol of ufuncs (NEP 13) and torch's of functions
(``__torch_function__``): numpy.log1p(x), torch.log1p(x) and scipy.special.expit(x) then compute in mpmath. So the
reference has to be elementwise, made of operators, comparisons, `where`, and functions that mpmath has (FUNCTIONS). A
literal in it is the double that it is: write 1/3 as x/3, or numpy.divide(1, 3) of an Exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import mp, mpf


class ReferenceFault(TypeError):
    """The reference asks for a function that cannot be evaluated in mpmath; the message is one line."""


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y, "subtract": lambda x, y: x - y, "sub": lambda x, y: x - y, "rsub": lambda x, y: y - x,
    "multiply": lambda x, y: x * y, "mul": lambda x, y: x * y, "divide": lambda x, y: x / y, "div": lambda x, y: x / y,
    "true_divide": lambda x, y: x / y, "power": lambda x, y: x**y, "pow": lambda x, y: x**y,
    "float_power": lambda x, y: x**y, "negative": lambda x: -x, "neg": lambda x: -x, "positive": lambda x: x,
    "absolute": abs, "abs": abs, "fabs": abs, "reciprocal": lambda x: 1 / x, "square": lambda x: x * x,
    "exp": mp.exp, "exp2": lambda x: mp.mpf(2) ** x, "expm1": mp.expm1, "log": mp.log, "log1p": mp.log1p,
    "log2": lambda x: mp.log(x, 2), "log10": mp.log10, "sqrt": mp.sqrt, "rsqrt": lambda x: 1 / mp.sqrt(x),
    "cbrt": mp.cbrt, "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh,
    "arcsin": mp.asin, "asin": mp.asin, "arccos": mp.acos, "acos": mp.acos, "arctan": mp.atan, "atan": mp.atan,
    "arcsinh": mp.asinh, "asinh": mp.asinh, "arccosh": mp.acosh, "acosh": mp.acosh, "arctanh": mp.atanh,
    "atanh": mp.atanh, "arctan2": mp.atan2, "atan2": mp.atan2, "hypot": mp.hypot, "erf": mp.erf, "erfc": mp.erfc,
    "erfinv": mp.erfinv, "gammaln": mp.loggamma, "lgamma": mp.loggamma, "gamma": mp.gamma, "digamma": mp.digamma,
    "psi": mp.digamma, "expit": lambda x: 1 / (1 + mp.exp(-x)), "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), "softplus": lambda x: mp.log1p(mp.exp(x)),
    "relu": lambda x: max(x, mpf(0)), "maximum": max, "minimum": min, "sign": mp.sign,
    "where": lambda condition, x, y: x if condition else y,
    "greater": lambda x, y: x > y, "gt": lambda x, y: x > y, "less": lambda x, y: x < y, "lt": lambda x, y: x < y,
    "greater_equal": lambda x, y: x >= y, "ge": lambda x, y: x >= y, "less_equal": lambda x, y: x <= y,
    "le": lambda x, y: x <= y, "equal": lambda x, y: x == y, "eq": lambda x, y: x == y,
}  # fmt: skip


class Exact:
    """One mpmath number in the clothes of an array of shape ()."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return called(ufunc.__name__, inputs)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        return called(function.__name__, inputs)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, inputs: Any = (), options: Any = None) -> Any:
        return called(getattr(function, "__name__", str(function)), inputs)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __neg__(self) -> Exact:
        return Exact(-self.value)

    def __pos__(self) -> Exact:
        return self

    def __abs__(self) -> Exact:
        return Exact(abs(self.value))


def operator(name: str, reflected: bool = False) -> Callable[[Exact, Any], Any]:
    def operate(self: Exact, other: Any) -> Any:
        return called(name, (other, self) if reflected else (self, other))

    return operate


for word, name in {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow"}.items():
    setattr(Exact, f"__{word}__", operator(name))
    setattr(Exact, f"__r{word}__", operator(name, reflected=True))
for word in ("gt", "lt", "ge", "le", "eq"):
    setattr(Exact, f"__{word}__", operator(word))


def number(value: Any) -> Any:
    """What mpmath computes with: an Exact's number, or a literal as the double that it is."""
    if isinstance(value, Exact):
        return value.value
    if isinstance(value, bool | int | float | np.number | np.ndarray):
        return value if isinstance(value, bool) else mpf(float(value)) if np.ndim(value) == 0 else value
    return mpf(value.item()) if hasattr(value, "item") else value


def called(name: str, inputs: Any) -> Exact:
    """One function of numbers. Raises ReferenceFault where mpmath has none of that name."""
    if name not in FUNCTIONS:
        raise ReferenceFault(f"{name} cannot be evaluated in mpmath; give the mathematics with --definition instead")
    return Exact(FUNCTIONS[name](*map(number, inputs)))


def exact(reference: Callable[..., Any]) -> Callable[..., mpf]:
    """The reference as a function of mpmath numbers."""

    def definition(*arguments: Any) -> mpf:
        answer = reference(*map(Exact, arguments))
        if not isinstance(answer, Exact):
            raise ReferenceFault(
                f"the reference gives {type(answer).__name__} for one number, which is not computed from it"
            )
        return answer.value

    return definition
