"""For each quantity that a mode can compute: its tolerance, from the bound and from what a backend promises."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from gradlaws.strategies.precision import HALF, Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.bound import contracts, nodes, sweep
from gradlaws.suite.bound.sweep import Analysis
from gradlaws.suite.clock import timed
from gradlaws.suite.run import kept
from gradlaws.suite.truth.floats import flat
from gradlaws.suite.truth.oracle import HashablePoint
from gradlaws.suite.vocabulary import Quantity


@timed("bound")
def analysis(quantity: Quantity, program: Program, point: Point, *directions: Point) -> Analysis:
    """The analysis from which the tolerance of the quantity is made."""
    return _analysis(quantity, program, HashablePoint(point), tuple(HashablePoint(d) for d in directions))


@kept(4096)
def _analysis(
    quantity: Quantity, program: Program, point: HashablePoint, directions: tuple[HashablePoint, ...]
) -> Analysis:
    graph = nodes.graph(program, point)
    return sweep.analyse(graph, *seeds(graph, quantity, *(d.arrays for d in directions)))


@kept(4096)
def _drift(
    program: Program,
    point: HashablePoint,
    promised: tuple[contracts.Contract, ...],
    u: float,
    smallest: float,
) -> float:
    """``promised``: of each node of the graph, in turn."""
    of_each = iter(promised)
    return nodes.graph(program, point).drift(lambda primitive, at: next(of_each), u, smallest)


@kept(4096)
def _largest_along(quantity: Quantity, program: Program, point: HashablePoint, tangent: HashablePoint) -> float:
    """The largest number met where the Hessian of a scalar function is applied to a tangent once, or twice."""
    graph = nodes.graph(program, point)
    v = np.abs(flat(tangent.arrays))[None]
    other = np.eye(graph.inputs) if quantity == "hvp" else v
    return sweep.sweep(graph, np.ones((1, 1)), (v, other), np.abs)[3]


def seeds(graph: nodes.Graph, quantity: Quantity, *directions: Point) -> tuple[Floats, ...]:
    """The cotangents and the sets of tangents that make the quantity, as for ``sweep.analyse``."""
    outputs, inputs = np.eye(graph.output.stop - graph.output.start), np.eye(graph.inputs)
    if quantity == "value":
        return (outputs,)
    if quantity == "jvp":
        return outputs, flat(directions[0])[None]
    if quantity == "vjp":
        return flat(directions[0])[None], inputs
    if quantity in ("gradient", "jacobian"):
        return outputs, inputs
    return outputs, inputs, inputs


class Arithmetic(Protocol):
    """What the tolerance needs of a backend."""

    @property
    def name(self) -> str: ...

    def smallest(self, precision: Precision) -> float: ...


@timed("bound")
def tolerance(
    backend: Arithmetic,
    precision: Precision,
    mode: str,
    quantity: Quantity,
    program: Program,
    point: Point,
    *directions: Point,
) -> tuple[Floats, float]:
    """The bound per component, in the shape of the truth, and the size of the object's majorant."""
    object_directions = directions if quantity in ("jvp", "vjp") else ()
    found = analysis(quantity, program, point, *object_directions)

    def promised(primitive: str, arguments: Point) -> contracts.Contract:
        return contracts.contract(backend.name, precision.name, mode, primitive, arguments)

    at = HashablePoint(point)
    smallest, graph = backend.smallest(precision), nodes.graph(program, at)
    of_each = tuple(promised(node.primitive, node.at) for node in graph.nodes)
    drift = _drift(program, at, of_each, max(precision.unit_roundoff, sweep.U), smallest)
    allowed = found.bound(precision, promised, smallest)
    if precision.name in HALF and quantity != "value":
        allowed = allowed + sweep.meeting(graph, promised, precision, *seeds(graph, quantity, *object_directions))
    allowed = allowed / max(1 - drift, 0.0)
    largest = found.largest
    if quantity in ("hvp", "curvature"):
        largest = max(largest, _largest_along(quantity, program, at, HashablePoint(directions[0])))
    if precision.may_overflow(largest) or graph.underflows(precision.smallest_normal):
        allowed = np.full(allowed.shape, np.inf)
    # Summing n products of the Hessian with v, in any order, is within the roundings already counted.
    along = tuple(map(sizes, directions))
    allowed, majorant = shaped(quantity, allowed, *along), shaped(quantity, found.majorant, *along)
    return allowed, float(np.max(majorant, initial=0.0))


def sizes(point: Point) -> Point:
    return tuple(np.abs(x) for x in point)


def shaped(quantity: Quantity, found: Floats, *directions: Point) -> Floats:
    """The quantity, as the truth is shaped, of what was swept from its ``seeds``."""
    if quantity in ("hvp", "curvature"):
        found = found @ flat(directions[0])
        if quantity == "curvature":
            found = found @ flat(directions[0])
    if quantity in ("gradient", "vjp", "hessian", "hvp"):
        return np.asarray(found[0])
    return np.asarray(found[:, 0] if quantity == "jvp" else found)
