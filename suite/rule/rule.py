"""RULE: whether the derivative that a framework computes is, evaluated exactly, the limit of its function.

Nothing is rounded to the framework's own precision, so nothing has to be tolerated: what is apart is beside what the
limit is known to, and beside what a literal that the rule rounds (2/√π in float64) does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.arithmetic.multiprecision import Multiprecision
from gradlaws.suite.rule import directions, symmetric
from gradlaws.suite.rule.arithmetics import arithmetic_for
from gradlaws.suite.rule.exact import SHOWN, Agreement, Exact
from gradlaws.suite.rule.place import Ask, sharpest
from gradlaws.suite.tape.literals import moved_literals
from gradlaws.suite.tape.run import run
from gradlaws.suite.tape.tape import Tape
from gradlaws.suite.tracing.traced import Traced

SETTLED_BITS = 400  # in which mpmath decides what quad does not, and as many more as the steps of the point need
PACE = 3e-6  # seconds an operation on two numbers takes in mpmath, with what is around it
PATIENCE = 30.0  # seconds that mpmath may take to settle one comparison,
CONFIRMING = 3.0  # and one that is beyond doubt unless quad's own digits are lost
FINER = 20  # bits by which a step is shorter that confirms what is wrong


def affordable(traced: Traced, seconds: float) -> bool:
    """Whether mpmath settles it in that time: about ten evaluations of all there is."""
    return sum(tape.scalar_operations for tape in traced.tapes) * 10 * PACE <= seconds


def settled_bits(point: Sequence[Floats]) -> int:
    """So many that no step takes an entry across 0, be it ever so small beside the others."""
    widest = 0.0
    for x in point:
        size = np.abs(x[(x != 0) & np.isfinite(x)])
        if size.size:
            widest = max(widest, float(np.log2(np.max(size)) - np.log2(np.min(size))))
    return SETTLED_BITS + 3 * int(widest)


def agreements(
    traced: Traced, random: np.random.Generator, xp: Any = None, truth: Traced | None = None
) -> list[Agreement]:
    """RULE along two directions for the gradient, and along one for the Hessian if its product was traced.

    In ``xp``, or in the arithmetic that fits. ``truth``: a reference whose own derivatives are right (asked before);
    the limits are its. What quad does not know, or holds wrong, mpmath settles where that takes no more than half a
    minute.
    """
    weights = directions.cotangent(traced.shapes, random)
    seeds = [int(s) for s in random.integers(2**32, size=2)]
    exact = Exact(traced, weights, arithmetic_for(traced) if xp is None else xp, truth)
    found = asked(exact, seeds, directions.FLOORS[0])
    if any(a.verdict == "unknown" for a in found):
        found = better(found, asked(exact, seeds, directions.FLOORS[1]))
    patience = PATIENCE if any(a.is_open for a in found) else CONFIRMING
    if any(a.verdict != "right" for a in found) and affordable(traced, patience):
        settled = Exact(traced, weights, Multiprecision(settled_bits(traced.point)), truth)
        for floor in directions.FLOORS:
            found = better(found, asked(settled, seeds, floor))
    return found


def better(found: list[Agreement], again: list[Agreement]) -> list[Agreement]:
    """The second answers where they know more; a kink stays one, though shorter steps may not feel it."""
    return [a if b.verdict == "unknown" or a.is_kink else b for a, b in zip(found, again, strict=True)]


def asked(exact: Exact, seeds: Sequence[int], floor: float) -> list[Agreement]:
    traced = exact.traced
    drawn = (directions.direction(traced.point, np.random.default_rng(seed), floor) for seed in seeds)
    one, other = (symmetric.within(exact.truth or traced, vector, exact.xp) for vector in drawn)
    inputs = [*traced.point, *exact.weights]

    def settled(
        ask: Ask, along: Sequence[Floats], tape: Tape, inputs: Sequence[Any], derivative: Any, doubts: bool = True
    ) -> Agreement:
        agreement = confirmed(exact, ask, along, tape, inputs, derivative)

        def beside_literals(part: Sequence[Floats]) -> Agreement:
            return with_literals(exact, ask(part), part, tape, inputs, derivative)

        return doubted(agreement, ask, beside_literals, along) if doubts else agreement

    found = [settled(exact.first, v, traced.gradient, inputs, exact.gradient.outputs) for v in (one, other)]
    if traced.product is not None:
        right = exact.truth is not None or all(a.verdict == "right" for a in found)
        product = run(traced.product, [*inputs, *one], exact.xp)

        def second(across: Sequence[Floats], finer: int = 0) -> Agreement:
            return exact.second(product, one, across, right, finer)

        found.append(settled(second, other, traced.product, [*inputs, *one], product, doubts=right))
    return found


def confirmed(
    exact: Exact, ask: Ask, along: Sequence[Floats], tape: Tape, inputs: Sequence[Any], derivative: Any
) -> Agreement:
    """What is asked; where that is wrong, beside a shorter step, and beside what rounded literals do."""
    agreement = ask(along)
    if agreement.verdict == "wrong":
        agreement = agreement.beside_finer(ask(along, FINER))
    return with_literals(exact, agreement, along, tape, inputs, derivative)


def doubted(agreement: Agreement, ask: Ask, of_argument: Ask, vector: Sequence[Floats]) -> Agreement:
    """Where all that is apart is less than float64 shows: whether it is in some part of the entries more."""
    if agreement.verdict != "wrong" or agreement.apart > SHOWN * agreement.size:
        return agreement
    return replace(agreement, sharpest=sharpest(ask, of_argument, vector, SHOWN))


def with_literals(
    exact: Exact, agreement: Agreement, along: Sequence[Floats], tape: Tape, inputs: Sequence[Any], derivative: Any
) -> Agreement:
    """Where it seems wrong: what the literals that the rule brings in, each rounded once, can do to ``derivative``, the
    outputs of the tape at those inputs."""
    if agreement.verdict != "wrong":
        return agreement
    direction = exact.enter(along)
    base, allowance = exact.along(derivative, direction)[0], agreement.literals
    for moved in moved_literals(tape, (exact.truth or exact.traced).forward):
        if agreement.apart <= agreement.error + allowance:
            break
        allowance += abs(exact.along(run(moved, inputs, exact.xp), direction)[0] - base)
    return replace(agreement, literals=allowance)
