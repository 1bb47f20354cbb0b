"""One instruction of a tape at its point, as rules of error propagation see it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradlaws.suite.rounding.arithmetic import Arithmetic, Unit
from gradlaws.suite.tape.operations import declaration
from gradlaws.suite.tape.operations.declaration import Declaration
from gradlaws.suite.tape.tape import Array, Instruction, Tape

Error = Array | None  # of every entry at most so much, in float64; None where a value has none


class Unknown(Exception):
    """What an error rule does not know of one operation, in a few words."""


@dataclass(frozen=True, eq=False)
class Step:
    """``arguments`` and ``results`` are values in float64 (or complex128, or discrete)."""

    tape: Tape
    instruction: Instruction
    values: Mapping[int, Array]
    arithmetic: Arithmetic
    kept: dict[str, Any] = field(default_factory=dict)  # what a rule needs again

    @cached_property
    def arguments(self) -> list[Array]:
        return [self.values[i] for i in self.instruction.arguments]

    @cached_property
    def results(self) -> list[Array]:
        return [self.values[i] for i in self.instruction.results]

    @property
    def result(self) -> Array:
        return self.values[self.instruction.results[0]]

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.instruction.parameters

    @property
    def operation(self) -> str:
        return self.instruction.operation

    @cached_property
    def declared(self) -> Declaration:
        return declaration(self.operation)

    @property
    def is_float(self) -> bool:
        return not self.tape.kinds[self.instruction.results[0]].is_discrete

    @property
    def dtype(self) -> str:
        return self.tape.kinds[self.instruction.results[0]].dtype

    @cached_property
    def unit(self) -> Unit:
        return self.arithmetic.unit(self.dtype)

    def is_real(self, place: int) -> bool:
        """Of an argument, whether its numbers are real floats."""
        return self.tape.kinds[self.instruction.arguments[place]].is_float

    def exact_number(self, place: int) -> float | None:
        """Of an argument that is a constant with one entry."""
        number = self.instruction.arguments[place]
        value = self.values[number]
        return float(value.reshape(-1)[0]) if number in self.tape.constants and value.size == 1 else None

    def is_power_of_two(self, place: int) -> bool:
        found = self.exact_number(place)
        return found is not None and abs(math.frexp(found)[0]) == 0.5


Errors = Sequence[Error]


def sized(error: Error, shape: tuple[int, ...]) -> Array:
    """As an array, 0 where there is none."""
    return np.zeros(shape) if error is None else np.broadcast_to(error, shape)


def times(size: Array, error: Array) -> Array:
    """size · error; 0 where there is no error, whatever the size."""
    found = size * error
    if not np.all(np.isfinite(found)):
        found = np.where(error == 0, 0.0, found)
    return np.asarray(found)


def added(*errors: Error) -> Error:
    found: Error = None
    for error in errors:
        if error is not None:
            found = error if found is None else found + error
    return found


def summed_to(cotangent: Array, shape: tuple[int, ...]) -> Array:
    """The cotangent of an argument of that shape which was broadcast."""
    g = np.asarray(cotangent)
    if g.shape == shape:
        return g
    if g.ndim > len(shape):
        g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return np.broadcast_to(g.sum(axis=axes, keepdims=True) if axes else g, shape)
