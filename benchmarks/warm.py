"""Imported once before processes fork from it (forks.py), so that none of them loads the frameworks again.

It leaves one thread: PyTorch is run once, since it loads half of itself at the first derivative; JAX, which starts
threads when it is run, is only imported.
"""

from __future__ import annotations

import contextlib
import importlib

import numpy as np
import pytest  # noqa: F401

import gradlaws.pytest_plugin  # noqa: F401
from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.program import Program, Step, weighted
from gradlaws.suite import backends
from gradlaws.suite.configuration import configure
from gradlaws.suite.vocabulary import MODULES, Quantity

LATE = ("torch._decomp.decompositions_for_jvp", "optax", "ml_dtypes")  # imported when first needed otherwise
UNDIRECTED: tuple[Quantity, ...] = ("value", "gradient", "jacobian", "hessian")
SINE = weighted(Program(((3,),), (Step("sin", (0,)),)), np.array([1.0, 1.5, 2.0]))
POINT = (np.array([0.5, 1.0, 1.5]),)

configure()
for name in LATE:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
for name in MODULES:
    with contextlib.suppress(ImportError):
        backend = backends.load(name)
        for mode in backend.modes if name != "jax" else ():
            if mode.quantity in UNDIRECTED:
                backend.run(mode, SINE, FLOAT64, POINT)
