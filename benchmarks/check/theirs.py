"""What the frameworks' own checkers say of a case, in a process of its own, since they may take long.

torch.autograd.gradcheck, and gradgradcheck for what is asked to second order, with their defaults, in float64;
jax.test_util.check_grads to second order in reverse mode, since its default asks forward mode of what has none.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.check.cases import Case, cases

LIMIT = 60.0  # seconds


def said(path: Path, name: str, limit: float = LIMIT) -> tuple[str, float]:
    """ "passes", "fails" or "too slow", and the seconds of the whole process's asking."""
    command = [sys.executable, "-m", "benchmarks.check.theirs", str(path), name]
    started = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return "too slow", time.perf_counter() - started
    words = done.stdout.split()
    return (words[0], float(words[1])) if len(words) == 2 else ("cannot run", time.perf_counter() - started)


def asked(case: Case) -> Callable[[], Any]:
    function, args, kwargs = case.make()
    second = 2 in (case.order, case.fault_order)
    if case.operation.startswith("torch_"):
        return lambda: of_torch(function, args, kwargs, second)
    return lambda: of_jax(function, args, kwargs)


def of_torch(function: Any, args: Sequence[Any], kwargs: dict[str, Any], second: bool) -> None:
    import torch

    parameters: dict[str, Any] = {}
    if isinstance(function, torch.nn.Module):
        function.double()
        parameters = {n: p for n, p in function.named_parameters() if p.requires_grad}
    given = [x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in args]
    places = [k for k, x in enumerate(given) if isinstance(x, torch.Tensor) and x.is_floating_point()]

    def call(*leaves: Any) -> Any:
        filled = list(given)
        for k, leaf in zip(places, leaves, strict=False):
            filled[k] = leaf
        if not parameters:
            return function(*filled, **kwargs)
        own = dict(zip(parameters, leaves[len(places) :], strict=True))
        return torch.func.functional_call(function, own, tuple(filled), kwargs)

    leaves = [x.detach().clone().requires_grad_() for x in [*(given[k] for k in places), *parameters.values()]]
    torch.autograd.gradcheck(call, leaves)
    if second:
        torch.autograd.gradgradcheck(call, leaves)


def of_jax(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    import jax
    from jax.test_util import check_grads

    flat, tree = jax.tree.flatten(tuple(args))
    flat = [x.astype("float64") if is_float(x) else x for x in flat]
    places = [k for k, x in enumerate(flat) if is_float(x)]

    def call(*leaves: Any) -> Any:
        filled = list(flat)
        for k, leaf in zip(places, leaves, strict=True):
            filled[k] = leaf
        return [y for y in jax.tree.leaves(function(*jax.tree.unflatten(tree, filled), **kwargs)) if is_float(y)]

    np.random.seed(0)  # noqa: NPY002  check_grads draws from the global generator
    check_grads(call, [flat[k] for k in places], order=2, modes=["rev"])


def is_float(x: Any) -> bool:
    return hasattr(x, "dtype") and np.issubdtype(x.dtype, np.floating)


def main(path: Path, name: str) -> None:
    (case,) = [case for case in cases(path) if case.name == name]
    ask = asked(case)
    started = time.perf_counter()
    try:
        ask()
        verdict = "passes"
    except Exception:
        verdict = "fails"
    print(verdict, time.perf_counter() - started)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
