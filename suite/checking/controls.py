"""Corrupted answers: what a wrong rule would have said. Each must be seen to violate in the run that it guards."""

from __future__ import annotations

import numpy as np

from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.bound import nodes
from gradlaws.suite.bound.nodes import Graph
from gradlaws.suite.bound.thresholds import fault
from gradlaws.suite.truth.oracle import HashablePoint


def scaled(numbers: Floats, precision: Precision) -> Floats:
    """As if the rule of the last step were scaled by 1 + 2^12 u, in half types by 3/2: everything flows through it."""
    return numbers * (1 + fault(precision))


def frozen(program: Program, point: Point) -> Floats:
    """What is missing from the Hessian, shape (n, n), when the second derivative of one step is taken for zero.

    The step is the one that contributes most: G_v d2phi_v[t_i, t_k] summed over its outputs.
    """
    return max(_curvatures(nodes.graph(program, HashablePoint(point))), key=lambda c: float(np.max(np.abs(c))))


def _curvatures(graph: Graph) -> list[Floats]:
    """Each step's own term of the Hessian; their sum is the Hessian."""
    n = graph.inputs
    t, adjoint = np.zeros((n, graph.count)), np.zeros(graph.count)
    t[:, :n] = np.eye(n)
    for node in graph.nodes:
        t[:, node.outputs] = (node.local.first * t[:, node.operands]).sum(-1)
    adjoint[graph.output] = 1.0
    found = [np.zeros((n, n))]
    for node in reversed(graph.nodes):
        g, tj = adjoint[node.outputs], t[:, node.operands]
        found.append(np.einsum("k,kpq,ikp,jkq->ij", g, node.local.second, tj, tj))
        adjoint[node.arguments] += (g[:, None] * node.local.first).ravel() @ node.scatter
    return found
