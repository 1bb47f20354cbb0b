"""The worst comparison of a test, kept with its function and input, and what the other backends answer there."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from dataclasses import replace

import numpy as np

from gradlaws.records.conversions import plain
from gradlaws.records.parts import Answer, Node
from gradlaws.records.shard import Drawn
from gradlaws.strategies.mathematics import array
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, float_values, input_names
from gradlaws.suite import run
from gradlaws.suite.backends import load
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.backends.question import Question
from gradlaws.suite.backends.reproducer import plainest
from gradlaws.suite.bound import tolerances
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.truth import floats, oracle

PRINTED = 4  # entries of a value that the graph shows; of larger ones it shows the shape
MANY = 64  # inputs; of a function of more no witness is kept, and its graph shows shapes only
COMPILES = ("jax",)  # not asked by others about a primitive alone or a stored case, of which there are hundreds


def graph(program: Program, point: Point) -> list[Node]:
    """A node for every value: what makes it, from which values, its shape, and what it is at the point."""
    found: list[Floats | None] = [*point, *[None] * len(program.steps)]
    if program.size <= MANY:
        with contextlib.suppress(DomainError):
            found = [*float_values(program, point)]
    names = [(name, ()) for name in input_names(program)] + [(s.primitive, s.arguments) for s in program.steps]
    return [
        {"name": name, "from": list(arguments), "shape": list(shape),
         "value": array(value) if value is not None and value.size <= PRINTED else ""}
        for (name, arguments), shape, value in zip(names, program.shapes, found, strict=True)
    ]  # fmt: skip


def generated(program: Program, point: Point) -> Drawn:
    """What kind of function it is: its primitives, which feeds which, its longest path, the decades of its input."""
    pairs = Counter(f"{one} → {other}" for one, other in program.edges)
    sizes = np.abs(np.concatenate([np.ravel(x) for x in point]) if point else np.zeros(0))
    decades = Counter("zero" if size == 0 else str(int(np.floor(np.log10(size)))) for size in sizes.tolist())
    return {"primitives": list(program.primitives), "pairs": dict(pairs), "depth": program.depth, "size": program.size,
            "steps": len(program.primitives), "decades": dict(decades)}  # fmt: skip


def answers(judged: Judged, many: bool) -> dict[str, Answer]:
    """By backend, of those that the run has loaded: mode, got, bound and error / bound at the worst component."""
    question = judged.question
    if not judged.of_a_mode or question.mode is None or question.mode not in question.backend.modes:
        return {}
    found: dict[str, Answer] = {}
    for name, module in run.current().modules.items():
        own = name == question.backend.name
        if module not in sys.modules or (many and name in COMPILES and not own):
            continue
        other = load(name)
        if question.precision.name not in other.dtypes:
            continue
        mode = question.mode if own else plainest(other, question.mode)
        if mode is not None and not (mode.differences and not own):
            found[name] = Answer(mode=mode.name) | _answer(judged, replace(question, backend=other, mode=mode), mode)
    return found


def _answer(judged: Judged, question: Question, mode: Mode) -> Answer:
    """What the mode of the question's backend says; of the backend that was judged, what it said."""
    where, got, exact, tolerance = judged.verdict.component, judged.got, judged.exact, judged.tolerance
    if question.backend is not judged.question.backend:
        backend, precision, point, along = question.backend, question.precision, question.point, question.directions
        result = backend.run(mode, question.program, precision, point, *along)
        if result.numbers is None:
            return {"says": f"{type(result.error).__name__}: {result.error}".splitlines()[0][:160]}
        try:
            with np.errstate(all="ignore"):
                tolerance, _ = tolerances.tolerance(
                    backend, precision, mode.name, mode.quantity, question.program, point, *along
                )
        except DomainError as error:
            return {"says": f"no bound: {error}"}
        got = result.numbers
    assert got is not None and exact is not None and tolerance is not None  # of a mode
    if got.shape != tolerance.shape:
        return {"says": f"shape {got.shape} instead of {tolerance.shape}"}
    said, bound = float(got[where]), float(tolerance[where])
    if not np.isfinite(said):
        return {"got": str(said), "bound": f"{bound:.3g}", "ratio": "inf"}
    finite = np.where(np.isfinite(got), got, 0.0)
    distance = float(oracle.difference(finite, exact)[where])
    total = bound + float(exact.error[where])
    ratio = 0.0 if distance == 0 else distance / total if total > 0 else float("inf")
    return {
        "got": floats.told(got[where]),
        "bound": f"{bound:.3g}",
        "ratio": plain(ratio),
    }
