"""What a record is: kinds, required keys, and the conversions between JSON and numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

Record = dict[str, Any]
Report = dict[str, Any]

SCHEMA = 1
VERDICTS = ("holds", "deviation", "violated", "error", "inconclusive", "unsupported")
CONCLUSIVE = ("holds", "deviation", "violated")
JUDGED = ("holds", "violated")  # a deviation is excused: it counts, and its size says nothing of the rest
PARTS = ("generate", "oracle", "bound", "framework", "rest")

_CELL = ("identity", "backend", "dtype", "mode", "order")
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "run": ("schema",),
    "journal": ("sequence",),
    "fold": ("sequence", "cells", "times"),
    "example": ("test",),
    "comparison": (*_CELL, "verdict"),
    "cell": (*_CELL, "counts"),
    "control": ("identity", "backend", "dtype", "control", "tried", "failed"),
    "generated": ("backend", "examples"),
    "witness": ("identity", "backend", "dtype", "mode", "test", "ratio"),
    "failure": ("id", "identity", "backend", "dtype", "mode", "test", "verdict"),
    "unsupported": ("backend", "mode", "primitive"),
    "ledger": ("id", "status"),
    "case": ("id", "test", "identity", "backend", "dtype", "status"),
    "found": ("case",),
    "claim": ("id", "subject", "verdict"),
    "convention": ("case", "backend", "reverse", "forward"),
    "time": ("part", "backend", "seconds"),
    "plan": ("tests",),
    "test": ("nodeid", "outcome"),
}


def encode(record: object) -> str:
    """One JSON line without its newline; numbers that JSON lacks (inf, nan) become strings."""
    try:
        return _ENCODER.encode(record)
    except ValueError:
        return _ENCODER.encode(_finite(record))


def canonical(value: object) -> str:
    """The JSON text of a value with sorted keys: equal values, equal text; used to break ties."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def number(value: float | str | None) -> float | None:
    """A number from its JSON form: a number, hex float, decimal string, 'inf' or 'nan'; None stays None."""
    if value is None or isinstance(value, (int, float)):
        return value
    return float.fromhex(value) if "0x" in value.lower() else float(value)


def plain(value: float | None) -> float | str | None:
    """The JSON form of a number: itself when finite, otherwise 'inf', '-inf' or 'nan'."""
    return value if value is None or math.isfinite(value) else str(value)


def nanoseconds(seconds: float | str | None) -> int:
    """Seconds as a whole number of nanoseconds: integer sums do not depend on their order."""
    return round((number(seconds) or 0.0) * 1e9)


def seconds(ns: int) -> float:
    """Nanoseconds as seconds; `nanoseconds` takes it back without loss below 10^6 s."""
    return ns / 1e9


def lacking(record: object) -> str | None:
    """Why a parsed line is not a record of this schema, as a clause; None if it is one."""
    if not isinstance(record, dict):
        return "is not a JSON object"
    kind = str(record.get("kind"))
    if kind not in REQUIRED:
        return f"has the unknown kind {kind!r}"
    missing = [key for key in REQUIRED[kind] if key not in record]
    return f"is a {kind} record without {', '.join(missing)}" if missing else None


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return plain(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
