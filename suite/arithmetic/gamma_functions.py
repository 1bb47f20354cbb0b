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
from gradlaws.suite.arithmetic.gamma_tables import TABLE_FROM, TABLE_TO, stirling, table
from gradlaws.suite.arithmetic.quad_numbers import QuadArray, from_mp
from gradlaws.suite.arithmetic.regions import by_region, in_blocks

TERM = 4  # a term below is off by as much: log |sin πx| and π cot πx by x's distance to 1/2, log Γ(1 - x) by 1 - x
CANCELS = 2.0**-8  # a sum below this share of its terms is taken in mpmath


@cache
def constant(name: str) -> QuadArray:
    with mp.workprec(200):
        numbers = {"π": +mp.pi, "log π": mp.log(mp.pi), "(log 2π - 1)/2": (mp.log(2 * mp.pi) - 1) / 2}
        return from_mp([numbers[name]])


def lgamma_far(x: QuadArray) -> QuadArray:
    """For x ≥ 16, within 6 u relative: (x - 1/2) log x, 1.6 times the value at 16, has three roundings."""
    return np.asarray((x - 0.5) * (np.log(x) - 1) + (constant("(log 2π - 1)/2") + stirling(0)(1 / (x * x)) / x))


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
    lost = np.abs(value) < CANCELS * np.maximum(np.abs(first), TERM)
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


def infinite(x: QuadArray) -> QuadArray:
    return np.full_like(x, np.inf)


@in_blocks
def lgamma(x: QuadArray) -> QuadArray:
    """log |Γ(x)|, within 2^-100 relative; within 16 u for x > 0. Infinite at the poles and at ± infinity."""
    return by_region(x, (x > 0, lgamma_positive), ((x == 0) | (x == -np.inf), infinite), (x < 0, lgamma_reflected))


@in_blocks
def digamma(x: QuadArray) -> QuadArray:
    """Γ'/Γ, within 2^-100 relative; within 16 u for x > 0. At ± 0 ∓ infinity, NaN at the other poles."""
    return by_region(x, (x > 0, digamma_positive), (x == 0, lambda t: -1 / t), (x < 0, digamma_reflected))


@in_blocks
def trigamma(x: QuadArray) -> QuadArray:
    """The derivative of digamma, within 32 u relative. Infinite at the poles."""
    return by_region(x, (x > 0, trigamma_positive), (x == 0, infinite), (x < 0, trigamma_reflected))
