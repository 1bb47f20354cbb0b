"""Small records for the tests of the report: a run that is green, to be spoilt one record at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gradlaws.records.shard import Record
from gradlaws.reports.page.seal import opened
from gradlaws.reports.shards.writing import ShardWriter

HEADER: dict[str, Any] = {
    "profile": "gate",
    "asked": {"paths": "suite/test_gradients.py"},
    "seed": "0",
    "started": "2026-11-22T22:30:00+00:00",
    "versions": {"python": "3.11.7", "torch": "2.13.0+cpu"},
    "platform": "Linux",
    "cpus": 2,
    "settings": {"max_examples": 100},
    "floor": 5,
    "left_out": {},
    "flush": {"torch float64": "subnormals kept"},
    "identities": [
        {
            "id": "G1",
            "claim": "the gradient is the vector of partial derivatives",
            "statement": "∇f(x)ᵢ = ∂f/∂xᵢ",
            "controls": ["rule scaled by 1 + 2¹²u"],
            "blind": "",
        }
    ],
    "systems": [["torch", "float64"]],
}


def comparison(verdict: str = "holds", ratio: float | None = 0.25, **changes: Any) -> Record:
    """One comparison of G1 on torch float64, with some fields changed."""
    return {
        "kind": "comparison", "identity": "G1", "backend": "torch", "dtype": "float64", "mode": "func.grad",
        "order": 1, "verdict": verdict, "ratio": ratio, "digits": 14.9, "function": "f(x) = tanh(x)",
        "primitives": ["tanh"], "size": 1, "steps": 1, "seconds": 0.001,
    } | changes  # fmt: skip


def control(**changes: Any) -> Record:
    """The control of G1, which failed as it must."""
    return {
        "kind": "control", "identity": "G1", "backend": "torch", "dtype": "float64",
        "control": "rule scaled by 1 + 2¹²u", "tried": 40, "failed": 39,
    } | changes  # fmt: skip


def failure(**changes: Any) -> Record:
    """A violation of G1 by torch."""
    return {
        "kind": "failure", "id": "G1-7f3a", "identity": "G1", "backend": "torch", "dtype": "float64",
        "mode": "func.grad", "order": 1, "test": "suite/test_gradients.py::test_gradient[torch-float64]",
        "function": "f(x) = tanh(x)", "steps": 1, "size": 1,
        "inputs": [{"name": "x", "shape": [2], "hex": ["0x1.8p+0", "-0x1p-2"]}], "component": "[0]",
        "got": "-0x1.8p-2", "true": "-0.4199743420300000000000001", "bound": "6.1e-16", "ratio": 7e5,
        "verdict": "violated", "message": "off by 0.04", "scripts": {"torch": "print('torch')\n"},
        "replay": "python -m pytest suite/test_gradients.py --hypothesis-seed=0",
    } | changes  # fmt: skip


def run_record() -> Record:
    """The header as it stands in a shard."""
    return {"kind": "run", "schema": 1, "worker": "main", **HEADER}


def green() -> list[Record]:
    """The records of a green run."""
    time = {"kind": "time", "part": "oracle", "backend": "torch", "seconds": 1.5}
    test = {"kind": "test", "nodeid": "suite/test_gradients.py::test_gradient[torch-float64]",
            "outcome": "passed", "seconds": 1.2, "message": ""}  # fmt: skip
    return [run_record(), *[comparison() for _ in range(6)], control(), time, test]


def write_shards(folder: Path, records: Iterable[Record], worker: str = "main", fold_every: int = 4) -> None:
    """Write records as one worker does, with a fold after every few of them."""
    writer = ShardWriter(folder, worker, HEADER)
    for index, record in enumerate(record for record in records if record["kind"] != "run"):
        writer.write(record)
        if index % fold_every == fold_every - 1:
            writer.fold()
    writer.close()


def unfolded(page: str) -> str:
    """The page with all that it keeps folded up put where the browser unpacks it, and without the data."""
    folded = dict(re.findall(r'<script type="application/gzip\+base64" data-seal="([^"]*)">([^<]*)</script>', page))
    whole = re.sub(r'<script type="application/gzip\+base64".*?</script>', "", page)
    return re.sub(
        r'<div class="sealed" data-sealed="([^"]*)"></div>',
        lambda place: f"<div>{opened(folded[place[1]])}</div>",
        whole,
    )
