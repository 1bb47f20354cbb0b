"""Where a gradient is wrong: in which argument, in which range of its entries, and in which operations of its trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.rule import directions, limits
from gradlaws.suite.rule.exact import Agreement, Exact
from gradlaws.suite.tape.run import Evaluation, every_value
from gradlaws.suite.tape.tape import Origin, Tape
from gradlaws.suite.tracing.traced import Traced

ALIKE = 1e-9  # relative: a cotangent that is right is the limit to many more digits, another one to fewer
MOST_EVALUATED = 20_000  # instructions, to look at what comes after one value and another: a second or two


Ask = Callable[..., Agreement]  # of a direction, and of so many bits that the step is to be finer


@dataclass(frozen=True)
class Place:
    """Entries ``first`` to ``last`` (flat, both included) of an argument; ``apart``, relative, along the direction."""

    argument: int
    first: int
    last: int
    size: int
    apart: float

    def __str__(self) -> str:
        entries = "every entry" if self.last - self.first + 1 == self.size else f"entries {self.first} to {self.last}"
        if self.first == self.last:
            entries = f"entry {self.first}"
        return f"argument {self.argument}, {entries} of {self.size}: off by {self.apart:.1e}"


def places(exact: Exact, random: np.random.Generator) -> list[Place]:
    """Of each argument whose gradient is wrong the shortest range that holds all wrong entries.

    Found by bisection of a direction: the part of it before an entry shows whether one before that is wrong.
    """
    vector = directions.direction(exact.traced.point, random)
    return [place for k in range(len(vector)) if (place := _of_argument(exact, vector, k)) is not None]


def _of_argument(exact: Exact, vector: Sequence[Floats], argument: int) -> Place | None:
    size = vector[argument].size

    def ask(start: int, stop: int) -> Agreement:
        return exact.first(part(vector, argument, start, stop))

    def wrong(start: int, stop: int) -> bool:
        return ask(start, stop).verdict == "wrong"

    whole = ask(0, size)
    if not size or whole.verdict != "wrong":
        return None
    # Most often all are wrong. Else a prefix shows the first, or, where the whole is right up to there, the last.
    one, other = 0, size - 1
    if other and not wrong(0, 1):
        one = bisected(lambda stop: wrong(0, stop + 1), 1, size - 1)
    if other and not wrong(other, size):
        other -= bisected(lambda start: wrong(size - 1 - start, size), 1, size - 1)
    one, other = sorted((one, other))
    agreement = whole if other - one == size - 1 else ask(one, other + 1)
    return Place(argument, one, other, size, agreement.relative)


def part(vector: Sequence[Floats], argument: int, start: int, stop: int) -> list[Floats]:
    """The direction in these entries of an argument, and 0 elsewhere."""
    found = [np.zeros(v.shape) for v in vector]
    found[argument].reshape(-1)[start:stop] = vector[argument].reshape(-1)[start:stop]
    return found


def sharpest(ask: Ask, of_argument: Ask, vector: Sequence[Floats], shown: float) -> float:
    """The largest relative difference that is seen on the way down to one entry, always to the half that has more.

    Relative to what is there, or to as many entries of the argument's mean size: an entry near 0 has no digits to keep.
    The way ends where one entry with all that is apart would be off by less than ``shown``: of terms with random signs
    no sum hides the largest, but for chance. ``of_argument`` asks with what rounded literals may do.
    """
    found = 0.0
    for argument, v in enumerate(vector):
        start, stop = 0, v.size
        whole = of_argument(part(vector, argument, start, stop))
        mean = whole.size / max(v.size, 1)
        if whole.verdict != "wrong":
            continue
        found, apart = max(found, float(whole.apart / whole.size)), whole.apart
        while stop - start > 1 and apart > shown * mean:
            middle = (start + stop) // 2
            halves = [(ask(part(vector, argument, *ends)).apart, ends) for ends in ((start, middle), (middle, stop))]
            apart, (start, stop) = max(halves)
            found = max(found, float(apart / (mean * (stop - start))))
    return found


def bisected(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least number for which it holds, if it holds from there on up to ``high``."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def operations(exact: Exact, argument: int) -> list[Origin]:
    """The operations of the traced gradient between what is still right and the wrong gradient of an argument.

    A value of the gradient's trace is right if it is one of the function's own values, or the cotangent of one: the
    limit of what comes after it, along a random direction. In a long trace only values near its end are looked at.
    """
    traced = exact.traced
    if any(kind.is_complex for tape in (traced.forward, traced.gradient) for kind in tape.kinds):
        return []  # directions are of real numbers
    random = np.random.default_rng(0)
    forward = every_value(traced.forward, list(traced.point), exact.xp)
    gradient = every_value(traced.gradient, [*traced.point, *exact.weights], exact.xp)
    right = set(traced.gradient.inputs) | set(traced.gradient.constants) | set(_same(traced, forward, gradient))
    evaluated = 0
    for number in reversed(_inner(traced.forward, len(traced.point))):
        rest = _rest(traced.forward, number, forward)
        evaluated += (1 + limits.ROUGH) * len(rest.instructions)
        if evaluated > MOST_EVALUATED:
            break
        move = directions.direction([exact.xp.to_float64(forward[number])], random)[0]
        unknown = {i: x for i, x in gradient.items() if i not in right and traced.gradient.kinds[i].is_float}
        right |= set(_cotangents(exact, rest, forward[number], move, unknown))
    return _between(traced.gradient, traced.gradient.outputs[argument], right)


def _inner(tape: Tape, inputs: int) -> list[int]:
    """Of the values between inputs and outputs, those that move."""
    moved = tape.moved([True] * inputs)
    return [i for x in tape.instructions for i in x.results if moved[i] and tape.kinds[i].size]


def _same(traced: Traced, forward: dict[int, Any], gradient: dict[int, Any]) -> Iterator[int]:
    """Values of the gradient's trace that are values of the function."""
    own: dict[tuple[int, ...], list[Any]] = {}
    for number, value in forward.items():
        if not traced.forward.kinds[number].is_discrete:
            own.setdefault(value.shape, []).append(value)
    for number, value in gradient.items():
        if traced.gradient.kinds[number].is_discrete or any(
            np.all(value == other) for other in own.get(value.shape, ())
        ):
            yield number


def _rest(tape: Tape, number: int, values: dict[int, Any]) -> Tape:
    """What comes after a value, as a function of it: what does not depend on it is a constant."""
    depends = {number}
    kept = []
    for instruction in tape.instructions:
        if number not in instruction.results and depends.intersection(instruction.arguments):
            depends.update(instruction.results)
            kept.append(instruction)
    needed = {i for instruction in kept for i in instruction.arguments} | set(tape.outputs)
    constants = {i: values[i] for i in needed - depends}
    return Tape(tape.kinds, (number,), constants, tuple(kept), tape.outputs)


def _cotangents(exact: Exact, rest: Tape, value: Any, move: Floats, values: dict[int, Any]) -> Iterator[int]:
    """Those of the gradient's trace that are the cotangent of this one."""
    direction = exact.enter([move])
    limit = limits.rough(Evaluation(rest, [value], exact.xp, [True]), direction, exact.objective)
    if not mp.isfinite(limit):
        return
    for number, found in values.items():
        if found.shape == move.shape:
            total, size = exact.along([found], direction)
            with mp.workprec(exact.xp.precision):
                if abs(total - limit) <= ALIKE * max(size, abs(limit)):
                    yield number


def _between(tape: Tape, output: int, right: set[int]) -> list[Origin]:
    needed, found = {output}, []
    for instruction in reversed(tape.instructions):
        if needed.intersection(instruction.results) - right:
            found.append(instruction.origin)
            needed.update(i for i in instruction.arguments if i not in right)
    return list(dict.fromkeys(reversed(found)))
