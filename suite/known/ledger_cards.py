"""What the report tells of a ledger row beyond its status: witness, numbers, script, and its region on the axis."""

from __future__ import annotations

import math
import re

import numpy as np

from gradlaws.records.shard import Deviation
from gradlaws.records.values import Number
from gradlaws.strategies.program import input_names
from gradlaws.suite.backends import Unsupported
from gradlaws.suite.known.ledger import Row
from gradlaws.suite.known.reproduce import written
from gradlaws.suite.truth.floats import arrays

STEPS = 40  # of the axis on each side of one, finer near one


def described(row: Row) -> Deviation:
    """``painted``: the intervals of its first argument that lie in its region, the others being as in the witness."""
    return {
        "versions": list(row.versions), "recheck": row.recheck.isoformat(), "quantity": row.quantity, "mode": row.mode,
        "got": row.got.hex() if isinstance(row.got, float) else row.got, "true": row.true,
        "witness": arrays(input_names(row.program), row.witness),
        "painted": painted(row), "script": script(row),
    }  # fmt: skip


def script(row: Row) -> str:
    """Empty where this version of the framework does not have what the row is about."""
    try:
        return written(row)
    except (KeyError, Unsupported):
        return ""


def painted(row: Row) -> list[list[Number]]:
    """Intervals [low, high] of the argument that the region speaks of first."""
    named = re.search(r"\b[xyz]\b", row.region)
    place = "xyz".index(named[0]) if named else 0
    binades = [math.copysign(abs(t / STEPS) ** 2.5 * 1023, t) for t in range(-STEPS, STEPS + 1)]
    positive = [2.0**binade for binade in binades]
    found: list[list[Number]] = []
    inside = False
    for x in [*(-x for x in reversed(positive)), 0.0, *positive]:
        arguments = list(row.witness)
        arguments[place] = np.full(np.shape(arguments[place]), x)
        with np.errstate(all="ignore"):
            was, inside = inside, row.contains(tuple(arguments))
        if inside and was:
            found[-1][1] = x
        elif inside:
            found.append([x, x])
    return found
