"""A rule of the framework's, off in one leaf: the function as it is, its gradient times 1 + relative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Function = Callable[..., Any]


def spoilt(framework: str, function: Function, point: Sequence[Any], relative: float) -> Function | None:
    """In the first leaf whose gradient is finite and not 0; None where there is none."""
    made, gradient = {"torch": (_in_torch, _by_torch), "jax": (_in_jax, _by_jax)}[framework]
    for leaf, g in enumerate(gradient(function, point)):
        if g.size and np.all(np.isfinite(g)) and np.any(g):
            return made(function, leaf, 1 + relative)
    return None


def _uneven(shape: Sequence[int]) -> Any:
    return 1 + np.arange(np.prod(shape)).reshape(shape) % 3


def _by_torch(function: Function, point: Sequence[Any]) -> list[Any]:
    import torch

    xs = [x.clone().requires_grad_() for x in point]
    try:
        y = function(*xs)
    except RuntimeError:  # a loss that refuses to be differentiated by its targets
        return []
    if not y.requires_grad:
        return []
    found = torch.autograd.grad(
        y, xs, torch.as_tensor(_uneven(y.shape), dtype=y.dtype), allow_unused=True, materialize_grads=True
    )
    return [np.asarray(g.double()) for g in found]


def _by_jax(function: Function, point: Sequence[Any]) -> list[Any]:
    import jax

    y, pull = jax.vjp(function, *point)
    return [np.asarray(g, dtype=np.float64) for g in pull(jax.numpy.asarray(_uneven(y.shape), dtype=y.dtype))]


def _in_torch(function: Function, leaf: int, factor: float) -> Function:
    import torch

    class Spoilt(torch.autograd.Function):
        @staticmethod
        def forward(*xs: Any) -> Any:
            return function(*xs)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, w: Any) -> Any:
            gradient = torch.func.vjp(function, *ctx.saved_tensors)[1](w)
            return tuple(g * factor if k == leaf else g for k, g in enumerate(gradient))

    return Spoilt.apply


def _in_jax(function: Function, leaf: int, factor: float) -> Function:
    import jax

    def pulled(xs: Any, w: Any) -> Any:
        gradient = jax.vjp(function, *xs)[1](w)
        return tuple(g * factor if k == leaf else g for k, g in enumerate(gradient))

    wrong = jax.custom_vjp(function)
    wrong.defvjp(lambda *xs: (function(*xs), xs), pulled)
    return lambda *xs: wrong(*xs)
