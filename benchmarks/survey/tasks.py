"""What one process of the survey does: a primitive in a precision, all its layers; and several of these at a time.

No part of __main__, which another process cannot import where it does not fork.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from typing import Any

import numpy as np
from pebble import ProcessPool

from benchmarks.survey import arrays, dense, table
from benchmarks.survey.bounds import within_bound
from benchmarks.survey.nestings import nestings
from benchmarks.survey.strict import strict, surveyed
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.strategies.primitive import Primitive
from gradlaws.suite import plugins
from gradlaws.suite.bound import contracts
from gradlaws.suite.configuration import configure
from gradlaws.suite.run import current

DTYPES = ("float64", "float32")
LIMIT = 240.0  # seconds for a task: a framework may not come back at all
MEMORY = 1_500_000  # kilobytes, beyond which a process gives back what XLA has compiled
Task = tuple[str, str, tuple[str, ...]]  # a primitive, a precision, and the backends that are asked


def task(name: str, dtype: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """All records of one primitive in one precision, on the given backends."""
    return timed(name, dtype, names, records_of)


def contract_task(name: str, dtype: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """What contracts are made of, into files beside the survey's."""
    return timed(name, dtype, names, measured)


def timed(
    name: str, dtype: str, names: tuple[str, ...], of: Callable[[Primitive, Precision, list[str]], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The records, and one that says what they took."""
    warnings.simplefilter("ignore")
    primitive, precision = PRIMITIVES[name], PRECISIONS[dtype]
    met = [backend for backend in names if backend in primitive.spellings]
    start, cpu = time.perf_counter(), time.process_time()
    with np.errstate(all="ignore"):
        records = of(primitive, precision, met)
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MEMORY:
        release()
    done = {"layer": "done", "primitive": name, "dtype": dtype, "backends": names}
    spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    return [*records, {**done, **{key: round(value, 2) for key, value in spent.items()}}]


def measured(primitive: Primitive, precision: Precision, met: list[str]) -> list[dict[str, Any]]:
    """Points of elementwise primitives with their errors, and entries of those structured ones that have a contract."""
    path = table.path(primitive.name, precision.name)
    if not any(precision.name in table.dtypes(primitive.name, backend) for backend in met):
        return []
    if primitive.kind in ("elementwise", "arithmetic"):
        dense.measure(primitive, precision.name, tuple(met)).save(table.FOLDER)
    elif primitive.kind == "structured":
        rows = [row for row in contracts.rows() if primitive.name in row.primitives and precision.name in row.dtypes]
        if named := tuple(backend for backend in met if any(backend in row.backends for row in rows)):
            arrays.save(arrays.measure(primitive, precision.name, named), path)
    return []


def records_of(primitive: Primitive, precision: Precision, met: list[str]) -> list[dict[str, Any]]:
    """By the four layers of the survey."""
    records: list[dict[str, Any]] = []
    if primitive.kind == "elementwise" and primitive.arity < 3 and met:
        x, exact = surveyed(primitive, precision)
        for backend in met:
            records += strict(backend, primitive, precision, x, exact)
    for backend in met:
        records += within_bound(backend, primitive, precision)
        if precision.name == "float64" and backend != "numpy" and primitive.kind in ("structured", "linear"):
            records += nestings(backend, primitive)
    return records


def everything() -> int:
    """How many tasks there are: a primitive in a precision."""
    return len(PRIMITIVES) * len(DTYPES)


def release() -> None:
    """Gives back what XLA has compiled, up to a gigabyte in a task, and what glibc keeps of it."""
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    gc.collect()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", abs)(0)  # other libraries have none, nor need of it


def surveys(
    tasks: Sequence[Task], jobs: int, own: Sequence[str] = (), do: Callable[..., list[dict[str, Any]]] = task
) -> Iterator[tuple[str, list[dict[str, Any]] | Exception]]:
    """The records of each task as it is done, or the error that ended it."""
    with ProcessPool(jobs, initializer=prepare, initargs=(own,)) as pool:
        pending: dict[Any, str] = {pool.schedule(do, args=t, timeout=LIMIT): f"{t[0]} {t[1]}" for t in tasks}
        try:
            for future in as_completed(pending):
                error = future.exception()
                yield pending[future], error if isinstance(error, Exception) else future.result()
        finally:
            pool.stop()  # type: ignore[no-untyped-call]  # what is left when the run was interrupted


def prepare(own: Sequence[str]) -> None:
    """Each process: its settings, and the plugins."""
    configure()
    for name in own:
        plugins.load(current(), name)
