"""Faults as data, and how each is planted in its framework.

As a pytest plugin, it plants the fault that GRADLAWS_FAULT names before anything is traced:

    GRADLAWS_FAULT=jax-tanh python -m pytest suite -p benchmarks.plant --backends jax

As a command it says whether a fault changes any derivative at all: `python -m benchmarks.plant NAME`.

Hypothesis draws integers above 100 that it reads in the source of loaded modules, so this one has none: a faulty run
meets the same functions as a run of the suite without it.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from strategies.catalogue import PRIMITIVES
from strategies.precision import PRECISIONS
from strategies.primitive import Floats, Shape
from strategies.program import Point, Program, Step, weighted
from suite import backends

VARIABLE = "GRADLAWS_FAULT"
INEFFECTIVE = 3  # exit status of the command


@dataclass(frozen=True)
class Fault:
    """One fault.

    ``target`` is a JAX primitive ("tanh") or custom_jvp function ("jax._src..."), a PyTorch kernel ("aten::...") or a
    public PyTorch function ("torch.sin"). ``primitives`` are the ones of the catalogue whose derivatives it spoils;
    ``identities`` the tests of compositions that are asked when those of the primitives alone are green.

    Kinds: ``scaled``, the derivative times 1 + delta; ``transposed``, only the transpose rule (reverse mode) is
    scaled; ``frozen``, value and first derivative right, the second zero; ``dropped``, nothing flows through the last
    operand; ``float32``, the derivative is rounded to single precision; ``per tensor``, each gradient is clipped alone.
    """

    name: str
    backend: str
    target: str
    kind: str
    primitives: tuple[str, ...]
    delta: float = 1e-9
    identities: tuple[str, ...] = ("G1", "D4")


def scaled(backend: str, target: str, *primitives: str, name: str = "", kind: str = "scaled", **fields: Any) -> Fault:
    """A row with the defaults filled in: the fault is called after its target."""
    short = target.rpartition(":")[2].rpartition(".")[2].strip("_")
    return Fault(f"{backend}-{name or short}", backend, target, kind, primitives or (short,), **fields)


jax = functools.partial(scaled, "jax")
torch = functools.partial(scaled, "torch")

ROWS = (
    # JAX: the rule of a primitive.
    jax("tanh"), jax("exp"), jax("log"), jax("sin"), jax("cos"), jax("log1p"), jax("expm1"), jax("sqrt"), jax("erf"),
    jax("lgamma"), jax("atan2"), jax("pow"), jax("div"), jax("mul"), jax("square"),
    jax("logistic", "sigmoid"),
    jax("integer_pow", "reciprocal"),
    jax("erfc", "gelu"),
    jax("rsqrt", "layer_norm"),
    jax("max", "maximum"),
    jax("reduce_prod", "prod"),
    jax("reduce_sum", "sum"),
    jax("gather", "gather"),
    jax("custom_linear_solve", "solve"),
    jax("jax._src.lax.other.logaddexp", "logaddexp"),
    jax("digamma", "lgamma"),
    # JAX: the transpose rule only, which forward mode never meets.
    jax("dot_general", "matmul", kind="transposed", name="dot_general-transpose"),
    jax("mul", "mul", kind="transposed", name="mul-transpose"),
    jax("reduce_sum", "sum", kind="transposed", name="reduce_sum-transpose"),
    jax("concatenate", "concatenate", kind="transposed", name="concatenate-transpose"),
    jax("gather", "gather", kind="transposed", name="gather-transpose"),
    # JAX: other kinds.
    jax("cos", "cos", delta=-2.0, name="cos-sign"),
    jax("mul", "mul", kind="dropped", name="mul-dropped"),
    jax("exp", "exp", kind="frozen", name="exp-frozen", identities=("H2", "D4")),
    jax("tanh", "tanh", kind="frozen", name="tanh-frozen", identities=("H2", "D4")),
    jax("log", "log", kind="float32", name="log-float32"),
    # PyTorch: the kernel that computes a derivative.
    torch("aten::tanh_backward", "tanh"),
    torch("aten::sigmoid_backward", "sigmoid"),
    torch("aten::softplus_backward", "softplus"),
    torch("aten::gelu_backward", "gelu"),
    torch("aten::_softmax_backward_data", "softmax"),
    torch("aten::native_layer_norm_backward", "layer_norm"),
    torch("aten::digamma", "lgamma"),
    torch("aten::slice_backward", "slice"),
    # PyTorch: the public function, where the derivative has no kernel of its own.
    torch("torch.sin"), torch("torch.exp"), torch("torch.log"), torch("torch.log1p"), torch("torch.erf"),
    torch("torch.sqrt"), torch("torch.hypot"), torch("torch.atan2"), torch("torch.pow"), torch("torch.logsumexp"),
    torch("torch.prod"),
    torch("torch.cat", "concatenate"),
    torch("torch.linalg.vector_norm", "norm"),
    torch("torch.linalg.solve"),
    torch("torch.Tensor.__mul__", "mul"),
    torch("torch.Tensor.__truediv__", "div"),
    torch("torch.Tensor.__matmul__", "matmul"),
    # PyTorch: other kinds.
    torch("aten::sigmoid_backward", "sigmoid", delta=-2.0, name="sigmoid_backward-sign"),
    torch("torch.Tensor.__mul__", "mul", kind="dropped", name="mul-dropped"),
    torch("torch.exp", "exp", kind="frozen", name="exp-frozen", identities=("H2", "D4")),
    torch("torch.sin", "sin", kind="frozen", name="sin-frozen", identities=("H2", "D4")),
    torch("aten::tanh_backward", "tanh", kind="float32", name="tanh_backward-float32"),
    # PyTorch: what training uses beside derivatives of primitives.
    Fault("torch-cross_entropy", "torch", "torch.nn.functional.cross_entropy", "scaled", (), identities=("P2",)),
    Fault("torch-clip-per-tensor", "torch", "torch.nn.utils.clip_grad_norm_", "per tensor", (),
          identities=("N2", "N3")),
)  # fmt: skip
FAULTS = {fault.name: fault for fault in ROWS}


def plant(fault: Fault) -> None:
    """Plants the fault in this process, for good."""
    backends.load(fault.backend)  # sets the framework up before anything else imports it
    if fault.backend == "jax":
        plant_in_jax(fault)
    elif fault.target.startswith("aten::"):
        replace_kernel(fault)
    else:
        replace_function(fault)


# JAX ------------------------------------------------------------------------------------------------------------------


def plant_in_jax(fault: Fault) -> None:
    from jax._src.interpreters import ad

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
    """The primitive of that name among those that have a rule."""
    return next(primitive for primitive in rules if primitive.name == name)


def faulty_rule(fault: Fault, rule: Callable[..., Any]) -> Callable[..., Any]:
    """A JVP rule with the fault in its output tangent; the value stays right."""
    import jax

    def faulty(primals: Any, tangents: Any, **parameters: Any) -> Any:
        if fault.kind == "dropped":
            return rule(primals, (*tangents[:-1], times(tangents[-1], 0.0)), **parameters)
        value, tangent = rule(primals, tangents, **parameters)
        if fault.kind == "frozen":
            return value, rule([jax.lax.stop_gradient(x) for x in primals], tangents, **parameters)[1]
        if fault.kind == "float32":
            return value, jax.tree.map(single, tangent)
        return value, jax.tree.map(lambda t: times(t, 1 + fault.delta), tangent)

    return faulty


def faulty_transpose(fault: Fault, rule: Callable[..., Any]) -> Callable[..., Any]:
    """A transpose rule is linear in the cotangent, so scaling what goes in scales what comes out."""

    def faulty(cotangent: Any, *arguments: Any, **parameters: Any) -> Any:
        return rule(times(cotangent, 1 + fault.delta), *arguments, **parameters)

    return faulty


def times(tangent: Any, factor: float) -> Any:
    import jax

    if is_zero(tangent) or not jax.numpy.issubdtype(tangent.dtype, jax.numpy.floating):
        return tangent
    return jax.lax.mul(tangent, jax.lax.full_like(tangent, factor))


def single(tangent: Any) -> Any:
    import jax

    if is_zero(tangent):
        return tangent
    return jax.lax.convert_element_type(jax.lax.convert_element_type(tangent, np.float32), tangent.dtype)


def is_zero(tangent: Any) -> bool:
    """JAX's tangent of what does not depend on the input, which is no array."""
    from jax._src.ad_util import Zero

    return isinstance(tangent, Zero)


# PyTorch --------------------------------------------------------------------------------------------------------------

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


def replace_function(fault: Fault) -> None:
    import torch
    import torch._decomp.decompositions_for_jvp  # it compiles some of these functions, which must be whole then

    # By the library's own functions, since the operators may be what is faulty.
    add, sub, mul, tensor = torch.add, torch.sub, torch.mul, torch.Tensor
    right = resolve(fault.target)
    slopes: dict[str, Callable[..., Any]] = {"torch.exp": torch.exp, "torch.sin": torch.cos}

    def faulty(*arguments: Any, **options: Any) -> Any:
        if fault.kind == "per tensor":
            return [right([parameter], *arguments[1:], **options) for parameter in arguments[0]][-1]
        if fault.kind == "dropped":
            *others, last = arguments
            if isinstance(last, tensor):
                last = add(last.detach(), mul(last, 0))  # still used, so that autograd does not complain
            return right(*others, last, **options)
        y = right(*arguments, **options)
        if fault.kind == "frozen":
            (x,) = arguments
            return add(y.detach(), mul(slope(x.detach()), sub(x, x.detach())))
        # y - y is 0, so the value stays right in every mode; only the derivative grows.
        return add(y, sub(y, y.detach()), alpha=fault.delta)

    slope = slopes.get(fault.target, right)
    owner, name = fault.target.rsplit(".", 1)
    setattr(resolve(owner), name, faulty)


def resolve(path: str) -> Any:
    """The object that a dotted name means: a module, or something in one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        owner, name = path.rsplit(".", 1)
        return getattr(resolve(owner), name)


# Does it change anything? ---------------------------------------------------------------------------------------------

MENU: tuple[Shape, ...] = ((3,), (3, 3), (), (2, 3))


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
    """What the fault may change, by every mode: an empty array where a mode is refused."""
    if not fault.primitives:
        return [training_step()]
    backend, found = backends.load(fault.backend), []
    for name in fault.primitives:
        f, x = objective(name)
        for mode in [*backend.modes_of("gradient"), *backend.modes_of("hessian")]:
            numbers = backend.run(mode, f, PRECISIONS["float64"], x).numbers
            found.append(np.zeros(0) if numbers is None else numbers)
    return found


def training_step() -> Floats:
    """Gradients of a classifier's loss, clipped."""
    import torch

    scores = [torch.tensor(generic((2, 3), phase), requires_grad=True) for phase in (0.0, 1.0)]
    loss = torch.nn.functional.cross_entropy(scores[0] + 2 * scores[1], torch.tensor([0, 2]))
    for score, gradient in zip(scores, torch.autograd.grad(loss, scores), strict=True):
        score.grad = gradient
    torch.nn.utils.clip_grad_norm_(scores, 0.1)
    return np.stack([np.asarray(score.grad) for score in scores])


def effective(fault: Fault) -> bool:
    """Whether any derivative changes when the fault is planted, which this does."""
    before = derivatives(fault)
    plant(fault)
    if fault.backend == "jax":
        importlib.import_module("jax").clear_caches()
    return not all(map(np.array_equal, before, derivatives(fault)))


# Plugin and command ---------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    name = os.environ.get(VARIABLE, "")
    if name not in FAULTS:
        raise pytest.UsageError(f"{VARIABLE}: unknown fault {name!r}; known are {', '.join(FAULTS)}")
    plant(FAULTS[name])


def pytest_report_header(config: pytest.Config) -> str:
    fault = FAULTS[os.environ[VARIABLE]]
    return f"planted: {fault.name} ({fault.target}, {fault.kind}, delta {fault.delta:g})"


if __name__ == "__main__":
    sys.exit(0 if effective(FAULTS[sys.argv[1]]) else INEFFECTIVE)
