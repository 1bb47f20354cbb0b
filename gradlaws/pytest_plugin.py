"""The pytest plugin: its hooks hand on to suite/session, and the records that come of it to reports."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest

from gradlaws.records.shard import Plan
from gradlaws.reports.build import build
from gradlaws.reports.files.found import keep_found
from gradlaws.reports.judging.gist import BASELINE
from gradlaws.reports.shards.writing import ShardWriter, clear
from gradlaws.suite import hypothesis_internals, profiles
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.document.evidence import Evidence
from gradlaws.suite.known.claims import CLAIMS
from gradlaws.suite.places import HOME, SUITE
from gradlaws.suite.run import Run, in_force
from gradlaws.suite.session import admission, collected, options, outcomes
from gradlaws.suite.session.header import header
from gradlaws.suite.session.items import identity_of, in_order, seed_of, system_of
from gradlaws.suite.session.running import running
from gradlaws.suite.session.session import Session, begun, prepare

SESSION = pytest.StashKey[Session]()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether this process hands its tests to workers."""
    return bool(config.getoption("numprocesses", None)) and not is_worker(config)


def is_recorded(config: pytest.Config) -> bool:
    """Whether the suite is run, rather than the project's own tests."""
    named = [Path(str(config.invocation_params.dir), arg.split("::")[0]).resolve() for arg in config.args]
    suite = any(path in (HOME, SUITE) or path.is_relative_to(SUITE) for path in named)
    return suite and not config.getoption("collectonly")


@pytest.hookimpl(tryfirst=True)  # before Hypothesis reads its seed
def pytest_configure(config: pytest.Config) -> None:
    for marker in options.MARKERS:
        config.addinivalue_line("markers", marker)
    prepare(config)
    run = Run()
    in_use = contextlib.ExitStack()
    in_use.enter_context(in_force(run))
    config.add_cleanup(in_use.close)
    session = config.stash[SESSION] = begun(config, run)
    config.pluginmanager.register(session.lost)
    if is_recorded(config) and not is_worker(config):
        try:
            clear(session.out / "shards")
        except OSError as error:
            raise pytest.UsageError(f"--out: cannot write to {session.out}: {error}; give another folder") from None


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Before the tests are collected: operations of plugins that cannot be tested are not met by any."""
    known = session.config.stash[SESSION]
    if not is_controller(session.config):
        admission.withdraw_unfit(known.run, list(known.systems.values()))
        known.left_out |= {f"{backend} {name}": why for (backend, name), why in known.run.unfit.items()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    collected.parametrise(metafunc, metafunc.config.stash[SESSION])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = config.stash[SESSION]
    known.whole = collected.asked(items, known)
    left = collected.of_the_shard(known.whole, known)
    if others := [item for item in items if item not in left]:
        config.hook.pytest_deselected(items=others)
    items[:] = in_order(left)


def pytest_collection_finish(session: pytest.Session) -> None:
    config = session.config
    if not is_recorded(config) or is_controller(config):
        return
    known = config.stash[SESSION]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    known.writer = ShardWriter(known.out / "shards", worker, header(config, known.whole, known.systems, known.left_out))
    known.emit(Plan(kind="plan", tests=[item.nodeid for item in session.items]))
    for record in known.lost.uncollected:
        known.emit(record)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test has a time limit: then its worker dies, wherever it hangs, and the report says in which example."""
    known = item.config.stash[SESSION]
    if known.writer is None:
        return (yield)
    with known.writer.watch(item.nodeid, item.config.getoption("--time-limit") or profiles.active.time_limit):
        return (yield)


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest) -> System:
    """A backend in a precision."""
    return request.config.stash[SESSION].systems[request.param]


@pytest.fixture(scope="session")  # since Hypothesis lets no test of its have another; each test begins its own
def trial(system: System) -> Trial:
    """A test on the system; `running` puts each test's own in its place."""
    return Trial(system)


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """What the test finds out about its claim; recorded when it ends, however it ends."""
    return Evidence(CLAIMS[identity_of(request.node)], system_of(request.node).replace("-", " "))


@pytest.fixture
def random(request: pytest.FixtureRequest) -> np.random.Generator:
    """Numbers that depend on the run's seed and the test alone."""
    return np.random.default_rng([profiles.turn, seed_of(request.node)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Iterator[None]:
    with running(item, item.config.stash[SESSION]):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        known = item.config.stash[SESSION]
        evidence = getattr(item, "funcargs", {}).get("evidence")
        if evidence is not None and report.when == "call":
            known.emit(outcomes.found_out(evidence, call))
        known.emit(outcomes.record_of(item, call, report))
        if known.writer is not None:
            known.writer.fold()
        if report.failed:
            hypothesis_internals.shrink_more_quickly()
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Builds the report once all workers are done, also when the run is red or was interrupted."""
    yield
    config = session.config
    known = config.stash.get(SESSION, None)
    if known is None or not is_recorded(config):
        return
    if known.writer is not None:
        known.writer.close()
    if is_worker(config):
        return
    shards = known.out / "shards"
    if known.lost.crashed:
        writer = ShardWriter(shards, "controller", header(config, [], known.systems, known.left_out))
        for record in known.lost.crashed:
            writer.write(record)
        writer.close()
    if profiles.active.hunt:
        keep_found(known.out)
    if config.getoption("--no-report"):
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    say = (lambda line: reporter.write_line(line)) if reporter else print
    say("")
    session.exitstatus = build([shards], known.out, say, BASELINE) or session.exitstatus
