"""What a value is at the point while its tape is being written: control flow is taken by it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.tape.run import entered, evaluate
from gradlaws.suite.tape.tape import Array, Builder


class Concrete:
    """Values in float64 of what a builder has written, computed when somebody asks for the first."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._values: dict[int, Any] = {}
        self._constants: dict[int, Any] = {}  # as the framework has them: bfloat16, keys of random numbers
        self._done = 0

    def given(self, number: int, value: Array) -> None:
        self._values[number] = entered(FLOAT64, self._builder.kinds[number], value)

    def constant(self, value: Any, dtype: str) -> int:
        number = self._builder.constant(_plain(value), dtype)
        self._constants[number] = value
        return number

    def is_constant(self, number: int) -> bool:
        return number in self._constants

    def all_discrete(self, numbers: Iterable[int]) -> bool:
        """Whether no float has a part: then the point cannot move it a little."""
        return all(self.is_constant(i) or self._builder.kinds[i].is_discrete for i in numbers)

    def value(self, number: int) -> Any:
        if number in self._constants:
            return self._constants[number]
        if number not in self._values:
            self._catch_up()
        return self._values[number]

    def _catch_up(self) -> None:
        with FLOAT64.working():
            for instruction in self._builder.instructions[self._done :]:
                for number in instruction.arguments:
                    if number not in self._values:
                        self.given(number, self._builder.constants[number])
                self._values.update(evaluate(FLOAT64, instruction, self._values))
        self._done = len(self._builder.instructions)


def _plain(value: Any) -> Array:
    """As NumPy has it. Of what it has no numbers for (keys) there is only the shape."""
    try:
        return np.asarray(value)
    except TypeError:
        return np.zeros(np.shape(value))
