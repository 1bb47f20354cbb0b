"""What an answer may be off by: entry by entry, and where that leaves no digit, a weighted sum of a leaf's entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.rounding.bounds import Bounds

KEPT = 0.1  # of the largest entry a bound has to be below, to leave a digit


@dataclass(frozen=True)
class Sum:
    """Σ c · entry of a leaf, with c = ±1, which rounding moves by ``bound`` (A, to first order)."""

    weights: Floats
    bound: float


@dataclass(frozen=True)
class Allowed:
    """``framework``: the rounding of what runs; ``all``: what the truth itself is known to and what the user allows
    besides; ``unknown``: of each leaf, why there is no bound; ``sums``: of the leaves that are judged by one."""

    framework: Sequence[Floats]
    all: Sequence[Floats]
    unknown: Sequence[Sequence[str]]
    sums: Mapping[int, Sum] = field(default_factory=dict)

    def of(self, *ks: int) -> Allowed:
        """That of some leaves."""
        sums = {place: self.sums[k] for place, k in enumerate(ks) if k in self.sums}
        framework, total = ([part[k] for k in ks] for part in (self.framework, self.all))
        return Allowed(framework, total, [self.unknown[k] for k in ks], sums)


def rounding(found: Bounds, exact: Sequence[Floats], random: np.random.Generator, sums: int | None = None) -> Allowed:
    """By F; by A where F, which grows by absolute values, leaves no digit of what is ``exact`` and A does.

    A sum costs a sweep: ``sums`` says of how many leaves, drawn, one is taken (default: of all that need it).
    """
    framework = [np.asarray(f) for f in found.outputs]
    allowed = Allowed(framework, framework, [found.unknown] * len(framework))
    largest = [float(np.max(np.abs(e), initial=0.0)) for e in exact]
    need = [k for k, f in enumerate(framework) if f.size and largest[k] and not np.max(f) <= KEPT * largest[k]]
    chosen = need if sums is None or len(need) <= sums else random.choice(need, sums, replace=False)
    for k in chosen:
        allowed = _by_sum(allowed, int(k), found, largest[k], random)
    return allowed


def _by_sum(allowed: Allowed, k: int, found: Bounds, largest: float, random: np.random.Generator) -> Allowed:
    cotangents = [np.zeros(f.shape) for f in allowed.framework]
    cotangents[k] = random.choice([-1.0, 1.0], cotangents[k].shape)
    amount = found.along(cotangents)
    if not amount <= KEPT * largest:
        return allowed
    framework, unknown = list(allowed.framework), list(allowed.unknown)
    framework[k], unknown[k] = np.full(framework[k].shape, amount), []
    sums = {**allowed.sums, k: Sum(cotangents[k], amount)}
    return replace(allowed, framework=framework, unknown=unknown, sums=sums)


def widened(allowed: Allowed, by: Sequence[Floats | float]) -> Allowed:
    """Entries by so much, and sums by as much of every entry."""
    more = [f + e for f, e in zip(allowed.all, by, strict=True)]
    sums = {
        k: replace(s, bound=s.bound + float(np.sum(np.broadcast_to(by[k], s.weights.shape))))
        for k, s in allowed.sums.items()
    }
    return replace(allowed, all=more, sums=sums)


def either(one: Allowed, other: Allowed) -> Allowed:
    """The larger of two bounds, where both are known; of a leaf that either judges by a sum, by the larger of these."""
    larger = [np.fmax(a, b) for a, b in zip(one.all, other.all, strict=True)]
    sums = {**other.sums, **one.sums}
    for k in one.sums.keys() & other.sums.keys():
        sums[k] = max(one.sums[k], other.sums[k], key=lambda s: s.bound)
    return replace(one, all=larger, sums=sums)
