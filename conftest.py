"""Wires the three folders together: options, which systems meet which tests, and where the records go."""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Generator, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.build import build
from reports.judging.gist import BASELINE
from reports.shards.reading import read_shards
from reports.shards.writing import ShardWriter, clear
from strategies.catalogue import OWN, PRIMITIVES
from strategies.precision import PRECISIONS, WIDE
from suite import backends, clock, hypothesis_internals, plugins, profiles
from suite.bound import contracts
from suite.checking.system import System
from suite.checking.trial import Trial
from suite.configuration import configure
from suite.corpus import cases
from suite.document.evidence import Evidence
from suite.known import conventions, floors, ledger
from suite.known.claims import CLAIMS
from suite.run import Run, in_force
from suite.session import admission, options
from suite.session.header import header
from suite.session.items import gathers_evidence, identity_of, in_order, parameters_of, seed_of, system_of
from suite.session.options import chosen, part
from suite.tables import DataError

ROOT = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


class Session:
    """What one process of the run knows."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self.run = run
        self.out = Path(config.getoption("--out"))
        self.profile = config.getoption("--profile")
        self.identities = chosen(config, "--identities", list(CLAIMS))
        named = chosen(config, "--dtypes", list(PRECISIONS)) if config.getoption("--dtypes") else []
        self.dtypes = named or list(PRECISIONS)
        self.shard = part(config.getoption("--shard"))
        self.whole: list[pytest.Item] = []  # of all shards
        self.modes = [pattern.strip() for pattern in config.getoption("--modes").split(",")]
        self.systems: dict[str, System] = {}
        self.left_out: dict[str, str] = {}
        self.writer: ShardWriter | None = None
        for name in chosen(config, "--backends", list(self.run.modules)):
            try:
                backend = backends.load(name)
            except ImportError as error:
                self.left_out[name] = str(error)
                continue
            self.left_out |= {f"{name} {primitive}": why for primitive, why in backends.absent(backend).items()}
            self.left_out |= {f"{name} {dtype}": why for dtype, why in backend.elsewhere.items()}
            met = dict.fromkeys(named, 1.0) if named else profiles.precisions(name, backend.dtypes)
            for dtype, share in met.items():
                if dtype not in backend.dtypes:
                    self.left_out.setdefault(f"{name} {dtype}", f"{name} does not compute in {dtype}")
                    continue
                system = System(backend, PRECISIONS[dtype], self.emit, self.selected, share)
                self.systems[str(system)] = system
        if not self.systems:
            why = "; ".join(self.left_out.values())
            raise pytest.UsageError(f"nothing to look at: {why}; install numpy, torch or jax")
        every = cases.read(Path(config.getoption("--corpus"))) if profiles.active.stored else []
        self.cases = [case for case in every if case.pin or profiles.active.stored == "all"]
        known = [mode.name for system in self.systems.values() for mode in system.backend.modes]
        for pattern in self.modes:
            if not pattern.startswith("!") and not any(fnmatchcase(name, pattern) for name in known):
                raise pytest.UsageError(f"--modes: {pattern!r} matches none of {', '.join(sorted(set(known)))}")

    def selected(self, mode: str) -> bool:
        left_out = any(fnmatchcase(mode, pattern[1:]) for pattern in self.modes if pattern.startswith("!"))
        return not left_out and any(fnmatchcase(mode, pattern) for pattern in self.modes)

    def emit(self, record: Any) -> None:
        if self.writer is not None:
            self.writer.write(record)


def nowhere(item: pytest.Item) -> bool:
    """Whether the test is about systems, and none is left for it: pytest then gives it a token of its own."""
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "system" in callspec.params and not system_of(item)


def due(item: pytest.Item, known: Session) -> bool:
    """Whether the profile looks at this precision there, and the turn of a primitive of the breadth has come."""
    callspec = getattr(item, "callspec", None)
    primitive = callspec.params.get("primitive") if callspec else None
    system = system_of(item)
    if gathers_evidence(item) and not profiles.active.document:
        return False
    if not system:
        return True
    backend, dtype = system.split("-")
    if backend in profiles.active.one_precision and dtype != known.dtypes[0]:
        return False
    if gathers_evidence(item) and dtype not in WIDE:
        return False
    if primitive is None:
        return True
    spelled = backend in PRIMITIVES[primitive].spellings
    return spelled and profiles.due(primitive, backend, dtype, known.systems[system].share)


SESSION = pytest.StashKey[Session]()


def is_controller(config: pytest.Config) -> bool:
    """Whether this process hands its tests to workers."""
    return bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")


def reports_wanted(config: pytest.Config) -> bool:
    """Whether the suite is run, rather than the project's own tests."""
    named = [Path(str(config.invocation_params.dir), arg.split("::")[0]).resolve() for arg in config.args]
    return any(path == ROOT or path.is_relative_to(ROOT / "suite") for path in named) and not (
        config.getoption("collectonly")
    )


@pytest.hookimpl(tryfirst=True)  # before Hypothesis reads its seed
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ledger: runs once for each known deviation (suite/known/ledger.toml)")
    config.addinivalue_line("markers", "corpus: runs once for each stored case (suite/corpus) on each backend")
    config.addinivalue_line("markers", "convention: runs once for each kink or edge (suite/known/conventions.toml)")
    config.addinivalue_line("markers", "dtypes(names): the precisions in which the test is run")
    config.addinivalue_line("markers", "identity(id): the claim that the test verifies (suite/known/claims.toml)")
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
    run = Run()
    in_use = contextlib.ExitStack()
    in_use.enter_context(in_force(run))
    config.add_cleanup(in_use.close)
    try:
        for name in config.getoption("--plugin"):
            plugins.load(run, name)
    except plugins.PluginError as error:
        raise pytest.UsageError(str(error)) from None
    try:
        session = config.stash[SESSION] = Session(config, run)
    except cases.CaseError as error:
        raise pytest.UsageError(f"--corpus: {error}") from None
    if reports_wanted(config) and not hasattr(config, "workerinput"):
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
    session = metafunc.config.stash[SESSION]
    if metafunc.definition.get_closest_marker("ledger"):
        # Each row on the backend that it speaks of, in the first of its precisions.
        met = [(f"{row.backend}-{row.dtypes[0]}", row) for row in ledger.rows()]
        met = [(system, row) for system, row in met if system in session.systems]
        metafunc.parametrize(("system", "row"), met, indirect=["system"], ids=[row.id for _, row in met])
    elif metafunc.definition.get_closest_marker("convention"):
        met_at = [(s, row) for s in session.systems for row in conventions.rows() if s in conventions.SYSTEMS]
        names = [f"{s}-{row.case}" for s, row in met_at]
        metafunc.parametrize(("system", "convention"), met_at, indirect=["system"], ids=names)
    elif metafunc.definition.get_closest_marker("corpus"):
        asked = list(stored(session))
        names = [f"{system}-{case}" for system, case in asked]
        metafunc.parametrize(("system", "case"), asked, indirect=["system"], ids=names)
    elif "system" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backends")
        identity = metafunc.definition.get_closest_marker("identity")
        claim = CLAIMS.get(identity.args[0]) if identity else None
        dtypes = metafunc.definition.get_closest_marker("dtypes")
        names = [
            name
            for name, (backend, dtype) in ((s, s.split("-")) for s in session.systems)
            if (marker is None or backend in marker.args)
            and (dtypes is None or dtype in dtypes.args)
            and (claim is None or not claim.why_not(session.systems[name].backend))
        ]
        metafunc.parametrize("system", names, indirect=True, scope="session")


def stored(session: Session) -> Iterator[tuple[str, cases.Case | cases.Damaged]]:
    """The cases that the profile asks for, on each system that they concern; a damaged line on the first."""
    for case in session.cases:
        if isinstance(case, cases.Damaged):
            yield next(iter(session.systems)), case
            continue
        claim = CLAIMS.get(case.identity)
        for name, system in session.systems.items():
            concerned = not case.recorded or system.backend.name in case.recorded
            if system.precision.name == case.dtype and concerned and not (claim and claim.why_not(system.backend)):
                yield name, case


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = config.stash[SESSION]
    wanted = set(known.identities)
    if not profiles.active.alone:
        wanted -= {"alone"}
    left = [
        item
        for item in items
        if nowhere(item)
        or (profiles.active.stored and "case" not in parameters_of(item))
        or (identity_of(item) in CLAIMS and not (identity_of(item) in wanted and due(item, known)))
    ]
    if left:
        config.hook.pytest_deselected(items=left)
    known.whole = [item for item in items if item not in left]
    k, n = known.shard
    others = [item for item in known.whole if zlib.crc32(item.nodeid.encode()) % n != k - 1]
    if others:
        config.hook.pytest_deselected(items=others)
        left = [*left, *others]
    items[:] = in_order([item for item in items if item not in left])


def pytest_collection_finish(session: pytest.Session) -> None:
    config = session.config
    if not reports_wanted(config) or is_controller(config):
        return
    known = config.stash[SESSION]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    known.writer = ShardWriter(known.out / "shards", worker, header(config, known.whole, known.systems, known.left_out))
    known.emit({"kind": "plan", "tests": [item.nodeid for item in session.items]})
    for record in UNCOLLECTED:
        known.emit(record)


UNCOLLECTED: list[dict[str, Any]] = []


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot be imported has tests too, and they are missing."""
    if report.failed:
        UNCOLLECTED.append({"kind": "test", "nodeid": report.nodeid, "outcome": "error", "seconds": 0.0,
                            "message": str(report.longrepr).strip().splitlines()[-1]})  # fmt: skip


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
    """A test on the system; `pytest_runtest_call` puts each test's own in its place."""
    return Trial(system)


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """What the test finds out about its claim; recorded when it ends, however it ends."""
    subject = system_of(request.node).replace("-", " ")
    return Evidence(CLAIMS[identity_of(request.node)], subject)


@pytest.fixture
def random(request: pytest.FixtureRequest) -> np.random.Generator:
    """Numbers that depend on the run's seed and the test alone."""
    return np.random.default_rng([profiles.turn, seed_of(request.node)])


def found_out(evidence: Evidence, call: pytest.CallInfo[None]) -> dict[str, Any]:
    """The record of what a test found out, which may be that a library is missing."""
    error = call.excinfo.value if call.excinfo else None
    missing = isinstance(error, pytest.skip.Exception | ImportError)
    words = "" if error is None else (str(error).strip() or type(error).__name__).splitlines()[0]
    return evidence.record(call.duration, failure="" if missing else words, missing=words if missing else "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Iterator[None]:
    """Begins the trial of this test, and fails the test if one of its controls was never seen to fail."""
    known = item.config.stash[SESSION]
    system, trial, test = known.systems.get(system_of(item)), None, getattr(item, "obj", None)
    full = hypothesis_internals.settings_of(test)
    if system is not None:
        own = {name: value for name, value in parameters_of(item).items() if name not in ("system", "case")}
        trial = Trial(system, identity_of(item), item.nodeid, own, seed_of(item))
        if "trial" in item.funcargs:
            item.funcargs["trial"] = trial
        if full is not None:
            is_own = own.get("primitive") in OWN
            share = profiles.shared(full, system.backend.name, trial.identity, is_own, system.share)
            hypothesis_internals.use_settings(test, share)
    clock.seconds.clear()
    start = time.perf_counter()
    try:
        yield
    finally:
        if full is not None:
            hypothesis_internals.use_settings(test, full)
        idle = trial.finish() if trial is not None else []
        elapsed = time.perf_counter() - start
        clock.seconds["rest"] += elapsed - sum(clock.seconds.values())
        if system is not None:
            for part, seconds in clock.seconds.items():
                known.emit({"kind": "time", "part": part, "backend": system.backend.name, "seconds": max(seconds, 0.0)})
    if idle and trial is not None and trial.focus is None and profiles.active.floor and trial.system.share == 1:
        raise Idle(f"a check that could not have failed: the control {idle} never failed")


class Idle(AssertionError):
    """A control was never seen to fail, so that the test shows nothing."""


def outcome_of(report: pytest.TestReport, error: BaseException | None) -> str:
    """`failed` only where something is wrong with what is tested; `error` where the test itself could not be made."""
    if isinstance(error, Idle):
        return "idle"
    broken = report.when != "call" or not isinstance(error, AssertionError | pytest.fail.Exception)
    return "error" if report.failed and broken else report.outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        known = item.config.stash[SESSION]
        message = str(call.excinfo.value).splitlines()[0] if call.excinfo and str(call.excinfo.value) else ""
        outcome = outcome_of(report, call.excinfo.value if call.excinfo else None)
        evidence = getattr(item, "funcargs", {}).get("evidence")
        if evidence is not None and report.when == "call":
            known.emit(found_out(evidence, call))
        known.emit(
            {"kind": "test", "nodeid": item.nodeid, "outcome": outcome, "seconds": call.duration, "message": message,
             "drawn": hypothesis_internals.drawn(item)}
        )  # fmt: skip
        if known.writer is not None:
            known.writer.fold()
        if report.failed:
            hypothesis_internals.shrink_more_quickly()
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A worker that crashed cannot say so itself."""
    if report.when == "???":  # type: ignore[comparison-overlap]
        CRASHED.append({"kind": "test", "nodeid": report.nodeid, "outcome": "crashed", "seconds": 0.0,
                        "message": str(report.longrepr).splitlines()[0]})  # fmt: skip


CRASHED: list[dict[str, Any]] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Builds the report once all workers are done, also when the run is red or was interrupted."""
    yield
    config = session.config
    known = config.stash.get(SESSION, None)
    if known is None or not reports_wanted(config):
        return
    if known.writer is not None:
        known.writer.close()
    if hasattr(config, "workerinput"):
        return
    if CRASHED:
        writer = ShardWriter(known.out / "shards", "controller", header(config, [], known.systems, known.left_out))
        for record in CRASHED:
            writer.write(record)
        writer.close()
    if profiles.active.hunt:
        keep(known.out)
    if config.getoption("--no-report"):
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    say = (lambda line: reporter.write_line(line)) if reporter else print
    say("")
    session.exitstatus = build([known.out / "shards"], known.out, say, BASELINE) or session.exitstatus


def keep(out: Path) -> None:
    """Writes the cases that the run has found where `suite corpus add` reads them: shrunk failures, and the worst."""
    records, _ = read_shards([out / "shards"])
    found = {record["case"]: record["case"] for record in records if record["kind"] == "found"}
    shrunk = {record["test"]: record["case"] for record in records if record["kind"] == "failure"}
    (out / "found.jsonl").write_text("".join(f"{line}\n" for line in (*shrunk.values(), *found) if line), "utf-8")
