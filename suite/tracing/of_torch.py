"""A tape from what torch runs: ATen operations as they reach the dispatcher below autograd, at the point.

Forward, backward (reverse, forward mode, torch.func, custom Functions, checkpoints) and whatever the function itself
asks of autograd arrive here alike. make_fx would give the same graph, but refuses ``.item()`` and writes into views.

An operation that has no declaration is taken apart by torch's own decomposition of it. That is the *rule* in Python,
not the kernel in C++ that runs otherwise: how a kernel rounds, and whether it has another rule, no tape says; its
answers beside the truth do. What leaves torch (``.item()``, ``.numpy()``) comes back as a constant.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

from gradlaws.suite.tape.reach import within_memory, within_reach
from gradlaws.suite.tape.tape import HELD, Builder, Execution, Origin, Tape, Unsupported
from gradlaws.suite.tracing.faithful import faithful, follows
from gradlaws.suite.tracing.torch_call import TorchCall, Value, array_of, kind_of
from gradlaws.suite.tracing.torch_control import taken
from gradlaws.suite.tracing.torch_decompositions import GRADIENTS
from gradlaws.suite.tracing.torch_gradient import ONCE, REFUSED, is_once_differentiable, pulled
from gradlaws.suite.tracing.torch_memory import Memory
from gradlaws.suite.tracing.torch_operations import DISCRETE, PASSED, UNTOUCHED
from gradlaws.suite.tracing.torch_origin import Lines
from gradlaws.suite.tracing.torch_overloads import bound, decomposition_of, functional, lowering_of, name_of
from gradlaws.suite.tracing.traced import Traced

MOST = 200_000  # instructions: what a few minutes of tracing write
MISSING = "missing"  # an operation of torch's without a declaration: an error if an output depends on it


def traced(function: Callable[..., Any], *tensors: torch.Tensor, most: int = MOST, holds: bool = False) -> Tape:
    """What torch runs for ``function(*tensors)``; its outputs are the leaves of the result.

    ``function`` gets copies that require gradients where the tensors do. If it gives one result for each tensor, as a
    gradient does, None among them is 0 of the shape of that tensor. Data decide branches and loops as they do at the
    point. With ``holds``, what has lost its graph (detach, no_grad) is held fixed beside the point where something that
    has one meets it; without it, it is what it is given. Raises Unsupported for an operation without a declaration on
    which an output depends, for an output that is no tensor, and past ``most`` operations.
    """
    recorder = Recorder(most, holds)
    inputs = [recorder.input(tensor) for tensor in tensors]
    with taken(), recorder, within_memory():
        result = function(*inputs)
    return within_reach(recorder.tape(tree_flatten(result)[0], inputs))


def derivatives(
    function: Callable[..., Any],
    *point: Any,
    second: bool = True,
    most: int = MOST,
    dtype: str | None = "float64",
    holds: bool = False,
) -> Traced:
    """What torch runs for a function of float tensors, for its VJP and, reverse over reverse, for H v.

    The outputs are the float leaves of what the function returns. ``dtype`` None: each tensor in its own type. There is
    no ``product`` where torch refuses the second derivative (once_differentiable, a kernel whose backward has none).
    What no input reaches has gradient 0.
    """
    wanted = None if dtype is None else getattr(torch, dtype)
    tensors = [torch.as_tensor(x, dtype=wanted).detach().requires_grad_() for x in point]
    n = len(tensors)
    if not tensors:
        raise Unsupported("there is no argument to differentiate by")

    def outputs(*x: torch.Tensor) -> list[torch.Tensor]:
        return [y for y in tree_leaves(function(*x)) if isinstance(y, torch.Tensor) and y.is_floating_point()]

    def gradient(*given: torch.Tensor) -> Sequence[torch.Tensor]:
        return pulled(outputs(*given[:n]), given[:n], given[n:])

    def product(*given: torch.Tensor) -> Sequence[torch.Tensor]:
        found = gradient(*given[:-n])
        if any(map(is_once_differentiable, found)):
            raise RuntimeError(ONCE)
        return pulled(found, given[:n], given[-n:])

    def checked(function: Callable[..., Any], what: str, *others: torch.Tensor) -> Tape:
        tape = traced(function, *tensors, *others, most=most, holds=holds)
        elsewhere = [*tensors, *map(_another, others)]
        answers = [array_of(x) for x in function(*elsewhere)]
        return faithful(tape, [array_of(x) for x in elsewhere], answers, what)

    # Weights that require gradients as well: else a once_differentiable backward leaves no trace of itself.
    ones = [torch.ones_like(y, requires_grad=True) for y in outputs(*tensors)]
    vectors = [x.detach() for x in tensors]

    def value(*arrays: Any) -> list[Any]:
        # With gradients, as when it was traced: a function may itself ask for one.
        pairs = zip(arrays, tensors, strict=True)
        moved = [torch.as_tensor(x, dtype=t.dtype).clone().requires_grad_() for x, t in pairs]
        return [array_of(y).astype(np.float64) for y in outputs(*moved)]

    here = [array_of(x).astype(np.float64) for x in tensors]
    forward = follows(traced(outputs, *tensors, most=most, holds=holds), here, value)
    first = checked(gradient, "gradient", *ones)
    found, refused = None, ""
    if second:
        try:
            found = checked(product, "second derivative", *ones, *vectors)
        except RuntimeError as error:
            if not any(words in str(error) for words in REFUSED):
                raise
            refused = str(error)
    return Traced(here, forward, first, found, refused)


def _another(tensor: torch.Tensor) -> torch.Tensor:
    """Of the same shape, between 1 and 2."""
    other = 1 + torch.rand(tensor.shape, dtype=tensor.dtype, generator=torch.Generator().manual_seed(0))
    return other.requires_grad_(tensor.requires_grad)


def missing() -> list[str]:
    """Core ATen operations on tensors that have neither a declaration nor a decomposition."""
    found = []
    for name in sorted(dir(torch.ops.aten)):
        packet = getattr(torch.ops.aten, name)
        overloads = [getattr(packet, o) for o in packet.overloads()] if hasattr(packet, "overloads") else []
        found += [str(func) for func in overloads if torch.Tag.core in func.tags and not is_known(func)]
    return found


def is_known(func: OpOverload) -> bool:
    """What writes has a functional self, what has no tensor (or none whose numbers count) gives constants."""
    if name_of(func) in UNTOUCHED or not any("Tensor" in str(a.type) for a in func._schema.arguments):
        return True
    integers = all("Tensor" not in str(r.type) for r in func._schema.returns) or name_of(func) in DISCRETE
    return func._schema.is_mutable or integers or bool(lowering_of(func) or decomposition_of(func))


def execution_of(
    func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], numbers: Sequence[int], results: Sequence[int],
    origin: Origin,
) -> Execution:  # fmt: skip
    """The operation by itself, called once more."""
    leaves, tree = tree_flatten((args, kwargs))
    dtypes = [x.dtype if isinstance(x, torch.Tensor) else None for x in leaves]
    held = [None if isinstance(x, torch.Tensor) else x for x in leaves]

    def run(arrays: Sequence[Any]) -> list[Any]:
        rest = iter(arrays)
        given = [
            x if dtype is None else torch.tensor(np.asarray(next(rest)), dtype=dtype)
            for x, dtype in zip(held, dtypes, strict=True)
        ]
        args, kwargs = tree_unflatten(given, tree)
        with torch.no_grad():
            found = func(*args, **kwargs)
        tensors = [x for x in tree_leaves(found) if isinstance(x, torch.Tensor)]
        return [array_of(x.double() if x.is_floating_point() else x) for x in tensors]

    return Execution(origin, tuple(numbers), tuple(results), run)


class Recorder(TorchDispatchMode):
    """Writes down every operation on what depends on an input; torch computes what it computes."""

    def __init__(self, most: int, holds: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.builder = Builder(most)
        self.holds = holds
        self.memory = Memory(self.builder)
        self.lines = Lines()
        self.inside: list[str] = []  # operations that are being taken apart
        self.outside = torch._C._dispatch_tls_local_include_set(), torch._C._dispatch_tls_local_exclude_set()

    def input(self, tensor: torch.Tensor) -> torch.Tensor:
        own = tensor.detach().clone()
        self.memory.hold(own, self.builder.input(kind_of(own)), ())
        return own.requires_grad_(tensor.requires_grad)

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        writes = func._schema.is_mutable
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        if name_of(func) in UNTOUCHED or not any(map(self.memory.holds, tensors)):
            if writes:
                self.memory.forget_constants()
            return func(*args, **kwargs)
        if writes:
            return self.written(func, args, kwargs)
        if lowering_of(func) is None and (rule := decomposition_of(func)) is not None:
            numbers = self.numbers(func, tensors)
            found = self.apart(rule, func, args, kwargs)
            if found is not NotImplemented:
                self.executed(func, args, kwargs, numbers, found)
                return found
        result = func(*args, **kwargs)
        numbers = self.numbers(func, tensors)
        self.record(func, bound(func, args, kwargs), result, tensors)
        self.executed(func, args, kwargs, numbers, result)
        return result

    def numbers(self, func: OpOverload, tensors: Sequence[torch.Tensor]) -> list[int]:
        """Of the arguments of a call that is the framework's own, not one of a rule by which it is taken apart."""
        return [] if self.inside else [self.memory.number(t, self.origin(func)) for t in tensors]

    def executed(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], numbers: Sequence[int], result: Any
    ) -> None:
        results = [x for x in tree_leaves(result) if isinstance(x, torch.Tensor)]
        if self.inside or not results or not all(map(self.memory.holds, results)):
            return
        origin = self.origin(func)
        found = [self.memory.number(r, origin) for r in results]
        if set(found) <= set(numbers):  # detach and its kin
            return
        self.builder.executions.append(execution_of(func, args, kwargs, numbers, found, origin))

    def apart(self, rule: Callable[..., Any], func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self.inside.append(str(func))
        # A rule that asks for gradients has to stand where the function itself does: above autograd.
        above = torch._C._ForceDispatchKeyGuard(*self.outside) if func in GRADIENTS else contextlib.nullcontext()
        try:
            with above, self:
                return rule(*args, **kwargs)
        finally:
            self.inside.pop()

    def origin(self, func: OpOverload) -> Origin:
        own = str(func)
        name = f"torch.ops.{own}" if not self.inside else f"torch.ops.{self.inside[0]} ({own.removeprefix('aten.')})"
        return Origin(name, self.lines.here())

    def record(
        self, func: OpOverload, arguments: Mapping[str, Any], result: Any, tensors: Sequence[torch.Tensor]
    ) -> None:
        origin = self.origin(func)
        results = [x for x in tree_leaves(result) if isinstance(x, torch.Tensor)]
        if not results or results[0].is_meta:  # of the latter torch wants to know the shape alone
            return
        if name_of(func) in PASSED:
            self.memory.hold(results[0], self.memory.number(tensors[0], origin), tensors)
            return
        lowering = lowering_of(func)
        numbers = [self.number(t, origin) for t in tensors]
        if lowering is None:
            if not self.stays(numbers, results):
                self.missing(func, numbers, results, origin)
            return
        known = {id(t): n for t, n in zip(tensors, numbers, strict=True)}
        values = tree_map(lambda x: known[id(x)] if isinstance(x, torch.Tensor) else x, arguments)
        call = TorchCall(self.builder, values, numbers, [kind_of(r) for r in results], origin, results, tensors)
        # Results that a lowering leaves out (integers, most often) stay what torch has computed.
        for tensor, number in zip(results, lowering(call), strict=False):
            self.memory.hold(tensor, number, tensors)

    def number(self, tensor: torch.Tensor, origin: Origin) -> int:
        """Of a tensor's value; held fixed where autograd takes it for constant, if that is wanted."""
        number = self.memory.number(tensor, origin)
        kind = self.builder.kinds[number]
        followed = tensor.requires_grad or kind.is_discrete or number in self.builder.constants
        # What a decomposition makes below autograd has a graph of its own nowhere.
        if followed or self.inside or not (self.holds and torch.is_grad_enabled()):
            return number
        return Value(self.builder.one(HELD, (number,), kind, origin))

    def stays(self, numbers: Sequence[int], results: Sequence[torch.Tensor]) -> bool:
        """Whether results are those of the point, as torch has them: of integers, and what integers there are."""
        given = all(self.builder.kinds[n].is_discrete for n in numbers)
        return given or all(kind_of(r).is_discrete for r in results)

    def missing(
        self, func: OpOverload, numbers: Sequence[int], results: Sequence[torch.Tensor], origin: Origin
    ) -> None:
        found = self.builder.emit(MISSING, numbers, [kind_of(r) for r in results], origin)
        for tensor, number in zip(results, found, strict=True):
            self.memory.hold(tensor, number, ())

    def written(self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """An operation that writes into its arguments: its functional self, the results of which are then put there."""
        arguments = bound(func, args, kwargs)
        targets = [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
        own = functional(func)
        if own is None and (rule := decomposition_of(func)) is not None:
            return self.apart(rule, func, args, kwargs)
        if own is None and torch.Tag.nondeterministic_seeded in func.tags and targets == ["self"]:
            drawn = args[0].detach().clone()
            func(drawn, *args[1:], **kwargs)
            self.put(args[0], drawn, self.origin(func))
            return args[0]
        if own is None or any(not isinstance(arguments[name], torch.Tensor) for name in targets):
            raise Unsupported(f"{self.origin(func)} has no functional form")
        names = {a.name for a in own._schema.arguments}
        with self:
            found = own(**{name: value for name, value in arguments.items() if name in names})
        several = found if isinstance(found, tuple | list) else (found,)
        origin = self.origin(func)
        if torch.Tag.inplace_view in func.tags:  # squeeze_ and its kin: another view of the same memory
            number = self.memory.number(found, origin)
            func(*args, **kwargs)
            self.memory.look(args[0], number)
            return args[0]
        for name, value in zip(targets, several, strict=True):
            self.put(arguments[name], value, origin)
        result = tuple(arguments[name] for name in targets)
        return result[0] if len(func._schema.returns) == 1 else result or None

    def put(self, target: torch.Tensor, value: torch.Tensor, origin: Origin) -> None:
        with self:
            value = value.to(target.dtype).expand(target.shape)
        number = self.memory.number(value, origin)
        self.memory.write(target, number, origin)
        target.copy_(value)

    def tape(self, results: Sequence[Any], inputs: Sequence[torch.Tensor]) -> Tape:
        outputs = [self.output(result, place, len(results), inputs) for place, result in enumerate(results)]
        tape = self.builder.tape(outputs)
        for instruction in tape.instructions:
            if instruction.operation == MISSING:
                raise Unsupported(f"{instruction.origin} has no declaration")
        return tape

    def output(self, result: Any, place: int, count: int, inputs: Sequence[torch.Tensor]) -> int:
        origin = Origin(f"output {place}")
        if result is None and count == len(inputs):
            return self.memory.constant(torch.zeros_like(inputs[place].detach()))
        if isinstance(result, bool | int | float | complex):
            return self.memory.constant(torch.tensor(result, dtype=torch.float64 if type(result) is float else None))
        if not isinstance(result, torch.Tensor):
            raise Unsupported(f"output {place} of the function is {type(result).__name__}, not a tensor")
        return self.memory.number(result, origin)
