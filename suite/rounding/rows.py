"""The catalogue's rows as operations: their partials and contracts are those of suite/bound.

The partials of a structured row are dense in its arguments, so these are for small arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.program import Step as ProgramStep
from gradlaws.suite.bound import contracts, nodes, partials
from gradlaws.suite.bound.partials import Local
from gradlaws.suite.rounding.rule import Carried, Rule
from gradlaws.suite.rounding.step import Errors, Step, Unknown, sized
from gradlaws.suite.tape.operations.rows import PREFIX
from gradlaws.suite.tape.tape import Array

ENTRIES = 64  # of all arguments together, of a row whose partials are dense


def local(step: Step) -> Local:
    if "local" not in step.kept:
        name = step.operation.removeprefix(PREFIX)
        program = ProgramStep(name, tuple(range(len(step.arguments))), tuple(step.parameters.items()))
        if program.declaration.kind in ("structured", "linear") and sum(x.size for x in step.arguments) > ENTRIES:
            raise Unknown(f"of more than {ENTRIES} entries")
        try:
            step.kept["local"] = partials.local(program, step.arguments, step.result)
        except DomainError:
            raise Unknown("it is not defined, or has no derivative, at its arguments") from None
    found: Local = step.kept["local"]
    return found


def carried(step: Step, errors: Errors) -> Carried:
    """Linear, and half the second partials on all pairs of errors."""
    found = local(step)
    flat = np.concatenate([np.ravel(sized(e, x.shape)) for e, x in zip(errors, step.arguments, strict=True)])
    of_each = flat[found.index]
    linear = (abs(found.first) * of_each).sum(-1)
    bent = np.einsum("kpq,kp,kq->k", abs(found.second), of_each, of_each) / 2
    name = step.operation.removeprefix(PREFIX)
    promised = contracts.contract(
        step.arithmetic.backend, step.unit.dtype, step.arithmetic.mode, name, tuple(step.arguments)
    )
    own = step.unit.u * nodes.value_error(found, promised) + bent
    small = abs(step.result.ravel()) < step.unit.normal
    own = own + np.where(small, step.unit.smallest, 0.0)
    shape = step.result.shape
    return [(linear + own).reshape(shape)], [own.reshape(shape)]


def pulled(step: Step, cotangents: Sequence[Array | None]) -> list[Array | None]:
    (g,) = cotangents
    assert g is not None
    found = local(step)
    sizes = [x.size for x in step.arguments]
    terms = found.first * np.ravel(g)[:, None]
    flat = np.bincount(found.index.ravel(), terms.ravel(), sum(sizes))
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    return [part.reshape(x.shape) for part, x in zip(parts, step.arguments, strict=True)]


RULE = Rule(carried, pulled)
