"""What backends do at 500 points of a structured primitive, apart into what each number of its contract would allow.

The bound of the primitive alone is linear in the numbers of its contract: rest + Σ number · part. An entry's own error,
less the rest and what the other numbers allow, over its part, is the number that would have done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from gradlaws.strategies import functions
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats, Primitive
from gradlaws.strategies.program import Point, Program, weighted
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Backend, Mode
from gradlaws.suite.bound import nodes, tolerances
from gradlaws.suite.bound.contracts import Contract
from gradlaws.suite.bound.sweep import Analysis
from gradlaws.suite.known import ledger
from gradlaws.suite.truth.oracle import HashablePoint
from gradlaws.suite.truth.quantities import truth
from gradlaws.suite.vocabulary import Quantity

COUNT = 500
MOST = 6  # arguments of a function of which the second derivatives are asked
PARTS = ("value", "first", "second", "conditioning", "absolute", "normwise")
COLUMNS = ("error", "rest", *PARTS, "point")
OF = slice(2, 2 + len(PARTS))
MODES: dict[Quantity, tuple[str, ...]] = {
    "value": ("eager",),
    "jacobian": ("func.jacrev", "func.jacfwd", "jacrev", "jacfwd"),
    "hessian": ("func.hessian", "autograd.functional.hessian", "hessian"),
}
ORDER = {"value": 0, "jacobian": 1, "hessian": 2}
Name = tuple[str, int]  # backend and order, or "x" and the number of a point


def drawn(primitive: Primitive, precision: Precision, count: int = COUNT) -> list[tuple[Program, Point]]:
    """As the gate draws it alone."""
    found: list[tuple[Program, Point]] = []

    @seed(1)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        found.append(data.draw(functions.alone(precision, primitive)))

    collect()
    return found


def measure(primitive: Primitive, dtype: str, names: tuple[str, ...]) -> dict[Name, Floats]:
    """Of each entry of each answer, (M, len(COLUMNS)); without those of which the ledger knows. And as ("x", point) the
    first argument there."""
    precision = PRECISIONS[dtype]
    points: dict[Program, list[Point]] = {}
    arguments: dict[Name, Floats] = {}
    for program, x in drawn(primitive, precision):
        points.setdefault(program, []).append(x)
    found: dict[Name, list[Floats]] = {}
    with np.errstate(all="ignore"):
        for program, of in points.items():
            first = len(arguments)
            arguments |= {("x", first + number): x[0] for number, x in enumerate(of)}
            for name, entries in at(primitive, precision, program, of, names):
                entries[:, -1] += first
                found.setdefault(name, []).append(entries)
    return {name: np.concatenate(entries) for name, entries in found.items()} | arguments


def at(
    primitive: Primitive, precision: Precision, program: Program, points: Sequence[Point], names: tuple[str, ...]
) -> Iterator[tuple[Name, Floats]]:
    """Value, Jacobian, and the Hessian of a weighted sum."""
    weights = np.vectorize(precision.round)(np.cos(np.arange(1.0, 1 + np.prod(program.output))))
    for quantity, modes in MODES.items():
        f = weighted(program, weights.reshape(program.output)) if quantity == "hessian" else program
        if quantity == "hessian" and f.size > MOST:
            continue
        told = {}
        for number, x in enumerate(points):
            try:
                told[number] = truth(quantity, f, x).floats, of_bound(primitive, precision, quantity, f, x)
            except DomainError:
                continue
        for backend in names:
            if backend == "numpy" and quantity != "value":  # its derivatives are ours
                continue
            system = backends.load(backend)
            for mode in system.modes_of(quantity):
                if mode.name not in modes:
                    continue
                asked = backend, system.version, precision.name, mode.name, ORDER[quantity], f
                for number, numbers in zip(told, answers(system, mode, f, precision, [points[n] for n in told]),
                                           strict=True):  # fmt: skip
                    exact, parts = told[number]
                    if numbers is None or parts is None or ledger.known(*asked, HashablePoint(points[number])):
                        continue
                    error = np.abs(np.reshape(numbers, exact.shape) - exact)
                    rest = rest_of(parts[0], primitive.name, precision, quantity, system.smallest(precision))
                    columns = [error, rest, *parts[1], np.asarray(float(number))]
                    entries = np.stack([np.broadcast_to(c, error.shape).ravel() for c in columns], axis=1)
                    yield (backend, ORDER[quantity]), entries


def answers(
    system: Backend, mode: Mode, f: Program, precision: Precision, points: Sequence[Point]
) -> Iterator[Floats | None]:
    """At each point; of JAX at all points at once, since each of its operations takes as long for one as for many."""
    if system.name != "jax" or len(points) < 2:
        for x in points:
            yield system.run(mode, f, precision, x).numbers
        return
    import jax

    function = system.function(f, precision)
    stacked = [system.point(tuple(np.stack(column) for column in zip(*points, strict=True)), precision)]
    try:
        together = jax.vmap(lambda *x: mode.function(function, x))(*stacked[0])
    except Exception:  # what a mode refuses one by one it refuses together
        yield from [None] * len(points)
        return
    for number in range(len(points)):
        one = jax.tree_util.tree_map(lambda a, number=number: a[number], together)
        yield system._flat(mode.quantity, one, f)


def of_bound(
    primitive: Primitive, precision: Precision, quantity: Quantity, f: Program, x: Point
) -> tuple[Analysis, list[Floats]] | None:
    """The analysis, and the part of each number; None where nothing can be said."""
    found = tolerances.analysis(quantity, f, x)
    graph = nodes.graph(f, HashablePoint(x))
    if precision.may_overflow(found.largest) or graph.underflows(precision.smallest_normal):
        return None
    u = precision.unit_roundoff
    share = next(share for share in found.signed if share.primitive == primitive.name)
    parts = [share.value, share.first, share.second, share.conditioning, share.one, share.norm]
    parts = [u * np.where(np.isfinite(part), part, 0.0) for part in parts]
    return found, [part[0] for part in parts] if quantity == "hessian" else parts


def rest_of(found: Analysis, primitive: str, precision: Precision, quantity: Quantity, smallest: float) -> Floats:
    """What the bound has beside the primitive's contract."""
    nothing, one = Contract((0.0, 0.0, 0.0)), Contract((1.0, 1.0, 1.0))
    rest = found.bound(precision, lambda name, at: nothing if name == primitive else one, smallest)
    return np.asarray(rest[0]) if quantity == "hessian" else rest


def need(entries: Floats, contract: Contract) -> dict[str, float]:
    """The largest of each number that an entry asks for, the others being as they are."""
    has = [*contract.ulps, contract.conditioning, contract.absolute, contract.normwise]
    error, rest, parts = entries[:, 0], entries[:, 1], entries[:, OF]
    with np.errstate(all="ignore"):
        over = [error - rest - sum(has[k] * parts[:, k] for k in range(6) if k != n) for n in range(6)]
        asked = [np.where((o > 0) & (parts[:, n] > 0), o / parts[:, n], 0.0) for n, o in enumerate(over)]
    return {name: float(np.nanmax(of, initial=0.0)) for name, of in zip(PARTS, asked, strict=True)}


def save(found: dict[Name, Floats], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{" ".join(map(str, name)): of for name, of in found.items()})  # type: ignore[arg-type]


def read(path: Path) -> dict[Name, Floats]:
    with np.load(path) as arrays:
        return {(name.split()[0], int(name.split()[1])): arrays[name] for name in arrays.files}
