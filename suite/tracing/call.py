"""One operation of a framework's trace, on its way to the tape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradlaws.suite.tape.tape import Builder, Kind, Origin, Shape


@dataclass(frozen=True)
class Call:
    """``arguments`` are numbers of values on the tape, ``kinds`` are of the results."""

    to: Builder
    parameters: Mapping[str, Any]
    arguments: Sequence[int]
    kinds: Sequence[Kind]
    origin: Origin

    def shape(self, place: int) -> Shape:
        """Of an argument."""
        return self.to.kinds[self.arguments[place]].shape

    def emit(self, operation: str, *arguments: int, **parameters: Any) -> list[int]:
        """The operation that gives the results; of all arguments, unless some are named."""
        return self.to.emit(operation, arguments or self.arguments, self.kinds, self.origin, **parameters)

    def before(self, operation: str, shape: Shape, /, *arguments: int, **parameters: Any) -> int:
        """One that stands before it, with a result of that shape and of the type of its first argument."""
        kind = Kind(shape, self.to.kinds[arguments[0]].dtype)
        return self.to.one(operation, arguments, kind, self.origin, **parameters)


@dataclass(frozen=True)
class JaxCall(Call):
    """``at_point()`` is what jax itself computes of the arguments at the point."""

    at_point: Callable[[], Sequence[Any]]


Lowering = Callable[[Call], list[int]]
JaxLowering = Callable[[JaxCall], list[int]]


def as_it_is(operation: str) -> Lowering:
    """The same arguments, no parameters."""
    return lambda call: call.emit(operation)


def with_parameters(operation: str, translated: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Lowering:
    return lambda call: call.emit(operation, **translated(call.parameters))
