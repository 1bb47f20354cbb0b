"""Elementwise functions of two arrays that broadcast."""

import operator

import numpy as np
from mpmath import mp

from gradlaws.strategies.primitive import Floats, Terms, binary


def away_from_branch_cut(y: Floats, x: Floats) -> bool:
    """atan2 is smooth except on the ray y = 0, x <= 0."""
    return bool(np.all((x > 0) | (y != 0)))


def power_defined(x: Floats, y: Floats) -> bool:
    return bool(np.all(x > 0) and np.all(abs(y * np.log(x)) < 700))


def untied(x: Floats, y: Floats) -> bool:
    """max and its like have a kink where the operands tie."""
    return bool(np.all(abs(x - y) > 1e-3 * (abs(x) + abs(y))))


def shares(base: float) -> Terms:
    """Of exp(x - out), whose argument is off by u(|x| + |out|), and of its derivative, times 1 less itself."""

    def terms(x: Floats, y: Floats, value: Floats) -> tuple[Floats, Floats]:
        both = np.stack([x, y], axis=-1)
        share = base ** (both - value[:, None])
        first = share * (1 + abs(both) + abs(value)[:, None])
        return first, 2 * np.minimum(first[:, :, None], first[:, None, :])

    return terms


def power_terms(x: Floats, y: Floats, value: Floats) -> tuple[Floats, Floats]:
    """Of y x^(y-1) by x, y (y-1) x^(y-2) by x twice and x^(y-1) (1 + y ln x) by both: y - 1 is rounded before the power
    is taken, and y - 2 once more. A quarter of each, since four ulps of a term are allowed."""
    first, second = np.zeros((x.size, 2)), np.zeros((x.size, 2, 2))
    size = np.where(x == 0, 1, abs(x))  # at 0 no power is left that an exponent could change
    log, power = abs(np.log(size)), abs(value / size)
    first[:, 0] = abs(y - 1) * log * abs(y) * power / 4
    second[:, 0, 0] = (abs(y - 1) + abs(y - 2)) * log * abs(y * (y - 1)) * power / size / 4
    second[:, 0, 1] = second[:, 1, 0] = abs(y - 1) * log * power * (1 + abs(y) * log) / 4
    return first, second


FAMILY = (
    binary("add", operator.add, symbol="({x} + {y})", kind="arithmetic",
           numpy="{x} + {y}", torch="{x} + {y}", jax="{x} + {y}"),
    binary("mul", operator.mul, symbol="({x}·{y})", kind="arithmetic",
           numpy="{x} * {y}", torch="{x} * {y}", jax="{x} * {y}"),
    binary("sub", operator.sub, symbol="({x} − {y})", kind="arithmetic",
           numpy="{x} - {y}", torch="{x} - {y}", jax="{x} - {y}"),
    binary("div", operator.truediv, lambda x, y: bool(np.all(y != 0)), symbol="({x} / {y})", kind="arithmetic",
           numpy="{x} / {y}", torch="{x} / {y}", jax="{x} / {y}"),
    binary("pow", mp.power, power_defined, symbol="({x}^{y})", terms=power_terms,
           numpy="numpy.power", torch="torch.pow", jax="jax.numpy.power"),
    binary("maximum", max, untied, symbol="max({x}, {y})", selects=True,
           numpy="numpy.maximum", torch="torch.maximum", jax="jax.numpy.maximum"),
    binary("hypot", mp.hypot, lambda x, y: bool(np.all((x != 0) | (y != 0))),
           terms=lambda x, y, value: (0, 1 / value),
           numpy="numpy.hypot", torch="torch.hypot", jax="jax.numpy.hypot"),
    binary("atan2", mp.atan2, away_from_branch_cut, terms=lambda y, x, value: (0, 2 / (x * x + y * y)),
           numpy="numpy.arctan2", torch="torch.atan2", jax="jax.numpy.arctan2"),
    binary("logaddexp", lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
           terms=shares(np.e),
           numpy="numpy.logaddexp", torch="torch.logaddexp", jax="jax.numpy.logaddexp"),
)  # fmt: skip
