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
from gradlaws.suite.known.conventions import FIRST, SECOND, TRANSFORMS, Convention


@pytest.mark.convention
@pytest.mark.parametrize("order", [FIRST, SECOND])
def test_a_derivative_at_a_kink_is_a_limit_of_derivatives(system: System, convention: Convention, order: int) -> None:
    """Clarke (1983), theorem 2.5.1, by reverse and by forward mode, at second order over reverse. Cannot see which
    element a user would want."""
    f, x = convention.function(system.backend.name), system.backend.array(np.array(convention.at), "float64")
    value = system.backend.numbers(f(x))
    answers = {name: derivative(system.backend, f, x, name, order) for name in ("reverse", "forward")}
    told = convention.told(order)
    inside = {name: not told or (g is not None and convention.inside(g, order)) for name, g in answers.items()}
    known = convention.why(system.backend.name, order)
    system.emit(RecordOfConvention(
        kind="convention", case=convention.case, order=order, backend=system.backend.name,
        at=texts(np.array(convention.at)), value=texts(value),
        reverse=texts(answers["reverse"]), forward=texts(answers["forward"]),
        subdifferential=told, inside=all(inside.values()) if told else None, known=known,
    ))  # fmt: skip
    key = "known" if order == FIRST else "known_second"
    outside = [f"{name} mode says {texts(answers[name])}" for name, fits in inside.items() if not fits]
    assert bool(outside) == bool(known), (
        f"{convention.case} in {system.backend.name}: {'; '.join(outside)}, outside of {told}: say why"
        f" under {key} in suite/known/conventions.toml" if outside
        else f"{convention.case} is mended in {system.backend.name}: remove its {key} from suite/known/conventions.toml"
    )  # fmt: skip


def derivative(backend: Backend, f: Any, x: Any, direction: str, order: int = FIRST) -> Floats | None:
    """The gradient, or by that direction over reverse the Hessian, flat; None where the framework raises."""
    names = [TRANSFORMS[backend.name][one] for one in (direction, *["reverse"] * (order - FIRST))]
    try:
        with clock.part("framework"):
            for name in reversed(names):
                f = eval(name, libraries(name))(f)
            return backend.numbers(f(x)).ravel()
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return None


def texts(numbers: Floats | None) -> list[str]:
    """Short decimals; "raises" for nothing."""
    return ["raises"] if numbers is None else [f"{float(number):.6g}" for number in np.ravel(numbers)]
