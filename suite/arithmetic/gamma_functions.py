"""log |Γ|, its derivative digamma, and that one's, trigamma, in quad.

Three forms each: Taylor polynomials on [3/4, 16], Stirling's series above, and below what Γ(x + 1) = x Γ(x) and the
reflection at 1/2 give. u is 2^-113 throughout, half a unit in the last place of 1."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.suite.arithmetic.by_entry import by_entry, precisely
from gradlaws.suite.arithmetic.quad_numbers import QuadArray, decoded, encoded, from_mp
from gradlaws.suite.arithmetic.regions import Polynomial, TaylorTable, by_region, in_blocks

TABLE_FROM, TABLE_TO = 0.75, 16
CELLS = 32  # in a unit
TERMS_TABLE, EXACT_TABLE = 26, 12
TERMS_FAR, EXACT_FAR = 26, 8
SHIFT = 48  # from which the tables' coefficients are summed, and brought down
WORK_BITS = 400  # leaves 1e-70 beside the root of digamma, where it is 1e-35
CANCELS = 2.0**-8  # a sum below this share of its two terms is taken in mpmath

Row = list[mpf]


@cache
def constant(name: str) -> QuadArray:
    with mp.workprec(200):
        numbers = {"π": +mp.pi, "log π": mp.log(mp.pi), "(log 2π - 1)/2": (mp.log(2 * mp.pi) - 1) / 2}
        return from_mp([numbers[name]])


def hurwitz(n: int, c: mpf) -> mpf:
    """ζ(n, c) for c ≥ 48 by Euler and Maclaurin's formula (DLMF 25.11.7): the first term left out bounds the error, and
    is 1e-56 for n = 2, 1e-36 for n = 25."""
    total = c ** (1 - n) / (n - 1) + c**-n / 2
    term = n * c ** (-n - 1) / 2  # (n)_{2k-1} / (2k)! c^(1-n-2k)
    for k in range(1, 31):
        total += mp.bernoulli(2 * k) * term
        term *= (n + 2 * k - 1) * (n + 2 * k) / (c * c * (2 * k + 1) * (2 * k + 2))
    return total


def lgamma_row(c: mpf) -> Row:
    """Taylor coefficients of log Γ at c (DLMF 5.15.1), for c ≥ 48."""
    return [mp.loggamma(c), mp.digamma(c), *((-1) ** n * hurwitz(n, c) / n for n in range(2, TERMS_TABLE))]


def row_below(row: Row, c: mpf) -> Row:
    """At c from that at c + 1, by log Γ(x) = log Γ(x + 1) - log x."""
    power, below = mpf(1), [row[0] - mp.log(c)]
    for n in range(1, len(row)):
        power /= -c
        below.append(row[n] + power / n)
    return below


@cache
def table(derivative: int) -> TaylorTable:
    """Of log Γ, of digamma, of trigamma: one row for each cell, all from one calculation.

    The roots 1 and 2 of log Γ and that of digamma are centres, so that values beside them keep all their digits."""
    rows, centres = lgamma_rows()
    for _ in range(derivative):
        rows = [[n * a for n, a in enumerate(row)][1:] for row in rows]
    return TaylorTable(int(TABLE_FROM * CELLS), CELLS, centres, rows, EXACT_TABLE)


@cache
def lgamma_rows() -> tuple[list[Row], list[mpf]]:
    first, last = int(TABLE_FROM * CELLS), TABLE_TO * CELLS
    rows: dict[int, Row] = {}
    with mp.workprec(WORK_BITS):
        for j in range((SHIFT - 1) * CELLS + 1, SHIFT * CELLS + 1):
            row = lgamma_row(mpf(j + CELLS) / CELLS)
            for below in range(j, first - 1, -CELLS):
                rows[below] = row = row_below(row, mpf(below) / CELLS)
        rows[CELLS][0] = rows[2 * CELLS][0] = mpf(0)
        centres = {j: mpf(j) / CELLS for j in range(first, last + 1)}
        root = decoded(encoded(mp.findroot(mp.digamma, mpf("1.4616"))))
        cell = round(float(root) * CELLS)
        centres[cell], rows[cell] = root, lgamma_row(root + SHIFT)
        for k in range(SHIFT - 1, -1, -1):
            rows[cell] = row_below(rows[cell], root + k)
        return [rows[j] for j in centres], list(centres.values())


@cache
def stirling(derivative: int) -> Polynomial:
    """In 1/x²: x (log Γ - …), x² (digamma - …), x³ (trigamma - …), of DLMF 5.11.1, 5.11.2 and the derivative of that.

    For x > 0 the first term left out bounds the error (DLMF 5.11(ii)): at 16 it is 2^-133, 2^-128 and 2^-121 of the
    value, and the terms in float64 are below 2^-69, 2^-66 and 2^-61 of it."""
    with mp.workprec(WORK_BITS):
        divisors = [(2 * n * (2 * n - 1), -2 * n, 1)[derivative] for n in range(1, TERMS_FAR + 1)]
        terms = [mp.bernoulli(2 * n) / divisor for n, divisor in enumerate(divisors, 1)]
        return Polynomial(terms, EXACT_FAR)


def lgamma_far(x: QuadArray) -> QuadArray:
    """For x ≥ 16, within 6 u relative: (x - 1/2) log x, 1.6 times the value at 16, has three roundings."""
    return (x - 0.5) * (np.log(x) - 1) + (constant("(log 2π - 1)/2") + stirling(0)(1 / (x * x)) / x)


def lgamma_positive(x: QuadArray) -> QuadArray:
    """For x > 0, within 16 u relative, also beside the roots 1 and 2.

    What the table cuts off is below 2^-147 relative, its part in float64 below 2^-68. Below 3/4, where log Γ ≥ 0.2, the
    rounding of x + 1 counts less than 0.6 u absolute, and log Γ(x + 1), negative, is below 0.4 of - log x."""
    return by_region(
        x,
        (x < TABLE_FROM, lambda t: table(0)(1 + t) - np.log(t)),
        (x <= TABLE_TO, table(0)),
        (x < np.inf, lgamma_far),
        (x == np.inf, np.positive),
    )


def digamma_positive(x: QuadArray) -> QuadArray:
    """For x > 0, within 16 u relative, also beside the root 1.46163…"""
    return by_region(
        x,
        (x < TABLE_FROM, lambda t: table(1)(1 + t) - 1 / t),
        (x <= TABLE_TO, table(1)),
        (x < np.inf, lambda t: np.log(t) - 0.5 / t + stirling(1)(1 / (t * t)) / (t * t)),
        (x == np.inf, np.positive),
    )


def trigamma_positive(x: QuadArray) -> QuadArray:
    """For x > 0, within 16 u relative."""
    return by_region(
        x,
        (x < TABLE_FROM, lambda t: table(2)(1 + t) + 1 / (t * t)),
        (x <= TABLE_TO, table(2)),
        (x < np.inf, lambda t: (1 + (0.5 + stirling(2)(1 / (t * t)) / t) / t) / t),
        (x == np.inf, np.zeros_like),
    )


def from_integer(x: QuadArray) -> QuadArray:
    """π times the distance to the nearest integer, with a sign, which is exact but for π: so sin πx = ± sin of it."""
    return np.asarray((x - np.rint(x)) * constant("π"))


def reflected(x: QuadArray, first: QuadArray, second: QuadArray, exact: Callable[[Any], QuadArray]) -> QuadArray:
    """first + second, and where they cancel, the function by mpmath: there it has a root, whose place 113 bits of the
    terms do not tell. Elsewhere an error of 8 u of a term is below 2^-101 of the sum."""
    value = first + second
    lost = np.abs(value) < CANCELS * np.abs(first)
    if lost.any():
        value[lost] = exact(x[lost])
    return value


def lgamma_reflected(x: QuadArray) -> QuadArray:
    """DLMF 5.5.3: log(π / |sin πx|) - log Γ(1 - x), infinite at the poles."""
    sine = np.log(np.abs(np.sin(from_integer(x))))
    return reflected(x, constant("log π") - sine, -lgamma_positive(1 - x), lgamma_entry)


def digamma_reflected(x: QuadArray) -> QuadArray:
    """DLMF 5.5.4: digamma(1 - x) - π cot πx, NaN at the poles but 0."""
    angle = from_integer(x)
    cotangent = constant("π") / np.tan(np.where(angle == 0, np.nan, angle))
    return reflected(x, digamma_positive(1 - x), -cotangent, digamma_entry)


def trigamma_reflected(x: QuadArray) -> QuadArray:
    """DLMF 5.15.6: π² / sin² πx - trigamma(1 - x), which is less than a third of it; infinite at the poles."""
    ratio = constant("π") / np.sin(from_integer(x))
    return ratio * ratio - trigamma_positive(1 - x)


@by_entry
def lgamma_entry(x: mpf) -> mpf:
    return precisely(lambda t: mp.log(abs(mp.gamma(t))), x)


@by_entry
def digamma_entry(x: mpf) -> mpf:
    return precisely(mp.digamma, x)


@in_blocks
def lgamma(x: QuadArray) -> QuadArray:
    """log |Γ(x)|, within 2^-100 relative; within 16 u for x > 0. Infinite at the poles and at ± infinity."""
    return by_region(
        x,
        (x < 0, lgamma_reflected),
        (x > 0, lgamma_positive),
        ((x == 0) | (x == -np.inf), lambda t: np.full_like(t, np.inf)),
    )


@in_blocks
def digamma(x: QuadArray) -> QuadArray:
    """Γ'/Γ, within 2^-100 relative; within 16 u for x > 0. At ± 0 ∓ infinity, NaN at the other poles."""
    return by_region(x, (x < 0, digamma_reflected), (x > 0, digamma_positive), (x == 0, lambda t: -1 / t))


@in_blocks
def trigamma(x: QuadArray) -> QuadArray:
    """The derivative of digamma, within 32 u relative. Infinite at the poles."""
    return by_region(x, (x < 0, trigamma_reflected), (x > 0, trigamma_positive), (x == 0, lambda t: 1 / (t * t)))
