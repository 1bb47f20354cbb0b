"""What each row of contracts.toml promises, beside what was measured: benchmarks/results/contracts.json."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.survey import arrays, dense, needs
from benchmarks.survey.tighten_arrays import joined, numbers, within
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import HALF, WIDE
from gradlaws.suite.bound import contracts
from gradlaws.suite.bound.contracts import Contract, Row

FOLDER = Path("reports/out/contracts")
RESULT = Path("benchmarks/results/contracts.json")
POINTS = {"elementwise": 10_000, "arithmetic": 10_000, "structured": 500}
BEYOND = 0.02  # of the entries of a structured primitive may be findings
FEW = {"float16": 2_000, "bfloat16": 2_000}  # there are not 10⁴ numbers in the domain


def dtypes(primitive: str, backend: str) -> tuple[str, ...]:
    """In which it is measured: in half types what is entrywise. Points are of float64, so of long double nothing is."""
    if PRIMITIVES[primitive].kind == "structured":
        return WIDE
    return (*WIDE, "float16") if backend == "numpy" else WIDE + HALF


def rows() -> Iterator[dict[str, Any]]:
    """One of each row, backend, primitive and precision that was measured."""
    for row in contracts.rows():
        for backend in row.backends:
            for primitive in row.primitives:
                for dtype in dtypes(primitive, backend):
                    if dtype in row.dtypes and (found := measured(row, backend, primitive, dtype)):
                        yield {
                            "backend": backend, "primitive": primitive, "dtype": dtype, "modes": list(row.modes),
                            "region": row.region, "has": rounded(numbers(row.contract)), **found,
                        }  # fmt: skip


def rounded(of: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{number:.4g}") for name, number in of.items()}


def path(primitive: str, dtype: str) -> Path:
    """Of what was measured."""
    return FOLDER / f"{primitive}-{dtype}.npz"


def measured(row: Row, backend: str, primitive: str, dtype: str) -> dict[str, Any]:
    """What it needs, at how many points it was asked, and how many of them are in its region and tell something, since
    the ledger excuses some, and of some nothing can be said; {} where it was not measured."""
    file = path(primitive, dtype)
    if not file.exists():
        return {}
    if PRIMITIVES[primitive].kind == "structured":
        found = arrays.read(file)
        entries = joined(found, backend, row.region)
        kept = within(entries, row.contract)
        return {
            "needs": rounded(arrays.need(kept, row.contract)),
            "points": sum(name == "x" for name, _ in found),
            "inside": len(np.unique(entries[:, -1])),
            "beyond": 1 - len(kept) / max(len(entries), 1),
        }
    dense_ = read(file)
    groups = needs.groups_of(row, backend, primitive, dtype)
    need = needs.need(dense_, backend, groups, row.contract, row.region)
    return {
        "needs": rounded({**need.numbers, "normwise": 0.0}),
        "points": len(dense_.x),
        "inside": max(need.points),
        "beyond": 0.0,
    }


@cache
def read(path: Path) -> dense.Measured:
    return dense.read(path)


def wrong(row: dict[str, Any]) -> list[str]:
    """What is not as it must be: numbers over MOST times what is needed, numbers that do not do, too few points."""
    default = numbers(contracts.default(row["dtype"], row["primitive"]))
    named = f"{row['backend']} {row['primitive']} {row['dtype']} {row['region']}".strip()
    said = [
        f"{named}: {name} {has:g} is over {needs.MOST:g} × {row['needs'][name]:g}"
        for name, has in row["has"].items() if has != default[name] and has > needs.MOST * row["needs"][name]
    ]  # fmt: skip
    said += [
        f"{named}: {name} {row['has'][name]:g} is less than {row['needs'][name]:g}"
        for name in arrays.PARTS[:3] if row["needs"][name] > row["has"][name]
    ]  # fmt: skip
    if row["beyond"] > BEYOND:
        said.append(f"{named}: {row['beyond']:.1%} of the entries are beyond it")
    least = FEW.get(row["dtype"], POINTS[PRIMITIVES[row["primitive"]].kind])
    return [*said, *([f"{named}: measured at {row['points']} points"] if row["points"] < least else [])]


def contract_of(row: dict[str, Any]) -> Contract:
    """As it was when it was measured."""
    has = row["has"]
    return Contract((has["value"], has["first"], has["second"]), *(has[name] for name in arrays.PARTS[3:]))
