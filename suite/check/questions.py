"""What is asked: cotangents that hide nothing, drawn, sparse, uneven, small, absent; and directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.leaves import Leaf
from gradlaws.suite.rule import directions

BITS = 6  # of the mantissa: such numbers are exact in every type


@dataclass(frozen=True)
class Cotangents:
    """Weights of the outputs under a name; ``layout``: how they lie in memory, where a framework knows such a thing."""

    name: str
    weights: Sequence[Floats]
    layout: str = ""


def short(array: Floats) -> Floats:
    """The nearest numbers of few bits."""
    mantissa, exponent = np.frexp(array)
    return np.ldexp(np.round(mantissa * 2.0**BITS) / 2.0**BITS, exponent)


FEW = 16  # entries, among which none is another's opposite: their sum would be 0


def drawn(outputs: Sequence[Leaf], random: np.random.Generator) -> list[Floats]:
    shapes = [y.shape for y in outputs]
    found = [short(w) for w in directions.cotangent(shapes, random)]
    while any(w.size <= FEW and np.unique(np.abs(w)).size < w.size for w in found):
        found = [short(w) for w in directions.cotangent(shapes, random)]
    return found


def direction(point: Sequence[Floats], random: np.random.Generator) -> list[Floats]:
    return [short(v) for v in directions.direction(point, random)]


def cotangents(outputs: Sequence[Leaf], random: np.random.Generator) -> list[Cotangents]:
    """Never ones. The first is asked in every mode, the others in one."""
    first = drawn(outputs, random)
    found = [Cotangents("a drawn cotangent", first)]
    entries = sum(y.size for y in outputs)
    if entries > 1:
        found += [
            Cotangents("a cotangent of a few entries", _few(first, random)),
            Cotangents("a cotangent that differs by row", [_by_row(w) for w in first]),
            Cotangents("the cotangent of a mean", [w * 2.0 ** -math.ceil(math.log2(entries)) for w in first]),
        ]
    if len(outputs) > 1:
        for k, y in enumerate(outputs):
            alone = [w if k == other else np.zeros_like(w) for other, w in enumerate(first)]
            found.append(Cotangents(f"a cotangent of {y.name} alone", alone))
    return found


def _few(weights: Sequence[Floats], random: np.random.Generator) -> list[Floats]:
    found = []
    for w in weights:
        kept = np.zeros(w.size, dtype=bool)
        kept[random.integers(0, max(w.size, 1), size=min(3, w.size))] = True
        found.append(np.where(kept.reshape(w.shape), w, 0.0))
    return found


def _by_row(w: Floats) -> Floats:
    """Rows of the first axis by powers of two from 2^-3 to 2^3."""
    if not w.ndim:
        return w
    powers = 2.0 ** (np.arange(w.shape[0]) * 5 % 7 - 3)
    return w * powers.reshape(-1, *[1] * (w.ndim - 1))


def laid_out(first: Sequence[Floats], layout: str) -> Cotangents:
    """For stride 0 the weights of each output are one number."""
    weights = [np.full_like(w, w.flat[0]) if w.size and layout == "expanded" else w for w in first]
    return Cotangents(f"a cotangent whose memory is {layout}", weights, layout)
