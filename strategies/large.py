"""Strategies for functions of many entries, each drawn together with a point at which it is defined and smooth.

They grow as the small ones do (strategies/functions.py), but along values in float64, and an array is drawn as a seed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray

from gradlaws.strategies import exact
from gradlaws.strategies.catalogue import CORE
from gradlaws.strategies.encoding import stored
from gradlaws.strategies.functions import REPAIRS, Growth, grow, partners
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.points import MODERATE
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats, Primitive, Shape
from gradlaws.strategies.program import Point, Program, Step, pruned

# A step in float64, of arrays of float64; what is no number where it is not defined.
Evaluate = Callable[[Step, Sequence[Floats]], Floats]

# Of one entry more than a vector register, a cache line and a block of threads hold, and of three to five axes.
SHAPES: tuple[Shape, ...] = (
    (5, 2, 10, 10), (257,), (3, 4, 6), (1000,), (2, 5, 2, 5, 10), (17,), (10, 100), (2, 4, 8), (10, 10, 10), (64,),
    (32, 32), (2, 2, 2, 4, 8), (20, 50), (4, 25, 10),
)  # fmt: skip
LARGEST_SHAPES: tuple[Shape, ...] = ((10_000,), (100, 100), (10, 20, 50))
# Where each new shape of each operation is compiled.
FEW_SHAPES: tuple[Shape, ...] = ((5, 2, 10, 10), (257,), (10, 100), (2, 5, 2, 5, 10), (10_000,))
# Of four axes and more, for what is met by itself: each is past every threshold of entries and axes at once.
DEEP_SHAPES: tuple[Shape, ...] = ((5, 2, 10, 10), (2, 5, 2, 5, 10), (2, 2, 2, 4, 8), (3, 1, 7, 13))
LARGEST = 10_000  # entries of a value
OF_FEW_AXES = frozenset({"inner"})  # the catalogue defines it for two at most
SIGNS = ("both", "positive", "within 1")


def seeded(precision: Precision, shape: Shape, seed: int, sign: str = "both") -> Floats:
    """Full-width numbers of the precision, of moderate magnitudes; 17 bits of it at least are random."""
    random = np.random.default_rng(seed)
    bits = precision.drawn_digits - 1
    significand = 1 + random.integers(0, 2**bits, shape) / 2.0**bits
    exponent = random.choice(MODERATE, shape) if sign != "within 1" else random.choice((-1, -2, -3), shape)
    negative = random.random(shape) < (0.0 if sign == "positive" else 0.5)
    return np.asarray(np.where(negative, -1.0, 1.0) * np.ldexp(significand, exponent))


def arrays(precision: Precision, shape: Shape) -> SearchStrategy[Floats]:
    return st.builds(
        lambda seed, sign: seeded(precision, shape, seed, sign), st.integers(0, 2**32 - 1), st.sampled_from(SIGNS)
    )


def directions(precision: Precision, shapes: Sequence[Shape]) -> SearchStrategy[Point]:
    """Tangents, or cotangents."""
    return st.builds(
        lambda seed: tuple(seeded(precision, shape, seed + k) for k, shape in enumerate(shapes)),
        st.integers(0, 2**32 - 1),
    )


@dataclass
class LargeGrowth(Growth):
    """A program under construction whose values are in float64."""

    evaluate: Evaluate = field(kw_only=True)
    largest: int = LARGEST

    def floats(self, index: int) -> Floats:
        return np.asarray(self.exact[index], dtype=np.float64)

    def entered(self, values: Floats) -> Any:
        return values

    def representable(self, result: Any) -> bool:
        limit, size = 2.0**self.precision.moderate_exponent, np.abs(result)
        return bool(np.all((size == 0) | ((size >= 1 / limit) & (size <= limit))))

    def constants(self, shape: Shape) -> SearchStrategy[Floats]:
        return arrays(self.precision, shape)

    def partners(self, shape: Shape) -> list[Shape]:
        return fitting(shape)

    def result(self, step: Step) -> Any:
        try:
            found = self.evaluate(step, [self.floats(i) for i in step.arguments])
        except ValueError as error:  # a definition for matrices, of which frameworks take stacks
            raise DomainError(f"{step.primitive}: {error}") from error
        declared = step.declaration.shape(*(self.floats(i).shape for i in step.arguments), **dict(step.parameters))
        if found.shape != declared or not np.all(np.isfinite(found)):
            raise DomainError(step.primitive)
        return found


def fitting(shape: Shape) -> list[Shape]:
    """Of what a step combines with it, what is not too large: a square matrix of a long vector is."""
    return [s for s in partners(shape) if math.prod(s) <= LARGEST]


def menu(arity: int) -> tuple[Primitive, ...]:
    """Of the core. Systems of equations are small ones."""
    return tuple(p for p in CORE.values() if p.arity == arity and p.name != "solve")


@st.composite
def programs(
    draw: DrawFn,
    precision: Precision,
    evaluate: Evaluate,
    few: bool = False,
    max_steps: int = 6,
) -> tuple[Program, Point]:
    """A function of one or two arrays, the first of which is large, and of ``few`` shapes."""
    shapes = FEW_SHAPES if few else (*SHAPES, *LARGEST_SHAPES)
    shape = draw(st.sampled_from(shapes), label="shape")
    others = draw(st.lists(st.sampled_from(fitting(shape)), max_size=1), label="other inputs")
    point: Point = tuple(draw(arrays(precision, s), label="input") for s in (shape, *others))
    shapes_of = tuple(x.shape for x in point)
    values: list[Any] = [*point]
    growth = LargeGrowth(precision, shapes_of, values, depends=[True] * len(point), evaluate=evaluate)
    grow(draw, growth, max_steps, menu(1), menu(2))
    return pruned(growth.program(), point)


def combined(shape: Shape, arity: int) -> list[tuple[Shape, ...]]:
    """Of so many arguments one has the shape, the others one that fits."""
    others = dict.fromkeys([shape, *fitting(shape)])
    return [given for given in itertools.product(others, repeat=arity) if shape in given]


def fitting_steps(primitive: Primitive, shapes: Sequence[Shape]) -> list[tuple[tuple[Shape, ...], Any]]:
    """The shapes of its arguments, and its parameters."""
    return [
        (given, parameters)
        for shape in shapes
        if len(shape) <= 2 or primitive.name not in OF_FEW_AXES
        for given in combined(shape, primitive.arity)
        for parameters in primitive.variants(*given)
        if math.prod(primitive.shape(*given, **parameters)) <= LARGEST
    ]


@st.composite
def alone(draw: DrawFn, precision: Precision, primitive: Primitive, few: bool) -> tuple[Program, Point]:
    """A function of whole arrays by itself: of the shapes one of those with most axes that it takes, of its parameters
    any; the point is moved to its domain if it lies outside. A program without steps where no shape fits."""
    menu = fitting_steps(primitive, DEEP_SHAPES[:1] if few else DEEP_SHAPES)
    menu = menu or fitting_steps(primitive, FEW_SHAPES[1:3] if few else SHAPES)
    if not menu:
        return Program((), ()), ()
    given, parameters = draw(st.sampled_from(menu))
    drawn = [draw(arrays(precision, s)) for s in given]
    for repairs in itertools.product(REPAIRS, repeat=primitive.arity):
        point = tuple(
            np.vectorize(precision.round, [np.float64])(repair(x)) for repair, x in zip(repairs, drawn, strict=True)
        )
        if exact.holds(primitive.domain, point):
            break
    step = Step(primitive.name, tuple(range(primitive.arity)), tuple(parameters.items()))
    return Program(tuple(given), (step,)), point


@dataclass(frozen=True)
@stored
class Layout:
    """Of an array of many entries: its shape, and a seed of which of a few numbers stands where."""

    shape: tuple[int, ...]
    seed: int

    def places(self, count: int) -> NDArray[np.int64]:
        """Each number stands somewhere."""
        size = math.prod(self.shape)
        order = np.random.default_rng(self.seed).permutation(np.arange(size) % count)
        return order.reshape(self.shape)


def layouts(few: bool) -> SearchStrategy[Layout]:
    return st.builds(Layout, st.sampled_from(DEEP_SHAPES[:1] if few else DEEP_SHAPES), st.integers(0, 2**32 - 1))
