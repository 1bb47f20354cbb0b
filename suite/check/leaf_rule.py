"""Leaves whose part of ⟨gradient, v⟩ is lost beside the others': RULE is asked along those alone.

Where an array of 1e70 stands beside one of 1, no wrong factor of the smaller one's gradient moves the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.arithmetic.multiprecision import Multiprecision
from gradlaws.suite.rule import directions
from gradlaws.suite.rule.exact import Agreement, Exact
from gradlaws.suite.rule.rule import CONFIRMING, affordable, confirmed, settled_bits
from gradlaws.suite.tape.run import run
from gradlaws.suite.tracing.traced import Traced

LOST = 2.0**-20  # of the largest leaf's part: of a smaller one, RULE's 20 digits are less than float64's


def of_small_leaves(own: Traced, truth: Traced | None, seed: int, xp: Any) -> dict[int, Agreement]:
    """By leaf. Those of like size are asked together, and one by one where something is wrong with them."""
    random = np.random.default_rng(seed)
    weights = directions.cotangent(own.shapes, random)
    vector = directions.direction(own.point, random, directions.FLOORS[-1])
    parts = shares(own, weights, vector)
    found: dict[int, Agreement] = {}
    left = _lost(parts, list(range(len(parts))))
    while left:
        small = _lost(parts, left)
        group = [k for k in left if k not in small]
        exact = Exact(own, weights, _arithmetic(own, xp, max(parts), max(parts[k] for k in group)), truth)
        together = _asked(exact, _only(vector, group))
        alone = together.verdict == "wrong" and len(group) > 1
        found.update({k: _asked(exact, _only(vector, [k])) if alone else together for k in group})
        left = small
    return found


def shares(own: Traced, weights: Sequence[Floats], vector: Sequence[Floats]) -> list[float]:
    """Of each leaf Σ |gradient v|; none where one is no number."""
    with np.errstate(all="ignore"):
        gradient = run(own.gradient, [*own.point, *weights], FLOAT64)
        found = [float(np.sum(np.abs(g * v))) for g, v in zip(gradient, vector, strict=True)]
    return found if np.all(np.isfinite(found)) else []


def _lost(parts: Sequence[float], among: Sequence[int]) -> list[int]:
    largest = max((parts[k] for k in among), default=0.0)
    return [k for k in among if parts[k] < LOST * largest]


def _only(vector: Sequence[Floats], leaves: Sequence[int]) -> list[Floats]:
    return [v if k in leaves else np.zeros_like(v) for k, v in enumerate(vector)]


def _arithmetic(own: Traced, xp: Any, largest: float, size: float) -> Any:
    """mpmath, with the bits between the two, where that takes no more than seconds."""
    if not affordable(own, CONFIRMING):
        return xp
    return Multiprecision(settled_bits(own.point) + (3 * int(np.log2(largest / size)) if size else 0))


def _asked(exact: Exact, vector: Sequence[Floats]) -> Agreement:
    inputs = [*exact.traced.point, *exact.weights]
    return confirmed(exact, exact.first, vector, exact.traced.gradient, inputs, exact.gradient.outputs)
