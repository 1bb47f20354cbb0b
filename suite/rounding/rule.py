"""What an error rule says of an operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradlaws.suite.rounding.step import Error, Errors, Step
from gradlaws.suite.tape.tape import Array

# Of each result: its whole error, and that part of it that is not the linear effect of the arguments' errors.
Carried = tuple[Sequence[Error], Sequence[Error]]


@dataclass(frozen=True)
class Rule:
    """``carried(step, errors)``: the errors of the results, from those of the arguments. ``pulled(step, cotangents)``:
    those of the arguments, by the transpose of the linear part; None where an argument has none.

    Raise Unknown where they do not know.
    """

    carried: Callable[[Step, Errors], Carried]
    pulled: Callable[[Step, Sequence[Array | None]], Sequence[Array | None]]
