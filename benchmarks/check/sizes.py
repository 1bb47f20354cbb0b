"""Seconds of processor time of one call, beside gradcheck + gradgradcheck and check_grads, at sizes of one program.

A gated block with a normalisation, sum-free: outputs as many as inputs. Default modes, first and second order; the
first call of each size is not counted (it compiles).
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np

import gradlaws

SIZES = (8, 1_000, 100_000)
DUE = {8: 0.15, 1_000: 1.0, 100_000: 8.0}  # seconds
LIMIT = 60.0


def program(xp: Any, sigmoid: Any) -> Any:
    def block(x: Any, weight: Any) -> Any:
        centred = x - x.mean(-1)[..., None]
        scaled = centred / xp.sqrt((centred * centred).mean(-1)[..., None] + 1e-5)
        return scaled * weight * sigmoid(x)

    return block


def call(framework: str, n: int) -> tuple[Any, tuple[Any, Any]]:
    random = np.random.default_rng(0)
    features = min(n, 50)
    x, weight = random.standard_normal((n // features, features)), 1 + 0.1 * random.standard_normal(features)
    if framework == "torch":
        import torch

        return program(torch, torch.sigmoid), (torch.tensor(x), torch.tensor(weight))
    import jax

    jax.config.update("jax_enable_x64", True)
    return program(jax.numpy, jax.nn.sigmoid), (jax.numpy.asarray(x), jax.numpy.asarray(weight))


def ours(framework: str, n: int) -> tuple[str, float]:
    function, args = call(framework, n)
    for _ in range(2):
        started = time.process_time()
        report = gradlaws.check(function, *args, raises=False)
        seconds = time.process_time() - started
    return report.verdict, seconds


def theirs(framework: str, n: int) -> tuple[str, float]:
    """Of a process of its own, without the seconds of importing."""
    command = [sys.executable, "-m", "benchmarks.check.sizes", framework, str(n)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return "too slow", LIMIT
    words = done.stdout.split()
    return (words[0], float(words[1])) if len(words) == 2 else ("cannot run", 0.0)


def main(framework: str, n: int) -> None:
    from benchmarks.check.theirs import of_jax, of_torch

    function, args = call(framework, n)
    started = time.process_time()
    try:
        of_torch(function, args, {}, True) if framework == "torch" else of_jax(function, args, {})
        verdict = "passes"
    except Exception:
        verdict = "fails"
    print(verdict, time.process_time() - started)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
