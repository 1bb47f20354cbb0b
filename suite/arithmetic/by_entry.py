"""Functions of quad arrays entry by entry in mpmath, where quad has none of its own: 10 to 1000 times as slow.

Each is evaluated to 170 bits, 57 more than are kept, and its last results are remembered by the arguments' bits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import REFUSALS
from gradlaws.suite.arithmetic.quad_numbers import NAN, QuadArray, asarray, decoded, encoded, from_integers, integers

BITS = 170
REMEMBERED = 2**16  # results of each function
Function = Callable[..., Any]


def by_entry(function: Function) -> Callable[..., QuadArray]:
    """Of arrays, broadcast: the function of mpf. NaN where an argument is NaN, and where there is no real value."""

    @lru_cache(REMEMBERED)
    def of_bits(*arguments: int) -> int:
        numbers = [decoded(bits) for bits in arguments]
        if any(map(mp.isnan, numbers)):
            return NAN
        with mp.workprec(BITS):
            try:
                value = function(*numbers)
            except REFUSALS:
                return NAN
        return encoded(value) if isinstance(value, (mpf, int)) else NAN

    def of_arrays(*arguments: Any) -> QuadArray:
        arrays = np.broadcast_arrays(*map(asarray, arguments))
        return from_integers(map(of_bits, *map(integers, arrays)), arrays[0].shape)

    of_arrays.__doc__ = function.__doc__
    return of_arrays


def precisely(function: Function, *arguments: mpf) -> mpf:
    """At twice the digits until two agree to ``BITS`` of them: for sums that cancel. Raises ValueError if none do."""
    bits, value = BITS, function(*arguments)
    while bits < 2**15:
        bits *= 2
        with mp.workprec(bits):
            rough, value = value, function(*arguments)
        if rough == value or abs(rough - value) <= abs(value) * mpf(2) ** -(BITS - 20):
            return value
    raise ValueError("no two precisions agree")
