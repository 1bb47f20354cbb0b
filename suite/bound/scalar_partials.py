"""The partials of a scalar function to third order, by differences in mpmath: what the bound needs of a primitive."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.suite.bound.taylor import Coefficients

PARTIAL_DIGITS, PARTIAL_STEP = 50, 33  # third differences are good to about 20 digits; the bound needs two


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


@lru_cache(100_000)
def scalar_partials(f: Callable[..., Any], *arguments: float) -> Coefficients:
    """(phi, its p, p^2 and p^3 partial derivatives) at float arguments, p = len(arguments) being 1, 2 or 3.

    Steps are relative to an argument below 1, and not longer beyond it, where a sine still turns as fast. Mixed
    partials by polarisation: from the derivatives along the sums and differences of two or three axes. Raises
    DomainError where phi is not real.
    """
    # A third difference along a tiny argument is swamped by the value unless the digits reach that far.
    reach = [math.log10(abs(a)) for a in arguments if a] + [0.0]
    p = len(arguments)
    with mp.workdps(PARTIAL_DIGITS + 3 * math.ceil(max(reach) - min(reach))):
        at = tuple(mpf(a) for a in arguments)
        h = mpf(2) ** -PARTIAL_STEP
        scale = np.array([min(abs(a), mpf(1)) or mpf(1) for a in at], dtype=object)

        sizes = [mpf(0)]
        value = f(*at)
        if not isinstance(value, mpf):
            raise DomainError(f"the value {value} is not real")

        def along(direction: Any) -> tuple[mpf, mpf, mpf]:
            first, second, third, size = along_line(f, at, tuple(scale * direction), h)
            sizes.append(size)
            return first, second, third

        first, second, third = (np.full((p,) * order, mpf(0), dtype=object) for order in (1, 2, 3))
        axes = np.eye(p, dtype=int).astype(object)
        for i in range(p):
            first[i], second[i, i], third[i, i, i] = along(axes[i])
        for i, k in itertools.combinations(range(p), 2):
            (_, plus2, plus3), (_, minus2, minus3) = along(axes[i] + axes[k]), along(axes[i] - axes[k])
            second[i, k] = second[k, i] = (plus2 - minus2) / 4
            third[i, i, k] = third[i, k, i] = third[k, i, i] = ((plus3 - minus3) / 2 - third[k, k, k]) / 3
            third[i, k, k] = third[k, i, k] = third[k, k, i] = ((plus3 + minus3) / 2 - third[i, i, i]) / 3
        if p == 3:
            mixed = (along(axes.sum(axis=0))[2] - third.sum()) / 6
            for order in itertools.permutations(range(3)):
                third[order] = mixed
        for k, partial in enumerate((first, second, third), start=1):
            # What rounding alone can make of a partial that is 0.
            partial[abs(partial) <= 64 * mp.eps * max(sizes) / h**k] = mpf(0)
        partials = (
            np.array(value, dtype=object),
            first / scale,
            second / np.multiply.outer(scale, scale),
            third / np.multiply.outer(scale, np.multiply.outer(scale, scale)),
        )
        return tuple(c.astype(np.float64) for c in partials)
