"""Shards: what each worker writes while its tests run, and what is read back, whatever a crash left behind.

A worker has two files. Comparisons, examples and times go to its journal, one flushed line each. At the end
of a test `fold` appends them to its shard as ONE line with the journal's sequence number, and only then
empties the journal. A crash before that line leaves the journal to be read; a crash after it leaves a
journal whose number is already in the shard, which is skipped. Either way everything is counted exactly
once. The last example in a journal that is left is what the worker was doing when it died; a third file holds
the traceback of one that took too long.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from reports.fold import (
    Cells,
    Generated,
    Times,
    add_comparison,
    add_example,
    add_time,
    cell_records,
    fold,
    generated_records,
    time_records,
)
from reports.records import SCHEMA, Record, encode, lacking

_JOURNALLED = frozenset({"example", "comparison", "time"})
_JOURNAL, _HUNG = ".journal.jsonl", ".hung.txt"
_TRACE = 4000  # characters of a traceback that are kept
SENSELESS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # what foreign records may raise


class ShardWriter:
    """Appends the records of one worker to `<folder>/<worker>.jsonl`; each line is flushed."""

    def __init__(self, folder: Path, worker: str, header: Mapping[str, Any]) -> None:
        """Create the folder and both files. FileExistsError if this worker has a shard there already."""
        folder.mkdir(parents=True, exist_ok=True)
        self._shard = _create(folder / f"{worker}.jsonl")
        self._journal = (folder / f"{worker}{_JOURNAL}").open(
            "w", encoding="utf-8", errors="backslashreplace", newline="\n"
        )
        self._hung = (folder / f"{worker}{_HUNG}").open("w", encoding="utf-8")
        self._cells: Cells = {}
        self._times: Times = {}
        self._generated: Generated = {}
        self._sequence = 0
        self._failures = 0
        self._append({"kind": "run", "schema": SCHEMA, "worker": worker, **header})
        self._restart_journal()

    def write(self, record: Mapping[str, Any]) -> None:
        """Keep one record (see `records.REQUIRED`). KeyError if a comparison or time lacks one."""
        kind = record["kind"]
        if kind not in _JOURNALLED:
            self._append(self._numbered(record) if kind == "failure" else record)
            return
        if kind == "comparison":
            add_comparison(self._cells, record)
        elif kind == "time":
            add_time(self._times, record)
        elif kind == "example":
            add_example(self._generated, record)
        self._journal.write(encode(record) + "\n")
        self._journal.flush()

    @contextmanager
    def watch(self, test: str, limit: float) -> Iterator[None]:
        """A test begins; the process is ended if it takes more than `limit` seconds, whatever it is stuck in."""
        self.write({"kind": "example", "test": test, "limit": limit})
        faulthandler.dump_traceback_later(limit, exit=True, file=self._hung)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    def fold(self) -> None:
        """Move what the journal holds to the shard, folded; call it at the end of each test."""
        if self._cells or self._times or self._generated:
            self._append(
                {
                    "kind": "fold",
                    "sequence": self._sequence,
                    "cells": cell_records(self._cells),
                    "times": time_records(self._times),
                    "generated": generated_records(self._generated),
                }
            )
            self._sequence += 1
        self._cells, self._times, self._generated = {}, {}, {}
        self._restart_journal()

    def close(self) -> None:
        """Fold what is left and close the files."""
        self.fold()
        for file in (self._shard, self._journal, self._hung):
            file.close()

    def _append(self, record: Mapping[str, Any]) -> None:
        self._shard.write(encode(record) + "\n")
        self._shard.flush()

    def _numbered(self, record: Mapping[str, Any]) -> Record:
        # The last failure of a test is the shrunk one; its number says so wherever the records travel.
        self._failures += 1
        return {**record, "number": self._failures}

    def _restart_journal(self) -> None:
        self._journal.seek(0)
        self._journal.truncate()
        self._journal.write(encode({"kind": "journal", "sequence": self._sequence}) + "\n")
        self._journal.flush()


def clear(folder: Path) -> None:
    """Remove the shards of an earlier run, and make the folder. OSError if that cannot be done."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name.endswith((".jsonl", _HUNG)):
            path.unlink()


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


def merge(folders: Sequence[Path], out: Path) -> None:
    """Copy the shards of several folders into one, which is emptied first. OSError if that cannot be done."""
    clear(out)
    for number, folder in enumerate(folders, start=1):
        for path in sorted(folder.iterdir()):
            if path.name.endswith((".jsonl", _HUNG)):
                shutil.copyfile(path, out / f"{number}-{path.name}")


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
    return records + _read_journal(folder / f"{worker}{_JOURNAL}", folded, problems)


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
        hung = path.with_name(path.name.removesuffix(_JOURNAL) + _HUNG)
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


def _create(path: Path) -> TextIO:
    try:
        return path.open("x", encoding="utf-8", errors="backslashreplace", newline="\n")
    except FileExistsError:
        raise FileExistsError(f"{path} exists: empty the shards folder before a run, or use another") from None
