"""The checkers: whether they reject a function; None where they say nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradlaws.strategies.precision import Precision
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.checking.verdict import judge
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.oracle import Truth
from gradlaws.suite.vocabulary import Quantity

QUANTITIES: dict[int, Quantity] = {1: "gradient", 2: "hessian"}


@dataclass(frozen=True)
class Example:
    """A function with its exact derivative, the bound on it, and the seconds of CPU time that these two took."""

    program: Program
    point: Point
    exact: Truth
    tolerance: np.ndarray
    majorant: float
    seconds: float = 0.0


def rejects(backend: Backend, precision: Precision, order: int, example: Example) -> bool | None:
    """This suite, by the first mode that offers the derivative."""
    quantity = QUANTITIES[order]
    answer = backend.run(backend.modes_of(quantity)[0], example.program, precision, example.point).numbers
    if answer is None:
        return None
    with np.errstate(all="ignore"):
        error = oracle.difference(np.where(np.isfinite(answer), answer, 0.0), example.exact)
        exact = example.exact
        kind = judge(answer, error, example.tolerance, exact.error, exact.sizes, example.majorant, precision).kind
    return {"holds": False, "violated": True}.get(kind)


def gradcheck(backend: Backend, precision: Precision, order: int, example: Example) -> bool | None:
    import torch

    f = backend.function(example.program, precision)
    x = [a.requires_grad_() for a in backend.point(example.point, precision)]
    check: Any = {1: torch.autograd.gradcheck, 2: torch.autograd.gradgradcheck}[order]
    return not check(f, x, raise_exception=False)


def check_grads(backend: Backend, precision: Precision, order: int, example: Example) -> bool | None:
    import jax.test_util

    f = backend.function(example.program, precision)
    try:
        jax.test_util.check_grads(f, backend.point(example.point, precision), order)
    except AssertionError:
        return True
    return False


Checker = Callable[[Backend, Precision, int, Example], bool | None]
CHECKERS: dict[str, dict[int, dict[str, Checker]]] = {
    "torch": {
        1: {"gradlaws": rejects, "gradcheck": gradcheck},
        2: {"gradlaws": rejects, "gradgradcheck": gradcheck},
    },
    "jax": {order: {"gradlaws": rejects, "check_grads": check_grads} for order in (1, 2)},
}
