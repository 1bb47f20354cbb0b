"""What one process of a run knows: its options, its systems, and where its records go."""

from __future__ import annotations

from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

import pytest

from gradlaws.records.shard import Record
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.suite import backends, hypothesis_internals, plugins, profiles
from gradlaws.suite.bound import contracts
from gradlaws.suite.checking.system import System
from gradlaws.suite.configuration import configure
from gradlaws.suite.corpus import cases
from gradlaws.suite.known import conventions, floors, ledger
from gradlaws.suite.known.claims import CLAIMS
from gradlaws.suite.run import Run
from gradlaws.suite.session.lost import Lost
from gradlaws.suite.session.options import chosen, part
from gradlaws.suite.tables import DataError


class Writer(Protocol):
    """Where the records of a process go."""

    def write(self, record: Record) -> None: ...

    def fold(self) -> None: ...

    def watch(self, test: str, limit: float) -> AbstractContextManager[None]: ...

    def close(self) -> None: ...


class Session:
    """Raises UsageError where an option names what there is not, or nothing is left to look at."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self.run, self.lost = run, Lost()
        self.out = Path(config.getoption("--out"))
        self.identities = chosen(config, "--identities", list(CLAIMS))
        named = chosen(config, "--dtypes", list(PRECISIONS)) if config.getoption("--dtypes") else []
        self.dtypes = named or list(PRECISIONS)
        self.shard = part(config.getoption("--shard"))
        self.whole: list[pytest.Item] = []  # of all shards
        self.modes = [pattern.strip() for pattern in config.getoption("--modes").split(",")]
        self.left_out: dict[str, str] = {}
        self.writer: Writer | None = None
        self.systems: dict[str, System] = {}
        for name in chosen(config, "--backends", list(run.modules)):
            self.take(name, named)
        if not self.systems:
            why = "; ".join(self.left_out.values())
            raise pytest.UsageError(f"nothing to look at: {why}; install numpy, torch or jax")
        every = cases.read(Path(config.getoption("--corpus"))) if profiles.active.stored else []
        self.cases = [case for case in every if case.pin or profiles.active.stored == "all"]
        known = [mode.name for system in self.systems.values() for mode in system.backend.modes]
        for pattern in self.modes:
            if not pattern.startswith("!") and not any(fnmatchcase(name, pattern) for name in known):
                raise pytest.UsageError(f"--modes: {pattern!r} matches none of {', '.join(sorted(set(known)))}")

    def take(self, name: str, named: list[str]) -> None:
        """The systems of a backend, in the precisions that are named, or in the profile's; and why there are none."""
        try:
            backend = backends.load(name)
        except ImportError as error:
            self.left_out[name] = str(error)
            return
        self.left_out |= {f"{name} {primitive}": why for primitive, why in backends.absent(backend).items()}
        self.left_out |= {f"{name} {dtype}": why for dtype, why in backend.elsewhere.items()}
        met = dict.fromkeys(named, 1.0) if named else profiles.precisions(name, backend.dtypes)
        for dtype, share in met.items():
            if dtype not in backend.dtypes:
                self.left_out.setdefault(f"{name} {dtype}", f"{name} does not compute in {dtype}")
                continue
            system = System(backend, PRECISIONS[dtype], self.emit, self.selected, share)
            self.systems[str(system)] = system

    def selected(self, mode: str) -> bool:
        left_out = any(fnmatchcase(mode, pattern[1:]) for pattern in self.modes if pattern.startswith("!"))
        return not left_out and any(fnmatchcase(mode, pattern) for pattern in self.modes)

    def emit(self, record: Record) -> None:
        if self.writer is not None:
            self.writer.write(record)


def prepare(config: pytest.Config) -> None:
    """Makes the process one that measures, by the profile, and reads the data files. Raises UsageError."""
    configure()
    profile = profiles.load(config.getoption("--profile"))
    if config.getoption("--hypothesis-seed") is None and profile.seed is not None:
        config.option.hypothesis_seed = str(profile.seed)
    hypothesis_internals.shrink_for(profile.shrink_seconds)
    seed = str(config.getoption("--hypothesis-seed") or 0)
    profiles.turn = int(seed) if seed.isdigit() else 0
    try:
        contracts.rows(), conventions.rows(), floors.rows(), ledger.rows()
    except DataError as error:
        raise pytest.UsageError(str(error)) from None


def begun(config: pytest.Config, run: Run) -> Session:
    """The session of a run, with its plugins. Raises UsageError."""
    try:
        for name in config.getoption("--plugin"):
            plugins.load(run, name)
        return Session(config, run)
    except plugins.PluginError as error:
        raise pytest.UsageError(str(error)) from None
    except cases.CaseError as error:
        raise pytest.UsageError(f"--corpus: {error}") from None
