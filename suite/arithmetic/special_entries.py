"""The special functions that go through mpmath entry by entry: their values, and what holds at edges and poles."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.suite.arithmetic.by_entry import by_entry, precisely
from gradlaws.suite.arithmetic.gamma_functions import digamma, trigamma
from gradlaws.suite.arithmetic.quad_numbers import QuadArray, asarray, to_float64

# Where mpmath ends, and is right: of two arguments very far apart it is neither.
MODERATE, MANY = mpf(2) ** 64, 2**20
# Beyond this an asymptotic form is exact to 120 bits: its next term is the reciprocal of the argument.
FAR = mpf(2) ** 130
OUT_OF_RANGE = 17000  # bits below 1, where quad ends at 16494
ORDERS = 1000  # of polygamma
GROWS = 12000  # exp(12000) is beyond quad's largest, exp(11357)


@by_entry
def polygamma_entry(n: mpf, x: mpf) -> mpf:
    if not (mp.isint(n) and 0 <= n <= ORDERS):
        return mp.nan
    if x <= 0 and x == mp.floor(x):
        return mp.inf if int(n) % 2 else mp.nan
    return mp.polygamma(int(n), x)


def polygamma(n: Any, x: Any) -> QuadArray:
    """The n-th derivative of digamma, n a whole number up to 1000, else NaN. Infinite at the poles for odd n."""
    order = to_float64(asarray(n))
    for whole, function in enumerate((digamma, trigamma)):
        if order.size and np.all(order == whole):
            return np.array(np.broadcast_to(function(x), np.broadcast_shapes(order.shape, np.shape(x))))
    return polygamma_entry(n, x)


@by_entry
def gamma(x: mpf) -> mpf:
    """Infinite beyond 1756, where it is above quad's largest; NaN at the poles but 0."""
    if x > 1756:
        return mp.inf
    if x < -2000:
        return mp.nan if x == mp.floor(x) else mpf(0)
    return mp.inf if x == 0 else mp.gamma(x)


@by_entry
def bessel_i0(x: mpf) -> mpf:
    return mp.besseli(0, x) if abs(x) < GROWS else mp.inf


@by_entry
def bessel_i1(x: mpf) -> mpf:
    return mp.besseli(1, x) if abs(x) < GROWS else mp.sign(x) * mp.inf


@by_entry
def bessel_i0e(x: mpf) -> mpf:
    """I0(x) exp(-|x|)."""
    return scaled_bessel(0, abs(x))


@by_entry
def bessel_i1e(x: mpf) -> mpf:
    """I1(x) exp(-|x|)."""
    return mp.sign(x) * scaled_bessel(1, abs(x))


def scaled_bessel(order: int, x: mpf) -> mpf:
    """DLMF 10.40.1 where its second term vanishes."""
    return 1 / mp.sqrt(2 * mp.pi * x) if x > FAR else mp.besseli(order, x) * mp.exp(-x)


@by_entry
def bessel_j0(x: mpf) -> mpf:
    return oscillating(0, abs(x))


@by_entry
def bessel_j1(x: mpf) -> mpf:
    return mp.sign(x) * oscillating(1, abs(x))


def oscillating(order: int, x: mpf) -> mpf:
    """DLMF 10.17.3 where its second term vanishes."""
    if not mp.isfinite(x):
        return mpf(0)
    if x < FAR:
        return mp.besselj(order, x)
    with mp.extraprec(mp.mag(x)):
        return mp.sqrt(2 / (mp.pi * x)) * mp.cos(x - mp.pi * (2 * order + 1) / 4)


@by_entry
def igamma(a: mpf, x: mpf) -> mpf:
    """The regularised lower incomplete gamma function P(a, x), for a > 0 and x ≥ 0; NaN unless 2^-64 ≤ a ≤ 2^20."""
    if not (a >= 1 / MODERATE and a <= MANY and x >= 0):
        return mp.nan
    return mpf(1) if x > MODERATE else mp.gammainc(a, 0, x, regularized=True)


@by_entry
def igammac(a: mpf, x: mpf) -> mpf:
    """The regularised upper incomplete gamma function Q(a, x), for a > 0 and x ≥ 0; NaN unless 2^-64 ≤ a ≤ 2^20."""
    if not (a >= 1 / MODERATE and a <= MANY and x >= 0):
        return mp.nan
    return mpf(0) if x > MODERATE else mp.gammainc(a, x, mp.inf, regularized=True)


@by_entry
def incomplete_beta(a: mpf, b: mpf, x: mpf) -> mpf:
    """The regularised I_x(a, b), for a, b > 0 and 0 ≤ x ≤ 1; NaN unless 2^-64 ≤ a, b ≤ 2^20."""
    if not (1 / MODERATE <= a <= MANY and 1 / MODERATE <= b <= MANY and 0 <= x <= 1):
        return mp.nan
    return mp.betainc(a, b, 0, x, regularized=True)


@by_entry
def zeta(s: mpf, q: mpf) -> mpf:
    """Hurwitz's, Σ (n + q)^-s, for s > 1 and q > 0, infinite at s = 1 and q = 0; NaN beyond s = 2^20 and q = 2^64."""
    if not (1 <= s <= MANY and 0 <= q <= MODERATE):
        return mp.nan
    if s == 1 or q == 0:
        return mp.inf
    below = s * mp.log(q, 2)  # its size is 2^-below where that is large, and mpmath's error is absolute
    if below > OUT_OF_RANGE:
        return mpf(0)
    with mp.extraprec(max(0, int(below))):
        return mp.zeta(s, q)


@by_entry
def betaln(a: mpf, b: mpf) -> mpf:
    """log |B(a, b)|; NaN unless |a| and |b| are from 2^-64 to 2^64."""
    if not (moderate(a) and moderate(b)):
        return mp.nan
    return precisely(lambda x, y: mp.re(mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y)), a, b)


@by_entry
def beta(a: mpf, b: mpf) -> mpf:
    """Γ(a) Γ(b) / Γ(a + b); NaN unless |a| and |b| are from 2^-64 to 2^64."""
    return mp.beta(a, b) if moderate(a) and moderate(b) else mp.nan


def moderate(x: mpf) -> bool:
    return bool(1 / MODERATE <= abs(x) <= MODERATE)
