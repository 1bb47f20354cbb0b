"""Directions that hide no entry: along them a derivative says something of every entry of the gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradlaws.strategies.primitive import Floats

# Of the largest entry of its array: the least length of an entry of a direction. The first is for all but arrays with
# entries so small that such a step leaves a domain, as of log; there the second takes steps of the entries' own size.
FLOORS = (2.0**-3, 0.0)
OF_ZEROS = 2.0**-60  # entries that are 0 have no size of their own
MOST = 2.0**1022  # twice that is a number still


def direction(point: Sequence[Floats], random: np.random.Generator, floor: float = FLOORS[0]) -> list[Floats]:
    """v_i = ±(1 … 2) max(|x_i|, floor · max |x|) for each array of the point; ±1 … 2 where an array is 0.

    Signs alone would let two faults cancel in half of all pairs; coordinates one by one would miss almost all faults.
    """
    return [_along(np.asarray(x, dtype=np.float64), random, floor) for x in point]


def _along(x: Floats, random: np.random.Generator, floor: float) -> Floats:
    size = np.abs(x)
    largest = float(np.max(size, initial=0.0, where=np.isfinite(size)))
    least = np.where(size > 0, floor, max(floor, OF_ZEROS)) * largest if largest else 1.0
    signs = np.where(random.random(x.shape) < 0.5, -1.0, 1.0)
    return np.asarray(signs * (1.0 + random.random(x.shape)) * np.clip(size, least, MOST))


def cotangent(shapes: Sequence[tuple[int, ...]], random: np.random.Generator) -> list[Floats]:
    """Weights ±(1 … 2) of every entry of the outputs: the scalar objective ⟨w, f(x)⟩ looks at each."""
    return [direction([np.zeros(shape)], random)[0] for shape in shapes]
