"""A generated function is data: an immutable straight-line program."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.mp_arrays import BeyondRange, DomainError, MPArray
from gradlaws.strategies.primitive import Floats, Parameters, Primitive, Shape

CONSTANT = "constant"
Point = tuple[Floats, ...]


def splitter(shapes: Sequence[Shape]) -> Callable[[NDArray[Any]], list[NDArray[Any]]]:
    """What takes a flat array apart into arrays of these shapes, which stand in it one after the other."""
    stops = np.cumsum([math.prod(shape) for shape in shapes]).tolist()
    parts = [(slice(*ends), shape) for ends, shape in zip(pairwise([0, *stops]), shapes, strict=True)]
    return lambda flat: [flat[part].reshape(shape) for part, shape in parts]


@dataclass(frozen=True)
class Step:
    """One primitive (or a constant) applied to earlier values, which are numbered inputs first, then steps."""

    primitive: str
    arguments: tuple[int, ...] = ()
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def declaration(self) -> Primitive:
        return PRIMITIVES[self.primitive]

    @property
    def is_constant(self) -> bool:
        return self.primitive == CONSTANT

    @property
    def constant(self) -> Floats:
        """The value of a constant step."""
        parameters = dict(self.parameters)
        return np.array(parameters["values"], dtype=np.float64).reshape(parameters["shape"])

    @cached_property
    def exact_constant(self) -> MPArray:
        """The value of a constant step in mpmath, in which floats are exact at every precision of at least theirs."""
        return mp_arrays.mp_array(self.constant)


def constant_step(values: Floats) -> Step:
    return Step(CONSTANT, (), (("shape", values.shape), ("values", tuple(values.ravel().tolist()))))


@dataclass(frozen=True)
class Program:
    """A function from real arrays of the shapes ``inputs`` to the value of its last step (or last input)."""

    inputs: tuple[Shape, ...]
    steps: tuple[Step, ...]

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of every value."""
        shapes = list(self.inputs)
        for step in self.steps:
            parameters = dict(step.parameters)
            if step.is_constant:
                shapes.append(parameters["shape"])
            else:
                shapes.append(step.declaration.shape(*(shapes[i] for i in step.arguments), **parameters))
        return tuple(shapes)

    @cached_property
    def moved(self) -> tuple[bool, ...]:
        """Of every value, whether an input moves it: constants and what is made of them stay."""
        moved = [True] * len(self.inputs)
        for step in self.steps:
            moved.append(any(moved[i] for i in step.arguments))
        return tuple(moved)

    @property
    def output(self) -> Shape:
        return self.shapes[-1]

    @property
    def size(self) -> int:
        """The number n of scalar inputs."""
        return sum(int(np.prod(shape)) for shape in self.inputs)

    @property
    def primitives(self) -> tuple[str, ...]:
        """The primitives in order of use, constants left out."""
        return tuple(step.primitive for step in self.steps if not step.is_constant)

    @cached_property
    def structure(self) -> str:
        """A digest of everything but the values of constants: equal for two programs exactly if they differ in these
        alone. The same in every process."""
        steps = [
            ("constant", step.constant.shape) if step.is_constant else (step.primitive, step.arguments, step.parameters)
            for step in self.steps
        ]
        return hashlib.blake2b(repr((self.inputs, steps)).encode(), digest_size=6).hexdigest()

    @cached_property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The pairs of primitives of which the second takes what the first gives, each as often as it does."""
        n = len(self.inputs)
        return tuple(
            (self.steps[i - n].primitive, step.primitive)
            for step in self.steps
            for i in step.arguments
            if i >= n and not self.steps[i - n].is_constant
        )

    @cached_property
    def pairs(self) -> tuple[str, ...]:
        """The edges as "exp → sin", each once."""
        return tuple(dict.fromkeys(f"{one} → {other}" for one, other in self.edges))

    @cached_property
    def depth(self) -> int:
        """How many steps follow one another on the longest path."""
        depths = [0] * len(self.inputs)
        for step in self.steps:
            depths.append(0 if step.is_constant else 1 + max(depths[i] for i in step.arguments))
        return depths[-1]

    @cached_property
    def hash(self) -> int:
        return hash((self.inputs, self.steps))

    def __hash__(self) -> int:
        return self.hash


def apply(step: Step, arguments: Sequence[MPArray]) -> MPArray:
    """One step in mpmath, at the precision in force. Raises DomainError outside its real domain."""
    return evaluate(step.declaration, dict(step.parameters), arguments)


def evaluate(primitive: Primitive, parameters: Parameters, arguments: Sequence[MPArray]) -> MPArray:
    """A primitive in mpmath, at the precision in force. Raises DomainError outside its real domain."""
    try:
        if primitive.kind == "elementwise":
            result = mp_arrays.elementwise(mp_arrays.remembered(primitive.definition), *arguments)
        elif primitive.kind == "structured":
            result = primitive.definition(mp_arrays, *arguments, **parameters)
        else:
            result = primitive.definition(*arguments, **parameters)
    except OverflowError as error:
        raise BeyondRange(f"{primitive.name}: {error}") from error
    except mp_arrays.REFUSALS as error:
        raise DomainError(f"{primitive.name}: {type(error).__name__} {error}".rstrip()) from error
    return mp_arrays.real(result)


def values(program: Program, inputs: Sequence[MPArray]) -> list[MPArray]:
    """Every value of the program in mpmath: inputs first, then one per step. Raises DomainError outside the domain."""
    found = [mp_arrays.real(x) for x in inputs]
    for step in program.steps:
        if step.is_constant:
            found.append(step.exact_constant)
        else:
            found.append(apply(step, [found[i] for i in step.arguments]))
    return found


def float_values(program: Program, point: Point) -> list[Floats]:
    """Every value of the program, computed in mpmath and rounded once to float64."""
    with mp.workprec(80):
        return [mp_arrays.to_floats(v) for v in values(program, [mp_arrays.mp_array(x) for x in point])]


def pruned(program: Program, point: Point) -> tuple[Program, Point]:
    """Without the steps and inputs that the output does not depend on."""
    last = len(program.shapes) - 1
    needed = {last}
    n = len(program.inputs)
    for index in range(last, n - 1, -1):
        if index in needed:
            needed.update(program.steps[index - n].arguments)
    kept = sorted(needed)
    position = {old: new for new, old in enumerate(kept)}
    steps = tuple(
        replace(program.steps[i - n], arguments=tuple(position[a] for a in program.steps[i - n].arguments))
        for i in kept
        if i >= n
    )
    inputs = [i for i in kept if i < n]
    return Program(tuple(program.inputs[i] for i in inputs), steps), tuple(point[i] for i in inputs)


def composed(stages: Sequence[Program]) -> Program:
    """The one program that applies the stages in order: each later stage takes one input, the value before it."""
    whole = stages[0]
    for stage in stages[1:]:
        offset = len(whole.shapes) - 1

        def renumber(step: Step, offset: int = offset) -> Step:
            return replace(step, arguments=tuple(a + offset for a in step.arguments))

        whole = Program(whole.inputs, whole.steps + tuple(renumber(step) for step in stage.steps))
    return whole


def shared(program: Program) -> Program:
    """Of g(x, y, ...) with inputs of one shape, the function f(x) = g(x, x, ...), in which paths rejoin."""
    n = len(program.inputs)

    def renumber(argument: int) -> int:
        return 0 if argument < n else argument - n + 1

    steps = tuple(replace(s, arguments=tuple(renumber(a) for a in s.arguments)) for s in program.steps)
    return Program(program.inputs[:1], steps)


def weighted(program: Program, weights: Floats) -> Program:
    """The scalar objective <w, f(x)>; for a scalar f simply f."""
    if program.output == ():
        return program
    last = len(program.shapes) - 1
    return Program(
        program.inputs,
        (
            *program.steps,
            constant_step(weights),
            Step("mul", (last + 1, last)),
            Step("sum", (last + 2,), (("axis", None),)),
        ),
    )


@dataclass(frozen=True)
class Composition:
    """f = stage_k o ... o stage_1, so that the chain rule has stages to be about."""

    stages: tuple[Program, ...]

    @cached_property
    def program(self) -> Program:
        return composed(self.stages)


def source(program: Program, name: str, expression: Callable[[Step, list[str]], str]) -> tuple[str, dict[str, Floats]]:
    """The program as a Python function, and the constants that it names.

    ``expression(step, arguments)`` spells one step.
    """
    names = input_names(program)
    constants: dict[str, Floats] = {}
    lines = [f"def {name}({', '.join(names)}):"]
    for step in program.steps:
        if step.is_constant:
            names.append(f"c{len(constants) + 1}")
            constants[names[-1]] = step.constant
        else:
            lines.append(f"    v{len(lines)} = {expression(step, [names[i] for i in step.arguments])}")
            names.append(f"v{len(lines) - 1}")
    lines.append(f"    return {names[-1]}")
    return "\n".join(lines), constants


def input_names(program: Program) -> list[str]:
    """x, y, z, ... for scalars and vectors, A, B, ... for matrices."""
    vectors, matrices = iter("xyzpqrst"), iter("ABDEFGHK")
    return [next(matrices) if len(shape) == 2 else next(vectors) for shape in program.inputs]
