"""gradlaws: says whether derivatives are right. What a person imports; everything else is free to move.

Names are looked up when they are asked for (PEP 562), so that importing this costs nothing and imports no framework.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Backend": "suite.backends.backend",
    "Violation": "suite.checking.failure",
    "binary": "strategies.primitive",
    "interval": "strategies.primitive",
    "programs": "strategies.functions",
    "scalar_functions": "strategies.functions",
    "structured": "strategies.primitive",
    "unary": "strategies.primitive",
}
__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gradlaws' has no {name!r}; it has {', '.join(_HOME)}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__]
