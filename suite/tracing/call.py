"""One operation of a framework's trace, on its way to the tape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradlaws.suite.tape.tape import Builder, Kind, Origin, Shape

OF_SYMMETRIC = " of a symmetric matrix"  # ends the name of what makes it one
SYMMETRIC = 2.0**-7  # of its largest entry, what one that was computed may be off by, in the narrowest type


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
    """``at_point()`` is what jax itself computes at the point of the arguments, which have ``values()`` there."""

    at_point: Callable[[], Sequence[Any]]
    values: Callable[[], Sequence[Any]]


def symmetrised(call: Call, value: int, at_point: Any, lower: bool) -> int:
    """(A + Aᵀ) / 2, if the matrix is symmetric at the point, up to rounding; what is left to the triangle that is read
    stays as it is there.

    What is defined of symmetric matrices alone reads one triangle. Beside the point it is this that is meant: along
    symmetric directions all that agree there have one derivative.
    """
    a, kind = np.asarray(at_point, dtype=np.float64), call.to.kinds[value]
    turned = np.swapaxes(a, -1, -2)
    if not np.all(np.abs(a - turned) <= SYMMETRIC * np.max(np.abs(a), initial=0.0)):
        return value
    rank, origin = len(kind.shape), replace(call.origin, name=f"{call.origin.name}{OF_SYMMETRIC}")
    permutation = (*range(rank - 2), rank - 1, rank - 2)
    other = call.to.one("transpose", [value], kind, origin, permutation=permutation)
    total = call.to.one("add", [value, other], kind, origin)
    mean = call.to.one("mul", [total, call.to.constant(np.asarray(0.5), kind.dtype)], kind, origin)
    read = np.tril(np.ones(a.shape, dtype=bool)) == lower
    rest = np.where(read | np.eye(a.shape[-1], dtype=bool), a, turned) - (a + turned) / 2
    return call.to.one("add", [mean, call.to.constant(rest, kind.dtype)], kind, origin) if np.any(rest) else mean


Lowering = Callable[[Call], list[int]]
JaxLowering = Callable[[JaxCall], list[int]]


def as_it_is(operation: str) -> Lowering:
    """The same arguments, no parameters."""
    return lambda call: call.emit(operation)


def with_parameters(operation: str, translated: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Lowering:
    return lambda call: call.emit(operation, **translated(call.parameters))
