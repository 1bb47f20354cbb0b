"""An elementwise function of the user's as a row of the catalogue: what the plugins of `gradlaws check` import.

It may lose what its own formulas lose: where terms cancel in its value or its derivatives, the tape of what runs says
how far each entry may be off (suite/rounding), and so much is allowed beside the 4 ulps that are the default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradlaws.strategies.primitive import Floats, Primitive, Terms, binary, interval, spelled, unary
from gradlaws.suite.bound.contracts import DEFAULT_ULPS
from gradlaws.suite.check import drawn
from gradlaws.suite.check.door import subject_of
from gradlaws.suite.check.options import Options
from gradlaws.suite.check.target import imported, spelling
from gradlaws.suite.rounding.bounds import bounds
from gradlaws.suite.tape.tape import Tape, Unsupported
from gradlaws.suite.tracing.traced import Traced

ULPS = DEFAULT_ULPS["elementwise"]
UNITS = {"float64": 2.0**-53, "float32": 2.0**-24}
BLOCK = 32  # entries that are looked at at once, whatever the shape: a trace has its shapes


def primitive(
    function: str, name: str, backend: str, domain: Sequence[drawn.Interval], definition: str, promised: bool = False
) -> Primitive:
    """The function as a row; ``definition`` names its mathematics. ``promised``: a contract says what it may lose."""
    declared = unary if len(domain) == 1 else binary
    terms = None if promised else losses(imported(function), backend, domain)
    row = declared(name, imported(definition), within(*domain), terms=terms)
    return replace(row, spellings=spelled({backend: spelling(function)[0]}, len(domain)))


def within(*bounds: drawn.Interval) -> Callable[..., bool]:
    """Whether every entry of each array lies strictly between its bounds."""

    def domain(*arrays: Floats) -> bool:
        return all(interval(low, high)(x) for x, (low, high) in zip(arrays, bounds, strict=False))

    return domain


def losses(function: Any, backend: str, domain: Sequence[drawn.Interval]) -> Terms | None:
    """(arrays, value) -> how far value, first and second derivatives may be off beyond ULPS, in units of ULPS u.

    None where the function has no trace: then it is held to the default.
    """
    try:
        trace = traced(function, backend, domain)
    except Unsupported:
        return None

    def terms(*arrays: Floats) -> tuple[Floats, ...]:
        *arguments, value = (np.ravel(x) for x in arrays)
        arguments = list(np.broadcast_arrays(*arguments))
        parts = [_of_block(trace, backend, [a[k : k + BLOCK] for a in arguments]) for k in range(0, value.size, BLOCK)]
        return tuple(np.concatenate(found) for found in zip(*parts, strict=True))

    return terms


def traced(function: Any, backend: str, domain: Sequence[drawn.Interval]) -> Traced:
    """Of BLOCK entries, in float64. Raises Unsupported."""
    with drawn.in_precision(backend, "float64"):
        point = drawn.arrays(backend, drawn.points(domain, (BLOCK,), "float64", 0), "float64")
        return subject_of(function, point, {}, Options()).traced(True, True, False)


def _of_block(trace: Traced, backend: str, arguments: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
    """(k,), (k, p) and (k, p, p) of no more than BLOCK entries; the last is repeated to fill it."""
    k, p = arguments[0].size, len(arguments)
    filled = [np.concatenate([a, np.repeat(a[-1:], BLOCK - k)]) for a in arguments]
    ones, zeros = np.ones(BLOCK), np.zeros(BLOCK)
    value = _lost(trace.forward, filled, backend)[0]
    first = np.stack(_lost(trace.gradient, [*filled, ones], backend), axis=-1)
    second = np.zeros((BLOCK, p, p))
    if trace.product is not None:
        for j in range(p):
            along = [ones if i == j else zeros for i in range(p)]
            second[:, :, j] = np.stack(_lost(trace.product, [*filled, ones, *along], backend), axis=-1)
    return value[:k], first[:k], second[:k]


def _lost(tape: Tape, inputs: Sequence[Floats], backend: str) -> list[Floats]:
    """Beyond ULPS of each output's size, in units of ULPS u: the larger share of the two precisions."""
    found = []
    wide, narrow = (bounds(tape, inputs, backend, dtype) for dtype in UNITS)
    for size, *errors in zip(wide.values, wide.outputs, narrow.outputs, strict=True):
        shares = [e / (ULPS * u) for e, u in zip(errors, UNITS.values(), strict=True)]
        share = np.where(np.isfinite(shares[1]), np.fmax(*shares), shares[0])
        found.append(np.maximum(share - np.abs(size), 0.0))
    return found
