"""A and F: how far a right computation of a tape in floats may be from its exact values. docs/rounding.md derives them.

F is a running error: forwards through the tape, for every entry of every output. A is of a scalar, one weighted sum of
the outputs: one sweep backwards, Σ |sensitivity| · (what the operation itself may be off by), which cancels where the
program does. Neither costs more than a few times the tape itself, whatever the size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.rounding import elementwise
from gradlaws.suite.rounding.arithmetic import Accumulation, Arithmetic
from gradlaws.suite.rounding.rule import Carried
from gradlaws.suite.rounding.rules import rule
from gradlaws.suite.rounding.step import Error, Errors, Step, Unknown
from gradlaws.suite.tape.literals import MADE_OF, literals
from gradlaws.suite.tape.run import every_value
from gradlaws.suite.tape.tape import Array, Instruction, Tape

# What is left out: remainders below u / 1000 of each operation, and the bound's own rounding in float64.
FACTOR = 1 + 2.0**-7


def bounds(
    tape: Tape,
    inputs: Sequence[Any],
    backend: str,
    dtype: str | None = None,
    accumulate: Accumulation | str | None = None,
    forward_literals: Iterable[float] = (),
    mode: str = "eager",
    drift: Mapping[int, Array] | None = None,
) -> Bounds:
    """``inputs`` are the rounded inputs, in float64. With ``dtype``, what is float64 on the tape is computed in it.

    ``accumulate`` is the type in which sums and products of matrices are added up, if it is wider than their result's.
    ``forward_literals`` are those of the function itself, which are what they are; others a rule brought in, rounded.
    ``drift``: of constants that the function made before it met its inputs, by number, what they are off by.
    Raises KeyError for a backend or a type that is not known.
    """
    wide = Accumulation(accumulate) if isinstance(accumulate, str) else accumulate
    return Bounds(tape, inputs, Arithmetic(backend, dtype, wide, mode), {abs(x) for x in forward_literals}, drift or {})


@dataclass(frozen=True)
class Loss:
    """What one operation adds to A."""

    amount: float
    instruction: Instruction

    def __str__(self) -> str:
        return str(self.instruction.origin) or self.instruction.operation


@dataclass(eq=False)
class Bounds:
    """``values`` and ``outputs``: of each output its values in float64 and F, a bound for the error of every entry,
    infinite where there is none. ``unknown``: why, a line for each operation at fault; empty where F is finite.
    ``leaves``: of inputs and constants, by number, what they are off by themselves."""

    tape: Tape
    inputs: Sequence[Any]
    arithmetic: Arithmetic
    own_literals: set[float]
    drift: Mapping[int, Array]
    values: list[Array] = field(init=False)
    outputs: list[Array] = field(init=False)
    unknown: list[str] = field(init=False)
    leaves: Mapping[int, Array] = field(init=False)
    half_known: bool = field(init=False, default=False)  # A takes half of the digits of values on the way for granted

    def __post_init__(self) -> None:
        self._values: Mapping[int, Array] = every_value(self.tape, self.inputs, FLOAT64)
        self._errors: dict[int, Array] = {}
        self._own: dict[int, Array] = {}  # of each result, what its operation adds
        self._faults: list[str] = []
        with np.errstate(all="ignore"):
            self.leaves = self._given()
            self._errors.update(self.leaves)
            for instruction in self.tape.instructions:
                self._carry(instruction)
        self.values = [np.asarray(self._values[o]) for o in self.tape.outputs]
        self.outputs = [
            FACTOR * np.broadcast_to(self._errors.get(o, 0.0), np.shape(v))
            for o, v in zip(self.tape.outputs, self.values, strict=True)
        ]
        self.unknown = [] if all(np.all(np.isfinite(f)) for f in self.outputs) else list(dict.fromkeys(self._faults))

    def along(self, cotangents: Sequence[Any]) -> float:
        """A: a bound for the error of Σ ⟨cotangent, output⟩. Infinite where there is none."""
        return FACTOR * sum(amount for amount, _ in self._best(cotangents))

    def loses(self, cotangents: Sequence[Any]) -> Loss | None:
        """The operation that adds most to A; None where nothing is rounded."""
        found = [pair for pair in self._swept(cotangents) if pair[1] is not None]
        amount, instruction = max(found, key=lambda pair: pair[0], default=(0.0, None))
        return None if instruction is None else Loss(amount, instruction)

    def _best(self, cotangents: Sequence[Any]) -> list[tuple[float, Instruction | None]]:
        """By the sweep, or by F where that knows more."""
        try:
            swept = self._swept(cotangents)
        except Unknown:
            swept = [(np.inf, None)]
        with np.errstate(all="ignore"):
            entries = sum(weighted(np.asarray(c), f) for c, f in zip(cotangents, self.outputs, strict=True))
        total = sum(amount for amount, _ in swept)
        return swept if total <= entries else [(entries if np.isfinite(entries) else np.inf, None)]

    def _given(self) -> dict[int, Array]:
        """The errors of inputs and constants: what a type rounds off them, what a trace rounded, what is flushed."""
        found: dict[int, Array] = {}
        brought = literals(self.tape)
        for number in (*self.tape.inputs, *self.tape.constants):
            kind, value = self.tape.kinds[number], np.asarray(self._values[number])
            if kind.is_discrete or not value.size:
                continue
            unit = self.arithmetic.unit(kind.dtype)
            error = np.zeros(value.shape)
            if number in self.tape.constants and not kind.is_complex:
                error = abs(value - rounded(value, PRECISIONS[unit.dtype]))
                if number in brought and abs(brought[number]) not in self.own_literals:
                    error = error + MADE_OF * unit.u * abs(value)
            if number in self.drift:
                error = np.maximum(error, self.drift[number])
            if unit.flushes:
                error = np.where(abs(value) < unit.normal, abs(value), error)
            error = np.where(np.isfinite(value), error, 0.0)
            if np.any(error):
                found[number] = error
        return found

    def _carry(self, instruction: Instruction) -> None:
        step = Step(self.tape, instruction, self._values, self.arithmetic)
        errors = [self._errors.get(i) for i in instruction.arguments]
        try:
            whole, own = self._mended(step, errors, rule(instruction.operation).carried(step, errors))
        except Unknown as unknown:
            self._faults.append(f"{instruction.origin}: {unknown}")
            whole = own = [np.full(r.shape, np.inf) for r in step.results]
        lost = any(e is not None and not np.all(np.isfinite(e)) for e in whole)
        if lost and all(e is None or np.all(np.isfinite(e)) for e in errors):
            self._faults.append(f"{instruction.origin}: {why(step)}")
        if (small := self._half_known(instruction, errors)) is not None:
            own = self._own_beside(step, small, own)
        for number, total, part in zip(instruction.results, whole, own, strict=True):
            if total is not None:
                self._errors[number] = total
            if part is not None:
                self._own[number] = part

    def _half_known(self, instruction: Instruction, errors: Errors) -> list[Error] | None:
        """Errors of the arguments of half of the digits at most, where F has grown to more; None where it has not.

        A is of first order: beside F, which grows by absolute values where a program contracts, it takes for granted
        that no value on the way is off by more than that.
        """
        found: list[Error] = []
        grown = False
        for number, error in zip(instruction.arguments, errors, strict=True):
            kind = self.tape.kinds[number]
            if error is None or kind.is_discrete or not np.size(error):
                found.append(None if kind.is_discrete else error)
                grown |= error is not None and kind.is_discrete and not np.all(np.isfinite(error))
                continue
            most = np.sqrt(self.arithmetic.unit(kind.dtype).u) * np.max(np.abs(self._values[number]), initial=0.0)
            grown |= not np.all(error <= most)
            found.append(np.minimum(error, most))
        return found if grown else None

    def _own_beside(self, step: Step, errors: Errors, own: Sequence[Error]) -> Sequence[Error]:
        """What the operation adds by itself, its arguments off by so much."""
        try:
            found = self._mended(step, errors, rule(step.instruction.operation).carried(step, errors))[1]
        except Unknown:
            return own
        self.half_known = True
        return found

    def _mended(self, step: Step, errors: Errors, carried: Carried) -> Carried:
        """Infinities that are none of an error's making, and errors that no type holds."""
        whole, own = list(carried[0]), list(carried[1])
        odd = step.instruction.operation not in ("select", "convert") and any(
            e is not None and self.tape.kinds[i].is_discrete
            for i, e in zip(step.instruction.arguments, errors, strict=True)
        )
        for k, (result, number) in enumerate(zip(step.results, step.instruction.results, strict=True)):
            kind = self.tape.kinds[number]
            if odd and not kind.is_discrete:
                own[k] = whole[k]  # no cotangent passes an integer
            size = abs(result) if not kind.is_discrete else np.zeros(())
            largest = self.arithmetic.unit(kind.dtype).largest if not kind.is_discrete else np.inf
            top = np.max(size, initial=0.0)
            total = whole[k]
            if (total is None or np.all(np.isfinite(total))) and top <= largest / 2:
                continue
            error = np.zeros(result.shape) if total is None else np.array(total, dtype=np.float64)
            part = np.zeros(result.shape) if own[k] is None else np.array(own[k], dtype=np.float64)
            certain = certainly_infinite(step, errors) | handed_on(step, error, part)
            over = ~(size + error <= largest) & ~certain if top > largest / 2 or np.isnan(top) else np.isnan(error)
            error, part = np.where(certain, 0.0, error), np.where(certain, 0.0, part)
            whole[k] = np.where(over | np.isnan(error), np.inf, error)
            own[k] = np.where(over | np.isnan(part), np.inf, part)
        return whole, own

    def _swept(self, cotangents: Sequence[Any]) -> list[tuple[float, Instruction | None]]:
        """What each operation, and the leaves together, add to A. Raises Unknown where a transpose is."""
        sensitivities: dict[int, Any] = {}
        found: list[tuple[float, Instruction | None]] = []
        for number, cotangent in zip(self.tape.outputs, cotangents, strict=True):
            if number in self._errors and not self.tape.kinds[number].is_discrete:
                g = np.broadcast_to(np.asarray(cotangent), self.tape.kinds[number].shape)
                sensitivities[number] = sensitivities[number] + g if number in sensitivities else g
        with np.errstate(all="ignore"):
            for instruction in reversed(self.tape.instructions):
                gs = [sensitivities.pop(r, None) for r in instruction.results]
                if all(g is None for g in gs):
                    continue
                amount = sum(
                    weighted(g, self._own[r])
                    for g, r in zip(gs, instruction.results, strict=True)
                    if g is not None and r in self._own
                )
                found.append((amount, instruction))
                if any(i in self._errors for i in instruction.arguments):
                    self._pull(instruction, gs, sensitivities)
            leaves = sum(weighted(g, self.leaves[n]) for n, g in sensitivities.items() if n in self.leaves)
        return [*found, (leaves, None)]

    def _pull(self, instruction: Instruction, gs: Sequence[Any], sensitivities: dict[int, Any]) -> None:
        step = Step(self.tape, instruction, self._values, self.arithmetic)
        for number, back in zip(instruction.arguments, rule(instruction.operation).pulled(step, gs), strict=True):
            if back is not None and number in self._errors and not self.tape.kinds[number].is_discrete:
                sensitivities[number] = sensitivities[number] + back if number in sensitivities else back


def weighted(sensitivity: Array, error: Array) -> float:
    terms = np.abs(sensitivity) * error
    total = float(np.sum(terms))
    if not np.isfinite(total):
        total = float(np.sum(np.where((sensitivity == 0) | (error == 0), 0.0, terms)))
    return total if not np.isnan(total) else np.inf


PLAIN = frozenset({"select", "convert"})  # entry by entry, beside the functions of one


def certainly_infinite(step: Step, errors: Errors) -> Array:
    """Where an argument is infinite whatever the roundings, as −∞ of a mask is, and the result a number or infinite."""
    found = np.zeros(step.result.shape, dtype=bool)
    if step.instruction.operation not in elementwise.FAMILY and step.instruction.operation not in PLAIN:
        return found
    for x, error in zip(step.arguments, errors, strict=True):
        if x.dtype.kind in "fc":
            found = found | (np.isinf(x) & np.asarray(True if error is None else error == 0))
    return found & ~np.isnan(step.result)


def handed_on(step: Step, error: Array, own: Array) -> Array:
    """Where an infinite argument, −∞ of a mask, is passed on as it is: nothing is computed, and nothing can be off."""
    given = any(x.dtype.kind in "fc" and np.any(np.isinf(x)) for x in step.arguments)
    return np.asarray(np.isinf(step.result) & (error == 0) & (own == 0) & given)


def why(step: Step) -> str:
    """An error is infinite where those of the arguments are not."""
    result, unit = step.result, step.unit if step.is_float else None
    if result.dtype.kind in "fc" and np.any(np.isnan(result)):
        return "its value is not a number"
    if unit is not None and np.any(abs(result) > unit.largest / 2):
        return f"it overflows in {unit.dtype}, or nearly"
    return "errors of its arguments reach a pole, or the edge of where it is defined"


def rounded(x: Array, precision: Precision) -> Array:
    """To the nearest number of a precision, within the range of float64."""
    if precision.digits >= 53 or not np.all(np.isfinite(x)):
        return np.asarray(x)
    _, exponent = np.frexp(x)
    last = np.maximum(exponent, 2 - precision.largest_exponent) - precision.digits
    return np.asarray(np.ldexp(np.rint(np.ldexp(x, -last)), last))


def digits(bound: float, size: float) -> float:
    """How many decimal digits of a number of that size such an error leaves; infinite without one."""
    if bound == 0:
        return float("inf")
    return max(0.0, -float(np.log10(bound / size))) if size else 0.0


__all__ = ["Accumulation", "Bounds", "Error", "Loss", "bounds", "digits"]
