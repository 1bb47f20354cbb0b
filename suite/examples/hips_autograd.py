"""HIPS autograd, which differentiates NumPy code, as a backend: `pip install autograd`; findings: hips_autograd.toml.

python -m tox -e gate -- --plugin suite.examples.hips_autograd --backends autograd
"""

from __future__ import annotations

import importlib.metadata
import pkgutil
import re
from typing import Any

import autograd.numpy
import numpy as np

from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.plugins import contracts_like, spellings_like

BACKEND = Backend(
    "autograd",
    importlib.metadata.version("autograd"),
    lambda values, dtype: np.asarray(values, dtype=dtype),
    lambda array: np.asarray(array, dtype=np.float64),
    "numpy.array({values}, dtype=numpy.{dtype})",
    (NotImplementedError,),
    unsupported_words=("Can't handle extra leading dims", "Only constant mode padding is supported"),
)
LEDGER = "hips_autograd.toml"
LIBRARIES = ("autograd", "autograd.numpy", "autograd.scipy.special", "autograd.scipy.linalg", "autograd.numpy.linalg")


def known(text: str) -> str:
    """A call of NumPy as a call of autograd; empty where autograd has no such function."""
    text = re.sub(r"\b(numpy|scipy)\.", r"autograd.\1.", text)
    try:
        for path in re.findall(r"autograd\.[\w.]+", text):
            pkgutil.resolve_name(path)
    except (ImportError, AttributeError):
        return ""
    return text


SPELLINGS = spellings_like("numpy", known)
CONTRACTS = contracts_like("numpy", "autograd")


@BACKEND.mode("value", "eager")
def value(f: Any, x: Any) -> Any:
    return f(*x)


@BACKEND.mode("gradient", "grad")
def gradient(f: Any, x: Any) -> Any:
    return autograd.grad(f, tuple(range(len(x))))(*x)


@BACKEND.mode("jacobian", "jacobian")
def jacobian(f: Any, x: Any) -> Any:
    return [autograd.jacobian(f, i)(*x) for i in range(len(x))]


@BACKEND.mode("vjp", "make_vjp")
def vjp(f: Any, x: Any, u: Any) -> Any:
    return [autograd.make_vjp(f, i)(*x)[0](u) for i in range(len(x))]


@BACKEND.mode("jvp", "make_jvp")
def jvp(f: Any, x: Any, v: Any) -> Any:
    return sum(autograd.make_jvp(f, i)(*x)(v[i])[1] for i in range(len(x)))


@BACKEND.mode("hessian", "jacobian(grad)")
def hessian(f: Any, x: Any) -> Any:
    return [[autograd.jacobian(autograd.grad(f, i), k)(*x) for k in range(len(x))] for i in range(len(x))]


@BACKEND.mode("hvp", "grad(grad · v)")
def hvp(f: Any, x: Any, v: Any) -> Any:
    g = autograd.grad(f, tuple(range(len(x))))
    return autograd.grad(lambda *x: sum((a * b).sum() for a, b in zip(g(*x), v)), tuple(range(len(x))))(*x)
