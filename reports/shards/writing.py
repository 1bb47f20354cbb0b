"""What each worker writes while its tests run, so that whatever a crash leaves behind can be read.

A worker has two files. Comparisons, examples and times go to its journal, one flushed line each. At the end
of a test `fold` appends them to its shard as ONE line with the journal's sequence number, and only then
empties the journal. A crash before that line leaves the journal to be read; a crash after it leaves a
journal whose number is already in the shard, which is skipped. Either way everything is counted exactly
once. The last example in a journal that is left is what the worker was doing when it died; a third file holds
the traceback of one that took too long.
"""

from __future__ import annotations

import faulthandler
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from gradlaws.records import shard
from gradlaws.records.conversions import encode
from gradlaws.records.run import Header
from gradlaws.reports.shards.fold import (
    Cells,
    Generated,
    Times,
    add_comparison,
    add_example,
    add_time,
    cell_records,
    generated_records,
    time_records,
)

JOURNAL, HUNG = ".journal.jsonl", ".hung.txt"  # ends of the names of a worker's other two files


class ShardWriter:
    """Appends the records of one worker to `<folder>/<worker>.jsonl`; each line is flushed."""

    def __init__(self, folder: Path, worker: str, header: Header) -> None:
        """Create the folder and both files. FileExistsError if this worker has a shard there already."""
        folder.mkdir(parents=True, exist_ok=True)
        self._shard = _create(folder / f"{worker}.jsonl")
        self._journal = (folder / f"{worker}{JOURNAL}").open(
            "w", encoding="utf-8", errors="backslashreplace", newline="\n"
        )
        self._hung = (folder / f"{worker}{HUNG}").open("w", encoding="utf-8")
        self._cells: Cells = {}
        self._times: Times = {}
        self._generated: Generated = {}
        self._sequence = 0
        self._failures = 0
        self._append({"kind": "run", "schema": shard.SCHEMA, "worker": worker, **header})
        self._restart_journal()

    def write(self, record: shard.Record) -> None:
        """Keep one record. KeyError if a comparison or time lacks a key that it needs."""
        match record["kind"]:
            case "comparison":
                add_comparison(self._cells, record)
            case "time":
                add_time(self._times, record)
            case "example":
                add_example(self._generated, record)
            case "failure":
                # The last failure of a test is the shrunk one; its number says so wherever the records travel.
                self._failures += 1
                return self._append({**record, "number": self._failures})
            case _:
                return self._append(record)
        self._journal.write(encode(record) + "\n")
        self._journal.flush()

    @contextmanager
    def watch(self, test: str, limit: float) -> Iterator[None]:
        """A test begins; the process is ended if it takes more than `limit` seconds, whatever it is stuck in."""
        self.write(shard.Example(kind="example", test=test, limit=limit))
        faulthandler.dump_traceback_later(limit, exit=True, file=self._hung)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    def fold(self) -> None:
        """Move what the journal holds to the shard, folded; call it at the end of each test."""
        if self._cells or self._times or self._generated:
            self._append(
                shard.Fold(
                    kind="fold",
                    sequence=self._sequence,
                    cells=cell_records(self._cells),
                    times=time_records(self._times),
                    generated=generated_records(self._generated),
                )
            )
            self._sequence += 1
        self._cells, self._times, self._generated = {}, {}, {}
        self._restart_journal()

    def close(self) -> None:
        """Fold what is left and close the files."""
        self.fold()
        for file in (self._shard, self._journal, self._hung):
            file.close()

    def _append(self, record: Mapping[str, object]) -> None:
        self._shard.write(encode(record) + "\n")
        self._shard.flush()

    def _restart_journal(self) -> None:
        self._journal.seek(0)
        self._journal.truncate()
        self._journal.write(encode(shard.Journal(kind="journal", sequence=self._sequence)) + "\n")
        self._journal.flush()


def clear(folder: Path) -> None:
    """Remove the shards of an earlier run, and make the folder. OSError if that cannot be done."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name.endswith((".jsonl", HUNG)):
            path.unlink()


def merge(folders: Sequence[Path], out: Path) -> None:
    """Copy the shards of several folders into one, which is emptied first. OSError if that cannot be done."""
    clear(out)
    for number, folder in enumerate(folders, start=1):
        for path in sorted(folder.iterdir()):
            if path.name.endswith((".jsonl", HUNG)):
                shutil.copyfile(path, out / f"{number}-{path.name}")


def _create(path: Path) -> TextIO:
    try:
        return path.open("x", encoding="utf-8", errors="backslashreplace", newline="\n")
    except FileExistsError:
        raise FileExistsError(f"{path} exists: empty the shards folder before a run, or use another") from None
