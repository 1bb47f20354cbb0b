"""Whether two numbers of a tape are copies of one: then they are equal whatever the roundings were before.

x == max(x), by which a maximum is differentiated, is no question that an error of x opens.
"""

from __future__ import annotations

import numpy as np

from gradlaws.suite.rounding import moves
from gradlaws.suite.rounding.step import Step
from gradlaws.suite.tape.tape import Array, Instruction

EXTREMA = {"reduce_max": np.argmax, "reduce_min": np.argmin}
DEEPEST = 64  # operations to look back through


def same_entry(step: Step, asked: Array) -> Array:
    """Of the entries that are asked, where both arguments of a comparison are the same entry of the same value."""
    shape = step.result.shape
    at = np.flatnonzero(asked)
    found = np.zeros(shape, dtype=bool)
    sides = []
    for number, x in zip(step.instruction.arguments, step.arguments, strict=True):
        places = np.broadcast_to(np.arange(x.size).reshape(x.shape), shape).reshape(-1)[at]
        sides.append(_sources(step, np.full(len(at), number), places))
    found.reshape(-1)[at] = (sides[0][0] == sides[1][0]) & (sides[0][1] == sides[1][1])
    return found


def _sources(step: Step, numbers: Array, places: Array) -> tuple[Array, Array]:
    """Back through what only moves: the numbers of the values, and the places in them."""
    producers = step.kept.setdefault("producers", {r: x for x in step.tape.instructions for r in x.results})
    for _ in range(DEEPEST):
        moved = False
        for number in np.unique(numbers):
            instruction = producers.get(int(number))
            if instruction is None or not _moves(step, instruction):
                continue
            moved = True
            here = numbers == number
            numbers, places = numbers.copy(), places.copy()
            numbers[here], places[here] = _before(step, instruction, int(number), places[here])
        if not moved:
            break
    return numbers, places


def _moves(step: Step, instruction: Instruction) -> bool:
    if instruction.operation == "convert":
        kinds = step.tape.kinds
        source, target = kinds[instruction.arguments[0]], kinds[instruction.results[0]]
        if source.is_discrete or target.is_discrete:
            return False
        return step.arithmetic.unit(target.dtype).u <= step.arithmetic.unit(source.dtype).u
    return instruction.operation in moves.MOVED or instruction.operation in (*EXTREMA, "maximum", "minimum", "copy")


def _before(step: Step, instruction: Instruction, number: int, places: Array) -> tuple[Array, Array]:
    before = Step(step.tape, instruction, step.values, step.arithmetic)
    operation, arguments = instruction.operation, instruction.arguments
    if operation in ("convert", "copy"):
        return np.full(len(places), arguments[0]), places
    if operation in EXTREMA:
        x = before.arguments[0]
        axes = tuple(before.parameters["axes"])
        front = tuple(range(len(axes)))
        numbers = np.moveaxis(np.arange(x.size).reshape(x.shape), axes, front).reshape(-1, before.result.size)
        lines = np.moveaxis(x, axes, front).reshape(-1, before.result.size)
        chosen = numbers[EXTREMA[operation](lines, axis=0), np.arange(before.result.size)]
        return np.full(len(places), arguments[0]), chosen[places]
    if operation in ("maximum", "minimum"):
        a, b = np.broadcast_arrays(*before.arguments)
        flat = [
            np.broadcast_to(np.arange(x.size).reshape(x.shape), a.shape).reshape(-1)[places] for x in before.arguments
        ]
        first = (a >= b if operation == "maximum" else a <= b).reshape(-1)[places]
        return np.where(first, *arguments), np.where(first, *flat)
    moved = moves.places(before)[instruction.results.index(number)].reshape(-1)[places]
    data = moves.data_of(before)
    ends = np.cumsum([before.arguments[k].size for k in data])
    which = np.searchsorted(ends, moved, side="right")
    starts = ends - [before.arguments[k].size for k in data]
    inside = moved != moves.NOWHERE
    which = np.where(inside, which, 0)
    owners = np.array([arguments[k] for k in data])[which]
    # What was filled in is a copy of nothing.
    return np.where(inside, owners, -1 - number), np.where(inside, moved - starts[which], places)
