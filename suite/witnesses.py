"""The worst comparison of a test, kept with its function and input, and what the other backends answer there."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.mathematics import array
from strategies.mp_arrays import DomainError
from strategies.precision import Precision
from strategies.primitive import Floats
from strategies.program import Point, Program, float_values, input_names
from suite import oracle, quantities
from suite.backends import MODULES, load
from suite.backends.backend import Backend, Mode
from suite.oracle import Truth
from suite.reproducer import plainest
from suite.verdict import Verdict

PRINTED = 4  # entries of a value that the graph shows; of larger ones it shows the shape
COMPILES = ("jax",)  # not asked by others about a primitive alone or a stored case, of which there are hundreds


@dataclass(frozen=True)
class Judged:
    """A comparison with all that it was made of; got, exact and tolerance are arrays of one shape."""

    verdict: Verdict
    label: str
    order: int
    program: Program
    point: Point
    got: Floats
    exact: Truth
    tolerance: Floats
    mode: Mode | None
    directions: tuple[Point, ...]
    drawn: tuple[Any, ...] = ()  # by the test

    @property
    def of_a_mode(self) -> bool:
        """Whether it is what one mode answered, beside the oracle: that can be asked of others too."""
        return self.mode is not None and self.mode.name == self.label and self.got.shape == self.tolerance.shape


def worse(one: Judged | None, other: Judged, shrinking: bool) -> Judged:
    """The larger error / bound; while a failure is shrunk, the later violation."""
    if one is None or (shrinking and other.verdict.kind == "violated"):
        return other
    return other if not shrinking and (other.verdict.ratio or 0.0) > (one.verdict.ratio or 0.0) else one


def graph(program: Program, point: Point) -> list[dict[str, Any]]:
    """A node for every value: what makes it, from which values, its shape, and what it is at the point."""
    try:
        found: list[Floats | None] = list(float_values(program, point))
    except DomainError:
        found = [*point, *[None] * len(program.steps)]
    names = [(name, ()) for name in input_names(program)] + [(s.primitive, s.arguments) for s in program.steps]
    return [
        {"name": name, "from": list(arguments), "shape": list(shape),
         "value": array(value) if value is not None and value.size <= PRINTED else ""}
        for (name, arguments), shape, value in zip(names, program.shapes, found, strict=True)
    ]  # fmt: skip


def generated(program: Program, point: Point) -> dict[str, Any]:
    """What kind of function it is: its primitives, which feeds which, its longest path, the decades of its input."""
    n = len(program.inputs)
    kinds = [None] * n + [None if step.is_constant else step.primitive for step in program.steps]
    pairs: Counter[str] = Counter()
    for step in program.steps:
        pairs.update(f"{kinds[i]} → {step.primitive}" for i in step.arguments if kinds[i])
    sizes = np.abs(np.concatenate([np.ravel(x) for x in point]) if point else np.zeros(0))
    decades = Counter("zero" if size == 0 else str(int(np.floor(np.log10(size)))) for size in sizes.tolist())
    return {"primitives": list(program.primitives), "pairs": dict(pairs), "depth": program.depth, "size": program.size,
            "steps": len(program.primitives), "decades": dict(decades)}  # fmt: skip


def answers(judged: Judged, own: Backend, precision: Precision, many: bool) -> dict[str, dict[str, Any]]:
    """By backend, of those that the run has loaded: mode, got, bound and error / bound at the worst component."""
    if not judged.of_a_mode or judged.mode is None or judged.mode not in own.modes:
        return {}
    found = {}
    for name, module in MODULES.items():
        if module not in sys.modules or (many and name in COMPILES and name != own.name):
            continue
        other = load(name)
        if precision.name not in other.dtypes:
            continue
        mode = judged.mode if name == own.name else plainest(other, judged.mode)
        if mode is not None and not (mode.differences and name != own.name):
            found[name] = {"mode": mode.name} | _answer(judged, other, mode, precision, name == own.name)
    return found


def _answer(judged: Judged, backend: Backend, mode: Mode, precision: Precision, own: bool) -> dict[str, Any]:
    where = judged.verdict.component
    got, tolerance = judged.got, judged.tolerance
    if not own:
        result = backend.run(mode, judged.program, precision, judged.point, *judged.directions)
        if result.numbers is None:
            return {"says": f"{type(result.error).__name__}: {result.error}".splitlines()[0][:160]}
        try:
            with np.errstate(all="ignore"):
                tolerance, _ = quantities.tolerance(
                    backend, precision, mode.name, mode.quantity, judged.program, judged.point, *judged.directions
                )
        except DomainError as error:
            return {"says": f"no bound: {error}"}
        got = result.numbers
    if got.shape != tolerance.shape:
        return {"says": f"shape {got.shape} instead of {tolerance.shape}"}
    said, bound = float(got[where]), float(tolerance[where])
    if not np.isfinite(said):
        return {"got": str(said), "bound": f"{bound:.3g}", "ratio": "inf"}
    finite = np.where(np.isfinite(got), got, 0.0)
    distance = float(oracle.difference(finite, judged.exact)[where])
    total = bound + float(judged.exact.error[where])
    ratio = 0.0 if distance == 0 else distance / total if total > 0 else float("inf")
    return {
        "got": quantities.told(got[where]),
        "bound": f"{bound:.3g}",
        "ratio": ratio if np.isfinite(ratio) else str(ratio),
    }
