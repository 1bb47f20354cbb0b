"""gradlaws: says whether derivatives are right. What a person imports; everything else is free to move.

Names are looked up when they are asked for (PEP 562), so that importing this costs nothing and imports no framework.
Strategies are in `gradlaws.strategies`, each by its name.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlaws.strategies.primitive import binary, interval, linear, structured, unary
    from gradlaws.suite.backends.backend import Backend, Unsupported
    from gradlaws.suite.check.answer import Report
    from gradlaws.suite.check.door import check
    from gradlaws.suite.check.leaves import CannotCheck
    from gradlaws.suite.checking.failure import Violation
    from gradlaws.suite.configuration import configure
    from gradlaws.suite.vocabulary import VERSION as __version__

__all__ = [
    "Backend",
    "CannotCheck",
    "Report",
    "Unsupported",
    "Violation",
    "__version__",
    "binary",
    "check",
    "configure",
    "interval",
    "linear",
    "structured",
    "unary",
]
_HOME = {
    "Backend": "suite.backends.backend",
    "CannotCheck": "suite.check.leaves",
    "Report": "suite.check.answer",
    "Unsupported": "suite.backends.backend",
    "Violation": "suite.checking.failure",
    "binary": "strategies.primitive",
    "check": "suite.check.door",
    "configure": "suite.configuration",
    "interval": "strategies.primitive",
    "linear": "strategies.primitive",
    "structured": "strategies.primitive",
    "unary": "strategies.primitive",
}
# In a checkout the folders stand beside this one, and links to them in it; where links are not kept (Windows without
# core.symlinks) they are found all the same.
if not (Path(__file__).parent / "suite" / "__init__.py").exists():
    __path__.append(str(Path(__file__).parent.parent))


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("gradlaws.suite.vocabulary").VERSION
    if name not in _HOME:
        raise AttributeError(f"module 'gradlaws' has no {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"gradlaws.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__]
