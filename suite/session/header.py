"""What a run says of itself before it begins: versions and settings, and what it is meant to cover."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from gradlaws.records.run import Header
from gradlaws.strategies.catalogue import CORE, PRIMITIVES
from gradlaws.strategies.catalogue.left_out import LEFT_OUT
from gradlaws.strategies.precision import HALF
from gradlaws.strategies.reach import reach
from gradlaws.suite import profiles
from gradlaws.suite.bound import contracts
from gradlaws.suite.checking.system import System
from gradlaws.suite.known import floors
from gradlaws.suite.known.claims import CLAIMS, UNVERIFIABLE
from gradlaws.suite.places import HOME, SUITE
from gradlaws.suite.session.items import identity_of, parameters_of, system_of
from gradlaws.suite.session.versions import versions
from gradlaws.suite.vocabulary import VERSION

NARROWING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "plugin", "modes", "backends", "dtypes",
             "identities")  # fmt: skip


def header(
    config: pytest.Config, items: Sequence[pytest.Item], systems: Mapping[str, System], left_out: Mapping[str, str]
) -> Header:
    """Versions and settings, and what this run is meant to cover."""
    asked = {identity_of(item) for item in items} - {""}
    met = {s: None for item in items if (s := system_of(item))}
    backends = list({system.backend: None for system in systems.values()})
    return {
        "suite": VERSION,
        "profile": config.getoption("--profile"),
        "asked": asked_for(config),
        "shard": config.getoption("--shard"),
        "seed": str(config.getoption("--hypothesis-seed")),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {backend.name: backend.version for backend in backends} | versions(),
        "commit": commit(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "settings": {
            "max_examples": profiles.active.examples,
            "modes": config.getoption("--modes"),
            "primitives": f"{len(CORE)} composed, {len(PRIMITIVES)} alone"
            + (" in turn" if profiles.active.in_turns else ""),
            **met_alone(items),
        },
        "catalogue": {"composed": list(CORE), "all": list(PRIMITIVES)}
        | {
            backend.name: [name for name, p in PRIMITIVES.items() if backend.name in p.spellings]
            for backend in backends
        },
        "not_in_catalogue": LEFT_OUT,
        "turns": turns(items, systems),
        "domains": {name: reach(primitive) for name, primitive in PRIMITIVES.items()},
        "contracts": contracts.in_force(),
        "floor": profiles.active.floor,
        "floors": [*floors.rows()] if profiles.active.floor else [],
        "coarse": [*HALF],
        "left_out": dict(left_out),
        "not_applicable": {
            f"{claim.id} {backend.name}": reason
            for claim in CLAIMS.values()
            for backend in backends
            if (reason := claim.why_not(backend))
        }
        | {
            f"{claim.id} {system.backend.name} {system.precision.name}": f"it is asked in {', '.join(claim.dtypes)}"
            for claim in CLAIMS.values()
            for system in systems.values()
            if claim.dtypes and system.precision.name not in claim.dtypes
        },
        "flush": {f"{system.backend.name} {system.precision.name}": flushing(system) for system in systems.values()},
        "identities": [claim.record for claim in CLAIMS.values() if claim.id in asked and not claim.document],
        "claims": [claim.record for claim in CLAIMS.values() if claim.id in asked] if profiles.active.document else [],
        "unverifiable": [*UNVERIFIABLE] if profiles.active.document else [],
        "systems": [s.split("-") for s in systems if s in met],
    }


def asked_for(config: pytest.Config) -> dict[str, str]:
    """The options and paths by which this run is about less than the whole suite, or about more."""
    given = {name: config.getoption(name) for name in NARROWING}
    told = {name: value if isinstance(value, str) else ",".join(value) for name, value in given.items() if value}
    paths = [arg for arg in config.args if Path(str(config.invocation_params.dir), arg).resolve() != SUITE]
    return {name: value for name, value in told.items() if (name, value) != ("modes", "*")} | (
        {"paths": " ".join(paths)} if paths else {}
    )


def is_alone(item: pytest.Item) -> bool:
    """Whether it asks one primitive by itself; a stored case names its own."""
    return identity_of(item) == "alone" and "primitive" in parameters_of(item)


def met_alone(items: Sequence[pytest.Item]) -> dict[str, str]:
    """How many of a system's primitives this run meets by themselves."""
    alone = {(system_of(item), parameters_of(item)["primitive"]) for item in items if is_alone(item)}
    counts = Counter(system for system, _ in alone)
    return {
        f"alone, {system}": f"{met} of {sum(system.split('-')[0] in p.spellings for p in PRIMITIVES.values())}"
        for system, met in sorted(counts.items())
    }


def turns(items: Sequence[pytest.Item], systems: Mapping[str, System]) -> dict[str, dict[str, list[str]]]:
    """By system and seed, the primitives that this run does not meet by themselves and a run with that seed does."""
    if not profiles.active.in_turns:
        return {}
    alone = [(system_of(item), str(parameters_of(item)["primitive"])) for item in items if is_alone(item)]
    found: dict[str, dict[str, list[str]]] = {}
    for name in sorted({system for system, _ in alone}):
        system, met = systems[name], {primitive for other, primitive in alone if other == name}
        backend, dtype = system.backend.name, system.precision.name
        seeds: dict[str, list[str]] = {}
        for primitive in (p for p in PRIMITIVES.values() if backend in p.spellings and p.name not in met):
            seed = profiles.next_turn(primitive.name, backend, dtype, system.share)
            seeds.setdefault("never" if seed is None else str(seed), []).append(primitive.name)
        found[f"{backend} {dtype}"] = seeds
    return found


def commit() -> str:
    """The commit that is under way, with + where files differ from it; empty outside a checkout."""
    command = ["git", "-C", str(HOME), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def flushing(system: System) -> str:
    kept = system.backend.smallest(system.precision) == system.precision.smallest_subnormal
    return "subnormals kept" if kept else "subnormals flushed to zero"
