"""True derivatives of a traced function, entry by entry, each with what it may be off by.

The forward is traced and its limit taken. The traced derivative is a short way to every entry at once, where RULE has
found it to be that limit; where it is not, entries are limits along coordinates, as long as there are few. A ladder of
shorter steps and wider arithmetics goes on until every entry is known, and what is not known then is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import MPArray, to_floats
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.arithmetic.multiprecision import Multiprecision
from gradlaws.suite.rule import directions, limits
from gradlaws.suite.rule.arithmetics import arithmetic_for
from gradlaws.suite.rule.exact import KINK, KNOWN, Agreement
from gradlaws.suite.rule.limits import Limit, Scalar
from gradlaws.suite.rule.rule import PATIENCE, affordable, agreements, settled_bits
from gradlaws.suite.tape.run import Evaluation
from gradlaws.suite.tape.tape import Tape
from gradlaws.suite.tracing.traced import Traced

STEPS = (0, 12, 24)  # bits by which a step is shorter, one after the other
SMALL = 100  # coordinates that are asked one by one
NEAR = 2.0**-76  # relative: so short a step changes a value by less than quad rounds, but through its rounding alone
WORKING = 1000  # bits in which answers are put together


@dataclass(frozen=True)
class Known:
    """True numbers, and of each what it may be off by (infinite where it is not known; ``why``, in a line)."""

    value: MPArray
    error: MPArray
    why: str = ""

    @property
    def is_known(self) -> bool:
        """Whether every entry is known to more than float64 can show."""
        return not self.why and bool(np.all(self.error <= KNOWN * abs(self.value)))

    @property
    def is_known_but_zeros(self) -> bool:
        return bool(np.all((self.error <= KNOWN * abs(self.value)) | (self.value == 0)))

    @property
    def floats(self) -> Floats:
        return to_floats(self.value)

    @property
    def digits(self) -> Floats:
        """Certain decimal digits of every entry: 0 where there are none, infinite where it is exact."""

        def certain(value: Any, error: Any) -> float:
            if not mp.isfinite(error) or (value == 0 and error):
                return 0.0
            return max(0.0, float(-mp.log10(error / abs(value)))) if error else float("inf")

        return np.asarray(np.frompyfunc(certain, 2, 1)(self.value, self.error), dtype=np.float64)


class Truths:
    """Of a traced function at its point. ``seed``: of the directions along which RULE is asked."""

    def __init__(self, traced: Traced, seed: int = 0) -> None:
        self.traced, self.seed = traced, seed
        self.size = sum(x.size for x in traced.point)
        self.patience = PATIENCE  # seconds that mpmath may take for one of them

    @cached_property
    def rule(self) -> list[Agreement]:
        return agreements(self.traced, np.random.default_rng(self.seed))

    def holds(self, order: int) -> bool:
        found = [a.verdict for a in self.rule if a.order == order]
        return bool(found) and set(found) == {"right"}

    def arithmetics(self) -> Iterator[Any]:
        """Wider and wider, as long as it can be paid for."""
        yield arithmetic_for(self.traced)
        if affordable(self.traced, self.patience):
            yield Multiprecision(settled_bits(self.traced.point))

    def value(self) -> list[Known]:
        """f, an array for each output."""
        return self._evaluated(self.traced.forward, self.traced.point, len(self.traced.point))

    def along(self, vectors: Sequence[Floats]) -> list[Known]:
        """J v: D_v f, an array for each output."""
        return self._split(self._limit(vectors, flat), self.traced.shapes)

    def paired(self, weights: Sequence[Floats], vectors: Sequence[Floats]) -> Known:
        """u · J v"""
        return self._limit(vectors, lambda xp: limits.weighted(weights, xp))

    def gradient(self, weights: Sequence[Floats]) -> list[Known]:
        """Jᵀ w, an array for each array of the point."""
        point = self.traced.point
        if self.holds(1):
            found = self._evaluated(self.traced.gradient, [*point, *weights], len(point))
            return [self._within(known, x) for known, x in zip(found, point, strict=True)]
        return self._by_coordinates(lambda e: self.paired(weights, e), "gradient")

    def curvature(self, weights: Sequence[Floats], one: Sequence[Floats], other: Sequence[Floats]) -> Known:
        """u · H v of ⟨weights, f⟩."""
        if self.holds(1):
            return self._of_gradient(weights, one, lambda xp: limits.weighted(other, xp))
        return self._second(weights, one, other)

    def product(self, weights: Sequence[Floats], vectors: Sequence[Floats]) -> list[Known]:
        """H v of ⟨weights, f⟩, an array for each array of the point."""
        if self.holds(1):
            shapes = [x.shape for x in self.traced.point]
            return self._split(self._of_gradient(weights, vectors, flat), shapes)
        return self._by_coordinates(lambda e: self._second(weights, vectors, e), "Hessian product")

    def jacobian(self) -> Known:
        """Every ∂f_i / ∂x_k, of all outputs (rows) and all entries of the point (columns)."""
        rows = sum(int(np.prod(shape, dtype=np.int64)) for shape in self.traced.shapes)
        return self._columns(lambda e: self._limit(e, flat), rows, "Jacobian")

    def hessian(self, weights: Sequence[Floats]) -> Known:
        """Every ∂²⟨weights, f⟩ / ∂x_i ∂x_k."""
        return self._columns(lambda e: joined(self.product(weights, e)), self.size, "Hessian")

    def _limit(self, vectors: Sequence[Floats], objective: Callable[[Any], Scalar]) -> Known:
        point = self.traced.point

        def ask(xp: Any, finer: int) -> Limit:
            at = self._at(self.traced.forward, point, xp, len(point))
            return limits.first(at, entered(vectors, xp), objective(xp), finer)

        return self._laddered(ask)

    def _of_gradient(
        self, weights: Sequence[Floats], vectors: Sequence[Floats], objective: Callable[[Any], Scalar]
    ) -> Known:
        def ask(xp: Any, finer: int) -> Limit:
            at = self._at(self.traced.gradient, [*self.traced.point, *weights], xp, len(vectors))
            moves = [*entered(vectors, xp), *(None for _ in weights)]
            return limits.first(at, moves, objective(xp), finer)

        return self._laddered(ask)

    def _second(self, weights: Sequence[Floats], one: Sequence[Floats], other: Sequence[Floats]) -> Known:
        point = self.traced.point

        def ask(xp: Any, finer: int) -> Limit:
            at = self._at(self.traced.forward, point, xp, len(point))
            return limits.second(at, entered(one, xp), entered(other, xp), limits.weighted(weights, xp), finer)

        return self._laddered(ask)

    def _at(self, tape: Tape, inputs: Sequence[Any], xp: Any, moving: int) -> Evaluation:
        return Evaluation(tape, inputs, xp, [k < moving for k in range(len(inputs))])

    def _laddered(self, ask: Callable[[Any, int], Limit]) -> Known:
        """Of each entry the best that one step or another knows."""
        best: Known | None = None
        for xp in self.arithmetics():
            for finer in STEPS:
                limit = ask(xp, finer)
                if limit.kink is not None:
                    nothing = np.full(limit.value.shape, mp.inf, dtype=object)
                    return Known(limit.value, nothing, f"{KINK}: {limit.kink.origin}")
                best = better(best, Known(limit.value, finite(limit)))
                if best.is_known:
                    return best
                if best.is_known_but_zeros:  # no shorter step shows more of them
                    break
        assert best is not None
        return told(best)

    def _evaluated(self, tape: Tape, inputs: Sequence[Any], moving: int) -> list[Known]:
        """The outputs of a tape. What rounding does to them shows in second differences at a step so short that
        nothing else is in them."""
        found: list[Known] | None = None
        for xp in self.arithmetics():
            at = self._at(tape, inputs, xp, moving)
            steps = [directions.direction([np.asarray(x)], np.random.default_rng(self.seed))[0] for x in inputs]
            moves = [v if k < moving else None for k, v in enumerate(entered(steps, xp))]
            near = mpf(NEAR) ** (xp.precision / 113)
            sides = [at.beside(limits.scaled(moves, sign * near, xp)) for sign in (1, -1)]
            now = [rounded(xp, *three) for three in zip(at.outputs, *sides, strict=True)]
            found = now if found is None else [better(a, b) for a, b in zip(found, now, strict=True)]
            if all(known.is_known for known in found):
                break
        assert found is not None
        return [told(known) for known in found]

    def _within(self, known: Known, x: Floats) -> Known:
        """RULE knows a gradient no better than along its directions: of random signs, no entry hides behind others."""
        step = directions.direction([x], np.random.default_rng(self.seed))[0]
        with mp.workprec(WORKING):
            apart = max(a.error + a.apart + a.literals for a in self.rule if a.order == 1)
            share = np.asarray(apart / np.abs(step), dtype=object) if x.size else known.error
            return Known(known.value, known.error + share, known.why)

    def _by_coordinates(self, ask: Callable[[Sequence[Floats]], Known], what: str) -> list[Known]:
        whole = self._columns(ask, 1, what)
        return self._split(Known(whole.value.reshape(-1), whole.error.reshape(-1), whole.why),
                           [x.shape for x in self.traced.point])  # fmt: skip

    def _columns(self, ask: Callable[[Sequence[Floats]], Known], rows: int, what: str) -> Known:
        """Along one coordinate after the other, each with a step of its own size."""
        if self.size > SMALL:
            nothing = np.full((rows, self.size), mp.nan, dtype=object)
            why = f"the {what} of {self.size:,} coordinates is not asked, one by one, beyond {SMALL}"
            return Known(nothing, np.full(nothing.shape, mp.inf, dtype=object), why)
        columns = []
        self.patience = PATIENCE / max(self.size, 1)
        for step, coordinate in coordinates(self.traced.point):
            known = ask(coordinate)
            with mp.workprec(WORKING):
                columns.append(Known(known.value / mpf(step), known.error / mpf(step), known.why))
        self.patience = PATIENCE
        why = next((known.why for known in columns if known.why), "")
        values, errors = ([c.value.reshape(-1) for c in columns], [c.error.reshape(-1) for c in columns])
        empty = np.zeros((rows, 0), dtype=object)
        return Known(np.stack(values, 1), np.stack(errors, 1), why) if columns else Known(empty, empty)

    @staticmethod
    def _split(whole: Known, shapes: Sequence[tuple[int, ...]]) -> list[Known]:
        ends = np.cumsum([int(np.prod(shape, dtype=np.int64)) for shape in shapes])[:-1].tolist()
        parts = zip(np.split(whole.value, ends), np.split(whole.error, ends), shapes, strict=True)
        return [Known(v.reshape(shape), e.reshape(shape), whole.why) for v, e, shape in parts]


def coordinates(point: Sequence[Floats]) -> Iterator[tuple[float, list[Floats]]]:
    """Of every entry a step of its size, or of its array's where it is 0, and the direction of that."""
    for k, x in enumerate(point):
        largest = float(np.max(np.abs(x), initial=0.0)) or 1.0
        for place, entry in enumerate(np.ravel(x)):
            found = [np.zeros(np.shape(y)) for y in point]
            step = abs(float(entry)) or largest
            found[k].reshape(-1)[place] = step
            yield step, found


def flat(xp: Any) -> Scalar:
    """All outputs, one after the other."""

    def objective(outputs: list[Any]) -> Any:
        with xp.working():
            return np.concatenate([np.asarray(y).reshape(-1) for y in outputs])

    return objective


def entered(vectors: Sequence[Floats], xp: Any) -> list[Any]:
    with xp.working():
        return [xp.asarray(v) for v in vectors]


def joined(parts: Sequence[Known]) -> Known:
    value, error = (np.concatenate([getattr(p, what).reshape(-1) for p in parts]) for what in ("value", "error"))
    return Known(value, error, next((p.why for p in parts if p.why), ""))


def finite(limit: Limit) -> MPArray:
    """The errors, infinite where there is no number."""
    return where(mp_finite(limit.value) & mp_finite(limit.error), limit.error, mp.inf)


def rounded(xp: Any, here: Any, ahead: Any, behind: Any) -> Known:
    """A value, and the noise around it: at least a rounding of the arithmetic."""
    value, ahead, behind = (np.asarray(xp.to_mp(x), dtype=object) for x in (here, ahead, behind))
    with mp.workprec(WORKING):
        noise = limits.GUARD * (abs(ahead - 2 * value + behind) + abs(value) * mpf(2) ** -xp.precision)
    return Known(value, where(mp_finite(noise), noise, mp.inf))


def better(one: Known | None, other: Known) -> Known:
    if one is None:
        return other
    first = one.error <= other.error
    return Known(where(first, one.value, other.value), where(first, one.error, other.error))


def told(known: Known) -> Known:
    """With a reason, where entries are not known at all."""
    if np.all(mp_finite(known.error)):
        return known
    return Known(known.value, known.error, "the function is not finite at the point or beside it")


def where(which: Any, one: Any, other: Any) -> MPArray:
    found: MPArray = np.where(which, one, other).astype(object)
    return found


def mp_finite(array: MPArray) -> Any:
    return np.asarray(np.frompyfunc(mp.isfinite, 1, 1)(array), dtype=bool)
