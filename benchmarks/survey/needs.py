"""What a contract would have had to be at the measured points, number by number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.survey.dense import GROUPS, Measured
from gradlaws.strategies.primitive import Floats
from gradlaws.suite import regions
from gradlaws.suite.bound.contracts import Contract, Row

NUMBERS = ("value", "first", "second", "conditioning", "absolute")
MOST = 4.0  # times what is needed is what a contract may allow
TINY = 1e-300
FINDING = 1e3  # times a size of an error: no contract, but a finding


@dataclass(frozen=True)
class Need:
    """The largest of each number that a point asks for, the others being as they are; and at how many points of each
    order it was asked."""

    numbers: dict[str, float]
    points: tuple[int, int, int]


def numbers(contract: Contract) -> dict[str, float]:
    value, first, second = contract.ulps
    return dict(zip(NUMBERS, (value, first, second, contract.conditioning, contract.absolute), strict=True))


def merged(found: Measured, backend: str, groups: Iterable[str], order: int) -> Floats:
    """The largest error of each point, by the modes of the groups."""
    errors = np.full(len(found.x), np.nan)
    for group in groups:
        errors = np.fmax(errors, found.errors.get((backend, group, order), errors))
    return errors


def inside(found: Measured, region: str) -> NDArray[np.bool_]:
    return (
        np.broadcast_to(regions.mask(region, tuple(found.x.T)), len(found.x))
        if region
        else np.ones(len(found.x), dtype=bool)
    )


def need(found: Measured, backend: str, groups: Iterable[str], contract: Contract, region: str) -> Need:
    """Of the contract in the region, where nothing is a finding."""
    groups, where = tuple(groups), inside(found, region)
    errors = [np.where(where, merged(found, backend, groups, order), np.nan) for order in range(3)]
    c, k, a = contract.ulps[0], contract.conditioning, contract.absolute
    size, moved = found.size, found.moved
    with np.errstate(all="ignore"):
        for order, beyond in enumerate((FINDING * (size + moved + 1), FINDING, FINDING)):
            errors[order][errors[order] >= beyond] = np.nan
        asked = {
            "value": (errors[0] - k * moved - a) / np.maximum(size, TINY),
            "first": errors[1],
            "second": errors[2],
            "conditioning": (errors[0] - c * size - a) / np.maximum(moved, TINY),
            "absolute": errors[0] - c * size - k * moved,
        }
    most = {name: float(np.max(of[~np.isnan(of)], initial=0.0)) for name, of in asked.items()}
    counts = [int(np.count_nonzero(~np.isnan(of))) for of in errors]
    return Need(most, (counts[0], counts[1], counts[2]))


def wide(contract: Contract, default: Contract, needed: Need) -> list[str]:
    """The numbers that are over MOST times what is needed, and are not the default, which all are given."""
    asked, usual = numbers(contract), numbers(default)
    return [n for n in NUMBERS if asked[n] != usual[n] and asked[n] > MOST * needed.numbers[n]]


def groups_of(row: Row, backend: str, primitive: str, dtype: str) -> tuple[str, ...]:
    """The groups of modes that the row covers."""
    return tuple(
        name for name, modes in GROUPS.items() if all(row.covers(backend, dtype, mode, primitive) for mode in modes)
    )
