"""The document's claims: verdict, evidence and controls of each, from its own records or from its identity's cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.numerals import count, plural, ratio
from reports.records import Record, number, plain

GRAVITY = ("violated", "insufficient evidence", "false as written", "holds with a condition", "holds")


def claims(
    records: Iterable[Record], controls: Sequence[Record], matrix: Sequence[Record], run: Record
) -> list[Record]:
    """One row per claim that the run was asked for, in the document's order.

    ``verdict`` is the gravest of its records; a claim without evidence, or with a control that was never seen to fail,
    has "insufficient evidence". ``evidence`` is one line.
    """
    own: dict[str, list[Record]] = {}
    for record in records:
        own.setdefault(record["id"], []).append(record)
    rows = {row["identity"]: row for row in matrix}
    return [_claim(claim, own.get(claim["id"], []), controls, rows.get(claim["id"])) for claim in run["claims"]]


def _claim(claim: Record, own: list[Record], controls: Sequence[Record], row: Record | None) -> Record:
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
        **{key: claim.get(key, "") for key in ("id", "claim", "statement", "latex", "kind", "blind")},
        "verdict": verdict,
        "words": words,
        "checks": checks,
        "worst": plain(worst),
        "controls": found,
        "subjects": [
            {key: record.get(key) for key in ("subject", "verdict", "words", "checks", "figures", "series", "seconds")}
            for record in own
        ],
        "seconds": sum(number(record.get("seconds")) or 0.0 for record in own),
        "evidence": _evidence(words, checks, worst, found),
    }


def reasons(rows: Sequence[Record]) -> list[tuple[str, str]]:
    """Why claims make the run red: their verdict, and one line each."""
    verbs = {"violated": "is violated", "insufficient evidence": "has insufficient evidence"}
    return [
        (row["verdict"], f"claim {row['id']} {verbs[row['verdict']]}: {row['words']}")
        for row in rows
        if row["verdict"] in verbs
    ]


def sentence(rows: Sequence[Record]) -> str:
    """What became of all claims, in one sentence; "" where none was asked for."""
    if not rows:
        return ""
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in reversed(GRAVITY)}
    said = ", ".join(f"{total} {verdict}" for verdict, total in counts.items() if total)
    return f"{plural(len(rows), 'claim')} of the document: {said}."


def table(rows: Sequence[Record]) -> list[str]:
    """A line per claim: id, verdict, evidence."""
    wide = max((len(row["verdict"]) for row in rows), default=0)
    return [f"{row['id']:<6}{row['verdict']:<{wide + 2}}{row['evidence']}" for row in rows]


def _verdict(own: Sequence[Record], row: Record | None) -> tuple[str, str]:
    found = [(record["verdict"], str(record.get("words") or "")) for record in own]
    if row is not None:
        bad = row["status"] in ("violated", "error")
        found.append(("violated" if bad else "holds", "see its identity" if bad else ""))
    if not found:
        return "insufficient evidence", "nothing was recorded"
    verdict = min((one for one, _ in found), key=GRAVITY.index)
    return verdict, "; ".join(dict.fromkeys(words for one, words in found if one == verdict and words))


def _controls(claim: Record, own: Sequence[Record], controls: Sequence[Record]) -> list[Record]:
    """Each control that the claim names, with how often it was tried and failed."""
    said = [one for record in own for one in record.get("controls") or ()]
    said += [one for one in controls if one["identity"] == claim["id"]]
    return [
        {
            "control": name,
            "tried": sum(one["tried"] for one in said if one["control"] == name),
            "failed": sum(one["failed"] for one in said if one["control"] == name),
        }
        for name in claim.get("controls", ())
    ]


def _worst(row: Record | None) -> list[float]:
    systems = [system["worst_holding"] for system in row["systems"]] if row else []
    return [number(case["ratio"]) or 0.0 for case in systems if case]


def _evidence(words: str, checks: int, worst: float, controls: Sequence[Record]) -> str:
    failed, tried = (sum(one[key] for one in controls) for key in ("failed", "tried"))
    said = f"{count(checks)} checks, worst {ratio(worst)} of what is allowed"
    said += f"; controls failed {count(failed)} of {count(tried)}"
    return f"{words}; {said}" if words else said
