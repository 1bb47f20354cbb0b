"""What pytest's items are about: the identity, the system and the other parameters of a test."""

from __future__ import annotations

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
