"""The frameworks under test, each in every public way to a derivative that it offers."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import replace

from gradlaws.strategies import catalogue
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.primitive import Primitive
from gradlaws.suite import configuration, run
from gradlaws.suite.backends.backend import Backend, Mode, UnknownBackend, Unsupported

CONTROL_FLOW = {
    "torch": "gradlaws.suite.backends.torch_control_flow",
    "jax": "gradlaws.suite.backends.jax_control_flow",
}

__all__ = ["Backend", "Mode", "UnknownBackend", "Unsupported", "absent", "load"]


def load(name: str) -> Backend:
    """The backend of that name. Raises UnknownBackend, or ImportError where the framework is not installed.

    What its version does not have is taken out of the catalogue's spellings.
    """
    modules = run.current().modules
    if name not in modules:
        raise UnknownBackend(f"unknown backend {name!r}: known are {', '.join(modules)}")
    module = importlib.import_module(modules[name])
    if configuration.measures and hasattr(module, "configure"):
        module.configure()
    backend: Backend = module.BACKEND
    if name in CONTROL_FLOW:
        importlib.import_module(CONTROL_FLOW[name])
    absent(backend)
    return backend


def absent(backend: Backend) -> dict[str, str]:
    """The primitives that this version of the framework does not have, and why; they are no longer asked of it."""
    known = run.current().absent
    if backend.name not in known:
        known[backend.name] = dict(_missing(backend))
        for name in known[backend.name]:
            catalogue.in_use().replace_row(without_spelling(PRIMITIVES[name], backend.name))
    return known[backend.name]


def _missing(backend: Backend) -> Iterator[tuple[str, str]]:
    for primitive in [p for p in PRIMITIVES.values() if backend.name in p.spellings]:
        try:
            for name in names(primitive.spellings[backend.name]):
                pkgutil.resolve_name(name)
        except (ImportError, AttributeError) as error:
            yield primitive.name, f"{backend!r} has no {name}" if isinstance(error, AttributeError) else str(error)


def without_spelling(primitive: Primitive, backend: str) -> Primitive:
    return replace(primitive, spellings={name: text for name, text in primitive.spellings.items() if name != backend})


def names(spelling: str) -> list[str]:
    """The dotted names of libraries in a call."""
    libraries = "|".join({library.split(".")[0] for library in run.current().libraries})
    return re.findall(rf"(?<![\w.])(?:{libraries})(?:\.[A-Za-z_]\w*)+", spelling)
