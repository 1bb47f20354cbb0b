"""The hunt for the worst case: Hypothesis climbs towards the largest error / bound, and what it meets is kept.

A case is the worst for its test, for each primitive in it, and for each pair of primitives of which one follows the
other: so the corpus gets the hardest program that is known for each of them (suite/corpus/cases.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from hypothesis import target

from gradlaws.records.shard import Found
from gradlaws.strategies.program import Program
from gradlaws.suite.corpus.cases import Case

Key = tuple[str, ...]


def toward(ratio: float) -> None:
    """Tells Hypothesis how near this example came to its bound."""
    if ratio > 0:
        target(math.log2(ratio), label="log2(error / bound)")


def keys(program: Program) -> set[Key]:
    """The primitives of the program, and the pairs of them of which one takes the other's result."""
    return {(name,) for name in program.primitives} | set(program.edges)


@dataclass
class Worst:
    """The cases that came nearest to their bounds, of one backend in one precision."""

    best: dict[Key, float] = field(default_factory=dict)
    found: dict[Key, Case] = field(default_factory=dict)  # since the last records

    def met(self, test: str, program: Program, ratio: float, case_of: Callable[[], Case | None]) -> None:
        """Keeps the case of a test if it is the worst for anything."""
        better = [key for key in ((test,), *keys(program)) if ratio > self.best.get(key, 0.0)]
        case = case_of() if better else None
        if case is None:
            return
        case = replace(case, ratio=ratio)
        for key in better:
            self.best[key], self.found[key] = ratio, case

    def records(self) -> Iterator[Found]:
        """What is new since they were last asked for."""
        for case in {case.id: case for case in self.found.values()}.values():
            yield Found(kind="found", case=case.line)
        self.found = {}


def chosen(cases: Iterable[Case], most: int) -> list[Case]:
    """At most so many cases that, between them, hold the worst for each primitive, and as many pairs as they can.

    Greedy: the worst of each primitive first; then, each time, the case with most pairs that no other has yet, and of
    these the one nearest to its bound.
    """
    left = sorted(cases, key=lambda case: (-(case.ratio or 0.0), case.id))
    of = {case.id: set().union(*(keys(program) for program in case.programs)) for case in left}
    kept: list[Case] = []
    covered: set[Key] = set()
    for case in left:
        if any(len(key) == 1 and key not in covered for key in of[case.id]):
            kept.append(case)
            covered |= of[case.id]
    left = [case for case in left if case not in kept]
    while left and len(kept) < most:
        best = max(left, key=lambda case: (len(of[case.id] - covered), case.ratio or 0.0, case.id))
        kept.append(best)
        covered |= of[best.id]
        left.remove(best)
    return kept[:most]
