"""Derivatives at kinks and edges: inside the Clarke subdifferential where there is one; tabulated everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradlaws.records.shard import Convention as RecordOfConvention
from gradlaws.strategies.primitive import Floats
from gradlaws.suite import clock
from gradlaws.suite.backends.backend import Backend, libraries
from gradlaws.suite.checking.system import System
from gradlaws.suite.known.conventions import TRANSFORMS, Convention


@pytest.mark.convention
def test_a_derivative_at_a_kink_is_a_limit_of_derivatives(system: System, convention: Convention) -> None:
    """Clarke (1983), theorem 2.5.1, by reverse and by forward mode. Cannot see which element a user would want."""
    f, x = convention.function(system.backend.name), system.backend.array(np.array(convention.at), "float64")
    value = system.backend.numbers(f(x))
    answers = {name: gradient(system.backend, f, x, name) for name in ("reverse", "forward")}
    told = convention.subdifferential
    inside = {name: not told or (g is not None and convention.inside(g)) for name, g in answers.items()}
    known = convention.known.get(system.backend.name, "")
    system.emit(RecordOfConvention(
        kind="convention", case=convention.case, backend=system.backend.name,
        at=texts(np.array(convention.at)), value=texts(value),
        reverse=texts(answers["reverse"]), forward=texts(answers["forward"]),
        subdifferential=told, inside=all(inside.values()) if told else None, known=known,
    ))  # fmt: skip
    outside = [f"{name} mode says {texts(answers[name])}" for name, fits in inside.items() if not fits]
    assert bool(outside) == bool(known), (
        f"{convention.case} in {system.backend.name}: {'; '.join(outside)}, outside of {told}: say why"
        " under known in suite/known/conventions.toml" if outside
        else f"{convention.case} is mended in {system.backend.name}: remove its known from suite/known/conventions.toml"
    )  # fmt: skip


def gradient(backend: Backend, f: Any, x: Any, direction: str) -> Floats | None:
    """None where the framework raises."""
    name = TRANSFORMS[backend.name][direction]
    try:
        with clock.part("framework"):
            return backend.numbers(eval(name, libraries(name))(f)(x)).ravel()
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return None


def texts(numbers: Floats | None) -> list[str]:
    """Short decimals; "raises" for nothing."""
    return ["raises"] if numbers is None else [f"{float(number):.6g}" for number in np.ravel(numbers)]
