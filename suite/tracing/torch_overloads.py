"""What torch itself, and our tables, know of an overload of an operation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch._decomp  # torch's own rules for taking its operations apart
import torch._refs  # registers the rest of them
from torch._ops import OpOverload

from gradlaws.suite.tracing import torch_images  # noqa: F401 (registers its decompositions)
from gradlaws.suite.tracing.torch_call import TorchCall, TorchLowering
from gradlaws.suite.tracing.torch_decompositions import DECOMPOSITIONS, GRADIENTS
from gradlaws.suite.tracing.torch_operations import LOWERED, PASSED

EXPLICIT = torch._C.DispatchKey.CompositeExplicitAutogradNonFunctional


def name_of(func: OpOverload) -> str:
    """Without its overload: "aten.mul"."""
    return str(func.overloadpacket)


@functools.cache
def lowering_of(func: OpOverload) -> TorchLowering | None:
    """What an overload is on a tape, or all overloads of that name."""
    name = name_of(func)
    if name in PASSED:
        return _passed
    return LOWERED.get(str(func), LOWERED.get(name))


def _passed(call: TorchCall) -> list[int]:
    return [call.arguments[0]]


# Whose kernels for half types round in between (bfloat16 shows it), where the rule by which torch takes them apart goes
# through float32.
IN_OWN_TYPE = frozenset({"aten.col2im", "aten.glu_backward", "aten.huber_loss_backward"})


@functools.cache
def decomposition_of(func: OpOverload) -> Callable[..., Any] | None:
    """In Python: ours, torch's registry, or the C++ composite that it is."""
    ours = DECOMPOSITIONS.get(func) or GRADIENTS.get(func)
    found: Callable[..., Any] | None = ours or torch._decomp.decomposition_table.get(func)
    if found is not None:
        return inspect.unwrap(found) if name_of(func) in IN_OWN_TYPE else found
    if torch._C._dispatch_has_kernel(func.name()) and func.has_kernel_for_dispatch_key(
        torch._C.DispatchKey.CompositeImplicitAutograd
    ):
        composite: Callable[..., Any] = func.decompose
        return composite
    return functools.partial(func._op_dk, EXPLICIT) if is_composite(func) else None


def is_composite(func: OpOverload) -> bool:
    """Whether torch itself computes it by other operations, with a backward of its own."""
    keys = ("CPU", str(EXPLICIT).removeprefix("DispatchKey."))
    own, composite = (torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key) for key in keys)
    return bool(composite and not own)


def bound(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments by name. A number where a tensor is due (the 2.0 of x * 2.0) stays a number."""
    found: dict[str, Any] = {}
    for place, argument in enumerate(func._schema.arguments):
        if place < len(args):
            found[argument.name] = args[place]
        elif argument.name in kwargs:
            found[argument.name] = kwargs[argument.name]
        else:
            found[argument.name] = argument.default_value if argument.has_default_value() else None
    return found


@functools.cache
def functional(func: OpOverload) -> OpOverload | None:
    """The operation that computes what this one writes: ``add`` of ``add_``, and of ``add.out``."""
    namespace, _, name = func._schema.name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), name.removesuffix("_"), None)
    if packet is None:
        return None
    written = {a.name for a in func._schema.arguments if a.is_out}
    wanted = [(a.name, str(a.type)) for a in func._schema.arguments if a.name not in written]
    for overload in packet.overloads():
        found: OpOverload = getattr(packet, overload)
        if not found._schema.is_mutable and [(a.name, str(a.type)) for a in found._schema.arguments] == wanted:
            return found
    return None
