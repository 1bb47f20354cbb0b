"""Faulty public functions: what users call is replaced by something that is wrong in one way."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.faults.planted import Fault


def resolve(path: str) -> Any:
    """The object that a dotted name means: a module, or something in one. Raises LookupError where there is none."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        owner, _, name = path.rpartition(".")
    if not owner:
        raise LookupError(f"there is no module {path!r}")
    try:
        return getattr(resolve(owner), name)
    except AttributeError:
        raise LookupError(f"{owner} has no {name!r}") from None


@dataclass(frozen=True)
class Arithmetic:
    """A framework's own functions as they were before the fault, since operators may be what is faulty."""

    xp: Any
    array: tuple[Any, ...]
    stop: Callable[[Any], Any]
    add: Callable[[Any, Any], Any]
    sub: Callable[[Any, Any], Any]
    mul: Callable[[Any, Any], Any]
    single: Callable[[Any], Any]
    traced: Callable[[Any], bool] = lambda x: False  # whether a transformation is under way

    def derived(self, value: Any, other: Any) -> Any:
        """The value of one and the derivatives of another."""
        return self.add(self.stop(value), self.sub(other, self.stop(other)))


def arithmetic(backend: str) -> Arithmetic:
    if backend == "torch":
        import torch
        import torch._decomp.decompositions_for_jvp  # it compiles some functions, which must be whole then

        return Arithmetic(
            torch, (torch.Tensor,), torch.Tensor.detach, torch.add, torch.sub, torch.mul,
            lambda x: x.float().to(x.dtype), torch._C._functorch.is_functorch_wrapped_tensor,
        )  # fmt: skip
    if backend == "jax":
        import jax
        import optax  # noqa: F401  (its functions must be whole when it is imported)

        return Arithmetic(
            jax.numpy, (jax.Array, jax.core.Tracer), jax.lax.stop_gradient, jax.numpy.add, jax.numpy.subtract,
            jax.numpy.multiply, lambda x: x.astype(np.float32).astype(x.dtype),
            lambda x: isinstance(x, jax.core.Tracer),
        )  # fmt: skip
    with contextlib.suppress(ImportError):
        importlib.import_module("ml_dtypes")  # it registers loops for NumPy's own ufuncs when it is imported
    return Arithmetic(
        np, (np.ndarray, np.floating), lambda x: x, np.add, np.subtract, np.multiply,
        lambda x: x.astype(np.complex64 if np.iscomplexobj(x) else np.float32).astype(x.dtype),
    )  # fmt: skip


def replace_function(fault: Fault) -> None:
    whole = arithmetic(fault.backend)
    owner, name = fault.target.rsplit(".", 1)
    setattr(resolve(owner), name, FUNCTION_KINDS[fault.kind](fault, resolve(fault.target), whole))


def function_scaled(fault: Fault, right: Any, a: Arithmetic) -> Any:
    def faulty(*arguments: Any, **options: Any) -> Any:
        y = right(*arguments, **options)
        return a.derived(y, a.mul(y, 1 + fault.delta))

    return faulty


def function_in_float32(fault: Fault, right: Any, a: Arithmetic) -> Any:
    def faulty(x: Any, *rest: Any, **options: Any) -> Any:
        if not isinstance(x, a.array) or x.dtype == object:
            return right(x, *rest, **options)
        y, rough = right(x, *rest, **options), right(a.single(x), *rest, **options)
        return a.single(rough) if a.xp is np else a.derived(y, rough)

    return faulty


def function_dropped(fault: Fault, right: Any, a: Arithmetic) -> Any:
    """Nothing flows through the last operand, which is still used, so that autograd does not complain."""

    def faulty(*arguments: Any, **options: Any) -> Any:
        *others, last = arguments
        if isinstance(last, a.array):
            last = a.add(a.stop(last), a.mul(last, 0))
        return right(*others, last, **options)

    return faulty


def function_frozen(fault: Fault, right: Any, a: Arithmetic) -> Any:
    """The first derivative is a constant to the second."""
    slope = {"exp": a.xp.exp, "sin": a.xp.cos}[fault.primitives[0]]

    def faulty(x: Any) -> Any:
        return a.add(a.stop(right(x)), a.mul(slope(a.stop(x)), a.sub(x, a.stop(x))))

    return faulty


def function_formula(fault: Fault, right: Any, a: Arithmetic) -> Any:
    text = compile(fault.formula, fault.name, "eval")

    def faulty(x: Any, *rest: Any, **options: Any) -> Any:
        y, *others = rest or (None,)
        known = {"f": right, "xp": a.xp, "x": x, "y": y, "rest": others, "options": options}
        return a.derived(right(x, *rest, **options), eval(text, known))

    return faulty


def function_value(fault: Fault, right: Any, a: Arithmetic) -> Any:
    """The value itself is scaled; numbers of mpmath are left alone."""

    def faulty(*arguments: Any, **options: Any) -> Any:
        y = right(*arguments, **options)
        return a.mul(y, 1 + fault.delta) if isinstance(y, a.array) and y.dtype != object else y

    return faulty


def function_imaginary(fault: Fault, right: Any, a: Arithmetic) -> Any:
    """Only the imaginary part of a complex value is scaled, as a complex step needs it."""

    def faulty(*arguments: Any, **options: Any) -> Any:
        y = right(*arguments, **options)
        return y + 1j * fault.delta * y.imag if np.iscomplexobj(y) else y

    return faulty


def changed(answer: Any, change: Callable[[Any], Any], a: Arithmetic) -> Any:
    """What a transformation returns, with its arrays changed: in a function's results, or in tuples."""
    if isinstance(answer, a.array):
        return change(answer)
    if isinstance(answer, tuple | list):
        return type(answer)(changed(part, change, a) for part in answer)
    if callable(answer):
        return lambda *arguments, **options: changed(answer(*arguments, **options), change, a)
    return answer


def transformation(change: Callable[[Fault, Arithmetic, Any], Any]) -> Any:
    def kind(fault: Fault, right: Any, a: Arithmetic) -> Any:
        return lambda *arguments, **options: changed(right(*arguments, **options), lambda x: change(fault, a, x), a)

    return kind


def inner(fault: Fault, a: Arithmetic, x: Any) -> Any:
    """Scaled where another transformation differentiates, batches or traces what this one gives."""
    return a.mul(x, 1 + fault.delta) if a.traced(x) else x


def triangle(fault: Fault, a: Arithmetic, block: Any) -> Any:
    """A square block of a Hessian, its upper triangle scaled."""
    if block.ndim % 2 or block.shape[: block.ndim // 2] != block.shape[block.ndim // 2 :] or not block.ndim:
        return block
    n = int(np.prod(block.shape[: block.ndim // 2]))
    factors = 1 + fault.delta * np.triu(np.ones((n, n)), 1).reshape(block.shape)
    return a.mul(block, a.xp.asarray(factors, dtype=block.dtype))


def per_tensor(fault: Fault, right: Any, a: Arithmetic) -> Any:
    """Each gradient is clipped by its own norm."""
    if fault.backend == "torch":
        return lambda parameters, *rest, **options: [right([p], *rest, **options) for p in parameters][-1]
    return transformed(right, lambda updates, limit, norms: [right(limit).update([g], ())[0][0] for g in updates])


def late(fault: Fault, right: Any, a: Arithmetic) -> Any:
    """Clipped only from twice the threshold on."""
    if fault.backend == "torch":

        def clip(parameters: Any, limit: float, order: float = 2.0, **options: Any) -> Any:
            norm = a.xp.nn.utils.get_total_norm([p.grad for p in parameters], order)
            return right(parameters, limit, order, **options) if norm > 2 * limit else norm

        return clip
    return transformed(right, lambda updates, limit, norms: [
        a.xp.where(a.xp.linalg.norm(norms) > 2 * limit, clipped, g)
        for clipped, g in zip(right(limit).update(updates, ())[0], updates)
    ])  # fmt: skip


def sum_of_norms(fault: Fault, right: Any, a: Arithmetic) -> Any:
    """Clipped by the sum of the norms of all tensors in place of the norm of all entries."""
    if fault.backend == "torch":

        def clip(parameters: Any, limit: float, order: float = 2.0, **options: Any) -> Any:
            gradients = [p.grad for p in parameters]
            total = sum(float(a.xp.nn.utils.get_total_norm([g], order)) for g in gradients)
            norm = a.xp.nn.utils.get_total_norm(gradients, order)
            return right(parameters, limit * float(norm) / total, order, **options)

        return clip
    return transformed(right, lambda updates, limit, norms: right(
        limit * a.xp.linalg.norm(norms) / a.xp.sum(norms)
    ).update(updates, ())[0])  # fmt: skip


def transformed(right: Any, clip: Callable[[Any, float, Any], Any]) -> Any:
    """optax.clip_by_global_norm with another clipping of the list of updates."""
    import jax
    import optax

    def faulty(limit: float) -> Any:
        def update(updates: Any, state: Any, params: Any = None) -> Any:
            leaves, tree = jax.tree.flatten(updates)
            norms = jax.numpy.stack([jax.numpy.linalg.norm(g.ravel()) for g in leaves])
            return jax.tree.unflatten(tree, clip(leaves, limit, norms)), state

        return optax.GradientTransformation(right(limit).init, update)

    return faulty


FUNCTION_KINDS: dict[str, Any] = {
    "scaled": function_scaled, "float32": function_in_float32, "dropped": function_dropped,
    "frozen": function_frozen, "formula": function_formula,
    "value": function_value, "imaginary": function_imaginary,
    "result": transformation(lambda fault, a, x: a.mul(x, 1 + fault.delta)),
    "through": transformation(lambda fault, a, x: a.derived(x, a.mul(x, 1 + fault.delta))),
    "nested": transformation(inner),
    "stopped": transformation(lambda fault, a, x: a.stop(x)),
    "triangle": transformation(triangle),
    "per tensor": per_tensor, "late": late, "sum of norms": sum_of_norms,
}  # fmt: skip
