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


@dataclass(frozen=True)
class Mode:
    """A way in which a framework is asked.

    ``ask(weights, vectors)``: of order 0 the outputs; of order 1 the gradient of ⟨weights, outputs⟩, an array for each
    leaf (with ``forward`` the tangents of the outputs along ``vectors``); of order 2 its Hessian times ``vectors``.
    Arrays go in and come out in float64.
    """

    name: str
    order: Order
    ask: Callable[[Sequence[Floats], Sequence[Floats]], list[Floats]]
    forward: bool = False


class Refused(Exception):
    """The framework does not offer this; the text is its own."""


class Subject(Protocol):
    framework: str
    inputs: list[Leaf]
    outputs: list[Leaf]
    point: list[Floats]
    notes: list[str]

    def modes(self, compiled: bool) -> Sequence[Mode]: ...

    def layouts(self) -> Mapping[str, Callable[[Sequence[Floats]], list[Floats]]]: ...

    def traced(self, wide: bool, second: bool, holds: bool) -> Traced: ...

    def tangents(self, wide: bool) -> Tape:
        """x, v -> J v; in float64, or in the types of the call."""
        ...


def shown(array: Any) -> Floats:
    return np.asarray(array, dtype=np.float64)
