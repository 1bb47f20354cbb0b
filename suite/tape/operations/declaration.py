"""What a declaration says of an operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Declaration:
    """One operation on arrays, declared once for every framework that has it.

    ``definition(xp, *arrays, **parameters)`` is the mathematics in an array namespace ``xp`` (suite/arithmetic): floats
    are arrays of ``xp``, integers and booleans NumPy's. With ``several`` it returns a sequence of results.
    ``primitive`` is the row of the catalogue that it is, whose contract holds for it.
    ``tie(*arrays, **parameters)`` says whether the point lies where pieces of the function meet.
    """

    name: str
    definition: Callable[..., Any]
    several: bool = False
    primitive: str | None = None
    tie: Callable[..., bool] | None = None
