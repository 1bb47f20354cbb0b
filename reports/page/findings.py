"""The ledger as cards: what, where, how bad, in which versions, why, upstream, and a script that shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gradlaws.records.conversions import number
from gradlaws.records.outcomes import Deviation
from gradlaws.records.report import Report
from gradlaws.reports import numerals
from gradlaws.reports.page import View
from gradlaws.reports.page.atlas import lines, profile_points
from gradlaws.reports.page.axis import across, strip, ticks
from gradlaws.reports.page.evidence import parted
from gradlaws.reports.page.seal import Anchors

WIDTH, LEFT, RIGHT, TOP, FLOOR, HEIGHT = 420.0, 6.0, 414.0, 6.0, 56.0, 76.0
_REPOSITORIES = {"pytorch": "pytorch/pytorch", "jax": "jax-ml/jax", "numpy": "numpy/numpy", "scipy": "scipy/scipy",
                 "optax": "google-deepmind/optax", "autograd": "HIPS/autograd", "mlx": "ml-explore/mlx"}  # fmt: skip
_ISSUE = re.compile(r"^([a-z]+)#(\d+)")
STATUSES = ("worse", "fixed", "error", "confirmed", "elsewhere")
ORDERS = ("value", "first derivative", "second derivative")


def findings(report: Report, survey: Mapping[str, Any], hidden: Mapping[str, Any], anchors: Anchors) -> list[View]:
    """One card per row of the ledger, those that changed first; with the survey's profile where it was measured, and
    the share of faults that were seen where they were planted in its region."""
    profiles: dict[tuple[str, str, int, str], list[tuple[float, float]]] = {}
    for row in survey.get("rows", ()):
        key = (str(row.get("backend")), str(row.get("primitive")), int(row.get("order") or 0), str(row.get("dtype")))
        if row.get("profile"):
            profiles.setdefault(key, profile_points(row["profile"], key[3]))
    planted = {str(row.get("id")): row for row in hidden.get("rows", ())}
    cards = [_card(row, profiles, anchors) | _planted(planted.get(row["id"])) for row in report["ledger"]]
    return sorted(cards, key=lambda card: (STATUSES.index(card["status"]) if card["status"] in STATUSES else 0,))


def issue(upstream: str) -> View | None:
    """The page of an upstream issue written as 'pytorch#61641 (closed)'; None for any other text."""
    found = _ISSUE.match(upstream or "")
    if found is None or found[1] not in _REPOSITORIES:
        return None
    where = f"https://github.com/{_REPOSITORIES[found[1]]}/issues/{found[2]}"
    return {"href": where, "name": found[0], "rest": upstream[found.end() :].strip()}


def _how_bad(size: str) -> str:
    """'1.1e-10 relative' as a person says it; any other text as it is."""
    found = re.fullmatch(r"([\d.]+e[+-]\d+) relative", size)
    return f"relative error {numerals.ratio(float(found[1]))}" if found else size


def _card(row: Deviation, profiles: Mapping[tuple[str, str, int, str], Any], anchors: Anchors) -> View:
    order = int(row.get("order") or 0)
    measured: list[tuple[float, float]] = []
    for dtype in row.get("dtypes") or ():
        measured = profiles.get((str(row["backend"]), str(row["primitive"]), order, dtype), measured)
    got = numerals.decimal(row.get("got"))
    true = numerals.alike(numerals.decimal(row.get("true")), got)
    at = [number(one["hex"][0]) for one in row.get("witness") or () if one["hex"]]
    return {
        **row,
        "anchor": anchors(row["id"], inside="findings"),
        "what": f"{row['backend']} {row['primitive']}" if row.get("backend") else "unknown",
        "of": ORDERS[order] if order < len(ORDERS) else f"derivative of order {order}",
        "how_bad": _how_bad(str(row.get("size") or "")),
        "issue": issue(str(row.get("upstream") or "")),
        "got_parts": parted(got, true),
        "true_parts": parted(true, got),
        "axis": _axis(row.get("painted") or (), at, measured),
    }


def _planted(row: Mapping[str, Any] | None) -> View:
    """How many of the faults planted in the region were seen; where they were not, which."""
    if row is None or not row.get("planted"):
        return {"planted": None}
    names = [kind for kind, number in (row.get("hidden") or {}).items() if number]
    return {"planted": row["planted"], "seen": row.get("seen") or 0, "lost": row.get("lost") or 0, "hidden": names}


def _axis(painted: Sequence[Sequence[float | str]], at: Sequence[float | None], measured: Any) -> View | None:
    """The region on the axis of its input, the witness, and the measured error along it."""
    if not painted and not measured:
        return None
    intervals = [[number(low) or 0.0, number(high) or 0.0] for low, high in painted]
    return {
        "regions": strip(intervals, LEFT, RIGHT),
        "intervals": [f"{low:.4g} to {high:.4g}" for low, high in intervals],
        "witness": across(at[0], LEFT, RIGHT) if at and at[0] is not None else None,
        "lines": lines(measured, LEFT, RIGHT, TOP, FLOOR),
        "worst": max((ulps for _, ulps in measured), default=None),
        "ticks": ticks(LEFT, RIGHT),
    }
