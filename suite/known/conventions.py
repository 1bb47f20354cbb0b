"""What each framework answers at kinks and edges: the data of conventions.toml, checked and evaluated.

Where a function is locally Lipschitz, a derivative must lie in its Clarke subdifferential, the convex hull of limits of
gradients near the point (Clarke 1983, Optimization and Nonsmooth Analysis, theorem 2.5.1). A second derivative must lie
in the hull of limits of second derivatives: the truth where there is one, else between what the sides have. Elsewhere
the answers are tabulated, and judged by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linprog

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.backends.backend import libraries
from gradlaws.suite.tables import DataError, table

DATA = Path(__file__).with_name("conventions.toml")
TRANSFORMS = {
    "torch": {"reverse": "torch.func.jacrev", "forward": "torch.func.jacfwd"},
    "jax": {"reverse": "jax.jacrev", "forward": "jax.jacfwd"},  # at second order over reverse
}
FRAMEWORKS = tuple(TRANSFORMS)  # NumPy differentiates nothing by itself
SYSTEMS = tuple(f"{name}-float64" for name in FRAMEWORKS)
REQUIRED, OPTIONAL = {"case", "at", *FRAMEWORKS}, {"hull", "ball", "known", "hessians", "known_second"}
FIRST, SECOND = 1, 2
ROUNDING = 1e-12  # of a convex combination of vertices of ordinary size, found by a linear program


@dataclass(frozen=True)
class Convention:
    """A scalar function of the vector x, as each framework's users write it, at a point.

    The Clarke subdifferential is the convex hull of the vertices ``hull``, each of the point's length, or the ball of
    radius ``ball`` around 0; neither: not locally Lipschitz. The limits of Hessians have the hull of ``hessians``, each
    row by row; none: not bounded. At infinity these are limits. ``known`` says why a framework's answer lies outside,
    and ``known_second`` why its second derivative does.
    """

    case: str
    at: tuple[float, ...]
    spellings: Mapping[str, str]
    hull: tuple[tuple[float, ...], ...] = ()
    ball: float | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    hessians: tuple[tuple[float, ...], ...] = ()
    known_second: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.case

    def function(self, framework: str) -> Callable[[Any], Any]:
        text = f"lambda x: {self.spellings[framework]}"
        return eval(text, libraries(text))  # type: ignore[no-any-return]

    def why(self, framework: str, order: int = FIRST) -> str:
        """What is known of the framework's answer of that order; "" where nothing is."""
        return (self.known if order == FIRST else self.known_second).get(framework, "")

    def told(self, order: int = FIRST) -> str:
        """Where an answer must lie, as mathematics; "" where it may be anything."""
        if order == FIRST and self.ball is not None:
            return f"‖g‖ ≤ {self.ball:.4g}"
        vertices = self.hull if order == FIRST else self.hessians
        points = [", ".join(f"{entry:g}" for entry in vertex) for vertex in vertices]
        return f"{{{points[0]}}}" if len(points) == 1 else f"hull {{{'; '.join(points)}}}" if points else ""

    def inside(self, answer: Floats, order: int = FIRST) -> bool:
        """Whether a gradient lies in the subdifferential, or a Hessian, row by row, in the hull of its limits."""
        if not np.all(np.isfinite(answer)):
            return False
        if order == FIRST and self.ball is not None:
            return bool(np.linalg.norm(answer) <= self.ball + ROUNDING)
        vertices = np.array(self.hull if order == FIRST else self.hessians)
        if len(vertices) == 1:
            return bool(np.all(abs(answer - vertices[0]) <= ROUNDING))
        weights = np.vstack([vertices.T, np.ones(len(vertices))])
        found = linprog(np.zeros(len(vertices)), A_eq=weights, b_eq=[*answer, 1.0], bounds=(0, 1))
        return bool(found.status == 0)


def read(path: Path = DATA) -> tuple[Convention, ...]:
    """The rows of a conventions file. Raises DataError, in one line, where one is not as it should be."""
    found = []
    for number, entry in enumerate(table(path, "convention"), start=1):
        where = f"{path}: convention {entry.get('case', number)}"
        if wrong := REQUIRED - set(entry) or set(entry) - REQUIRED - OPTIONAL:
            raise DataError(f"{where}: lacks or does not know {', '.join(sorted(wrong))}")
        hull = tuple(tuple(map(float, vertex)) for vertex in entry.get("hull", ()))
        hessians = tuple(tuple(map(float, vertex)) for vertex in entry.get("hessians", ()))
        if any(len(vertex) != len(entry["at"]) for vertex in hull):
            raise DataError(f"{where}: a vertex of its hull has not as many entries as its point")
        if any(len(vertex) != len(entry["at"]) ** 2 for vertex in hessians):
            raise DataError(f"{where}: a vertex of its hessians is not as many rows as its point, and as many columns")
        if unknown := {*entry.get("known", {}), *entry.get("known_second", {})} - set(FRAMEWORKS):
            raise DataError(f"{where}: known speaks of {', '.join(sorted(unknown))}; frameworks are {FRAMEWORKS}")
        spellings = {name: entry[name] for name in FRAMEWORKS}
        found.append(
            Convention(
                entry["case"],
                tuple(map(float, entry["at"])),
                spellings,
                hull,
                entry.get("ball"),
                entry.get("known", {}),
                hessians,
                entry.get("known_second", {}),
            )
        )
    return tuple(found)


@cache
def rows() -> tuple[Convention, ...]:
    return read()
