"""What was run: the headers of all shards as one, what is missing among them, and what does not belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from gradlaws.records import shard
from gradlaws.records.conversions import canonical
from gradlaws.records.run import Run

T = TypeVar("T")


def merged_run(headers: Sequence[shard.Run], systems: Iterable[tuple[str, str]]) -> Run:
    """The run headers of all shards as one, values that differ joined by ' | '; `systems` come from
    cells."""
    headers = sorted(headers, key=canonical)
    identities = {identity["id"]: identity for header in reversed(headers) for identity in header.get("identities", ())}
    order = dict.fromkeys(identity["id"] for header in headers for identity in header.get("identities", ()))
    listed = dict.fromkeys((backend, dtype) for header in headers for backend, dtype in header.get("systems", ()))
    starts = [str(header["started"]) for header in headers if header.get("started")]
    return {
        "suite": _one_text(header.get("suite") for header in headers),
        "asked": _one_mapping(header.get("asked") for header in headers),
        "missing": missing(headers),
        "profile": _one_text(header.get("profile") for header in headers),
        "seed": _one_text(header.get("seed") for header in headers),
        "started": min(starts, default=""),
        "commit": _one_text(header.get("commit") for header in headers),
        "platform": _one_text(header.get("platform") for header in headers),
        "cpus": _one_text(header.get("cpus") for header in headers),
        "floor": max((header.get("floor", 1) for header in headers), default=1),
        "floors": next((header["floors"] for header in headers if header.get("floors")), []),
        "coarse": sorted({dtype for header in headers for dtype in header.get("coarse", ())}),
        "versions": _one_mapping(header.get("versions") for header in headers),
        "settings": _one_mapping(header.get("settings") for header in headers),
        "flush": _one_mapping(header.get("flush") for header in headers),
        "left_out": _one_mapping(header.get("left_out") for header in headers),
        "catalogue": _catalogue(headers),
        "domains": _last_of_each(header.get("domains") for header in headers),
        "contracts": _last_of_each(header.get("contracts") for header in headers),
        "turns": _last_of_each(header.get("turns") for header in headers),
        "not_in_catalogue": _one_mapping(header.get("not_in_catalogue") for header in headers),
        "not_applicable": _one_mapping(header.get("not_applicable") for header in headers),
        "identities": [identities[name] for name in order],
        "claims": list({one["id"]: one for header in headers for one in header.get("claims", ())}.values()),
        "unverifiable": list(
            {one["claim"]: one for header in headers for one in header.get("unverifiable", ())}.values()
        ),
        "systems": [list(system) for system in [*listed, *sorted(set(systems) - listed.keys())]],
    }


def missing(headers: Sequence[shard.Run]) -> list[str]:
    """The shards of the run that are not there, as 3/4."""
    there = {str(header["shard"]) for header in headers if header.get("shard")}
    counts = {part.partition("/")[2] for part in there}
    return sorted({f"{k}/{n}" for n in counts for k in range(1, int(n) + 1)} - there)


def mixed(headers: Sequence[shard.Run]) -> list[str]:
    """What says that the shards are of different runs, a line for each; what a shard does not say is no difference."""
    found = []
    for key in ("suite", "profile", "seed", "floor", "versions", "settings", "contracts", "domains"):
        values: dict[str, set[str]] = {}
        for header in headers:
            told = header.get(key)
            for name, value in (told if isinstance(told, dict) else {"": told}).items():
                values.setdefault(name, set()).update([] if value is None else [str(value)])
        differ = {name: sorted(told) for name, told in sorted(values.items()) if len(told) > 1}
        if differ:
            name, told = next(iter(differ.items()))
            more = f", and {len(differ) - 1} more" if len(differ) > 1 else ""
            found.append(f"the shards are of different runs: {' '.join([key, name]).strip()} {' | '.join(told)}{more}")
    return found


def _catalogue(headers: Sequence[shard.Run]) -> dict[str, list[str]]:
    """What could be met: names of `composed` and of all primitives, and of those that each backend spells."""
    found: dict[str, set[str]] = {}
    for header in headers:
        for name, listed in (header.get("catalogue") or {}).items():
            found.setdefault(name, set()).update(listed)
    return {name: sorted(found[name]) for name in sorted(found)}


def _one_text(values: Iterable[object]) -> str:
    return " | ".join(sorted({str(value) for value in values if value is not None}))


def _one_mapping(mappings: Iterable[Mapping[str, object] | None]) -> dict[str, str]:
    known = [mapping or {} for mapping in mappings]
    keys = sorted({key for mapping in known for key in mapping})
    return {key: _one_text(mapping.get(key) for mapping in known) for key in keys}


def _last_of_each(mappings: Iterable[Mapping[str, T] | None]) -> dict[str, T]:
    return dict(sorted({key: value for mapping in mappings for key, value in (mapping or {}).items()}.items()))
