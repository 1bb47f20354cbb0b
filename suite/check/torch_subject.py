"""A call of torch's: a function, a module, a custom operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.leaves import CannotCheck, Leaf, bound, complex_note, named, replaced, walk
from gradlaws.suite.check.subject import Called, Gradient, Kind, Mode, Order, Refused
from gradlaws.suite.check.torch_draws import drawn_in
from gradlaws.suite.check.torch_modes import COMPILED, LAYOUTS, MODES, Tensors, by_cotangent, by_grad
from gradlaws.suite.check.torch_tensors import (
    as_double,
    as_real,
    entered,
    has_derivative,
    requiring,
    shown,
    unusual,
)
from gradlaws.suite.tape.tape import Tape, Unsupported
from gradlaws.suite.tracing import of_torch
from gradlaws.suite.tracing.traced import Traced

FUNCTORCH = frozenset(
    {"value by func.vmap", "func.vjp", "func.vmap", "func.jvp", "func.jvp by each leaf", "jvp of vjp", "vjp of jvp"}
)
REFUSES = "not differentiable with respect to argument"
SUBSETS = 6  # leaves that are asked alone


def is_ours(value: Any) -> bool:
    return isinstance(value, torch.Tensor | torch.nn.Module)


class TorchSubject:
    """Parameters of a module are leaves by their names, beside the arguments. ``after`` is applied to what comes out.

    A complex leaf is one of real numbers, whose last axis is of real and imaginary parts; so is a complex result.
    """

    framework, repeated = "torch", "grad"

    def __init__(
        self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], seed: int,
        after: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self._made = function, args, kwargs, seed, after
        self._after = after
        module = function if isinstance(function, torch.nn.Module) else None
        self._bound = bound(function, args, kwargs, module.forward if module is not None else None)
        self._module, self._seed = module, seed
        self.notes: list[str] = []
        found = [(path, x) for path, x in walk(self._bound.arguments) if isinstance(x, torch.Tensor)]
        floats = [(path, x) for path, x in found if has_derivative(x)]
        chosen = [(path, x) for path, x in floats if x.requires_grad] or floats
        for path, x in chosen:
            if kind := unusual(x):
                raise CannotCheck(
                    f"{named(path)} is {kind}: give a dense tensor of float16, bfloat16, float32 or float64"
                )
        self._paths = [path for path, _ in chosen]
        parameters = dict(module.named_parameters()) if module is not None else {}
        if any(torch.nn.parameter.is_lazy(p) for p in parameters.values()):
            raise CannotCheck("the module's parameters have no shape yet: call it once before")
        own = {name: p for name, p in parameters.items() if p.requires_grad and has_derivative(p)}
        self._names, self._fixed = list(own), {n: p.detach() for n, p in parameters.items() if n not in own}
        given = [x.detach() for x in (*(x for _, x in chosen), *own.values())]
        given = [x.clone() if x.is_inference() else x for x in given]
        self._complex = [x.is_complex() for x in given]
        self._tensors = [as_real(x) for x in given]
        if not self._tensors:
            raise CannotCheck(_nothing(found))
        names = [named(path) for path, _ in chosen] + list(own)
        self.inputs = [leaf(name, x) for name, x in zip(names, self._tensors, strict=True)]
        self.notes += complex_note(names, self._complex)
        self.point: list[Floats] = [shown(x) for x in self._tensors]
        try:
            self.outputs = self._outputs()
        except RuntimeError as error:
            if REFUSES not in str(error) or any(x.requires_grad for _, x in chosen):
                raise
            self._hold_fixed()
            self.outputs = self._outputs()

    def _hold_fixed(self) -> None:
        """What the call refuses to be differentiated by, as a loss its targets."""
        for k in reversed(range(len(self._paths))):
            try:
                self._called([x.clone().requires_grad_(k == other) for other, x in enumerate(self._tensors)])
            except RuntimeError as error:
                if REFUSES in str(error):
                    self.notes.append(f"{self.inputs[k].name} is held fixed: {str(error).split('. ')[0]}")
                    for leaves in (self._paths, self._complex, self._tensors, self.inputs, self.point):
                        del leaves[k]

    def _outputs(self) -> list[Leaf]:
        try:
            with torch.enable_grad():
                result = self._called([x.clone().requires_grad_() for x in self._tensors])
        except RuntimeError as error:
            if "leaf Variable" not in str(error):
                raise
            raise CannotCheck(
                "the function writes into what it is differentiated by: let it write into a copy"
            ) from error
        found = [(path, y) for path, y in walk(result) if isinstance(y, torch.Tensor)]
        leaves = [leaf(named(("result", *path)), as_real(y)) for path, y in found if has_derivative(y)]
        if not leaves:
            what = ", ".join(sorted({str(y.dtype) for _, y in found})) or type(result).__name__
            raise CannotCheck(f"the function gives {what}: nothing of it is a float tensor that has a derivative")
        return leaves

    def _called(self, tensors: Tensors) -> Any:
        """The call itself, with these tensors in place of its own."""
        given = [torch.view_as_complex(x) if c else x for x, c in zip(tensors, self._complex, strict=True)]
        result = self._result(given)
        return result if self._after is None else self._after(result)

    def _result(self, tensors: Tensors, reseeded: bool = True) -> Any:
        own = dict(zip(self._paths, tensors, strict=False))
        widened = any(str(x.dtype) != f"torch.{leaf.dtype}" for x, leaf in zip(tensors, self.inputs, strict=True))
        fixed = as_double if widened else torch.clone  # copies: a call may write into what it is given
        given = {
            path: fixed(x) for path, x in walk(self._bound.arguments) if isinstance(x, torch.Tensor) and path not in own
        }
        arguments = replaced(dict(self._bound.arguments), {**given, **own})
        with seeded(self._seed) if reseeded else nullcontext():
            if self._module is None:
                return self._bound.call(arguments)
            parameters = dict(zip(self._names, tensors[len(self._paths) :], strict=True))
            buffers = {name: fixed(b) for name, b in self._module.named_buffers()}
            state = {**{name: fixed(p) for name, p in self._fixed.items()}, **buffers, **parameters}
            with torch.nn.utils.stateless._reparametrize_module(self._module, state, tie_weights=True):
                return self._bound.call(arguments)

    def function(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """x -> the float leaves of the result."""
        found = [y for _, y in walk(self._called(tensors)) if isinstance(y, torch.Tensor)]
        return tuple(as_real(y) for y in found if has_derivative(y))

    @cached_property
    def draws(self) -> bool:
        """Whether the call takes random numbers."""
        with seeded(self._seed):
            before = torch.get_rng_state()
            self._result([x.clone().requires_grad_() for x in self._tensors], reseeded=False)
            return not torch.equal(before, torch.get_rng_state())

    @cached_property
    def draws_others_in_functorch(self) -> bool:
        """Dropout, for one, is taken apart there, and draws its mask in another way."""
        if not self.draws:
            return False
        plain = [x.detach() for x in self._tensors]
        try:
            there = torch.func.vjp(self.function, *plain)[0]
        except (RuntimeError, NotImplementedError, TypeError):
            return False  # then they refuse by themselves
        own = self.function(*(x.clone().requires_grad_() for x in plain))
        pairs = zip((y.detach() for y in own), there, strict=True)
        return not all(torch.allclose(a, b, rtol=torch.finfo(a.dtype).eps ** 0.5, equal_nan=True) for a, b in pairs)

    def called(self) -> list[Called]:
        found: list[Called] = []

        class Listener(TorchFunctionMode):
            def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                with torch.no_grad():
                    found.append((getattr(func, "__name__", ""), [number for x in args for number in as_numbers(x)]))
                return func(*args, **(kwargs or {}))

        with Listener():
            self._called([x.clone().requires_grad_() for x in self._tensors])
        return found

    def at(self, point: Sequence[Floats]) -> TorchSubject:
        other = TorchSubject(*self._made)
        other._tensors = [entered(x, leaf.dtype) for x, leaf in zip(point, self.inputs, strict=True)]
        other.point = [shown(x) for x in other._tensors]
        return other

    def traced(self, wide: bool, second: bool, holds: bool) -> Traced:
        dtype = "float64" if wide else None
        function = self._as_drawn() if wide else self.function
        try:
            return of_torch.derivatives(function, *self._tensors, second=second, dtype=dtype, holds=holds)
        except RuntimeError as error:
            if "leaf Variable" not in str(error):
                raise
            raise CannotCheck(
                "its backward writes into the cotangent that it is given: let it write into a copy"
            ) from error

    def _as_drawn(self) -> Callable[..., Any]:
        """With the random numbers of the call's own type."""
        types = {x.dtype for x in self._tensors}
        if len(types) != 1 or types == {torch.float64}:
            return self.function
        return drawn_in(types.pop(), self.function)

    def tangents(self, wide: bool, mode: str) -> Tape:
        return self._pushed(MODES[mode][2], wide)

    def cotangents_derivative(self, wide: bool) -> Tape:
        return self._pushed(by_cotangent, wide)

    def _pushed(self, ask: Callable[..., Any], wide: bool) -> Tape:
        point = [x.double() if wide else x for x in self._tensors]
        function = self._as_drawn() if wide else self.function
        ws = [torch.ones_like(y) for y in function(*point)]
        n = len(point)

        def pushed(*given: torch.Tensor) -> Any:
            return ask(function, requiring(given[:n]), [w.clone() for w in ws], list(given[n:]))

        return taped(pushed, *point, *(torch.ones_like(x) for x in point))

    def runs(self, mode: str) -> Tape:
        if mode not in MODES:
            raise Unsupported(f"what {mode} makes of it is not traced")
        ask, n, m = MODES[mode][2], len(self.inputs), len(self.outputs)

        def asked(*given: torch.Tensor) -> Any:
            ws, vs = [w.clone() for w in given[n : n + m]], list(given[n + m :])
            return ask(self.function, requiring(given[:n]), ws, vs)

        ones = [torch.ones(y.shape, dtype=getattr(torch, y.dtype)) for y in self.outputs]
        return taped(asked, *self._tensors, *ones, *map(torch.ones_like, self._tensors))

    def subsets(self, random: np.random.Generator) -> list[tuple[tuple[int, ...], Gradient]]:
        n = len(self._tensors)
        if n < 2:
            return []
        chosen = range(n) if n <= SUBSETS else sorted(int(k) for k in random.choice(n, SUBSETS, replace=False))
        alone = [(k,) for k in chosen]
        without = [tuple(other for other in range(n) if other != k) for k in chosen] if n > 2 else []
        return [(ks, self._by(ks)) for ks in (*alone, *without)]

    def _by(self, ks: Sequence[int]) -> Gradient:
        def asked(weights: Sequence[Floats]) -> list[Floats]:
            xs = [x.clone() for x in self._tensors]
            leaves = [xs[k].requires_grad_() for k in ks]
            try:
                found = by_grad(self.function, leaves, self.weights(weights), [], among=xs)
            except RuntimeError as error:  # it asks for gradients of its own by the others
                raise Refused(str(error)) from error
            return [shown(g) for g in found]

        return asked

    def weights(self, arrays: Sequence[Floats]) -> list[torch.Tensor]:
        return [entered(w, y.dtype) for w, y in zip(arrays, self.outputs, strict=False)]

    def vectors(self, arrays: Sequence[Floats]) -> list[torch.Tensor]:
        return [entered(v, x.dtype) for v, x in zip(arrays, self.inputs, strict=False)]

    def modes(self, compiled: bool) -> list[Mode]:
        offered = {**MODES, **(COMPILED if compiled else {})}
        return [self._mode(name, *what) for name, what in offered.items()]

    def _mode(self, name: str, order: Order, kind: Kind, ask: Callable[..., Any]) -> Mode:
        def asked(weights: Sequence[Floats], vectors: Sequence[Floats]) -> list[Floats]:
            xs = [x.clone().requires_grad_() for x in self._tensors]
            if name in FUNCTORCH and self.draws_others_in_functorch:
                raise Refused("functorch draws other random numbers there than the call: another function")
            try:
                found = ask(self.function, xs, self.weights(weights), self.vectors(vectors))
            except (RuntimeError, NotImplementedError, TypeError) as error:
                raise Refused(str(error)) from error
            if order and any(not torch.equal(x, own) for x, own in zip(xs, self._tensors, strict=True)):
                raise CannotCheck(f"the function writes into what it is given (seen in {name}): give it copies")
            return [shown(y) for y in found]

        return Mode(name, order, kind, asked)

    def layouts(self) -> dict[str, Callable[[Sequence[Floats]], list[Floats]]]:
        return {name: self._laid_out(layout) for name, layout in LAYOUTS.items()}

    def _laid_out(self, layout: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Sequence[Floats]], list[Floats]]:
        def asked(weights: Sequence[Floats]) -> list[Floats]:
            xs = [x.clone().requires_grad_() for x in self._tensors]
            ws = [layout(w) for w in self.weights(weights)]
            return [shown(y) for y in by_grad(self.function, xs, ws, [])]

        return asked


def as_numbers(argument: Any) -> list[Floats]:
    """Of a float tensor, or a number of Python's."""
    if isinstance(argument, torch.Tensor):
        return [shown(argument)] if argument.is_floating_point() else []
    return [np.asarray(float(argument))] if isinstance(argument, int | float) else []


def taped(function: Callable[..., Any], *tensors: torch.Tensor) -> Tape:
    """Raises Unsupported where torch does not offer it."""
    try:
        return of_torch.traced(function, *tensors)
    except (RuntimeError, NotImplementedError) as error:
        raise Unsupported(str(error)) from error


def leaf(name: str, tensor: torch.Tensor) -> Leaf:
    return Leaf(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def _nothing(found: Sequence[tuple[Any, torch.Tensor]]) -> str:
    if not found:
        return "no argument is a tensor: give the call as you make it, with its tensors"
    kinds = ", ".join(f"{named(path)} is {str(x.dtype).removeprefix('torch.')}" for path, x in found[:4])
    return f"no argument is a float tensor ({kinds}): there is nothing to differentiate by"


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """What is drawn inside is drawn alike each time; the caller's own generator stays where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
