"""The frameworks under test, each in every public way to a derivative that it offers."""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import replace
from functools import cache

from strategies import catalogue
from strategies.catalogue import PRIMITIVES
from suite import configuration
from suite.backends.backend import LIBRARIES, Backend, Mode, UnknownBackend, Unsupported

MODULES = {
    "numpy": "suite.backends.numpy_backend",
    "torch": "suite.backends.torch_backend",
    "jax": "suite.backends.jax_backend",
}

CONTROL_FLOW = {"torch": "suite.backends.torch_control_flow", "jax": "suite.backends.jax_control_flow"}

__all__ = ["MODULES", "Backend", "Mode", "UnknownBackend", "Unsupported", "absent", "load"]


def load(name: str) -> Backend:
    """The backend of that name. Raises UnknownBackend, or ImportError where the framework is not installed.

    What its version does not have is taken out of the catalogue's spellings.
    """
    if name not in MODULES:
        raise UnknownBackend(f"unknown backend {name!r}: known are {', '.join(MODULES)}")
    module = importlib.import_module(MODULES[name])
    if configuration.measures and hasattr(module, "configure"):
        module.configure()
    backend: Backend = module.BACKEND
    if name in CONTROL_FLOW:
        importlib.import_module(CONTROL_FLOW[name])
    absent(backend)
    return backend


@cache
def absent(backend: Backend) -> dict[str, str]:
    """The primitives that this version of the framework does not have, and why; they are no longer asked of it."""
    reasons = {}
    for primitive in [p for p in PRIMITIVES.values() if backend.name in p.spellings]:
        try:
            for name in names(primitive.spellings[backend.name]):
                pkgutil.resolve_name(name)
        except (ImportError, AttributeError) as error:
            reasons[primitive.name] = f"{backend!r} has no {name}" if isinstance(error, AttributeError) else str(error)
            kept = {other: text for other, text in primitive.spellings.items() if other != backend.name}
            catalogue.replace_row(replace(primitive, spellings=kept))
    return reasons


def names(spelling: str) -> list[str]:
    """The dotted names of libraries in a call."""
    libraries = "|".join({library.split(".")[0] for library in LIBRARIES})
    return re.findall(rf"(?<![\w.])(?:{libraries})(?:\.[A-Za-z_]\w*)+", spelling)
