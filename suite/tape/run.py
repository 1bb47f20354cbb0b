"""Runs a tape in an arithmetic, at the point and beside it.

Beside the point only what moves is computed again. Integers and booleans are those of the point, so that a step takes
the pieces that the limit takes; where pieces meet at the point itself (``ties``) they are computed again as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradlaws.suite.tape.operations import declaration
from gradlaws.suite.tape.tape import Instruction, Kind, Tape


def entered(xp: Any, kind: Kind, value: Any) -> Any:
    """A value from outside, as the arithmetic has it; integers and booleans are NumPy's in each."""
    return np.asarray(value, dtype=kind.dtype) if kind.is_discrete else xp.asarray(value)


def evaluate(xp: Any, instruction: Instruction, values: Mapping[int, Any]) -> dict[int, Any]:
    """The results by their numbers, from the values so far."""
    declared = declaration(instruction.operation)
    found = declared.definition(xp, *(values[i] for i in instruction.arguments), **instruction.parameters)
    # Of arrays without axes NumPy gives numbers; a tape has arrays.
    arrays = [np.asarray(x) for x in (found if declared.several else (found,))]
    return dict(zip(instruction.results, arrays, strict=True))


def run(tape: Tape, inputs: Sequence[Any], xp: Any) -> list[Any]:
    """The outputs, in the arithmetic ``xp`` (suite/arithmetic). ``inputs``: one array for each input of the tape."""
    return Evaluation(tape, inputs, xp, [False] * len(tape.inputs)).outputs


def every_value(tape: Tape, inputs: Sequence[Any], xp: Any) -> dict[int, Any]:
    """Every value of a tape by its number: as much memory as that takes."""
    values = _given(tape, inputs, xp)
    with xp.working():
        for instruction in tape.instructions:
            values.update(evaluate(xp, instruction, values))
    return values


def _given(tape: Tape, inputs: Sequence[Any], xp: Any) -> dict[int, Any]:
    given = dict(zip(tape.inputs, inputs, strict=True)) | dict(tape.constants)
    with xp.working():
        return {number: entered(xp, tape.kinds[number], value) for number, value in given.items()}


class Evaluation:
    """A tape at a point, and, along what moves, beside it.

    ``outputs`` are at the point, ``ties`` the operations whose pieces meet there. ``beside(moves)`` gives the outputs
    at inputs + moves; where a move is None the input stays.
    """

    def __init__(self, tape: Tape, inputs: Sequence[Any], xp: Any, moving: Sequence[bool]) -> None:
        self.tape, self.xp = tape, xp
        self.ties: list[Instruction] = []
        moved, reached = tape.moved(moving), tape.reached(moving)
        stays = {number for number, moves in enumerate(moved) if not moves}
        met_again = {i for x in tape.instructions if any(reached[r] for r in x.results) for i in x.arguments}
        wanted = set(tape.inputs) | (stays & (met_again | set(tape.outputs)))
        values = _given(tape, inputs, xp)
        with xp.working():
            for instruction, ends in zip(tape.instructions, tape.last_uses, strict=True):
                if any(moved[i] for i in instruction.arguments) and at_a_tie(instruction, values):
                    self.ties.append(instruction)
                values.update(evaluate(xp, instruction, values))
                for number in ends:
                    if number not in wanted:
                        values.pop(number, None)
        self.outputs = [values[o] for o in tape.outputs]
        self._moved = moved = reached if self.ties else moved
        self._again = [x for x in tape.instructions if any(moved[r] for r in x.results)]
        self._ends = tape.ends(self._again)
        self._kept = {number: value for number, value in values.items() if number in wanted}

    def beside(self, moves: Sequence[Any | None]) -> list[Any]:
        values = dict(self._kept)
        with self.xp.working():
            for number, move in zip(self.tape.inputs, moves, strict=True):
                if move is not None:
                    values[number] = np.asarray(values[number] + move)  # of rank 0 NumPy makes a number
            for instruction, ends in zip(self._again, self._ends, strict=True):
                # Of an operation with several results only what moves is new.
                found = evaluate(self.xp, instruction, values).items()
                values.update((number, value) for number, value in found if self._moved[number])
                for number in ends:
                    if self._moved[number]:
                        values.pop(number, None)
        return [values[o] for o in self.tape.outputs]


def at_a_tie(instruction: Instruction, values: Mapping[int, Any]) -> bool:
    """Whether the smallest move may change which piece of the function is taken. x ≠ x asks for NaN, and is none."""
    if len(instruction.arguments) > 1 and len(set(instruction.arguments)) == 1:
        return False
    tie: Callable[..., bool] | None = declaration(instruction.operation).tie
    return tie is not None and bool(tie(*(values[i] for i in instruction.arguments), **instruction.parameters))
