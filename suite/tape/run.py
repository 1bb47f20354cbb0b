"""Runs a tape in an arithmetic, at the point and beside it.

Beside the point only what moves is computed again; integers and booleans are those of the point, so that a step takes
no other branch than the limit does (a tie, where that is no longer the same, is found by ``ties``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradlaws.suite.tape.operations import DECLARATIONS
from gradlaws.suite.tape.tape import Instruction, Kind, Tape


def entered(xp: Any, kind: Kind, value: Any) -> Any:
    """A value from outside, as the arithmetic has it; integers and booleans are NumPy's in each."""
    return np.asarray(value, dtype=kind.dtype) if kind.is_discrete else xp.asarray(value)


def evaluate(xp: Any, instruction: Instruction, arguments: Sequence[Any]) -> Sequence[Any]:
    declaration = DECLARATIONS[instruction.operation]
    found = declaration.definition(xp, *arguments, **instruction.parameters)
    # Of arrays without axes NumPy gives numbers; a tape has arrays.
    return [np.asarray(x) for x in found] if declaration.several else (np.asarray(found),)


def run(tape: Tape, inputs: Sequence[Any], xp: Any) -> list[Any]:
    """The outputs, in the arithmetic ``xp`` (suite/arithmetic). ``inputs``: one array for each input of the tape."""
    return Evaluation(tape, inputs, xp, [False] * len(tape.inputs)).outputs


def every_value(tape: Tape, inputs: Sequence[Any], xp: Any) -> dict[int, Any]:
    """Every value of a tape by its number: as much memory as that takes."""
    values = _given(tape, inputs, xp)
    with xp.working():
        for instruction in tape.instructions:
            found = evaluate(xp, instruction, [values[i] for i in instruction.arguments])
            values.update(zip(instruction.results, found, strict=True))
    return values


def _given(tape: Tape, inputs: Sequence[Any], xp: Any) -> dict[int, Any]:
    given = dict(zip(tape.inputs, inputs, strict=True)) | dict(tape.constants)
    with xp.working():
        return {number: entered(xp, tape.kinds[number], value) for number, value in given.items()}


class Evaluation:
    """A tape at a point, and, along what moves, beside it.

    ``outputs`` are at the point. ``beside(moves)`` gives those at inputs + moves; of a move None, the input stays.
    """

    def __init__(self, tape: Tape, inputs: Sequence[Any], xp: Any, moving: Sequence[bool]) -> None:
        self.tape, self.xp, self.evaluations = tape, xp, 1
        self._moved = tape.moved(moving)
        again = [n for n, i in enumerate(tape.instructions) if any(self._moved[r] for r in i.results)]
        self._again = [tape.instructions[n] for n in again]
        # What stays and is met again has to be kept; of what moves the inputs alone.
        wanted = {a for i in self._again for a in i.arguments if not self._moved[a]} | set(tape.inputs)
        wanted |= {o for o in tape.outputs if not self._moved[o]}
        self._ends = self._last_uses()
        self.ties: list[Instruction] = []
        values = _given(tape, inputs, xp)
        with xp.working():
            for instruction, ends in zip(tape.instructions, tape.last_uses, strict=True):
                arguments = [values[i] for i in instruction.arguments]
                self._note_tie(instruction, arguments)
                values.update(zip(instruction.results, evaluate(xp, instruction, arguments), strict=True))
                for number in ends:
                    if number not in wanted:
                        values.pop(number, None)
        self.outputs = [values[o] for o in tape.outputs]
        self._kept = {number: value for number, value in values.items() if number in wanted}

    def _last_uses(self) -> list[list[int]]:
        kept, ends = set(self.tape.outputs), []
        for instruction in reversed(self._again):
            ended = [i for i in {*instruction.arguments, *instruction.results} if self._moved[i] and i not in kept]
            ends.append(ended)
            kept.update(ended)
        return ends[::-1]

    def _note_tie(self, instruction: Instruction, arguments: Sequence[Any]) -> None:
        if any(self._moved[i] for i in instruction.arguments) and at_a_tie(instruction, arguments):
            self.ties.append(instruction)

    def beside(self, moves: Sequence[Any | None]) -> list[Any]:
        self.evaluations += 1
        values = dict(self._kept)
        with self.xp.working():
            for number, move in zip(self.tape.inputs, moves, strict=True):
                if move is not None:
                    values[number] = values[number] + move
            for instruction, ends in zip(self._again, self._ends, strict=True):
                found = evaluate(self.xp, instruction, [values[i] for i in instruction.arguments])
                for number, value in zip(instruction.results, found, strict=True):
                    if self._moved[number]:
                        values[number] = value
                for number in ends:
                    values.pop(number, None)
        return [values[o] for o in self.tape.outputs]


def at_a_tie(instruction: Instruction, arguments: Sequence[Any]) -> bool:
    """Whether the smallest move may change which piece of the function is taken."""
    tie: Callable[..., bool] | None = DECLARATIONS[instruction.operation].tie
    return tie is not None and bool(tie(*arguments, **instruction.parameters))
