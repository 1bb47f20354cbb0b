"""Which versions are installed."""

from __future__ import annotations

import importlib.metadata
import platform

DISTRIBUTIONS = ("numpy", "scipy", "torch", "jax", "jaxlib", "optax", "mpmath", "gmpy2", "hypothesis", "pytest")


def versions() -> dict[str, str]:
    """Of Python, of what is tested, and of what tests it; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
