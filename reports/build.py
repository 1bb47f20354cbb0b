"""Shards in, files out: index.html, report.json, summary.txt and repro/, each written atomically."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from reports.claims import table
from reports.page import render
from reports.records import Report
from reports.shards import read_shards
from reports.summary import summarise
from reports.text import DEFAULT_OUT, verdict_text

GREEN, RED, BAD_INPUT = 0, 1, 2


def build(shards: Sequence[Path], out: Path = DEFAULT_OUT, say: Callable[[str], None] = print) -> int:
    """Build the report of the shard folders into `out` and say the verdict; the exit status.

    0 green, 1 red, 2 bad input: nothing to read, a damaged shard (the report is built from what is intact),
    or a folder that cannot be written. With nothing to read the report is written too, so that no old one
    stays behind.
    """
    records, problems = read_shards(shards)
    report = summarise(records, problems)
    try:
        write_report(report, out)
    except OSError as error:
        say(f"{out}: cannot write the report ({error.strerror or error}); give another folder with --out")
        return BAD_INPUT
    for line in table(report["claims"]):
        say(line)
    say(verdict_text(report, out))
    for problem in report["problems"]:
        say(f"bad input: {problem}")
    if problems or not records:
        return BAD_INPUT
    return GREEN if report["verdict"] == "green" else RED


def write_report(report: Report, out: Path) -> None:
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
    _write(out / "summary.txt", verdict_text(report, out) + "\n")
    _write(out / "index.html", render(report))


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
