"""A failure as a record, and in words: what a person needs, shortest first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from mpmath import mp

from gradlaws.records.conversions import plain
from gradlaws.records.parts import Answer, Array
from gradlaws.records.shard import Details, Failure, Witness
from gradlaws.strategies.mathematics import mathematics
from gradlaws.strategies.program import input_names
from gradlaws.suite import run
from gradlaws.suite.backends.question import Question
from gradlaws.suite.backends.reproducer import scripts
from gradlaws.suite.checking import witnesses
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.corpus.cases import Case
from gradlaws.suite.known import ledger_row
from gradlaws.suite.truth import floats


class Violation(AssertionError):
    """An identity does not hold, or a framework failed. The message is what a person needs, shortest first."""


@dataclass(frozen=True)
class Occasion:
    """In which test a comparison was made, after how many examples, and the case that was drawn, if it can be kept."""

    identity: str
    test: str
    examples: int
    case: Case | None

    def id_of(self, judged: Judged) -> str:
        """That of the case, or where there is none, one of the test and the comparison."""
        key = f"{self.test.partition('::')[2]} {judged.label}"
        return self.case.id if self.case else f"{self.identity}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def failure(judged: Judged, on: Occasion, kind: Literal["violated", "error"]) -> Failure:
    """With a script for every framework; those that plugins add are among them."""
    asked = judged.question
    return {
        "kind": "failure", "id": on.id_of(judged), "identity": on.identity, "backend": asked.backend.name,
        "dtype": asked.precision.name, "mode": judged.label, "test": on.test, "verdict": kind,
        "ratio": plain(judged.verdict.ratio),
        **details(judged, on, run.current().modules),  # type: ignore[typeddict-item]  # a shard gives it its number
    }  # fmt: skip


def witness(judged: Judged, on: Occasion, answers: dict[str, Answer]) -> Witness:
    asked, verdict = judged.question, judged.verdict
    return {
        "kind": "witness", "id": on.id_of(judged), "identity": on.identity, "backend": asked.backend.name,
        "dtype": asked.precision.name, "mode": judged.label, "test": on.test, "verdict": verdict.kind,
        "ratio": plain(verdict.ratio), "digits": plain(verdict.digits), "answers": answers,
        **details(judged, on, [asked.backend.name]),
    }  # fmt: skip


def details(judged: Judged, on: Occasion, frameworks: Iterable[str]) -> Details:
    """What was compared, and a script for each of the frameworks."""
    question, verdict, mode = judged.question, judged.verdict, judged.question.mode
    program, point, where = question.program, question.point, verdict.component
    got, exact, tolerance = judged.got, judged.exact, judged.tolerance
    shown = Details(got=None, true=None, bound=None)
    if got is not None and exact is not None and tolerance is not None and got.shape == tolerance.shape:
        shown = Details(
            got=floats.told(got[where]) if np.isfinite(got[where]) else str(got[where]),
            true=mp.nstr(exact.exact[where], 25),
            bound=f"{float(tolerance[where]):.3g}",
        )
    said = verdict.reason if got is None else float(got[where]) if shown["got"] else None
    row = ""
    if mode is not None and said is not None and verdict.kind != "holds" and program.size <= witnesses.MANY:
        row = ledger_row.row(question, where, said)
    return {
        "order": judged.order, "function": mathematics(program), "steps": len(program.primitives),
        "size": program.size, "primitives": list(program.primitives), "examples": on.examples,
        "inputs": everything_put_in(question), "component": str(list(where)), **shown,
        "message": verdict.reason, "row": row, "graph": witnesses.graph(program, point),
        "scripts": scripts(question, where, exact, tolerance, frameworks), "case": on.case.line if on.case else "",
        "replay": replay(on.id_of(judged)) if on.case else f"python -m pytest '{on.test}'",
    }  # fmt: skip


def replay(name: str) -> str:
    """The command that asks again, with the plugins of the run."""
    own = " ".join(f"--plugin {plugin}" for plugin in run.current().plugins)
    return f"python -m gradlaws replay {name}" + (f" -- {own}" if own else "")


def everything_put_in(question: Question) -> list[Array]:
    """The point, the constants of the program, and the directions."""
    program = question.program
    constants = [step.constant for step in program.steps if step.is_constant]
    found = floats.arrays(input_names(program), question.point)
    found += floats.arrays([f"c{i + 1}" for i in range(len(constants))], constants)
    for name, direction in zip("vu", question.directions, strict=False):
        many = [name] if len(direction) == 1 else [f"{name}{i + 1}" for i in range(len(direction))]
        found += floats.arrays(many, direction)
    return found


def in_words(failure: Failure) -> str:
    """What a person needs, shortest first."""
    head = (
        f"{failure['identity']} {failure['verdict']} by {failure['backend']} · {failure['mode']} · {failure['dtype']}"
    )
    steps = "1 step" if failure["steps"] == 1 else f"{failure['steps']} steps"
    lines = [head, f"  {failure['function']}        {steps}, n = {failure['size']}"]
    for array in failure["inputs"] or ():
        lines.append(f"  {array['name']} = {[float.fromhex(h) for h in array['hex']]}")
    got, ratio = failure["got"], failure["ratio"]
    if got is not None:
        shown = repr(float.fromhex(got)) if got.startswith(("0x", "-0x")) else got
        lines.append(
            f"  got {shown}   true {failure['true']}   bound {failure['bound']}   ({ratio:.3g} × bound)"
            if isinstance(ratio, float)
            else f"  got {shown}"
        )
    if failure["message"]:
        lines.append(f"  {failure['message']}")
    lines.append(f"  {failure['replay']} · python -m gradlaws show {failure['id']}")
    return "\n".join(lines)
