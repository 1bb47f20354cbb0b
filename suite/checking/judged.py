"""One comparison with all that it was made of: what check, failure, witness, script and ledger row hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradlaws.records.conversions import plain
from gradlaws.records.shard import Comparison
from gradlaws.strategies.mathematics import mathematics
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.backends.question import Question
from gradlaws.suite.checking.verdict import Verdict
from gradlaws.suite.truth.oracle import Truth


@dataclass(frozen=True)
class Judged:
    """``got``, ``exact`` and ``tolerance`` are arrays of one shape, or None where nothing was computed."""

    question: Question
    label: str
    order: int
    verdict: Verdict
    got: Floats | None = None
    exact: Truth | None = None
    tolerance: Floats | None = None
    seconds: float = 0.0
    zero: bool = False  # whether the exact derivative vanishes: the function does not depend on what is moved
    drawn: tuple[Any, ...] = ()  # by the test

    @property
    def cell(self) -> str:
        """The mode under which it is counted: what meets the function in control flow counts for that."""
        mode = self.question.mode
        return mode.wrapper or self.label if mode else self.label

    @property
    def of_a_mode(self) -> bool:
        """Whether it is what one mode answered, beside the oracle: that can be asked of others too."""
        mode, got, tolerance = self.question.mode, self.got, self.tolerance
        if mode is None or got is None or tolerance is None:
            return False
        return mode.name == self.label and got.shape == tolerance.shape

    def record(self, identity: str) -> Comparison:
        """The comparison as the report counts it."""
        asked, program = self.question, self.question.program
        found = Comparison(
            kind="comparison", identity=identity, backend=asked.backend.name, dtype=asked.precision.name,
            mode=self.cell, order=self.order, verdict=self.verdict.kind,
            ratio=plain(self.verdict.ratio), digits=plain(self.verdict.digits),
            function=mathematics(program), program=program.structure,
            primitives=list(program.primitives), pairs=list(program.pairs), size=program.size,
            steps=len(program.primitives), depth=program.depth, zero=self.zero, seconds=self.seconds,
        )  # fmt: skip
        if self.verdict.undecided:
            found["partly"] = True
        if self.verdict.kind == "inconclusive":
            found["cause"] = self.verdict.reason.partition(":")[0]  # less what is of this point alone
        return found


def worse(one: Judged | None, other: Judged, shrinking: bool) -> Judged:
    """The larger error / bound; while a failure is shrunk, the later violation."""
    if one is None or (shrinking and other.verdict.kind == "violated"):
        return other
    return other if not shrinking and (other.verdict.ratio or 0.0) > (one.verdict.ratio or 0.0) else one
