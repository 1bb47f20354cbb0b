"""The program at a point, as nodes with local derivatives; and how far rounding may move these, which is drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.primitive import Floats, keeps_from_kinks
from gradlaws.strategies.program import Point, Program, Step, float_values, splitter
from gradlaws.suite.bound.contracts import Contract
from gradlaws.suite.bound.partials import Local, local
from gradlaws.suite.run import kept
from gradlaws.suite.truth.oracle import HashablePoint

Contracts = Callable[[str, Point], Contract]  # of a primitive at its arguments
Put = Callable[[Step, Sequence[Floats], Floats, Local], Local]
MARGIN = 1e-4  # a tenth of how far, beside themselves, arguments are from the kinks in their domains


@dataclass(frozen=True)
class Node:
    """A step among all scalar values of the program, which are numbered through."""

    step: Step
    number: int  # of its value
    outputs: slice
    arguments: NDArray[np.intp]  # numbers of the step's scalar arguments
    operands: NDArray[np.intp]  # (k, p) the numbers that each output depends on
    scatter: Floats  # (k p, arguments) adds what flows back along each edge to its argument
    local: Local
    at: Point  # the step's arguments
    fixed: tuple[bool, ...]  # which of the step's arguments no input moves

    @property
    def primitive(self) -> str:
        return self.step.primitive

    @property
    def selects(self) -> bool:
        """Whether partials are 0 and ±1."""
        return self.step.declaration.selects or self.step.declaration.kind == "linear"


class Graph:
    """The program at a point, as nodes with local derivatives: the right ones, or what ``put`` puts in their place, at
    the right values, or at ``values``."""

    def __init__(
        self, program: Program, point: Point, values: Sequence[Floats] | None = None, put: Put | None = None
    ) -> None:
        values = float_values(program, point) if values is None else values
        starts = np.cumsum([0, *(v.size for v in values)])
        self.starts, self.count = starts, int(starts[-1])
        self.inputs = int(sum(x.size for x in point))
        self.output = slice(int(starts[-2]), int(starts[-1]))
        self.values, self.numbers = values, np.concatenate([v.ravel() for v in values])
        self.nodes: list[Node] = []
        self.lost = False  # whether a value is where its float64 tells nothing, as 1e-340 is, which rounds to 0
        for number, step in enumerate(program.steps, start=len(point)):
            if step.is_constant:
                continue
            fixed = tuple(not program.moved[i] for i in step.arguments)
            at = tuple(values[i] for i in step.arguments)
            try:
                found = local(step, at, values[number], fixed)
                found = put(step, at, values[number], found) if put else found
            except DomainError:
                if all(i < len(point) or still for i, still in zip(step.arguments, fixed, strict=True)):
                    raise
                self.lost = True
                continue
            numbers = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in step.arguments])
            operands = numbers[found.index]
            arguments, position = np.unique(operands, return_inverse=True)
            scatter = np.eye(len(arguments))[position.ravel()]
            outputs = slice(int(starts[number]), int(starts[number + 1]))
            self.nodes.append(Node(step, number, outputs, arguments, operands, scatter, found, at, fixed))

    @cached_property
    def uses(self) -> Floats:
        """In how many terms each scalar value is used, hence how many terms its adjoint sums."""
        uses = np.zeros(self.count)
        for node in self.nodes:
            np.add.at(uses, node.operands, node.local.first != 0)
        return uses

    @cached_property
    def live(self) -> NDArray[np.bool_]:
        """Whether each scalar value depends on an input: of what does not, no partial is used."""
        live = np.arange(self.count) < self.inputs
        for node in self.nodes:
            live[node.outputs] = live[node.operands].any(-1)
        return live

    @np.errstate(all="ignore")
    def drift(self, contracts: Contracts, u: float, smallest: float = 0.0) -> float:
        """r: by what part of themselves the errors of the values move the partials, summed over the nodes, of which
        each is asked in turn. What is smaller than ``smallest`` may be read as 0."""
        size, drift = np.abs(self.numbers), 0.0
        flushed = np.where(size < smallest, size, 0.0)
        errors = flushed.copy()
        for node in self.nodes:
            found, operands = node.local, errors[node.operands]
            first, used = np.abs(found.first), self.live[node.operands]
            bent = np.einsum("kpqr,kr->kpq", np.abs(found.third), operands) / 2 + np.abs(found.second)
            moved = np.max(np.einsum("kpq,kq->kp", bent, operands), -1, where=used, initial=0.0)
            if may_kink(node.step) and np.any(self.of(node, errors) > MARGIN * np.abs(self.of(node, self.numbers))):
                moved = np.maximum(moved, self.turned(node, errors))
            if moved.any():
                drift += float(np.max(moved / first.max(-1, initial=0.0), where=moved > 0, initial=0.0))
            rounded = (first * operands).sum(-1) + u * value_error(found, contracts(node.primitive, node.at))
            errors[node.outputs] = rounded + flushed[node.outputs]
        return drift

    def underflows(self, smallest: float) -> bool:
        """Whether a step that mixes entries is given nothing but numbers below the normal ones in an argument: what
        underflows inside it is not bounded."""
        arrays = (
            self.values[i] for n in self.nodes if n.step.declaration.kind == "structured" for i in n.step.arguments
        )
        return any(0 < np.max(np.abs(array), initial=0.0) < smallest for array in arrays)

    def of(self, node: Node, numbers: Floats) -> Floats:
        """Those of the arguments of a step, one after the other."""
        return np.concatenate([numbers[self.starts[i] : self.starts[i + 1]] for i in node.step.arguments])

    def turned(self, node: Node, errors: Floats) -> Floats:
        """How far the first partials of each output are elsewhere within the errors of the arguments; shape (k,).

        Infinite where they leave the domain. A kink between any two arguments lies between two of the places."""
        parts = splitter([self.values[i].shape for i in node.step.arguments])
        flat, off = self.of(node, self.numbers), self.of(node, errors)
        moved = np.zeros(len(node.local.first))
        for signs in corners(flat.size):
            try:
                first = local(node.step, parts(flat + signs * off), self.values[node.number], node.fixed).first
            except DomainError:
                return np.full(len(moved), np.inf)
            moved = np.maximum(moved, np.abs(first - node.local.first).max(-1, initial=0.0))
        return np.nan_to_num(moved, nan=np.inf, posinf=np.inf)


def value_error(found: Local, contract: Contract) -> Floats:
    """What the contract allows in the value of a step, per u; shape (k,)."""
    beside = times(contract.conditioning, found.conditioning) + times(contract.normwise, found.norms[0])
    return np.asarray(contract.ulps[0] * found.sizes[0] + contract.absolute + beside)


def times(promised: float, size: Any) -> Any:
    """What is not promised is not asked for, where it may be infinite."""
    return promised * size if promised else 0.0


def may_kink(step: Step) -> bool:
    return step.declaration.kind in ("elementwise", "structured") and keeps_from_kinks(step.declaration.domain)


def corners(n: int) -> list[Floats]:
    """Signs of n numbers: any two of them are opposite in one, and the other way round in another."""
    bits = [np.where(np.arange(n) >> bit & 1, -1.0, 1.0) for bit in range((n - 1).bit_length())]
    return [sign * signs for signs in (np.ones(n), *bits) for sign in (1.0, -1.0)]


@kept(4096)
def graph(program: Program, point: HashablePoint) -> Graph:
    return Graph(program, point.arrays)
