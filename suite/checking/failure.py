"""A failure as a record, and in words: what a person needs, shortest first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from mpmath import mp

from strategies.mathematics import mathematics
from strategies.program import Point, Program, input_names
from suite.backends.reproducer import scripts
from suite.checking import witnesses
from suite.checking.judged import Judged, number
from suite.corpus.cases import Case
from suite.known import ledger_row
from suite.truth import floats


class Violation(AssertionError):
    """An identity does not hold, or a framework failed. The message is what a person needs, shortest first."""


def inputs(program: Program, point: Point, names: list[str] | None = None) -> list[dict[str, Any]]:
    return [
        {"name": name, "shape": list(x.shape), "hex": floats.hexadecimal(x)}
        for name, x in zip(names or input_names(program), point, strict=False)
    ]


def describe(
    judged: Judged, identity: str, test: str, examples: int, case: Case | None, frameworks: Iterable[str]
) -> dict[str, Any]:
    """What failed after so many examples of a test, as a record, with a script for each of the frameworks."""
    question, verdict, label = judged.question, judged.verdict, judged.label
    program, point, directions, mode = question.program, question.point, question.directions, question.mode
    got, exact, tolerance, where = judged.got, judged.exact, judged.tolerance, verdict.component
    key = hashlib.sha256(f"{test.partition('::')[2]} {label}".encode()).hexdigest()[:8]
    failure_id = case.id if case else f"{identity}-{key}"
    shown: dict[str, Any] = {"got": None, "true": None, "bound": None}
    if got is not None and exact is not None and tolerance is not None and got.shape == tolerance.shape:
        shown = {
            "got": floats.told(got[where]) if np.isfinite(got[where]) else str(got[where]),
            "true": mp.nstr(exact.exact[where], 25),
            "bound": f"{float(tolerance[where]):.3g}",
        }
    constants = [s.constant for s in program.steps if s.is_constant]
    names = [f"c{i + 1}" for i in range(len(constants))]
    named = inputs(program, point) + inputs(program, tuple(constants), names)
    for name, direction in zip("vu", directions, strict=False):
        many = [name] if len(direction) == 1 else [f"{name}{i + 1}" for i in range(len(direction))]
        named += inputs(program, direction, many)
    said = verdict.reason if got is None else float(got[where]) if shown["got"] else None
    row = ""
    if mode is not None and said is not None and verdict.kind != "holds":
        row = ledger_row.row(question, where, said)
    return {
        "kind": "failure", "id": failure_id, "identity": identity,
        "backend": question.backend.name, "dtype": question.precision.name, "mode": label, "order": judged.order,
        "test": test, "function": mathematics(program), "steps": len(program.primitives), "size": program.size,
        "primitives": list(program.primitives), "examples": examples, "inputs": named, "component": str(list(where)),
        **shown, "ratio": number(verdict.ratio),
        "verdict": verdict.kind, "message": verdict.reason, "row": row,
        "graph": witnesses.graph(program, point),
        "scripts": scripts(question, where, exact, tolerance, frameworks),
        "replay": f"python -m suite replay {failure_id}" if case else f"python -m pytest '{test}'",
        "case": case.line if case else "",
    }  # fmt: skip


def failure_text(failure: Mapping[str, Any]) -> str:
    """What a person needs, shortest first."""
    head = (
        f"{failure['identity']} {failure['verdict']} by {failure['backend']} · {failure['mode']} · {failure['dtype']}"
    )
    lines = [head, f"  {failure['function']}        {failure['steps']} steps, n = {failure['size']}"]
    for array in failure["inputs"]:
        lines.append(f"  {array['name']} = {[float.fromhex(h) for h in array['hex']]}")
    if failure["got"] is not None:
        got = failure["got"]
        shown = repr(float.fromhex(got)) if got.startswith(("0x", "-0x")) else got
        lines.append(
            f"  got {shown}   true {failure['true']}   bound {failure['bound']}   ({failure['ratio']:.3g} × bound)"
            if isinstance(failure["ratio"], float)
            else f"  got {shown}"
        )
    if failure["message"]:
        lines.append(f"  {failure['message']}")
    lines.append(f"  {failure['replay']} · python -m reports show {failure['id']}")
    return "\n".join(lines)
