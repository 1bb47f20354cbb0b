"""How far the domain of a primitive reaches, as a number that two versions of the catalogue can compare."""

from __future__ import annotations

from functools import cache

import numpy as np

from gradlaws.strategies.primitive import Floats, Primitive

_ONE = np.concatenate([sign * 2.0 ** (np.arange(-48, 49) / 4) for sign in (-1, 1)])
_TWO = np.array([sign * 2.0**k for sign in (-1, 1) for k in range(-6, 7, 2)])
_SHAPES = ((3,), (2, 2), (3, 3))


def reach(primitive: Primitive) -> float:
    """The share of a fixed set of points that lie in the domain: of a grid, or of arrays of fixed random entries."""
    points = _points(primitive.kind in ("elementwise", "arithmetic"), primitive.arity)
    with np.errstate(all="ignore"):
        return round(sum(_inside(primitive, point) for point in points) / len(points), 4)


def _inside(primitive: Primitive, point: tuple[Floats, ...]) -> bool:
    try:
        return bool(primitive.domain(*point))
    except (ValueError, IndexError, np.linalg.LinAlgError):  # of arrays that it does not take
        return False


@cache
def _points(entrywise: bool, arity: int) -> tuple[tuple[Floats, ...], ...]:
    if entrywise and arity == 1:
        return tuple((np.asarray(x),) for x in _ONE)
    if entrywise and arity == 2:
        return tuple((np.asarray(x), np.asarray(y)) for x in _TWO for y in _TWO)
    random = np.random.default_rng(0)
    return tuple(
        tuple(random.normal(size=shape) * 2.0 ** random.integers(-3, 4) for _ in range(arity))
        for shape in _SHAPES
        for _ in range(8)
    )
