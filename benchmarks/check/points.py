"""Points of a primitive's own domain at any size: numbers as the strategies draw them, by numpy's generator.

Hypothesis draws no thousand entries; what it draws is spread alike here: full-width numbers, mostly of moderate size.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradlaws.strategies import exact
from gradlaws.strategies.functions import REPAIRS
from gradlaws.strategies.points import AROUND, MODERATE
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats, Primitive, Shape

SIZES = (3, 64, 1000)
SIDES = {3: 3, 64: 8, 1000: 16}  # of matrices
TRIES = 40  # numbers, until one lies in the domain


@dataclass(frozen=True)
class Place:
    """A primitive with its static parameters at a point."""

    primitive: Primitive
    parameters: dict[str, Any]
    point: tuple[Floats, ...]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return tuple(x.shape for x in self.point)


def place(primitive: Primitive, size: int, precision: Precision) -> Place | None:
    """At about ``size`` entries, matrices of its side; None where the primitive takes nothing like that."""
    random = np.random.default_rng([zlib.crc32(primitive.name.encode()), size])
    for shapes, parameters in fitting(primitive, size):
        if (point := drawn(primitive, shapes, precision, random)) is not None:
            return Place(primitive, dict(parameters), point)
    return None


def fitting(primitive: Primitive, size: int) -> Iterator[tuple[tuple[Shape, ...], Any]]:
    """Shapes that it takes, vectors first, and of each the last of its parameters: the first are the simplest."""
    side = SIDES[size]
    menu: tuple[Shape, ...] = ((size,), (side, side), (2, side, side), (side, side + 1), (side,), (2,), ())
    yield from _variants(primitive, menu)
    # What the strategies draw of two rows alone is any square's to a framework.
    for shapes, parameters in _variants(primitive, ((2, 2), (2,), ())):
        yield tuple(tuple(side for _ in shape) for shape in shapes), parameters
        if size == min(SIZES):
            yield shapes, parameters


def _variants(primitive: Primitive, menu: Sequence[Shape]) -> Iterator[tuple[tuple[Shape, ...], Any]]:
    for shapes in itertools.product(menu, repeat=primitive.arity):
        try:
            found = list(primitive.variants(*shapes))
        except (ValueError, IndexError, TypeError):
            continue
        if found:
            yield shapes, found[-1]


def drawn(
    primitive: Primitive, shapes: Sequence[Shape], precision: Precision, random: np.random.Generator
) -> tuple[Floats, ...] | None:
    """None where no repair brings what is drawn into the domain."""
    if primitive.kind in ("elementwise", "arithmetic") and len(set(shapes)) == 1:
        return _entrywise(primitive, shapes[0], precision, random)
    whole = [numbers(precision, shape, random, moderate=True) for shape in shapes]
    return _repaired(primitive.domain, whole, precision)


def numbers(precision: Precision, shape: Shape, random: np.random.Generator, moderate: bool) -> Floats:
    """A third each of moderate size, where functions bend, and of any."""
    limit = precision.moderate_exponent
    kinds = random.integers(0, 2 if moderate else 3, size=shape)
    exponents = np.choose(
        kinds,
        [
            random.choice(MODERATE, size=shape),
            random.integers(max(AROUND[0], -limit), min(AROUND[1], limit) + 1, size=shape),
            random.integers(-limit, limit + 1, size=shape),
        ],
    )
    significands = random.choice([-1.0, 1.0], size=shape) * (1 + random.random(shape))
    return rounded(precision, np.ldexp(significands, 0 if moderate and random.random() < 0.5 else exponents))


def rounded(precision: Precision, x: Floats) -> Floats:
    return np.asarray(np.vectorize(precision.round, otypes=[float])(x)) if x.size else x


def _entrywise(
    primitive: Primitive, shape: Shape, precision: Precision, random: np.random.Generator
) -> tuple[Floats, ...] | None:
    """Every entry in the domain by itself: drawn again until it is, then repaired."""
    found = []
    for _ in range(int(np.prod(shape))):
        for _ in range(TRIES):
            entry = [numbers(precision, (), random, moderate=False) for _ in range(primitive.arity)]
            if exact.holds(primitive.domain, tuple(entry)):
                break
        else:
            moved = _repaired(primitive.domain, entry, precision)
            if moved is None:
                return None
            entry = list(moved)
        found.append(entry)
    point = tuple(np.array([float(e[k]) for e in found]).reshape(shape) for k in range(primitive.arity))
    return point if exact.holds(primitive.domain, point) else None


def _repaired(
    domain: Callable[..., bool], arrays: Sequence[Floats], precision: Precision
) -> tuple[Floats, ...] | None:  # fmt: skip
    for repairs in itertools.product(REPAIRS, repeat=len(arrays)):
        point = tuple(rounded(precision, repair(x)) for repair, x in zip(repairs, arrays, strict=True))
        try:
            if exact.holds(domain, point):
                return point
        except ValueError:  # a domain that is written for two rows
            return None
    return None
