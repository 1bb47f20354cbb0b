"""What a declaration says of an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


def table(*families: Iterable[Declaration]) -> dict[str, Declaration]:
    """Families as one mapping by name. Raises ValueError if a name is declared twice."""
    declarations = [declaration for family in families for declaration in family]
    by_name = {declaration.name: declaration for declaration in declarations}
    if len(by_name) != len(declarations):
        raise ValueError(f"an operation is declared twice: {sorted(d.name for d in declarations)}")
    return by_name
