"""Any primitive at random points of its domain, in every mode: error / bound, and what is lost far from 1.

At scale 1 each answer is compared with the bound that its contract implies, without the ledger's excuses. What is not
elementwise is met scaled towards the ends of the range too, where a representable derivative must keep some digits;
but not by a backend in whose spelling it is us who square something.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from gradlaws.records.conversions import plain
from gradlaws.records.shard import Record
from gradlaws.strategies import functions, points
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Primitive
from gradlaws.strategies.program import Point, Program, float_values, weighted
from gradlaws.suite import backends, profiles
from gradlaws.suite.checking.answer import Answer
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.profiles import Profile
from gradlaws.suite.truth.floats import hexadecimal
from gradlaws.suite.vocabulary import ORDERS, Quantity

QUANTITIES: tuple[Quantity, ...] = ("value", "gradient", "jacobian", "hessian", "vjp", "jvp", "hvp", "curvature")
LOST = 1e-3  # of the largest component: what no loss of digits near the ends of the range explains
EXAMPLES = {"jax": 3}
SCALES = (0, 0.7, -0.7, 0, 0.35, -0.35)  # of the largest exponent, by which points are scaled; 0: the bound layer
MODES = {"jax": 1}  # of each quantity per example there, in rotation: it compiles each


def lost(answer: Answer, precision: Precision) -> float | None:
    """Largest error / largest component; None where the truth is unknown or not well inside the range."""
    try:
        exact = answer.truth
    except DomainError:
        return None
    largest = float(np.max(np.abs(exact.floats), initial=0.0))
    room = 2.0 ** (precision.largest_exponent // 8)
    if not precision.smallest_normal * room < largest < precision.largest / room or np.max(exact.error) > largest / 1e6:
        return None
    if not np.all(np.isfinite(answer.numbers)):
        return math.inf
    return float(np.max(np.abs(answer.numbers - exact.floats))) / largest


def defined(program: Program, x: Point) -> bool:
    """Whether the program has a value at a point that was scaled away from where it was drawn."""
    try:
        float_values(program, x)
    except DomainError:
        return False
    return True


def within_bound(backend: str, primitive: Primitive, precision: Precision) -> list[dict[str, Any]]:
    """One record per mode and layer: the worst at random points, without the ledger's excuses."""
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    where: dict[str, Any] = {}

    def worst(layer: str, mode: str, order: int, size: float, verdict: str) -> None:
        old = seen.get((layer, mode))
        if old is None or size > float(old["worst"]):
            seen[layer, mode] = {
                "layer": layer, "backend": backend, "dtype": precision.name, "primitive": primitive.name,
                "mode": mode, "order": order, "worst": plain(size), "verdict": verdict, **where,
            }  # fmt: skip

    def keep(record: Record) -> None:
        if record["kind"] == "comparison":
            ratio = float(record["ratio"] or 0.0)
            wrong = record["verdict"] in ("error", "violated") and ratio == 0.0
            worst("bound", record["mode"], record["order"], math.inf if wrong else ratio, record["verdict"])

    system = System(backends.load(backend), precision, keep)
    entrywise = primitive.kind == "elementwise" and primitive.arity < 3  # met by the strict layer over all binades
    unscaled = entrywise or backend in primitive.squares
    profiles.active = Profile(1, 0, 0, 1, modes=MODES.get(backend))

    @seed(1)
    @settings(max_examples=EXAMPLES.get(backend, 4 if entrywise else 8), database=None, deadline=None,
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def look(data: st.DataObject) -> None:
        program, x = data.draw(functions.alone(precision, primitive))
        f = weighted(program, data.draw(points.arrays(precision, program.output, wide=False)))
        scale = 0 if unscaled else int(data.draw(st.sampled_from(SCALES)) * precision.largest_exponent)
        x = tuple(np.ldexp(a, scale) for a in x)
        if scale and not defined(f, x):
            return
        v = data.draw(points.directions(precision, f.inputs))
        check = Check(Trial(system), f, x, (v,), len(seen))
        check.excused = lambda verdict, *question: verdict  # type: ignore[method-assign]
        where.update(function=str(f.primitives), x=[hexadecimal(a) for a in x])
        for quantity in QUANTITIES:
            if ORDERS[quantity] == 2 and f.size > 6:
                continue
            directions: tuple[Point, ...] = (v,) if quantity in ("jvp", "hvp", "curvature") else ()
            if quantity == "vjp":
                directions = ((np.array(1.0),),)
            for answer in check.answers(quantity, f, x, *directions):
                if not scale:
                    check.true(answer)
                elif (size := lost(answer, precision)) is not None:
                    worst("scaled", answer.mode, answer.order, size, "violated" if size > LOST else "holds")

    look()
    return list(seen.values())
