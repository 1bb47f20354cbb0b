"""What a framework runs for a function and its derivatives, as tapes of one point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.tape.tape import Tape


@dataclass(frozen=True, eq=False)
class Traced:
    """Traced in float64 whatever the type under test: a trace in float32 rounds the literals that a rule brings in.

    ``forward``: x -> outputs. ``gradient``: x, w -> the gradient of ⟨w, outputs⟩, an array for each of x.
    ``product``: x, w, v -> its Hessian times v; None if it was not asked for, or the framework refuses it, in the words
    of ``refused``.
    """

    point: Sequence[Floats]
    forward: Tape
    gradient: Tape
    product: Tape | None = None
    refused: str = ""

    @property
    def tapes(self) -> list[Tape]:
        return [tape for tape in (self.forward, self.gradient, self.product) if tape is not None]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of the outputs."""
        return [self.forward.kinds[o].shape for o in self.forward.outputs]
