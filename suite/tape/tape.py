"""A tape: what a framework runs at one point, as a flat immutable list of operations on arrays of any rank and type.

Calls, custom rules and control flow are inlined as they go at the point (suite/tracing). Every value has a number;
which operations there are, and what each means, is suite/tape/operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]

FLOATS = frozenset({"float64", "float32", "float16", "bfloat16"})
HELD = "held"  # what a function holds fixed (stop_gradient, detach): beside the point it is what it is there
COMPLEX = frozenset({"complex128", "complex64"})


@dataclass(frozen=True)
class Kind:
    """Of a value: its shape, and its type as the framework names it ("bfloat16", "int32", "bool", "complex64")."""

    shape: Shape
    dtype: str

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    @property
    def is_complex(self) -> bool:
        return self.dtype in COMPLEX

    @property
    def is_discrete(self) -> bool:
        """Whether its entries are integers or booleans: they stay what they are while the point moves a little."""
        return self.number == "discrete"

    @property
    def number(self) -> str:
        """ "float", "complex" or "discrete"."""
        return "float" if self.is_float else "complex" if self.is_complex else "discrete"


@dataclass(frozen=True)
class Origin:
    """Where an operation comes from: the framework's name of it, and the line of the user's code ("" if not known)."""

    name: str = ""
    line: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.line})" if self.line else self.name


@dataclass(frozen=True, eq=False)
class Instruction:
    """An operation applied to earlier values: ``arguments`` and ``results`` are their numbers."""

    operation: str
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin = Origin()


@dataclass(frozen=True, eq=False)
class Execution:
    """One call of the framework's, which a few instructions stand for. ``run(arrays)``: its results as NumPy has them,
    the float ones in float64, from arrays for the ``arguments``."""

    origin: Origin
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    run: Callable[[Sequence[Any]], Sequence[Array]]


class Unsupported(Exception):
    """What cannot be taken apart: an operation without a declaration, or a program that is too long.

    The text names it as the framework does, with the user's line.
    """


class NoFunction(Unsupported):
    """What gives other numbers each time: there is nothing to ask, not even by differences."""


class TooLarge(Unsupported):
    """What would take too long, or too much memory; the text says how much."""


@dataclass(frozen=True, eq=False)
class Tape:
    """``kinds`` are of every value by its number, ``constants`` the arrays that the program brings along.

    ``executions`` are the framework's calls, where the trace has kept them, in their order.
    """

    kinds: tuple[Kind, ...]
    inputs: tuple[int, ...]
    constants: Mapping[int, Array]
    instructions: tuple[Instruction, ...]
    outputs: tuple[int, ...]
    executions: tuple[Execution, ...] = ()

    @cached_property
    def scalar_operations(self) -> int:
        """About so many numbers are computed, products of matrices counted by their length: what a run costs."""
        return sum(self._cost(instruction) for instruction in self.instructions)

    def _cost(self, instruction: Instruction) -> int:
        entries = sum(self.kinds[i].size for i in instruction.results)
        return entries * int(instruction.parameters.get("length", 1))

    @cached_property
    def last_uses(self) -> tuple[tuple[int, ...], ...]:
        return self.ends(self.instructions)

    def ends(self, instructions: Sequence[Instruction]) -> tuple[tuple[int, ...], ...]:
        """Of every one of these instructions, the values that no later one and no output needs."""
        needed = set(self.outputs)
        ends: list[tuple[int, ...]] = []
        for instruction in reversed(instructions):
            ended = {i for i in (*instruction.arguments, *instruction.results) if i not in needed}
            ends.append(tuple(sorted(ended)))
            needed |= ended
        return tuple(reversed(ends))

    def reached(self, moving: Sequence[bool]) -> tuple[bool, ...]:
        """Of every value, whether it is computed from one of the inputs that move."""
        return self._followed(moving, lambda kind: True)

    def moved(self, moving: Sequence[bool]) -> tuple[bool, ...]:
        """Of every value, whether it is a float that one of the inputs that move can move a little."""
        return self._followed(moving, lambda kind: not kind.is_discrete)

    def _followed(self, moving: Sequence[bool], takes_part: Callable[[Kind], bool]) -> tuple[bool, ...]:
        """From the inputs that move, through the results of those kinds."""
        found = [False] * len(self.kinds)
        for number, moves in zip(self.inputs, moving, strict=True):
            found[number] = moves
        for instruction in self.instructions:
            if any(found[i] for i in instruction.arguments):
                for result in instruction.results:
                    found[result] = instruction.operation != HELD and takes_part(self.kinds[result])
        return tuple(found)


class Builder:
    """Writes a tape, instruction by instruction; what is never used is left out of it in the end."""

    def __init__(self, most: int) -> None:
        self.kinds: list[Kind] = []
        self.inputs: list[int] = []
        self.constants: dict[int, Array] = {}
        self.instructions: list[Instruction] = []
        self.executions: list[Execution] = []
        self.most = most

    def _new(self, kind: Kind) -> int:
        self.kinds.append(kind)
        return len(self.kinds) - 1

    def input(self, kind: Kind) -> int:
        number = self._new(kind)
        self.inputs.append(number)
        return number

    def constant(self, value: Array, dtype: str) -> int:
        number = self._new(Kind(np.shape(value), dtype))
        self.constants[number] = value
        return number

    def emit(
        self, operation: str, arguments: Sequence[int], kinds: Sequence[Kind], origin: Origin, **parameters: Any
    ) -> list[int]:
        """The numbers of the results. Raises TooLarge past the limit on instructions."""
        if len(self.instructions) >= self.most:
            raise TooLarge(f"the program is longer than {self.most:,} operations at {origin}")
        results = [self._new(kind) for kind in kinds]
        self.instructions.append(Instruction(operation, tuple(arguments), tuple(results), parameters, origin))
        return results

    def one(self, operation: str, arguments: Sequence[int], kind: Kind, origin: Origin, **parameters: Any) -> int:
        return self.emit(operation, arguments, [kind], origin, **parameters)[0]

    def tape(self, outputs: Sequence[int]) -> Tape:
        needed = set(outputs)
        kept = []
        for instruction in reversed(self.instructions):
            if needed.intersection(instruction.results):
                needed.update(instruction.arguments)
                kept.append(instruction)
        constants = {number: value for number, value in self.constants.items() if number in needed}
        made = {number for instruction in kept for number in instruction.results}
        executions = tuple(x for x in self.executions if made.intersection(x.results))
        return Tape(tuple(self.kinds), tuple(self.inputs), constants, tuple(reversed(kept)), tuple(outputs), executions)
