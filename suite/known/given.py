"""What a ledger row says that the framework has at a step, in place of what is right, and what follows.

The value or the partials of that order are put in the place of the right ones, and the derivative is composed of them
by the chain rule, as the framework does: that the row excuses, within the bound. Where a row states how large the error
may be instead, that much in each partial, times the sensitivity of the result to it, is added to the bound (the
formulas of suite/bound/sweep.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, apply
from gradlaws.suite.bound import nodes, sweep, tolerances
from gradlaws.suite.bound.partials import Local
from gradlaws.suite.known import surrogates
from gradlaws.suite.known.ledger import Row
from gradlaws.suite.tables import evaluated
from gradlaws.suite.truth.oracle import HashablePoint
from gradlaws.suite.vocabulary import Quantity

ENTRYWISE = ("elementwise", "arithmetic")
RIGHT = "true"
MOST = 1e150  # of a law that says nothing: times the sensitivities it is finite
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Asked:
    """A quantity that a mode was asked for, of which function, where, and in which precision."""

    quantity: Quantity
    program: Program
    point: Point
    directions: tuple[Point, ...]
    precision: Precision

    @property
    def graph(self) -> nodes.Graph:
        return nodes.graph(self.program, HashablePoint(self.point))

    @cached_property
    def right(self) -> Floats:
        """The quantity, composed of the right values and partials."""
        return self.made_of(self.graph)

    def made_of(self, graph: nodes.Graph) -> Floats:
        """The quantity, composed of the values and partials in the graph."""
        return tolerances.shaped(self.quantity, self._swept(graph)[2], *self.directions)

    def within(self, graph: nodes.Graph) -> Floats:
        """How far it may be off, where each value and partial may by its size in the graph."""
        shares = self._swept(graph)[0]
        found = sum((share.value + share.first + share.second for share in shares), np.zeros(()))
        return tolerances.shaped(self.quantity, np.asarray(found), *map(tolerances.sizes, self.directions))

    def _swept(self, graph: nodes.Graph) -> tuple[list[sweep.Share], tuple[Floats, Floats], Floats, float]:
        once = self.directions if self.quantity in ("jvp", "vjp") else ()
        cotangents, *tangents = tolerances.seeds(graph, self.quantity, *once)
        return sweep.sweep(graph, cotangents, tuple(tangents), lambda x: x)


def affected(row: Row, arguments: Sequence[Floats], value: Floats, order: int, step: Step) -> Flags:
    """At which entries of a step's value the row speaks, (k,) and ``order`` axes more; at all, if it mixes them."""
    if step.declaration.kind in ENTRYWISE:
        where = np.broadcast_to(row.at(tuple(arguments)), value.shape).ravel()
    else:
        where = np.full(value.size, row.contains(tuple(arguments)))
    return where[(slice(None), *[None] * order)]


def stated(
    text: str, step: Step, arguments: Sequence[Floats], value: Floats, right: Floats, precision: Precision
) -> Floats:
    """An expression of a row at each of the right values (k,), first (k, p) or second partials (k, p, p) of a step."""
    if surrogates.known(text):
        try:
            return surrogates.partials(text, arguments, right.ndim - 1).reshape(right.shape)
        except ZeroDivisionError:
            return np.full(right.shape, np.nan)
    if step.declaration.kind not in ENTRYWISE:
        return expressed(text, {**dict(zip("xyz", arguments, strict=False)), "out": value}, right, precision)
    shape, lift = np.broadcast_shapes(*(a.shape for a in arguments)), (slice(None), *[None] * (right.ndim - 1))
    given = {
        name: np.broadcast_to(a, shape).ravel()[lift]
        for name, a in (*zip("xyz", arguments, strict=False), ("out", value))
    }
    return expressed(text, {**given, "size": np.abs(right)}, right, precision)


def expressed(text: str, given: Mapping[str, Floats], right: Floats, precision: Precision) -> Floats:
    """An expression beside what is right, of which ``size`` is the largest; an array of another shape counts by its."""
    known = {"true": right, "size": np.max(np.abs(right), initial=0.0), "u": precision.unit_roundoff,
             "tiny": precision.smallest_normal, **given}  # fmt: skip
    found = np.asarray(evaluated(text, known), dtype=np.float64)
    try:
        return np.broadcast_to(found, right.shape)
    except ValueError:
        return np.full(right.shape, np.max(found, initial=0.0))


def put(
    rows: Sequence[tuple[Row, str]], some: Flags | None, precision: Precision, step: Step, arguments: Sequence[Floats],
    value: Floats, local: Local,
) -> Local:  # fmt: skip
    """The partials of a step as the rows give them: all, or ``some`` by which argument they are."""
    found = [value.ravel(), local.first, local.second]
    for row, text in rows:
        if step.primitive == row.primitive and row.order:
            right = (local.first, local.second)[row.order - 1]
            where = affected(row, arguments, value, row.order, step) & (True if some is None else some)
            found[row.order] = np.where(where, stated(text, step, arguments, value, right, precision), found[row.order])
    return replace(local, first=found[1], second=found[2])


def error(
    rows: Sequence[Row], precision: Precision, step: Step, arguments: Sequence[Floats], value: Floats, local: Local
) -> Local:
    """What the laws of the rows allow, as errors of value, first and second partials; and nothing else."""
    found = [np.zeros(value.size), np.zeros_like(local.first), np.zeros_like(local.second)]
    for row in rows:
        if step.primitive == row.primitive and row.within:
            right = (value.ravel(), local.first, local.second)[row.order]
            where = affected(row, arguments, value, row.order, step)
            allowed = stated(row.within, step, arguments, value, right, precision)
            found[row.order] += np.where(where, np.nan_to_num(allowed, nan=MOST, posinf=MOST), 0.0)
    return replace(local, sizes=(found[0], found[1], found[2]))


def values(rows: Sequence[tuple[Row, str]], asked: Asked) -> list[Floats]:
    """The values of the program where the rows give those of their primitive; NaN after what is not finite."""
    program, found = asked.program, [*asked.point]
    for step in program.steps:
        arguments = [found[i] for i in step.arguments]
        shape = program.shapes[len(found)]
        try:
            with mp.workprec(80):
                exact = step.exact_constant if step.is_constant else apply(step, [*map(mp_arrays.mp_array, arguments)])
                value = mp_arrays.to_floats(exact)
        except (DomainError, ValueError, ArithmeticError):
            value = np.full(shape, np.nan)
        for row, text in rows:
            if step.primitive == row.primitive:
                where = affected(row, arguments, value, 0, step)
                said = stated(text, step, arguments, value, value.ravel(), asked.precision)
                value = np.where(where, said, value.ravel()).reshape(value.shape)
        found.append(value)
    return found


@np.errstate(all="ignore")
def composed(stated: Sequence[tuple[Row, str]], asked: Asked, exact: Floats, some: Flags | None = None) -> Floats:
    """What the result is, where the framework has what these rows give in place of what is right, or of some of it."""
    if not stated:
        return exact
    if anywhere := [text for row, text in stated if row.anywhere]:  # of the mode, whatever is composed
        return expressed(anywhere[0], {}, exact, asked.precision)
    numbers: list[Floats] | None = None
    if spoilt := [(row, text) for row, text in stated if row.order == 0]:
        numbers = values(spoilt, asked)
        if asked.quantity == "value":
            return numbers[-1].ravel()
        if not all(np.all(np.isfinite(value)) for value in numbers):
            return np.full(exact.shape, np.nan)
    graph = nodes.Graph(asked.program, asked.point, numbers, partial(put, stated, some, asked.precision))
    return np.asarray(exact + (asked.made_of(graph) - asked.right))


@np.errstate(all="ignore")
def allowance(rows: Sequence[Row], asked: Asked, exact: Floats) -> Floats:
    """How far beyond its bound the result may be off by the laws of these rows."""
    if anywhere := [row.within for row in rows if row.within and row.anywhere]:
        return expressed(anywhere[0], {}, exact, asked.precision)
    if not any(row.within for row in rows):
        return np.zeros(())
    return asked.within(nodes.Graph(asked.program, asked.point, None, partial(error, rows, asked.precision)))


@np.errstate(all="ignore")
def explained(rows: Sequence[Row], asked: Asked, got: Floats, exact: Floats, bound: Floats) -> Flags:
    """At which components the answer is, within its bound, what these rows say that the framework gives there."""
    law, found = allowance(rows, asked, exact), np.zeros(got.shape, dtype=bool)
    # What is composed is as good as the partials of the bound, whose error shows where they are right.
    composing = np.abs(asked.right - exact) + 4 * np.spacing(np.abs(exact))
    composing = np.nan_to_num(composing, nan=0.0, posinf=0.0)
    for choice, some in itertools.product(itertools.product(*(ways(row) for row in rows)), parts(rows)):
        stated = [(row, text) for row, text in zip(rows, choice, strict=True) if text != RIGHT]
        said = composed(stated, asked, exact, some)
        lawful = any(text == RIGHT or surrogates.known(text) for text in choice)
        room = bound + composing + rounding(said, exact, bound) + (law if lawful else 0.0)
        found |= np.where(np.isfinite(said), np.abs(got - said) <= room, ~np.isfinite(got))
    return found


def rounding(said: Floats, exact: Floats, bound: Floats) -> Floats:
    """Of another answer than the right one: as much of its largest component as the bound is of the right one's."""
    other = (np.abs(said - exact) > bound) & np.isfinite(said) & np.isfinite(bound)
    most = [float(np.max(np.abs(x), initial=0.0, where=np.isfinite(x))) for x in (bound, said, exact)]
    return np.where(other, most[0] / most[2] * most[1] if most[2] else 0.0, 0.0)


@np.errstate(all="ignore")
def off_by(rows: Sequence[Row], asked: Asked, value: Floats) -> float:
    """How far a value may be off by these rows: what a quotient of differences inherits, divided by its step."""
    of_values = [row for row in rows if row.order == 0]
    found = [float(np.max(allowance(of_values, asked, value), initial=0.0))]
    for row in of_values:
        found += [
            float(np.max(np.abs(composed([(row, text)], asked, value) - value), initial=0.0)) for text in row.gives
        ]
    return max(found)


def parts(rows: Sequence[Row]) -> Iterator[Flags | None]:
    """Which partials of a step may be as given, and the others right: all; or, where one row speaks of an entrywise
    function of several arguments, those by some of these."""
    yield None
    row, *others = rows
    primitive = PRIMITIVES[row.primitive]
    if others or not row.order or primitive.arity == 1 or primitive.kind not in ENTRYWISE:
        return
    places = [*itertools.combinations_with_replacement(range(primitive.arity), row.order)]
    for chosen in itertools.product((False, True), repeat=len(places)):
        found = np.zeros((primitive.arity,) * row.order, dtype=bool)
        for place, here in zip(places, chosen, strict=True):
            found[place] = found[place[::-1]] = here
        if 0 < sum(chosen) < len(places):
            yield found


def ways(row: Row) -> tuple[str, ...]:
    """What the row says that may be there: what it gives, and what is right but for the error of its law."""
    return (*row.gives, RIGHT) if row.within else row.gives
