"""The verdict on one comparison: |got - exact| <= bound, if the bound can say anything."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gradlaws.records.values import Verdict as Kind
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.suite import clock
from gradlaws.suite.bound.thresholds import fault, threshold
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.oracle import Truth

ORACLE_SHARE = 1e-3  # of the bound that the oracle's own error may take
FINEST = 2.0**-53  # where a bound is 0, the oracle's error may be that share of this, squared, of the largest component


@dataclass(frozen=True)
class Verdict:
    """``ratio`` is the largest error / bound, at ``component``; ``digits`` says how closely it looked; at ``undecided``
    components it could not; ``wrong`` are those at which the answer is beyond its bound."""

    kind: Kind
    ratio: float | None = None
    component: tuple[int, ...] = ()
    digits: float | None = None
    reason: str = ""
    undecided: int = 0
    wrong: NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)  # which components are


def judge(got: Floats, error: Floats, bound: Floats, oracle_error: Floats, sizes: Floats, majorant: float,
          precision: Precision, differences: int = 0) -> Verdict:  # fmt: skip
    """All arrays have one shape; ``sizes`` are those of the exact components, for which ``majorant`` stands where all
    are zero.

    A bound that is infinite, too wide beside the object, or not far above the oracle's own error certifies nothing:
    that is tested before the comparison, since infinity <= infinity. The object's size is that of the largest component
    whose own bound is narrow: what is judged are all whose bounds are narrow beside it. Where the majorant is zero too,
    no path leads to the object, and the bound is what rounding of the terms that cancel can leave: then nothing else is
    right.
    """
    part, finite = threshold(precision, differences), np.isfinite(bound) & np.isfinite(sizes)
    if not np.any(finite) or not np.isfinite(majorant):
        return Verdict("inconclusive", reason="an intermediate overflows, or rounding moves it by as much as itself")
    if np.any(sizes > 0):
        narrow = finite & (np.maximum(bound, oracle_error) <= part * sizes)
        size = float(np.max(sizes, initial=0.0, where=narrow))
        seen = finite & (bound <= part * size) & (size > 0)
    else:
        size, seen = majorant, finite & (bound <= part * majorant if majorant else True)
    if not np.any(seen):
        return Verdict("inconclusive", reason="the bound is too wide beside the derivative")
    floor = max(precision.unit_roundoff, FINEST) ** 2 * size
    seen &= oracle_error <= ORACLE_SHARE * np.maximum(bound, floor)
    if not np.any(seen):
        return Verdict("inconclusive", reason="the oracle does not certify itself")
    widest = float(np.max(bound, initial=0.0, where=seen))
    digits = math.log10(size) - math.log10(widest) if widest > 0 and size > 0 else None
    if got.shape != bound.shape:
        return Verdict("violated", math.inf, (), digits, f"shape {got.shape} instead of {bound.shape}")
    with np.errstate(all="ignore"):
        ratios = np.where(error == 0, 0.0, error / (bound + oracle_error))
    ratios = np.where(seen, np.where(np.isfinite(got), ratios, math.inf), -1.0)
    component = tuple(int(i) for i in np.unravel_index(int(np.argmax(ratios)), ratios.shape))
    ratio = float(ratios[component])
    undecided = int(np.sum(~seen))
    kind: Kind = "holds" if ratio <= 1 else "violated"
    return Verdict(kind, ratio, component, digits, undecided=undecided, wrong=ratios > 1)


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
    return judge(got, error, tolerance, exact.error, exact.sizes, majorant, precision, differences)


def differs(got: Floats, exact: Truth, precision: Precision) -> bool:
    """Whether a corrupted answer is another one at this point, where Ju may be uᵀJ: by half of what must be seen."""
    return bool(np.any(np.abs(got - exact.floats) > fault(precision) / 2 * exact.size))
