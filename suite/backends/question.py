"""What is asked of a framework: the bundle that goes from a comparison to its scripts and its row of the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from gradlaws.strategies.precision import Precision
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.backends.backend import Backend, Mode


@dataclass(frozen=True)
class Question:
    """A function at a point, with the directions that a quantity takes, asked of a backend by one of its modes.

    ``mode`` is None where what is compared was made of several answers, so that no one mode can be asked again.
    """

    backend: Backend
    precision: Precision
    program: Program
    point: Point
    mode: Mode | None = None
    directions: tuple[Point, ...] = ()
