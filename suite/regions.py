"""Regions: expressions in the arguments x, y and z by which rows of data files say where they hold."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlaws.suite.tables import DataError, compiled, evaluated

VARIABLES = ("x", "y", "z")
NUMBER = re.compile(r"\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?")
# Of two rows, random and near to multiples of rotations and reflections.
MATRICES = tuple(
    (np.array([[np.cos(t), -side * np.sin(t)], [np.sin(t), side * np.cos(t)]]) * 2.0**k + near * noise.reshape(2, 2),)
    for t, side, k, near, noise in zip(
        np.linspace(0.05, 6, 400), itertools.cycle((1.0, -1.0)), itertools.cycle((0, 3, -3)),
        itertools.cycle((0.0, 1e-3, 1e-2, 0.1, 0.3, 1.0, 10.0)), np.random.default_rng(1).normal(size=(400, 4)),
        strict=False,
    )
)  # fmt: skip
FEW = 150  # numbers of which pairs and triples are made


def mask(region: str, arguments: Iterable[Any]) -> NDArray[np.bool_]:
    """Which entries lie in the region. Raises ValueError or IndexError where arrays of their shape cannot be asked."""
    with np.errstate(all="ignore"):  # x**y of a region may overflow
        found = evaluated(region, dict(zip(VARIABLES, arguments, strict=False)))
    return np.asarray(found)


def contains(region: str, arguments: Iterable[Any]) -> bool:
    """Whether any entry lies in the region."""
    return bool(np.any(mask(region, arguments)))


def everywhere(regions: tuple[str, ...], arity: int) -> NDArray[np.bool_]:
    """Whether each probe lies in each of the regions; one that names entries of a matrix is asked of matrices."""
    if any("[" in region for region in regions):
        asked = [[contains(region, matrices) for matrices in MATRICES] for region in regions]
        return np.array(asked)
    points = probes(regions, arity)
    return np.stack(np.broadcast_arrays(*(mask(region, points) for region in regions)))


def check(region: str, arity: int, where: str) -> None:
    """Raises DataError, in one line, where it is no expression, or one in which nothing lies."""
    try:
        compiled(region, VARIABLES[:arity])
        found = everywhere((region,), arity)[0]
    except DataError as error:
        raise DataError(f"{where}: the region {error}") from None
    except Exception as error:
        raise DataError(f"{where}: the region {region!r}: {type(error).__name__}: {error}") from None
    if found.dtype != np.bool_:
        raise DataError(f"{where}: the region {region!r} compares nothing")
    if not found.any():
        raise DataError(f"{where}: in the region {region!r} nothing lies")


def meet(a: str, b: str, arity: int) -> bool:
    """Whether there is a point in both regions, as far as probes see; "" is everywhere."""
    named = tuple(filter(None, (a, b)))
    return bool(everywhere(named, arity).all(axis=0).any()) if named else True


@cache
def probes(expressions: tuple[str, ...], arity: int) -> tuple[NDArray[np.float64], ...]:
    """Points of so many arguments, each of shape (N, 1): all binades, the numbers in the expressions, their neighbours,
    and what lies between them; ties of two arguments."""
    named = sorted({float(text) for region in expressions for text in NUMBER.findall(region)} | {0.0, 1.0})
    edges = np.array([*named, *(-number for number in named)])
    near = np.concatenate([
        edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), edges * 0.999, edges * 1.001,
        [(a + b) / 2 for a, b in itertools.pairwise(np.sort(edges))],
    ])  # fmt: skip
    binades = np.ldexp(1.4142, np.arange(-1060, 1020, 5))
    moderate = np.concatenate([np.linspace(0.017, 3, 40), np.geomspace(3, 1000, 40)])
    sizes = np.concatenate([moderate, binades])
    one = np.unique(np.concatenate([near, sizes, -sizes]))
    one = one[np.isfinite(one)]
    if arity == 1:
        return (one[:, None],)
    random = np.random.default_rng(0)
    few = np.unique(np.concatenate([near, random.choice(one, FEW), random.choice(moderate, FEW)]))
    drawn = [random.choice(few, FEW * FEW) for _ in range(arity)]
    ties = [few] * arity, [few, *[-few] * (arity - 1)]
    return tuple(np.concatenate([a, *parts])[:, None] for a, *parts in zip(drawn, *ties, strict=True))
