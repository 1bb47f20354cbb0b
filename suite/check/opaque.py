"""A call whose truth is not to be had: no trace, no reference. Nothing is called right; what is plainly wrong is said.

Its derivatives are set beside differences of the function itself, in its own precision, and its modes beside each
other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.state import Check

CLEAR = 16.0  # times the scatter of the differences: what they cannot be off by
KNOWN = 0.05  # of its size a difference has to be known to, to contradict anything
STEPS = range(1, 40)  # powers of 1/2


@dataclass(frozen=True)
class Difference:
    """A derivative along a direction from differences: ``spread`` is how far neighbouring step sizes are apart."""

    value: float
    spread: float
    step: float

    @property
    def digits(self) -> float:
        return float(np.log10(abs(self.value) / self.spread)) if self.value and self.spread else 0.0


def difference(function: Callable[[float], float], bits: int) -> Difference:
    """Central differences, extrapolated once (Richardson), at the step where neighbours agree best."""
    steps = [2.0**-k for k in STEPS if k < bits]
    pairs = [(function(h), function(-h)) for h in steps]
    quotients = [(ahead - behind) / (2 * h) for (ahead, behind), h in zip(pairs, steps, strict=True)]
    # Neighbours may agree by chance: each value is rounded, and so known to no more than this.
    rounding = [2.0**-bits * max(map(abs, pair)) / h for pair, h in zip(pairs, steps, strict=True)]
    better = [(4 * b - a) / 3 for a, b in itertools.pairwise(quotients)]
    found = [
        Difference(b, max(abs(b - a), abs(c - b), least), h)
        for a, b, c, least, h in zip(better, better[1:], better[2:], rounding[3:], steps[3:], strict=False)
    ]
    known = [d for d in found if np.isfinite(d.spread)]
    return min(known, key=lambda d: d.spread) if known else Difference(np.nan, np.inf, 0.0)


def judged(state: Check) -> None:
    """Rows without a truth, and the problems that differences and modes show."""
    state.report.notes.append(
        "without a trace and without reference= nothing can be called right: give a plain formula as reference="
    )
    rows = state.rows(1)
    for row in rows:
        row.rule, row.compared = "unknown", 1  # asked, and not known
        row.notes.append("no truth: give reference=, a plain formula of the same function")
    gradients = _asked(state, 1, "gradient")
    for row in rows:
        row.modes = list(gradients)
    _between(state, gradients, "gradient", 1)
    for name, gradient in list(gradients.items())[:1]:
        _contradicts(state, name, 1, "the gradient", _paired(gradient, state.vectors), _objective(state))
    _tangents(state)
    if state.options.order > 1 and gradients:
        _second(state)


def _asked(state: Check, order: int, kind: str) -> dict[str, list[Floats]]:
    weights, vectors = state.cotangents[0].weights, state.vectors
    found = {}
    for mode in state.modes(order, kind):
        if state.has_time(mode.name) and (answers := state.asked(mode, weights, vectors)) is not None:
            found[mode.name] = answers
    return found


def _between(state: Check, answers: dict[str, list[Floats]], what: str, order: int) -> None:
    """Modes are apart by no more than half of the digits."""
    if len(answers) < 2:
        return
    (name, first), *others = answers.items()
    for other, answer in others:
        for leaf, a, b in zip(state.subject.inputs, first, answer, strict=False):
            size = max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)))
            apart = float(np.max(np.abs(a - b), initial=0.0)) if a.shape == b.shape else np.inf
            if not apart <= np.sqrt(PRECISIONS[leaf.dtype].unit_roundoff) * size:
                relative = apart / size if size else np.inf
                text = f"{what} for {leaf.name}: {name} and {other} are apart by {relative:.1e}"
                state.mode_problems.append((other, order, text))


def _paired(one: Sequence[Floats], other: Sequence[Floats]) -> float:
    return float(sum(np.sum(a * b) for a, b in zip(one, other, strict=True)))


def _bits(state: Check) -> int:
    types = [x.dtype for x in (*state.subject.inputs, *state.subject.outputs)]
    return int(min(-np.log2(PRECISIONS[dtype].unit_roundoff) for dtype in types))


def _moved(state: Check, step: float) -> list[Floats]:
    return [x + step * v for x, v in zip(state.subject.point, state.vectors, strict=True)]


def _objective(state: Check) -> Callable[[float], float]:
    """⟨w, outputs⟩ so far along the drawn direction."""
    weights = state.cotangents[0].weights
    return lambda step: _paired(state.subject.at(_moved(state, step)).modes(False)[0].ask([], []), weights)


def _tangents(state: Check) -> None:
    """J v in every mode that gives it, beside the differences of ⟨w, outputs⟩."""
    weights, vectors = state.cotangents[0].weights, state.vectors
    for order in range(1, state.options.order + 1):
        for mode in state.modes(order, "tangents"):
            if state.has_time(mode.name) and (answers := state.asked(mode, weights, vectors)) is not None:
                _contradicts(state, mode.name, order, "J v", _paired(answers, weights), _objective(state))


def _second(state: Check) -> None:
    """H v in every mode, along another direction, beside differences of the gradient."""
    weights, gradient = state.cotangents[0].weights, state.modes(1, "gradient")[0].name
    answers = _asked(state, 2, "product")
    _between(state, answers, "Hessian · v", 2)

    def along(step: float) -> float:
        asked = state.subject.at(_moved(state, step))
        mode = next(m for m in asked.modes(False) if m.name == gradient)
        return _paired(mode.ask(weights, []), state.vectors)

    for name, answer in list(answers.items())[:1]:
        _contradicts(state, name, 2, "Hessian · v", _paired(answer, state.vectors), along)


def _contradicts(
    state: Check, mode: str, order: int, quantity: str, answer: float, along: Callable[[float], float]
) -> None:
    """A problem, where differences know more than what they are apart; else how many digits they confirm."""
    what = f"{quantity} ({mode})"
    if not state.has_time(f"differences beside {what}"):
        return
    found = difference(along, _bits(state))
    size = max(abs(found.value), abs(answer))
    apart = abs(found.value - answer)
    if not np.isfinite(found.spread):
        state.report.notes.append(f"{what}: differences of the function know nothing")
    elif state.subject.draws and not apart <= CLEAR * found.spread:
        state.report.notes.append(
            f"{what} is not the derivative at fixed random numbers, as that of a sampler need not be: give reference="
        )
    elif not apart <= CLEAR * found.spread and found.spread <= KNOWN * size:
        text = (
            f"{what} along the drawn direction is {answer:.10g}, and differences of the function itself give "
            f"{found.value:.10g} (they scatter by {found.spread:.0e})"
        )
        state.mode_problems.append((mode, order, text))
    else:
        least = max(apart, found.spread, size * 2.0**-53)
        digits = max(0.0, float(np.log10(size / least))) if size else 0.0
        state.report.notes.append(f"{what}: differences in its own precision agree to {digits:.1f} digits, no more")
