"""A call as its framework sees it: what it may be differentiated by, how it is asked, and what it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.leaves import Leaf
from gradlaws.suite.tape.tape import Tape
from gradlaws.suite.tracing.traced import Traced

Order = Literal[0, 1, 2]
Kind = Literal["value", "gradient", "tangents", "product"]
Called = tuple[
    str, Sequence[Floats]
]  # the name of a function of the framework, and its float arguments if they are known
Gradient = Callable[[Sequence[Floats]], list[Floats]]  # of some leaves, for weights


@dataclass(frozen=True)
class Mode:
    """A way in which a framework is asked.

    ``ask(weights, vectors)`` gives, by ``kind``: the outputs; the gradient of ⟨weights, outputs⟩, an array for each
    leaf; the tangents of the outputs along ``vectors``; the Hessian of ⟨weights, outputs⟩ times ``vectors``. Arrays
    go in and come out in float64. ``order``: how often the function is differentiated on the way.
    """

    name: str
    order: Order
    kind: Kind
    ask: Callable[[Sequence[Floats], Sequence[Floats]], list[Floats]]


class Refused(Exception):
    """The framework does not offer this; the text is its own."""


class Subject(Protocol):
    framework: str
    inputs: list[Leaf]
    outputs: list[Leaf]
    point: list[Floats]
    notes: list[str]
    repeated: str  # the mode in which many cotangents are asked

    @property
    def draws(self) -> bool:
        """Whether the call takes random numbers that it draws itself."""
        ...

    def modes(self, compiled: bool) -> Sequence[Mode]: ...

    def layouts(self) -> Mapping[str, Callable[[Sequence[Floats]], list[Floats]]]:
        """The gradient for weights that lie in memory like that."""
        ...

    def subsets(self, random: np.random.Generator) -> Sequence[tuple[tuple[int, ...], Gradient]]:
        """Of some leaves, by number, the gradients where no others require one."""
        ...

    def traced(self, wide: bool, second: bool, holds: bool) -> Traced: ...

    def tangents(self, wide: bool, mode: str) -> Tape:
        """x, v -> J v as that mode computes it; in float64, or in the types of the call. Raises Unsupported."""
        ...

    def cotangents_derivative(self, wide: bool) -> Tape:
        """x, v -> J v, by differentiating the gradient by its cotangent. Raises Unsupported."""
        ...

    def runs(self, mode: str) -> Tape:
        """x, weights, vectors -> the answer as that mode computes it, in the types of the call. Raises Unsupported."""
        ...

    def called(self) -> list[Called]:
        """The framework's own functions that the call calls."""
        ...

    def at(self, point: Sequence[Floats]) -> Subject:
        """The same call at another point."""
        ...


def shown(array: Any) -> Floats:
    return np.asarray(array, dtype=np.float64)
