"""What the workers wrote, read back: every intact record once, and a line for each thing that is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from reports.records import SCHEMA, Record, lacking
from reports.shards.fold import cell_records, fold, generated_records, time_records
from reports.shards.writing import HUNG, JOURNAL

SENSELESS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # what foreign records may raise
_TRACE = 4000  # characters of a traceback that are kept


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
    lines = list(_read_lines(path, problems)) if path.exists() else []
    schema = next((record["schema"] for record in lines if record["kind"] == "run"), None)
    if schema is None:
        problems.append(f"{path}: no run record, so versions and settings are unknown; run the suite again")
    elif schema != SCHEMA:
        problems.append(
            f"{path}: written with record schema {schema!r}, this report reads {SCHEMA}; "
            "build it with the version that wrote it, or run the suite again"
        )
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
    lines = list(_read_lines(path, found))
    if lines and lines[0]["kind"] == "journal" and lines[0]["sequence"] in folded:
        return []
    problems += found
    cells, times, generated = fold(lines)
    # What the worker was doing; its kind is counted already.
    kept = ("kind", "test", "function", "inputs", "limit")
    examples = [record for record in lines if record["kind"] == "example"]
    doing: list[Record] = [{key: record[key] for key in kept if key in record} for record in examples]
    if doing:
        # The test's first record has its time limit, the last what it was doing.
        hung = path.with_name(path.name.removesuffix(JOURNAL) + HUNG)
        text = hung.read_text("utf-8", "replace") if hung.exists() else ""
        trace = text.rsplit("(most recent call first):\n", 1)[-1][:_TRACE]  # the main thread is the last
        doing = [{**doing[0], **doing[-1], "hung": trace}]
    return cell_records(cells) + time_records(times) + generated_records(generated) + doing


def _read_lines(path: Path, problems: list[str]) -> Iterator[Record]:
    """The records of one file; of what is wrong with it, the first line and how many more there are."""
    wrong: list[str] = []
    try:
        data = path.read_bytes()
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror or error}): left out")
        return
    for count, line in enumerate(data.splitlines(), start=1):
        try:
            record = json.loads(line)
            if b"\\ud" in line.lower():  # half of a surrogate pair, which no encoding takes
                record = json.loads(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
            clause = lacking(record)
        except (ValueError, RecursionError):
            record, clause = None, "is truncated or damaged"
        if clause is None:
            yield record
        else:
            wrong.append(f"line {count} {clause}")
    if wrong:
        more = f", and so on {len(wrong) - 1} more" if len(wrong) > 1 else ""
        problems.append(f"{path}, {wrong[0]}{more}: left out, the rest is kept; run the suite again")
