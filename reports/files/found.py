"""The cases that a run has found, where `python -m suite corpus add` reads them."""

from __future__ import annotations

from pathlib import Path

from gradlaws.reports.shards.reading import read_shards


def keep_found(out: Path) -> None:
    """Writes found.jsonl: shrunk failures, and the worst."""
    records, _ = read_shards([out / "shards"])
    found = {record["case"]: record["case"] for record in records if record["kind"] == "found"}
    shrunk = {record["test"]: record["case"] for record in records if record["kind"] == "failure"}
    (out / "found.jsonl").write_text("".join(f"{line}\n" for line in (*shrunk.values(), *found) if line), "utf-8")
