"""The survey in brief, for the report: the worst of each primitive, backend, precision, order and layer."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.suite.bound import contracts
from gradlaws.suite.session.versions import versions

ALWAYS = ("strict", "bound")  # layers of which each worst is told; of the others what exceeds its limit


def rows(
    records: Iterable[dict[str, Any]], limits: dict[str, float], known: Callable[[dict[str, Any]], str]
) -> list[dict[str, Any]]:
    """One for the worst mode of each (primitive, backend, dtype, order, layer)."""
    worst: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record in records:
        if "worst" not in record:
            continue
        key = tuple(record[name] for name in ("primitive", "backend", "dtype", "order", "layer"))
        if key not in worst or float(record["worst"]) > float(worst[key]["worst"]):
            worst[key] = record
    found = []
    for (primitive, backend, dtype, order, layer), record in sorted(worst.items()):
        beyond = float(record["worst"]) > limits[layer]
        # Of an elementwise primitive the strict layer says more.
        if not beyond and (layer not in ALWAYS or (layer == "bound" and PRIMITIVES[primitive].kind == "elementwise")):
            continue
        found.append({
            "primitive": primitive, "backend": backend, "dtype": dtype, "order": order, "layer": layer,
            "mode": record["mode"], "median": short(record.get("median", "")), "worst": short(record["worst"]),
            "x": record["x"] if beyond or layer == "strict" else "", "got": record.get("got", ""),
            "true": record.get("true", ""),
            "contract": contracts.contract(backend, dtype, record["mode"], primitive).ulps[order],
            "row": known(record) if beyond else "",
            **({"profile": record["profile"]} if "profile" in record else {}),
        })  # fmt: skip
    return found


def short(value: Any) -> Any:
    """Three digits are enough to look at."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


def save(path: Path, table: Sequence[dict[str, Any]], command: str, done: str, seconds: float, cpu: float) -> None:
    """A row a line, so that a change can be read. ``done`` says how much of the whole was surveyed."""
    head = {
        "schema": 1, "kind": "survey", "command": command, "surveyed": done,
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} processors",
        "versions": versions(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(seconds), "processor_seconds": round(cpu),
    }  # fmt: skip
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in table)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{json.dumps(head, ensure_ascii=False)[:-1]}, "rows": [\n{lines}\n]}}\n')
