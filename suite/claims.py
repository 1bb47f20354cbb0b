"""The list of claims, as data: what each says, and what must be seen to fail."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from suite.backends.backend import Backend


@dataclass(frozen=True)
class Claim:
    """A claim of the document, or one that users of derivatives take for granted.

    ``kind``: identity, order, law of chance, count or audit, and what each demands is in README.md. ``document``: its
    evidence is a record of its own (suite/document), not comparisons of derivatives on random functions.
    """

    id: str
    claim: str
    statement: str
    controls: tuple[str, ...]
    blind: str
    latex: str = ""  # of the statement, which the report draws
    kind: str = "identity"
    document: bool = False
    backends: tuple[str, ...] = ()  # that it concerns, where not all
    elsewhere: str = ""  # why it does not concern the others

    @property
    def record(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key not in ("backends", "elsewhere")}

    def why_not(self, backend: Backend) -> str:
        """Why the claim does not concern the backend; empty where it does."""
        return backend.lacks.get(self.id, "" if not self.backends or backend.name in self.backends else self.elsewhere)


TUPLES = ("controls", "backends")
DATA = tomllib.loads(Path(__file__).with_name("claims.toml").read_text())


def claim(row: dict[str, Any]) -> Claim:
    return Claim(**(row | {key: tuple(row[key]) for key in TUPLES if key in row}))


CLAIMS = {row["id"]: claim(row) for row in DATA["claim"]}
UNVERIFIABLE: list[dict[str, str]] = DATA["unverifiable"]
