"""The derivatives along directions by the chain rule, from the partials of every step: the oracle's second opinion.

A difference quotient of a whole program may step over a feature of it, however small the step: a program has scales of
its own making. A primitive has none but its arguments' and 1, so the limits of suite/truth/partials.py are its
partials, and the chain rule composes them exactly (forward mode to second order: Griewank & Walther 2008, section
13.2). Where the two agree, the derivative is certified; neither alone is the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from mpmath import mp

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import MPArray
from gradlaws.strategies.program import Point, Program, Step, values
from gradlaws.suite.truth.limits import Logarithms, dynamic_range, logarithms
from gradlaws.suite.truth.partials import StepPartials, of, zeros


@dataclass(frozen=True)
class Jet:
    """Derivatives along one set of directions, (m, a), or two, (m, a, b).

    ``longest`` is the binary logarithm of the largest product of partials along a path to it: -inf where every path
    has a partial that is 0, so that the derivative is 0 by the structure of the function. ``smooth`` says whether all
    partials exist.
    """

    derivatives: MPArray
    longest: Logarithms
    smooth: bool


def partials(program: Program, point: Point, order: int) -> dict[int, StepPartials]:
    """Those of each step that depends on an input, by its number among the values.

    Raises DomainError where a step is not defined around its arguments.
    """
    reach = 2 * dynamic_range(program, point)

    @cache
    def met(digits: int) -> list[MPArray]:
        """All values but the last, to which no step is applied."""
        with mp.workdps(digits + reach):
            return values(replace(program, steps=program.steps[:-1]), [mp_arrays.mp_array(x) for x in point])

    def arguments(step: Step) -> Callable[[int], list[MPArray]]:
        return lambda digits: [met(digits)[i] for i in step.arguments]

    found = {}
    for number, step in enumerate(program.steps, start=len(point)):
        if program.moved[number]:
            found[number] = of(step, arguments(step), order, [program.moved[i] for i in step.arguments])
    return found


def jet(program: Program, partials: dict[int, StepPartials], *directions: MPArray) -> Jet:
    """Along the rows of one set of directions (a, n), or of two."""
    starts = np.cumsum([0, *(math.prod(shape) for shape in program.shapes)])
    total, offset = int(starts[-1]), len(program.inputs)
    tangents = [np.concatenate([d.T, zeros((total - program.size, len(d)))]) for d in directions]
    lengths = [logarithms(t) for t in tangents]
    T = zeros((total, *(len(d) for d in directions)))
    longest = logarithms(T)
    for number, found in partials.items():
        operands = program.steps[number - offset].arguments
        arguments = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in operands])[found.index]
        outputs = slice(int(starts[number]), int(starts[number + 1]))
        if len(directions) == 2:
            T[outputs] = along_two(found, *(x[arguments] for x in (T, *tangents)))
            longest[outputs] = longest_along_two(found, *(x[arguments] for x in (longest, *lengths)))
        for t, t_size in zip(tangents, lengths, strict=True):
            t[outputs] = np.stack([row @ at for row, at in zip(found.first, t[arguments], strict=True)])
            t_size[outputs] = np.max(logarithms(found.first)[..., None] + t_size[arguments], axis=1)
    last = slice(int(starts[-2]), total)
    smooth = all(found.smooth for found in partials.values())
    if len(directions) == 2:
        return Jet(T[last], longest[last], smooth)
    return Jet(tangents[0][last], lengths[0][last], smooth)


def along_two(found: StepPartials, T: MPArray, t: MPArray, s: MPArray) -> MPArray:
    """φ_p T_p + φ_pq t_p s_q for each output, of operands' derivatives (k, p, a, b), (k, p, a) and (k, p, b)."""
    rows = []
    for k, (first, second) in enumerate(zip(found.first, found.second, strict=True)):
        curved = np.flatnonzero((second != 0).any(axis=0))
        bent = t[k, curved].T @ (second[np.ix_(curved, curved)] @ s[k, curved]) if len(curved) else 0
        some = np.flatnonzero(first != 0)
        rows.append(np.tensordot(first[some], T[k, some], 1) + bent)
    return np.stack(rows)


def longest_along_two(found: StepPartials, T: Logarithms, t: Logarithms, s: Logarithms) -> Logarithms:
    """The same with maxima for sums, and sums for products."""
    through = np.max(logarithms(found.second)[..., None] + s[:, None], axis=2)
    bent = np.max(t[..., None] + through[:, :, None], axis=1)
    return np.asarray(np.maximum(np.max(logarithms(found.first)[..., None, None] + T, axis=1), bent))
