"""The list of claims, as data: what each says, and what must be seen to fail."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradlaws.records.run import Identity, Unverifiable
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.vocabulary import Quantity


@dataclass(frozen=True)
class Claim:
    """A claim of the document, or one that users of derivatives take for granted.

    ``kind``: identity, order, law of chance, count or audit; docs/claims.md says what each demands. ``document``: its
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
    dtypes: tuple[str, ...] = ()  # in which it is asked, where not in all
    needs: tuple[Quantity, ...] = ()  # what a backend must have a mode for, to be asked

    @property
    def record(self) -> Identity:
        return Identity(
            id=self.id, claim=self.claim, statement=self.statement, controls=list(self.controls), blind=self.blind,
            latex=self.latex, kind=self.kind, document=self.document,
        )  # fmt: skip

    def why_not(self, backend: Backend) -> str:
        """Why the claim does not concern the backend; empty where it does."""
        if self.id in backend.lacks:
            return backend.lacks[self.id]
        if self.backends and backend.name not in self.backends:
            return self.elsewhere
        lacking = [quantity for quantity in self.needs if not backend.modes_of(quantity)]
        return f"it has no mode for {', '.join(lacking)}" if lacking else ""


TUPLES = ("controls", "backends", "dtypes", "needs")
DATA = tomllib.loads(Path(__file__).with_name("claims.toml").read_text())


def claim(row: dict[str, Any]) -> Claim:
    return Claim(**(row | {key: tuple(row[key]) for key in TUPLES if key in row}))


CLAIMS = {row["id"]: claim(row) for row in DATA["claim"]}
UNVERIFIABLE: list[Unverifiable] = DATA["unverifiable"]
