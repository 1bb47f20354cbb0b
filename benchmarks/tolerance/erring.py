"""A tape as an arithmetic computes it that errs within the contracts, each value at the erring values before it.

Sums, products of matrices and running sums are carried out term by term in an order that is drawn, every product and
addition off by itself; every other operation by what its contract allows, at the arguments that it is given. The signs
are drawn, or those of the exact sensitivities: the worst for one weighted sum of the outputs, to first order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.rounding.bounds import Bounds
from gradlaws.suite.rounding.rules import rule
from gradlaws.suite.rounding.step import Step
from gradlaws.suite.tape.run import entered, evaluate, every_value
from gradlaws.suite.tape.tape import Array

WHOLE = 1 - 2.0**-20  # all that is allowed, less what float64 itself rounds
Signs = Callable[[int, Array], Any]  # of a value by its number: what of the allowed error is made, in [-1, 1]


def drawn_signs(random: np.random.Generator) -> Signs:
    """Half of the time all that is allowed, where the worst case is."""

    def signs(number: int, value: Array) -> Array:
        theta = random.uniform(-1, 1, value.shape)
        return np.where(random.random(value.shape) < 0.5, np.sign(theta), theta)

    return signs


def worst_signs(found: Bounds, cotangents: Sequence[Any]) -> Signs:
    """Those of ∂⟨cotangents, outputs⟩ / ∂ value at the point."""
    known = sensitivities(found, cotangents)
    return lambda number, value: np.where(known.get(number, np.zeros(())) < 0, -1.0, 1.0)


def sensitivities(found: Bounds, cotangents: Sequence[Any]) -> dict[int, Array]:
    """Of ⟨cotangents, outputs⟩ to every value that is no integer, by its number."""
    tape, values = found.tape, every_value(found.tape, found.inputs, FLOAT64)
    known: dict[int, Array] = {}

    def take(number: int, g: Any) -> None:
        if not tape.kinds[number].is_discrete:
            known[number] = known[number] + g if number in known else np.asarray(g)

    for number, cotangent in zip(tape.outputs, cotangents, strict=True):
        take(number, np.broadcast_to(np.asarray(cotangent), tape.kinds[number].shape))
    with np.errstate(all="ignore"):
        for instruction in reversed(tape.instructions):
            gs = [known.get(r) for r in instruction.results]
            if any(g is not None for g in gs):
                step = Step(tape, instruction, values, found.arithmetic)
                for number, back in zip(
                    instruction.arguments, rule(instruction.operation).pulled(step, gs), strict=True
                ):
                    if back is not None:
                        take(number, back)
    return known


class Erring:
    """``random`` draws the orders of sums."""

    def __init__(self, found: Bounds, signs: Signs, random: np.random.Generator) -> None:
        self.found, self.signs, self.random = found, signs, random

    def outputs(self) -> list[Array]:
        tape = self.found.tape
        values = {n: self._entered(n, x) for n, x in zip(tape.inputs, self.found.inputs, strict=True)}
        values |= {n: self._entered(n, x) for n, x in tape.constants.items()}
        with np.errstate(all="ignore"):
            for instruction in tape.instructions:
                values.update(evaluate(FLOAT64, instruction, values))
                step = Step(tape, instruction, values, self.found.arithmetic)
                if instruction.operation in IN_TERMS and step.is_float:
                    values[instruction.results[0]] = IN_TERMS[instruction.operation](self, step)
                    continue
                _, own = rule(instruction.operation).carried(step, [None] * len(instruction.arguments))
                for number, allowed in zip(instruction.results, own, strict=True):
                    if allowed is not None and not tape.kinds[number].is_discrete:
                        values[number] = self.off(number, values[number], allowed)
        return [values[o] for o in tape.outputs]

    def _entered(self, number: int, value: Any) -> Array:
        array = np.asarray(entered(FLOAT64, self.found.tape.kinds[number], value))
        allowed = self.found.leaves.get(number)
        return array if allowed is None else self.off(number, array, allowed)

    def off(self, number: int, value: Array, allowed: Array) -> Array:
        return np.asarray(value + WHOLE * self.signs(number, value) * np.where(np.isfinite(value), allowed, 0.0))

    def added_up(self, step: Step, terms: Array, multiplied: bool = False) -> Array:
        """Over the first axis, in an order that is drawn; then rounded to the type of the result."""
        number, sum = step.instruction.results[0], step.arithmetic.sum
        unit, last = sum(step.dtype, 2 - multiplied, multiplied)  # of one addition, of the result
        left = list(self.ordered(terms))
        by_pairs = self.random.random() < 0.25
        while len(left) > 1:
            total = left[0] + left[1]
            exact = (left[0] == 0) | (left[1] == 0)  # adding a zero is exact
            total = self.off(number, total, np.where(exact, 0.0, unit * abs(total)))
            left = [*left[2:], total] if by_pairs else [total, *left[2:]]
        return self.off(number, left[0], last * abs(left[0])) if last else left[0]

    def ordered(self, terms: Array) -> Array:
        """As drawn for all entries, or of each entry those first that make its partial sums large."""
        how = self.random.choice(["drawn", "largest first", "positive first", "negative first"])
        if how == "drawn":
            return self.random.permutation(terms)
        if how == "largest first":
            return np.take_along_axis(terms, np.argsort(-abs(terms), axis=0), axis=0)
        return np.sort(terms, axis=0)[:: -1 if how == "positive first" else 1]


def total(erring: Erring, step: Step) -> Array:
    x, axes = step.arguments[0], tuple(step.parameters["axes"])
    terms = np.moveaxis(x, axes, tuple(range(len(axes)))).reshape(-1, *step.result.shape)
    return erring.added_up(step, terms) if len(terms) else step.result


def running_total(erring: Erring, step: Step) -> Array:
    """Every entry by itself, as a sum over a window is."""
    axis = step.parameters["axis"]
    terms = np.moveaxis(step.arguments[0], axis, 0)
    places = np.arange(len(terms))
    rows = []
    for k, term in enumerate(terms):
        meets = places <= k if step.parameters["reverse"] else places >= k
        rows.append(np.moveaxis(meets.reshape(-1, *(1 for _ in term.shape)) * term, 0, axis))
    return erring.added_up(step, np.array(rows)) if rows else step.result


def product(erring: Erring, step: Step) -> Array:
    """A product of matrices, term by term of its length."""
    (a, b), p, number = step.arguments, step.parameters, step.instruction.results[0]
    (sa, sb), (ta, tb) = ([list(x) for x in pair] for pair in (p["summed"], p["batched"]))
    ra = [i for i in range(a.ndim) if i not in (*sa, *ta)]
    rb = [i for i in range(b.ndim) if i not in (*sb, *tb)]
    batch, length = [a.shape[i] for i in ta], int(p["length"])
    left = a.transpose((*ta, *ra, *sa)).reshape(*batch, *(a.shape[i] for i in ra), *(1 for _ in rb), length)
    right = b.transpose((*tb, *rb, *sb)).reshape(*batch, *(1 for _ in ra), *(b.shape[i] for i in rb), length)
    products = left * right
    unit = step.arithmetic.sum(step.dtype, 1, multiplied=True)[0]  # of one product
    terms = [erring.off(number, x, unit * abs(x)) for x in np.moveaxis(products, -1, 0)]
    return erring.added_up(step, np.array(terms), True) if terms else step.result


IN_TERMS: Mapping[str, Callable[[Erring, Step], Array]] = {
    "reduce_sum": total, "cumulative_sum": running_total, "contract": product,
}  # fmt: skip
