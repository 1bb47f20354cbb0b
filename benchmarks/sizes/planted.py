"""Faults in the rule of a derivative, planted in its tape: what a wrong backward would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradlaws.suite.tape.tape import Instruction, Kind, Tape

FACTOR = 1 + 1e-9
KINDS = ("factor", "dropped term", "wrong axis", "detached path", "last block", "one entry")


@dataclass(frozen=True)
class Fault:
    kind: str
    place: int  # of the instruction in the tape
    tape: Tape


def faults(tape: Tape, inputs: int, random: np.random.Generator) -> Iterator[Fault]:
    """One fault of each kind that the tape has room for, each at a place that is drawn; without end.

    Faults sit where values move with the first ``inputs`` of its inputs, or are cotangents: everywhere but in constants.
    """
    moved = tape.reached([True] * len(tape.inputs))
    places = [
        n for n, x in enumerate(tape.instructions)
        if len(x.results) == 1 and moved[x.results[0]] and tape.kinds[x.results[0]].is_float and tape.kinds[x.results[0]].size
    ]  # fmt: skip
    while True:
        for kind in KINDS:
            fits = [n for n in places if FITS[kind](tape, tape.instructions[n])]
            if fits:
                place = int(random.choice(fits))
                yield Fault(kind, place, PLANTED[kind](tape, place, random))


def _anywhere(tape: Tape, instruction: Instruction) -> bool:
    return True


def _long(tape: Tape, instruction: Instruction) -> bool:
    return tape.kinds[instruction.results[0]].size >= 4


def _sum(tape: Tape, instruction: Instruction) -> bool:
    return instruction.operation in {"add", "sub"} and _same_shapes(tape, instruction)


def _same_shapes(tape: Tape, instruction: Instruction) -> bool:
    return len({tape.kinds[i].shape for i in (*instruction.arguments, *instruction.results)}) == 1


def _square(tape: Tape, instruction: Instruction) -> bool:
    shape = tape.kinds[instruction.results[0]].shape
    return len(shape) >= 2 and shape[-1] == shape[-2] > 1


def _replaced(tape: Tape, place: int, *instructions: Instruction, kinds: tuple[Kind, ...], **constants: Any) -> Tape:
    whole = (*tape.instructions[:place], *instructions, *tape.instructions[place + 1 :])
    added = {int(number[1:]): value for number, value in constants.items()}
    return replace(tape, instructions=whole, kinds=(*tape.kinds, *kinds), constants={**tape.constants, **added})


def _after(tape: Tape, place: int, operation: str, constant: Any = None, **parameters: Any) -> Tape:
    """With an operation on the result that takes its place: the number of what is now before it is new."""
    instruction = tape.instructions[place]
    (result,), new = instruction.results, len(tape.kinds)
    first = replace(instruction, results=(new,))
    if constant is None:
        then = Instruction(operation, (new,), (result,), parameters, instruction.origin)
        return _replaced(tape, place, first, then, kinds=(tape.kinds[result],))
    then = Instruction(operation, (new, new + 1), (result,), parameters, instruction.origin)
    kinds = (tape.kinds[result], Kind(np.shape(constant), tape.kinds[result].dtype))
    return _replaced(tape, place, first, then, kinds=kinds, **{f"n{new + 1}": np.asarray(constant)})


def factor(tape: Tape, place: int, random: np.random.Generator) -> Tape:
    return _after(tape, place, "mul", FACTOR)


def detached(tape: Tape, place: int, random: np.random.Generator) -> Tape:
    return _after(tape, place, "mul", 0.0)


def dropped(tape: Tape, place: int, random: np.random.Generator) -> Tape:
    """One of the two terms of a sum."""
    instruction = tape.instructions[place]
    kept = instruction.arguments[int(random.integers(2))]
    return _replaced(tape, place, replace(instruction, operation="copy", arguments=(kept,), parameters={}), kinds=())


def transposed(tape: Tape, place: int, random: np.random.Generator) -> Tape:
    rank = len(tape.kinds[tape.instructions[place].results[0]].shape)
    return _after(tape, place, "transpose", permutation=(*range(rank - 2), rank - 1, rank - 2))


def _scaled_part(tape: Tape, place: int, start: int, stop: int, by: float) -> Tape:
    kind = tape.kinds[tape.instructions[place].results[0]]
    scale = np.ones(kind.size)
    scale[start:stop] = by
    return _after(tape, place, "mul", scale.reshape(kind.shape))


def last_block(tape: Tape, place: int, random: np.random.Generator) -> Tape:
    size = tape.kinds[tape.instructions[place].results[0]].size
    return _scaled_part(tape, place, size - max(1, size // 8), size, 1 + 1e-3)


def one_entry(tape: Tape, place: int, random: np.random.Generator) -> Tape:
    entry = int(random.integers(tape.kinds[tape.instructions[place].results[0]].size))
    return _scaled_part(tape, place, entry, entry + 1, 1 + 1e-6)


FITS: dict[str, Callable[[Tape, Instruction], bool]] = {
    "factor": _anywhere, "dropped term": _sum, "wrong axis": _square, "detached path": _anywhere, "last block": _long,
    "one entry": _long,
}  # fmt: skip
PLANTED: dict[str, Callable[[Tape, int, np.random.Generator], Tape]] = {
    "factor": factor, "dropped term": dropped, "wrong axis": transposed, "detached path": detached,
    "last block": last_block, "one entry": one_entry,
}  # fmt: skip
