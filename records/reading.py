"""What a file holds, held against the types: a line of a shard, a report.json. What is wrong is said in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from gradlaws.records import report, shard
from gradlaws.records.conversions import encodable
from gradlaws.records.report import Report

_WORDS = {"int": "an integer", "float": "a number", "str": "a string", "bool": "true or false", "array": "an array",
          "object": "an object", "null": "null"}  # fmt: skip
_SHOWN = 60  # characters of a value


class BadInput(Exception):
    """Nothing can be read there; the message is one line that says what and where."""


def lacking(record: object) -> str | None:
    """Why a parsed line is not a record, as a clause; None if it is of a known kind and has what that needs."""
    if not isinstance(record, dict):
        return "is not a JSON object"
    name = str(record.get("kind"))
    if name not in shard.KINDS:
        return f"has the unknown kind {name!r}"
    needed = shard.KINDS[name].__required_keys__  # type: ignore[attr-defined]
    missing = [key for key in shard.KINDS[name].__annotations__ if key in needed and key not in record]
    return f"is a {name} record without {', '.join(missing)}" if missing else None


def wrong(record: object) -> str | None:
    """Why a parsed line is not a record of this schema, as a clause; None if it is one."""
    kind = shard.KINDS.get(str(record.get("kind"))) if isinstance(record, dict) else None
    found = fault(record, kind) if kind else ""
    if found is None:
        return None
    return lacking(record) or f"is a {cast(Mapping[str, Any], record)['kind']} record whose {found}"


def fault(value: object, kind: type) -> str | None:
    """What in it is not as its type says, as "order is 'x', not an integer"; None where all is."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return _told(value, str(error))
    except UnicodeEncodeError:  # half of a surrogate pair, in a name
        return fault(encodable(value), kind)
    return None


def read_report(path: Path) -> Report:
    """A report.json. Raises BadInput where it is none, or one of another schema."""
    return checked(read_json(path), path)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises BadInput where there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{path}: not JSON: truncated, or not a report; build it again from its shards") from None
    if not isinstance(found, dict):
        raise BadInput(f"{path}: not a report.json; python -m gradlaws build writes one")
    return found


def checked(found: Mapping[str, Any], path: Path) -> Report:
    """The object, if it is a report that this version reads. Raises BadInput otherwise."""
    if "schema" not in found or "outcome" not in found:
        raise BadInput(f"{path}: not a report.json; python -m gradlaws build writes one")
    if found["schema"] != report.SCHEMA:
        raise BadInput(
            f"{path}: a report of schema {found['schema']!r}, this version reads {report.SCHEMA}; "
            "build it again from its shards, or read it with the version that wrote it"
        )
    if said := fault(found, Report):
        raise BadInput(f"{path}: not a whole report; build it again from its shards (its {said})")
    return cast(Report, found)


def _told(value: object, message: str) -> str:
    """What msgspec says, in the words of the other messages; it ends with the place, as " - at `$.inputs[0].name`"."""
    found = re.fullmatch(r"(.*) - at `(key` in `)?\$\.?(.*)`", message, re.DOTALL)
    said, key, name = found.groups() if found else (message, None, "")
    if missing := re.fullmatch("Object missing required field `(.*)`", said):
        return f"{name} has no {missing[1]}" if name else f"{missing[1]} is missing"
    if key:
        return f"{name} has a key that is not {_expected(said)}"
    if "..." in name:  # a value under any key, which is not told
        return f"{name} is not {_expected(said)}"
    for step in re.findall(r"\w+", name):
        value = value[int(step)] if isinstance(value, list) else cast(Mapping[str, object], value)[step]
    shown = repr(value)
    return f"{name or 'it'} is {shown[:_SHOWN]}{'…' if len(shown) > _SHOWN else ''}, not {_expected(said)}"


def _expected(said: str) -> str:
    """Of "Expected `int | null`, got `str`" or "Expected `int` >= 0" what was expected; or a word that is known."""
    found = re.match("Expected `([^`]*)`(.*)", said, re.DOTALL)
    if not found:
        return "a known word"
    words = " or ".join(_WORDS.get(name, name) for name in found[1].split(" | "))
    return words if found[2].startswith(", got") else words + found[2]
