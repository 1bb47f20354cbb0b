"""A report that was written earlier, read back; and the folders of shards that a command was given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from reports.records import Record, Report

REPORT_SCHEMA = 1


class BadInput(Exception):
    """Nothing can be read there; the message is one line that says what and where."""


def read_report(path: Path) -> Report:
    """A report.json. Raises BadInput where it is none, or one of another schema."""
    return checked(read_json(path), path)


def read_json(path: Path) -> Record:
    """The JSON object in a file. Raises BadInput where there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{path}: not JSON: truncated, or not a report; build it again from its shards") from None
    if not isinstance(found, dict):
        raise BadInput(f"{path}: not a report.json; python -m reports build writes one")
    return found


def checked(found: Record, path: Path) -> Report:
    """The object, if it is a report that this version reads. Raises BadInput otherwise."""
    if "schema" not in found or "outcome" not in found:
        raise BadInput(f"{path}: not a report.json; python -m reports build writes one")
    if found["schema"] != REPORT_SCHEMA:
        raise BadInput(
            f"{path}: a report of schema {found['schema']!r}, this version reads {REPORT_SCHEMA}; "
            "build it again from its shards, or read it with the version that wrote it"
        )
    return found


def shard_folders(paths: Sequence[Path], out: Path) -> list[Path]:
    """The folders of shards in what was given: themselves, or `shards` inside them; by default that of `out`."""
    return [path / "shards" if (path / "shards").is_dir() else path for path in paths] or [out / "shards"]
