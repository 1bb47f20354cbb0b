"""What pytest's items are about, the identity, the system and the other parameters of a test; and their order."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from typing import Any

import pytest


def identity_of(item: pytest.Item) -> str:
    marker = item.get_closest_marker("identity")
    case = parameters_of(item).get("case")
    return str(marker.args[0]) if marker else getattr(case, "identity", "")


def parameters_of(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    return dict(callspec.params) if callspec else {}


def system_of(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    system = callspec.params.get("system", "") if callspec else ""
    return system if isinstance(system, str) else ""  # pytest's own token where no system is left


def seed_of(item: pytest.Item) -> int:
    """What is met follows from this and the run's seed: the identity, the test's name and its parameters, and not from
    the file in which it stands."""
    return zlib.crc32(f"{identity_of(item)} {item.name}".encode())


def gathers_evidence(item: pytest.Item) -> bool:
    """Whether it verifies a claim by evidence of its own (suite/document), not by comparisons of derivatives."""
    return "evidence" in getattr(item, "fixturenames", ())


def whatever_the_backend(item: pytest.Item) -> str:
    system = system_of(item)
    return item.nodeid.replace(system, system.partition("-")[2]) if system else item.nodeid


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """A test on one backend after the other, since they meet the same functions, whose truths and bounds are kept for
    a while; first where the slowest backend is one, so that no worker is left with it at the end."""
    alike: dict[str, list[pytest.Item]] = {}
    for item in items:
        alike.setdefault(whatever_the_backend(item), []).append(item)
    groups = sorted(alike.values(), key=lambda group: not any(system_of(item).startswith("jax") for item in group))
    return list(itertools.chain.from_iterable(groups))
