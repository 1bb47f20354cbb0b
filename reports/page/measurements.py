"""Measurements made beside the run (benchmarks/results/*.json), read for the page; what is missing is said there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Measured = dict[str, Any]  # what benchmarks/ wrote: `rows`, each of which may lack anything
FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
SCHEMA = 1
COMMANDS = {
    "survey": "python -m tox -e survey",
    "faults": "python -m tox -e faults",
    "sensitivity": "python -m tox -e sensitivity",
    "soak": "python -m tox -e soak",
    "hidden": "python -m benchmarks.hidden --save",
    "certify": "python -m benchmarks.certify",
    "sizes": "python -m benchmarks.sizes --save",
    "history": "python -m benchmarks.history reports/out/py311-*-gate",
}


def read_measurements(folder: Path = FOLDER) -> dict[str, Measured]:
    """One entry for each kind of measurement: what the file holds, or no `rows` and in `missing` why not."""
    return {kind: _read(folder / f"{kind}.json", kind) for kind in COMMANDS}


def none() -> dict[str, Measured]:
    """As where nothing was measured."""
    return {kind: _missing(kind) for kind in COMMANDS}


def _read(path: Path, kind: str) -> Measured:
    if not path.exists():
        return _missing(kind)
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return _missing(kind, f"{path.name} cannot be read ({type(error).__name__}).")
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or found.get("kind", kind) != kind:
        return _missing(kind, f"{path.name} is not a {kind} of schema {SCHEMA}.")
    rows = [row for row in found.get("rows") or [] if isinstance(row, dict)]
    return found | {"rows": rows, "missing": ""}


def _missing(kind: str, why: str = "Not measured.") -> Measured:
    return {"kind": kind, "rows": [], "missing": f"{why} To measure it: {COMMANDS[kind]}"}
