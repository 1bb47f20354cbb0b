"""The partials of one step by their limit definition in mpmath: whether they exist, and whether they are exactly 0.

A step is one primitive, whose own scale is known: its arguments, and 1. So a step of 2^-80 of that is in the limit,
and where it is not (an edge, a kink or a saturation nearer than that) a finer one is. Differences on the two sides say
whether the limit exists, two steps whether it is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import DomainError, MPArray
from gradlaws.strategies.program import Step, apply, splitter
from gradlaws.suite.truth.limits import Function, logarithms

Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Level:
    """How near to the limit: decimal digits, and the coarser and the finer step, 2**-bits of the scale."""

    digits: int
    bits: tuple[int, int]


# The first leaves 97 digits of a second difference; the second 428, so that what is 0 there is below every float.
LEVELS = (Level(170, (80, 120)), Level(1000, (900, 950)))
EXPONENTS = (-2200, 2200)  # binary ones of numbers that matter: the squares of those of floats
SUSPECT, DECAY = mpf(2) ** -40, mpf(2) ** -20  # between two steps, a smooth function's gap falls by 2^-40


@dataclass(frozen=True)
class StepPartials:
    """k outputs of p scalar arguments each: ``index`` (k, p) numbers these through the step's arguments, ``first`` is
    (k, p), ``second`` (k, p, p); ``smooth`` says whether all of them exist."""

    index: Numbers
    first: MPArray
    second: MPArray
    smooth: bool


@dataclass(frozen=True)
class Moves:
    """A function of a flat x, the moves of its arguments, and how long they are for each output; ``mixed`` says whether
    every entry enters every output, where its rounding stays though the rest cancels."""

    f: Function
    x: MPArray
    moves: Sequence[MPArray]
    lengths: Sequence[MPArray]
    mixed: bool


@dataclass(frozen=True)
class Estimates:
    """Difference quotients (p, k) and (p, p, k); by how much those of the two sides differ; what rounding can do."""

    values: tuple[MPArray, ...]
    gaps: tuple[MPArray, ...]
    noise: tuple[MPArray, ...]


def of(
    step: Step, arguments: Callable[[int], list[MPArray]], order: int, moving: Sequence[bool] | None = None
) -> StepPartials:
    """The step's partials to ``order`` in the arguments that move (all of them); second ones are 0 where they are not
    asked for. ``arguments(digits)`` are what it is applied to, in so many digits: one may have saturated, or be what a
    cancellation has left.

    Raises DomainError where the step is not defined around its arguments.
    """
    if step.declaration.kind == "linear":
        return linear(step, [a.shape for a in arguments(LEVELS[0].digits)])
    moving = [True] * step.declaration.arity if moving is None else moving
    flattened = _whole if step.declaration.kind == "structured" else _entrywise
    for level in LEVELS:
        index, asked = flattened(step, arguments(level.digits), moving)
        try:
            found, smooth, resolved = limit(asked, level, order)
        except DomainError:
            if level is LEVELS[-1]:
                raise
            continue
        if smooth and (resolved or step.declaration.kind == "arithmetic"):  # which saturates nowhere
            break
    first = np.moveaxis(found[0], 0, -1)
    second = np.moveaxis(found[1], (0, 1), (-2, -1)) if order > 1 else zeros((*first.shape, len(found[0])))
    return StepPartials(index, first, second, smooth)


def offsets(shapes: Sequence[tuple[int, ...]]) -> list[Numbers]:
    """The number of each scalar argument, in the shape of its array."""
    starts = np.cumsum([0, *(math.prod(shape) for shape in shapes)])
    return [np.arange(math.prod(s)).reshape(s) + start for s, start in zip(shapes, starts, strict=False)]


def zeros(shape: tuple[int, ...]) -> MPArray:
    return np.full(shape, mp.zero, dtype=object)


def linear(step: Step, shapes: Sequence[tuple[int, ...]]) -> StepPartials:
    """Constants, found by running the step on unit vectors."""
    parts, parameters, p = splitter(shapes), dict(step.parameters), sum(math.prod(shape) for shape in shapes)
    columns = [np.ravel(step.declaration.definition(*parts(unit), **parameters)) for unit in np.eye(p)]
    first = mp_arrays.mp_array(np.stack(columns, axis=-1))
    return StepPartials(np.broadcast_to(np.arange(p), first.shape), first, zeros((*first.shape, p)), True)


def scale_beside(value: mpf, others: Iterable[mpf]) -> mpf:
    """Against which a step is relative: the argument itself, or at 0 the smallest of its neighbours; 1 at most."""
    return min(abs(value) or min((abs(v) for v in others if v), default=mp.one), mp.one)


def _entrywise(step: Step, arguments: Sequence[MPArray], moving: Sequence[bool]) -> tuple[Numbers, Moves]:
    """Each output depends on one entry of each argument, so that all entries of one may move at once."""
    shape = np.broadcast_shapes(*(a.shape for a in arguments))
    spread = [np.broadcast_to(a, shape).ravel() for a in arguments]
    k, p = spread[0].size, len(spread)
    places = [np.broadcast_to(o, shape).ravel() for o in offsets([a.shape for a in arguments])]

    def f(x: MPArray) -> MPArray:
        return apply(step, np.split(x, p)).ravel()

    rows, moved = list(zip(*spread, strict=True)), np.flatnonzero(moving)
    lengths = [np.array([scale_beside(row[j], row) for row in rows], dtype=object) for j in moved]
    moves = [
        np.concatenate([length if i == j else zeros((k,)) for i in range(p)])
        for j, length in zip(moved, lengths, strict=True)
    ]
    return np.stack([places[j] for j in moved], axis=-1), Moves(f, np.concatenate(spread), moves, lengths, mixed=False)


def _whole(step: Step, arguments: Sequence[MPArray], moving: Sequence[bool]) -> tuple[Numbers, Moves]:
    """Each output depends on every entry."""
    parts, x = splitter([a.shape for a in arguments]), np.concatenate([a.ravel() for a in arguments])

    def f(flat: MPArray) -> MPArray:
        return apply(step, parts(flat)).ravel()

    moved = np.flatnonzero(np.concatenate([np.full(a.size, some) for a, some in zip(arguments, moving, strict=True)]))
    scale = [scale_beside(x[i], x) for i in moved]
    moves = [mp_arrays.mp_array(np.eye(len(x))[i]) * length for i, length in zip(moved, scale, strict=True)]
    outputs = math.prod(step.declaration.shape(*(a.shape for a in arguments), **dict(step.parameters)))
    index = np.broadcast_to(moved, (outputs, len(moved)))
    return index, Moves(f, x, moves, [np.array([s], dtype=object) for s in scale], mixed=True)


def limit(asked: Moves, level: Level, order: int) -> tuple[tuple[MPArray, ...], bool, bool]:
    """The partials, whether all of them exist, and whether none may be hidden below the digits."""
    with mp.workprec(mp_arrays.WIDE_BITS):
        met = logarithms(np.concatenate([asked.x, asked.f(asked.x), [mp.one]]))
    # A step may depend on an argument in the square of its size beside the largest, as ‖x‖ does.
    reach = np.ptp(np.clip(met[np.isfinite(met)], *EXPONENTS))
    with mp.workdps(level.digits + int(2 * order * reach * math.log10(2))):
        coarse = differences(asked, level.bits[0], order)
        suspects = [np.abs(gap) > np.abs(c) * SUSPECT for c, gap in zip(coarse.values, coarse.gaps, strict=True)]
        again = any(suspect.any() for suspect in suspects)
        finer = differences(asked, level.bits[1], order) if again else coarse
        found, smooth, resolved = [], True, True
        for one, two, gap_one, gap_two, noise in zip(
            coarse.values, finer.values, coarse.gaps, finer.gaps, finer.noise, strict=True
        ):
            lost = np.abs(two) <= noise
            if finer is not coarse:
                vanishes = lost | (np.abs(two) <= np.abs(one) * DECAY)
                moved = np.abs(one - two) > np.abs(one) * SUSPECT
                kinked = (np.abs(gap_two) > np.abs(gap_one) * DECAY) & (np.abs(gap_two) > noise)
                smooth = smooth and not np.any(kinked | (moved & ~vanishes))
            else:
                vanishes = lost
            resolved = resolved and not lost.any()
            found.append(np.where(vanishes, mp.zero, two))
    return tuple(found), smooth, resolved


def differences(asked: Moves, bits: int, order: int) -> Estimates:
    """Central differences along every move, and along every two; all evaluations at one step."""
    f, x, h = asked.f, asked.x, mpf(2) ** -bits
    moves, lengths = [move * h for move in asked.moves], [length * h for length in asked.lengths]
    every = range(len(moves))
    middle, plus, minus = f(x), [f(x + move) for move in moves], [f(x - move) for move in moves]
    bent = [plus[i] - 2 * middle + minus[i] for i in every]
    largest = np.max(np.abs(np.array([middle, *plus, *minus], dtype=object)), axis=0)
    if asked.mixed:
        largest = np.full_like(largest, max(*largest, *np.abs(x)))
    rounding = largest * mpf(10) ** (4 - mp.dps)
    values = [np.stack([(plus[i] - minus[i]) / (2 * lengths[i]) for i in every])]
    gaps, noise = [np.stack([bent[i] / lengths[i] for i in every])], [np.stack([rounding / one for one in lengths])]
    if order > 1:
        forward, backward = ([[middle] * len(moves) for _ in every] for _ in range(2))
        for i in every:
            forward[i][i] = f(x + 2 * moves[i]) - 2 * plus[i] + middle
            backward[i][i] = f(x - 2 * moves[i]) - 2 * minus[i] + middle
            for j in range(i):
                forward[i][j] = forward[j][i] = f(x + (moves[i] + moves[j])) - plus[i] - plus[j] + middle
                backward[i][j] = backward[j][i] = f(x - (moves[i] + moves[j])) - minus[i] - minus[j] + middle
        areas = np.stack([np.stack([lengths[i] * lengths[j] for j in every]) for i in every])
        one, other = np.array(forward, dtype=object), np.array(backward, dtype=object)
        central = (one + other) / 2
        for i in every:
            central[i, i] = bent[i]
        values.append(central / areas)
        gaps.append((one - other) / areas)
        noise.append(rounding / areas)
    return Estimates(tuple(values), tuple(gaps), tuple(noise))
