"""An equation of a jaxpr: its types, the line it comes from, and how it runs by itself."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax._src import source_info_util  # the public API does not say where an equation comes from
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

from gradlaws.suite.tape.tape import Array, Execution, Kind, Origin

OURS = str(Path(__file__).parents[2]) + os.sep  # the package
JAX = os.path.dirname(jax.__file__) + os.sep


def in_float64() -> AbstractContextManager[Any]:
    """jax without a setting turns what is float64 into float32."""
    return with_x64(True)


def with_x64(on: bool) -> AbstractContextManager[Any]:
    home = jax if hasattr(jax, "enable_x64") else jax.experimental  # before 0.8
    switch: Callable[[bool], AbstractContextManager[Any]] = home.enable_x64
    return switch(on)


def kind_of(aval: Any) -> Kind:
    """float0, the type of the tangent of an integer, has no numbers: there are zeros in its place."""
    return Kind(tuple(aval.shape), "bool" if aval.dtype == jax.dtypes.float0 else str(aval.dtype))


def numbers(value: Any) -> Any:
    return np.zeros(np.shape(value)) if jax.numpy.result_type(value) == jax.dtypes.float0 else value


def origin_of(equation: JaxprEqn) -> Origin:
    """The framework's name of an operation, and the innermost line that is not the framework's."""
    frame = _frame(equation.source_info)
    line = f"{frame.file_name}:{frame.start_line} in {frame.function_name}" if frame else ""
    return Origin(f"jax.lax.{equation.primitive.name}_p", line)


def execution_of(equation: JaxprEqn, arguments: Sequence[int], results: Sequence[int]) -> Execution:
    """The primitive by itself, bound once more."""

    def run(arrays: Sequence[Any]) -> list[Array]:
        with in_float64():
            kinds = [kind_of(v.aval) for v in equation.invars]
            given = [jax.numpy.asarray(x, dtype=kind.dtype) for x, kind in zip(arrays, kinds, strict=True)]
            found = equation.primitive.bind(*given, **equation.params)
        several = found if equation.primitive.multiple_results else [found]
        return [np.asarray(x, dtype=np.float64 if kind_of(x).is_float else None) for x in several]

    return Execution(origin_of(equation), tuple(arguments), tuple(results), run)


def _frame(source: Any) -> Any:
    """The innermost that is neither jax's nor ours; what only we have called comes from ours."""
    try:  # older releases take the whole, newer ones its traceback
        frames = list(source_info_util.user_frames(source.traceback))
    except (AttributeError, TypeError):
        frames = list(source_info_util.user_frames(source))
    return next((f for f in frames if not f.file_name.startswith(OURS)), frames[0] if frames else None)


def line_of(error: BaseException) -> str:
    """The innermost line of the user's that an error has passed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith((OURS, JAX, "<"))]
    return f"{own[-1].filename}:{own[-1].lineno} in {own[-1].name}" if own else "a line that is not known"


def written(called: ClosedJaxpr | Jaxpr) -> int:
    """How many operations it is, loops of known length unrolled."""
    jaxpr = called.jaxpr if isinstance(called, ClosedJaxpr) else called
    return sum(of_equation(equation) for equation in jaxpr.eqns)


def of_equation(equation: JaxprEqn) -> int:
    inner = [x for x in equation.params.values() if isinstance(x, ClosedJaxpr | Jaxpr)]
    length = equation.params["length"] if equation.primitive.name == "scan" else 1
    return length * sum(map(written, inner)) if inner else 1
