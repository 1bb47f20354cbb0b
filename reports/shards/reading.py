"""What the workers wrote, read back: every intact record once, and a line for each thing that is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec

from gradlaws.records.conversions import encodable
from gradlaws.records.reading import fault, lacking, wrong
from gradlaws.records.shard import SCHEMA, Example, Record, Run
from gradlaws.reports.shards.fold import cell_records, fold, generated_records, time_records
from gradlaws.reports.shards.writing import HUNG, JOURNAL

SENSELESS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # what foreign records may raise
_TRACE = 4000  # characters of a traceback that are kept
_DOING = ("kind", "test", "function", "inputs", "limit")  # kept of an example left behind: the rest is counted
_DAMAGED = object()


def read_shards(
    folders: Sequence[Path],
    sound: Callable[[list[Record]], bool] = lambda records: True,
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[list[Record], list[str]]:
    """All intact records of all shards in the folders, and one line for each problem; a copy of a shard counts once.

    Folds are unpacked into their cells and times; a journal that a dead worker left is folded too, and the
    last example in it is kept as a record, since that is what the worker was doing. Problems are broken or
    incomplete lines, a folder without shards, a shard without header, of another schema, or not `sound`.
    """
    records: list[Record] = []
    problems: list[str] = []
    seen: set[bytes] = set()
    for folder in folders:
        if not folder.is_dir():
            problems.append(f"{folder}: no such folder; give the folder that holds the run's .jsonl shards")
            continue
        workers = sorted({path.name.removesuffix(".jsonl").removesuffix(".journal") for path in folder.glob("*.jsonl")})
        if not workers:
            problems.append(f"{folder}: no shards (*.jsonl) in it: the suite did not start, or wrote to another folder")
        for worker in workers:
            progress(f"reading {folder / worker}")
            if _again(folder / f"{worker}.jsonl", seen):
                continue
            try:
                found = _read_worker(folder, worker, problems)
                senseless = not sound(found)
            except SENSELESS:
                senseless = True
            if senseless:
                problems.append(f"{folder / worker}.jsonl: its records make no sense together: left out")
            else:
                records += found
    return records, problems


def _again(path: Path, seen: set[bytes]) -> bool:
    """Whether this very shard was read already: a copy counts once."""
    try:
        digest = hashlib.sha256(path.read_bytes()).digest()
    except OSError:  # said where it is read
        return False
    known = digest in seen
    seen.add(digest)
    return known


def _read_worker(folder: Path, worker: str, problems: list[str]) -> list[Record]:
    path = folder / f"{worker}.jsonl"
    lines = _read_lines(path, problems) if path.exists() else []
    headers = [record for record in lines if record["kind"] == "run"]
    schema = headers[0]["schema"] if headers else None
    if schema is None:
        problems.append(f"{path}: no run record, so versions and settings are unknown; run the suite again")
    elif schema != SCHEMA:
        problems.append(
            f"{path}: written with record schema {schema!r}, this report reads {SCHEMA}; "
            "build it with the version that wrote it, or run the suite again"
        )
        return []
    elif said := next(filter(None, (fault(header, Run) for header in headers)), None):
        problems.append(f"{path}: its records make no sense together: left out (in its run record {said})")
        return []
    records: list[Record] = []
    folded = set()
    for record in lines:
        if record["kind"] == "fold":
            folded.add(record["sequence"])
            records += [*record["cells"], *record["times"], *record.get("generated", ())]
        else:
            records.append(record)
    return records + _read_journal(folder / f"{worker}{JOURNAL}", folded, problems)


def _read_journal(path: Path, folded: set[int], problems: list[str]) -> list[Record]:
    if not path.exists():
        return []
    found: list[str] = []
    lines = _read_lines(path, found)
    if lines and lines[0]["kind"] == "journal" and lines[0]["sequence"] in folded:
        return []
    problems += found
    cells, times, generated = fold(lines)
    doing = _doing(path, [record for record in lines if record["kind"] == "example"])
    return [*cell_records(cells), *time_records(times), *generated_records(generated), *doing]


def _doing(path: Path, examples: Sequence[Example]) -> list[Record]:
    """What a dead worker was doing: the last example, with the time limit that stands in the test's first."""
    if not examples:
        return []
    told: dict[str, object] = {}
    for example in (examples[0], examples[-1]):
        told |= {key: value for key, value in example.items() if key in _DOING}
    hung = path.with_name(path.name.removesuffix(JOURNAL) + HUNG)
    text = hung.read_text("utf-8", "replace") if hung.exists() else ""
    trace = text.rsplit("(most recent call first):\n", 1)[-1][:_TRACE]  # the main thread is the last
    return [cast(Example, {**told, "hung": trace})]


def _read_lines(path: Path, problems: list[str]) -> list[Record]:
    """The records of one file; of what is wrong with it, the first line and how many more there are."""
    try:
        data = path.read_bytes()
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror or error}): left out")
        return []
    parsed = [_parsed(line) for line in data.splitlines()]
    foreign = any(_is_header(record) and record.get("schema") != SCHEMA for record in parsed)
    clauses = [_clause(record, foreign) for record in parsed]
    found = [f"line {count} {clause}" for count, clause in enumerate(clauses, start=1) if clause]
    if found:
        more = f", and so on {len(found) - 1} more" if len(found) > 1 else ""
        problems.append(f"{path}, {found[0]}{more}: left out, the rest is kept; run the suite again")
    return [record for record, clause in zip(parsed, clauses, strict=True) if clause is None]


def _parsed(line: bytes) -> Any:
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        return msgspec.json.decode(line)  # the same, in half the time; what it refuses, Python's may read
    try:
        record = json.loads(line)
        return encodable(record) if b"\\ud" in line.lower() else record
    except (ValueError, RecursionError):
        return _DAMAGED


def _clause(record: Any, foreign: bool) -> str | None:
    """What is wrong with a line. What another version wrote is not held against the types of this one, and a header
    only by `_read_worker`, since without it the whole shard says nothing."""
    if record is _DAMAGED:
        return "is truncated or damaged"
    return lacking(record) if foreign or _is_header(record) else wrong(record)


def _is_header(record: Any) -> bool:
    return isinstance(record, dict) and record.get("kind") == "run"
