"""A call of torch's: a function, a module, a custom operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.leaves import CannotCheck, Leaf, bound, named, replaced, walk
from gradlaws.suite.check.subject import Mode, Refused
from gradlaws.suite.tape.tape import Tape
from gradlaws.suite.tracing import of_torch
from gradlaws.suite.tracing.torch_call import array_of
from gradlaws.suite.tracing.traced import Traced

Tensors = Sequence[torch.Tensor]


def is_ours(value: Any) -> bool:
    return isinstance(value, torch.Tensor | torch.nn.Module)


class TorchSubject:
    """``modules``: parameters are leaves by their names, beside the arguments."""

    framework = "torch"

    def __init__(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], seed: int) -> None:
        module = function if isinstance(function, torch.nn.Module) else None
        self._bound = bound(function, args, kwargs, module.forward if module is not None else None)
        self._module, self._seed = module, seed
        self.notes: list[str] = []
        found = [(path, x) for path, x in walk(self._bound.arguments) if isinstance(x, torch.Tensor)]
        floats = [(path, x) for path, x in found if x.is_floating_point()]
        chosen = [(path, x) for path, x in floats if x.requires_grad] or floats
        self._paths = [path for path, _ in chosen]
        parameters = dict(module.named_parameters()) if module is not None else {}
        own = {name: p for name, p in parameters.items() if p.requires_grad and p.is_floating_point()}
        self._names, self._fixed = list(own), {n: p.detach() for n, p in parameters.items() if n not in own}
        self._tensors = [x.detach() for _, x in chosen] + [p.detach() for p in own.values()]
        if not self._tensors:
            raise CannotCheck(_nothing(found))
        self.inputs = [leaf(named(path), x) for path, x in chosen] + [leaf(n, p) for n, p in own.items()]
        self.point: list[Floats] = [array_of(x).astype("float64") for x in self._tensors]
        self.outputs = self._outputs()

    def _outputs(self) -> list[Leaf]:
        with torch.enable_grad():
            result = self._called([x.clone().requires_grad_() for x in self._tensors])
        found = [(path, y) for path, y in walk(result) if isinstance(y, torch.Tensor)]
        leaves = [leaf(named(("result", *path)), y) for path, y in found if y.is_floating_point()]
        if not leaves:
            what = ", ".join(sorted({str(y.dtype) for _, y in found})) or type(result).__name__
            raise CannotCheck(f"the function gives {what}: nothing of it is a float tensor that has a derivative")
        return leaves

    def _called(self, tensors: Tensors) -> Any:
        """The call itself, with these tensors in place of its own."""
        own = dict(zip(self._paths, tensors, strict=False))
        given = {
            path: x.clone()  # a call may write into what it is given
            for path, x in walk(self._bound.arguments)
            if isinstance(x, torch.Tensor) and path not in own
        }
        arguments = replaced(dict(self._bound.arguments), {**given, **own})
        with seeded(self._seed):
            if self._module is None:
                return self._bound.call(arguments)
            parameters = dict(zip(self._names, tensors[len(self._paths) :], strict=True))
            buffers = {name: b.clone() for name, b in self._module.named_buffers()}
            state = {**self._fixed, **buffers, **parameters}
            with torch.nn.utils.stateless._reparametrize_module(self._module, state, tie_weights=True):
                return self._bound.call(arguments)

    def function(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """x -> the float leaves of the result."""
        found = [y for _, y in walk(self._called(tensors)) if isinstance(y, torch.Tensor)]
        return tuple(y for y in found if y.is_floating_point())

    def traced(self, wide: bool, second: bool, holds: bool) -> Traced:
        dtype = "float64" if wide else None
        return of_torch.derivatives(self.function, *self._tensors, second=second, dtype=dtype, holds=holds)

    def tangents(self, wide: bool) -> Tape:
        point = [x.double() for x in self._tensors] if wide else self._tensors

        def pushed(*given: torch.Tensor) -> Any:
            n = len(self._tensors)
            return torch.func.jvp(lambda *x: self.function(*x), given[:n], given[n:])[1]

        return of_torch.traced(pushed, *point, *(torch.ones_like(x) for x in point))

    def weights(self, arrays: Sequence[Floats]) -> list[torch.Tensor]:
        return [entered(w, y.dtype) for w, y in zip(arrays, self.outputs, strict=False)]

    def vectors(self, arrays: Sequence[Floats]) -> list[torch.Tensor]:
        return [entered(v, x.dtype) for v, x in zip(arrays, self.inputs, strict=False)]

    def modes(self, compiled: bool) -> list[Mode]:
        found = [self._mode(name, order, ask) for name, (order, ask) in MODES.items()]
        if compiled:
            found += [self._mode(name, order, ask) for name, (order, ask) in COMPILED.items()]
        return found

    def _mode(self, name: str, order: int, ask: Callable[..., Any]) -> Mode:
        def asked(weights: Sequence[Floats], vectors: Sequence[Floats]) -> list[Floats]:
            xs = [x.clone().requires_grad_() for x in self._tensors]
            try:
                found = ask(self.function, xs, self.weights(weights), self.vectors(vectors))
            except (RuntimeError, NotImplementedError, TypeError) as error:
                raise Refused(str(error)) from error
            if order and any(not torch.equal(x, own) for x, own in zip(xs, self._tensors, strict=True)):
                raise CannotCheck(f"the function writes into what it is given (seen in {name}): give it copies")
            return [array_of(y).astype("float64") for y in found]

        return Mode(name, order, asked, forward=name in FORWARD)  # type: ignore[arg-type]

    def layouts(self) -> dict[str, Callable[[Sequence[Floats]], list[Floats]]]:
        """The gradient for weights that lie in memory like that."""
        return {name: self._laid_out(layout) for name, layout in LAYOUTS.items()}

    def _laid_out(self, layout: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Sequence[Floats]], list[Floats]]:
        def asked(weights: Sequence[Floats]) -> list[Floats]:
            xs = [x.clone().requires_grad_() for x in self._tensors]
            ws = [layout(w) for w in self.weights(weights)]
            return [array_of(y).astype("float64") for y in by_grad(self.function, xs, ws, [])]

        return asked


def leaf(name: str, tensor: torch.Tensor) -> Leaf:
    return Leaf(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def entered(array: Floats, dtype: str) -> torch.Tensor:
    return torch.from_numpy(np.array(array)).to(getattr(torch, dtype))


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


# A mode stands alone: ask(function, x, weights, vectors), with x requiring gradients.


def value(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    return list(function(*xs))


def by_grad(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    ys = function(*xs)
    reached = [(y, w) for y, w in zip(ys, ws, strict=True) if y.requires_grad]
    if not reached:
        return [torch.zeros_like(x) for x in xs]
    outputs, weights = zip(*reached, strict=True)
    return torch.autograd.grad(outputs, xs, weights, allow_unused=True, materialize_grads=True)


def by_backward(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    reached = [(y, w) for y, w in zip(function(*xs), ws, strict=True) if y.requires_grad]
    if reached:
        torch.autograd.backward(*zip(*reached, strict=True))  # type: ignore[arg-type]
    return [x.grad if x.grad is not None else torch.zeros_like(x) for x in xs]


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


def twice_by_grad(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """Reverse over reverse."""
    weights = [w.requires_grad_() for w in ws]  # else a once_differentiable backward leaves no trace of itself
    gradient = of_torch.pulled(function(*xs), xs, weights)
    if any(map(of_torch.is_once_differentiable, gradient)):
        raise RuntimeError("the backward is once_differentiable")
    return of_torch.pulled(gradient, xs, vs)


def jvp_of_vjp(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """Forward over reverse."""
    plain = tuple(x.detach() for x in xs)
    return list(torch.func.jvp(lambda *x: torch.func.vjp(function, *x)[1](tuple(ws)), plain, tuple(vs))[1])


def vjp_of_jvp(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    """Reverse over forward."""
    plain = tuple(x.detach() for x in xs)
    return list(torch.func.vjp(lambda *x: torch.func.jvp(function, x, tuple(vs))[1], *plain)[1](tuple(ws)))


def by_compile(function: Any, xs: Tensors, ws: Tensors, vs: Tensors) -> Tensors:
    return by_grad(torch.compile(function), xs, ws, vs)


MODES: dict[str, tuple[int, Callable[..., Any]]] = {
    "eager": (0, value),
    "grad": (1, by_grad),
    "backward": (1, by_backward),
    "func.vjp": (1, by_vjp),
    "func.vmap": (1, by_vmap),
    "checkpoint": (1, by_checkpoint),
    "func.jvp": (1, by_jvp),
    "grad of grad": (2, twice_by_grad),
    "jvp of vjp": (2, jvp_of_vjp),
    "vjp of jvp": (2, vjp_of_jvp),
}
COMPILED: dict[str, tuple[int, Callable[..., Any]]] = {"compile": (1, by_compile)}
FORWARD = frozenset({"func.jvp"})


def strided(w: torch.Tensor) -> torch.Tensor:
    """Every second place; what stands between must not be read."""
    return torch.stack([w, torch.full_like(w, torch.nan)], dim=-1)[..., 0]


def transposed(w: torch.Tensor) -> torch.Tensor:
    return w.transpose(0, -1).contiguous().transpose(0, -1) if w.ndim > 1 else w


def expanded(w: torch.Tensor) -> torch.Tensor:
    """One number, at stride 0: what the gradient of a sum is."""
    return w.reshape(-1)[:1].reshape([1] * w.ndim).expand(w.shape) if w.numel() else w


LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "strided": strided, "transposed": transposed, "expanded": expanded,
}  # fmt: skip
