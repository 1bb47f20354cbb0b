"""erf, erfc and their inverses in quad.

u is 2^-113 throughout, half a unit in the last place of 1."""

from __future__ import annotations

from functools import cache

import numpy as np
from mpmath import mp, mpf
from scipy import special

from gradlaws.suite.arithmetic.quad_numbers import QuadArray, dtype, from_mp, to_float64
from gradlaws.suite.arithmetic.regions import Polynomial, TaylorTable, by_region, in_blocks

SERIES_BELOW = 0.5  # of erf, by its power series
TABLE_FROM = 0.46875  # its cell holds erfinv(1/2) = 0.4769
TABLE_BELOW = 16  # of erfcx, by Taylor polynomials; beyond, by its asymptotic series
CELLS = 32  # in a unit
TERMS_SERIES, EXACT_SERIES = 24, 15
TERMS_TABLE, EXACT_TABLE = 18, 10
TERMS_FAR, EXACT_FAR = 26, 12
TABLE_BITS = 300  # the recurrence of erfcx's coefficients loses up to 120 of them at 16


@cache
def constant(name: str) -> QuadArray:
    with mp.workprec(200):
        numbers = {"√π/2": mp.sqrt(mp.pi) / 2, "√2": mp.sqrt(2)}
        return from_mp([numbers[name]])


@cache
def series() -> Polynomial:
    """Of erf(x) / x in x²: DLMF 7.6.1."""
    with mp.workprec(200):
        terms = [(-1) ** n / (mp.factorial(n) * (2 * n + 1)) for n in range(TERMS_SERIES)]
        return Polynomial([2 / mp.sqrt(mp.pi) * term for term in terms], EXACT_SERIES)


@cache
def far_series() -> Polynomial:
    """Of x erfcx(x) in 1/x²: DLMF 7.12.1."""
    with mp.workprec(200):
        terms = [(-1) ** n * mp.fac2(2 * n - 1) / mpf(2) ** n for n in range(TERMS_FAR)]
        return Polynomial([term / mp.sqrt(mp.pi) for term in terms], EXACT_FAR)


@cache
def erfcx_table() -> TaylorTable:
    """Of y = exp(x²) erfc(x), whose derivatives follow from y' = 2 x y - 2/√π (DLMF 7.10.1)."""
    first, last = int(TABLE_FROM * CELLS), TABLE_BELOW * CELLS
    with mp.workprec(TABLE_BITS):
        centres = [mpf(j) / CELLS for j in range(first, last + 1)]
        return TaylorTable(first, CELLS, centres, [erfcx_row(c) for c in centres], EXACT_TABLE)


def erfcx_row(centre: mpf) -> list[mpf]:
    """Its Taylor coefficients."""
    value = mp.exp(centre**2) * mp.erfc(centre)
    row = [value, 2 * centre * value - 2 / mp.sqrt(mp.pi)]
    for n in range(1, TERMS_TABLE - 1):
        row.append(2 * (centre * row[n] + row[n - 1]) / (n + 1))
    return row


def erf_series(x: QuadArray) -> QuadArray:
    """DLMF 7.6.1 for |x| ≤ 1/2, within 4 u relative: terms alternate and fall, so that what is cut off is less than its
    first term, 4^-24 / 24! / 49 = 2^-132 of the sum's first; the part in float64 is below 2^-75."""
    return series()(x * x) * x


def erfcx(x: QuadArray) -> QuadArray:
    """exp(x²) erfc(x) for x ≥ 0.46, within 4 u relative.

    It is (2/√π) ∫ exp(-t² - 2xt) dt over t > 0 (DLMF 7.7.1), so its n-th Taylor coefficient is ± (2/√π) ∫ (2t)^n / n! …
    and, relative to the function, greatest at x = 0, where it is 1 / Γ(n/2 + 1) (DLMF 7.6.2). With |offset| ≤ 1/64
    what is cut off after 18 terms is at most 1.04 · 2^-108 / Γ(10) < 2^-126, and the part in float64 is at most
    1.04 · 2^-60 / Γ(6) < 2^-66. Beyond 16, DLMF 7.12.1: less than the first term that is cut off, 51!! / 512^26 <
    2^-122; the part in float64 is below 2^-69."""
    return by_region(x, (x < TABLE_BELOW, erfcx_table()), (x >= TABLE_BELOW, erfcx_far))


def erfcx_far(x: QuadArray) -> QuadArray:
    return far_series()(1 / (x * x)) / x


def exp_minus_square(x: QuadArray) -> QuadArray:
    """exp(-x²) for 0 ≤ x < 200, within 4 u relative: the square of x's leading 53 bits is exact."""
    head = to_float64(x).astype(dtype())
    return np.asarray(np.exp(-head * head) * np.exp((head - x) * (head + x)))


def erfc_right(x: QuadArray) -> QuadArray:
    """For x ≥ 1/2. It is 0 beyond 107, where it is less than half of quad's smallest number."""
    return by_region(x, (x <= 107, lambda t: exp_minus_square(t) * erfcx(t)), (x > 107, np.zeros_like))


@in_blocks
def erf(x: QuadArray) -> QuadArray:
    """Within 8 u relative: beyond 1/2 it is 1 - erfc, where erfc < 1/2; beyond 9 it is 1 but for 2^-119."""
    size = np.abs(x)
    value = by_region(
        size,
        (size <= SERIES_BELOW, erf_series),
        (size <= 9, lambda t: 1 - erfc_right(t)),
        (size > 9, np.ones_like),
    )
    return np.copysign(value, x)


@in_blocks
def erfc(x: QuadArray) -> QuadArray:
    """Within 12 u relative, and of subnormal results within 2 units of the smallest."""
    return by_region(
        x,
        (np.abs(x) <= SERIES_BELOW, lambda t: 1 - erf_series(t)),
        (x > SERIES_BELOW, erfc_right),
        (x < -SERIES_BELOW, lambda t: 2 - erfc_right(-t)),
    )


def erfinv_middle(y: QuadArray) -> QuadArray:
    """For |y| ≤ 1/2, within 16 u relative: one step of Halley's from 15 digits leaves less than 10^-44, and erf's own
    error counts erf(x) / (x erf'(x)) ≤ 1.2 times. Below 2^-60 it is √π/2 y but for π/12 y² of it (A&S 7.1.5,
    inverted)."""
    x = special.erfinv(to_float64(y)).astype(dtype())
    step = (erf_series(x) - y) * constant("√π/2") / exp_minus_square(np.abs(x))
    return np.where(np.abs(y) < 2.0**-60, y * constant("√π/2"), x - step / (1 + x * step))


def erfcinv_tail(q: QuadArray) -> QuadArray:
    """The x ≥ 0.47 where erfc(x) = q, for 0 ≤ q ≤ 1/2, within 16 u relative.

    Two steps of Newton's on log erfc(x) = log erfcx(x) - x², from 12 digits or more. What rounding leaves of its value,
    4 u + (x² + |log q|) u, is divided by its slope times x, which is over 2 x² and over 1.5."""
    logarithm = np.log(q)
    x = (special.ndtri_exp(to_float64(logarithm) - np.log(2)) / -np.sqrt(2)).astype(dtype())
    for _ in range(2):
        scaled = erfcx(x)
        x = x + (np.log(scaled) - x * x - logarithm) * scaled * constant("√π/2")
    return np.where(q == 0, np.inf, x)


@in_blocks
def erfinv(y: QuadArray) -> QuadArray:
    """Within 16 u relative. 1 - |y| is exact from 1/2 on."""
    size = np.abs(y)
    value = by_region(size, (size <= 0.5, erfinv_middle), ((size > 0.5) & (size <= 1), lambda t: erfcinv_tail(1 - t)))
    return np.copysign(value, y)


@in_blocks
def ndtri(p: QuadArray) -> QuadArray:
    """The quantile of the normal distribution, √2 erfinv(2 p - 1), within 18 u relative, also near its zero 1/2."""
    return constant("√2") * by_region(
        p,
        ((p >= 0) & (p < 0.25), lambda t: -erfcinv_tail(2 * t)),
        ((p >= 0.25) & (p <= 0.75), lambda t: erfinv_middle(2 * t - 1)),
        ((p > 0.75) & (p <= 1), lambda t: erfcinv_tail(2 * (1 - t))),
    )
