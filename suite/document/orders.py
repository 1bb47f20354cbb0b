"""Orders of convergence along a line, fitted where the derivatives say that one term dominates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import DomainError, mp_array
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.truth import limits, oracle

HALVINGS = 8
DIGITS = 120


class Line:
    """s -> f(x + s v), in mpmath; four times the digits between the largest and the smallest number are to spare."""

    def __init__(self, f: Program, x: Point, v: Floats) -> None:
        self.function, self.x, self.v = oracle.flat_function(f), oracle.flat_point(x), mp_array(v)
        self.digits = DIGITS + 4 * limits.dynamic_range(f, x)
        sizes = [abs(a / b) for a, b in zip(self.x, self.v, strict=True) if a and b]
        self.scale = min(sizes, default=mpf(1))  # within which nothing changes its binade

    def __call__(self, s: mpf) -> mpf:
        """Raises DomainError where f is not defined."""
        with mp.workdps(self.digits):
            return self.function(self.x + s * self.v)[0]

    def defined(self, s: mpf) -> bool:
        try:
            self(s)
        except DomainError:
            return False
        return True

    def derivatives(self, s: mpf, up_to: int = 2) -> list[mpf]:
        """Value and derivatives at s by central differences on 2 up_to + 1 points: a third of the digits or more."""
        with mp.workdps(self.digits):
            h = self.scale * mpf(2) ** -50
            values = [self(s + k * h) for k in range(-up_to, up_to + 1)]
            found = [values[up_to]]
            differences = values
            for order in range(1, up_to + 1):
                differences = [b - a for a, b in itertools.pairwise(differences)]
                middle = len(differences) // 2
                both = (
                    differences[middle] if len(differences) % 2 else (differences[middle - 1] + differences[middle]) / 2
                )
                found.append(both / h**order)
            return found


@dataclass(frozen=True)
class Fit:
    slope: float
    allowed: float  # what the neglected terms can do to the slope
    h: list[float]
    size: list[float]


def slope(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Of log y against log x by least squares; and by how much a relative error of 1 in every y can move it."""
    a = np.log(np.asarray(x, dtype=float))
    weights = (a - a.mean()) / np.sum((a - a.mean()) ** 2)
    return float(weights @ np.log(np.asarray(y, dtype=float))), float(np.sum(np.abs(weights)))


def fitted(line: Line, model: Sequence[mpf], along: Sequence[mpf], order: int, small: float) -> Fit | None:
    """The order of f(x + hv) - sum_k model_k h^k as h -> 0, where its term of that ``order`` dominates.

    ``along`` are the derivatives of f along v, so that all terms of the remainder are known. h starts where those
    above are ``small`` of the leading one, and is halved while those below, which are errors of the model, stay so too.
    None where there is no such range: the leading term vanishes, or they all matter.
    """
    with mp.workdps(line.digits):
        terms = [c / mp.factorial(i) - (model[i] if i < len(model) else 0) for i, c in enumerate(along)]
        sizes = [abs(c) / mp.factorial(i) * line.scale**i for i, c in enumerate(along)]
        # What is smaller than the truncation of a difference, or than its rounding, vanishes in truth.
        floors = [max(mpf(10) ** -25 * max(sizes[i:]), mpf(10) ** -60 * max(sizes)) for i in range(len(sizes))]
        terms = [t if abs(t) * line.scale**i > floors[i] else mpf(0) for i, t in enumerate(terms)]
        leading, share = abs(terms[order]), mpf(small) / 4
        if not leading:
            return None
        above = [(share * leading / abs(t)) ** (mpf(1) / (i - order)) for i, t in enumerate(terms) if i > order and t]
        steps = [min([line.scale / 64, *above]) / 2**i for i in range(HALVINGS)]
        if any(abs(t) * steps[-1] ** i > share * leading * steps[-1] ** order for i, t in enumerate(terms[:order])):
            return None
        try:
            remainders = [abs(line(s) - sum(c * s**i for i, c in enumerate(model))) for s in steps]
        except DomainError:
            return None
        found, moved = slope([float(s / steps[0]) for s in steps], [float(r / remainders[0]) for r in remainders])
        return Fit(found, moved * 2 * small, [float(s) for s in steps], [float(r) for r in remainders])
