"""The verdict for the page of a CI job, in Markdown: short, whatever was recorded."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradlaws.records.comparison import Compared
from gradlaws.records.matrix import Row, System
from gradlaws.records.outcomes import Claim, Failure
from gradlaws.records.report import Report
from gradlaws.reports.judging.compare import line
from gradlaws.reports.numerals import count, decimal, plural, ratio

MARKS = {"holds": "✓", "violated": "✗", "error": "✗", "insufficient evidence": "?"}
SHOWN = 20  # rows of each list


def markdown(report: Report) -> str:
    """Verdict, reasons, matrix, failures and comparison."""
    run = report["run"]
    versions = [f"{name} {version}" for name, version in run["versions"].items() if name in _FRAMEWORKS]
    told = [*versions, f"profile {run['profile']}", f"seed {run['seed']}", run["commit"]]
    blocks = [
        f"## gradlaws: {report['outcome']}",
        _text(report["sentence"]),
        " · ".join(_text(one) for one in told if one),
        _list(report["reasons"]),
        _matrix(report["matrix"], run["systems"]),
        _claims(report["claims"]),
        *[_failure(failure) for failure in report["failures"][:SHOWN]],
        _comparison(report["comparison"]),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


_FRAMEWORKS = ("python", "numpy", "torch", "jax")


def _matrix(rows: Sequence[Row], systems: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = ["| identity | " + " | ".join(_text(" ".join(system)) for system in systems) + " |"]
    lines.append("|---" * (1 + len(systems)) + "|")
    for row in rows:
        cells = {(cell["backend"], cell["dtype"]): cell for cell in row["systems"]}
        shown = [_cell(cells.get((backend, dtype))) for backend, dtype in systems]
        lines.append(f"| {_text(row['identity'])} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def _cell(cell: System | None) -> str:
    if cell is None or cell["status"] in ("not applicable", "unsupported"):
        return "–"
    if cell["status"] == "holds":
        return f"✓ {count(cell['conclusive'])}"
    return f"{MARKS.get(cell['status'], '?')} {cell['status']}"


def _claims(rows: Sequence[Claim]) -> str:
    if not rows:
        return ""
    lines = ["| claim | verdict | evidence |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {_text(r['id'])} | {r['verdict']} | {_text(r['evidence'])} |" for r in rows)])


def _failure(failure: Failure) -> str:
    title = f"{failure['identity']} {failure['verdict']} by {failure['backend']}, {failure['mode']}, {failure['dtype']}"
    lines = [f"<details><summary>{_text(title)}</summary>", "", _code(str(failure["function"]))]
    if failure["got"] is not None:
        lines.append(
            _text(f"got {decimal(failure['got'])}, true {failure['true']}, {ratio(failure['ratio'])} × its bound")
        )
    lines += ["", _code(str(failure["replay"] or "")), "", "</details>"]
    return "\n".join(lines)


def _comparison(found: Compared) -> str:
    if found["note"]:
        return _text(found["note"])
    if not found["rows"]:
        return "Nothing changed since the baseline." if found["baseline"] else ""
    told = ", ".join(f"{total} {change}" for change, total in found["counts"].items() if total)
    return f"Since the baseline: {told}.\n\n" + _list([line(row) for row in found["rows"]])


def _list(lines: Sequence[str]) -> str:
    shown = [f"- {_text(one)}" for one in lines[:SHOWN]]
    more = len(lines) - len(shown)
    return "\n".join([*shown, f"- and {plural(more, 'line')} more in the report"] if more else shown)


def _text(text: str) -> str:
    """One line that Markdown shows as it is: nothing in it is markup, a link, a mention or a cell's end."""
    flat = " ".join(str(text).encode("utf-8", "replace").decode().split())
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~@&$])", lambda found: f"&#{ord(found[1])};", flat)[:2000]


def _code(text: str) -> str:
    """A block of code, which its own text cannot end."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}\n{text.encode('utf-8', 'replace').decode()[:2000]}\n{fence}"
