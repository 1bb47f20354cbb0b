"""The partials of one step by their limit definition, rounded once to long double.

The partials of suite/bound/partials.py are float64: enough for a bound, and for NumPy's formulas in float64 and
narrower types.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import MPArray
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Step, apply, splitter
from gradlaws.suite.bound.partials import linear, offsets
from gradlaws.suite.run import kept
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.oracle import HashablePoint

Partials = tuple[NDArray[np.intp], NDArray[np.longdouble], NDArray[np.longdouble]]


def exact_partials(step: Step, arguments: Sequence[Floats], fixed: tuple[bool, ...] = ()) -> Partials:
    """``index`` (k, p), ``first`` (k, p) and ``second`` (k, p, p), as in ``Local`` of suite/bound/partials.py; of an
    elementwise step those by ``fixed`` arguments, which nothing moves, are 0.

    Raises DomainError where the step is not defined around its arguments.
    """
    return _partials(step, HashablePoint(tuple(arguments)), fixed)


@kept(4096)
def _partials(step: Step, point: HashablePoint, fixed: tuple[bool, ...]) -> Partials:
    arguments = point.arrays
    if step.declaration.kind == "linear":
        found = linear(step, [a.astype(np.float64) for a in arguments])
        return found.index, found.first.astype(np.longdouble), found.second.astype(np.longdouble)
    if step.declaration.kind == "structured":
        return _structured(step, arguments)
    return _entrywise(step, arguments, fixed)


def _entrywise(step: Step, arguments: Sequence[Floats], fixed: tuple[bool, ...]) -> Partials:
    """Each output depends on one entry of each argument, so that all entries of one may move at once."""
    spread = [mp_arrays.mp_array(a).ravel() for a in np.broadcast_arrays(*arguments)]
    k, p = spread[0].size, len(spread)
    places = [np.broadcast_to(o, np.broadcast_shapes(*(a.shape for a in arguments))) for o in offsets(arguments)]
    index = np.stack([place.ravel() for place in places], axis=-1)

    def f(x: MPArray) -> MPArray:
        return apply(step, np.split(x, p)).ravel()

    scale = oracle.scales(np.concatenate(spread))
    still = (*fixed, *[False] * (p - len(fixed)))
    moves = [np.where((np.arange(k * p) // k == j) & (not still[j]), scale, 0 * scale[0]) for j in range(p)]
    return index, *_rounded(f, np.concatenate(spread), moves, [scale[j * k : (j + 1) * k] for j in range(p)])


def _structured(step: Step, arguments: Sequence[Floats]) -> Partials:
    """Each output depends on every entry."""
    parts = splitter([a.shape for a in arguments])
    flat = mp_arrays.mp_array(np.concatenate([np.ravel(a) for a in arguments]))

    def f(x: MPArray) -> MPArray:
        return apply(step, parts(x)).ravel()

    scale = oracle.scales(flat)
    first, second = _rounded(f, flat, oracle.unit_steps(scale), [np.array([s], dtype=object) for s in scale])
    return np.broadcast_to(np.arange(flat.size), first.shape), first, second


def _rounded(
    f: oracle.Function, x: MPArray, moves: Sequence[MPArray], lengths: Sequence[MPArray]
) -> tuple[NDArray[np.longdouble], NDArray[np.longdouble]]:
    """First and second differences of f along the moves, of these lengths for each output.

    A step may depend on an argument in the square of its size beside the largest, as ‖x‖ does, and its second partials
    in the square of that: so far must the digits reach.
    """
    with mp.workprec(mp_arrays.WIDE_BITS):
        met = np.abs(mp_arrays.to_floats(np.concatenate([x, f(x), [mp.one]])))
    reach = oracle.decades(met[(met > 0) & np.isfinite(met)])
    p = len(moves)
    method = oracle.FIRST.widened(2 * reach)
    with mp.workdps(method.digits):
        first = [oracle.first_difference(f, x, v, method) / a for v, a in zip(moves, lengths, strict=True)]
    method = oracle.SECOND.widened(4 * reach)
    with mp.workdps(method.digits):
        second = {
            (i, j): oracle.second_difference(f, x, moves[i], moves[j], method) / (lengths[i] * lengths[j])
            for i in range(p)
            for j in range(i + 1)
        }
    rows = [np.stack([second[max(i, j), min(i, j)] for j in range(p)], axis=-1) for i in range(p)]
    return mp_arrays.to_longdoubles(np.stack(first, axis=-1)), mp_arrays.to_longdoubles(np.stack(rows, axis=-2))
