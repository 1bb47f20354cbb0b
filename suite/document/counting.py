"""Counts of operations, never seconds: XLA's cost analysis, torch's dispatched operations, and what they produce."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from gradlaws.suite.backends.backend import Backend


def operations(backend: Backend, f: Callable[..., Any], *arguments: Any) -> float:
    """How many scalar operations one call takes: flops and transcendentals of the compiled XLA program, or what
    PyTorch's dispatched operations do. Raises KeyError for another backend."""
    return {"jax": xla_operations, "torch": torch_operations}[backend.name](f, *arguments)


def xla_operations(f: Callable[..., Any], *arguments: Any) -> float:
    import jax

    cost: Any = jax.jit(f).lower(*arguments).compile().cost_analysis()
    return float(cost.get("flops", 0.0)) + float(cost.get("transcendentals", 0.0))


def torch_operations(f: Callable[..., Any], *arguments: Any) -> float:
    return sum(size for _, size in dispatched(f, *arguments))


def dispatched(f: Callable[..., Any], *arguments: Any) -> list[tuple[str, float]]:
    """PyTorch's operations in one call, each with the scalar operations that it takes; views take none."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    found: list[tuple[str, float]] = []

    class Log(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            if not func.is_view:
                tensors = [t for t in (*args, out) if isinstance(t, torch.Tensor)]
                found.append((str(func), float(max((t.numel() for t in tensors), default=0))))
            return out

    log: Any = Log
    with FlopCounterMode(display=False) as contractions, log():
        f(*arguments)
    return [*found, ("contractions", float(contractions.get_total_flops()))]


def largest(backend: Backend, f: Callable[..., Any], *arguments: Any) -> float:
    """Entries of the largest array that one call makes."""
    if backend.name == "torch":
        return max(size for name, size in dispatched(f, *arguments) if name != "contractions")
    import jax

    return float(
        max(math.prod(v.aval.shape) for e in equations(jax.make_jaxpr(f)(*arguments).jaxpr) for v in e.outvars)
    )


def equations(jaxpr: Any) -> list[Any]:
    """All of a jaxpr's equations, those of inner ones too."""
    found = []
    for equation in jaxpr.eqns:
        found.append(equation)
        for inner in equation.params.values():
            for one in inner if isinstance(inner, Sequence) else [inner]:
                if hasattr(one, "eqns") or hasattr(one, "jaxpr"):
                    found += equations(getattr(one, "jaxpr", one))
    return found


def backward_nodes(output: Any) -> int:
    """How many nodes PyTorch's backward graph has."""
    seen: set[Any] = set()
    left = [output.grad_fn]
    while left:
        node = left.pop()
        if node is not None and node not in seen:
            seen.add(node)
            left += [following for following, _ in node.next_functions]
    return len(seen)
