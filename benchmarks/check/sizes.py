"""Seconds of processor time of one call, beside gradcheck + gradgradcheck and check_grads, at sizes of one program.

A gated block with a normalisation, with as many outputs as inputs; default modes, first and second order, the second
call of each size. What jax spends in its compiler is taken off both.
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


class Clock:
    """Seconds of processor time, less those in jax's compiler."""

    def __init__(self, framework: str) -> None:
        self.compiled = 0.0
        if framework == "jax":
            import jax

            jax.monitoring.register_event_duration_secs_listener(self._heard)
        self.started = time.process_time()

    def _heard(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        del kwargs
        if event.endswith("backend_compile_duration"):
            self.compiled += duration_secs

    @property
    def seconds(self) -> float:
        return time.process_time() - self.started - self.compiled


def ours(framework: str, n: int) -> tuple[str, float]:
    function, args = call(framework, n)
    gradlaws.check(function, *args, raises=False)
    clock = Clock(framework)
    report = gradlaws.check(function, *args, raises=False)
    return report.verdict, clock.seconds


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
    clock = Clock(framework)
    try:
        of_torch(function, args, {}, True) if framework == "torch" else of_jax(function, args, {})
        verdict = "passes"
    except Exception:
        verdict = "fails"
    print(verdict, clock.seconds)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
