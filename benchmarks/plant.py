"""How each fault of benchmarks/catalogue.py is planted in its framework.

As a pytest plugin, it plants the fault that GRADLAWS_FAULT names, or describes in JSON, before anything is traced:

    GRADLAWS_FAULT=jax-tanh python -m pytest suite -p benchmarks.plant --backends jax

Hypothesis draws integers above 100 that it reads in the source of loaded modules, so this one has none: a faulty run
meets the same functions as a run of the suite without it.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from benchmarks.catalogue import FAULTS, Fault
from strategies.catalogue import PRIMITIVES
from strategies.precision import PRECISIONS
from strategies.primitive import Floats, Shape
from strategies.program import Point, Program, Step, weighted
from suite import backends
from suite.backends.backend import Mode
from suite.clipping import ways

VARIABLE = "GRADLAWS_FAULT"
INEFFECTIVE = 3  # exit status of the command


def plant(fault: Fault) -> None:
    """Plants the fault in this process, for good."""
    backends.load(fault.backend)  # sets the framework up before anything else imports it
    if fault.target.startswith("aten::"):
        replace_kernel(fault)
    elif fault.backend == "jax" and (fault.kind in RULE_KINDS and not is_public(fault.target)):
        replace_rule(fault)
    else:
        replace_function(fault)


def is_public(target: str) -> bool:
    return "." in target and "._" not in target


def resolve(path: str) -> Any:
    """The object that a dotted name means: a module, or something in one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        owner, name = path.rsplit(".", 1)
        return getattr(resolve(owner), name)


# A rule of JAX --------------------------------------------------------------------------------------------------------


def replace_rule(fault: Fault) -> None:
    from jax._src.interpreters import ad

    if fault.kind == "fan-out":
        ad.ValAccum.accum = forgetful(ad.ValAccum.accum)  # type: ignore[method-assign]
        return
    if "." in fault.target:
        function = resolve(fault.target)
        function.jvp = faulty_rule(fault, function.jvp)
        return
    if fault.kind == "transposed":
        primitive = named(fault.target, ad.primitive_transposes)
        for rules in (ad.primitive_transposes, ad.fancy_transposes):  # where it has both, JAX uses the second
            if primitive in rules:
                rules[primitive] = faulty_transpose(fault, rules[primitive])
        return
    primitive = named(fault.target, ad.primitive_jvps)
    ad.primitive_jvps[primitive] = faulty_rule(fault, ad.primitive_jvps[primitive])
    ad.primitive_linearizations.pop(primitive, None)  # without one, JAX linearizes by the rule


def named(name: str, rules: dict[Any, Any]) -> Any:
    """The primitive of that name among those that have a rule. Raises LookupError."""
    found = [primitive for primitive in rules if primitive.name == name]
    if not found:
        raise LookupError(f"jax has no rule for a primitive {name!r}")
    return found[0]


def faulty_rule(fault: Fault, rule: Callable[..., Any]) -> Callable[..., Any]:
    """A JVP rule with the fault in its output tangent; the value stays right."""
    return lambda primals, tangents, **parameters: RULE_KINDS[fault.kind](
        fault, lambda x, t: rule(x, t, **parameters), primals, tangents
    )


def rule_scaled(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    value, tangent = rule(primals, tangents)
    return value, mapped(lambda t: times(t, 1 + fault.delta), tangent)


def rule_in_float32(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    value, tangent = rule(primals, tangents)
    return value, mapped(single, tangent)


def rule_frozen(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    """The first derivative is a constant to the second."""
    return rule(primals, tangents)[0], rule(stopped(primals), tangents)[1]


def rule_dropped(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    """Nothing flows through the last operand."""
    return rule(primals, (*tangents[:-1], times(tangents[-1], 0.0)))


def rule_swapped(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    """Each operand has the other's partial derivative."""
    x, y = primals
    return rule(primals, tangents)[0], rule((y, x), tangents)[1]


def rule_asymmetric(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    """The partial along the last operand is a constant to the second derivative, so that H is not Hᵀ."""
    import jax

    *others, last = tangents
    value, one = rule(primals, (*others, times(last, 0.0)))
    _, other = rule(stopped(primals), (*(times(t, 0.0) for t in others), last))
    return value, one if is_zero(other) else other if is_zero(one) else jax.lax.add(one, other)


def faulty_transpose(fault: Fault, rule: Callable[..., Any]) -> Callable[..., Any]:
    """A transpose rule is linear in the cotangent, so scaling what goes in scales what comes out."""

    def faulty(cotangent: Any, *arguments: Any, **parameters: Any) -> Any:
        return rule(mapped(lambda t: times(t, 1 + fault.delta), cotangent), *arguments, **parameters)

    return faulty


def forgetful(accumulate: Callable[..., Any]) -> Callable[..., Any]:
    """Where a value is used more than once, the cotangents of all uses but the first are lost."""
    return lambda self, cotangent: accumulate(self, cotangent) if is_zero(self.val) else None


RULE_KINDS: dict[str, Any] = {
    "scaled": rule_scaled, "float32": rule_in_float32, "frozen": rule_frozen, "dropped": rule_dropped,
    "swapped": rule_swapped, "asymmetric": rule_asymmetric, "transposed": None, "fan-out": None,
}  # fmt: skip


def mapped(change: Callable[[Any], Any], tangent: Any) -> Any:
    return type(tangent)(map(change, tangent)) if isinstance(tangent, list | tuple) else change(tangent)


def times(tangent: Any, factor: float) -> Any:
    import jax

    if is_zero(tangent) or not jax.numpy.issubdtype(tangent.dtype, jax.numpy.inexact):
        return tangent
    return jax.lax.mul(tangent, jax.lax.full_like(tangent, factor))


def single(tangent: Any) -> Any:
    import jax

    if is_zero(tangent):
        return tangent
    return jax.lax.convert_element_type(jax.lax.convert_element_type(tangent, np.float32), tangent.dtype)


def stopped(primals: Any) -> list[Any]:
    import jax

    return [jax.lax.stop_gradient(x) for x in primals]


def is_zero(tangent: Any) -> bool:
    """JAX's tangent of what does not depend on the input, which is no array."""
    from jax._src.ad_util import Zero

    return isinstance(tangent, Zero)


# A kernel of PyTorch --------------------------------------------------------------------------------------------------

LIBRARIES: list[Any] = []  # a torch Library takes its kernels back when it is collected


def replace_kernel(fault: Fault) -> None:
    import torch

    kernel = torch.library.get_kernel(fault.target, "CPU")

    def faulty(keys: Any, *arguments: Any, **options: Any) -> Any:
        answer = kernel.call_boxed(keys, *arguments, **options)
        return tuple(map(spoilt, answer)) if isinstance(answer, tuple | list) else spoilt(answer)

    def spoilt(tensor: Any) -> Any:
        if tensor is None or not tensor.is_floating_point():
            return tensor
        return tensor.float().to(tensor.dtype) if fault.kind == "float32" else tensor * (1 + fault.delta)

    library: Any = torch.library.Library("aten", "IMPL")
    LIBRARIES.append(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that a kernel is overridden, which is the purpose
        library.impl(fault.target.removeprefix("aten::"), faulty, "CPU", with_keyset=True)


# A public function ----------------------------------------------------------------------------------------------------


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

    def derived(self, value: Any, other: Any) -> Any:
        """The value of one and the derivatives of another."""
        return self.add(self.stop(value), self.sub(other, self.stop(other)))


def arithmetic(backend: str) -> Arithmetic:
    if backend == "torch":
        import torch
        import torch._decomp.decompositions_for_jvp  # it compiles some functions, which must be whole then

        return Arithmetic(
            torch, (torch.Tensor,), torch.Tensor.detach, torch.add, torch.sub, torch.mul,
            lambda x: x.float().to(x.dtype),
        )  # fmt: skip
    if backend == "jax":
        import jax
        import optax  # noqa: F401  (its functions must be whole when it is imported)

        return Arithmetic(
            jax.numpy, (jax.Array, jax.core.Tracer), jax.lax.stop_gradient, jax.numpy.add, jax.numpy.subtract,
            jax.numpy.multiply, lambda x: x.astype(np.float32).astype(x.dtype),
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
    "stopped": transformation(lambda fault, a, x: a.stop(x)),
    "triangle": transformation(triangle),
    "per tensor": per_tensor, "late": late, "sum of norms": sum_of_norms,
}  # fmt: skip


# Does it change anything? ---------------------------------------------------------------------------------------------

MENU: tuple[Shape, ...] = ((3,), (3, 3), (), (2, 3))
FACTORS = (1.0, 0.3, 6.0, -1.0)  # of the points: where rules have thresholds, one of them is beyond
DIRECTIONLESS = ("value", "gradient", "jacobian", "hessian")


def generic(shape: Shape, phase: float) -> Floats:
    """Positive, distinct, unremarkable numbers between 0.5 and 2.5."""
    entries = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    return 1.5 + np.sin(entries * entries + phase)


def objective(name: str) -> tuple[Program, Point]:
    """A weighted sum of the primitive's outputs, and a point."""
    primitive = PRIMITIVES[name]
    shapes, parameters = next(
        (shapes, parameters)
        for shapes in itertools.product(MENU, repeat=primitive.arity)
        for parameters in primitive.variants(*shapes)
    )
    point = tuple(generic(shape, float(phase)) for phase, shape in enumerate(shapes))
    alone = Program(tuple(shapes), (Step(name, tuple(range(primitive.arity)), tuple(parameters.items())),))
    return weighted(alone, generic(alone.output, np.e)), point


def derivatives(fault: Fault) -> list[Floats]:
    """What the fault may change, by every mode and at several points: an empty array where a mode is refused."""
    backend, precision, found = backends.load(fault.backend), PRECISIONS["float64"], []
    asked: list[tuple[Mode, Program, Point]] = []
    for name in fault.primitives:
        f, x = objective(name)
        points = [tuple(factor * array for array in x) for factor in FACTORS]
        asked += [(mode, f, point) for mode in backend.modes if mode.quantity in DIRECTIONLESS for point in points]
    if not fault.primitives:
        gradients = (generic((2, 3), 0.0), generic((3,), 1.0))
        for threshold in (1e-3, 3.0):
            asked += [(way.mode, way.program, gradients) for way in ways(backend, gradients, 2.0, threshold)]
    for mode, f, point in asked:
        numbers = backend.run(mode, f, precision, point).numbers
        found.append(np.zeros(0) if numbers is None else numbers)
    return found


def effective(fault: Fault) -> bool:
    """Whether any derivative changes when the fault is planted, which this does."""
    before = derivatives(fault)
    plant(fault)
    if fault.backend == "jax":
        importlib.import_module("jax").clear_caches()
    return not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, derivatives(fault), strict=True))


# Plugin ---------------------------------------------------------------------------------------------------------------


def asked() -> Fault:
    """The fault of this process. Raises LookupError where the variable names or describes none."""
    text = os.environ.get(VARIABLE, "")
    if text in FAULTS:
        return FAULTS[text]
    try:
        read: Any = {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(text).items()}
        return Fault(**read)
    except (ValueError, TypeError, AttributeError):
        raise LookupError(f"{VARIABLE}: unknown fault {text!r}; known are {', '.join(FAULTS)}") from None


def pytest_configure(config: pytest.Config) -> None:
    try:
        fault = asked()
        plant(fault)
    except (LookupError, AttributeError, ImportError, RuntimeError) as error:
        raise pytest.UsageError(f"cannot be planted: {error}") from None


def pytest_report_header(config: pytest.Config) -> str:
    fault = asked()
    return f"planted: {fault.name} ({fault.target}, {fault.kind}, delta {fault.delta:g})"
