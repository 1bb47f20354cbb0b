"""A script for every known deviation, and whether each still shows what the ledger says.

    gradlaws reproduce                       writes and runs all that the installed versions have
    gradlaws reproduce torch-trigamma        some
    gradlaws reproduce --print jax-hypot-tie prints one, to file upstream
    gradlaws reproduce --count               how many there are, and of how many formulas

A script needs its framework and mpmath only, prints got, true and error, and exits with 1 while the deviation exists.
Exit status here: 0 all say what the ledger says; 1 one does not; 2 one could not run (a crash, a hang), or its id is
unknown, or the ledger is wrong.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.precision import PRECISIONS
from gradlaws.suite import backends
from gradlaws.suite.backends.question import Question
from gradlaws.suite.backends.reproducer import script
from gradlaws.suite.configuration import configure
from gradlaws.suite.known import ledger
from gradlaws.suite.known.ledger import Row
from gradlaws.suite.tables import DataError
from gradlaws.suite.truth.quantities import truth

TIME_LIMIT = 120  # seconds
NOT_FOUND = "not found"  # how an `upstream` begins that was looked for


def written(row: Row) -> str:
    """The row's script: at most 20 lines."""
    backend, precision = backends.load(row.backend), PRECISIONS[row.dtypes[0]]
    mode = backend.named(row.quantity, row.mode)
    exact = truth(mode.quantity, row.program, row.witness, *row.directions)
    question = Question(backend, precision, row.program, row.witness, mode, row.directions)
    allowed = np.zeros(exact.exact.shape)
    if isinstance(row.got, float) and np.isfinite(row.got):
        with mp.workdps(40):
            allowed = allowed + float(abs(mpf(row.got) - exact.exact[row.component]) / 16)
    text = compact(script(question, row.component, exact, allowed))
    if isinstance(row.got, str):
        # What it raises is the deviation.
        head, answer = text.split("\nanswer = ")
        call, got, *_ = answer.splitlines()
        caught = "except Exception as error:\n    sys.exit(f'{type(error).__name__}: {error}')"
        text = f"{head}\ntry:\n    answer = {call}\n    {got}\n    print(got)\n{caught}\n"
    return f"# {row.id}: {row.cause}\n{text}"


def compact(text: str) -> str:
    """Without annotations, blank lines, and a line for each import; a function of one statement is one line."""
    text = re.sub(r": Any\b| -> (Any|None)\b|^ *\n|  # type: ignore.*", "", text, flags=re.M)
    text = re.sub(r"^( +)(\w+) = (.*)\n +return \2$", r"\1return \3", text, flags=re.M)
    text = re.sub(r"^( *)(def .*:)\n\1    (return .*)$", r"\1\2 \3", text, flags=re.M)
    lines = text.splitlines()
    lines = [line for line in lines if line not in ("import typing", "Any = typing.Any")]
    modules = dict.fromkeys(line.removeprefix("import ") for line in lines if line.startswith("import "))
    return "\n".join([f"import {', '.join(modules)}", *(x for x in lines if not x.startswith("import "))]) + "\n"


def run(row: Row, folder: Path, time_limit: float = TIME_LIMIT) -> tuple[int, str]:
    """What the row's script comes to, as an exit status, and one line about it."""
    path = folder / f"{row.id}.py"
    try:
        path.write_text(written(row))
        done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=time_limit)
    except subprocess.TimeoutExpired:
        return 2, f"{row.id}: no answer within {time_limit:g} s: {path}"
    except Exception as error:
        return 2, f"{row.id}: no script: {one_line(f'{type(error).__name__}: {error}')}"
    says = one_line(done.stdout or done.stderr)  # frameworks warn on stderr
    if done.returncode == 0:
        return 1, f"{row.id}: the deviation is gone; remove its row from suite/known/ledger.toml: {says}"
    expected = row.got if isinstance(row.got, str) else f"got {shown(row.got)} "
    if done.returncode == 1 and expected in done.stdout + done.stderr:
        return 0, f"{row.id}: {says}"
    if done.returncode == 1 and (isinstance(row.got, str) or "got " in done.stdout):
        return 1, f"{row.id}: not what the ledger says: {says}"
    return 2, f"{row.id}: crashed (exit status {done.returncode}): {says}: {path}"


def one_line(text: str) -> str:
    """The last line of it."""
    return (text.strip().splitlines() or ["nothing said"])[-1]


def shown(got: float) -> str:
    with mp.workdps(40):
        return str(mpf(got))


def chosen(ids: list[str]) -> Iterator[Row]:
    rows = {row.id: row for row in ledger.rows()}
    for name in ids or [name for name, row in rows.items() if installed(row)]:
        if name not in rows:
            raise KeyError(f"no deviation is called {name!r}; known are {', '.join(rows)}")
        yield rows[name]


def installed(row: Row) -> bool:
    """Whether the row speaks of the version that is installed; where none is, there is nothing to compare with."""
    try:
        return row.speaks_of(importlib.metadata.version(row.backend))
    except importlib.metadata.PackageNotFoundError:
        return True


def counted(rows: Sequence[Row]) -> Iterator[str]:
    """For each framework: deviations, and the formulas of which they are. Rows that are like another share its formula:
    no input, dtype, order or mode makes a finding of its own, nor another function by the same rule."""
    for backend in dict.fromkeys(row.backend for row in rows):
        mine = [row for row in rows if row.backend == backend]
        known = sum(bool(row.upstream) and not row.upstream.startswith(NOT_FOUND) for row in mine)
        searched = sum(row.upstream.startswith(NOT_FOUND) for row in mine)
        yield (
            f"{backend}: {len(mine)} deviations of {sum(not row.like for row in mine)} formulas;"
            f" {known} known upstream, {searched} looked for and not found"
        )
    yield f"all: {len(rows)} deviations of {sum(not row.like for row in rows)} formulas"


def main(arguments: list[str] | None = None, prog: str = "python -m suite.reproduce") -> int:
    parser = argparse.ArgumentParser(prog=prog, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ids", nargs="*", help="deviations (default: all of the installed versions)")
    parser.add_argument("--print", action="store_true", help="print the scripts instead of running them")
    parser.add_argument("--count", action="store_true", help="count them, runs none")
    parser.add_argument("--out", type=Path, help="folder for the scripts (default: a temporary one)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--time-limit", type=float, default=TIME_LIMIT, metavar="SECONDS", help="of one script")
    options = parser.parse_args(arguments)
    configure()
    try:
        rows = list(chosen(options.ids))
    except (KeyError, DataError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if options.print:
        print("\n".join(written(row) for row in rows))
        return 0
    if options.count:
        print("\n".join(counted(rows)))
        if others := 0 if options.ids else len(ledger.rows()) - len(rows):
            print(f"{others} more in versions that are not installed")
        return 0
    folder = options.out or Path(tempfile.mkdtemp(prefix="gradlaws-"))
    folder.mkdir(parents=True, exist_ok=True)
    statuses: list[int] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for status, text in pool.map(lambda row: run(row, folder, options.time_limit), rows):
            statuses.append(status)
            print(text, flush=True)
    print(f"{statuses.count(0)} of {len(statuses)} say what the ledger says; scripts in {folder}")
    return 1 if 1 in statuses else max(statuses, default=0)


if __name__ == "__main__":
    sys.exit(main())
