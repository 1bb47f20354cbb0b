"""Whether an operation of a plugin can be tested: it is called once, before any test, at a point of its domain."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Iterator
from types import FrameType

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample

from gradlaws.strategies.catalogue import OWN
from gradlaws.strategies.functions import alone
from gradlaws.strategies.primitive import Primitive
from gradlaws.strategies.program import Point, Program, weighted
from gradlaws.suite.backends import absent, without_spelling
from gradlaws.suite.checking.system import System
from gradlaws.suite.run import Run

SECONDS = float(os.environ.get("GRADLAWS_PROBE_SECONDS", "20"))  # for one call, and for its gradient
QUIET = settings(max_examples=50, database=None, deadline=None, phases=[Phase.generate], derandomize=True,
                 suppress_health_check=list(HealthCheck))  # fmt: skip


def withdraw_unfit(run: Run, systems: list[System]) -> None:
    """Takes what cannot be tested out of the catalogue, so that the rest is; identities/test_plugins.py says why."""
    for name in OWN:
        for system in systems:
            backend = system.backend.name
            if name in absent(system.backend):
                run.unfit[backend, name] = f"{name}: {absent(system.backend)[name]}"
            elif backend in OWN[name].spellings and (why := unfit(OWN[name], system)):
                run.unfit[backend, name] = f"{name} by {system.backend!r} in {system.precision.name} {why}"
                run.catalogue.replace_row(without_spelling(OWN[name], backend))


def unfit(primitive: Primitive, system: System) -> str:
    """Why not, as the end of a sentence; empty where it can be tested."""
    program, point = sample(primitive, system)
    backend, precision = system.backend, system.precision
    x = backend.point(point, precision)
    before = backend.joined(x).copy()
    try:
        with contextlib.redirect_stdout(io.StringIO()), time_limit():
            y = backend.function(program, precision)(*x)
    except TimeoutError:
        return f"does not come back within {SECONDS:g} s"
    except (Exception, SystemExit) as error:
        return f"raises {type(error).__name__}: {(str(error).strip() or 'without a word').splitlines()[0]}"
    if not hasattr(y, "dtype") or not hasattr(y, "shape"):
        return f"returns a {type(y).__name__}, which is no array"
    if tuple(y.shape) != program.output:
        return f"returns the shape {tuple(y.shape)} where {program.output} is declared"
    if str(y.dtype) != str(x[0].dtype):
        return f"returns {y.dtype} where its argument is {x[0].dtype}"
    if not np.array_equal(before, backend.joined(x)):
        return "changes its argument"
    return gradient_hangs(program, point, system)


def gradient_hangs(program: Program, point: Point, system: System) -> str:
    """What else is wrong with a gradient is for the tests to say."""
    f = weighted(program, np.ones(program.output))
    for mode in system.backend.modes_of("gradient")[:1]:
        with contextlib.redirect_stdout(io.StringIO()), time_limit():
            result = system.backend.run(mode, f, system.precision, point)
        if isinstance(result.error, TimeoutError):
            return f"has a gradient that does not come back within {SECONDS:g} s"
    return ""


def sample(primitive: Primitive, system: System) -> tuple[Program, Point]:
    """The primitive at a point, of several entries where it takes such."""
    strategy = alone(system.precision, primitive)
    try:
        return find(strategy, lambda drawn: drawn[0].inputs[0] != (), settings=QUIET)
    except NoSuchExample:
        return find(strategy, lambda drawn: True, settings=QUIET)


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    """Raises TimeoutError in what takes longer; what hangs outside Python is for the time limit of a test."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
