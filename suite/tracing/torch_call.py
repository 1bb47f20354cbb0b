"""One ATen operation on its way to the tape: its arguments by the names of its schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradlaws.suite.tape.tape import Array, Kind, Shape
from gradlaws.suite.tracing.call import Call


class Value(int):
    """The number of a value on the tape: what stands for a tensor among the arguments of an operation."""


@dataclass(frozen=True)
class TorchCall(Call):
    """``parameters`` are all arguments by name, with a Value for each tensor; ``results`` are what torch computed, and
    ``tensors`` what it computed them from."""

    results: Sequence[torch.Tensor]
    tensors: Sequence[torch.Tensor]

    def tensor(self, value: int) -> torch.Tensor:
        """Of an argument, what it is at the point."""
        return self.tensors[list(self.arguments).index(value)]

    def __getitem__(self, name: str) -> Any:
        return self.parameters.get(name)

    @property
    def kind(self) -> Kind:
        """Of the first result."""
        return self.kinds[0]

    def kind_of(self, value: int) -> Kind:
        return self.to.kinds[value]

    def one(self, operation: str, shape: Shape, /, *arguments: int, of: str | None = None, **parameters: Any) -> Value:
        """An operation with one result, of that type or the one of the call's first result."""
        kind = Kind(tuple(shape), of or self.kind.dtype)
        return Value(self.to.one(operation, arguments, kind, self.origin, **parameters))

    def last(self, operation: str, *arguments: int, **parameters: Any) -> list[int]:
        """The operation that gives the first result; what other results there are stay what torch computed."""
        return [self.to.one(operation, arguments, self.kind, self.origin, **parameters)]

    def constant(self, value: Any, dtype: str | None = None) -> Value:
        dtype = dtype or self.kind.dtype
        kind = Kind((), dtype)
        held: Array = np.asarray(value, dtype=dtype if kind.is_discrete or kind.is_complex else np.float64)
        return Value(self.to.constant(as_stored(held, dtype), dtype))

    def constant_like(self, place: int) -> Value:
        """A result as torch has computed it."""
        return Value(self.to.constant(array_of(self.results[place]), self.kinds[place].dtype))

    def converted(self, value: int, dtype: str) -> Value:
        """As a value of that type: between floats the number stays, but what computes it rounds to the narrower."""
        old = self.kind_of(value)
        if old.dtype == dtype:
            return Value(value)
        kind = Kind(old.shape, dtype)
        return Value(self.to.emit("convert", (value,), (kind,), self.origin, dtype=dtype, kind=kind.number)[0])

    def operand(self, name: str, dtype: str | None = None) -> Value:
        """An argument, tensor or number, as a value of that type: what torch's promotion makes of it."""
        held, dtype = self.parameters[name], dtype or self.kind.dtype
        return self.converted(held, dtype) if isinstance(held, Value) else self.constant(held, dtype)

    def common(self, *names: str) -> str:
        """The type that torch promotes these arguments to."""
        samples = [self._sample(name) for name in names]
        return str(torch.result_type(samples[0], samples[-1])).removeprefix("torch.")

    def _sample(self, name: str) -> Any:
        held = self.parameters[name]
        if not isinstance(held, Value):
            return held
        kind = self.kind_of(held)
        return torch.empty((0,) * len(kind.shape), dtype=getattr(torch, kind.dtype))


def as_stored(value: Array, dtype: str) -> Array:
    """A number that torch rounds to the type of the tensor beside it. (bfloat16 and float16 compute in float32.)"""
    if dtype in ("float32", "bfloat16", "float16"):
        return value.astype(np.float32)
    return value


def kind_of(tensor: torch.Tensor) -> Kind:
    return Kind(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def array_of(tensor: torch.Tensor) -> Array:
    """A copy, as NumPy has it; of bfloat16 in float32, which holds it exactly."""
    tensor = tensor.detach()
    if tensor._is_zerotensor():  # .numpy() refuses these
        tensor = torch.zeros(tensor.shape, dtype=tensor.dtype)
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.to(torch.float32)
    found: Array = tensor.resolve_conj().resolve_neg().cpu().numpy().copy()
    return found


TorchLowering = Callable[[TorchCall], list[int]]
