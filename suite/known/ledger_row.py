"""The row that a new deviation would be in suite/known/ledger.toml: to be read, given its cause, and pasted."""

from __future__ import annotations

import datetime
import json
import math

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Program, weighted
from gradlaws.suite.backends.question import Question
from gradlaws.suite.truth.floats import hexadecimal
from gradlaws.suite.truth.quantities import truth

RECHECK = datetime.timedelta(days=180)
MARGIN = 4  # between what one answer is off by and what those beside it may be


def row(
    question: Question, component: tuple[int, ...], got: float | str, name: str = "", cause: str = "", region: str = "",
    modes: tuple[str, ...] = (),
) -> str:  # fmt: skip
    """What a mode said at ``component``, or what it raised there, as a row in TOML.

    "" where the program is not one primitive, with its result weighted or not, since a row speaks of one, or where no
    one mode was asked.
    """
    backend, mode, program, point = question.backend, question.mode, question.program, question.point
    directions = question.directions
    if mode is None or not program.steps:
        return ""
    step, *rest = program.steps
    alone = Program(program.inputs, (step,))
    weights = rest[0].constant if rest and rest[0].is_constant else None
    if step.is_constant or (alone if weights is None else weighted(alone, weights)) != program:
        return ""
    try:
        exact = truth(mode.quantity, program, point, *directions).exact
    except DomainError:
        return ""
    component = component or (0,) * exact.ndim
    fields: dict[str, object] = {
        "id": name or f"{backend.name}-{step.primitive.replace('_', '-')}-order-{mode.order}",
        "backend": backend.name,
        "versions": [backend.version.split("+")[0]],
        "primitive": step.primitive,
        "order": mode.order,
        "modes": list(modes or (mode.name,)),
        "dtypes": [question.precision.name],
        "region": region or around(point[0]),
        **(described(got, exact[component]) if isinstance(got, float) else {}),
        "witness": [array(x) for x in point],
    }
    if step.parameters:
        fields["parameters"] = dict(step.parameters)
    if weights is not None:
        fields["weights"] = hexadecimal(weights)
    if directions:
        fields["tangent"] = [array(x) for x in directions[0]]
    fields |= {
        "quantity": mode.quantity,
        "mode": mode.name,
        "component": list(component),
        "got": f"raises {got[:100]}" if isinstance(got, str) else got.hex(),
        "true": mp.nstr(exact[component], 25),
        "cause": cause
        or "TODO: the cause in one line; then gives or within, and the region and the modes that it spoils",
        "recheck": datetime.date.today() + RECHECK,
    }
    return "[[deviation]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in fields.items())


def described(got: float, exact: mpf) -> dict[str, object]:
    """What the framework gives, if one can see it in one answer; else the law to begin with: four times this error."""
    if not math.isfinite(got):
        return {"gives": [str(got)]}
    if got == 0:
        return {"gives": ["0"]}
    error = MARGIN * abs(mpf(got) - exact)
    return {"within": f"{float(error / abs(exact)):.2g} * size" if exact else f"{float(error):.2g}"}


def around(x: Floats) -> str:
    """A region that holds the witness: the binades of its entries."""
    sizes = np.abs(x[x != 0])
    if not sizes.size:
        return "abs(x) == 0"
    low, high = (math.floor(math.log2(size)) for size in (sizes.min(), sizes.max()))
    return f"(abs(x) >= {2.0**low!r}) & (abs(x) < {2.0 ** (high + 1)!r})"


def array(x: Floats) -> dict[str, object]:
    return {"shape": list(x.shape), "values": hexadecimal(x)}


def toml(value: object) -> str:
    """A string, number, date, list or table inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
