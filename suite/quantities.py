"""For each quantity that a mode can compute: its truth from the oracle, and its tolerance from the bound."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from strategies.precision import HALF, Precision
from strategies.primitive import Floats
from strategies.program import Point, Program
from suite import bound, contracts, oracle
from suite.bound import Analysis
from suite.clock import timed
from suite.oracle import HashablePoint, Truth
from suite.run import kept
from suite.vocabulary import Quantity


def flat(point: Point) -> Floats:
    return np.concatenate([np.ravel(x) for x in point])


def hexadecimal(x: Floats) -> list[str]:
    """The entries with all their bits."""
    return [written(value) for value in np.ravel(x)]


def written(value: np.floating[Any]) -> str:
    """As ``float.hex`` has it, also of a long double that is no float64: "0x1.5555555555555556p-2"."""
    if float(value) == value or not np.isfinite(value):
        return float(value).hex()
    fraction, exponent = np.frexp(abs(value))
    digits = f"{int(np.ldexp(fraction, 64)) * 2:017x}"
    return f"{'-' * bool(value < 0)}0x{digits[0]}.{digits[1:].rstrip('0')}p{exponent - 1:+d}"


def told(value: np.floating[Any]) -> str:
    """A number in a record: hexadecimal; a long double that is no float64 by its shortest decimal, which shows all."""
    return float(value).hex() if float(value) == value else str(value)


def unit(*numbers: Floats) -> float:
    """The unit roundoff of the arithmetic in which these numbers are added and multiplied here."""
    return float(np.finfo(np.result_type(*numbers)).eps) / 2


@timed("oracle")
def truth(quantity: Quantity, program: Program, point: Point, *directions: Point) -> Truth:
    """The exact quantity, flat: value and jvp (m,), gradient, vjp and hvp (n,), jacobian (m, n), hessian (n, n)."""
    if quantity == "value":
        return oracle.value(program, point)
    if quantity == "gradient":
        return oracle.gradient(program, point)
    if quantity == "jacobian":
        return oracle.jacobian(program, point)
    if quantity == "hessian":
        return oracle.hessian(program, point)
    if quantity == "jvp":
        return oracle.jvp(program, point, directions[0])
    if quantity == "vjp":
        return oracle.linear(oracle.jacobian(program, point), flat(directions[0]), "left")
    if quantity == "hvp":
        return oracle.linear(oracle.hessian(program, point), flat(directions[0]))
    return oracle.curvature(program, point, directions[0], directions[0])


@timed("bound")
def analysis(quantity: Quantity, program: Program, point: Point, *directions: Point) -> Analysis:
    """The analysis from which the tolerance of the quantity is made."""
    return _analysis(quantity, program, HashablePoint(point), tuple(HashablePoint(d) for d in directions))


@kept(4096)
def _analysis(
    quantity: Quantity, program: Program, point: HashablePoint, directions: tuple[HashablePoint, ...]
) -> Analysis:
    graph = bound.graph(program, point)
    return bound.analyse(graph, *seeds(graph, quantity, *(d.arrays for d in directions)))


@kept(4096)
def _drift(
    program: Program, point: HashablePoint, promised: tuple[tuple[str, contracts.Contract], ...], u: float
) -> float:
    return bound.graph(program, point).drift(dict(promised).__getitem__, u)


@kept(4096)
def _largest_along(quantity: Quantity, program: Program, point: HashablePoint, tangent: HashablePoint) -> float:
    """The largest number met where the Hessian of a scalar function is applied to a tangent once, or twice."""
    graph = bound.graph(program, point)
    v = np.abs(flat(tangent.arrays))[None]
    other = np.eye(graph.inputs) if quantity == "hvp" else v
    return bound.sweep(graph, np.ones((1, 1)), (v, other), np.abs)[3]


def seeds(graph: bound.Graph, quantity: Quantity, *directions: Point) -> tuple[Floats, ...]:
    """The cotangents and the sets of tangents that make the quantity, as for ``bound.analyse``."""
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

    def promised(primitive: str) -> contracts.Contract:
        return contracts.contract(backend.name, precision.name, mode, primitive)

    at, all_promised = HashablePoint(point), tuple((name, promised(name)) for name in program.primitives)
    drift = _drift(program, at, all_promised, max(precision.unit_roundoff, bound.U))
    allowed = found.bound(precision, promised, backend.smallest(precision))
    if precision.name in HALF and quantity != "value":
        graph = bound.graph(program, at)
        allowed = allowed + bound.meeting(graph, promised, precision, *seeds(graph, quantity, *object_directions))
    allowed = allowed / max(1 - drift, 0.0)
    largest = found.largest
    if quantity in ("hvp", "curvature"):
        largest = max(largest, _largest_along(quantity, program, at, HashablePoint(directions[0])))
    if precision.may_overflow(largest):
        allowed = np.full(allowed.shape, np.inf)
    majorant = float(np.max(found.majorant, initial=0.0))
    if quantity in ("gradient", "vjp", "hessian"):
        return allowed[0], majorant
    if quantity == "jvp":
        return allowed[:, 0], majorant
    if quantity in ("hvp", "curvature"):
        # Summing n products of the Hessian with v, in any order, is within the roundings already counted.
        size = np.abs(flat(directions[0]))
        product = allowed[0] @ size
        return (product, majorant) if quantity == "hvp" else (np.array([product @ size]), majorant)
    return allowed, majorant
