"""What a test finds out about a claim, as a record from which the report draws."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean, pstdev
from typing import Final

import numpy as np

from gradlaws.records.conversions import plain
from gradlaws.records.parts import ControlCount, Series
from gradlaws.records.shard import Claim as RecordOfClaim
from gradlaws.records.values import ClaimVerdict
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.known.claims import Claim

HOLDS: Final = "holds"
CONDITIONAL: Final = "holds with a condition"
FALSE: Final = "false as written"


class Evidence:
    """Collects checks, figures, series and controls of one claim about one subject.

    ``subject`` is what the claim was looked at on, as "torch float64"; "" for mathematics alone.
    """

    def __init__(self, claim: Claim, subject: str) -> None:
        self.claim, self.subject = claim, subject
        self.verdict: ClaimVerdict = HOLDS
        self.words = ""
        self.checks, self.worst, self.excused = 0, 0.0, 0
        self.figures: dict[str, float | str] = {}
        self.samples: dict[str, list[float]] = {}
        self.series: list[Series] = []
        self.controls: dict[str, Counter[str]] = {}

    def at_most(self, what: str, size: float, limit: float) -> None:
        """size ≤ limit, of which the largest ratio is kept. Raises AssertionError, also where either is no number."""
        self.checks += 1
        assert size <= limit, f"{self.claim.id}: {what}: {size:.6g} exceeds {limit:.6g}"
        if limit > 0:
            self.worst = max(self.worst, float(size / limit))

    def within(self, what: str, error: Floats, allowed: Floats) -> None:
        """Every error at most what is allowed there; the largest ratio is kept. Arrays of one shape."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(allowed > 0, error / allowed, np.where(error > 0, np.inf, 0.0))
        self.at_most(f"{what}: error / allowed", float(np.max(ratio)), 1)

    def expect(self, what: str, holds: bool) -> None:
        """Raises AssertionError where it does not hold."""
        self.checks += 1
        assert holds, f"{self.claim.id}: {what}"

    def control(self, name: str, failed: bool) -> None:
        """Something wrong, which must be seen to fail. Raises KeyError where the claim names no such control."""
        if name not in self.claim.controls:
            raise KeyError(f"{self.claim.id} has no control {name!r}; it names {self.claim.controls}")
        count = self.controls.setdefault(name, Counter())
        count["tried"] += 1
        count["failed"] += bool(failed)

    def figure(self, name: str, value: float | str) -> None:
        self.figures[name] = value if isinstance(value, str) else float(value)

    def sample(self, name: str, value: float) -> None:
        """One of many values, of which the record keeps mean, spread and number."""
        self.samples.setdefault(name, []).append(float(value))

    def tally(self, name: str, seen: bool = True) -> None:
        """Counts what was seen."""
        self.figure(name, float(self.figures.get(name, 0)) + seen)

    def plot(self, name: str, x: Iterable[float], y: Iterable[float], axes: Sequence[str] = ("", "")) -> None:
        """A series for the report. Raises ValueError where a number is missing: a hole must be said, not drawn."""
        points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
        for a, b in points:
            if math.isnan(a) or math.isnan(b):
                raise ValueError(
                    f"{self.claim.id}: the series {name!r} holds NaN at x = {a:g}: say what is missing there"
                )
        self.series = [one for one in self.series if one["name"] != name]
        self.series.append(Series(name=name, axes=list(axes), points=[[plain(a), plain(b)] for a, b in points]))

    def finds(self, verdict: ClaimVerdict, words: str) -> None:
        """What became of the claim, where that is more than that it holds."""
        self.verdict, self.words = verdict, words

    def record(self, seconds: float, failure: str = "", missing: str = "") -> RecordOfClaim:
        told = {name: spread(values) for name, values in self.samples.items()}
        verdict: ClaimVerdict = "violated" if failure else "insufficient evidence" if missing else self.verdict
        return {
            "kind": "claim", "id": self.claim.id, "subject": self.subject, "verdict": verdict,
            "words": failure or missing or self.words, "checks": self.checks, "worst": self.worst,
            "excused": self.excused, "figures": {**self.figures, **told}, "series": self.series, "seconds": seconds,
            "controls": [
                ControlCount(control=name, tried=count["tried"], failed=count["failed"])
                for name, count in self.controls.items()
            ],
        }  # fmt: skip


def spread(values: Sequence[float]) -> str:
    """Mean, standard deviation and number."""
    return f"{fmean(values):.5g} ± {pstdev(values):.2g}, of {len(values)}"
