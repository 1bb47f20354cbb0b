"""Stored cases: what a test drew, so that it can be asked again, whatever Hypothesis and the catalogue have become.

corpus.jsonl holds one case a line, as JSON:

    id          the identity, and the hash of what follows up to `drawn`
    identity    of suite/known/claims.toml; `test` is the function that verifies it, `parameters` its own, if it has any
    dtype       of the point
    drawn       what the test drew, in order: programs, points, directions (strategies/encoding.py)
    mode        the comparison that failed, where it is a counterexample
    pin         true for a past counterexample, which the lane `pin` asks
    recorded    for each backend what was found: "holds", "violated" or "inconclusive"; others are not asked
    ratio       the largest error / bound that was seen
    why         why it is kept, in one line
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradlaws.strategies import encoding
from gradlaws.strategies.encoding import EncodingError
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.program import Composition, Program

DATA = Path(__file__).with_name("corpus.jsonl")
CONTENT = ("identity", "test", "parameters", "dtype", "drawn")
OPTIONAL = ("mode", "pin", "recorded", "ratio", "why")
OUTCOMES = ("violated", "holds", "inconclusive")  # of one case on one backend, gravest first


class CaseError(ValueError):
    """A text is no case, or the suite cannot ask it any more; the message is one line that says why."""


@dataclass(frozen=True)
class Case:
    """``drawn`` is as in JSON, so that a case can be read and kept that the catalogue no longer knows."""

    identity: str
    test: str
    parameters: Mapping[str, Any]
    dtype: str
    drawn: list[Any]
    mode: str = ""
    pin: bool = False
    recorded: Mapping[str, str] = field(default_factory=dict)
    ratio: float | None = None
    why: str = ""

    def __str__(self) -> str:
        return self.id

    @property
    def content(self) -> dict[str, Any]:
        return {key: value for key in CONTENT if (value := getattr(self, key)) or key == "drawn"}

    @property
    def id(self) -> str:
        text = json.dumps(self.content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return f"{self.identity}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def line(self) -> str:
        """As a line of the corpus."""
        rest = {key: value for key in OPTIONAL if (value := getattr(self, key)) not in ("", False, None, {})}
        return json.dumps({"id": self.id, **self.content, **rest}, ensure_ascii=False, separators=(",", ":"))

    def decoded(self) -> tuple[Any, ...]:
        """What the test drew. Raises CaseError where the catalogue does not know it."""
        try:
            return tuple(encoding.decode(value) for value in self.drawn)
        except EncodingError as error:
            raise CaseError(f"{self.id}: {error}") from error

    @property
    def programs(self) -> tuple[Program, ...]:
        """All the programs in it."""
        return tuple(programs_in(self.decoded()))


def case(
    identity: str, test: str, parameters: Mapping[str, Any], dtype: str, drawn: Iterable[Any], mode: str,
    recorded: Mapping[str, str],
) -> Case | None:  # fmt: skip
    """What a test has drawn; None where something in it cannot be stored.

    ``test`` is the id that pytest gives it.
    """
    try:
        stored = [encoding.encode(value) for value in drawn]
        own = {key: encoding.encode(value) for key, value in parameters.items()}
    except EncodingError:
        return None
    name = test.rpartition("::")[2].partition("[")[0]
    return Case(identity, name, own, dtype, stored, mode, recorded=recorded)


def programs_in(value: Any) -> Iterable[Program]:
    if isinstance(value, Program):
        yield value
    elif isinstance(value, Composition):
        yield value.program
    elif isinstance(value, tuple):
        for item in value:
            yield from programs_in(item)


@dataclass(frozen=True)
class Damaged:
    """A line that is no case; it is reported where it would have been asked."""

    where: str
    reason: str
    dtype: str = "float64"
    identity: str = ""
    recorded: Mapping[str, str] = field(default_factory=dict)
    pin: bool = True

    def __str__(self) -> str:
        return self.where

    id = property(__str__)


def parse(text: str) -> Case:
    """A case from its JSON. Raises CaseError."""
    try:
        row = json.loads(text)
    except ValueError as error:
        raise CaseError(f"is no JSON, perhaps cut short: {error}") from error
    if not isinstance(row, dict):
        raise CaseError("is no JSON object")
    if missing := [key for key in ("identity", "dtype", "drawn") if key not in row]:
        raise CaseError(f"lacks {', '.join(missing)}")
    if unknown := set(row) - {"id", *CONTENT, *OPTIONAL}:
        raise CaseError(f"has unknown {', '.join(sorted(unknown))}")
    if row["dtype"] not in PRECISIONS:
        raise CaseError(f"has the unknown dtype {row['dtype']!r}; known are {', '.join(PRECISIONS)}")
    if not isinstance(row["drawn"], list):
        raise CaseError("drawn is no list")
    if strange := set(row.get("recorded", {}).values()) - set(OUTCOMES):
        raise CaseError(f"records {', '.join(sorted(strange))}; known are {', '.join(OUTCOMES)}")
    values = {key: row[key] for key in (*CONTENT, *OPTIONAL) if key in row}
    case = Case(**{"test": "", "parameters": {}, **values})
    if row.get("id", case.id) != case.id:
        raise CaseError(f"is called {row['id']}, but what it holds is {case.id}; it has been altered")
    return case


def read(path: Path = DATA) -> list[Case | Damaged]:
    """The cases of a file, and its damaged lines. Raises CaseError where there is no such file, or a case twice."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: cannot be read: {error}") from error
    found: list[Case | Damaged] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(parse(line))
        except CaseError as error:
            found.append(Damaged(f"{path.name}:{number}", str(error)))
    return found


def write(cases: Iterable[Case], path: Path) -> None:
    """The cases in the order of their ids, each once."""
    lines = {case.id: case.line for case in cases}
    path.write_text("".join(lines[name] + "\n" for name in sorted(lines)), "utf-8")
