"""What a run adds to ours through its plugins: it belongs to the run, and ends with it.

Whoever measures says ``with in_force(Run()) as run:``, and loads plugins into it (suite/plugins.py). Rows of the
catalogue, contracts, ledger, backends and libraries are looked up in the run that is in force; outside of any there is
one of ours alone.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from gradlaws.strategies import catalogue
from gradlaws.strategies.catalogue import Catalogue
from gradlaws.suite.vocabulary import LIBRARIES, MODULES

T = TypeVar("T")


@dataclass(eq=False)
class Run:
    """``contracts`` are rows of suite/bound/contracts.py, ``ledgers`` files of suite/known/ledger.py."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    modules: dict[str, str] = field(default_factory=lambda: dict(MODULES))  # by backend
    libraries: list[str] = field(default_factory=lambda: [*LIBRARIES])  # that calls may name
    contracts: list[Any] = field(default_factory=list)
    ledgers: list[Path] = field(default_factory=list)
    plugins: dict[str, ModuleType] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)  # names of modules that were plugins' files
    absent: dict[str, dict[str, str]] = field(default_factory=dict)  # by backend, primitives that it lacks, and why
    unfit: dict[tuple[str, str], str] = field(default_factory=dict)  # by backend and primitive, why it is left out


_run = Run(catalogue.in_use())
_caches: list[Callable[[], None]] = []


def current() -> Run:
    return _run


@contextmanager
def in_force(run: Run) -> Iterator[Run]:
    """Inside, the run is the current one."""
    global _run
    before, _run = _run, run
    forget()
    try:
        with catalogue.using(run.catalogue):
            yield run
    finally:
        _run = before
        forget()
        for name in run.files:
            sys.modules.pop(name, None)


def forget() -> None:
    """Empties the caches that name primitives: another run may mean another function by a name."""
    for clear in _caches:
        clear()


def kept(most: int) -> Callable[[Callable[..., T]], functools._lru_cache_wrapper[T]]:
    """A cache of so many results, for the length of a run."""

    def wrap(function: Callable[..., T]) -> functools._lru_cache_wrapper[T]:
        cached = functools.lru_cache(most)(function)
        _caches.append(cached.cache_clear)
        return cached

    return wrap
