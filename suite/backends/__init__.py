"""The frameworks under test, each in every public way to a derivative that it offers."""

from __future__ import annotations

import importlib
import importlib.util

from suite.backends.backend import Backend, Mode, UnknownBackend, Unsupported

MODULES = {
    "numpy": "suite.backends.numpy_backend",
    "torch": "suite.backends.torch_backend",
    "jax": "suite.backends.jax_backend",
}

__all__ = ["MODULES", "Backend", "Mode", "UnknownBackend", "Unsupported", "load"]


def load(name: str) -> Backend:
    """The backend of that name. Raises UnknownBackend, or ImportError where the framework is not installed."""
    if name not in MODULES:
        raise UnknownBackend(f"unknown backend {name!r}: known are {', '.join(MODULES)}")
    backend: Backend = importlib.import_module(MODULES[name]).BACKEND
    return backend
