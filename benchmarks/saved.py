"""Results that are kept in the repository: benchmarks/results/<kind>.json, written by the measurements themselves."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradlaws.suite.session.versions import versions

SCHEMA = 1
FOLDER = Path(__file__).parent / "results"


def machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} cores"


def result(kind: str, command: str, seconds: float, rows: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """``seconds`` of wall-clock time, all rows one after the other, on a machine that may have had other work."""
    return {
        "schema": SCHEMA, "kind": kind, "command": command, "machine": machine(), "versions": versions(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "seconds": round(seconds, 1),
        **more, "rows": list(rows),
    }  # fmt: skip


def save(path: Path, found: Mapping[str, Any]) -> None:
    """One row a line, so that a change of one is a change of one line; in place of the old file once it is whole."""
    head = {name: value for name, value in found.items() if name != "rows"}
    text = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in found["rows"])
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".new")
    whole.write_text(f'{text},\n "rows": [\n{rows}\n]}}\n')
    whole.replace(path)


def lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The rows of a file of JSON lines, and how many were damaged, as an interruption leaves the last one."""
    found, damaged = [], 0
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            damaged += 1
    return found, damaged


def rewrite(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A file of JSON lines with these rows, so that the next one is not appended to half a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".new")
    whole.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    whole.replace(path)
