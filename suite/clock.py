"""Where the time goes: seconds per part, each second counted once."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

seconds: defaultdict[str, float] = defaultdict(float)
_running: list[float] = []  # for each open part, the seconds spent in parts inside it


@contextmanager
def part(name: str) -> Iterator[None]:
    """Counts the time inside for ``name``, less that of parts opened within."""
    start = time.perf_counter()
    _running.append(0.0)
    try:
        yield
    finally:
        elapsed = time.perf_counter() - start
        seconds[name] += elapsed - _running.pop()
        if _running:
            _running[-1] += elapsed


def timed(name: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function whose time counts for ``name``."""

    def wrap(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def inner(*args: P.args, **kwargs: P.kwargs) -> T:
            with part(name):
                return function(*args, **kwargs)

        return inner

    return wrap
