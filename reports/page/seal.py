"""What the page keeps folded up: text as gzip in base64, the same bytes each time, which the browser unpacks itself."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable
from typing import Any


def sealed(text: str) -> str:
    """Compressed, in letters that need no escaping in HTML."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()


def opened(text: str) -> str:
    """What was sealed."""
    return gzip.decompress(base64.b64decode(text)).decode()


def sealed_json(value: Any) -> str:
    return sealed(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def digest(text: str) -> str:
    """The source expression by which a content security policy allows an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class Anchors:
    """Ids for the page: readable, safe in any link, and never the same twice.

    The part before the first slash names the element that holds the rest, which the browser unpacks first.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.lower() for name in taken}
        self._of: dict[tuple[str, ...], str] = {}

    def __call__(self, *parts: object, inside: str = "") -> str:
        """The id of a thing, inside the element with another id if one is given; asked again, the same."""
        key = (inside, *(str(part) for part in parts))
        if key not in self._of:
            base = "/".join([*([inside] if inside else []), *(_safe(part) for part in key[1:])])
            name, count = base, 1
            while name.lower() in self._taken:
                count += 1
                name = f"{base}~{count}"
            self._taken.add(name.lower())
            self._of[key] = name
        return self._of[key]


def _safe(part: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in part) or "_"
