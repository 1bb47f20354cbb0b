"""Tables of data files, and what is said of a row that is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any


class DataError(ValueError):
    """A row of a data file is wrong; the message is one line that says which and what to do."""


def table(path: Path, name: str) -> list[dict[str, Any]]:
    """The rows [[name]] of a TOML file that holds nothing else. Raises DataError."""
    try:
        data = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if unknown := set(data) - {name}:
        raise DataError(f"{path}: unknown table [[{', '.join(sorted(unknown))}]]; rows are called [[{name}]]")
    rows: list[dict[str, Any]] = data.get(name, [])
    return rows


def overlap(a: Iterable[str], b: Iterable[str]) -> bool:
    """Whether one pattern of modes matches another, read as a name."""
    return any(fnmatchcase(p, q) or fnmatchcase(q, p) for p in a for q in b)
