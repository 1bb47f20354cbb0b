"""A file of contracts anew, from what was measured: to be read, and put in the place of suite/bound/contracts.toml.

Rows of single modes, of what was not measured, and all reasons are those that stand; each row says what it needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.survey import arrays, dense, table, tighten, tighten_arrays
from benchmarks.survey.tighten import Proposal
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import EXTENDED, HALF, WIDE
from gradlaws.suite.bound import contracts
from gradlaws.suite.run import current

MEASURED = re.compile(r"[ ;,]*\(?measured[^)]*\)?")


def proposed(names: Sequence[str]) -> Iterator[Proposal]:
    """All rows of these primitives, as far as they were measured."""
    for name in names:
        for dtypes in (WIDE, HALF):
            paths = {dtype: table.path(name, dtype) for dtype in dtypes}
            paths = {dtype: path for dtype, path in paths.items() if path.exists()}
            for backend in current().modules:
                if not paths or backend not in PRIMITIVES[name].spellings:
                    continue
                if PRIMITIVES[name].kind == "structured":
                    entries = {dtype: arrays.read(path) for dtype, path in paths.items()}
                    yield from tighten_arrays.proposals(name, backend, entries)
                else:
                    found = [table.read(path) for path in paths.values()]
                    groups = groups_of(backend, name)
                    if dtypes == HALF:  # in which Taylor mode cancels all digits: the ledger says where
                        groups = tuple(group for group in groups if group != "jet")
                    yield from tighten.proposals(found, backend, groups)


def groups_of(backend: str, primitive: str) -> tuple[str, ...]:
    """The groups of modes of which no row of single modes speaks."""
    named = [row for row in contracts.read() if backend in row.backends and primitive in row.primitives]
    rows = [row for row in named if row.modes != ("*",)]

    def spoken_of(mode: str) -> bool:
        return any(row.covers(backend, dtype, mode, primitive) for row in rows for dtype in row.dtypes)

    return tuple(group for group, modes in dense.GROUPS.items() if not any(map(spoken_of, modes)))


def cause(proposal: Proposal) -> str:
    """Of the row that stands, without what was measured."""
    standing = [
        row for row in contracts.rows()
        if row.modes == ("*",) and proposal.backend in row.backends and proposal.primitive in row.primitives
    ]  # fmt: skip
    standing.sort(key=lambda row: proposal.dtypes[0] not in row.dtypes)
    return MEASURED.sub("", standing[0].reason).strip(" ;,") if standing else ""


def written(names: Sequence[str]) -> str:
    """The rows in TOML: those that stand and were not measured, then of these primitives anew."""
    with np.errstate(all="ignore"):
        rows = list(proposed(names))
    texts = [tighten.toml(row, f"{cause(row)} {tighten.told(row)}".strip()) for row in rows]
    return "\n".join([*map(standing_text, standing(names)), *texts])


def standing(names: Sequence[str]) -> Iterator[contracts.Row]:
    """What is left of the rows that stand: what no proposal was made of."""
    for row in contracts.read():
        left: dict[tuple[str, ...], list[str]] = {}
        for name in row.primitives:
            anew = row.modes == ("*",) and name in names
            dtypes = tuple(dtype for dtype in row.dtypes if not (anew and table.path(name, dtype).exists()))
            left.setdefault(dtypes, []).append(name)
        for dtypes, primitives in left.items():
            if dtypes:
                yield replace(row, primitives=tuple(primitives), dtypes=dtypes)


def standing_text(row: contracts.Row) -> str:
    dtypes = tuple(row.dtypes)
    lines = ["[[contract]]", f"backends = {json.dumps(list(row.backends))}",
             f"primitives = {json.dumps(list(row.primitives))}"]  # fmt: skip
    if row.modes != ("*",):
        lines.append(f"modes = {json.dumps(list(row.modes))}")
    if set(dtypes) != {*WIDE, *HALF, *EXTENDED}:
        lines.append(f"dtypes = {json.dumps(list(dtypes))}")
    if row.region:
        lines.append(f'region = "{row.region}"')
    numbers = row.contract
    lines.append(f"ulps = [{', '.join(f'{c:g}' for c in numbers.ulps)}]")
    lines += [f"{n} = {has:g}" for n in ("conditioning", "absolute", "normwise") if (has := getattr(numbers, n))]
    return "\n".join([*lines, f"reason = {json.dumps(row.reason, ensure_ascii=False)}"]) + "\n"


def write(names: Sequence[str], path: Path) -> int:
    """How many rows there are."""
    text = written(names)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return text.count("[[contract]]")
