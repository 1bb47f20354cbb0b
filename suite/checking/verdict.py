"""The verdict on one comparison: |got - exact| <= bound, if the bound can say anything."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradlaws.records.values import Verdict as Kind
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.suite import clock
from gradlaws.suite.bound.thresholds import threshold
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.oracle import Truth

ORACLE_SHARE = 1e-3  # of the bound that the oracle's own error may take
FINEST = 2.0**-53  # where a bound is 0, the oracle's error may be that share of this, squared, of the largest component


@dataclass(frozen=True)
class Verdict:
    """``ratio`` is the largest error / bound, at ``component``; ``digits`` says how closely it looked."""

    kind: Kind
    ratio: float | None = None
    component: tuple[int, ...] = ()
    digits: float | None = None
    reason: str = ""


def judge(got: Floats, error: Floats, bound: Floats, oracle_error: Floats, size: float, precision: Precision,
          differences: int = 0) -> Verdict:  # fmt: skip
    """All arrays have one shape; ``size`` is the largest component of the object, or its majorant where it is zero.

    A bound that is infinite, too wide beside the object, or not far above the oracle's own error certifies nothing:
    that is tested before the comparison, since infinity <= infinity. Where the majorant is zero too, no path leads to
    the object, and the bound is what rounding of the terms that cancel can leave: then nothing else is right.
    """
    if not np.all(np.isfinite(bound)) or not np.isfinite(size):
        return Verdict("inconclusive", reason="an intermediate overflows, or rounding moves it by as much as itself")
    widest = float(np.max(bound, initial=0.0))
    if size > 0 and not widest <= threshold(precision, differences) * size:
        return Verdict("inconclusive", reason="the bound is too wide beside the derivative")
    floor = max(precision.unit_roundoff, FINEST) ** 2 * size
    if not np.all(oracle_error <= ORACLE_SHARE * np.maximum(bound, floor)):
        return Verdict("inconclusive", reason="the oracle does not certify itself")
    digits = math.log10(size) - math.log10(widest) if widest > 0 and size > 0 else None
    total = bound + oracle_error
    if got.shape != bound.shape:
        return Verdict("violated", math.inf, (), digits, f"shape {got.shape} instead of {bound.shape}")
    with np.errstate(all="ignore"):
        ratios = np.where(error == 0, 0.0, error / total)
    ratios = np.where(np.isfinite(got), ratios, math.inf)
    component = tuple(int(i) for i in np.unravel_index(int(np.argmax(ratios)), ratios.shape))
    ratio = float(ratios[component])
    return Verdict("holds" if ratio <= 1 else "violated", ratio, component, digits)


def contradiction(exact: Truth, majorant: float) -> Verdict | None:
    """Where the truth is larger than every path together, the bound's partials are not those of this function."""
    if float(np.max(np.abs(exact.floats), initial=0.0)) <= 2 * majorant or not np.all(np.isfinite(exact.error)):
        return None
    return Verdict("inconclusive", reason="the bound does not see what the oracle sees")


def beside(exact: Truth, got: Floats, tolerance: Floats, majorant: float, precision: Precision,
           differences: int = 0) -> Verdict:  # fmt: skip
    """What is said of a computed object beside the exact one; ``majorant`` stands for its size where it is zero."""
    with clock.part("oracle"), np.errstate(all="ignore"):
        finite = np.where(np.isfinite(got), got, 0.0)
        error = oracle.difference(finite, exact) if got.shape == tolerance.shape else got
    return judge(got, error, tolerance, exact.error, exact.size or majorant, precision, differences)
