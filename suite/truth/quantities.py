"""For each quantity that a mode can compute: its truth."""

from __future__ import annotations

from gradlaws.strategies.program import Point, Program
from gradlaws.suite.clock import timed
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.floats import flat
from gradlaws.suite.truth.oracle import Truth
from gradlaws.suite.vocabulary import Quantity


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
