"""What each primitive promises on each backend: the data of contracts.toml, checked and looked up."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from gradlaws.strategies.catalogue import CORE, PRIMITIVES
from gradlaws.strategies.precision import HALF, PRECISIONS
from gradlaws.strategies.primitive import Floats
from gradlaws.suite import regions, run
from gradlaws.suite.run import Run, kept
from gradlaws.suite.tables import DataError, overlap, table

DATA = Path(__file__).with_name("contracts.toml")
REQUIRED = {"backends", "primitives", "ulps", "reason"}
DEFAULT_ULPS = {"elementwise": 4.0, "arithmetic": 1.0, "linear": 1.0, "structured": 1.0}
SELECTION_ULPS = 0.0  # what is selected is passed on as it is, and partials are 0 or ±1
TYPES: dict[str, type | tuple[type, ...]] = {
    "backends": list, "primitives": list, "modes": list, "dtypes": list, "ulps": list, "reason": str, "region": str,
    "conditioning": (int, float), "absolute": (int, float), "normwise": (int, float),
}  # fmt: skip


@dataclass(frozen=True)
class Contract:
    """Allowed error in ulps of value, first and second partials; of the value also ``conditioning``, in ulps of the
    arguments, and ``absolute``, in units of u; and of all three ``normwise``, in u of the largest of its kind times the
    condition number of the matrix (suite/bound/partials.py)."""

    ulps: tuple[float, float, float]
    conditioning: float = 0.0
    absolute: float = 0.0
    normwise: float = 0.0

    def or_larger(self, other: Contract) -> Contract:
        """What either of them allows."""
        value, first, second = map(max, self.ulps, other.ulps)
        beside = (max(getattr(self, name), getattr(other, name)) for name in ("conditioning", "absolute", "normwise"))
        return Contract((value, first, second), *beside)


@dataclass(frozen=True)
class Row:
    """``region`` is an expression in the arguments x, y and z (suite/regions.py); "" is everywhere."""

    backends: tuple[str, ...]
    primitives: tuple[str, ...]
    contract: Contract
    reason: str
    modes: tuple[str, ...] = ("*",)
    dtypes: tuple[str, ...] = tuple(PRECISIONS)
    region: str = ""

    def covers(self, backend: str, dtype: str, mode: str, primitive: str) -> bool:
        named = backend in self.backends and primitive in self.primitives and dtype in self.dtypes
        return named and any(fnmatchcase(mode, pattern) for pattern in self.modes)


def read(path: Path = DATA) -> tuple[Row, ...]:
    """The rows of a contracts file. Raises DataError, in one line, where one is not as it should be."""
    entries = table(path, "contract")
    rows = tuple(_row(entry, f"{path}: contract {number}") for number, entry in enumerate(entries, start=1))
    for a, b in itertools.combinations(rows, 2):
        backends, primitives = set(a.backends) & set(b.backends), set(a.primitives) & set(b.primitives)
        if not (backends and primitives and set(a.dtypes) & set(b.dtypes) and overlap(a.modes, b.modes)):
            continue
        if regions.meet(a.region, b.region, PRIMITIVES[min(primitives)].arity):
            raise DataError(
                f"{path}: two contracts overlap for {min(primitives)} on {min(backends)}: merge them or part their"
                " regions"
            )
    return rows


def _row(entry: dict[str, Any], where: str) -> Row:
    if missing := REQUIRED - set(entry):
        raise DataError(f"{where}: lacks {', '.join(sorted(missing))}")
    if unknown := set(entry) - set(TYPES):
        raise DataError(f"{where}: has unknown {', '.join(sorted(unknown))}; known are {sorted(TYPES)}")
    for key, kind in TYPES.items():
        if key in entry and not isinstance(entry[key], kind):
            raise DataError(f"{where}: {key} = {entry[key]!r} is of the wrong type")
    for key, known in (("backends", run.current().modules), ("primitives", PRIMITIVES), ("dtypes", PRECISIONS)):
        if wrong := [name for name in entry.get(key, ()) if name not in tuple(known)]:
            hint = f"; known are {', '.join(known)}" if len(known) < 10 else ""
            raise DataError(f"{where}: unknown {key} {', '.join(map(str, wrong))}{hint}")
    ulps = entry["ulps"]
    if len(ulps) != 3 or not all(isinstance(c, int | float) and c >= 0 for c in ulps):
        raise DataError(f"{where}: ulps must be three numbers, for value, first and second partials")
    if "region" in entry:
        for arity in {PRIMITIVES[name].arity for name in entry["primitives"]}:
            regions.check(entry["region"], arity, where)
    return Row(
        tuple(entry["backends"]),
        tuple(entry["primitives"]),
        Contract(
            (float(ulps[0]), float(ulps[1]), float(ulps[2])),
            float(entry.get("conditioning", 0.0)),
            float(entry.get("absolute", 0.0)),
            float(entry.get("normwise", 0.0)),
        ),
        entry["reason"],
        tuple(entry.get("modes", ("*",))),
        tuple(entry.get("dtypes", PRECISIONS)),
        entry.get("region", ""),
    )


@kept(1)
def rows() -> tuple[Row, ...]:
    """Ours, and those of the run's plugins."""
    return read() + tuple(run.current().contracts)


def add(to: Run, entries: Iterable[dict[str, Any]], where: str) -> None:
    """Takes a plugin's rows too. Raises DataError where one is not as it should be."""
    to.contracts.extend(_row(dict(entry), f"{where}: contract {number}") for number, entry in enumerate(entries, 1))
    run.forget()


@kept(100_000)
def covering(backend: str, dtype: str, mode: str, primitive: str) -> tuple[Row, ...]:
    """The rows of this primitive in this mode; their regions are parted."""
    return tuple(row for row in rows() if row.covers(backend, dtype, mode, primitive))


@kept(10_000)
def default(dtype: str, primitive: str) -> Contract:
    """Of its kind.

    In half types the values of those that are composed are computed in float32 and rounded once; the breadth is often
    an expression, and formulas of derivatives round at each step.
    """
    if PRIMITIVES[primitive].selects:  # but where terms of the usual formula cancel to a second partial of 0
        second = DEFAULT_ULPS["elementwise"] if PRIMITIVES[primitive].terms else SELECTION_ULPS
        return Contract((SELECTION_ULPS, SELECTION_ULPS, second))
    ulps = DEFAULT_ULPS[PRIMITIVES[primitive].kind]
    return Contract((1.0 if dtype in HALF and primitive in CORE else ulps, ulps, ulps))


def contract(
    backend: str, dtype: str, mode: str, primitive: str, arguments: tuple[Floats, ...] | None = None
) -> Contract:
    """What the rows allow in whose region any entry of the arguments lies, and the default where an entry lies in none;
    without arguments, what is allowed anywhere."""
    covered = covering(backend, dtype, mode, primitive)
    if len(covered) == 1 and not covered[0].region:
        return covered[0].contract
    allowed, outside = [], np.ones((), dtype=bool)
    for row in covered:
        inside = regions.mask(row.region, arguments) if arguments is not None else np.zeros((), dtype=bool)
        outside = outside & ~inside
        if arguments is None or inside.any():
            allowed.append(row.contract)
    if outside.any():
        allowed.append(default(dtype, primitive))
    return functools.reduce(Contract.or_larger, allowed)


def in_force() -> dict[str, list[float]]:
    """What every row allows: ulps of value, first and second partials, conditioning, absolute, normwise."""
    return {
        " ".join((backend, primitive, ",".join(row.modes), ",".join(row.dtypes), *filter(None, [row.region]))): [
            *row.contract.ulps,
            row.contract.conditioning,
            row.contract.absolute,
            row.contract.normwise,
        ]
        for row in rows()
        for backend in row.backends
        for primitive in row.primitives
    }
