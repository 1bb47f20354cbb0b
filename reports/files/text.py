"""The report for a terminal: the verdict in at most 25 lines, and one failure in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gradlaws.records.outcomes import Failure
from gradlaws.records.report import Report
from gradlaws.reports.numerals import count, decimal, plural, quantile_text, ratio, seconds_text

HOME = Path(__file__).resolve().parents[2]
DEFAULT_OUT = Path("reports/out" if Path.cwd() == HOME and (HOME / "conftest.py").exists() else "gradlaws-report")
LINES = 25
CASES = 8  # of these at most that many are told


def verdict_text(report: Report, out: Path = DEFAULT_OUT) -> str:
    """The verdict for a person in at most 25 lines; `out`, the report's folder, is for the commands."""
    head = [f"gradlaws: {report['verdict']}. {report['sentence']}"]
    failures = report["failures"]
    unexplained = _unexplained(report)
    shown = unexplained[: 2 if failures else 5]
    head += [f"  {_clipped(line)}" for line in shown]
    if len(unexplained) > len(shown):
        head.append(f"  … and {len(unexplained) - len(shown)} more in the report")
    head += _table(report) + _time(report)
    tail = [*_cases(report), *_ledger(report), f"report: {out / 'index.html'}"]
    blocks: list[str] = []
    for index, failure in enumerate(failures):
        block = _block(failure, out)
        rest = len(failures) - index - 1
        if len(head) + len(blocks) + len(block) + len(tail) + bool(rest) > LINES:
            blocks.append(
                f"… and {rest + 1} more failures: " + ", ".join(one["id"] for one in failures[index : index + 6])
            )
            break
        blocks += block
    return "\n".join(head + blocks + tail)


def failure_text(failure: Failure, scripts: Sequence[str] | None = None) -> str:
    """One failure in full: where, exact inputs in decimal and hex, got / true / bound, replay, scripts.

    `scripts` names the frameworks whose scripts are included; None means all.
    """
    lines = [_title(failure), f"  {failure['function']}"]
    lines.append(
        f"  mode {failure['mode']}, order {failure['order']}, {failure['dtype']}, "
        f"{plural(failure['steps'] or 0, 'step')}, n = {failure['size']}"
    )
    if failure["message"]:
        lines.append(f"  {failure['message']}")
    for one in failure["inputs"]:
        lines.append(f"  {one['name']}  shape {tuple(one['shape'])}")
        lines += [f"    {decimal(value)}  =  {value}" for value in one["hex"]]
    if failure["component"]:
        lines.append(f"  component {failure['component']}")
    lines += [
        f"  got    {_both(failure['got'])}",
        f"  true   {_both(failure['true'])}",
        f"  bound  {_both(failure['bound'])}    error is {ratio(failure['ratio'])} × bound",
    ]
    lines += [f"  test   {failure['test']}", f"  replay {failure['replay']}"]
    for framework, source in failure["scripts"].items():
        if scripts is None or framework in scripts:
            lines += ["", f"# ---- {framework} ----", source.rstrip("\n")]
    if failure["row"]:
        lines += ["", "# ---- if the framework is wrong: for suite/known/ledger.toml ----", failure["row"].rstrip("\n")]
    return "\n".join(lines)


def _title(failure: Failure) -> str:
    verb = "violated by" if failure["verdict"] == "violated" else "raises an error in"
    return f"{failure['identity']} {verb} {failure['backend']} · {failure['mode']} · {failure['dtype']}"


def _block(failure: Failure, out: Path) -> list[str]:
    where = "" if out == DEFAULT_OUT else f" --report {out / 'report.json'}"
    command, dashes, options = (failure["replay"] or "").partition(" -- ")
    name = failure["backend"]
    script = f" · reproducer: {out / 'repro' / failure['id']}_{name}.py" if name in failure["scripts"] else ""
    numbers = (
        f"  got {_short(failure['got'])}   true {_short(failure['true'])}   "
        f"bound {ratio(failure['bound'])}   ({ratio(failure['ratio'])} × bound)"
    )
    return [
        _title(failure),
        f"  {_clipped(failure['function'] or '')}    {plural(failure['steps'] or 0, 'step')}, n = {failure['size']}",
        numbers if failure["got"] is not None else f"  {_clipped(failure['message'] or '')}",
        f"  {command}{where}{dashes}{options} · python -m gradlaws show {failure['id']}{where}{script}",
    ]


def _unexplained(report: Report) -> list[str]:
    """The reasons that no failure block below will tell."""
    pairs = {(failure["identity"], failure["backend"]) for failure in report["failures"]}
    told = tuple(
        f"{backend} {verb} {identity} " for identity, backend in pairs for verb in ("violates", "raises an error in")
    )
    return [line for line in report["reasons"] if not line.startswith((*told, "failure "))]


def _table(report: Report) -> list[str]:
    rows = [("", "comparisons", "in part", "median", "99 %", "max", "error / bound")]
    rows += [
        (
            row["backend"],
            count(row["comparisons"]),
            count(row.get("partly", 0)),
            quantile_text(row["median"]),
            quantile_text(row["p99"]),
            ratio(row["max"]),
            "",
        )
        for row in report["distributions"]
        if row["dtype"] is None
    ]
    if len(rows) == 1:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return [
        "  "
        + "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:6], widths[1:], strict=True)),
                row[6],
            ]
        ).rstrip()
        for row in rows[:8]
    ]


def _time(report: Report) -> list[str]:
    time = report["time"]
    parts = " · ".join(f"{part} {seconds_text(value)}" for part, value in time["by_part"].items())
    return [f"  time {seconds_text(time['total'])}: {parts}"] if parts else []


def _ledger(report: Report) -> list[str]:
    rows = [row for row in report["ledger"] if row["status"] != "elsewhere"]
    if not report["ledger"]:
        return []
    others = len(report["ledger"]) - len(rows)
    elsewhere = f", {others:,} in other versions" if others else ""
    excused = sum(row["excused"] for row in rows)
    unlimited = sum(row["unlimited"] for row in rows)
    beyond = f", {unlimited:,} of them by rows that describe nothing" if unlimited else ""
    known = plural(len(rows), "known deviation")
    return [f"ledger: {known}{elsewhere}, {plural(excused, 'comparison')} excused{beyond}"]


def _cases(report: Report) -> list[str]:
    """What became of the stored cases: how many, and a line for each that is not as it was."""
    rows = report["cases"]
    if not rows:
        return []
    counts = Counter(row["status"] for row in rows)
    news = [row for row in rows if row["status"] != "HOLDS"]
    lines = ["stored cases: " + ", ".join(f"{count(number)} {status}" for status, number in counts.items())]
    for row in news[:CASES]:
        said = row["message"] if row["status"] in ("ERROR", "UNDECIDED") else row["why"]
        lines.append(_clipped(f"  {row['status']} {row['id']} {row['backend']} {row['dtype']}: {said or ''}"))
    return lines + ([f"  … and {len(news) - CASES} more in report.json"] if len(news) > CASES else [])


def _both(value: float | str | None) -> str:
    text = decimal(value)
    return text if str(value) == text or not isinstance(value, str) else f"{text}  =  {value}"


def _short(value: float | str | None) -> str:
    text = decimal(value)
    return text if len(text) <= 22 or "e" in text else text[:22] + "…"


def _clipped(line: str, width: int = 110) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
