"""The report for a browser: one self-contained HTML file that asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports import numerals
from reports.chart import bucket_range, chart
from reports.plot import plots
from reports.records import Record, Report

_HERE = Path(__file__).parent
MARKS: Mapping[str, str] = {
    "holds": "✓",
    "deviation": "≈",
    "violated": "✗",
    "error": "✗",
    "insufficient evidence": "?",
    "unsupported": "–",
    "not applicable": "–",
    "confirmed": "≈",
    "elsewhere": "–",
    "fixed": "✗",
    "worse": "✗",
    "passed": "✓",
    "failed": "✗",
    "crashed": "✗",
    "hung": "✗",
    "idle": "?",
    "skipped": "–",
    "inconclusive": "?",
    "holds with a condition": "≈",
    "false as written": "≠",
}
_TONES: Mapping[str, str] = {"✓": "good", "✗": "bad", "?": "doubt", "≈": "known", "–": "none", "≠": "doubt"}


def render(report: Report) -> str:
    """The report as HTML text; deterministic. Everything from the report is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        count=numerals.count,
        ratio=numerals.ratio,
        seconds=numerals.seconds_text,
        decimal=numerals.decimal,
        quantile=numerals.quantile_text,
        bucket_low=numerals.power_of_two,
        bucket_high=lambda name: numerals.power_of_two(name, upper=True),
        mark=lambda status: MARKS.get(status, "?"),
        tone=lambda status: _TONES[MARKS.get(status, "?")],
    )
    style, script = (_HERE / "style.css").read_text("utf-8"), (_HERE / "page.js").read_text("utf-8")
    cells: dict[str, list[Record]] = {}
    for row in report["cells"]:
        cells.setdefault(row["identity"], []).append(row)
    return environment.get_template("template.html").render(
        r=report,
        style=style,
        script=script,
        style_hash=_digest(style),
        script_hash=_digest(script),
        systems=report["run"]["systems"],
        cells=cells,
        charts=_charts(report["distributions"]),
        plots={
            row["id"]: [(one["subject"], plots(one["series"] or [])) for one in row["subjects"]]
            for row in report["claims"]
        },
        controls=_control_table(report),
        unsupported=_unsupported_table(report["unsupported"]),
        agreement={one["id"]: _agreement(one) for one in report["failures"]},
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _charts(distributions: Sequence[Record]) -> list[Record]:
    rows = [row for row in distributions if row["dtype"] is None and row["histogram"]]
    span = bucket_range(row["histogram"] for row in rows)
    return [{"row": row, "chart": chart(row["histogram"], span)} for row in rows]


def _control_table(report: Report) -> list[Record]:
    """One row per (identity, control), with a cell per system."""
    table: dict[tuple[str, str], Record] = {}
    for row in report["controls"]:
        entry = table.setdefault((row["identity"], row["control"]), {"systems": {}, "tried": 0, "failed": 0})
        entry["systems"][row["backend"], row["dtype"]] = row
        entry["tried"] += row["tried"]
        entry["failed"] += row["failed"]
    return [{"identity": identity, "control": control, **entry} for (identity, control), entry in table.items()]


def _unsupported_table(rows: Sequence[Record]) -> list[Record]:
    """Primitives gathered by (backend, mode, reason)."""
    table: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        table.setdefault((row["backend"], row["mode"], row["reason"]), []).append(row["primitive"])
    return [
        {"backend": backend, "mode": mode, "reason": reason, "primitives": ", ".join(names)}
        for (backend, mode, reason), names in table.items()
    ]


def _agreement(failure: Record) -> Record:
    """got and true in decimal, each cut where their digits part."""
    got, true = numerals.decimal(failure["got"]), numerals.decimal(failure["true"])
    same = numerals.shared_digits(got, true)
    return {"got": (got[:same], got[same:]), "true": (true[:same], true[same:])}
