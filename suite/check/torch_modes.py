"""Ways in which torch is asked for derivatives.

A mode stands alone: ask(function, x, weights, vectors), with x requiring gradients.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from gradlaws.suite.check.subject import Kind, Order
from gradlaws.suite.tracing.torch_gradient import is_once_differentiable, pulled

Tensors = Sequence[torch.Tensor]


def value(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    return list(function(*xs))


def value_by_vmap(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """Two points at once along the last axis, the second of them ours."""
    pairs = [torch.stack([x.detach() * 0.5, x.detach()], dim=-1) for x in xs]
    return [y[1] for y in torch.func.vmap(function, in_dims=-1, randomness="same")(*pairs)]


def by_grad(function: Any, xs: Tensors, ws: Tensors, vs: Tensors, among: Tensors = ()) -> Tensors:
    """``among``: all the function takes, where the others of them require no gradient."""
    ys = function(*(among or xs))
    reached = [(y, w) for y, w in zip(ys, ws, strict=True) if y.requires_grad]
    if not reached:
        return [torch.zeros_like(x) for x in xs]
    # What has no weight is left out altogether: its cotangent is absent then, not 0.
    reached = [(y, w) for y, w in reached if torch.any(w != 0)] or reached
    outputs, weights = zip(*reached, strict=True)
    return torch.autograd.grad(outputs, xs, weights, allow_unused=True, materialize_grads=True)


def by_backward(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    reached = [(y, w) for y, w in zip(function(*xs), ws, strict=True) if y.requires_grad]
    if reached:
        torch.autograd.backward(*zip(*reached, strict=True))  # type: ignore[arg-type]
    return [x.grad if x.grad is not None else torch.zeros_like(x) for x in xs]


def by_the_same_graph(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """The second of two gradients of one graph: a backward may have written into what it saved."""
    reached = [(y, w) for y, w in zip(function(*xs), ws, strict=True) if y.requires_grad]
    if not reached:
        return [torch.zeros_like(x) for x in xs]
    outputs, weights = zip(*reached, strict=True)
    torch.autograd.grad(outputs, xs, weights, allow_unused=True, retain_graph=True)
    return torch.autograd.grad(outputs, xs, weights, allow_unused=True, materialize_grads=True)


def after_another(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """Another call stands between this one and its backward, which is to know its own."""
    called = function(*xs)
    with contextlib.suppress(Exception):  # it need not be defined there
        function(*(x.detach() * 0.5 for x in xs))
    return by_grad(lambda *_: called, xs, ws, vs)


def by_vjp(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    plain = [x.detach() for x in xs]
    return list(torch.func.vjp(function, *plain)[1](tuple(ws)))


def by_vmap(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """Two points at once, the second of them ours."""
    pairs = [torch.stack([x.detach() * 0.5, x.detach()]) for x in xs]

    def pulled(*x: torch.Tensor) -> Any:
        return torch.func.vjp(function, *x)[1](tuple(ws))

    return [g[1] for g in torch.func.vmap(pulled, randomness="same")(*pairs)]


def by_checkpoint(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    return by_grad(lambda *x: checkpoint(function, *x, use_reentrant=False), xs, ws, vs)


def by_jvp(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    return list(torch.func.jvp(function, tuple(x.detach() for x in xs), tuple(vs))[1])


def by_jvp_of_each(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """J v as the sum of what each leaf alone contributes: the tangents of the others are absent."""
    plain = [x.detach() for x in xs]
    total: Tensors = []
    for k, (x, v) in enumerate(zip(plain, vs, strict=True)):
        before, after = plain[:k], plain[k + 1 :]

        def of_one(one: torch.Tensor, before: Tensors = before, after: Tensors = after) -> Any:
            return function(*before, one, *after)

        found = torch.func.jvp(of_one, (x,), (v,))[1]
        total = [a + b for a, b in zip(total, found, strict=True)] if total else list(found)
    return total


def twice_by_grad(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """Reverse over reverse."""
    return pulled(with_its_graph(function, xs, ws), xs, vs)


def with_its_graph(function: Any, xs: Tensors, ws: Tensors) -> Tensors:
    """The gradient, which may be differentiated again by the leaves and by its cotangents."""
    for w in ws:
        w.requires_grad_()  # else a once_differentiable backward leaves no trace of itself
    gradient = pulled(function(*xs), xs, ws)
    if any(map(is_once_differentiable, gradient)):
        raise RuntimeError("the backward is once_differentiable")
    return gradient


def jvp_of_vjp(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """Forward over reverse."""
    plain = tuple(x.detach() for x in xs)
    return list(torch.func.jvp(lambda *x: torch.func.vjp(function, *x)[1](tuple(ws)), plain, tuple(vs))[1])


def vjp_of_jvp(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """Reverse over forward."""
    plain = tuple(x.detach() for x in xs)
    return list(torch.func.vjp(lambda *x: torch.func.jvp(function, x, tuple(vs))[1], *plain)[1](tuple(ws)))


def by_cotangent(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """wᵀ J is linear in w: its derivative along v is J v. A backward that leaves torch loses it silently."""
    return pulled(with_its_graph(function, xs, ws), ws, vs)


def by_compile(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    return by_grad(torch.compile(function), xs, ws, vs)


MODES: dict[str, tuple[Order, Kind, Callable[..., Any]]] = {
    "eager": (0, "value", value),
    "value by func.vmap": (0, "value", value_by_vmap),
    "grad": (1, "gradient", by_grad),
    "the same graph again": (1, "gradient", by_the_same_graph),
    "after another call": (1, "gradient", after_another),
    "backward": (1, "gradient", by_backward),
    "func.vjp": (1, "gradient", by_vjp),
    "func.vmap": (1, "gradient", by_vmap),
    "checkpoint": (1, "gradient", by_checkpoint),
    "func.jvp": (1, "tangents", by_jvp),
    "func.jvp by each leaf": (1, "tangents", by_jvp_of_each),
    "grad of grad": (2, "product", twice_by_grad),
    "jvp of vjp": (2, "product", jvp_of_vjp),
    "vjp of jvp": (2, "product", vjp_of_jvp),
    "grad of grad by its cotangent": (2, "tangents", by_cotangent),
}
COMPILED: dict[str, tuple[Order, Kind, Callable[..., Any]]] = {"compile": (1, "gradient", by_compile)}


def strided(w: torch.Tensor) -> torch.Tensor:
    """Every second place; what stands between must not be read."""
    return torch.stack([w, torch.full_like(w, torch.nan)], dim=-1)[..., 0]


def transposed(w: torch.Tensor) -> torch.Tensor:
    return w.transpose(0, -1).contiguous().transpose(0, -1) if w.ndim > 1 else w


def expanded(w: torch.Tensor) -> torch.Tensor:
    """One number, at stride 0: what the gradient of a sum is."""
    return w.reshape(-1)[:1].reshape([1] * w.ndim).expand(w.shape) if w.numel() else w


def channels_last(w: torch.Tensor) -> torch.Tensor:
    return w.contiguous(memory_format=torch.channels_last) if w.ndim == 4 else w


def offset(w: torch.Tensor) -> torch.Tensor:
    """Behind others in their storage."""
    return torch.cat([torch.full((3,), torch.nan, dtype=w.dtype), w.reshape(-1)])[3:].reshape(w.shape)


LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "strided": strided, "transposed": transposed, "expanded": expanded, "channels last": channels_last,
    "at an offset": offset,
}  # fmt: skip
