"""Processes that fork from one that has the frameworks loaded (warm.py): each starts in a tenth of a second."""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import runpy
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["benchmarks.warm"])


class TimeLimit(Exception):
    """The time for one fault is over."""


class Crash(Exception):
    """A signal ended the process."""


@dataclass(frozen=True)
class Done:
    """A process that ended by itself, and all that it said."""

    status: int
    said: str

    @property
    def last_line(self) -> str:
        return (self.said.strip().splitlines() or [f"it ended with status {self.status}"])[-1]


def in_a_fork(
    task: Callable[..., int], arguments: Sequence[str], variables: Mapping[str, str], said: str, used: Any
) -> None:
    """The body of a process: exits with the status of the task; its output goes to the file ``said``."""
    output = os.open(said, os.O_WRONLY)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    os.chdir(ROOT)
    os.environ.update(variables)
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        sys.exit(task(*arguments))
    finally:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        used.value = usage.ru_utime + usage.ru_stime


def end_with_parent() -> None:
    """What asked may be killed, and then nobody waits for the answer."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def run_script(path: str) -> int:
    runpy.run_path(path, run_name="__main__")
    return 0


class Clock:
    """The time since its start, what is left of its limit, and the CPU time of the processes that it ran."""

    def __init__(self, limit: float = math.inf) -> None:
        self.start, self.limit, self.cpu = time.monotonic(), limit, 0.0

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def run(self, task: Callable[..., int], *arguments: str, **variables: str) -> Done:
        """The task in a process of its own, with these environment variables. Raises TimeLimit and Crash."""
        with tempfile.NamedTemporaryFile("r", errors="replace") as said:
            used = FORKS.RawValue("d", 0.0)
            fork = FORKS.Process(target=in_a_fork, args=(task, arguments, variables, said.name, used))
            fork.start()
            fork.join(None if math.isinf(self.limit) else max(self.limit - self.elapsed, 0.1))
            if fork.exitcode is None:
                fork.kill()
                fork.join()
                raise TimeLimit
            self.cpu += used.value
            if fork.exitcode < 0:
                raise Crash(f"killed by {signal.Signals(-fork.exitcode).name}")
            return Done(fork.exitcode, said.read())
