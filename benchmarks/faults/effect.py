"""Whether a fault changes any derivative at all: one that does not can be neither killed nor survive."""

from __future__ import annotations

import importlib
import itertools

import numpy as np

from benchmarks.faults.plant import plant
from benchmarks.faults.planted import Fault
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.primitive import Floats, Shape
from gradlaws.strategies.program import Point, Program, Step, shared, weighted
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.identities.clipping import ways

MENU: tuple[Shape, ...] = ((3,), (3, 3), (), (2, 3))
FACTORS = (1.0, 0.3, 6.0, -1.0)  # of the points: where rules have thresholds, one of them is beyond


def generic(shape: Shape, phase: float) -> Floats:
    """Positive, distinct, unremarkable numbers between 0.5 and 2.5."""
    entries = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    return 1.5 + np.sin(entries * entries + phase)


def objective(name: str) -> tuple[Program, Point]:
    """A weighted sum of the primitive's outputs, and a point."""
    primitive = PRIMITIVES[name]
    shapes, parameters = next(
        (shapes, parameters)
        for shapes in itertools.product(MENU, repeat=primitive.arity)
        for parameters in primitive.variants(*shapes)
    )
    point = tuple(generic(shape, float(phase)) for phase, shape in enumerate(shapes))
    alone = Program(tuple(shapes), (Step(name, tuple(range(primitive.arity)), tuple(parameters.items())),))
    return weighted(alone, generic(alone.output, np.e)), point


def directions(mode: Mode, f: Program) -> tuple[Point, ...]:
    """The tangent or cotangent that a mode asks for, if any."""
    if mode.quantity == "vjp":
        return ((generic(f.output, 2.0),),)
    return (tuple(generic(shape, 2.0) for shape in f.inputs),) if mode.quantity in ("jvp", "hvp", "curvature") else ()


def derivatives(fault: Fault) -> list[Floats]:
    """What the fault may change, by every mode and at several points: an empty array where a mode is refused."""
    backend, precision, found = backends.load(fault.backend), PRECISIONS["float64"], []
    asked: list[tuple[Mode, Program, tuple[Point, ...]]] = []  # a point, and perhaps a direction
    for name in fault.primitives:
        f, x = objective(name)
        cases = [(f, tuple(factor * array for array in x)) for factor in FACTORS]
        if len(set(f.inputs)) == 1 < len(f.inputs):
            cases.append((shared(f), x[:1]))
        asked += [(mode, g, (at, *directions(mode, g))) for mode in backend.modes for g, at in cases]
    if not fault.primitives:
        gradients = (generic((2, 3), 0.0), generic((3,), 1.0))
        for threshold in (1e-3, 3.0):
            asked += [(way.mode, way.program, (gradients,)) for way in ways(backend, gradients, 2.0, threshold)]
    for mode, f, points in asked:
        numbers = backend.run(mode, f, precision, *points).numbers
        found.append(np.zeros(0) if numbers is None else numbers)
    return found


def effective(fault: Fault) -> bool:
    """Whether any derivative changes when the fault is planted, which this does."""
    before = derivatives(fault)
    plant(fault)
    if fault.backend == "jax":
        importlib.import_module("jax").clear_caches()
    return not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, derivatives(fault), strict=True))
