"""The coefficients that log Γ and its derivatives are evaluated by in quad, from gmpy2's floats of 400 bits.

gmpy2 (MPFR) and not mpmath, since there are 500 rows of 26, and it is ten times as fast."""

from __future__ import annotations

from functools import cache
from typing import Any

import gmpy2
from mpmath import mp

from gradlaws.suite.arithmetic.quad_numbers import DIGITS
from gradlaws.suite.arithmetic.regions import Polynomial, TaylorTable

TABLE_FROM, TABLE_TO = 0.75, 16
CELLS = 32  # in a unit
TERMS_TABLE, EXACT_TABLE = 26, 12
TERMS_FAR, EXACT_FAR = 26, 8
SHIFT = 48  # from which the coefficients are summed, and brought down
BITS = 400  # leaves 1e-85 of digamma beside its root, where it is 1e-35
DIGAMMA_ROOT = "1.461632144968362341262659542325721328468196204006446351295988"  # OEIS A030169

Number = Any  # gmpy2.mpfr, which has no type hints
Row = list[Number]


@cache
def table(derivative: int) -> TaylorTable:
    """Of log Γ, of digamma, of trigamma: one row for each cell, all from one calculation.

    The roots 1 and 2 of log Γ and that of digamma are centres, so that values beside them keep all their digits."""
    rows, centres = lgamma_rows()
    with gmpy2.context(precision=BITS):
        for _ in range(derivative):
            rows = [[n * a for n, a in enumerate(row)][1:] for row in rows]
        return TaylorTable(int(TABLE_FROM * CELLS), CELLS, centres, rows, EXACT_TABLE)


@cache
def lgamma_rows() -> tuple[list[Row], list[Number]]:
    first, last = int(TABLE_FROM * CELLS), TABLE_TO * CELLS
    rows: dict[int, Row] = {}
    with gmpy2.context(precision=BITS):
        centres = {j: gmpy2.mpfr(j) / CELLS for j in range(first, SHIFT * CELLS + 1)}
        for j in range((SHIFT - 1) * CELLS + 1, SHIFT * CELLS + 1):
            row = row_above(centres[j] + 1)
            for below in range(j, first - 1, -CELLS):
                rows[below] = row = row_below(row, centres[below])
        rows[CELLS][0] = rows[2 * CELLS][0] = gmpy2.mpfr(0)
        root = gmpy2.mpfr(DIGAMMA_ROOT, DIGITS)  # a quad number
        cell = round(float(root) * CELLS)
        centres[cell], rows[cell] = root, row_above(root + SHIFT)
        for k in range(SHIFT - 1, -1, -1):
            rows[cell] = row_below(rows[cell], root + k)
    return [rows[j] for j in range(first, last + 1)], [centres[j] for j in range(first, last + 1)]


def row_above(c: Number) -> Row:
    """Taylor coefficients of log Γ at c ≥ 48 (DLMF 5.15.1)."""
    return [gmpy2.lngamma(c), gmpy2.digamma(c), *((-1) ** n * hurwitz(n, c) / n for n in range(2, TERMS_TABLE))]


def row_below(row: Row, c: Number) -> Row:
    """At c from that at c + 1, by log Γ(x) = log Γ(x + 1) - log x."""
    power, below = gmpy2.mpfr(1), [row[0] - gmpy2.log(c)]
    for n in range(1, len(row)):
        power /= -c
        below.append(row[n] + power / n)
    return below


def hurwitz(n: int, c: Number) -> Number:
    """ζ(n, c) for c ≥ 48 by Euler and Maclaurin's formula (DLMF 25.11.7): the first term left out bounds the error, and
    is 1e-56 for n = 2, 1e-36 for n = 25."""
    total = c ** (1 - n) / (n - 1) + c**-n / 2
    term = n * c ** (-n - 1) / 2  # (n)_{2k-1} / (2k)! c^(1-n-2k)
    for k in range(1, 31):
        total += bernoulli(k) * term
        term *= (n + 2 * k - 1) * (n + 2 * k) / (c * c * (2 * k + 1) * (2 * k + 2))
    return total


@cache
def bernoulli(k: int) -> Number:
    """The 2k-th Bernoulli number."""
    numerator, denominator = mp.bernfrac(2 * k)
    return gmpy2.mpq(int(numerator), int(denominator))


@cache
def stirling(derivative: int) -> Polynomial:
    """In 1/x²: x (log Γ - …), x² (digamma - …), x³ (trigamma - …), of DLMF 5.11.1, 5.11.2 and the derivative of that.

    For x > 0 the first term left out bounds the error (DLMF 5.11(ii)): at 16 it is 2^-133, 2^-128 and 2^-121 of the
    value, and the terms in float64 are below 2^-69, 2^-66 and 2^-61 of it."""
    divisors = [(2 * n * (2 * n - 1), -2 * n, 1)[derivative] for n in range(1, TERMS_FAR + 1)]
    with gmpy2.context(precision=BITS):
        terms = [gmpy2.mpfr(bernoulli(n) / divisor) for n, divisor in enumerate(divisors, 1)]
        return Polynomial(terms, EXACT_FAR)
