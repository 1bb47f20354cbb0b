"""report.json as others read it: the JSON Schema, generated from its definition (report.py).

python -m records.schema > reports/report.schema.json
"""

from __future__ import annotations

import json
import sys
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

from msgspec.json import schema_components

from gradlaws.records.report import SCHEMA, Report

WIDTH = 120


def schema() -> dict[str, Any]:
    """The schema as an object; keys and words are in the order of the definition, which the generator does not keep."""
    _, defined = schema_components([Report])
    parts = _parts(Report)
    words = {frozenset(get_args(kind)): list(get_args(kind)) for kind in parts if get_origin(kind) is Literal}
    for kind in filter(is_typeddict, parts):
        found, keys = _in_order(defined[kind.__name__], words), kind.__annotations__
        found["description"] = " ".join(found.get("description", "").split())
        found["properties"] = {key: found["properties"][key] for key in keys}
        found["required"] = [key for key in keys if key in found["required"]]
        defined[kind.__name__] = found
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:gradlaws:report:{SCHEMA}",
        **defined.pop("Report"),
        "title": "gradlaws report",
        "$defs": defined,
    }


def text(value: object, indent: int = 0, room: int = WIDTH) -> str:
    """As JSON, with what fits into a line on one."""
    short = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(short) < room:
        return short
    heads = [f"{json.dumps(key)}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    items = value.values() if isinstance(value, dict) else value
    lines = [
        head + text(item, indent + 2, WIDTH - indent - 2 - len(head)) for head, item in zip(heads, items, strict=True)
    ]
    start, end = "{}" if isinstance(value, dict) else "[]"
    gap = "\n" + " " * indent
    return f"{start}{gap}  " + f",{gap}  ".join(lines) + f"{gap}{end}"


def _parts(kind: Any) -> dict[Any, None]:
    """A type and all that it consists of, each once."""
    inside = get_type_hints(kind, include_extras=True).values() if is_typeddict(kind) else get_args(kind)
    named = is_typeddict(kind) or get_origin(kind) is Literal
    found = {kind: None} if named else {}
    for one in () if get_origin(kind) is Literal else inside:
        found |= _parts(one)
    return found


def _in_order(found: Any, words: dict[frozenset[object], list[object]]) -> Any:
    """With the words of each enumeration as they were defined; of one word, as a constant."""
    if isinstance(found, list):
        return [_in_order(one, words) for one in found]
    if not isinstance(found, dict):
        return found
    if "enum" in found:
        ordered = words[frozenset(found["enum"])]
        told = {"const": ordered[0]} if len(ordered) == 1 else {"enum": ordered}
        return {key: value for key, value in found.items() if key != "enum"} | told
    return {key: _in_order(value, words) for key, value in found.items()}


if __name__ == "__main__":
    sys.stdout.write(text(schema()) + "\n")
