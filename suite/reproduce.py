"""A script for every known deviation, and whether each still shows what the ledger says.

    python -m suite.reproduce                       writes and runs all of them
    python -m suite.reproduce torch-trigamma        some
    python -m suite.reproduce --print jax-hypot-tie prints one, to file upstream
    python -m suite.reproduce --count               how many there are, and of how many formulas

A script needs its framework and mpmath only, prints got, true and error, and exits with 1 while the deviation exists.
Exit status here: 0 all say what the ledger says, 1 one does not, 2 unknown id, or a ledger that is wrong.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

from strategies.precision import PRECISIONS
from suite import backends, ledger
from suite.contracts import DataError
from suite.ledger import Row
from suite.quantities import truth
from suite.reproducer import script

TIME_LIMIT = 120  # seconds
NOT_FOUND = "not found"  # how an `upstream` begins that was looked for


def written(row: Row) -> str:
    """The row's script: at most 20 lines or so."""
    backend, precision = backends.load(row.backend), PRECISIONS[row.dtypes[0]]
    mode = backend.named(row.quantity, row.mode)
    exact = truth(mode.quantity, row.program, row.witness, *row.directions)
    allowed = np.zeros(exact.exact.shape)
    if isinstance(row.got, float) and np.isfinite(row.got):
        with mp.workdps(40):
            allowed = allowed + float(abs(mpf(row.got) - exact.exact[row.component]) / 16)
    text = compact(
        script(backend, precision, mode, row.program, row.witness, row.directions, row.component, exact, allowed)
    )
    if isinstance(row.got, str):
        # What it raises is the deviation.
        head, answer = text.split("\nanswer = ")
        call = answer.splitlines()[0]
        caught = "except Exception as error:\n    sys.exit(f'{type(error).__name__}: {error}')"
        text = f"{head}\ntry:\n    print({call})\n{caught}\n"
    return f"# {row.id}: {row.cause}\n{text}"


def compact(text: str) -> str:
    """Without annotations, blank lines, and a line for each import."""
    lines = [line for line in re.sub(r": Any\b| -> Any\b", "", text).splitlines() if line.strip()]
    lines = [line for line in lines if line not in ("import typing", "Any = typing.Any")]
    modules = dict.fromkeys(line.removeprefix("import ") for line in lines if line.startswith("import "))
    return "\n".join([f"import {', '.join(modules)}", *(x for x in lines if not x.startswith("import "))]) + "\n"


def run(row: Row, folder: Path) -> tuple[bool, str]:
    """Whether the row's script says what the row says, and one line about it."""
    path = folder / f"{row.id}.py"
    path.write_text(written(row))
    try:
        done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        return False, f"{row.id}: no answer within {TIME_LIMIT} s: {path}"
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()  # frameworks warn on stderr
    says = lines[-1] if lines else "nothing"
    if done.returncode == 0:
        return False, f"{row.id}: the deviation is gone; remove its row from suite/ledger.toml: {says}"
    expected = row.got if isinstance(row.got, str) else f"got {shown(row.got)} "
    if done.returncode == 1 and expected in done.stdout + done.stderr:
        return True, f"{row.id}: {says}"
    return False, f"{row.id}: not what the ledger says (exit status {done.returncode}): {says}"


def shown(got: float) -> str:
    with mp.workdps(40):
        return str(mpf(got))


def chosen(ids: list[str]) -> Iterator[Row]:
    rows = {row.id: row for row in ledger.rows()}
    for name in ids or rows:
        if name not in rows:
            raise KeyError(f"no deviation is called {name!r}; known are {', '.join(rows)}")
        yield rows[name]


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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m suite.reproduce", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ids", nargs="*", help="deviations (default: all)")
    parser.add_argument("--print", action="store_true", help="print the scripts instead of running them")
    parser.add_argument("--count", action="store_true", help="count them, runs none")
    parser.add_argument("--out", type=Path, help="folder for the scripts (default: a temporary one)")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
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
        return 0
    folder = options.out or Path(tempfile.mkdtemp(prefix="gradlaws-"))
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda row: run(row, folder), rows))
    for _, text in results:
        print(text)
    print(f"{sum(ok for ok, _ in results)} of {len(results)} say what the ledger says; scripts in {folder}")
    return 0 if all(ok for ok, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
