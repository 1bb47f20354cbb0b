"""Arguments that a function takes as symmetric matrices: it is defined along symmetric directions alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.tape.run import Evaluation
from gradlaws.suite.tape.tape import Tape
from gradlaws.suite.tracing.call import OF_SYMMETRIC, SYMMETRIC
from gradlaws.suite.tracing.traced import Traced

STEP = 2.0**-30  # of the largest entry, to the power of two below: what is added to one of a pair is exact


def symmetric_arguments(traced: Traced, xp: Any) -> list[bool]:
    """Of each argument, whether it is met as a symmetric matrix, and no antisymmetric step changes the function."""
    met = [is_symmetric(x) and _is_met(traced.forward, k) for k, x in enumerate(traced.point)]
    if not any(met):
        return met
    at = Evaluation(traced.forward, list(traced.point), xp, [True] * len(traced.point))
    return [met[k] and _unmoved(at, k, x) for k, x in enumerate(traced.point)]


def _is_met(tape: Tape, argument: int) -> bool:
    """By an operation that is defined of symmetric matrices alone."""
    reached = tape.reached([k == argument for k in range(len(tape.inputs))])
    made = (x for x in tape.instructions if x.origin.name.endswith(OF_SYMMETRIC))
    return any(reached[i] for x in made for i in x.arguments)


def is_symmetric(x: Floats) -> bool:
    """A square matrix, or a batch of them, with an entry beside its diagonal; up to roundings of the narrowest type."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2] or x.shape[-1] < 2:
        return False
    apart = np.max(np.abs(x - np.swapaxes(x, -1, -2)), initial=0.0)
    return bool(apart <= SYMMETRIC * np.max(np.abs(x), initial=0.0))


def _unmoved(at: Evaluation, argument: int, x: Floats) -> bool:
    size = 2.0 ** np.floor(np.log2(max(float(np.max(np.abs(x), initial=0.0)), 2.0**-900))) * STEP
    signs = np.where(np.random.default_rng(argument).random(x.shape) < 0.5, -size, size)
    lower = np.tril(signs, -1)
    with at.xp.working():
        step = at.xp.asarray(lower - np.swapaxes(lower, -1, -2))
    moved = at.beside([step if k == argument else None for k in range(len(at.tape.inputs))])
    return all(bool(np.all(a == b)) for a, b in zip(moved, at.outputs, strict=True))


def within(traced: Traced, vectors: Sequence[Floats], xp: Any) -> list[Floats]:
    """The directions, of symmetric arguments made symmetric: the lower triangle, mirrored."""
    which = symmetric_arguments(traced, xp)
    return [mirrored(v) if symmetric else v for v, symmetric in zip(vectors, which, strict=True)]


def mirrored(v: Floats) -> Floats:
    return np.asarray(np.tril(v) + np.swapaxes(np.tril(v, -1), -1, -2))
