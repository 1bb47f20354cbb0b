"""What numpy_quaddtype gets wrong, for a report upstream: needs NumPy and the package alone.

    python -m benchmarks.quaddtype_faults

Each line is one fault: what was asked, what came, what is right. All were seen in 1.0.0.

Exit status: 0 there is none, 1 there are some, 2 the package is not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Fault = tuple[str, Any, Any]  # what was asked, what came, what is right
A = np.arange(12.0).reshape(3, 4)
B = np.arange(20.0).reshape(4, 5)
STACK = np.arange(24.0).reshape(2, 3, 4)


def quad(values: Any) -> Any:
    from numpy_quaddtype import QuadPrecDType

    return np.asarray(values, dtype=np.float64).astype(QuadPrecDType())


def attempt(call: Callable[[], Any]) -> Any:
    """As float64, or the error's name and text."""
    try:
        return np.asarray(call()).astype(np.float64)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def products() -> Iterator[Fault]:
    a, b, stack = quad(A), quad(B), quad(STACK)
    yield "A.T @ A", attempt(lambda: a.T @ a), A.T @ A
    yield "A @ A.T", attempt(lambda: a @ a.T), A @ A.T
    yield "A[:, ::2] @ B[::2]", attempt(lambda: a[:, ::2] @ b[::2]), A[:, ::2] @ B[::2]
    yield "A.T @ v", attempt(lambda: a.T @ a[:, 0]), A.T @ A[:, 0]
    yield "a stack @ a matrix", attempt(lambda: stack @ b), STACK @ B
    yield "einsum('ij,jk->ik')", attempt(lambda: np.einsum("ij,jk->ik", a, b)), A @ B


def conversions() -> Iterator[Fault]:
    one = quad(1.0)
    beside = one + quad(2.0**-53) + quad(2.0**-112)
    yield "float64(1 + 2^-53 + 2^-112), above a tie", attempt(lambda: beside), 1 + 2.0**-52
    beside = one + quad(2.0**-24) + quad(2.0**-60)
    yield "float32(1 + 2^-24 + 2^-60), above a tie", attempt(lambda: beside.astype(np.float32)), 1 + 2.0**-23
    wide = np.longdouble(1) + np.finfo(np.longdouble).eps
    yield "quad(long double 1 + eps) - 1", attempt(lambda: np.array([wide]).astype(one.dtype) - one), [float(wide - 1)]


def functions() -> Iterator[Fault]:
    huge = quad([2.0**1000]) ** 15
    root = np.cbrt(huge)
    yield "|cbrt(2^15000) / 2^5000 - 1| < 1e-32", bool(np.all(np.abs(root / quad(2.0**1000) ** 5 - 1) < 1e-32)), True
    yield "remainder(-0.0, inf)", attempt(lambda: np.remainder(quad([-0.0]), quad([np.inf]))), [0.0]
    yield "ldexp(1, [1, 2])", attempt(lambda: np.ldexp(quad([1.0, 1.0]), np.array([1, 2]))), [2.0, 4.0]
    yield "clip([1, 2, 3], 1, 2)", attempt(lambda: np.clip(quad([1.0, 2.0, 3.0]), 1, 2)), [1.0, 2.0, 2.0]


def reductions() -> Iterator[Fault]:
    nan = quad([[0.0, np.nan, 2.0]])
    yield "argmax([0, nan, 2]) as NumPy's, along an axis", attempt(lambda: np.argmax(nan, axis=1)), [1.0]
    yield "sum of none", attempt(lambda: quad([]).sum()), 0.0
    yield "prod of none", attempt(lambda: quad([]).prod()), 1.0
    yield "all of a matrix", attempt(lambda: np.all(quad(A))), 0.0


def others() -> Iterator[Fault]:
    yield "print([1e4800, 3e4800])", text(quad([1e300]) ** 16 * quad([1.0, 3.0])), "an array's text"


def text(array: Any) -> str:
    try:
        str(array)
    except ValueError as error:
        return f"ValueError: {error}"
    return "an array's text"


def faults() -> list[Fault]:
    """All that are wrong here. Raises ImportError where the package is not installed."""
    groups = (products, conversions, functions, reductions, others)
    with np.errstate(all="ignore"):
        return [fault for group in groups for fault in group() if not np.array_equal(fault[1], fault[2])]


def main() -> int:
    try:
        found = faults()
    except ImportError as error:
        print(f"numpy_quaddtype is not installed: {error}")
        return 2
    for asked, came, right in found:
        print(f"{asked}: {' '.join(str(came).split())}; right is {' '.join(str(right).split())}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
