"""Whether the ledger hides a fault: plants some in what frameworks answer in every row's region, and sees them or not.

    python -m benchmarks.hidden                      every row whose framework is installed (half an hour)
    python -m benchmarks.hidden torch-trigamma       some; a name may be a pattern
    python -m benchmarks.hidden --save               and writes the table that the report shows

At points of the row's region, in the modes and precisions that it names, the framework is asked what it gives, and what
it answers is changed in process: where the row has a law, by four times the law, times 2 and times −1; where it gives
another number, times 1.001, 2 and −1; where 0 or no number, to twice the right one, its opposite, and 1; and where the
framework is right there, by a part of 10⁻⁶, or what can be seen in the precision at all. What the bound sees is seen if
the ledger does not excuse it. Where a law leaves no digit, nothing can be seen, and that is counted.

Exit status: 0 at least 98 of 100 plants are seen, 1 fewer are, 2 bad usage.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.saved import result, save
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats, inside
from gradlaws.strategies.program import Point, Program, Step, weighted
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Backend, Mode
from gradlaws.suite.backends.question import Question
from gradlaws.suite.bound.thresholds import fault
from gradlaws.suite.checking.asking import asked
from gradlaws.suite.checking.excuses import as_asked, excused
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.verdict import beside
from gradlaws.suite.configuration import configure
from gradlaws.suite.known import given, ledger
from gradlaws.suite.known.ledger import Row

SAVED = Path("benchmarks/results/hidden.json")
ENOUGH = 0.98
POINTS, TRIES = 6, 400
PLAIN = ("eager", "grad", "jvp", "jvp(grad)", "grad(jvp)", "experimental.jet")  # of jax, which compiles each
LOST = 0.25  # of an answer: what a law may be beside it, if a factor of 2 is to be seen
SLIGHT = 1e-6
UNPLANTED = ("no digit left", "not as it says")
FRESH = 16  # rows of jax after which it forgets what it compiled


def points(row: Row) -> Iterator[Point]:
    """The witness, and others in the region and the domain: its entries scaled, and moved."""
    random = np.random.default_rng(zlib.crc32(row.id.encode()))
    precision = min((PRECISIONS[name] for name in row.dtypes), key=lambda one: (one.largest_exponent, one.digits))
    primitive, found = PRIMITIVES[row.primitive], [row.witness]
    entrywise = primitive.kind in given.ENTRYWISE
    for number in range(TRIES):
        if len(found) == POINTS:
            break
        size = 2.0 ** random.normal(0, (0.01, 0.3, 3, precision.largest_exponent / 8)[number % 4])
        noise = [random.normal(0, 0.5 if entrywise else 0.1 * (number % 3), np.shape(x)) for x in row.witness]
        moved = (x * size * (1 + part) for x, part in zip(row.witness, noise, strict=True))
        point = tuple(np.asarray(np.vectorize(precision.round, otypes=[float])(x)) for x in moved)
        if all(np.all(np.isfinite(x)) for x in point) and row.contains(point) and inside(primitive.domain, *point):
            found.append(point)
    yield from found


def modes(row: Row, backend: Backend) -> list[Mode]:
    """Those of the row's order that it names: of jax, the plain ones and the witness's."""
    named = [
        m for m in backend.modes
        if m.order == row.order and not m.differences and any(fnmatchcase(m.name, pattern) for pattern in row.modes)
        and m.quantity not in ("jacobian", "vjp")
    ]  # fmt: skip
    return [m for m in named if backend.name != "jax" or m.name in (*PLAIN, row.mode)]


def questions(row: Row, precision: Precision) -> Iterator[Question]:
    """The row's function at its points, in its modes."""
    backend = backends.load(row.backend)
    for point in points(row):
        step = Step(row.primitive, tuple(range(len(point))), row.parameters)
        alone = Program(tuple(np.shape(x) for x in point), (step,))
        weights = np.array(row.weights).reshape(alone.output) if row.weights else np.ones(alone.output)
        for mode in modes(row, backend):
            program = alone if mode.quantity in ("value", "jvp") and not row.weights else weighted(alone, weights)
            along = row.tangent or tuple(np.ones(np.shape(x)) for x in point)
            needed = (along,) if mode.quantity in ("jvp", "hvp", "curvature") else ()
            yield Question(backend, precision, program, point, mode, needed)


@np.errstate(all="ignore")
def plants(row: Row, judged: Judged) -> Iterator[tuple[str, Floats]]:
    """What is planted in the place of an answer, by name."""
    got, exact, bound = judged.got, judged.exact, judged.tolerance
    assert got is not None and exact is not None and bound is not None
    if judged.verdict.kind == "holds":
        part = max(SLIGHT, fault(judged.question.precision))
        yield f"right × (1 + {part:.1g})", got * (1 + part)
        return
    law = np.broadcast_to(given.allowance([row], as_asked(judged.question), exact.floats), got.shape)
    where = judged.verdict.wrong & np.isfinite(got) & (got != 0)
    if row.within and np.any(where):
        yield "law × 4", np.where(where, exact.floats + 4 * (law + bound), got)
        if np.all(law[where] <= LOST * np.abs(exact.floats[where])):
            yield "× 2", np.where(where, 2 * got, got)
            yield "× −1", np.where(where, -got, got)
        else:
            yield "", got  # nothing is left to be seen
    elif np.any(where):
        for kind, factor in (("given × 1.001", 1.001), ("given × 2", 2.0), ("given × −1", -1.0)):
            yield kind, np.where(where, factor * got, got)
    wrong = judged.verdict.wrong & ~where
    if np.any(wrong) and row.within and not np.all(law[wrong] <= LOST * np.abs(exact.floats[wrong])):
        yield "", got
    elif np.any(wrong):
        yield "2 × true", np.where(wrong, 2 * exact.floats, got)
        yield "−true", np.where(wrong, -exact.floats, got)
        if not np.any(wrong & (np.minimum(np.abs(exact.floats - 1), np.abs(got - 1)) <= bound)):
            yield "1", np.where(wrong, 1.0, got)


def tried(row: Row) -> Counter[str]:
    """How many plants of each kind there were, and how many of them were hidden ("hidden: …")."""
    found: Counter[str] = Counter()
    for name in row.dtypes:
        for question in questions(row, PRECISIONS[name]):
            try:
                judged = asked(question)
                if judged.verdict.kind not in ("holds", "violated"):
                    continue
                if judged.verdict.kind == "violated" and excused(judged)[1] is None:
                    found["not as it says"] += 1
                    continue
                for kind, numbers in plants(row, judged):
                    if not kind:
                        found["no digit left"] += 1
                        continue
                    planted = of(judged, numbers)
                    if planted.verdict.kind == "violated" and apart(judged, numbers):
                        found[kind] += 1
                        found[f"hidden: {kind}"] += excused(planted)[1] is not None
            except (DomainError, ArithmeticError, ValueError):
                continue
    return +found


def of(judged: Judged, numbers: Floats) -> Judged:
    """What would be said if these had been answered, without the ledger."""
    assert judged.exact is not None and judged.tolerance is not None
    verdict = beside(judged.exact, numbers, judged.tolerance, 0.0, judged.question.precision)
    return replace(judged, got=numbers, verdict=verdict)


@np.errstate(all="ignore")
def apart(judged: Judged, numbers: Floats) -> bool:
    """Whether a plant is another answer than the framework's own, by more than rounding."""
    assert judged.got is not None and judged.tolerance is not None and judged.exact is not None
    off = np.abs(numbers - judged.got)
    size = np.abs(judged.got) * np.max(judged.tolerance / np.max(np.abs(judged.exact.floats), initial=0.0))
    return bool(
        np.any(~(off <= 2 * np.fmax(judged.tolerance, size)) & ((numbers == numbers) | (judged.got == judged.got)))
    )


def chosen(patterns: Sequence[str]) -> list[Row]:
    rows = [
        row for row in ledger.rows() if isinstance(row.got, float) and not (row.anywhere or row.then or row.any_size)
    ]
    named = [row for row in rows if not patterns or any(fnmatchcase(row.id, pattern) for pattern in patterns)]
    return [row for row in named if row.speaks_of(backends.load(row.backend).version)]


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks.hidden", description=(__doc__ or "").splitlines()[0])
    options.add_argument("rows", nargs="*", help="identifiers of rows, or patterns (default: all)")
    options.add_argument("--save", action="store_true", help=f"write the table for the report to {SAVED}")
    given_options = options.parse_args(arguments)
    configure()
    warnings.simplefilter("ignore")
    rows = chosen(given_options.rows)
    if not rows:
        print(f"no row of suite/known/ledger.toml is called {' or '.join(given_options.rows)}", file=sys.stderr)
        return 2
    return told(rows, given_options)


def told(rows: Sequence[Row], options: argparse.Namespace) -> int:
    """Tries each row and says what is hidden by it; the whole at the end."""
    start, table = time.perf_counter(), list[dict[str, Any]]()
    for count, row in enumerate(rows, start=1):
        found = tried(row)
        hidden = sum(number for kind, number in found.items() if kind.startswith("hidden: "))
        kinds = [kind for kind in found if f"hidden: {kind}" in found]
        planted = sum(number for kind, number in found.items() if kind not in UNPLANTED and ": " not in kind)
        table.append({
            "id": row.id, "planted": planted, "seen": planted - hidden, "lost": found["no digit left"],
            "unsaid": found["not as it says"], "hidden": {kind: found[f"hidden: {kind}"] for kind in kinds},
        })  # fmt: skip
        if hidden or found["not as it says"]:
            print(f"{row.id}: {planted - hidden} of {planted} seen; {dict(found)}", flush=True)
        print(f"[{count}/{len(rows)}] {row.id}", file=sys.stderr, flush=True)
        if row.backend == "jax" and count % FRESH == 0:
            sys.modules["jax"].clear_caches()
    planted, shown = sum(one["planted"] for one in table), sum(one["seen"] for one in table)
    lost = sum(one["lost"] for one in table)
    if options.save:
        save(SAVED, result("hidden", "python -m benchmarks.hidden --save", time.perf_counter() - start, table))
    chaotic = [row.id for row in ledger.rows() if row.any_size]
    print(f"anything is excused by {', '.join(chaotic)}")
    print(f"{shown:,} of {planted:,} plants seen in the regions of {len(rows)} rows; in {lost:,} no digit was left")
    return 0 if shown >= ENOUGH * planted else 1


if __name__ == "__main__":
    sys.exit(main())
