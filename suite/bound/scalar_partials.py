"""The partials of a scalar function to third order, by differences in mpmath: what the bound needs of a primitive."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import DomainError, MPArray, scalar
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.bound.taylor import Coefficients

# Floats are 2^-53 of themselves apart: a step beside which the edge of a domain, if it is none, is still far.
STEP_BITS, DIGITS = 80, 100
MOST_DIGITS = 700  # and as many as the arguments span: there a third partial by the smallest is below what matters
RESOLVED = 100  # times what rounding can do: the bound needs two digits
NOTHING = mpf(2) ** -1080  # rounds to 0
# Of the third partial by such a step: a lower one that is smaller is what truncation, 2^-160, leaves of a 0. No float
# is as near to the zero of a derivative without being that zero.
TRUNCATED = mpf(2) ** -120
LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Partials:
    """``of`` are phi and its p, p^2 and p^3 partials; ``moved`` is how far value, first and second partials move where
    each argument a_j does by itself: sum_j |a_j phi_j|, and so on. What no float64 holds is the largest."""

    of: Coefficients
    moved: tuple[Floats, Floats, Floats]


def third_difference(far: mpf, near: mpf, back: mpf, behind: mpf, h: mpf) -> mpf:
    """A third derivative by the values at 2h, h, -h and -2h."""
    return (far - 2 * near + 2 * back - behind) / (2 * h**3)


def along_line(f: Callable[..., Any], at: tuple[mpf, ...], step: tuple[mpf, ...], h: mpf) -> tuple[mpf, ...]:
    """First, second and third derivative of f(at + s step) in s at 0, by central differences; and the largest |f|."""
    far, near, centre, back, behind = (
        f(*(a + s * h * d for a, d in zip(at, step, strict=True))) for s in (2, 1, 0, -1, -2)
    )
    return (
        (near - back) / (2 * h),
        (near - 2 * centre + back) / h**2,
        third_difference(far, near, back, behind, h),
        max(abs(far), abs(near), abs(centre), abs(back), abs(behind)),
    )


def scalar_partials(f: Callable[..., Any], *arguments: float) -> Coefficients:
    """(phi, its p, p^2 and p^3 partial derivatives) at float arguments, p = len(arguments) being 1, 2 or 3.

    Raises DomainError where phi is not real, or is so on one side only.
    """
    return partials(f, arguments).of


@lru_cache(100_000)
def partials(f: Callable[..., Any], arguments: tuple[float, ...], fixed: tuple[bool, ...] = ()) -> Partials:
    """The partials at float arguments. Those of ``fixed`` ones, which nothing moves, are 0 where phi is defined on one
    side of them only, as (-2)^y is at y = 3. Raises DomainError where phi is not real, or is so on one side only."""
    if not all(map(math.isfinite, arguments)):
        raise DomainError(f"the arguments {arguments} are not finite")

    def real(*at: mpf) -> mpf:
        return scalar(f, *at)

    try:
        return _resolved(real, arguments, range(len(arguments)))
    except DomainError:
        free = [i for i, still in enumerate(fixed) if not still]
        if len(free) == len(fixed):
            raise
        return _resolved(real, arguments, free)


def _resolved(f: Callable[..., mpf], arguments: tuple[float, ...], free: Any) -> Partials:
    """By the free arguments, in as many digits as it takes: what rounding alone could make of a partial, be it that of
    a tail, or of a step along a tiny argument, is beside the partial itself, or beside all floats."""
    decades = [math.log10(abs(a)) for a in arguments if a] + [0.0]
    digits = DIGITS + math.ceil(max(decades) - min(decades))
    most = MOST_DIGITS + digits - DIGITS
    while True:
        with mp.workdps(digits):
            found, noise = differences(f, tuple(map(mpf, arguments)), free)
            settled = [
                (abs(p) > RESOLVED * e) | (e < NOTHING).astype(bool) for p, e in zip(found[1:], noise, strict=True)
            ]
            if all(map(np.all, settled)) or digits > most:
                # What is left unresolved is no larger than what rounding can do.
                cleared = [
                    np.where(abs(p) > RESOLVED * e, p, np.where(e < NOTHING, mpf(0), e))
                    for p, e in zip(found[1:], noise, strict=True)
                ]
                size = np.array([abs(mpf(a)) for a in arguments], dtype=object)
                moved = [np.asarray(np.dot(abs(p), size), dtype=object) for p in cleared]
                value, first, second = map(floats, moved)
                return Partials((floats(found[0]), *map(floats, cleared)), (value, first, second))
        digits *= 2


def floats(values: MPArray) -> Floats:
    return np.clip(values.astype(np.float64), -LARGEST, LARGEST)


def differences(f: Callable[..., mpf], at: tuple[mpf, ...], free: Any) -> tuple[list[MPArray], list[MPArray]]:
    """phi and its partials to third order by the free arguments, those by others being 0; and what rounding can make
    of each, by order.

    Steps are relative to an argument below 1, and not longer beyond it, where a sine still turns as fast; at 0 to the
    smallest of the others. Mixed partials by polarisation: from the derivatives along the sums and differences of two
    or three axes.
    """
    p, h = len(at), mpf(2) ** -STEP_BITS
    least = min((min(abs(a), mpf(1)) for a in at if a), default=mpf(1))
    scale = np.array([min(abs(a), mpf(1)) or least for a in at], dtype=object)
    value = f(*at)
    with mp.workdps(2 * mp.dps):
        lost = abs(value - f(*at))  # by cancellations in the definition
    sizes = [abs(value)]

    def along(direction: Any) -> tuple[mpf, mpf, mpf]:
        first, second, third, size = along_line(f, at, tuple(scale * direction), h)
        sizes.append(size)
        return first, second, third

    first, second, third = (np.full((p,) * order, mpf(0), dtype=object) for order in (1, 2, 3))
    axes = np.eye(p, dtype=int).astype(object)
    for i in free:
        first[i], second[i, i], third[i, i, i] = along(axes[i])
    for i, k in itertools.combinations(free, 2):
        (_, plus2, plus3), (_, minus2, minus3) = along(axes[i] + axes[k]), along(axes[i] - axes[k])
        second[i, k] = second[k, i] = (plus2 - minus2) / 4
        third[i, i, k] = third[i, k, i] = third[k, i, i] = ((plus3 - minus3) / 2 - third[k, k, k]) / 3
        third[i, k, k] = third[k, i, k] = third[k, k, i] = ((plus3 + minus3) / 2 - third[i, i, i]) / 3
    if len(free) == 3:
        mixed = (along(axes.sum(axis=0))[2] - third.sum()) / 6
        for order in itertools.permutations(range(3)):
            third[order] = mixed
    second[abs(second) <= abs(third).max(axis=2) * TRUNCATED] = mpf(0)
    first[abs(first) <= abs(third).max(axis=(1, 2)) * TRUNCATED] = mpf(0)
    found, noise = [np.array(value, dtype=object)], []
    lengths = np.array(1, dtype=object)
    rounding = 64 * (mp.eps * max(sizes) + lost)
    for k, partial in enumerate((first, second, third), start=1):
        lengths = np.multiply.outer(lengths, scale)
        found.append(partial / lengths)
        noise.append(np.divide(rounding / h**k, lengths))
    return found, noise
