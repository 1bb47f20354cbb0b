"""Which versions are installed."""

from __future__ import annotations

import importlib.metadata
import platform

from packaging.specifiers import SpecifierSet

from gradlaws.suite.vocabulary import SUPPORTED

DISTRIBUTIONS = ("numpy", "scipy", "torch", "jax", "jaxlib", "optax", "mpmath", "gmpy2", "hypothesis", "pytest")


def outside() -> str:
    """Which of what is tested is outside of the supported releases, as one line; empty where none is."""
    found = versions()
    old = [
        f"{name} {found[name]} is installed, and {name}{wanted} is supported"
        for name, wanted in SUPPORTED.items()
        if name in found and not SpecifierSet(wanted).contains(found[name], prereleases=True)
    ]
    return f"{'; '.join(old)}: upgrade it" if old else ""


def versions() -> dict[str, str]:
    """Of Python, of what is tested, and of what tests it; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
