"""What two runs are compared by: the gist of a report, small enough for the repository, as its baseline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from gradlaws.records.comparison import KIND, SCHEMA, Gist, GistCell
from gradlaws.records.conversions import canonical, number
from gradlaws.records.matrix import Cell
from gradlaws.records.outcomes import Failure
from gradlaws.records.reading import BadInput, checked, fault, read_json
from gradlaws.records.report import Report
from gradlaws.records.run import Floor, Identity, RunClaim
from gradlaws.records.values import STATUSES, Status
from gradlaws.reports.judging.compare import compare
from gradlaws.reports.judging.floors import LEVELS, floor_of
from gradlaws.reports.shards.reading import SENSELESS

BASELINE = Path("reports/baseline.json")
RENEW = "renew it: python -m gradlaws baseline"


def gist(report: Report) -> Gist:
    """Verdicts, conclusive counts, digits, contracts and domains; nothing that another machine would measure anew.

    A mode that holds has the number of its conclusive comparisons, any other its status.
    """
    run = report["run"]
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "suite": run["suite"],
        "profile": run["profile"],
        "seed": run["seed"],
        "commit": run["commit"],
        "started": run["started"],
        "asked": run["asked"],
        "versions": run["versions"],
        "systems": run["systems"],
        "settings": {"floor": run["floor"], "examples": int(run["settings"].get("max_examples") or 0)},
        "identities": {one["id"]: _digest(one) for one in [*run["identities"], *run["claims"]]},
        "cells": _cells(report),
        "pairs": {row["backend"]: len(row.get("pairs") or ()) for row in report["generated"]},
        "claims": {row["id"]: row["verdict"] for row in report["claims"]},
        "ledger": {row["id"]: [row["backend"] or "", row["status"]] for row in report["ledger"]},
        "failures": {fingerprint(row): row["function"] or "" for row in report["failures"]},
        "contracts": run["contracts"],
        "domains": run["domains"],
    }


def fingerprint(failure: Failure) -> str:
    """What stays the same of a failure when it is met again: not its function, which shrinks differently."""
    return " ".join(str(failure[key]) for key in ("identity", "backend", "dtype", "mode", "verdict"))


def baseline_text(found: Gist) -> str:
    """A gist as JSON with a line for each row, so that a change of it can be read as one."""
    lines = []
    for key, value in found.items():
        if isinstance(value, dict | list) and len(canonical(value)) > 110:
            rows = [canonical(row) for row in value] if isinstance(value, list) else [
                f"{canonical(name)}: {canonical(row)}" for name, row in sorted(value.items())
            ]  # fmt: skip
            ends = "[]" if isinstance(value, list) else "{}"
            lines.append(f"{canonical(key)}: {ends[0]}\n  " + ",\n  ".join(rows) + f"\n {ends[1]}")
        else:
            lines.append(f"{canonical(key)}: {canonical(value)}")
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def read_gist(path: Path) -> Gist:
    """A baseline, or the gist of a report.json. Raises BadInput where it is neither, or of another schema."""
    found = read_json(path)
    if found.get("kind") != KIND:
        try:
            return gist(checked(found, path))
        except SENSELESS:
            raise BadInput(f"{path}: not a whole report; build it again from its shards") from None
    if found.get("schema") != SCHEMA:
        raise BadInput(f"{path}: a baseline of schema {found.get('schema')!r}, this version reads {SCHEMA}; {RENEW}")
    baseline = cast(Gist, found)
    try:
        whole = fault(found, Gist) is None and bool(compare(baseline, baseline))
    except SENSELESS:
        whole = False
    if not whole:
        raise BadInput(f"{path}: not a whole baseline; {RENEW}")
    return baseline


def read_baseline(path: Path, suite: str) -> Gist:
    """The baseline of this version of the suite. Raises BadInput where there is none."""
    found = read_gist(path)
    if suite and found["suite"] != suite:
        raise BadInput(f"{path}: a baseline of suite {found['suite'] or '?'}, this is {suite}; {RENEW}")
    return found


def find_baseline(path: Path | None, suite: str) -> tuple[Gist | None, str, list[str]]:
    """The baseline, or why there is none; and what is wrong with it, if it is not simply missing from its place."""
    if path is None:
        return None, "", []
    if path == BASELINE and not path.exists():
        return None, f"no baseline in {path}: nothing to compare with; python -m gradlaws baseline writes one", []
    try:
        return read_baseline(path, suite), "", []
    except BadInput as error:
        return None, "the baseline cannot be read", [str(error)]


def _cells(report: Report) -> list[GistCell]:
    """One row per identity and system."""
    modes: dict[tuple[str, str, str], dict[str, int | Status]] = {}
    tallies: dict[tuple[str, str, str], dict[int, int]] = {}
    for cell in report["cells"]:
        place = (cell["identity"], cell["backend"], cell["dtype"])
        known = modes.setdefault(place, {})
        if cell["mode"] is not None:
            known[cell["mode"]] = _both(known.get(cell["mode"], 0), _said(cell))
        tally = tallies.setdefault(place, {})
        for digits, count in cell["digits"].items():
            tally[int(digits)] = tally.get(int(digits), 0) + count
    found: list[GistCell] = []
    for row in report["matrix"]:
        for system in row["systems"]:
            place = (row["identity"], system["backend"], system["dtype"])
            worst = number(system["worst_holding"]["ratio"]) if system["worst_holding"] else None
            found.append(
                {
                    "identity": row["identity"],
                    "backend": system["backend"],
                    "dtype": system["dtype"],
                    "status": system["status"],
                    "conclusive": system["evidence"]["conclusive"],
                    "programs": system["evidence"]["programs"],
                    "pairs": system["evidence"]["pairs"],
                    "floors": _floors(report["run"]["floors"], place),
                    "digits": _mean(tallies.get(place, {})),
                    "worst": None if worst is None else float(f"{worst:.1e}"),
                    "modes": dict(sorted(modes.get(place, {}).items())),
                }
            )
    return found


def _floors(floors: Sequence[Floor], place: tuple[str, str, str]) -> dict[str, float]:
    """What is demanded of the cell, as "system pairs", and of each of its modes, as "mode conclusive"."""
    return {
        f"{level} {name}": value for level in LEVELS for name, value in sorted(floor_of(floors, level, *place).items())
    }


def _said(cell: Cell) -> int | Status:
    return cell["conclusive"] if cell["status"] == "holds" else cell["status"]


def _both(one: int | Status, other: int | Status) -> int | Status:
    """Of two orders of one mode: their sum, or the word of the one that does not hold."""
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    words = [word for word in (one, other) if isinstance(word, str)]
    return min(words, key=STATUSES.index)


def _mean(tally: dict[int, int]) -> float | None:
    total = sum(tally.values())
    return round(sum(digits * count for digits, count in tally.items()) / total, 1) if total else None


def _digest(identity: Identity | RunClaim) -> str:
    text = canonical({key: identity.get(key) for key in ("statement", "controls", "blind", "kind")})
    return hashlib.sha256(text.encode()).hexdigest()[:8]
