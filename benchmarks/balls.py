"""A second oracle, which certifies the first: rigorous Taylor coefficients along a line, by FLINT's ball arithmetic.

A ``Ball`` is a number that moves along x + s v, as a power series in s whose coefficients are balls of 800 bits that
contain the truth (Johansson 2017, Arb: efficient arbitrary-precision midpoint-radius interval arithmetic). Derivatives
come from the arithmetic of series, not from differences; special functions are FLINT's, not mpmath's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from flint import arb, arb_series
from mpmath import mp, mpf
from numpy.typing import NDArray

from gradlaws.strategies.program import Point, Program, Step

BITS, TERMS = 800, 4
Balls = NDArray[np.object_]


@contextmanager
def precisely(bits: int = BITS) -> Iterator[None]:
    """In so many bits, with value and three derivatives; and what is left to mpmath, in as many digits."""
    flint.ctx.prec, flint.ctx.cap = bits, TERMS
    try:
        with mp.workprec(bits):
            yield
    finally:
        flint.ctx.default()


def exactly(value: Any) -> arb:
    """A float, an integer or an mpf as the arb that it is."""
    if isinstance(value, arb):
        return value
    if isinstance(value, mpf):
        return arb(int(value.man) * (-1 if value < 0 and value.man > 0 else 1)) * arb(2) ** int(value.exp)
    return arb(float(value)) if isinstance(value, float) else arb(int(value))


class Unknown(ArithmeticError):
    """The ball is not narrow enough to say anything, or contains what is not a number."""


class Ball:
    """A series to third order; compared by its constant coefficient, which must decide."""

    def __init__(self, series: Any) -> None:
        self.series = series if isinstance(series, arb_series) else arb_series([exactly(series)], TERMS)

    @property
    def at(self) -> arb:
        """The value at s = 0."""
        return self.series[0]

    def derivatives(self) -> list[arb]:
        """Value, first, second and third derivative in s."""
        return [self.series[k] * factor for k, factor in enumerate((1, 1, 2, 6))]

    def _with(self, other: Any, operation: Callable[[Any, Any], Any]) -> Ball:
        if isinstance(other, np.ndarray):
            return NotImplemented  # type: ignore[no-any-return]  # the array then asks each of its entries
        return Ball(operation(self.series, ball(other).series))

    def __add__(self, other: Any) -> Ball:
        return self._with(other, operator.add)

    def __mul__(self, other: Any) -> Ball:
        return self._with(other, operator.mul)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Ball:
        return Ball(-self.series)

    def __sub__(self, other: Any) -> Ball:
        return self._with(other, operator.sub)

    def __rsub__(self, other: Any) -> Ball:
        return Ball.__add__(-self, other)

    def __truediv__(self, other: Any) -> Ball:
        return self._with(other, operator.truediv)

    def __rtruediv__(self, other: Any) -> Ball:
        return ball(other) / self

    def __abs__(self) -> Ball:
        return -self if self < 0 else self

    def __lt__(self, other: Any) -> bool:
        difference = self.at - ball(other).at
        if difference.contains(0) and difference != 0:
            raise Unknown("the balls overlap")
        return bool(difference < 0)

    def __gt__(self, other: Any) -> bool:
        return ball(other) < self

    def __le__(self, other: Any) -> bool:
        return not self > other

    def __ge__(self, other: Any) -> bool:
        return not self < other


def ball(value: Any) -> Ball:
    return value if isinstance(value, Ball) else Ball(value)


def along(program: Program, x: Point, v: Point) -> Balls:
    """f(x + s v), one Ball for each entry of the output; inside ``precisely``."""
    found: list[Balls] = [line(a, b) for a, b in zip(x, v, strict=True)]
    for step in program.steps:
        found.append(array(step.constant) if step.is_constant else apply(step, [found[i] for i in step.arguments]))
    return np.asarray(found[-1], dtype=object).ravel()


def moving(at: Any, rate: Any) -> Ball:
    """at + s rate."""
    return Ball(arb_series([exactly(at), exactly(rate)], TERMS))


def line(x: Any, v: Any) -> Balls:
    pairs = zip(np.ravel(x).tolist(), np.ravel(v).tolist(), strict=True)
    return array([moving(a, b) for a, b in pairs]).reshape(np.shape(x))


def array(values: Any) -> Balls:
    return np.asarray(np.frompyfunc(ball, 1, 1)(np.asarray(values, dtype=object)), dtype=object)


def apply(step: Step, arguments: Sequence[Balls]) -> Balls:
    """One step; structured and linear definitions, which are algebra, are run on balls as they are."""
    primitive, parameters = step.declaration, dict(step.parameters)
    if primitive.kind == "elementwise":
        formula = FORMULAS[primitive.name]
        return np.asarray(np.frompyfunc(formula, len(arguments), 1)(*arguments), dtype=object)
    if primitive.kind == "structured":
        return np.asarray(primitive.definition(NAMESPACE, *arguments, **parameters), dtype=object)
    return np.asarray(primitive.definition(*arguments, **parameters), dtype=object)


# Functions of one ball.


def method(name: str) -> Callable[[Ball], Ball]:
    """FLINT's own power series of that name."""
    return lambda x: Ball(getattr(arb_series, name)(ball(x).series))


exp, log, sqrt, sin, cos, tan = (method(name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan"))
erf, erfc, lgamma, gamma = (method(name) for name in ("erf", "erfc", "lgamma", "gamma"))


def pi() -> Ball:
    return Ball(arb.pi())


def composed(derivatives: Sequence[arb], x: Ball) -> Ball:
    """phi(x) from phi, phi', phi'', phi''' at the value of x."""
    step = x - x.at
    total, power = Ball(derivatives[0]), ball(1)
    for k, derivative in enumerate(derivatives[1:], start=1):
        power = power * step / k
        total = total + power * derivative
    return total


def integral(value: arb, rate: Ball) -> Ball:
    """The function of s with that value at 0 and that derivative."""
    return Ball(rate.series.integral() + value)


def rate(x: Ball) -> Ball:
    """dx/ds; one coefficient fewer, which an integral gives back."""
    return Ball(x.series.derivative())


def inverse(f: Callable[[Ball], Ball], slope: Callable[[Ball], Ball], value: arb, x: Ball) -> Ball:
    """y with f(y) = x and the given value at 0, by Newton's method on series: each turn doubles what is right."""
    y = Ball(value)
    for _ in range(3):
        residual = f(y) - x
        y = y - (residual - residual.at) / slope(y)  # at 0 it is exactly 0
    return y


def atan2(y: Ball, x: Ball) -> Ball:
    return integral(arb.atan2(y.at, x.at), (x * rate(y) - y * rate(x)) / (x * x + y * y))


def erfinv(x: Ball) -> Ball:
    return inverse(erf, lambda y: 2 / sqrt(pi()) * exp(-y * y), x.at.erfinv(), x)


def digamma(x: Ball, order: int = 0) -> Ball:
    """ψ or one of its derivatives, from the series of ln Γ about the value of x."""
    flint.ctx.cap = TERMS + order + 1
    series = arb_series([x.at, 1], flint.ctx.cap).lgamma()
    factorials = [1, 1, 2, 6, 24, 120, 720, 5040]
    derivatives = [series[k] * factorials[k] for k in range(order + 1, order + 5)]
    flint.ctx.cap = TERMS
    return composed(derivatives, x)


def neighbours(value: Callable[[arb, int], arb], below: int, above: int) -> Callable[[int], Callable[[Ball], Ball]]:
    """Bessel functions, whose derivatives are C_n' = (below C_(n−1) + above C_(n+1)) / 2 (DLMF 10.6.1, 10.29.1)."""

    def derivatives(x: arb, n: int) -> list[arb]:
        row = [value(x, m) for m in range(n - 3, n + 4)]
        found = [row[3]]
        for _ in range(3):
            row = [(below * a + above * b) / 2 for a, b in zip(row, row[2:], strict=False)]
            found.append(row[len(row) // 2])
        return found

    return lambda n: lambda x: composed(derivatives(x.at, n), x)


def bessel_k(x: arb, n: int) -> arb:
    """K is even in n (DLMF 10.27.3): of a negative order FLINT takes milliseconds, and half of the bits are lost."""
    with flint.ctx.workprec(2 * flint.ctx.prec):
        return x.bessel_k(-abs(n))


J = neighbours(lambda x, n: x.bessel_j(n), 1, -1)
Y = neighbours(lambda x, n: x.bessel_y(n), 1, -1)
I = neighbours(lambda x, n: x.bessel_i(n), 1, 1)  # noqa: E741
K = neighbours(bessel_k, -1, -1)


def hyp1f1(a: Fraction, b: Fraction) -> Callable[[Ball], Ball]:
    """Its k-th derivative is (a)_k / (b)_k times 1F1(a + k; b + k; x) (DLMF 13.3.16)."""

    def derivatives(x: arb) -> Iterator[arb]:
        factor, p, q = arb(1), a, b
        for _ in range(4):
            yield factor * x.hypgeom_1f1(rational(p), rational(q))
            factor, p, q = factor * rational(p / q), p + 1, q + 1

    return lambda x: composed(list(derivatives(x.at)), x)


def rational(value: Fraction) -> arb:
    return arb(value.numerator) / value.denominator


def tanh(x: Ball) -> Ball:
    return 1 - 2 / (exp(2 * x) + 1)


def sinh(x: Ball) -> Ball:
    return (exp(x) - exp(-x)) / 2


def cosh(x: Ball) -> Ball:
    return (exp(x) + exp(-x)) / 2


def sigmoid(x: Ball) -> Ball:
    return 1 / (1 + exp(-x))


def softplus(x: Ball) -> Ball:
    return log(1 + exp(x))


def ndtr(x: Ball) -> Ball:
    return erfc(-x / sqrt(ball(2))) / 2


def larger(x: Ball, y: Any) -> Ball:
    return ball(y) if x < y else x


def smaller(x: Ball, y: Any) -> Ball:
    return x if x < y else ball(y)


def clamp(x: Ball, low: Any, high: Any) -> Ball:
    return smaller(larger(x, low), high)


def root(x: Ball, n: int) -> Ball:
    """The real n-th root, n odd."""
    size = exp(log(abs(x)) / n)
    return size if x > 0 else -size


def truncated(x: arb) -> int:
    return floor(x) if x > 0 else -floor(-x)


def floor(x: arb) -> int:
    """Raises Unknown where the ball does not tell."""
    found = x.floor().unique_fmpz()
    if found is None:
        raise Unknown("the ball holds several integers")
    return int(found)


def expi(x: Ball) -> Ball:
    return Ball(x.series.ei())


def elu(x: Ball, alpha: Any = 1, scale: Any = 1) -> Ball:
    return ball(x * scale if x > 0 else (exp(x) - 1) * alpha * scale)


def beta(x: Ball, y: Ball) -> Ball:
    return gamma(x) * gamma(y) / gamma(x + y)


def huber(x: Ball, y: Ball) -> Ball:
    d = abs(x - y)
    return d * d / 2 if d < 1 else d - Ball(arb(1) / 2)


def smooth_l1(x: Ball, y: Ball) -> Ball:
    d = abs(x - y)
    return d * d / 4 if d < 2 else d - 1


HALF_FIVE = rational(Fraction(5, 2))

# Every elementwise primitive, written independently of the catalogue: by FLINT's functions and by these identities.
FORMULAS: dict[str, Callable[..., Ball]] = {
    "sin": sin, "cos": cos, "exp": exp, "log": log, "sqrt": sqrt, "tan": tan, "tanh": tanh, "sigmoid": sigmoid,
    "log1p": lambda x: log(1 + x),
    "expm1": lambda x: exp(x) - 1,
    "softplus": softplus,
    "erf": erf,
    "gelu": lambda x: x * ndtr(x),
    "lgamma": lgamma,
    "pow": lambda x, y: exp(y * log(x)),
    "maximum": larger, "fmax": larger, "minimum": smaller, "fmin": smaller,
    "hypot": lambda x, y: sqrt(x * x + y * y),
    "atan2": atan2,
    "logaddexp": lambda x, y: log(exp(x) + exp(y)),
    "three_halves": lambda x: sqrt(x * x * x),
    "cbrt": lambda x: root(x, 3),
    "rsqrt": method("rsqrt"),
    "exp2": lambda x: exp(x * log(ball(2))),
    "log2": lambda x: log(x) / log(ball(2)),
    "log10": lambda x: log(x) / log(ball(10)),
    "logaddexp2": lambda x, y: log(exp(x * log(ball(2))) + exp(y * log(ball(2)))) / log(ball(2)),
    "xlogy": lambda x, y: x * log(y),
    "xlog1py": lambda x, y: x * log(1 + y),
    "entr": lambda x: -x * log(x),
    "rel_entr": lambda x, y: x * (log(x) - log(y)),
    "asin": method("asin"), "acos": method("acos"), "atan": method("atan"),
    "deg2rad": lambda x: x * pi() / 180,
    "rad2deg": lambda x: x * 180 / pi(),
    "sinc": lambda x: sin(pi() * x) / (pi() * x),
    "sinh": sinh, "cosh": cosh,
    "asinh": lambda x: log(x + sqrt(x * x + 1)),
    "acosh": lambda x: log(x + sqrt(x * x - 1)),
    "atanh": lambda x: (log(1 + x) - log(1 - x)) / 2,
    "erfc": erfc, "erfinv": erfinv,
    "erfcx": lambda x: exp(x * x) * erfc(x),
    "ndtr": ndtr,
    "ndtri": lambda x: sqrt(ball(2)) * erfinv(2 * x - 1),
    "log_ndtr": lambda x: log(ndtr(x)),
    "logit": lambda x: log(x) - log(1 - x),
    "digamma": digamma,
    "trigamma": lambda x: digamma(x, 1),
    "tetragamma": lambda x: digamma(x, 2),
    "multigammaln": lambda x: log(pi()) / 2 + lgamma(x) + lgamma(x - Ball(arb(1) / 2)),
    "gamma": gamma,
    "beta": beta,
    "betaln": lambda x, y: lgamma(x) + lgamma(y) - lgamma(x + y),
    "gammainc": lambda x: Ball(arb_series.gamma_lower(HALF_FIVE, x.series, 1)),
    "gammaincc": lambda x: Ball(arb_series.gamma_upper(HALF_FIVE, x.series, 1)),
    "betainc": lambda x: Ball(arb_series.beta_lower(arb(2), arb(3), x.series, 1)),
    "zeta": lambda x: -digamma(x, 2) / 2,  # ζ(3, x) = −ψ₂(x) / 2 (DLMF 25.11.12)
    "spence": lambda x: integral((1 - x.at).polylog(2), log(x) / (1 - x) * rate(x)),
    "expi": expi,
    "exp1": lambda x: -expi(-x),
    "expn": lambda x: exp(-x) + x * expi(-x),
    "hyp1f1": hyp1f1(Fraction(3, 2), Fraction(5, 2)),
    "i0": I(0), "i1": I(1), "bessel_j0": J(0), "bessel_j1": J(1), "bessel_y0": Y(0), "bessel_y1": Y(1),
    "modified_bessel_k0": K(0), "modified_bessel_k1": K(1),
    "i0e": lambda x: exp(-abs(x)) * I(0)(x),
    "i1e": lambda x: exp(-abs(x)) * I(1)(x),
    "scaled_modified_bessel_k0": lambda x: exp(x) * K(0)(x),
    "scaled_modified_bessel_k1": lambda x: exp(x) * K(1)(x),
    "spherical_bessel_j0": lambda x: sin(x) / x,
    "airy_ai": method("airy_ai"),
    "abs": abs,
    "relu": lambda x: larger(x, 0),
    "relu6": lambda x: clamp(x, 0, 6),
    "leaky_relu": lambda x: x if x > 0 else x * 0.01,
    "elu": elu,
    "celu": lambda x: x if x > 0 else 2 * (exp(x / 2) - 1),
    "selu": lambda x: elu(x, 1.6732632423543772, 1.0507009873554805),  # as the floats that the libraries multiply by
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * tanh(softplus(x)),
    "gelu_tanh": lambda x: x / 2 * (1 + tanh(sqrt(2 / pi()) * (x + x * x * x * 0.044715))),
    "hard_tanh": lambda x: clamp(x, -1, 1),
    "hard_sigmoid": lambda x: clamp(x + 3, 0, 6) / 6,
    "hard_swish": lambda x: x * clamp(x + 3, 0, 6) / 6,
    "log_sigmoid": lambda x: -softplus(-x),
    "softsign": lambda x: x / (1 + abs(x)),
    "tanhshrink": lambda x: x - tanh(x),
    "softshrink": lambda x: x - clamp(x, -0.5, 0.5),
    "hardshrink": lambda x: x if abs(x) > 0.5 else ball(0),
    "threshold": lambda x: x if x > 0.5 else ball(0.25),
    "squareplus": lambda x: (x + sqrt(x * x + 4)) / 2,
    "sparse_plus": lambda x: ball(0) if x < -1 else (x + 1) * (x + 1) / 4 if x < 1 else x,
    "softplus_beta_2": lambda x: softplus(2 * x) / 2,
    "clip": lambda x: clamp(x, -1.5, 1.5),
    "copysign": lambda x, y: abs(x) if y > 0 else -abs(x),
    "where": lambda x, y: x if y > 0 else y,
    "fmod": lambda x, y: x - y * truncated((x / y).at),
    "remainder": lambda x, y: x - y * floor((x / y).at),
    "logistic_loss": lambda x: softplus(-x),
    "l2_loss": lambda x, y: (x - y) * (x - y) / 2,
    "l1_loss": lambda x, y: abs(x - y),
    "huber_loss": huber,
    "smooth_l1_loss": smooth_l1,
    "log_cosh_loss": lambda x, y: log(cosh(x - y)),
    "binary_cross_entropy": lambda x, y: -y * log(x) - (1 - y) * log(1 - x),
    "hinge_loss": lambda x, y: larger(1 - x * y, 0),
    "gaussian_nll_loss": lambda x, y, z: (log(z) + (x - y) * (x - y) / z) / 2,
    "margin_ranking_loss": lambda x, y, z: larger(1 - z * (x - y), 0),
}  # fmt: skip


class Namespace:
    """The array namespace that structured definitions are written against, of balls."""

    exp, log, sqrt = (staticmethod(np.frompyfunc(f, 1, 1)) for f in (exp, log, sqrt))
    log1p = staticmethod(np.frompyfunc(lambda x: log(1 + x), 1, 1))

    @staticmethod
    def total(x: Balls) -> Balls:
        return np.asarray(x.sum(axis=-1), dtype=object)

    @staticmethod
    def largest(x: Balls) -> Balls:
        return np.asarray(x.max(axis=-1), dtype=object)

    @staticmethod
    def ordered(x: Balls) -> Balls:
        return np.sort(x, axis=-1)

    @staticmethod
    def column(x: Any) -> Balls:
        return np.asarray(x, dtype=object)[..., None]

    @staticmethod
    def stack(parts: Sequence[Any]) -> Balls:
        return np.stack([np.asarray(part, dtype=object) for part in parts], axis=-1)

    @staticmethod
    def matrix(entry: Callable[[int, int], mpf], n: int, m: int) -> Balls:
        return array([[mpf(entry(j, k)) for k in range(m)] for j in range(n)])

    @staticmethod
    def root(n: int) -> Ball:
        return sqrt(ball(n))

    @staticmethod
    def constant(value: Fraction) -> Ball:
        return Ball(rational(value))

    @staticmethod
    def solve(a: Balls, b: Balls) -> Balls:
        """By Gauss's elimination; the pivots are largest, so that no ball contains 0."""
        rows = [[*left, right] for left, right in zip(a.tolist(), b.tolist(), strict=True)]
        n = len(rows)
        for k in range(n):
            pivot = max(range(k, n), key=lambda i: abs(float(rows[i][k].at)))
            rows[k], rows[pivot] = rows[pivot], rows[k]
            for i in range(n):
                if i != k:
                    factor = rows[i][k] / rows[k][k]
                    rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
        return array([rows[k][n] / rows[k][k] for k in range(n)])


NAMESPACE = Namespace()
