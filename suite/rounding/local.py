"""LOCAL: each of the framework's calls by itself, at its own float arguments, beside quad: which exceeds its contract.

Where rule and bound say that an answer is wrong, though the derivative is right, this names the call that is to blame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.arithmetic.quad import QUAD
from gradlaws.suite.rounding.arithmetic import Accumulation
from gradlaws.suite.rounding.bounds import bounds
from gradlaws.suite.tape.run import entered, evaluate, run
from gradlaws.suite.tape.tape import Array, Execution, Instruction, Origin, Tape


@dataclass(frozen=True)
class Call:
    """One call: its worst entry of one result is off by ``error`` where its contract allows ``allowed``."""

    origin: Origin
    error: float
    allowed: float
    result: int
    entry: tuple[int, ...]

    @property
    def excess(self) -> float:
        """How many times what is allowed."""
        return self.error / self.allowed if self.allowed else np.inf if self.error else 0.0

    def __str__(self) -> str:
        return f"{self.origin} is off by {self.error:.1e} in entry {self.entry}, {self.excess:.2g} times its contract"


def local(
    tape: Tape,
    inputs: Sequence[Any],
    backend: str,
    accumulate: Accumulation | str | None = None,
    mode: str = "eager",
) -> list[Call]:
    """Every call that the trace has kept, the one that exceeds its contract most first; those without a bound are left
    out. The tape is one in the framework's own types, as traced with ``dtype``; ``inputs`` are in float64."""
    values = Values(tape, inputs)
    found = []
    for execution in tape.executions:
        arguments = [values[i] for i in execution.arguments]
        answers = execution.run(arguments)
        part = between(tape, execution)
        given = [values[i] for i in part.inputs]
        exact = run(part, given, QUAD)
        # Literals are the framework's own, but for those of a rule that takes a kernel apart.
        own = values.literals if len(part.instructions) <= 1 else []
        allowed = bounds(part, given, backend, accumulate=accumulate, forward_literals=own, mode=mode)
        for place, (number, answer) in enumerate(zip(execution.results, answers, strict=True)):
            if tape.kinds[number].is_float and not np.any(~np.isfinite(allowed.outputs[place])) and answer.size:
                found.append(worst(execution.origin, place, answer, exact[place], allowed.outputs[place]))
            values.put(number, answer)
    return sorted(found, key=lambda call: -call.excess)


class Values:
    """Of a tape, as the framework computes them: of its calls what they answered, of the rest what float64 makes."""

    def __init__(self, tape: Tape, inputs: Sequence[Any]) -> None:
        given = dict(zip(tape.inputs, inputs, strict=True)) | dict(tape.constants)
        self._known = {number: entered(FLOAT64, tape.kinds[number], value) for number, value in given.items()}
        self._makers = {number: x for x in tape.instructions for number in x.results}
        self.literals = [abs(float(x)) for c in tape.constants.values() if np.size(c) == 1 for x in np.ravel(c)]

    def put(self, number: int, value: Array) -> None:
        self._known[number] = value

    def __getitem__(self, number: int) -> Array:
        ahead = [number]
        while ahead:
            wanted = ahead[-1]
            if wanted in self._known:
                ahead.pop()
                continue
            maker = self._makers[wanted]
            missing = [i for i in maker.arguments if i not in self._known]
            if missing:
                ahead += missing
                continue
            with FLOAT64.working():
                for result, value in evaluate(FLOAT64, maker, self._known).items():
                    self._known.setdefault(result, value)
        found: Array = self._known[number]
        return found


def between(tape: Tape, execution: Execution) -> Tape:
    """The part of a tape from a call's arguments to its results."""
    makers: dict[int, Instruction] = {number: x for x in tape.instructions for number in x.results}
    ends = set(execution.arguments)
    met: dict[int, Instruction] = {}
    outside: list[int] = list(dict.fromkeys(execution.arguments))
    ahead = [r for r in execution.results if r not in ends]
    while ahead:
        number = ahead.pop()
        if number in ends or number in outside or number in tape.constants:
            continue
        maker = makers.get(number)
        if maker is None:
            outside.append(number)
        elif id(maker) not in met:
            met[id(maker)] = maker
            ahead += maker.arguments
    instructions = tuple(x for x in tape.instructions if id(x) in met)
    constants = {n: c for n, c in tape.constants.items() if n not in outside}
    return replace(
        tape, inputs=tuple(outside), constants=constants, instructions=instructions, outputs=execution.results,
        executions=(),
    )  # fmt: skip


def worst(origin: Origin, place: int, answer: Array, exact: Any, allowed: Array) -> Call:
    error: Array = abs(np.asarray(QUAD.to_float64(QUAD.asarray(answer) - QUAD.asarray(exact))))
    # What is not a number where the truth is one is off by more than anything.
    error = np.where(np.isnan(error), np.where(np.isnan(np.asarray(QUAD.to_float64(exact))), 0.0, np.inf), error)
    ratio = np.where(error > 0, error / np.where(allowed > 0, allowed, 5e-324), 0.0)
    entry = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    return Call(origin, float(error[entry]), float(allowed[entry]), place, tuple(int(i) for i in entry))
