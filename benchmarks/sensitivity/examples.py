"""The functions at which a fault is looked for: a primitive alone, and in generated compositions that contain it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from benchmarks.sensitivity.checkers import QUANTITIES, Example, rejects
from gradlaws.strategies import functions, points
from gradlaws.strategies.catalogue import CORE
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.program import Point, Program, weighted
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.bound import tolerances
from gradlaws.suite.truth import quantities
from gradlaws.suite.truth.oracle import HashablePoint

ALONE = 20  # draws of a primitive alone, from which its first usable ones are taken
SMALL = {1: 9, 2: 6}  # inputs at most, by order: as many as suite/identities/test_primitives.py gives a Hessian


def pool(strategy: SearchStrategy[tuple[Program, Point]], count: int) -> list[tuple[Program, Point]]:
    """Drawn functions, always the same."""
    found: list[tuple[Program, Point]] = []

    @seed(0)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def collect(drawn: tuple[Program, Point]) -> None:
        found.append(drawn)

    collect()
    return found


@cache
def compositions(precision: Precision, count: int) -> list[tuple[Program, Point]]:
    return pool(functions.scalar_functions(precision), count)


@st.composite
def objectives(draw: st.DrawFn, precision: Precision, primitive: str) -> tuple[Program, Point]:
    """The primitive alone, as suite/identities/test_primitives.py draws it."""
    program, point = draw(functions.alone(precision, CORE[primitive]))
    return weighted(program, draw(points.arrays(precision, program.output, wide=False))), point


def examples(backend: Backend, precision: Precision, primitive: str, order: int, count: int, drawn: int
             ) -> list[Example]:  # fmt: skip
    """The primitive alone, and in compositions: ``count`` of either."""
    alone = pool(objectives(precision, primitive), ALONE)
    composed = [f for f in compositions(precision, drawn) if primitive in f[0].primitives and len(f[0].primitives) > 1]
    return [
        example
        for among in (alone, composed)
        for example in itertools.islice(usable(backend, precision, order, among), count)
    ]


FIRST: dict[tuple[int, Program, HashablePoint], float] = {}


def usable(
    backend: Backend, precision: Precision, order: int, among: Sequence[tuple[Program, Point]]
) -> Iterator[Example]:
    """Those of few inputs whose derivative is conclusive, and right without a fault."""
    quantity = QUANTITIES[order]
    mode = backend.modes_of(quantity)[0]
    for program, point in among:
        if program.size > SMALL[order]:
            continue
        start = time.process_time()
        try:
            exact = quantities.truth(quantity, program, point)
        except DomainError:
            continue
        with np.errstate(all="ignore"):
            tolerance, majorant = tolerances.tolerance(backend, precision, mode.name, quantity, program, point)
        # Both are cached, so that it is the first time which counts.
        place = order, program, HashablePoint(point)
        seconds = FIRST.setdefault(place, time.process_time() - start)
        example = Example(program, point, exact, tolerance, majorant, seconds)
        if rejects(backend, precision, order, example) is False:
            yield example
