"""A backend in a precision, as one process of a run knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gradlaws.records.shard import Record
from gradlaws.strategies.precision import Precision
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.corpus.hardest import Worst


@dataclass(frozen=True, repr=False)
class System:
    """What lives as long as the process: the sink of its records, the modes that the run asks for, the worst cases.

    What a test does with it is a ``Trial``.
    """

    backend: Backend
    precision: Precision
    emit: Callable[[Record], None] = lambda record: None
    selected: Callable[[str], bool] = lambda mode: True
    share: float = 1.0  # of a test's examples
    hardest: Worst = field(default_factory=Worst)

    def __str__(self) -> str:
        return f"{self.backend.name}-{self.precision.name}"

    __repr__ = __str__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How Hypothesis prints an argument, which of a dataclass is all its fields."""
        printer.text(str(self))
