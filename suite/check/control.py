"""A fault planted in the very answers of the call: what this check would have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.allowed import Allowed
from gradlaws.suite.check.answer import Row
from gradlaws.suite.check.comparison import compared
from gradlaws.suite.check.truth import Truth

TWICE = 2.0  # times what would just be seen, and once more for what the answer itself is off by


def planted(rows: Sequence[Row], answers: Sequence[Floats], truth: Truth, true: Sequence[Any], allowed: Allowed) -> str:
    """In each leaf the entry that stands in the middle, off by a little more than rounding allows there: seen or not.

    Raises nothing; a fault that is not seen leaves the row inconclusive.
    """
    seen = []
    for k, (row, answer, exact) in enumerate(zip(rows, answers, true, strict=True)):
        if row.failures or not answer.size or not np.isfinite(row.visible):
            continue
        bound = np.full(answer.shape, allowed.sums[k].bound) if k in allowed.sums else allowed.all[k]
        at = _middle(truth.shown(exact), bound)
        if at is None:
            continue
        changed = answer.copy()
        changed[at] += (1 + TWICE) * bound[at]
        scratch = replace(row, failures=[], modes=[], notes=[])
        compared([scratch], "planted", "control", [changed], truth, [exact], allowed.of(k))
        if scratch.failures:
            seen.append(row.name)
        else:
            row.notes.append(f"a fault planted in entry {list(at)} was not seen")
    return f"a fault planted in one entry of {', '.join(seen)} of the answers was seen" if seen else ""


def _middle(true: Floats, allowed: Floats) -> tuple[int, ...] | None:
    """Of the entries that are not 0, the one whose bound is the median of its size."""
    flat, bound = np.abs(true).ravel(), np.asarray(allowed).ravel()
    known = np.flatnonzero((flat > 0) & np.isfinite(bound) & (bound > 0))
    if not known.size:
        return None
    ranked = known[np.argsort(bound[known] / flat[known])]
    return tuple(int(i) for i in np.unravel_index(int(ranked[len(ranked) // 2]), true.shape))
