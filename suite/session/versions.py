"""Which versions are installed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform

from packaging.specifiers import SpecifierSet

from gradlaws.suite.vocabulary import MODULES, SUPPORTED

DISTRIBUTIONS = ("numpy", "scipy", "torch", "jax", "jaxlib", "optax", "mpmath", "gmpy2", "hypothesis", "pytest")
USAGE_ERROR = 4  # pytest.ExitCode, which is not worth an import of pytest


def outside() -> str:
    """Which of what is tested is outside of the supported releases, as one line; empty where none is."""
    found = versions()
    old = [
        f"{name} {found[name]} is installed, and {name}{wanted} is supported"
        for name, wanted in SUPPORTED.items()
        if name in found and not SpecifierSet(wanted).contains(found[name], prereleases=True)
    ]
    return f"{'; '.join(old)}: upgrade it" if old else ""


def installed(name: str) -> bool:
    """Whether there is a module of that name; it is not imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def judged(backends: str) -> tuple[list[str], list[str]]:
    """Of the backends that are named, comma-separated, or of ours: those that are there, as "numpy 2.4.6", and those
    that are not. One of a plugin is taken to be there."""
    names = [name.strip() for name in backends.split(",") if name.strip()] or [*MODULES]
    found = versions()
    absent = [name for name in names if name in MODULES and not installed(name)]
    return [f"{name} {found.get(name, '')}".strip() for name in names if name not in absent], absent


def versions() -> dict[str, str]:
    """Of Python, of what is tested, and of what tests it; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
