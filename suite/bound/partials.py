"""One step of a program at concrete values: its partial derivatives, and the errors its contract allows in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlaws.strategies.primitive import Floats, Primitive
from gradlaws.strategies.program import Step
from gradlaws.suite.bound import scalar_partials, taylor

# How many times larger than ours the errors of the usual formula may be: float32 has 24 digits, and keeps 10.
CANCELS = 2.0**14


@dataclass(frozen=True)
class Local:
    """k outputs, each a function of p of the step's scalar arguments.

    ``index`` (k, p) says which, counting through the step's arguments one after the other; ``first`` (k, p), ``second``
    (k, p, p) and ``third`` (k, p, p, p) are the partials; ``sizes`` are the errors of value, first and second partials
    that a contract of one ulp allows, in units of u; ``conditioning`` (k,) is sum_j |a_j phi_j|; ``norms`` are the
    largest value, first and second partial of all, times the condition number of a matrix argument once or twice.
    """

    index: NDArray[np.intp]
    first: Floats
    second: Floats
    third: Floats
    sizes: tuple[Floats, Floats, Floats]
    conditioning: Floats
    norms: tuple[float, float, float] = (0.0, 0.0, 0.0)


def local(step: Step, arguments: Sequence[Floats], value: Floats, fixed: tuple[bool, ...] = ()) -> Local:
    """The step at these float arguments, of which no input moves the ``fixed`` ones, and where its value is ``value``.

    What is beyond float64, or of whole arrays not defined there, is NaN or infinite. Raises DomainError where it has no
    derivatives."""
    primitive = step.declaration
    with np.errstate(all="ignore"):
        if primitive.kind == "linear":
            return linear(step, arguments)
        if primitive.kind == "structured":
            return structured(step, arguments, value)
        return entrywise(primitive, arguments, value, fixed)


def offsets(arguments: Sequence[Floats]) -> list[NDArray[np.intp]]:
    """The number of each scalar argument, in the shape of its array."""
    starts = np.cumsum([0, *(a.size for a in arguments)])
    return [np.arange(a.size).reshape(a.shape) + start for a, start in zip(arguments, starts, strict=False)]


def entrywise(primitive: Primitive, arguments: Sequence[Floats], value: Floats, fixed: tuple[bool, ...] = ()) -> Local:
    p, k = len(arguments), value.size
    spread = [np.broadcast_to(a, value.shape).ravel() for a in arguments]
    index = np.stack([np.broadcast_to(o, value.shape).ravel() for o in offsets(arguments)], axis=-1)
    if primitive.kind == "arithmetic":
        operands = [taylor.variables(a, np.full(k, j), p) for j, a in enumerate(spread)]
        result = primitive.definition(*operands)
        moving = [np.where(still, 0.0, a) for a, still in zip(spread, fixed or (False,) * p, strict=True)]
        found = conditioned(index, narrow(result.partials), narrow(result.errors), np.stack(moving, axis=-1))
        return replace(found, conditioning=conditioning(found.first, np.stack(spread, axis=-1)))
    rows = [
        scalar_partials.partials(primitive.definition, tuple(map(float, row)), fixed)
        for row in zip(*spread, strict=True)
    ]
    partials = narrow([np.stack([row.of[order] for row in rows]) for order in range(4)])
    moved = narrow([np.stack([row.moved[order] for row in rows]) for order in range(3)])
    _, first, second, third = partials
    return Local(index, first, second, third, entry_sizes(primitive, spread, value.ravel(), partials, moved), moved[0])


def entry_sizes(
    primitive: Primitive, arguments: Sequence[Floats], value: Floats, partials: Sequence[Floats],
    moved: Sequence[Floats],
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """What a contract of one ulp allows in value, first and second partials of k entries, in units of u."""
    sizes = [np.abs(c) for c in partials[:3]]
    if not primitive.direct:
        sizes = [sizes[0], sizes[1] + moved[1], sizes[2] + moved[2]]
    if primitive.terms is not None:
        cancelling = primitive.terms(*arguments, value)  # those that overflow are the largest: nothing is certified
        for order, terms in enumerate(cancelling, start=len(sizes) - len(cancelling)):
            sizes[order] = representable(sizes[order] + of_partials(terms, value.size, order))
    return sizes[0], sizes[1], sizes[2]


def representable(numbers: Floats) -> Floats:
    most = float(np.finfo(np.float64).max)
    return np.nan_to_num(numbers, nan=most, posinf=most, neginf=-most)


def of_partials(terms: Floats, k: int, order: int) -> Floats:
    """Terms of k entries, of all partials of that order alike or, with an axis more for each order, one by one."""
    return terms if np.ndim(terms) == 1 + order else np.broadcast_to(terms, k).reshape((k,) + (1,) * order)


def structured(step: Step, arguments: Sequence[Floats], value: Floats) -> Local:
    flat = np.concatenate([a.ravel() for a in arguments])
    p, k = flat.size, value.size
    operands = [taylor.variables(a, o, p) for a, o in zip(arguments, offsets(arguments), strict=True)]
    result = step.declaration.definition(taylor, *operands, **dict(step.parameters))
    partials = tuple(c.reshape((k,) + (p,) * order) for order, c in enumerate(narrow(result.partials)))
    sizes = [c.reshape((k,) + (p,) * order) for order, c in enumerate(narrow(result.errors))]
    if step.declaration.usual is not None:
        usual = step.declaration.usual(taylor, *operands, **dict(step.parameters)).errors
        sizes = [
            tolerated(e.reshape(s.shape), s, c, where_zero=True)
            for e, s, c in zip(narrow(usual), sizes, partials, strict=False)
        ]
    terms = step.declaration.terms
    if terms is not None:
        # Given per output, for the entries of its row.
        first, second = terms(*arguments, value)
        n, more = first.shape[-1], [s.copy() for s in sizes]
        for number in range(k):
            row = number // (k * n // p)
            own = slice(row * n, (row + 1) * n)
            more[1][number, own] += taylor.FUNCTION_ULPS * first.reshape(k, n)[number]
            more[2][number, own, own] += taylor.FUNCTION_ULPS * second.reshape(k, n, n)[number]
        lossy = step.declaration.usual is not None
        sizes = [tolerated(m, s, c) if lossy else m for m, s, c in zip(more, sizes, partials, strict=False)]
    index = np.broadcast_to(np.arange(p), (k, p))
    found = conditioned(index, partials, tuple(sizes), np.broadcast_to(flat, (k, p)))
    return replace(found, norms=normwise(step.declaration.matrix(arguments[0]), partials))


def tolerated(usual: Floats, sizes: Floats, partials: Floats, where_zero: bool = False) -> Floats:
    """The errors of the usual formula in place of ours, for each output of which it leaves digits; and ``where_zero``
    by structure (the softmax of one entry), since rounding of the terms that cancel leaves so much."""
    most = [np.max(np.abs(of).reshape(len(sizes), -1), axis=1, initial=0.0) for of in (usual, sizes, partials)]
    ours = np.fmax(most[1], most[2])
    kept = ((most[0] <= CANCELS * ours) | (where_zero & (ours == 0))).reshape((-1,) + (1,) * (sizes.ndim - 1))
    return np.where(kept, np.fmax(usual, sizes), sizes)


def narrow(coefficients: Sequence[NDArray[Any]]) -> tuple[Floats, ...]:
    return tuple(c.astype(np.float64) for c in coefficients)


def normwise(matrix: Floats, partials: tuple[Floats, ...]) -> tuple[float, float, float]:
    """What algorithms that work on whole matrices may lose, per u: rules of derivatives apply the inverse once for each
    order (Giles 2008, An extended collection of matrix derivative results, section 2)."""
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    condition = np.float64(np.linalg.cond(matrix) if square and np.all(np.isfinite(matrix)) else 1.0)
    largest = [np.max(np.abs(c), initial=0.0) for c in partials[:3]]
    value, first, second = (
        float(size and size * condition**power) for size, power in zip(largest, (1, 1, 2), strict=True)
    )
    return value, first, second


def linear(step: Step, arguments: Sequence[Floats]) -> Local:
    """Its partials are 0 or 1, found by running it on unit vectors; n terms are summed within (n - 1) u sum |terms|."""
    parameters, flat = dict(step.parameters), np.concatenate([a.ravel() for a in arguments])
    p = flat.size
    columns = []
    for unit in np.eye(p):
        parts = [unit[o] for o in offsets(arguments)]
        columns.append(np.ravel(step.declaration.definition(*parts, **parameters)))
    first = np.stack(columns, axis=-1)
    k = first.shape[0]
    terms = np.count_nonzero(first, axis=-1)
    sizes = ((terms - 1) * (np.abs(first) @ np.abs(flat)), np.zeros((k, p)), np.zeros((k, p, p)))
    index = np.broadcast_to(np.arange(p), (k, p))
    return Local(index, first, np.zeros((k, p, p)), np.zeros((k, p, p, p)), sizes, np.abs(first) @ np.abs(flat))


def conditioned(
    index: NDArray[np.intp], partials: tuple[Floats, ...], sizes: tuple[Floats, ...], arguments: Floats
) -> Local:
    """Adds to the sizes of the partials what one ulp in the arguments does to them: |x phi''| and |x phi'''|.

    Partials that no float64 holds are the largest: those of an order that is not asked for do no harm."""
    _, first, second, third = (representable(c) for c in partials)
    sizes = tuple(representable(c) for c in sizes)
    size = np.abs(arguments)
    return Local(
        index,
        first,
        second,
        third,
        (
            sizes[0],
            sizes[1] + np.einsum("kpq,kq->kp", np.abs(second), size),
            sizes[2] + np.einsum("kpqr,kr->kpq", np.abs(third), size),
        ),
        conditioning(first, size),
    )


def conditioning(first: Floats, arguments: Floats) -> Floats:
    """Σ_j |a_j φ_j|; an ulp of 0 is 0."""
    size = np.abs(arguments)
    return np.asarray(np.where(size > 0, np.abs(first) * size, 0.0).sum(-1))
