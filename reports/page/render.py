"""The report for a browser: one self-contained HTML file that asks the network for nothing.

What a reader needs without scripts (verdict, matrix, failures) is plain HTML. The other sections are HTML too, made
here and sealed (seal.py): the browser unpacks each when it is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gradlaws.records.report import Report
from gradlaws.reports import numerals
from gradlaws.reports.judging.compare import line
from gradlaws.reports.page import View, measurements
from gradlaws.reports.page.atlas import atlas
from gradlaws.reports.page.chart import bucket_range, chart
from gradlaws.reports.page.evidence import CHANGES, example, identities, matrix
from gradlaws.reports.page.findings import findings
from gradlaws.reports.page.generated import generated, shares
from gradlaws.reports.page.history import history
from gradlaws.reports.page.mathml import mathml
from gradlaws.reports.page.plot import plots
from gradlaws.reports.page.power import false_alarms, kills, sensitivity
from gradlaws.reports.page.seal import Anchors, digest, sealed, sealed_json
from gradlaws.reports.page.search import index
from gradlaws.reports.page.sizes import sizes

_HERE = Path(__file__).parent
MARKS: Mapping[str, str] = {
    "holds": "✓",
    "deviation": "≈",
    "violated": "✗",
    "error": "✗",
    "insufficient evidence": "?",
    "could not run": "✗",
    "too coarse": "–",
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
    "killed": "✓",
    "survived": "✗",
}
_TONES: Mapping[str, str] = {"✓": "good", "✗": "bad", "?": "doubt", "≈": "known", "–": "none", "≠": "doubt"}
# In the order of the page: its id, and what the contents call it. What is not in `PLAIN` is sealed.
SECTIONS: Mapping[str, str] = {
    "matrix": "Evidence",
    "failures": "Failures",
    "identities": "Identities",
    "findings": "Findings",
    "document": "The document",
    "errors": "Errors",
    "atlas": "Accuracy atlas",
    "power": "Power",
    "generated": "Generated",
    "change": "Change",
    "kinks": "Kinks and edges",
    "unsupported": "Unsupported",
    "run": "Run and time",
    "tests": "Tests",
}
PLAIN = ("matrix", "failures", "identities")
WORDS = {"holds": "Holds", "violated": "Violated", "could not run": "Could not run",
         "insufficient evidence": "Insufficient evidence"}  # fmt: skip


def render(report: Report, measured: Mapping[str, measurements.Measured] | None = None) -> str:
    """The report as HTML text; deterministic. Everything from the report and the measurements is escaped.

    `measured` is what `measurements.read_measurements` returns; left out, those sections say how to measure.
    """
    measured = measurements.none() | dict(measured or {})
    environment = _environment()
    anchors = Anchors([*SECTIONS, "main", "search", "help", "report.json", "index"])
    entries = identities(report, anchors)
    shown: View = {
        "r": report,
        "sections": SECTIONS,
        "outcome": report.get("outcome") or ("holds" if report["verdict"] == "green" else "violated"),
        "words": WORDS,
        "systems": report["run"]["systems"],
        "matrix": matrix(report, anchors),
        "entries": entries,
        "failures": [example(one) | {"anchor": anchors(one["id"], inside="failures")} for one in report["failures"]],
        "cards": findings(report, measured["survey"], measured["hidden"], anchors),
        "charts": _charts(report),
        "known": {row["id"]: anchors(row["id"], inside="findings") for row in report["ledger"]},
        "plots": {
            row["id"]: [(one["subject"], plots(one["series"] or [])) for one in row["subjects"]]
            for row in report["claims"]
        },
        "claims": [row | {"anchor": anchors(row["id"], inside="document")} for row in report["claims"]],
        "atlas": _anchored(atlas(measured["survey"]), anchors),
        "kills": kills(measured["faults"]),
        "panels": sensitivity(measured["sensitivity"]),
        "alarms": false_alarms(measured["soak"]),
        "sizes": sizes(measured["sizes"]),
        "history": history(measured["history"]),
        "measured": measured,
        "generated": generated(report),
        "comparison": [
            row | {"line": line(row), "mark": CHANGES.get(row["change"], "")} for row in report["comparison"]["rows"]
        ],
        "controls": _control_table(report),
        "unsupported": _unsupported_table(report),
    }
    shown["counts"] = _counts(shown)
    folded = {name: _rendered(environment, f"{name}.html", shown) for name in SECTIONS if name not in PLAIN}
    folded = {name: text for name, text in folded.items() if text}
    folded |= {
        entry["anchor"]: _rendered(environment, "identity.html", shown | {"entry": entry}) for entry in entries
    }  # fmt: skip
    style = "\n".join((_HERE / name).read_text("utf-8") for name in ("style.css", "figures.css"))
    script = (_HERE / "page.js").read_text("utf-8")
    return environment.get_template("page.html").render(
        shown
        | {
            "style": style,
            "script": script,
            "style_hash": digest(style),
            "script_hash": digest(script),
            "sealed": {name: sealed(text) for name, text in folded.items()}
            | {"index": sealed_json(index(shown)), "report.json": sealed_json(report)},
        }
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
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
        share=shares,
        bucket_low=numerals.power_of_two,
        bucket_high=lambda name: numerals.power_of_two(name, upper=True),
        first_upper=_first_upper,
        mathml=mathml,
        short=_short,
        mark=lambda status: MARKS.get(status, "?"),
        tone=lambda status: _TONES[MARKS.get(status, "?")],
    )
    return environment


def _rendered(environment: Environment, name: str, shown: View) -> Markup:
    text = environment.get_template(name).render(shown)
    return Markup(re.sub(r"\n\s*\n+", "\n", text).strip())


def _first_upper(text: str) -> str:
    """As a sentence begins, unless its first word is code or a formula."""
    word = text.split(" ", 1)[0].rstrip(",:;")
    return text[:1].upper() + text[1:] if word.isalpha() and (len(word) > 1 or word == "a") else text


def _short(value: Any) -> str:
    """A number with three digits for a table: 0, 0.12, 3.4e5, ∞; text as it is; '–' for None."""
    if isinstance(value, str):
        try:
            value = float.fromhex(value) if "0x" in value else float(value)
        except ValueError:
            return str(value)
    return numerals.ratio(value)


def _charts(report: Report) -> list[View]:
    rows = [row for row in report["distributions"] if row["dtype"] is None and row["histogram"]]
    span = bucket_range(row["histogram"] for row in rows)
    return [
        {"row": row, "chart": chart(row["histogram"], span, quantiles={"median": row["median"], "99 %": row["p99"]})}
        for row in rows
    ]


def _anchored(found: View, anchors: Anchors) -> View:
    rows = [
        row | {"anchor": anchors(row["primitive"], row["dtype"], row["order"], row["layer"], inside="atlas")}
        for row in found["rows"]
    ]
    return found | {"rows": rows}


def _counts(shown: View) -> dict[str, int]:
    """How many things the contents promise in a section."""
    report = shown["r"]
    counts = {
        "failures": len(report["failures"]) + len(report["tests"]["crashed"]),
        "identities": len(shown["entries"]),
        "findings": len(shown["cards"]),
        "document": len(report["claims"]),
        "atlas": shown["atlas"]["primitives"],
        "power": len(shown["kills"]["rows"]),
        "kinks": len(report["conventions"]),
        "tests": len(report["tests"]["all"]),
    }
    return {name: counts.get(name, 0) for name in SECTIONS}


def _control_table(report: Report) -> list[View]:
    """One row per (identity, control), with a cell per system."""
    table: dict[tuple[str, str], View] = {}
    for row in report["controls"]:
        entry = table.setdefault((row["identity"], row["control"]), {"systems": {}, "tried": 0, "failed": 0})
        entry["systems"][row["backend"], row["dtype"]] = row
        entry["tried"] += row["tried"]
        entry["failed"] += row["failed"]
    return [{"identity": identity, "control": control, **entry} for (identity, control), entry in table.items()]


def _unsupported_table(report: Report) -> list[View]:
    """Primitives gathered by (backend, mode, reason)."""
    table: dict[tuple[str, str, str], list[str]] = {}
    for row in report["unsupported"]:
        table.setdefault((row["backend"], row["mode"], row["reason"]), []).append(row["primitive"])
    return [
        {"backend": backend, "mode": mode, "reason": reason, "primitives": ", ".join(names)}
        for (backend, mode, reason), names in table.items()
    ]
