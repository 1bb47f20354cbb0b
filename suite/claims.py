"""The list of claims, as data: what each says, and what must be seen to fail."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Claim:
    id: str
    claim: str
    statement: str
    controls: tuple[str, ...]
    blind: str

    @property
    def record(self) -> dict[str, Any]:
        return asdict(self)


CLAIMS = {
    row["id"]: Claim(row["id"], row["claim"], row["statement"], tuple(row["controls"]), row["blind"])
    for row in tomllib.loads(Path(__file__).with_name("claims.toml").read_text())["claim"]
}
