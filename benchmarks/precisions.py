"""In which precisions each row of the ledger is seen: its witness, asked in all that its backend computes in.

    python -m benchmarks.precisions                    every row
    python -m benchmarks.precisions torch-trigamma     some
    python -m benchmarks.precisions --backends torch   those of a framework
    python -m benchmarks.precisions --write            and sets their `dtypes` in suite/known/ledger.toml

The witness, its weights and its direction are rounded to the precision; where one overflows or vanishes, or leaves the
row's region, it is not representable there. The verdict is the suite's, with no row of the ledger in force:

    deviates            violated, or raises what the row names
    as recorded         the bound, or the oracle, can say nothing, and the answer is as far off as the row says
    inconclusive        they can say nothing, and the answer is not
    right               holds
    not representable   there is no such witness in the precision
    not asked           the framework has no such mode there, or another version of it is installed

A row names every precision in which its witness deviates, and none in which it is right, inconclusive or not
representable. What deviates where another row speaks of it, as where a fault has a witness in each precision,
is named by that row.

Exit status: 0 every row names what it should, 1 one does not, 2 bad usage.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.strategies.program import Point
from gradlaws.suite import backends
from gradlaws.suite.backends.question import Question
from gradlaws.suite.checking.asking import asked
from gradlaws.suite.checking.excuses import excused
from gradlaws.suite.configuration import configure
from gradlaws.suite.known import ledger
from gradlaws.suite.known.ledger import Row

Found = Literal["deviates", "as recorded", "inconclusive", "right", "not representable", "not asked"]
UNSHOWN: tuple[Found, ...] = ("inconclusive", "right", "not representable")  # in which a row has no business
ULPS = 64


@dataclass(frozen=True)
class Tried:
    """A row's witness in one precision: what is found, why, and the row that speaks of it there if it deviates."""

    row: Row
    dtype: str
    found: Found
    why: str = ""
    by: str = ""

    @property
    def named(self) -> bool:
        return self.dtype in self.row.dtypes

    @property
    def wrong(self) -> str:
        """What is wrong with the row's precisions there; "" where nothing is."""
        if self.found == "deviates" and not (self.named or self.by):
            return f"{self.row.id} deviates in {self.dtype}, which it does not name"
        if self.found in UNSHOWN and self.named:
            return f"{self.row.id} names {self.dtype}, in which it is {self.found}: {self.why}"
        return ""


def rounded(row: Row, precision: Precision) -> Row:
    """The row with its witness, weights and direction in the precision. Raises ValueError where there is none."""
    nearest = np.vectorize(precision.round, otypes=[float])

    def near(arrays: Point) -> Point:
        found = tuple(np.asarray(nearest(x)) for x in arrays)
        for x, y in zip(arrays, found, strict=True):
            if lost := x[(np.isfinite(x) & ~np.isfinite(y)) | ((x != 0) & (y == 0))].tolist():
                raise ValueError(f"{lost[0]!r} {'vanishes' if abs(lost[0]) < 1 else 'overflows'}")
        return found

    weights = near((np.array(row.weights),))[0]
    found = replace(row, witness=near(row.witness), tangent=near(row.tangent), weights=tuple(weights.tolist()))
    if not found.contains(found.witness):
        raise ValueError("rounded, it is outside of the region")
    return found


def tried(row: Row, dtype: str) -> Tried:
    """What the witness shows in a precision."""
    backend, precision = backends.load(row.backend), PRECISIONS[dtype]
    if not row.speaks_of(backend.version):
        return Tried(row, dtype, "not asked", f"{backend} is installed")
    try:
        here = rounded(row, precision)
        mode = backend.named(row.quantity, row.mode)
    except ValueError as error:
        return Tried(row, dtype, "not representable", str(error))
    except KeyError as unknown:
        return Tried(row, dtype, "not asked", str(unknown.args[0]))
    answer = asked(Question(backend, precision, here.program, here.witness, mode, here.directions))
    verdict = answer.verdict
    recorded = (
        answer.got is not None
        and answer.exact is not None
        and as_recorded(here, float(answer.got[here.component]), answer.exact.exact[here.component], precision)
    )
    if verdict.kind == "unsupported":
        return Tried(row, dtype, "not asked", verdict.reason)
    if verdict.kind == "inconclusive" or (verdict.kind == "holds" and verdict.undecided and recorded):
        return Tried(row, dtype, "as recorded" if recorded else "inconclusive", verdict.reason)
    if verdict.kind == "holds":
        return Tried(row, dtype, "right", f"{verdict.ratio or 0:.2g} of its bound")
    said, record = excused(answer)
    why = verdict.reason or f"{verdict.ratio:.2g} times its bound"
    return Tried(row, dtype, "deviates", why, said.verdict.reason if record else "")


def as_recorded(row: Row, got: float, true: mpf, precision: Precision) -> bool:
    """Whether an answer is about as far off, for its size, as the row's, as suite/identities/test_ledger.py asks of
    a witness; but by more than rounding leaves."""
    if isinstance(row.got, str) or not (math.isfinite(got) and math.isfinite(row.got)):
        return isinstance(row.got, float) and not math.isfinite(got) and not math.isfinite(row.got)
    with mp.workdps(40):
        recorded = abs(mpf(row.got) - mpf(row.true)) / (abs(mpf(row.true)) or 1)
        error = abs(mpf(got) - true) / (abs(true) or 1)
        return bool(max(recorded / 16, ULPS * mpf(precision.unit_roundoff)) < error <= 4 * recorded)


def everywhere(rows: Sequence[Row]) -> Iterator[list[Tried]]:
    """Each row in all precisions of its backend."""
    for row in rows:
        yield [tried(row, dtype) for dtype in backends.load(row.backend).dtypes]


def precisions(of: Sequence[Tried]) -> tuple[str, ...]:
    """What the row should name; its first, in which it is confirmed, stays the first."""
    row = of[0].row
    names = [
        one.dtype for one in of if (one.named and one.found not in UNSHOWN) or (one.found == "deviates" and not one.by)
    ]
    return tuple(sorted(names, key=lambda name: (name != row.dtypes[0], [*PRECISIONS].index(name))))


def written(text: str, row: Row, names: Sequence[str]) -> str:
    """The ledger with these as the row's precisions, all else as it is."""
    listed = ", ".join(f'"{name}"' for name in names)
    pattern = rf'(^id = "{re.escape(row.id)}"$(?:(?!\[\[deviation\]\]).)*?^dtypes = )\[[^\]]*\]'
    changed, count = re.subn(pattern, rf"\g<1>[{listed}]", text, flags=re.M | re.S)
    assert count == 1, row.id
    return changed


def main(arguments: list[str] | None = None) -> int:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks.precisions", description=__doc__, formatter_class=formatter)
    parser.add_argument("ids", nargs="*", help="deviations (default: all)")
    parser.add_argument("--backends", default="", help="comma-separated (default: all)")
    parser.add_argument("--write", action="store_true", help="set dtypes in the ledger")
    options = parser.parse_args(arguments)
    configure()
    wanted = options.backends.split(",") if options.backends else [row.backend for row in ledger.rows()]
    rows = [row for row in ledger.rows() if row.backend in wanted and (not options.ids or row.id in options.ids)]
    if unknown := set(options.ids) - {row.id for row in rows}:
        print(f"no deviation is called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    text, wrong = ledger.DATA.read_text(), []
    for of in everywhere(rows):
        row, names = of[0].row, precisions(of)
        for one in of:
            by = f", of which {one.by} speaks" if one.by not in ("", row.id) else ""
            print(f"{row.id}\t{one.dtype}\t{'named' if one.named else ''}\t{one.found}\t{one.why}{by}", flush=True)
        wrong += [one.wrong for one in of if one.wrong]
        if options.write and names and set(names) != set(row.dtypes):
            text = written(text, row, names)
    print("\n".join([f"{len(rows)} deviations, {len(wrong)} with precisions that are not theirs", *wrong]))
    if options.write:
        Path(ledger.DATA).write_text(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
