"""PyTorch's control flow, custom rules and hooks around a function of scalar value, whose derivatives they leave alone.

Reproducers print them.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.utils.checkpoint

from gradlaws.suite.backends.torch_backend import BACKEND


@BACKEND.wrapper
def checkpoint(f: Any) -> Any:
    return lambda *x: torch.utils.checkpoint.checkpoint(f, *x, use_reentrant=False)


@BACKEND.wrapper
def reentrant_checkpoint(f: Any) -> Any:
    return lambda *x: torch.utils.checkpoint.checkpoint(f, *x, use_reentrant=True)


@BACKEND.wrapper
def nested_checkpoint(f: Any) -> Any:
    def inner(*x: Any) -> Any:
        return torch.utils.checkpoint.checkpoint(f, *x, use_reentrant=False)

    return lambda *x: torch.utils.checkpoint.checkpoint(inner, *x, use_reentrant=False)


@BACKEND.wrapper
def selective_checkpoint(f: Any) -> Any:
    def kept() -> Any:
        return torch.utils.checkpoint.create_selective_checkpoint_contexts([torch.ops.aten.mul.Tensor])

    return lambda *x: torch.utils.checkpoint.checkpoint(f, *x, use_reentrant=False, context_fn=kept)


@BACKEND.wrapper
def function(f: Any) -> Any:
    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *x: Any) -> Any:
            ctx.save_for_backward(*x)
            return f(*x)

        @staticmethod
        def backward(ctx: Any, u: Any) -> Any:
            return torch.func.vjp(f, *ctx.saved_tensors)[1](u)

    return Wrapped.apply


@BACKEND.wrapper
def function_with_a_generated_vmap(f: Any) -> Any:
    class Wrapped(torch.autograd.Function):
        generate_vmap_rule = True
        forward = staticmethod(f)
        setup_context = staticmethod(lambda c, x, y: c.save_for_backward(*x) or c.save_for_forward(*x))  # type: ignore[assignment]
        backward = staticmethod(lambda ctx, u: torch.func.vjp(f, *ctx.saved_tensors)[1](u))
        jvp = staticmethod(lambda ctx, *t: torch.func.jvp(f, ctx.saved_tensors, t)[1])

    return Wrapped.apply


@BACKEND.wrapper
def function_with_its_own_vmap(f: Any) -> Any:
    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(*x: Any) -> Any:
            return f(*x)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, u: Any) -> Any:
            return torch.func.vjp(f, *ctx.saved_tensors)[1](u)

        @staticmethod
        def vmap(info: Any, in_dims: Any, *x: Any) -> Any:
            return torch.func.vmap(f, in_dims)(*x), 0

    return Wrapped.apply


@BACKEND.wrapper
def tensor_hooks(f: Any) -> Any:
    def hooked(a: Any) -> Any:
        if a.requires_grad:
            a.register_hook(lambda u: u.clone())
        return a

    return lambda *x: hooked(f(*[hooked(a.clone()) for a in x]))


@BACKEND.wrapper
def module_hooks(f: Any) -> Any:
    class Wrapped(torch.nn.Module):
        def forward(self, *x: Any) -> Any:
            return f(*x)

    module = Wrapped()
    module.register_forward_hook(lambda module, x, y: y.clone())
    module.register_full_backward_pre_hook(lambda module, u: u)
    module.register_full_backward_hook(lambda module, of_inputs, u: of_inputs)
    return module


@BACKEND.wrapper
def saved_tensors_hooks(f: Any) -> Any:
    def wrapped(*x: Any) -> Any:
        with torch.autograd.graph.saved_tensors_hooks(lambda a: a.clone(), lambda a: a):
            return f(*x)

    return wrapped


@BACKEND.wrapper
def cond(f: Any) -> Any:
    return lambda *x: torch.cond((x[0] == x[0]).all(), f, lambda *x: 2 * f(*x), x)


@BACKEND.wrong_wrapper("a rule off by 2¹²u")
def function_off(f: Any) -> Any:
    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *x: Any) -> Any:
            ctx.save_for_backward(*x)
            return f(*x)

        @staticmethod
        def backward(ctx: Any, u: Any) -> Any:
            return torch.func.vjp(f, *ctx.saved_tensors)[1](u * (1 + 2**11 * torch.finfo(u.dtype).eps))

    return Wrapped.apply


@BACKEND.wrong_wrapper("a path stopped")
def half_detached(f: Any) -> Any:
    return lambda *x: 0.5 * f(*x) + 0.5 * f(*[a.detach() for a in x])
