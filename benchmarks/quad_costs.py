"""What quad arithmetic costs: nanoseconds for an entry, beside those of mpmath at 60 digits.

    python -m benchmarks.quad_costs

Processor time of functions over 2^14 entries in (0.1, 0.9), the median of 5 calls, on one core; of mpmath over 200 of
them. Those that quad has through mpmath, entry by entry, are asked for 500, each of them once. A product of matrices is
told by the entry of n^3.

Exit status: 0, or 2 where quad cannot be used.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.suite.arithmetic import by_entry, special_entries
from gradlaws.suite.arithmetic.quad import QUAD
from gradlaws.suite.arithmetic.self_test import usable
from gradlaws.suite.arithmetic.splitting import by_terms

ENTRIES, THROUGH_MPMATH, OF_MPMATH = 2**14, 500, 200
REPEATS = 5
MPMATH: dict[str, Callable[..., Any]] = {
    "exp": mp.exp, "exp2": lambda x: mpf(2) ** x, "expm1": mp.expm1, "log": mp.log, "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10, "log1p": mp.log1p, "sqrt": mp.sqrt, "rsqrt": lambda x: 1 / mp.sqrt(x), "cbrt": mp.cbrt,
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "asin": mp.asin, "acos": mp.acos, "atan": mp.atan, "sinh": mp.sinh,
    "cosh": mp.cosh, "tanh": mp.tanh, "asinh": mp.asinh, "atanh": mp.atanh, "rint": mp.nint, "floor": mp.floor,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "erf": mp.erf, "erfc": mp.erfc, "erfinv": mp.erfinv,
    "ndtri": lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), "lgamma": mp.loggamma, "digamma": mp.digamma,
    "trigamma": lambda x: mp.psi(1, x), "gamma": mp.gamma, "bessel_i0": lambda x: mp.besseli(0, x),
    "bessel_i1": lambda x: mp.besseli(1, x), "bessel_i0e": lambda x: mp.besseli(0, x) * mp.exp(-x),
    "bessel_i1e": lambda x: mp.besseli(1, x) * mp.exp(-x), "bessel_j0": mp.j0, "bessel_j1": mp.j1,
}  # fmt: skip
MPMATH_OF_TWO: dict[str, Callable[..., Any]] = {
    "pow": mp.power, "hypot": mp.hypot, "atan2": mp.atan2, "maximum": max, "xlogy": lambda x, y: x * mp.log(y),
    "igamma": lambda a, x: mp.gammainc(a, 0, x, regularized=True), "beta": mp.beta,
    "igammac": lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True),
    "betaln": lambda a, b: mp.log(mp.beta(a, b)), "zeta": lambda s, q: mp.zeta(1 + s, q),
}  # fmt: skip
SIZES = (4, 16, 64, 256)


def nanoseconds(call: Callable[[], object], entries: int, repeats: int = REPEATS) -> float:
    """For each entry."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return 1e9 * median(seconds) / entries


def in_quad(name: str, arguments: int) -> float:
    slow = getattr(QUAD, name).__module__ in (by_entry.__name__, special_entries.__name__)
    entries = THROUGH_MPMATH if slow else ENTRIES
    uniform = QUAD.asarray(np.random.default_rng(0).uniform(0.1, 0.9, (arguments, entries)))
    values = [uniform[0] + 1 if name == "zeta" else uniform[0], *uniform[1:]]
    if not slow:
        getattr(QUAD, name)(*values)  # which may build tables
    return nanoseconds(lambda: getattr(QUAD, name)(*values), entries, 1 if slow else REPEATS)


def in_mpmath(function: Callable[..., Any], arguments: int) -> float:
    rng = np.random.default_rng(0)
    rows = [[mpf(float(x)) for x in row] for row in rng.uniform(0.1, 0.9, (OF_MPMATH, arguments))]
    with mp.workdps(60):
        return nanoseconds(lambda: [function(*row) for row in rows], OF_MPMATH, 1)


def product(n: int) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    a, b = (QUAD.asarray(rng.standard_normal((n, n))).T for _ in range(2))
    return nanoseconds(lambda: QUAD.matmul(a, b), n**3, 3), nanoseconds(lambda: by_terms(a, b), n**3, 1)


def main() -> int:
    if (reason := usable()) is not None:
        print(reason)
        return 2
    x = QUAD.asarray(np.random.default_rng(0).uniform(0.1, 0.9, ENTRIES))
    pairs = {
        "x + x": lambda: x + x,
        "x * x": lambda: x * x,
        "x / x": lambda: x / x,
        "to_float64": lambda: QUAD.to_float64(x),
    }
    for name, call in pairs.items():
        print(f"{name:12} {nanoseconds(call, ENTRIES):8.0f} ns")
    print(f"{'':12} {'quad':>8}    {'mpmath':>8}")
    for table, arguments in ((MPMATH, 1), (MPMATH_OF_TWO, 2)):
        for name, function in table.items():
            print(f"{name:12} {in_quad(name, arguments):8.0f} ns {in_mpmath(function, arguments):8.0f} ns", flush=True)
    print(f"{'':12} {'matmul':>8}    {'by terms':>8}")
    for n in SIZES:
        ours, terms = product(n)
        print(f"{f'{n} × {n}':12} {ours:8.1f} ns {terms:8.1f} ns", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
