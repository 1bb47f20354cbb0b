"""Whether quad arithmetic can be used here: it is asked for its known faults before anything rests on it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.suite.arithmetic.quad import QUAD

PACKAGE = "numpy_quaddtype"
BITS = 113
NEAR = mpf(2) ** -(BITS - 3)  # four units in the last place


@cache
def usable() -> str | None:
    """None if it can; else one line that says why not. In milliseconds, once in a process."""
    try:
        QUAD.zeros(1)
    except (ImportError, AttributeError, RuntimeError) as error:  # as compiled modules of another NumPy raise them
        return f"no quad arithmetic: {PACKAGE} wants NumPy ≥ 2.4: pip install 'gradlaws[quad]' ({first_line(error)})"
    wrong = ", ".join(name for name, right in checks().items() if not right)
    return f"no quad arithmetic: {PACKAGE} {version(PACKAGE)} has a wrong {wrong}" if wrong else None


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def checks() -> dict[str, bool]:
    """What all else rests on, by name: the bits, arithmetic in each order of memory, a product, a function."""
    with mp.workprec(4 * BITS):
        third = QUAD.from_mp(np.array([[mpf(1) / 3, mpf(-2) / 7, mpf(5)], [mpf(1) / 11, mpf(2) ** -8000, mpf(3) / 13]]))
        exact, turned = QUAD.to_mp(third), third.T[::-1]
        return {
            "order of bits": QUAD.asarray(-1.5).tobytes() == (0xBFFF8 << 108).to_bytes(16, "little"),
            "rounding to float64": bool(QUAD.to_float64(third)[0, 0] == 1 / 3),
            "sum": near(third.T + turned, exact.T + exact.T[::-1]),
            "product": near(third.T * turned, exact.T * exact.T[::-1]),
            "quotient": near(third.T / turned, exact.T / exact.T[::-1]),
            "reduction": near(third.T.sum(axis=1), exact.sum(axis=0)),
            "comparison": bool(np.array_equal(np.less(third.T, turned), np.less(exact.T, exact.T[::-1]))),
            "matrix product": near(QUAD.matmul(third, turned), exact @ exact.T[::-1]),
            "exponential": near(QUAD.exp(third), np.frompyfunc(mp.exp, 1, 1)(exact)),
        }


def near(quad: Any, exact: Any) -> bool:
    difference = np.abs(QUAD.to_mp(np.asarray(quad)) - exact)
    return bool(np.all(difference <= NEAR * np.abs(exact)))
