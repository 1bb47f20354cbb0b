"""The document's claims: verdict, evidence and controls of each, from its own records or from its identity's cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from gradlaws.records import shard
from gradlaws.records.conversions import number, plain, taken
from gradlaws.records.matrix import Row
from gradlaws.records.outcomes import Claim, Control, Subject
from gradlaws.records.parts import ControlCount
from gradlaws.records.run import Run, RunClaim
from gradlaws.records.values import ClaimVerdict, Outcome
from gradlaws.reports.numerals import count, plural, ratio

GRAVITY: tuple[ClaimVerdict, ...] = get_args(ClaimVerdict)
_VERBS: dict[ClaimVerdict, tuple[Outcome, str]] = {
    "violated": ("violated", "is violated"),
    "insufficient evidence": ("insufficient evidence", "has insufficient evidence"),
}


def claims(records: Iterable[shard.Claim], controls: Sequence[Control], matrix: Sequence[Row], run: Run) -> list[Claim]:
    """One row per claim that the run was asked for, in the document's order.

    ``verdict`` is the gravest of its records; a claim without evidence, or with a control that was never seen to fail,
    has "insufficient evidence". ``evidence`` is one line.
    """
    own: dict[str, list[shard.Claim]] = {}
    for record in records:
        own.setdefault(record["id"], []).append(record)
    rows = {row["identity"]: row for row in matrix}
    return [_claim(claim, own.get(claim["id"], []), controls, rows.get(claim["id"])) for claim in run["claims"]]


def _claim(claim: RunClaim, own: list[shard.Claim], controls: Sequence[Control], row: Row | None) -> Claim:
    own = sorted(own, key=lambda record: (str(record["subject"]), str(record.get("words")), record.get("checks", 0)))
    found = _controls(claim, own, controls)
    checks = sum(record.get("checks", 0) for record in own) + (row["comparisons"] if row else 0)
    worst = max([number(record.get("worst")) or 0.0 for record in own] + _worst(row), default=0.0)
    verdict, words = _verdict(own, row)
    idle = [control["control"] for control in found if not control["failed"]]
    if verdict not in GRAVITY[:2] and (idle or not checks):
        verdict = "insufficient evidence"
        words = f"never seen to fail: {', '.join(idle)}" if idle else "nothing was checked"
    return {
        "id": claim["id"],
        "claim": claim.get("claim", ""),
        "statement": claim.get("statement", ""),
        "latex": claim.get("latex", ""),
        "kind": claim.get("kind", ""),
        "blind": claim.get("blind", ""),
        "verdict": verdict,
        "words": words,
        "checks": checks,
        "worst": plain(worst),
        "controls": found,
        "subjects": [taken(Subject, record) for record in own],
        "seconds": sum(number(record.get("seconds")) or 0.0 for record in own),
        "evidence": _evidence(words, checks, worst, found),
    }


def reasons(rows: Sequence[Claim]) -> list[tuple[Outcome, str]]:
    """Why claims make the run red: what it comes to, and one line each."""
    found = [(row, *_VERBS[row["verdict"]]) for row in rows if row["verdict"] in _VERBS]
    return [(outcome, f"claim {row['id']} {verb}: {row['words']}") for row, outcome, verb in found]


def sentence(rows: Sequence[Claim]) -> str:
    """What became of all claims, in one sentence; "" where none was asked for."""
    if not rows:
        return ""
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in reversed(GRAVITY)}
    said = ", ".join(f"{total} {verdict}" for verdict, total in counts.items() if total)
    return f"{plural(len(rows), 'claim')} of the document: {said}."


def table(rows: Sequence[Claim]) -> list[str]:
    """A line per claim: id, verdict, evidence."""
    wide = max((len(row["verdict"]) for row in rows), default=0)
    return [f"{row['id']:<6}{row['verdict']:<{wide + 2}}{row['evidence']}" for row in rows]


def _verdict(own: Sequence[shard.Claim], row: Row | None) -> tuple[ClaimVerdict, str]:
    found: list[tuple[ClaimVerdict, str]] = [(record["verdict"], str(record.get("words") or "")) for record in own]
    if row is not None:
        bad = row["status"] in ("violated", "error")
        found.append(("violated" if bad else "holds", "see its identity" if bad else ""))
    if not found:
        return "insufficient evidence", "nothing was recorded"
    verdict = min((one for one, _ in found), key=GRAVITY.index)
    return verdict, "; ".join(dict.fromkeys(words for one, words in found if one == verdict and words))


def _controls(claim: RunClaim, own: Sequence[shard.Claim], controls: Sequence[Control]) -> list[ControlCount]:
    """Each control that the claim names, with how often it was tried and failed."""
    said: list[ControlCount | Control] = [one for record in own for one in record.get("controls") or ()]
    said += [one for one in controls if one["identity"] == claim["id"]]
    return [
        {
            "control": name,
            "tried": sum(one["tried"] for one in said if one["control"] == name),
            "failed": sum(one["failed"] for one in said if one["control"] == name),
        }
        for name in claim.get("controls", ())
    ]


def _worst(row: Row | None) -> list[float]:
    systems = [system["worst_holding"] for system in row["systems"]] if row else []
    return [number(case["ratio"]) or 0.0 for case in systems if case]


def _evidence(words: str, checks: int, worst: float, controls: Sequence[ControlCount]) -> str:
    failed, tried = sum(one["failed"] for one in controls), sum(one["tried"] for one in controls)
    said = f"{count(checks)} checks, worst {ratio(worst)} of what is allowed"
    said += f"; controls failed {count(failed)} of {count(tried)}"
    return f"{words}; {said}" if words else said
