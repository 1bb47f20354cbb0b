"""What a mode said, with how far it may be off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradlaws.strategies.mp_arrays import mp_array
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.backends.question import Question
from gradlaws.suite.truth import quantities
from gradlaws.suite.truth.oracle import Truth


@dataclass(frozen=True)
class Answer:
    """What a mode said: ``numbers`` is flat, in float64 or, where that was asked, in long double, with its bound
    ``tolerance`` and its ``majorant``."""

    question: Question
    by: Mode
    numbers: Floats
    tolerance: Floats
    majorant: float
    seconds: float = 0.0

    @property
    def mode(self) -> str:
        return self.by.name

    @property
    def order(self) -> int:
        return self.by.order

    @property
    def truth(self) -> Truth:
        asked = self.question
        return quantities.truth(self.by.quantity, asked.program, asked.point, *asked.directions)


def exactly(numbers: Floats) -> Truth:
    """Floats taken as exact."""
    return Truth(mp_array(np.where(np.isfinite(numbers), numbers, 0.0)), np.zeros(np.shape(numbers)))
