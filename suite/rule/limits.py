"""Derivatives along directions as limits: differences of a tape, with an error that is measured.

No rule of differentiation enters. A central difference at h and at 2h is extrapolated (Richardson); what the two are
apart bounds what is left, and where that is too much, mpmath is asked, with a step so small that it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import MPArray
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.tape.run import Evaluation
from gradlaws.suite.tape.tape import Instruction

Moves = Sequence[Any | None]
Scalar = Callable[[list[Any]], Any]
ONE_SIDED = mpf(2) ** -8  # relative: what two second differences on either side of the point may be apart
GUARD = 8  # u f / h is what rounding of f itself does to a quotient; intermediate values may do more


@dataclass(frozen=True)
class Limit:
    """A derivative and what it may be off by, in mpmath, of something of the size ``values``.

    ``truncation`` is the part of the error that a shorter step makes smaller. ``kink``: why there is no derivative, as
    far as is seen.
    """

    value: MPArray
    error: MPArray
    values: Any
    truncation: MPArray
    kink: Instruction | None = None

    @property
    def is_known(self) -> bool:
        return self.kink is None and all(mp.isfinite(e) for e in np.ravel(self.error))


@dataclass(frozen=True)
class Step:
    """2^-bits, relative to the direction, in an arithmetic of so many bits."""

    bits: int
    precision: int

    @property
    def of_second(self) -> int:
        """For second differences of order 6, whose rounding weighs twice."""
        return self.bits // 2


def step(xp: Any, finer: int = 0) -> Step:
    """Where truncation, h², and rounding, u / h, are about alike; or so many bits shorter."""
    precision = int(xp.precision)
    return Step((precision + 1) // 3 + finer, precision)


def rounding(by: Step, size: Any) -> Any:
    """What rounding values of that size may do to a first quotient."""
    return GUARD * mpf(2) ** (by.bits - by.precision) * size


def scaled(directions: Moves, factor: mpf, xp: Any) -> list[Any | None]:
    """Moves by powers of two, or small multiples: they are exact."""
    with xp.working():
        by = xp.asarray(np.array(factor, dtype=object))
        return [None if v is None else v * by for v in directions]


def first(at: Evaluation, directions: Moves, objective: Scalar, finer: int = 0) -> Limit:
    """D_v of the objective: four evaluations, whatever the number of entries. ``finer``: by so many bits."""
    xp, by = at.xp, step(at.xp, finer)
    h = mpf(2) ** -by.bits

    def value(k: float) -> Any:
        return _numbers(xp, objective(at.beside(scaled(directions, k * h, xp))))

    centre = _numbers(xp, objective(at.outputs))
    ahead, far_ahead, behind, far_behind = value(1), value(2), value(-1), value(-2)
    with mp.workprec(2 * by.precision):
        near = (ahead - behind) / (2 * h)
        far = (far_ahead - far_behind) / (4 * h)
        truncation = 2 * abs(near - far)
        error = truncation + rounding(by, abs(centre))
        kink = None
        if at.ties:
            right = (4 * ahead - far_ahead - 3 * centre) / (2 * h)
            left = (3 * centre - 4 * behind + far_behind) / (2 * h)
            if not np.all(abs(right - left) <= 4 * error + abs(near) * mpf(2) ** (2 - by.bits)):
                kink = at.ties[0]
        return Limit((4 * near - far) / 3, error, np.max(abs(centre)), truncation, kink)


ROUGH = 2  # evaluations


def rough(at: Evaluation, directions: Moves, objective: Scalar) -> Any:
    """D_v of the objective to some twenty digits in quad, with no word on its error; NaN at a tie."""
    xp, by = at.xp, step(at.xp)
    h = mpf(2) ** -by.bits
    ahead, behind = (_numbers(xp, objective(at.beside(scaled(directions, k * h, xp)))) for k in (1, -1))
    with mp.workprec(2 * by.precision):
        return mp.nan if at.ties else ((ahead - behind) / (2 * h))[0]


def second(at: Evaluation, one: Moves, other: Moves, objective: Scalar, finer: int = 0) -> Limit:
    """D_u D_v of the objective by (D²_{u+v} − D²_{u−v}) / 4, from which the value at the point cancels.

    Twelve evaluations: three steps, extrapolated twice, may be longer, and rounding weighs less.
    """
    xp, by = at.xp, step(at.xp, finer)
    h = mpf(2) ** -by.of_second
    centre = _numbers(xp, objective(at.outputs))
    found, kink = [], None
    with xp.working():
        lines = [[_combined(u, v, sign, xp) for u, v in zip(one, other, strict=True)] for sign in (1, -1)]

    def values(k: int) -> list[tuple[MPArray, MPArray]]:
        """Of either line, ahead and behind."""
        sides = [[objective(at.beside(scaled(line, side * k * h, xp))) for side in (1, -1)] for line in lines]
        return [(_numbers(xp, ahead), _numbers(xp, behind)) for ahead, behind in sides]

    met = [values(k) for k in (1, 2, 4)]
    with mp.workprec(2 * by.precision):
        for k, ((a, b), (c, d)) in zip((1, 2, 4), met, strict=True):
            found.append((a + b - c - d) / (4 * k * k * h * h))
        near, middle, far = found
        once, coarse = (4 * near - middle) / 3, (4 * middle - far) / 3
        truncation = 2 * abs(once - coarse)
        error = truncation + GUARD * mpf(2) ** (2 * by.of_second - by.precision) * abs(centre)
        if at.ties and any(_bends(centre, ends, far_ends) for ends, far_ends in zip(met[0], met[1], strict=True)):
            kink = at.ties[0]
        return Limit((16 * once - coarse) / 15, error, np.max(abs(centre)), truncation, kink)


def _bends(centre: MPArray, near: tuple[MPArray, MPArray], far: tuple[MPArray, MPArray]) -> bool:
    """Whether the second difference ahead is not the one behind: of a smooth function they are, but for a third
    derivative times the step."""
    ahead, behind = (b - 2 * a + centre for a, b in zip(near, far, strict=True))
    return bool(np.any(abs(ahead - behind) > (abs(ahead) + abs(behind)) * ONE_SIDED))


def _combined(u: Any | None, v: Any | None, sign: int, xp: Any) -> Any | None:
    """u + v or u − v, of what moves."""
    if u is None or v is None:
        return u if v is None else v * xp.asarray(np.float64(sign))
    return u + v if sign > 0 else u - v


def _numbers(xp: Any, value: Any) -> MPArray:
    return np.atleast_1d(np.asarray(xp.to_mp(value), dtype=object)).ravel()


def weighted(weights: Sequence[Floats], xp: Any) -> Scalar:
    """⟨w, outputs⟩, summed in the arithmetic."""
    with xp.working():
        entered = [xp.asarray(w) for w in weights]

    def objective(outputs: list[Any]) -> Any:
        with xp.working():
            parts = [np.sum(w * f) for w, f in zip(entered, outputs, strict=True) if w.size]
            return np.asarray(sum(parts, start=xp.zeros(())))

    return objective
