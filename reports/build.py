"""Shards in, files out: index.html, its twins, summary.txt and repro/, each written atomically."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from gradlaws.records.report import Report
from gradlaws.records.shard import Record
from gradlaws.reports.files.junit import junit
from gradlaws.reports.files.markdown import markdown
from gradlaws.reports.files.sarif import sarif
from gradlaws.reports.files.text import DEFAULT_OUT, verdict_text
from gradlaws.reports.judging.claims import table
from gradlaws.reports.judging.gist import find_baseline
from gradlaws.reports.judging.summary import summarise
from gradlaws.reports.judging.verdict import COULD_NOT_RUN, EXITS
from gradlaws.reports.page import measurements
from gradlaws.reports.page.render import render
from gradlaws.reports.shards.reading import SENSELESS, read_shards


def build(
    shards: Sequence[Path],
    out: Path = DEFAULT_OUT,
    say: Callable[[str], None] = print,
    baseline: Path | None = None,
    progress: Callable[[str], None] = lambda line: None,
    results: Path = measurements.FOLDER,
) -> int:
    """Build the report of the shard folders into `out` and say the verdict; its exit status (`verdict.EXITS`).

    `results` is the folder of measurements made beside the run, which the page shows too. With nothing to read the
    report is written too, so that no old one stays behind.
    """
    report = report_of(shards, baseline, progress)
    progress("writing the report")
    try:
        write_report(report, out, results)
    except OSError as error:
        say(f"{out}: cannot write the report ({error.strerror or error}); give another folder with --out")
        return EXITS[COULD_NOT_RUN]
    return tell(report, out, say)


def tell(report: Report, out: Path, say: Callable[[str], None] = print) -> int:
    """Say the verdict of a report whose files are in `out`; its exit status."""
    for line in table(report["claims"]):
        say(line)
    say(verdict_text(report, out))
    found = report["comparison"]
    told = ", ".join(f"{total} {change}" for change, total in found["counts"].items() if total)
    if found["note"] or told:
        say(found["note"] or f"since the baseline: {told}")
    status = EXITS[report["outcome"]]
    say(f"verdict: {report['outcome']} (exit status {status})")
    return status


def report_of(
    shards: Sequence[Path], baseline: Path | None = None, progress: Callable[[str], None] = lambda line: None
) -> Report:
    """The report of all shards that can be read; one whose records make no sense is left out, and named in it."""
    for sound in (lambda records: True, _sound):
        records, problems = read_shards(shards, sound, progress)
        suite = next((str(record.get("suite") or "") for record in records if record["kind"] == "run"), "")
        known, note, problem = find_baseline(baseline, suite)
        try:
            return summarise(records, [*problems, *problem], known, note)
        except SENSELESS:
            continue
    return summarise([], [*problems, "the shards make sense one by one, and none together: give those of one run"])


def _sound(records: list[Record]) -> bool:
    try:
        render(summarise(records))
    except SENSELESS:
        return False
    return True


def write_report(report: Report, out: Path, results: Path = measurements.FOLDER) -> None:
    """Write all files of a report and remove an earlier one's scripts. OSError if that cannot be done."""
    repro = out / "repro"
    repro.mkdir(parents=True, exist_ok=True)
    scripts = {
        f"{failure['id']}_{re.sub(r'[^A-Za-z0-9._-]+', '_', name)}.py": source
        for failure in report["failures"]
        for name, source in failure["scripts"].items()
    }
    for old in repro.glob("*.py"):
        if old.name not in scripts:
            old.unlink()
    for name, source in scripts.items():
        _write(repro / name, source)
    _write(out / "report.json", json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    _write(out / "junit.xml", junit(report))
    _write(out / "report.sarif", sarif(report))
    _write(out / "summary.md", markdown(report))
    _write(out / "summary.txt", verdict_text(report, out) + "\n")
    _write(out / "index.html", render(report, measurements.read_measurements(results)))


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
