"""A function of many entries at a point, as a backend traces it: rule, truth, and how far answers may be off.

The limits are those of the catalogue's definition. If along random directions they are what the traced derivative
gives exactly, it is the derivative, and its exact evaluation has the truth of every entry. Modes in other nestings than
reverse over reverse do the same operations in another order.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step
from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.bound.thresholds import THRESHOLDS
from gradlaws.suite.clock import part
from gradlaws.suite.rounding.bounds import Bounds, bounds
from gradlaws.suite.rule import rule
from gradlaws.suite.rule.arithmetics import arithmetic_for
from gradlaws.suite.rule.directions import FLOORS
from gradlaws.suite.rule.exact import Agreement, Exact
from gradlaws.suite.tape.literals import literals
from gradlaws.suite.tape.operations import declaration
from gradlaws.suite.tape.operations.rows import PREFIX
from gradlaws.suite.tape.run import run
from gradlaws.suite.tape.tape import Tape
from gradlaws.suite.tracing.of_program import of_program
from gradlaws.suite.tracing.traced import Traced
from gradlaws.suite.truth.floats import flat
from gradlaws.suite.truth.oracle import HashablePoint, Truth
from gradlaws.suite.vocabulary import Quantity

TRACED = ("torch", "jax")  # the backends whose programs become tapes
T = TypeVar("T")
EAGER = "eager"
SAME = 2.0**-46  # relative: two exact evaluations of one number are apart by less


def in_float64(step: Step, arguments: Sequence[Floats]) -> Floats:
    """A step of the catalogue, by its definition."""
    declared = declaration(PREFIX + step.primitive)
    with np.errstate(all="ignore"):
        return np.asarray(declared.definition(FLOAT64, *arguments, **dict(step.parameters)), dtype=np.float64)


@dataclass(eq=False)
class Large:
    """``program`` is g, of any output; its gradient is that of ⟨weights, g⟩. ``refused``: why there is no trace."""

    backend: Backend
    precision: Precision
    program: Program
    point: Point
    weights: Floats

    def __post_init__(self) -> None:
        module = importlib.import_module(f"gradlaws.suite.tracing.of_{self.backend.name}")
        self.refused = ""
        self._known: dict[Any, Any] = {}
        try:
            self.function = self.backend.function(self.program, PRECISIONS["float64"])
            with part("oracle"):
                self.traced: Traced = module.derivatives(self.function, *self.point)
                self.xp = arithmetic_for(self.traced)
        except Exception as error:  # the modes are asked as well: what is the framework's failure shows there
            self.refused = f"{type(error).__name__}: {error}".splitlines()[0]

    @property
    def is_traced(self) -> bool:
        return not self.refused

    @cached_property
    def definition(self) -> Tape:
        return of_program(self.program)

    @cached_property
    def tangents(self) -> Tape:
        pushed: Callable[..., Tape] = PUSHED[self.backend.name]
        return pushed(self.function, self.point)

    @cached_property
    def is_definition(self) -> bool:
        """Whether the traced forward is exactly the definition, up to literals that were rounded; a formula with a
        threshold, as softplus has, is another function there, and near enough or not: its value is judged for that."""
        own, given = run(self.traced.forward, self.point, self.xp), run(self.definition, self.point, self.xp)
        with part("oracle"), self.xp.working():
            apart = [np.asarray(self.xp.to_float64(abs(a - b))) for a, b in zip(own, given, strict=True)]
            sizes = [np.asarray(self.xp.to_float64(abs(b))) for b in given]
        return all(bool(np.all(a <= SAME**2 * s)) for a, s in zip(apart, sizes, strict=True))

    def agreements(self, seed: int, settled: bool = False) -> list[Agreement]:
        """RULE, beside the limits of the definition, or where that is not what is computed, of the traced forward.

        ``settled``: where quad says wrong, mpmath has the last word.
        """
        beside = replace(self.traced, forward=self.definition) if self.is_definition else self.traced
        random = np.random.default_rng(seed)
        with part("oracle"):
            if settled:
                return rule.agreements(beside, random, self.xp)
            exact = Exact(beside, [self.weights], self.xp)
            return rule.asked(exact, [int(s) for s in random.integers(2**32, size=2)], FLOORS[0])

    def is_tame(self, order: int, tangent: Point) -> bool:
        """Whether roundings of float64 leave the derivative digits: then it moves little within a step of a quotient,
        which is 2^-38 of the point. sin(10²¹ x) turns around many times in that, and its quotient says nothing."""
        found = self._bounds("gradient" if order == 1 else "hvp", "float64", EAGER, [tangent] * (order > 1))
        size = max(float(np.max(abs(v), initial=0.0)) for v in found.values)
        return all(bool(np.all(f <= THRESHOLDS["float64"] * size)) for f in found.outputs)

    def _asked(self, quantity: Quantity, directions: Sequence[Point]) -> tuple[Tape, list[Floats]]:
        """The tape of a quantity, and its inputs."""
        if quantity == "value":
            return self.traced.forward, [*self.point]
        if quantity == "jvp":
            return self.tangents, [*self.point, *directions[0]]
        if quantity == "vjp":
            return self.traced.gradient, [*self.point, *directions[0]]
        if quantity == "gradient":
            return self.traced.gradient, [*self.point, self.weights]
        assert self.traced.product is not None
        return self.traced.product, [*self.point, self.weights, *directions[0]]

    def exact(self, quantity: Quantity, *directions: Point) -> list[Any]:
        """Array by array, in the arithmetic of the truth."""
        tape, inputs = self._asked(quantity, directions)
        return run(self.definition if quantity == "value" else tape, inputs, self.xp)

    def truth(self, quantity: Quantity, *directions: Point) -> Truth:
        """Flat, as a mode's answer is. Its own error is what F gives for the arithmetic of the truth."""

        def made() -> Truth:
            found = [np.ravel(self.xp.to_mp(x)) for x in self.exact(quantity, *directions)]
            noise = self._bounds(quantity, "float64", EAGER, directions).outputs
            return Truth(np.concatenate(found), flat(tuple(noise)) * 2.0 ** (53 - self.xp.precision))

        with part("oracle"):
            return self._kept(("truth", quantity), directions, made)

    def bounds(self, quantity: Quantity, mode: str, *directions: Point) -> Bounds:
        """A and F. Contracts know compiled modes from others only."""
        with part("bound"):
            return self._bounds(quantity, self.precision.name, mode if "jit(" in mode else EAGER, directions)

    def _bounds(self, quantity: Quantity, dtype: str, mode: str, directions: Sequence[Point]) -> Bounds:
        def made() -> Bounds:
            tape, inputs = self._asked(quantity, directions)
            own = literals(self.traced.forward).values()
            return bounds(tape, inputs, self.backend.name, dtype, forward_literals=own, mode=mode)

        return self._kept((quantity, dtype, mode), directions, made)

    def _kept(self, what: tuple[str, ...], directions: Sequence[Point], made: Callable[[], T]) -> T:
        key = what, tuple(HashablePoint(d) for d in directions)
        if key not in self._known:
            self._known[key] = made()
        found: T = self._known[key]
        return found

    def apart(self, tangent: Point) -> float:
        """⟨w, J v⟩ of the traced forward mode and ⟨∇, v⟩, both exactly: how far, relative to their terms."""
        xp = self.xp
        with part("oracle"), xp.working():
            forward = [xp.asarray(self.weights) * y for y in self.exact("jvp", tangent)]
            reverse = [xp.asarray(v) * g for v, g in zip(tangent, self.exact("gradient"), strict=True)]
            apart = abs(sum(np.sum(t) for t in forward) - sum(np.sum(t) for t in reverse))
            size = sum(np.sum(abs(t)) for t in (*forward, *reverse))
            both = [float(xp.to_float64(xp.asarray(np.asarray(x)))) for x in (apart, size)]
        return both[0] / both[1] if both[1] else both[0]


def pushed_by_torch(function: Callable[..., Any], point: Point) -> Tape:
    import torch

    from gradlaws.suite.tracing import of_torch

    def pushed(*given: Any) -> Any:
        n = len(point)
        return torch.func.jvp(function, given[:n], given[n:])[1]

    tensors = [torch.as_tensor(x, dtype=torch.float64) for x in point]
    return of_torch.traced(pushed, *tensors, *(torch.ones_like(x) for x in tensors))


def pushed_by_jax(function: Callable[..., Any], point: Point) -> Tape:
    import jax

    from gradlaws.suite.tracing import of_jax

    def pushed(*given: Any) -> Any:
        n = len(point)
        return jax.jvp(function, given[:n], given[n:])[1]

    arrays = [np.asarray(x, dtype=np.float64) for x in point]
    return of_jax.traced(pushed, *arrays, *map(np.ones_like, arrays), wide=True)


PUSHED: dict[str, Callable[..., Tape]] = {"torch": pushed_by_torch, "jax": pushed_by_jax}
