"""How much evidence is enough: the data of floors.toml, checked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast, get_args

from gradlaws.records.run import AtLeast, AtMost, Floor, Level
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.suite.known.claims import CLAIMS
from gradlaws.suite.tables import DataError, table
from gradlaws.suite.vocabulary import MODULES

DATA = Path(__file__).with_name("floors.toml")
LEVELS = get_args(Level)
LEAST, MOST = tuple(AtLeast.__annotations__), tuple(AtMost.__annotations__)
KNOWN: dict[str, list[str]] = {"identities": [*CLAIMS], "backends": [*MODULES], "dtypes": [*PRECISIONS]}


def read(path: Path = DATA) -> tuple[Floor, ...]:
    """The rows of a file of floors, as the report takes them. Raises DataError, in one line, where one is wrong."""
    rows = table(path, "floor")
    for number, row in enumerate(rows, start=1):
        if wrong := fault(row):
            raise DataError(f"{path}: floor {number}: {wrong}")
    return tuple(cast(Floor, row) for row in rows)


def fault(row: Mapping[str, Any]) -> str:
    """What is wrong with a row; empty where nothing is."""
    if row.get("level") not in LEVELS:
        return f"level = {row.get('level')!r}; known are {', '.join(LEVELS)}"
    if not isinstance(row.get("reason"), str) or not row["reason"]:
        return "lacks its reason"
    if unknown := set(row) - {"level", "reason", *KNOWN, *LEAST, *MOST}:
        return f"has unknown {', '.join(sorted(unknown))}; known are {', '.join((*KNOWN, *LEAST, *MOST))}"
    for key, known in KNOWN.items():
        names = row.get(key, [])
        if not isinstance(names, list) or not set(names) <= set(known):
            return f"{key} = {names!r}; known are {', '.join(known)}"
    for key in LEAST:
        if not isinstance(row.get(key, 0), int) or row.get(key, 0) < 0:
            return f"{key} = {row[key]!r} is not a count"
    for key in MOST:
        if not isinstance(row.get(key, 0), int | float) or not 0 <= row.get(key, 0) <= 1:
            return f"{key} = {row[key]!r} is not a share between 0 and 1"
    return ""


@cache
def rows() -> tuple[Floor, ...]:
    return read()
