"""Proposes the rows of structured primitives: those that stand, tightened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from benchmarks.survey import arrays
from benchmarks.survey.needs import MOST
from benchmarks.survey.tighten import Proposal, up
from gradlaws.strategies.primitive import Floats
from gradlaws.suite import regions
from gradlaws.suite.bound import contracts
from gradlaws.suite.bound.contracts import Contract, Row

MARGIN = 2.5  # times what is measured at 500 points is proposed


def proposals(primitive: str, backend: str, of: Mapping[str, dict[arrays.Name, Floats]]) -> list[Proposal]:
    """The rows that stand, with numbers that are MARGIN times what is measured, or as they are if that is more; none
    where the default does."""
    found = []
    for row in contracts.read():
        if backend in row.backends and primitive in row.primitives and row.modes == ("*",):
            entries = {d: within(joined(of[d], backend, row.region), row.contract) for d in of if d in row.dtypes}
            default = contracts.default("float64", primitive)
            met = {dtype: rows for dtype, rows in entries.items() if len(rows) and over(rows, default)}
            together = tightened(row, backend, primitive, met) if met else None
            if together and (len(met) < len(entries) or any(wide(together, default, rows) for rows in met.values())):
                found += [tightened(row, backend, primitive, {dtype: rows}) for dtype, rows in met.items()]
            elif together:
                found.append(together)
    return found


def wide(row: Proposal, default: Contract, rows: Floats) -> bool:
    """Whether a number that is not the default is over MOST times what is needed."""
    has, usual, need = numbers(row.contract), numbers(default), arrays.need(rows, row.contract)
    return any(has[n] != usual[n] and has[n] > MOST * need[n] for n in arrays.PARTS)


def tightened(row: Row, backend: str, primitive: str, entries: Mapping[str, Floats]) -> Proposal:
    """One number after the other, the others being as they are."""
    rows, default = np.concatenate(list(entries.values())), contracts.default("float64", primitive)
    contract, usual = row.contract, numbers(default)
    for name in (*arrays.PARTS[:3], "conditioning", "absolute", "normwise"):
        has = numbers(contract)[name]
        if has > usual[name]:
            need = arrays.need(rows, contract)[name]
            contract = changed(contract, name, min(has, max(up(MARGIN * need), usual[name])))
    if over(rows, contract):
        contract = row.contract
    needed = arrays.need(rows, contract)
    return Proposal(backend, primitive, tuple(entries), contract, row.region, needed, len(np.unique(rows[:, -1])))


def changed(contract: Contract, name: str, number: float) -> Contract:
    if name in arrays.PARTS[:3]:
        value, first, second = (
            number if part == name else has for part, has in zip(arrays.PARTS, contract.ulps, strict=False)
        )
        return replace(contract, ulps=(value, first, second))
    return replace(contract, **{name: number})  # type: ignore[arg-type]


def within(rows: Floats, contract: Contract) -> Floats:
    """What the contract allows; the rest are findings."""
    return np.asarray(rows[~(rows[:, 0] > 1.001 * allowed(rows, contract))])


def joined(found: dict[arrays.Name, Floats], backend: str, region: str = "") -> Floats:
    """Of all orders, where the first argument lies in the region."""
    parts = [rows for (name, _), rows in found.items() if name == backend]
    rows = np.concatenate(parts) if parts else np.zeros((0, len(arrays.COLUMNS)))
    kept = np.isfinite(rows).all(axis=1)
    if region:
        points = {int(n) for n in np.unique(rows[:, -1]) if regions.contains(region, (found["x", int(n)],))}
        kept &= np.isin(rows[:, -1].astype(int), [*points])
    return np.asarray(rows[kept])


def allowed(rows: Floats, contract: Contract) -> Floats:
    has = np.array([*contract.ulps, contract.conditioning, contract.absolute, contract.normwise])
    return np.asarray(rows[:, 1] + rows[:, arrays.OF] @ has)


def over(rows: Floats, contract: Contract) -> bool:
    return bool(np.any(rows[:, 0] > 1.001 * allowed(rows, contract)))


def numbers(contract: Contract) -> dict[str, float]:
    has = [*contract.ulps, contract.conditioning, contract.absolute, contract.normwise]
    return dict(zip(arrays.PARTS, has, strict=True))
