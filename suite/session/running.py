"""While a test runs: its trial, its settings, and where its time goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gradlaws.records.shard import Time
from gradlaws.strategies.catalogue import OWN
from gradlaws.suite import clock, hypothesis_internals, profiles
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.session.items import identity_of, parameters_of, seed_of, system_of
from gradlaws.suite.session.outcomes import Idle
from gradlaws.suite.session.session import Session


@contextmanager
def running(item: pytest.Function, session: Session) -> Iterator[None]:
    """Begins the trial of the test, which takes it as `trial`. Raises Idle if one of its controls was never seen to
    fail."""
    system = session.systems.get(system_of(item))
    if system is None:
        clock.seconds.clear()
        yield
        return
    trial = trial_of(item, system)
    if "trial" in item.funcargs:
        item.funcargs["trial"] = trial
    start = time.perf_counter()
    clock.seconds.clear()
    try:
        with sharing(item, trial):
            yield
    finally:
        idle = trial.finish()
        clock.seconds["rest"] += time.perf_counter() - start - sum(clock.seconds.values())
        for part, seconds in clock.seconds.items():
            session.emit(Time(kind="time", part=part, backend=system.backend.name, seconds=max(seconds, 0.0)))
    if idle and trial.focus is None and profiles.active.floor and system.share == 1:
        raise Idle(f"a check that could not have failed: the control {idle} never failed")


def trial_of(item: pytest.Item, system: System) -> Trial:
    own = {name: value for name, value in parameters_of(item).items() if name not in ("system", "case")}
    return Trial(system, identity_of(item), item.nodeid, own, seed_of(item))


@contextmanager
def sharing(item: pytest.Function, trial: Trial) -> Iterator[None]:
    """One test function has many systems, each with its share of the examples."""
    full = hypothesis_internals.settings_of(item.obj)
    if full is None:
        yield
        return
    own, system = trial.parameters.get("primitive") in OWN, trial.system
    shared = profiles.shared(full, system.backend.name, trial.identity, own, system.share)
    hypothesis_internals.use_settings(item.obj, shared)
    try:
        yield
    finally:
        hypothesis_internals.use_settings(item.obj, full)
