"""Beside gradcheck and gradgradcheck: the largest n that they bear in a minute, their seconds, what they see."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.sizes import asked
from gradlaws.suite.arithmetic.quad import QUAD
from gradlaws.suite.rule.rule import agreements
from gradlaws.suite.tracing.traced import Traced

PATIENCE = 60.0
NAMES = ("chain", "mlp", "lnblock", "xent")
SMALL = 10  # n at which faults are planted
FACTORS = [10.0**-k for k in range(1, 16)]


def table(names: Sequence[str], seed: int) -> list[dict[str, Any]]:
    rows = []
    print(f"{'program':10} {'n':>7} {'gradcheck s':>11} {'ours s':>8} {'gradcheck sees':>15} {'RULE sees':>10}")
    for name in names:
        n, seconds = largest(name, seed)
        start = time.process_time()
        agreements(asked.traced("torch", name, n, seed), np.random.default_rng(seed), QUAD)
        ours = time.process_time() - start
        theirs, seen = smallest(refused, name, seed), smallest(wrong, name, seed)
        rows.append({"program": name, "n": n, "gradcheck_seconds": seconds, "rule_seconds": ours,
                     "gradcheck_sees": theirs, "rule_sees": seen})  # fmt: skip
        print(f"{name:10} {n:>7,} {seconds:11.1f} {ours:8.2f} {theirs or 0:15.0e} {seen or 0:10.0e}", flush=True)
    return rows


def smallest(sees: Callable[[str, int, int, float], bool], name: str, seed: int) -> float | None:
    """The smallest power of ten of which the checker sees a gradient times 1 + it, and all larger ones."""
    found = None
    for factor in FACTORS:
        if not sees(name, SMALL, seed, factor):
            break
        found = factor
    return found


def scaled(function: Callable[..., Any], factor: float) -> Callable[..., Any]:
    """The function, with a gradient that is too large by a factor."""
    import torch

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, y: Any) -> Any:
            return y.clone()

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return grads[0] * (1 + factor)

    return lambda *x: Scaled.apply(function(*x))  # type: ignore[no-untyped-call]


def refused(name: str, n: int, seed: int, factor: float) -> bool:
    import torch

    function, leaves = asked.flat_function("torch", name, n, seed)
    inputs = [torch.as_tensor(x, dtype=torch.float64).requires_grad_() for x in leaves]
    checked = scaled(function, factor) if factor else function
    return not (
        torch.autograd.gradcheck(checked, inputs, raise_exception=False)
        and torch.autograd.gradgradcheck(checked, inputs, raise_exception=False)
    )


def wrong(name: str, n: int, seed: int, factor: float) -> bool:
    from gradlaws.suite.tracing import of_torch

    function, leaves = asked.flat_function("torch", name, n, seed)
    traced: Traced = of_torch.derivatives(scaled(function, factor), *leaves)
    return any(a.verdict == "wrong" for a in agreements(traced, np.random.default_rng(seed), QUAD))


def largest(name: str, seed: int) -> tuple[int, float]:
    """The largest of 10, 20, 40 … at which both are done in a minute, and how long they take."""
    n, found = 10, (10, 0.0)
    while True:
        start = time.process_time()
        refused(name, n, seed, 0.0)
        seconds = time.process_time() - start
        if seconds > PATIENCE:
            return found
        found = (n, seconds)
        if seconds * 4 > PATIENCE:  # it grows at least with n²
            return found
        n *= 2
