"""Between JSON and what the program computes with: numbers, times, and the text of a record."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar, cast, overload

from gradlaws.records.values import Number

T = TypeVar("T")


def encode(record: object) -> str:
    """One JSON line without its newline; numbers that JSON lacks (inf, nan) become strings."""
    try:
        return _ENCODER.encode(record)
    except ValueError:
        return _ENCODER.encode(_finite(record))


def canonical(value: object) -> str:
    """The JSON text of a value with sorted keys: equal values, equal text; used to break ties."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def encodable(value: Any) -> Any:
    """The value, from JSON, with halves of surrogate pairs, which no encoding takes, replaced."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def number(value: float | str | None) -> float | None:
    """A number from its JSON form: a number, hex float, decimal string, 'inf' or 'nan'; None stays None."""
    if value is None or isinstance(value, (int, float)):
        return value
    return float.fromhex(value) if "0x" in value.lower() else float(value)


@overload
def plain(value: float) -> Number: ...
@overload
def plain(value: None) -> None: ...
def plain(value: float | None) -> Number | None:
    """The JSON form of a number: itself when finite, otherwise 'inf', '-inf' or 'nan'."""
    return value if value is None or math.isfinite(value) else cast(Number, str(value))


def nanoseconds(seconds: float | str | None) -> int:
    """Seconds as a whole number of nanoseconds: integer sums do not depend on their order."""
    return round((number(seconds) or 0.0) * 1e9)


def seconds(ns: int) -> float:
    """Nanoseconds as seconds; `nanoseconds` takes it back without loss below 10^6 s."""
    return ns / 1e9


def taken(kind: type[T], record: Mapping[str, object]) -> T:
    """What a record has under the keys of another; None where it has nothing."""
    return cast(T, {key: record.get(key) for key in kind.__annotations__})


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return plain(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
