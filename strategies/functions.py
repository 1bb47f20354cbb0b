"""Strategies for random composed functions, each drawn together with a point at which it is defined and smooth.

The point is drawn first and the program grown along its concrete values: at each step only primitives whose domain
holds at the values at hand are offered. Nothing is filtered, so shrinking stays fast.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from mpmath import mp

from gradlaws.strategies import exact, mp_arrays, points
from gradlaws.strategies.catalogue import CORE, OWN
from gradlaws.strategies.mp_arrays import DomainError, MPArray
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats, Primitive, Shape
from gradlaws.strategies.program import Composition, Point, Program, Step, apply, constant_step, pruned, weighted

# A small menu, so that op-by-op JAX meets each (primitive, shape, dtype) once and then runs from its cache.
SHAPES: tuple[Shape, ...] = ((), (3,), (2, 2))
ALL_RANKS: tuple[Shape, ...] = ((), (3,), (2, 3))
LARGEST = 9  # entries of an intermediate value
WORKING_BITS = 80
TRIES = 8  # to find a primitive that fits
DEEPEST = {"float16": 4, "bfloat16": 2}  # beyond that, most bounds are too wide to say anything


def unary() -> tuple[Primitive, ...]:
    return tuple(p for p in CORE.values() if p.arity == 1)


def entrywise() -> tuple[Primitive, ...]:
    return tuple(p for p in unary() if p.kind in ("elementwise", "arithmetic"))


def binary() -> tuple[Primitive, ...]:
    return tuple(p for p in CORE.values() if p.arity == 2)


@dataclass
class Growth:
    """A program under construction, with its concrete values."""

    precision: Precision
    inputs: tuple[Shape, ...]
    exact: list[MPArray]
    steps: list[Step] = field(default_factory=list)
    depends: list[bool] = field(default_factory=list)
    largest: int = LARGEST

    @classmethod
    def at(cls, precision: Precision, point: Point) -> Growth:
        exact = [mp_arrays.mp_array(x) for x in point]
        return cls(precision, tuple(x.shape for x in point), exact, depends=[True] * len(point))

    def floats(self, index: int) -> Floats:
        return mp_arrays.to_floats(self.exact[index])

    def entered(self, values: Floats) -> MPArray:
        """A constant as a value."""
        return mp_arrays.mp_array(values)

    def constants(self, shape: Shape) -> SearchStrategy[Floats]:
        return entries(self.precision, shape)

    def partners(self, shape: Shape) -> list[Shape]:
        return partners(shape)

    def result(self, step: Step) -> MPArray:
        """What the step makes of its arguments. Raises DomainError where it is not defined."""
        with mp.workprec(WORKING_BITS):
            return apply(step, [self.exact[i] for i in step.arguments])

    def representable(self, result: MPArray) -> bool:
        """Whether second derivatives are, at these values."""
        limit = 2.0**self.precision.moderate_exponent
        return all(value == 0 or 1 / limit <= abs(value) <= limit for value in result.ravel())

    def fits(self, primitive: Primitive, arguments: Sequence[int]) -> list[Step]:
        """The steps that the primitive can make of these arguments here; none outside its domain."""
        shapes = [self.exact[i].shape for i in arguments]
        steps = []
        for parameters in primitive.variants(*shapes):
            if math.prod(primitive.shape(*shapes, **parameters)) <= self.largest:
                steps.append(Step(primitive.name, tuple(arguments), tuple(parameters.items())))
        if steps and not primitive.domain(*(self.floats(i) for i in arguments)):
            return []
        return steps

    def add_constant(self, values: Floats) -> int:
        self.steps.append(constant_step(values))
        self.exact.append(self.entered(values))
        self.depends.append(False)
        return len(self.exact) - 1

    def add(self, step: Step, bounded: bool = True) -> bool:
        """Takes the step, unless its value leaves the range in which second derivatives are representable."""
        try:
            result = self.result(step)
        except DomainError:
            return False
        if bounded and not self.representable(result):
            return False
        self.steps.append(step)
        self.exact.append(result)
        self.depends.append(any(self.depends[i] for i in step.arguments))
        return True

    def program(self) -> Program:
        """Ends at the latest value that depends on an input."""
        while len(self.exact) > len(self.inputs) and not self.depends[-1]:
            self.exact.pop(), self.steps.pop(), self.depends.pop()
        return Program(self.inputs, tuple(self.steps))


def grow(
    draw: DrawFn,
    growth: Growth,
    max_steps: int,
    ones: Sequence[Primitive] | None = None,
    twos: Sequence[Primitive] | None = None,
) -> Growth:
    """Grows the program along its values, by up to ``max_steps`` steps of the given primitives of one and two operands
    (default: all of the core)."""
    ones, twos = unary() if ones is None else ones, binary() if twos is None else twos
    taken, max_steps = 0, min(max_steps, DEEPEST.get(growth.precision.name, max_steps))
    while draw(another_step(growth, ones, twos, taken, max_steps)):
        taken += 1
    return growth


@st.composite
def another_step(
    draw: DrawFn, growth: Growth, ones: Sequence[Primitive], twos: Sequence[Primitive], taken: int, most: int
) -> bool:
    """Drawn as a unit, and in the same way first, last and between, so that shrinking can delete any step."""
    more = draw(st.integers(0, 15), label="another step")
    if taken == most or (taken and not more):
        return False
    exact = growth.exact
    # Counted from the latest, so that deleting a step leaves a chain a chain.
    live = [i for i in reversed(range(len(exact))) if growth.depends[i]]
    first = draw(st.sampled_from([live[0]] * len(live) * 8 + live), label="operand")
    if not twos or not draw(st.booleans(), label="binary"):
        draw(step_of(growth, ones, [(first,)]))
        return True
    others = [i for i in live if i != first]  # a constant is drawn where it is used, so that it can shrink away
    second = draw(st.sampled_from([-1, *others]), label="other operand")
    if second < 0:
        shape = draw(st.sampled_from(growth.partners(exact[first].shape)), label="shape of a constant")
        second = growth.add_constant(draw(growth.constants(shape), label="constant"))
    draw(step_of(growth, twos, [(first, second), (second, first)]))
    return True


@st.composite
def step_of(draw: DrawFn, growth: Growth, menu: Sequence[Primitive], operands: Sequence[Sequence[int]]) -> bool:
    """One of the primitives, each equally often, however many static parameters or operand orders it offers; curved
    ones three times as often as linear ones, since without curvature there is little to verify; those of plugins as
    often as all others together.

    One that does not fit here is asked for again: so a primitive keeps its number, wherever the point shrinks to.
    """
    curved = [primitive for primitive in menu if primitive.kind != "linear"]
    own = [primitive for primitive in menu if primitive.name in OWN]
    often = [*curved, *curved, *menu]
    often += own * (len(often) // len(own)) if own else []
    for _ in range(TRIES):
        primitive = draw(st.sampled_from(often), label="primitive")
        steps = [step for arguments in operands for step in growth.fits(primitive, arguments)]
        if steps:
            return growth.add(draw(st.sampled_from(steps), label="step"))
    return False


def partners(shape: Shape) -> list[Shape]:
    """Shapes of a constant that some binary primitive combines with this shape."""
    n = shape[-1] if shape else 1
    return list(dict.fromkeys([(), shape, (n,), (n, n)]))


def entries(precision: Precision, shape: Shape) -> SearchStrategy[Floats]:
    """Of an input or a constant. Matrices are moderate: one whose entries span the range has no usable condition."""
    ordinary = points.arrays(precision, shape, wide=len(shape) < 2)
    fitting = [kind for name, kind in exact.COMPOSED.items() if exact.fits(name, np.zeros(shape))]
    which = exact.kinds(len(fitting))
    return st.builds(lambda x, one: x if one is None else fitting[one](x, precision), ordinary, which)


@st.composite
def points_of(draw: DrawFn, precision: Precision, max_inputs: int, shapes: Sequence[Shape] = SHAPES) -> Point:
    count = draw(st.integers(1, max_inputs), label="inputs")
    return tuple(draw(entries(precision, draw(st.sampled_from(shapes)))) for _ in range(count))


@st.composite
def programs(
    draw: DrawFn,
    precision: Precision,
    max_steps: int = 8,
    max_inputs: int = 2,
    shapes: Sequence[Shape] = SHAPES,
) -> tuple[Program, Point]:
    """A function of several arrays, and a point of its domain. Steps and inputs that do not matter are left out."""
    point = draw(points_of(precision, max_inputs, shapes))
    growth = grow(draw, Growth.at(precision, point), max_steps)
    return pruned(growth.program(), point)


@st.composite
def scalar_functions(
    draw: DrawFn, precision: Precision, max_steps: int = 8, shapes: Sequence[Shape] = SHAPES
) -> tuple[Program, Point]:
    """An objective <w, f(x)> with random w, never a plain sum, and a point."""
    program, point = draw(programs(precision, max_steps, shapes=shapes))
    return weighted(program, draw(points.arrays(precision, program.output, wide=False))), point


@st.composite
def functions_between(
    draw: DrawFn, precision: Precision, rank_in: int, rank_out: int, max_steps: int = 5
) -> tuple[Program, Point]:
    """A function of one array of rank ``rank_in`` whose value has rank ``rank_out``."""
    point = (draw(entries(precision, draw(st.sampled_from([s for s in ALL_RANKS if len(s) == rank_in])))),)
    growth = grow(draw, Growth.at(precision, point), max_steps)
    program = growth.program()
    shape = program.output
    while len(shape) < rank_out:
        shape = (2, *shape)
        step = Step("broadcast", (len(program.shapes) - 1,), (("shape", shape),))
        program = Program(program.inputs, (*program.steps, step))
        weights = constant_step(draw(points.arrays(precision, shape, wide=False)))
        last = len(program.shapes)
        program = Program(program.inputs, (*program.steps, weights, Step("mul", (last, last - 1))))
    while len(program.output) > rank_out:
        parameters = (("axis", len(program.output) - 1),)
        step = Step("sum", (len(program.shapes) - 1,), parameters)
        program = Program(program.inputs, (*program.steps, step))
    return pruned(program, point)


@st.composite
def compositions(
    draw: DrawFn, precision: Precision, max_stages: int = 3, max_steps: int = 3
) -> tuple[Composition, Point]:
    """Two or more stages whose shapes fit, grown along one point."""
    point: Point = (draw(entries(precision, draw(st.sampled_from(SHAPES)))),)
    first = point
    stages = []
    for _ in range(draw(st.integers(2, max_stages), label="stages")):
        growth = grow(draw, Growth.at(precision, point), max_steps)
        program = growth.program()
        stages.append(pruned(program, point)[0])
        # The next stage grows along the rounded value, as its framework will see it.
        point = (np.vectorize(precision.round, otypes=[float])(growth.floats(len(program.shapes) - 1)),)
    return Composition(tuple(stages)), first


@st.composite
def chains(draw: DrawFn, precision: Precision, max_depth: int = 12) -> tuple[Composition, Point]:
    """Scalar functions of one variable, one step per stage: y = phi_k(... phi_1(x))."""
    point: Point = (draw(points.arrays(precision, ())),)
    growth = grow(draw, Growth.at(precision, point), max_depth, entrywise(), ())
    program, point = pruned(growth.program(), point)
    stages = tuple(Program(((),), (Step(s.primitive, (0,), s.parameters),)) for s in program.steps)
    return Composition(stages or (Program(((),), ()),)), point


@st.composite
def forks(draw: DrawFn, precision: Precision, max_steps: int = 3) -> tuple[Program, Program, Point]:
    """(h, g, x) for f(x) = g(h(x), h(x)): one value used along two paths that rejoin.

    g is a function of two arrays of the shape of h(x), grown at the values a = b = h(x).
    """
    point: Point = (draw(entries(precision, draw(st.sampled_from(SHAPES)))),)
    inner = grow(draw, Growth.at(precision, point), 2)
    h, point = pruned(inner.program(), point)
    value = inner.floats(-1)
    outer = Growth.at(precision, (value, value))
    paths = []
    for path in (0, 1):
        paths.append(len(outer.exact) - 1 if draw(step_of(outer, entrywise(), [[path]])) else path)
    if not draw(step_of(outer, binary(), [paths])):
        outer.add(Step("add", tuple(paths)), bounded=False)  # one bit beyond the range at most
    # What follows uses the joined value only, so that neither path is lost.
    outer.depends = [False] * (len(outer.exact) - 1) + [True]
    return h, grow(draw, outer, max_steps).program(), point


# Ways into a domain, gentlest first; the last two make ties distinct and matrices diagonally dominant.
REPAIRS: tuple[Callable[[Floats], Floats], ...] = (
    lambda x: x,
    np.abs,
    lambda x: np.ldexp(np.frexp(x)[0], np.frexp(x)[1] % 3),
    lambda x: np.abs(np.ldexp(np.frexp(x)[0], np.frexp(x)[1] % 3)),
    lambda x: np.frexp(x)[0] * 0.875,
    lambda x: np.abs(np.frexp(x)[0]) * 0.3125,
    lambda x: 1 + np.abs(np.frexp(x)[0]) * 0.875,
    lambda x: x + np.arange(1.0, x.size + 1).reshape(x.shape) * (1 + np.max(np.abs(x))),
    lambda x: x + 4 * np.max(np.abs(x)) * np.eye(*x.shape) if x.ndim == 2 else x,
)


@st.composite
def alone(draw: DrawFn, precision: Precision, primitive: Primitive, pick: int | None = None) -> tuple[Program, Point]:
    """The primitive by itself, at a point of its domain: one that is drawn, and moved there if it lies outside; one in
    four of them is moved on to an exact one (strategies/exact.py).

    With ``pick``, of the shapes and parameters only the simplest and that one, counted around: what compiles a
    function for each can afford many points.
    """
    menu = (*ALL_RANKS, (2,), (2, 2)) if primitive.kind in ("structured", "linear") else ALL_RANKS
    fitting = [
        (shapes, parameters)
        for shapes in itertools.product(menu, repeat=primitive.arity)
        for parameters in primitive.variants(*shapes)
    ]
    if pick is not None:
        fitting = [fitting[0], fitting[pick % len(fitting)]]
    shapes, parameters = draw(st.sampled_from(fitting))
    which = draw(exact.kinds(len(exact.NAMES)), label="exact")
    drawn = [draw(points.arrays(precision, shape, around=True)) for shape in shapes]
    for repairs in itertools.product(REPAIRS, repeat=primitive.arity):
        point = tuple(
            np.vectorize(precision.round, otypes=[float])(repair(x)) for repair, x in zip(repairs, drawn, strict=True)
        )
        if exact.holds(primitive.domain, point):
            break
    if which is not None:
        # Tests of a run draw the same numbers, which are to be other kinds for other primitives.
        start = which + zlib.crc32(primitive.name.encode())
        ends = primitive.kind in ("elementwise", "arithmetic")
        point = exact.point(point, primitive.domain, precision, start, ends) or point
    step = Step(primitive.name, tuple(range(primitive.arity)), tuple(parameters.items()))
    return Program(tuple(shapes), (step,)), point
