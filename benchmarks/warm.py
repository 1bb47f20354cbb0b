"""Imported once before the processes of a hunt fork from it, so that none of them loads the frameworks again.

It leaves one thread: PyTorch is run once, since it loads half of itself at the first derivative; JAX, which starts
threads when it is run, is only imported.
"""

from __future__ import annotations

import contextlib

import pytest  # noqa: F401

import conftest  # noqa: F401
from benchmarks.faults.effect import directions, objective
from benchmarks.faults.functions import arithmetic
from strategies.precision import FLOAT64
from suite import backends
from suite.configuration import configure

FUNCTION, POINT = objective("sin")
configure()
for name in backends.MODULES:
    with contextlib.suppress(ImportError):
        arithmetic(name)
        backend = backends.load(name)
        for mode in backend.modes if name != "jax" else ():
            if not directions(mode, FUNCTION):
                backend.run(mode, FUNCTION, FLOAT64, POINT)
