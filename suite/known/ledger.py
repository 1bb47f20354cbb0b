"""Known deviations of real frameworks: the rows of ledger.toml, checked and looked up."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, float_values, weighted
from gradlaws.suite import regions, run
from gradlaws.suite.known import surrogates
from gradlaws.suite.run import Run, kept
from gradlaws.suite.tables import DataError, compiled, overlap, table
from gradlaws.suite.truth.oracle import HashablePoint
from gradlaws.suite.vocabulary import ORDERS, Quantity

DATA = Path(__file__).with_name("ledger.toml")
REQUIRED = {
    "id", "backend", "versions", "primitive", "order", "modes", "dtypes", "region", "witness", "quantity", "mode",
    "got", "true", "cause", "recheck",
}  # fmt: skip
OPTIONAL = {"upstream", "parameters", "weights", "tangent", "component", "then", "anywhere", "like", "any_size",
            "by_processor", "raises", "gives", "within"}  # fmt: skip
RAISES = "raises "  # a `got` that starts so names the exception in place of a number
DESCRIBING = (*regions.VARIABLES, "out", "true", "size", "u", "tiny")  # what may stand in `gives` and `within`


@dataclass(frozen=True)
class Row:
    """One deviation: where it is, and a witness on which it is confirmed.

    ``versions`` are the framework's, each one ("0.10.2") or a range (">=0.7,<0.11", PEP 440).
    ``order`` is that of the value or partials that are wrong; ``region`` an expression in the arguments x, y and z, in
    which mean, ptp and top, the largest, are along the last axis; ``gives`` and ``within`` are in these too, and in
    out, the value, true, what is right, size, its size (where entries are mixed, of the largest), u, the unit roundoff,
    and tiny, the smallest normal number (suite/known/given.py); ``modes`` are patterns of names, which hold in control
    flow ("grad of scan") too.
    """

    id: str
    backend: str
    versions: tuple[str, ...]
    primitive: str
    order: int
    modes: tuple[str, ...]
    dtypes: tuple[str, ...]
    region: str
    witness: Point
    parameters: tuple[tuple[str, Any], ...]
    quantity: Quantity
    mode: str
    got: float | str
    true: str
    cause: str
    recheck: datetime.date
    upstream: str = ""
    weights: tuple[float, ...] = ()
    tangent: Point = ()
    component: tuple[int, ...] = (0,)
    then: str = ""  # a primitive of one array that the witness applies to the result, where the fault needs it to show
    anywhere: bool = False  # the fault is of the modes in every program; the primitive is only the witness's
    like: str = ""  # the row of the same formula in the framework, met by another primitive; it has its upstream
    any_size: str = ""  # why the error has no largest size in the region
    raises: str = ""  # how what other modes raise for the same cause begins
    gives: tuple[str, ...] = ()  # what may be there in place of what is right, each an expression
    within: str = ""  # or, where only digits are lost, how far off it is at most
    by_processor: bool = False  # the digits are a LAPACK kernel's: others on another processor, all of them within

    def speaks_of(self, version: str) -> bool:
        """Whether the deviation is known to be in that version of its framework; builds ("+cpu") do not matter."""
        return any(range_.contains(version, prereleases=True) for range_ in ranges(self.versions))

    def applies(self, backend: str, dtype: str, mode: str, order: int) -> bool:
        return (
            self.backend == backend
            and dtype in self.dtypes
            and order >= self.order
            and any(fnmatchcase(name, pattern) for pattern in self.modes for name in (mode, mode.split(" of ")[0]))
        )

    @cached_property
    def size(self) -> float:
        """Of the witness's error, beside the truth."""
        with mp.workdps(40):
            return float(abs(mpf(self.got) - mpf(self.true)) / abs(mpf(self.true)))

    def raised(self, error: str) -> bool:
        """Whether this is the exception that the row names."""
        named = (self.got.split(":")[0] + ":" if isinstance(self.got, str) else "", self.raises)
        return error.startswith(tuple(filter(None, named)))

    def at(self, arguments: tuple[Floats, ...]) -> NDArray[np.bool_]:
        """Which entries lie in the region."""
        return regions.mask(self.region, arguments)

    def contains(self, arguments: tuple[Floats, ...]) -> bool:
        """Whether any entry lies in the region."""
        return regions.contains(self.region, arguments)

    @property
    def program(self) -> Program:
        """The primitive alone, or followed by another, or the sum of its entries with the row's weights."""
        n = len(self.witness)
        steps = (
            Step(self.primitive, tuple(range(n)), self.parameters),
            *([Step(self.then, (n,))] if self.then else []),
        )
        program = Program(tuple(x.shape for x in self.witness), steps)
        return weighted(program, np.array(self.weights).reshape(program.output)) if self.weights else program

    @property
    def directions(self) -> tuple[Point, ...]:
        return (self.tangent,) if self.tangent else ()


@cache
def ranges(versions: tuple[str, ...]) -> tuple[SpecifierSet, ...]:
    """As ranges of versions. Raises InvalidSpecifier."""
    return tuple(SpecifierSet(text if text[:1] in "<>=!~" else f"=={text}") for text in versions)


def of_one_version(a: Row, b: Row) -> bool:
    """Whether there is a version of which both speak. Ranges that meet do so at a bound of one of them, or at 0."""
    bounds = {"0"} | {bound.version for row in (a, b) for range_ in ranges(row.versions) for bound in range_}
    return any(a.speaks_of(bound) and b.speaks_of(bound) for bound in bounds)


def read(*paths: Path) -> tuple[Row, ...]:
    """The rows of ledger files. Raises DataError, in one line, where one is not as it should be."""
    rows = tuple(
        _row(entry, f"{path}: deviation {entry.get('id', number)}")
        for path in paths
        for number, entry in enumerate(table(path, "deviation"), 1)
    )
    for i, a in enumerate(rows):
        for b in rows[:i]:
            if a.id == b.id:
                raise DataError(f"{paths[-1]}: two deviations are called {a.id}")
            same = (a.backend, a.primitive) == (b.backend, b.primitive) and of_one_version(a, b)
            shared = set(a.dtypes) & set(b.dtypes) and overlap(a.modes, b.modes)
            raising = isinstance(a.got, str) + isinstance(b.got, str)  # what is said of answers is not of exceptions
            if same and shared and raising != 1 and (_holds(a, b) or _holds(b, a)):
                raise DataError(f"{paths[-1]}: {a.id} and {b.id} overlap: merge them or part their regions")
        if a.like and a.like not in {row.id for row in rows if row.backend == a.backend and not row.like}:
            raise DataError(f"{paths[-1]}: {a.id} is like {a.like!r}, which is no row of {a.backend} that is like none")
    upstream = {row.id: row.upstream for row in rows}
    return tuple(replace(row, upstream=row.upstream or upstream.get(row.like, "")) for row in rows)


def _holds(a: Row, b: Row) -> bool:
    """Whether the witness of b lies in the region of a."""
    return a.order == b.order and a.contains(b.witness)


def _row(entry: dict[str, Any], where: str) -> Row:
    if missing := REQUIRED - set(entry):
        raise DataError(f"{where}: lacks {', '.join(sorted(missing))}")
    if unknown := set(entry) - REQUIRED - OPTIONAL:
        raise DataError(f"{where}: has unknown {', '.join(sorted(unknown))}")
    if entry["backend"] not in run.current().modules:
        raise DataError(f"{where}: unknown backend {entry['backend']!r}; known are {', '.join(run.current().modules)}")
    if entry["primitive"] not in PRIMITIVES:
        raise DataError(f"{where}: unknown primitive {entry['primitive']!r}")
    if entry.get("then", "square") not in PRIMITIVES:
        raise DataError(f"{where}: unknown primitive {entry['then']!r} in then")
    if unknown_dtypes := set(entry["dtypes"]) - set(PRECISIONS):
        raise DataError(f"{where}: unknown dtypes {sorted(unknown_dtypes)}")
    said = [*entry.get("gives", ()), *filter(None, [entry.get("within", "")])]
    try:
        compiled(entry["region"], regions.VARIABLES[: len(entry["witness"])])
        for text in said:
            if not surrogates.known(text):
                compiled(text, DESCRIBING)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    if not (said or entry.get("any_size") or str(entry["got"]).startswith(RAISES)):
        raise DataError(f"{where}: does not say what is given: state it as gives, or how far off it is as within")
    if entry.get("by_processor") and not entry.get("within"):
        raise DataError(f"{where}: by_processor is of digits that are lost: state how far off it is as within")
    try:
        witness, tangent = _arrays(entry["witness"]), _arrays(entry.get("tangent", []))
        parameters = tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in entry.get("parameters", {}).items())
        row = Row(
            entry["id"], entry["backend"], tuple(entry["versions"]), entry["primitive"], int(entry["order"]),
            tuple(entry["modes"]), tuple(entry["dtypes"]), entry["region"], witness, parameters,
            entry["quantity"], entry["mode"], _got(entry["got"]), entry["true"], entry["cause"],
            entry["recheck"], entry.get("upstream", ""), tuple(map(float.fromhex, entry.get("weights", []))), tangent,
            tuple(entry.get("component", [0])), entry.get("then", ""), bool(entry.get("anywhere", False)),
            entry.get("like", ""), entry.get("any_size", ""), entry.get("raises", ""),
            tuple(entry.get("gives", ())), entry.get("within", ""), bool(entry.get("by_processor", False)),
        )  # fmt: skip
        inside = row.contains(witness)
        spoken = row.applies(row.backend, row.dtypes[0], row.mode, ORDERS[row.quantity])
        ranges(row.versions)
    except InvalidSpecifier as error:
        raise DataError(f"{where}: {error}; versions are as 0.10.2 or >=0.7,<0.11") from None
    except Exception as error:
        raise DataError(f"{where}: {type(error).__name__}: {error}") from error
    if row.order != ORDERS[row.quantity] and not row.anywhere:
        raise DataError(
            f"{where}: is of order {row.order}, and its witness, a {row.quantity}, of order {ORDERS[row.quantity]}"
        )
    if not inside:
        raise DataError(f"{where}: its witness lies outside its region {row.region!r}")
    if not spoken:
        raise DataError(f"{where}: its modes and order leave out its own witness, {row.quantity} by {row.mode}")
    return row


def _got(text: str) -> float | str:
    return text.removeprefix(RAISES) if text.startswith(RAISES) else float.fromhex(text)


def _arrays(entries: list[dict[str, Any]]) -> Point:
    """Arrays from their shapes and hex floats."""
    return tuple(np.array([float.fromhex(h) for h in e["values"]]).reshape(e["shape"]) for e in entries)


def add(to: Run, path: Path) -> None:
    """Takes a plugin's ledger too. Raises DataError where a row is not as it should be."""
    to.ledgers.append(path)
    run.forget()
    rows()


@kept(1)
def rows() -> tuple[Row, ...]:
    """Ours, and those of the run's plugins."""
    return read(DATA, *run.current().ledgers)


@kept(100_000)
def known(
    backend: str, version: str, dtype: str, mode: str, order: int, program: Program, point: HashablePoint
) -> tuple[Row, ...]:
    """The rows in whose region some step of the program lies here."""
    candidates = [
        row for row in rows()
        if row.applies(backend, dtype, mode, order)
        and (row.anywhere or row.primitive in program.primitives)
        and row.speaks_of(version)
    ]  # fmt: skip
    if not candidates:
        return ()
    values = float_values(program, point.arrays)

    def met(row: Row) -> bool:
        steps = (step for step in program.steps if step.primitive == row.primitive)
        return row.anywhere or any(row.contains(tuple(values[i] for i in step.arguments)) for step in steps)

    return tuple(sorted(filter(met, candidates), key=lambda row: not row.anywhere))
