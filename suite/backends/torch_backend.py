"""PyTorch, in every public way to a derivative. Each mode stands alone: reproducers print it as it is."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import torch
import torch.utils.checkpoint

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.backends.backend import Backend


@functools.cache
def configure() -> None:
    """PyTorch's settings in a process that measures: a worker per core beats two workers that fight over both."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)


def array(values: Floats, dtype: str) -> torch.Tensor:
    return torch.tensor(values, dtype=getattr(torch, dtype))


def numbers(tensor: torch.Tensor) -> Floats:
    tensor = tensor.detach()
    if tensor._is_zerotensor():  # .numpy() refuses these, and .numpy(force=True) crashes the process (2.13.0)
        tensor = torch.zeros(tensor.shape, dtype=tensor.dtype)
    return np.asarray(tensor.to(torch.float64).numpy())


BACKEND = Backend(
    "torch",
    torch.__version__,
    array,
    numbers,
    "torch.tensor({values}, dtype=torch.{dtype})",
    (NotImplementedError,),
    unsupported_words=(
        "does not support it",
        "not implemented",
        "Batching rule not implemented",
        "does not yet have a batching rule",
        "vmap: we do not yet support",
        "returned as-is as output is being saved for backward. This is not supported",
        "data-dependent control flow",
        "must override the setup_context staticmethod",
        "don't yet support saved tensor hooks",
        "checkpoint is incompatible with .grad()",
        "only allowed to backward once on any region computed under selective activation checkpoint",
        "Nested forward mode AD is not supported",
        "Double backward is unsupported",
        "flat_bdims must not be None",  # the vmap of a custom Function that has no JVP, in nested forward mode
        "operator doesn't work unless it is captured completely",
        "could not find kernel for HigherOrderOperator",
        "Low precision dtypes not supported",
        "Unsupported dtype",
        "of float, double, cfloat or cdouble",
        "other than float and double",
        "either float or double",
    ),
    dtypes=("float64", "float32", "float16", "bfloat16"),
)


@BACKEND.mode("value", "eager")
def value(f: Any, x: Any) -> Any:
    return f(*x)


@BACKEND.mode("gradient", "Tensor.backward")
def backward(f: Any, x: Any) -> Any:
    x = [a.clone().requires_grad_() for a in x]
    f(*x).backward()
    return [a.grad for a in x]


@BACKEND.mode("gradient", "autograd.grad")
def autograd_grad(f: Any, x: Any) -> Any:
    x = [a.clone().requires_grad_() for a in x]
    return torch.autograd.grad(f(*x), x)


@BACKEND.mode("gradient", "func.grad")
def func_grad(f: Any, x: Any) -> Any:
    return torch.func.grad(f, tuple(range(len(x))))(*x)


@BACKEND.mode("gradient", "vmap(func.grad)")
def vmap_grad(f: Any, x: Any) -> Any:
    batch = [torch.stack([a, a]) for a in x]
    rows = torch.func.vmap(torch.func.grad(f, tuple(range(len(x)))))(*batch)
    return [row[1] for row in rows]


@BACKEND.mode("gradient", "utils.checkpoint")
def checkpoint(f: Any, x: Any) -> Any:
    x = [a.clone().requires_grad_() for a in x]
    return torch.autograd.grad(torch.utils.checkpoint.checkpoint(f, *x, use_reentrant=False), x)


@BACKEND.mode("jacobian", "func.jacrev")
def func_jacrev(f: Any, x: Any) -> Any:
    return torch.func.jacrev(f, tuple(range(len(x))))(*x)


@BACKEND.mode("jacobian", "func.jacfwd")
def func_jacfwd(f: Any, x: Any) -> Any:
    return torch.func.jacfwd(f, tuple(range(len(x))))(*x)


@BACKEND.mode("jacobian", "autograd.functional.jacobian")
def functional_jacobian(f: Any, x: Any) -> Any:
    return torch.autograd.functional.jacobian(f, tuple(x))


@BACKEND.mode("jacobian", "autograd.functional.jacobian(vectorize)")
def functional_jacobian_vectorized(f: Any, x: Any) -> Any:
    return torch.autograd.functional.jacobian(f, tuple(x), vectorize=True)


@BACKEND.mode("vjp", "Tensor.backward")
def backward_vjp(f: Any, x: Any, u: Any) -> Any:
    x = [a.clone().requires_grad_() for a in x]
    f(*x).backward(u)
    return [a.grad for a in x]


@BACKEND.mode("vjp", "func.vjp")
def func_vjp(f: Any, x: Any, u: Any) -> Any:
    return torch.func.vjp(f, *x)[1](u)


@BACKEND.mode("vjp", "autograd.functional.vjp")
def functional_vjp(f: Any, x: Any, u: Any) -> Any:
    return torch.autograd.functional.vjp(f, tuple(x), u)[1]


@BACKEND.mode("jvp", "func.jvp")
def func_jvp(f: Any, x: Any, v: Any) -> Any:
    return torch.func.jvp(f, tuple(x), tuple(v))[1]


@BACKEND.mode("jvp", "func.linearize", every=4)  # it traces, which takes 100 times as long as the others
def func_linearize(f: Any, x: Any, v: Any) -> Any:
    return torch.func.linearize(f, *x)[1](*v)


@BACKEND.mode("jvp", "autograd.forward_ad")
def forward_ad(f: Any, x: Any, v: Any) -> Any:
    with torch.autograd.forward_ad.dual_level():
        duals = [torch.autograd.forward_ad.make_dual(a, t) for a, t in zip(x, v)]
        return torch.autograd.forward_ad.unpack_dual(f(*duals)).tangent


@BACKEND.mode("jvp", "autograd.functional.jvp")
def functional_jvp(f: Any, x: Any, v: Any) -> Any:
    return torch.autograd.functional.jvp(f, tuple(x), tuple(v))[1]


@BACKEND.mode("hessian", "func.hessian")
def func_hessian(f: Any, x: Any) -> Any:
    return torch.func.hessian(f, tuple(range(len(x))))(*x)


@BACKEND.mode("hessian", "jacrev(jacrev)")
def reverse_over_reverse(f: Any, x: Any) -> Any:
    n = tuple(range(len(x)))
    return torch.func.jacrev(torch.func.jacrev(f, n), n)(*x)


@BACKEND.mode("hessian", "jacrev(jacfwd)")
def reverse_over_forward(f: Any, x: Any) -> Any:
    n = tuple(range(len(x)))
    return torch.func.jacrev(torch.func.jacfwd(f, n), n)(*x)


@BACKEND.mode("hessian", "jacfwd(jacfwd)")
def forward_over_forward(f: Any, x: Any) -> Any:
    n = tuple(range(len(x)))
    return torch.func.jacfwd(torch.func.jacfwd(f, n), n)(*x)


@BACKEND.mode("hessian", "autograd.functional.hessian")
def functional_hessian(f: Any, x: Any) -> Any:
    return torch.autograd.functional.hessian(f, tuple(x))


@BACKEND.mode("hessian", "autograd.functional.hessian(forward-mode)")
def functional_hessian_forward(f: Any, x: Any) -> Any:
    return torch.autograd.functional.hessian(f, tuple(x), vectorize=True, outer_jacobian_strategy="forward-mode")


@BACKEND.mode("hvp", "jvp(grad)")
def forward_over_reverse_product(f: Any, x: Any, v: Any) -> Any:
    gradient = torch.func.grad(f, tuple(range(len(x))))
    return torch.func.jvp(gradient, tuple(x), tuple(v))[1]


@BACKEND.mode("hvp", "grad(jvp)")
def reverse_over_forward_product(f: Any, x: Any, v: Any) -> Any:
    def rate(*x: Any) -> Any:
        return torch.func.jvp(f, x, tuple(v))[1]

    return torch.func.grad(rate, tuple(range(len(x))))(*x)


@BACKEND.mode("hvp", "vjp(grad)")
def reverse_over_reverse_product(f: Any, x: Any, v: Any) -> Any:
    return torch.func.vjp(torch.func.grad(f, tuple(range(len(x)))), *x)[1](tuple(v))


@BACKEND.mode("hvp", "autograd.grad twice")
def autograd_twice(f: Any, x: Any, v: Any) -> Any:
    x = [a.clone().requires_grad_() for a in x]
    g = torch.autograd.grad(f(*x), x, create_graph=True)
    if not any(a.requires_grad for a in g):
        return [torch.zeros_like(a) for a in x]
    live = [(a, t) for a, t in zip(g, v) if a.requires_grad]
    return torch.autograd.grad([a for a, _ in live], x, [t for _, t in live], materialize_grads=True)


@BACKEND.mode("hvp", "autograd.functional.hvp")
def functional_hvp(f: Any, x: Any, v: Any) -> Any:
    return torch.autograd.functional.hvp(f, tuple(x), tuple(v))[1]


@BACKEND.mode("hvp", "autograd.functional.vhp")
def functional_vhp(f: Any, x: Any, v: Any) -> Any:
    return torch.autograd.functional.vhp(f, tuple(x), tuple(v))[1]


@BACKEND.mode("curvature", "jvp(jvp)")
def forward_over_forward_product(f: Any, x: Any, v: Any) -> Any:
    return torch.func.jvp(lambda *x: torch.func.jvp(f, x, tuple(v))[1], tuple(x), tuple(v))[1]


# What only U6 and U8 ask (suite/identities/test_taken_for_granted.py), and what they must see fail.


@BACKEND.mode("gradient", "vmap(func.grad) of rows that differ", of="U6")
def vmap_grad_of_rows(f: Any, x: Any) -> Any:
    batch = [torch.stack([0.75 * a, a, 1.25 * a]) for a in x]
    return [row[1] for row in torch.func.vmap(torch.func.grad(f, tuple(range(len(x)))))(*batch)]


@BACKEND.mode("gradient", "vmap(func.grad, in_dims=-1)", of="U6")
def vmap_grad_of_columns(f: Any, x: Any) -> Any:
    batch = [torch.stack([0.75 * a, a, 1.25 * a], -1) for a in x]
    return [row[1] for row in torch.func.vmap(torch.func.grad(f, tuple(range(len(x)))), -1)(*batch)]


@BACKEND.mode("gradient", "vmap(func.grad) of one input", of="U6")
def vmap_grad_of_one_input(f: Any, x: Any) -> Any:
    batch = torch.stack([0.75 * x[0], x[0], 1.25 * x[0]])
    shared = (0, *[None] * (len(x) - 1))
    return [row[1] for row in torch.func.vmap(torch.func.grad(f, tuple(range(len(x)))), shared)(batch, *x[1:])]


@BACKEND.mode("gradient", "vmap(func.grad) of one row", of="U6")
def vmap_grad_of_one_row(f: Any, x: Any) -> Any:
    return [row[0] for row in torch.func.vmap(torch.func.grad(f, tuple(range(len(x)))))(*[a[None] for a in x])]


@BACKEND.mode("gradient", "vmap(func.grad) of no row", of="U6")
def vmap_grad_of_no_row(f: Any, x: Any) -> Any:
    rows = torch.func.vmap(torch.func.grad(f, tuple(range(len(x)))))
    return [torch.cat(part)[0] for part in zip(rows(*[a[None][:0] for a in x]), rows(*[a[None] for a in x]))]


@BACKEND.mode("gradient", "autograd.grad of vmap", of="U6")
def grad_of_vmap(f: Any, x: Any) -> Any:
    x = [a.clone().requires_grad_() for a in x]
    return torch.autograd.grad(torch.func.vmap(f)(*[torch.stack([0.75 * a.detach(), a]) for a in x])[1], x)


@BACKEND.mode("gradient", "another row", of="control of U6")
def another_row(f: Any, x: Any) -> Any:
    batch = [torch.stack([0.75 * a, a]) for a in x]
    return [row[0] for row in torch.func.vmap(torch.func.grad(f, tuple(range(len(x)))))(*batch)]


@BACKEND.mode("hvp", "autograd.grad of func.grad", of="U8")
def autograd_of_func(f: Any, x: Any, v: Any) -> Any:
    x = [a.clone().requires_grad_() for a in x]
    g = torch.func.grad(f, tuple(range(len(x))))(*x)
    live = [(a, t) for a, t in zip(g, v) if a.requires_grad]
    if not live:
        return [torch.zeros_like(a) for a in x]
    return torch.autograd.grad([a for a, _ in live], x, [t for _, t in live], materialize_grads=True)


@BACKEND.mode("hvp", "autograd.functional.vjp of func.grad", of="U8")
def functional_of_func(f: Any, x: Any, v: Any) -> Any:
    return torch.autograd.functional.vjp(torch.func.grad(f, tuple(range(len(x)))), tuple(x), tuple(v))[1]


@BACKEND.mode("hvp", "autograd.forward_ad of func.grad", of="U8")
def forward_ad_of_func(f: Any, x: Any, v: Any) -> Any:
    with torch.autograd.forward_ad.dual_level():
        duals = [torch.autograd.forward_ad.make_dual(a, t) for a, t in zip(x, v)]
        rates = [torch.autograd.forward_ad.unpack_dual(g) for g in torch.func.grad(f, tuple(range(len(x))))(*duals)]
        return [torch.zeros_like(a) if rate.tangent is None else rate.tangent for a, rate in zip(x, rates)]


@BACKEND.mode("hvp", "a path stopped", of="control of U8")
def half_detached_func(f: Any, x: Any, v: Any) -> Any:
    half = torch.func.grad(lambda *x: 0.5 * f(*x), tuple(range(len(x))))
    return torch.autograd.functional.vjp(half, tuple(x), tuple(v))[1]
