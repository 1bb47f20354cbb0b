"""Whether it holds: every reason why not, what the run comes to, and the verdict as one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from gradlaws.records.conversions import number
from gradlaws.records.matrix import Cell, Totals
from gradlaws.records.report import Report
from gradlaws.records.values import FEW, LedgerStatus, Outcome
from gradlaws.reports.judging import claims, compare
from gradlaws.reports.numerals import count, plural, ratio

# What a run can come to, and the exit status that says so.
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
EXITS: Mapping[Outcome, int] = {outcome: status for status, outcome in enumerate(OUTCOMES)}
HOLDS, VIOLATED, COULD_NOT_RUN, INSUFFICIENT = OUTCOMES
Reason = tuple[Outcome, str]  # what the run comes to because of it, and one line that says why

_LEDGER: Mapping[LedgerStatus, Outcome] = {"fixed": VIOLATED, "worse": VIOLATED}
_LEDGER_ADVICE: Mapping[LedgerStatus, str] = {
    "fixed": "its witness now holds: remove the row",
    "worse": "its witness is not what the row says that is given: look again",
    "error": "its witness could not be run: look again",
}


def reasons(report: Report) -> list[Reason]:
    """Every reason why it does not simply hold, gravest kind first; empty where it does.

    What was seen to be violated stays so however much could not run; what could not run outweighs thin evidence. A run
    whose floor of evidence is 0, a quick look, is judged by what it saw, not by what it did not see.
    """
    if not report["totals"]["comparisons"] and not report["claims"]:
        found: list[tuple[Outcome, list[str]]] = [(INSUFFICIENT, ["no comparison was recorded"])]
    else:
        floor = report["run"]["floor"]
        found = [
            (VIOLATED, _violations(report)),
            (INSUFFICIENT, [*(_controls(report) if floor else []), *(_evidence(report) if floor else [])]),
        ]
    missing = report["run"]["missing"]
    found += [(COULD_NOT_RUN, [f"shards are missing: {', '.join(missing)}"] if missing else [])]
    found += [(COULD_NOT_RUN, _never_ran(report)), (COULD_NOT_RUN, report["problems"])]
    lines = [(kind, line) for kind, group in found for line in group]
    lines += [
        *claims.reasons(report["claims"]),
        *_cases(report),
        *_tests(report),
        *_ledger(report),
        *_comparison(report),
    ]
    return sorted(lines, key=lambda reason: EXITS[reason[0]])


def outcome(found: Sequence[Reason]) -> Outcome:
    """What the run comes to: its gravest reason's kind, or that it holds."""
    return min((kind for kind, _ in found), key=EXITS.__getitem__, default=HOLDS)


def sentence(report: Report) -> str:
    """The verdict in one sentence with its numbers; needs `verdict` and `reasons` to be set."""
    return " ".join(filter(None, (claims.sentence(report["claims"]), _identities(report))))


def _identities(report: Report) -> str:
    totals = report["totals"]
    if not totals["comparisons"]:
        return "" if report["claims"] else "Nothing was compared, so nothing is known."
    compared = plural(totals["comparisons"], "comparison")
    if report["verdict"] == "green":
        deviations = totals["counts"].get("deviation", 0)
        known = f"; {plural(deviations, 'comparison')} excused as known deviations" if deviations else ""
        return f"Every identity holds: {compared}, worst error {_worst(totals)} of its bound{known}."
    clauses = _accusations(report)
    if clauses:
        return f"{'; '.join(clauses)}. {compared[:1].upper()}{compared[1:]} in all."
    first, more = report["reasons"][0], len(report["reasons"]) - 1
    others = f", and {plural(more, 'other reason')}" if more else ""
    return f"No identity is violated in {compared}, but the run does not count: {first}{others}."


def _accusations(report: Report) -> list[str]:
    """For each backend: 'jax violates D4 (up to 7e5 × its bound) and H1', 'torch raises an error in N2'."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in report["matrix"]:
        for system in row["systems"]:
            for verdict in ("violated", "error"):
                if system["counts"].get(verdict):
                    most = system["worst"]["ratio"] if system["worst"] else None
                    _accuse(found, verdict, system["backend"], row["identity"], most)
    for failure in report["failures"]:
        _accuse(found, failure["verdict"], failure["backend"], failure["identity"], failure["ratio"])
    clauses = []
    for (verdict, backend), worst in sorted(found.items(), key=lambda item: (item[0][0] == "error", item[0])):
        names = [
            f"{name} (up to {ratio(most)} × its bound)" if verdict == "violated" and most > 1 else name
            for name, most in worst.items()
        ]
        clauses.append(f"{backend} {'violates' if verdict == 'violated' else 'raises an error in'} {_listed(names)}")
    return clauses


def _accuse(
    found: dict[tuple[str, str], dict[str, float]],
    verdict: str,
    backend: str,
    identity: str,
    most: float | str | None,
) -> None:
    worst = found.setdefault((verdict, backend), {})
    worst[identity] = max(worst.get(identity, 0.0), number(most) or 0.0)


def _comparison(report: Report) -> list[Reason]:
    """What is worse than in the baseline; what is new there has a reason of its own already."""
    return [
        (VIOLATED if row["change"] == "worse" else INSUFFICIENT, f"since the baseline: {compare.line(row)}")
        for row in report["comparison"]["rows"]
        if row["gates"] and row["change"] != "new"
    ]


def _violations(report: Report) -> list[str]:
    lines = []
    known = set()
    for row in report["matrix"]:
        for system in row["systems"]:
            where = f"{row['identity']} ({system['dtype']}): "
            of = f"of {plural(system['comparisons'], 'comparison')}"
            violated, errors = system["counts"].get("violated", 0), system["counts"].get("error", 0)
            if violated:
                worst = f", worst {ratio(system['worst']['ratio'])} × its bound" if system["worst"] else ""
                lines.append(f"{system['backend']} violates {where}{count(violated)} {of}{worst}")
            if errors:
                lines.append(f"{system['backend']} raises an error in {where}{count(errors)} {of}")
            if violated or errors:
                known.add((row["identity"], system["backend"], system["dtype"]))
    return lines + [
        f"failure {failure['id']}: {failure['backend']} {failure['dtype']}, {failure['verdict']}"
        for failure in report["failures"]
        if (failure["identity"], failure["backend"], failure["dtype"]) not in known
    ]


def _tests(report: Report) -> list[Reason]:
    tests = report["tests"]
    at = {row["nodeid"]: row["doing"] for row in tests["crashed"]}
    explained = {failure["test"] for failure in report["failures"]} | {case["test"] for case in report["cases"]}
    lines = []
    for row in tests["all"]:
        if row["outcome"] not in _TESTS or (row["nodeid"] in explained and row["nodeid"] not in at):
            continue
        kind, words = _TESTS[row["outcome"]]
        doing = at.get(row["nodeid"])
        where = f", at {doing['function']}" if doing and doing["function"] else ""
        lines.append((kind, f"{words} {row['nodeid']}{where}" + (f": {row['message']}" if row["message"] else "")))
    return lines


_TESTS = {
    "crashed": (COULD_NOT_RUN, "crashed:"),
    "hung": (COULD_NOT_RUN, "hung:"),
    "error": (COULD_NOT_RUN, "error in test"),
    "failed": (VIOLATED, "failed test"),
    "idle": (INSUFFICIENT, "a check that could not have failed in test"),
}


def _never_ran(report: Report) -> list[str]:
    missing, planned = report["tests"]["never_ran"], report["tests"]["planned"]
    if not missing:
        return []
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return [
        f"the run ended early: {len(missing)} of {plural(planned, 'test')} never ran: {', '.join(missing[:3])}{more}"
    ]


def _controls(report: Report) -> list[str]:
    lines, coarse = [], report["run"]["coarse"]
    # In a coarse precision few bounds are narrow, so one that fails in any of them has shown that it can; one that was
    # hardly tried there shows nothing, as the cells that are too coarse, but some other must fail.
    failed = [row for row in report["controls"] if row["failed"]]
    seen = {(row["identity"], row["control"]) for row in failed if row["dtype"] in coarse}
    for row in report["controls"]:
        name = f"control “{row['control']}” of {row['identity']}"
        differed = row.get("differed", row["tried"])
        if row["dtype"] in coarse and (differed < FEW or (row["identity"], row["control"]) in seen):
            continue
        if not row["tried"]:
            lines.append(f"{name} was never tried, so nothing shows that the check can fail")
        elif not row["failed"] and (differed >= FEW or row["tried"] >= FEW**2):
            lines.append(
                f"{name} never failed on {row['backend']} {row['dtype']} (0 of {count(row['tried'])}), "
                "so the check proves nothing there"
            )
    return lines + [
        f"no control failed on {backend} {dtype}, so its checks prove nothing"
        for backend, dtype in report["run"]["systems"]
        if dtype in coarse
        and not any((row["backend"], row["dtype"]) == (backend, dtype) for row in failed)
        and sum(row["tried"] for row in report["controls"] if (row["backend"], row["dtype"]) == (backend, dtype)) >= FEW
    ]


def _cases(report: Report) -> list[Reason]:
    """A stored case that fails has its failure."""
    return [
        (_CASES[row["status"]], f"{row['status']} {row['id']} {row['backend']} {row['dtype']}: {row['message']}")
        for row in report["cases"]
        if row["status"] in _CASES
    ]


_CASES = {"ERROR": COULD_NOT_RUN, "UNDECIDED": INSUFFICIENT}


def _ledger(report: Report) -> list[Reason]:
    return [
        (
            _LEDGER.get(row["status"], COULD_NOT_RUN),
            f"ledger row {row['id']} is {row['status']}: {_LEDGER_ADVICE.get(row['status'], 'unknown status')}",
        )
        for row in report["ledger"]
        if row["status"] not in ("confirmed", "elsewhere")
    ]


def _evidence(report: Report) -> list[str]:
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in report["cells"]:
        if cell["status"] == "insufficient evidence":
            groups.setdefault((cell["identity"], cell["backend"], cell["dtype"]), []).append(cell)
    lines = []
    for (identity, backend, dtype), cells in groups.items():
        shown = [f"{cell['mode']} ({cell['reason']})" if cell["mode"] else cell["reason"] for cell in cells[:3]]
        more = [f"{len(cells) - 3} more modes"] if len(cells) > 3 else []
        lines.append(f"insufficient evidence for {identity} on {backend} {dtype}: {', '.join(shown + more)}")
    for row in report["matrix"]:
        for system in row["systems"]:
            if system["short"] and system["status"] == "insufficient evidence":
                where = f"{row['identity']} on {system['backend']} {system['dtype']}"
                lines.append(f"insufficient evidence for {where}, all modes: {', '.join(system['short'])}")
    met = {(cell["backend"], cell["dtype"]) for cell in report["cells"] if cell["conclusive"]}
    silent = [(backend, dtype) for backend, dtype in report["run"]["systems"] if (backend, dtype) not in met]
    return lines + [
        f"insufficient evidence on {backend} {dtype}: no bound was narrow enough to say anything"
        for backend, dtype in silent
        if dtype in report["run"]["coarse"]
    ]


def _worst(totals: Totals) -> str:
    return ratio(totals["worst_holding"]["ratio"]) if totals["worst_holding"] else "unknown"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
