"""Hypothesis strategies for random composed functions, and for the points, directions and gradients that they meet.

Each strategy takes the precision in which its numbers are representable, such as `FLOAT64`, and its docstring says what
it draws. A function is drawn together with a point at which it is defined and smooth: ``@given(programs(FLOAT64))``
gives ``(program, point)``, and ``float_values(program, point)[-1]`` is its value there, rounded once.

It knows no framework and no test. Names are looked up when they are asked for (PEP 562); those here are public, and the
modules that they come from are free to move.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlaws.strategies.catalogue import PRIMITIVES
    from gradlaws.strategies.functions import (
        alone,
        chains,
        compositions,
        forks,
        functions_between,
        programs,
        scalar_functions,
    )
    from gradlaws.strategies.points import arrays, directions, gradient_trees, logits, numbers, probabilities
    from gradlaws.strategies.precision import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, LONGDOUBLE, Precision
    from gradlaws.strategies.program import Composition, Program, float_values

__all__ = [
    "BFLOAT16",
    "FLOAT16",
    "FLOAT32",
    "FLOAT64",
    "LONGDOUBLE",
    "PRIMITIVES",
    "Composition",
    "Precision",
    "Program",
    "alone",
    "arrays",
    "chains",
    "compositions",
    "directions",
    "float_values",
    "forks",
    "functions_between",
    "gradient_trees",
    "logits",
    "numbers",
    "probabilities",
    "programs",
    "scalar_functions",
]
_HOME = {
    **dict.fromkeys(("BFLOAT16", "FLOAT16", "FLOAT32", "FLOAT64", "LONGDOUBLE", "Precision"), "precision"),
    "PRIMITIVES": "catalogue",
    **dict.fromkeys(("Composition", "Program", "float_values"), "program"),
    **dict.fromkeys(
        ("alone", "chains", "compositions", "forks", "functions_between", "programs", "scalar_functions"), "functions"
    ),
    **dict.fromkeys(("arrays", "directions", "gradient_trees", "logits", "numbers", "probabilities"), "points"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gradlaws.strategies' has no {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"gradlaws.strategies.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__]
