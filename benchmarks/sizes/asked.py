"""One of the 19 programs, traced by a framework at a point, as RULE takes it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.sizes.points import ARGUMENTS, point
from gradlaws.suite.tracing.traced import Traced

NAMES = tuple(ARGUMENTS)
FRAMEWORKS = ("jax", "torch")
# With n² or more operations, or unrolled: the largest n that is asked.
MOST = {"tanhsoftmax": 1_000, "siluf": 1_000, "lse": 1_000, "cholesky": 4_096, "solve": 4_096, "lstm": 100_000,
        "attention": 100_000, "logit": 100_000}  # fmt: skip


def flat_function(framework: str, name: str, n: int, seed: int) -> tuple[Callable[..., Any], list[Any]]:
    """A program as a function of the arrays that are differentiated, and these."""
    programs: ModuleType = importlib.import_module(f"benchmarks.sizes.{framework}_programs")
    arguments = point(name, n, np.random.default_rng(seed))
    flatten, unflatten, entered = _trees(framework)
    leaves, tree = flatten(arguments[0])

    def function(*x: Any) -> Any:
        # Constants take the type of the arrays, as a program in float32 has no others.
        rest = [entered(y, dtype=x[0].dtype if y.dtype.kind == "f" else None) for y in arguments[1:]]
        return programs.PROGRAMS[name](unflatten(tree, list(x)), *rest)

    return function, leaves


def _trees(framework: str) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    if framework == "jax":
        import jax

        return jax.tree.flatten, jax.tree.unflatten, np.asarray
    import torch
    from torch.utils._pytree import tree_flatten, tree_unflatten

    return tree_flatten, lambda tree, leaves: tree_unflatten(leaves, tree), torch.as_tensor


def traced(framework: str, name: str, n: int, seed: int, dtype: str = "float64") -> Traced:
    tracing = importlib.import_module(f"gradlaws.suite.tracing.of_{framework}")
    function, leaves = flat_function(framework, name, n, seed)
    found: Traced = tracing.derivatives(function, *leaves, dtype=dtype)
    return found
