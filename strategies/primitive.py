"""What a primitive is: the row of the catalogue from which everything else follows."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]
Floats = NDArray[np.float64]
Parameters = Mapping[str, Any]
Kind = Literal["elementwise", "arithmetic", "linear", "structured"]
Terms = Callable[..., tuple[Any, ...]]


def whole(matrix: Floats) -> Floats:
    return matrix


@dataclass(frozen=True)
class Primitive:
    """One differentiable function on real arrays, declared once.

    ``definition`` is the mathematics: for an elementwise primitive a scalar mpmath function; for an arithmetic one
    and a linear one an expression on whole arrays of any kind; for a structured one
    ``definition(xp, *arrays, **parameters)``, written against an array namespace ``xp`` (of mpmath numbers, or of
    the Taylor coefficients from which the bound is made).
    ``domain(*arrays)`` says where it is defined, smooth and alive (not saturated), with a margin.
    ``variants(*shapes)`` lists the static parameters that fit the shapes; none means: not applicable.
    ``shape(*shapes, **parameters)`` is the shape of the result.
    ``spellings`` says how each framework writes it: a dotted name, or an expression in x, y and the parameters.
    ``terms(*arrays, value)`` are the sizes (S1, S2) of the largest terms in the usual formulas of its first and
    second derivatives, where they cancel (the bound needs them; see suite/bound/sweep.py), or (S0, S1, S2), of its
    value too.
    ``matrix`` is the part of a first argument, a square matrix, that is inverted: its condition number counts.
    ``squares`` names the backends in whose spelling it is us who square an argument or the result: far from 1 that
    over- or underflows where the function does not, and is no deviation of the backend.
    ``usual`` is what libraries compute in place of ``definition`` where that is worse: p − 1 for the sum of the other
    probabilities. The bound allows it as long as it leaves digits (``structured`` in suite/bound/partials.py).
    ``direct`` says that the derivatives are library functions of the argument as it is given, as cos(x) is of sin: no
    digit of it is lost before them.
    ``selects`` says that it passes an argument or a constant on as it is, but for its sign: partials are 0 or ±1.
    """

    name: str
    arity: int
    kind: Kind
    definition: Callable[..., Any]
    spellings: Mapping[str, str]
    symbol: str
    domain: Callable[..., bool]
    variants: Callable[..., Iterable[Parameters]]
    shape: Callable[..., Shape]
    terms: Terms | None = None
    matrix: Callable[[Floats], Floats] = whole
    squares: tuple[str, ...] = ()
    usual: Callable[..., Any] | None = None
    direct: bool = False
    selects: bool = False

    def expression(self, backend: str, arguments: Iterable[str], parameters: Parameters) -> str:
        """The call as that framework's users would write it. Raises KeyError if it has no such function."""
        return substitute(self.spellings[backend], arguments, parameters)

    def mathematics(self, arguments: Iterable[str], parameters: Parameters) -> str:
        return substitute(self.symbol, arguments, parameters)


def substitute(template: str, arguments: Iterable[str], parameters: Parameters) -> str:
    return template.format(**dict(zip("xyz", arguments, strict=False)), **parameters)


def spelled(names: Mapping[str, str], arity: int) -> dict[str, str]:
    """Dotted names become calls: "torch.exp" means "torch.exp({x})"."""
    operands = ", ".join(f"{{{name}}}" for name in "xyz"[:arity])
    return {
        backend: f"{name}({operands})" if set(name) <= set(string.ascii_letters + string.digits + "_.") else name
        for backend, name in names.items()
    }


def everywhere(*arrays: Floats) -> bool:
    return True


def inside(domain: Callable[..., bool], *arrays: Floats) -> bool:
    """Whether all entries are finite and in the domain, which may be asked of any numbers."""
    if not all(np.all(np.isfinite(x)) for x in arrays):
        return False
    with np.errstate(all="ignore"):
        try:
            return bool(domain(*arrays))
        except np.linalg.LinAlgError:
            return False


def within(low: float, high: float, x: Floats) -> bool:
    return bool(np.all((x > low) & (x < high)))


def interval(low: float, high: float) -> Callable[[Floats], bool]:
    """Every entry strictly between low and high."""
    return partial(within, low, high)


def keeps_from_kinks(domain: Callable[..., bool]) -> bool:
    """Whether there may be kinks beside what the domain leaves out; beyond the ends of an interval there is nothing."""
    return domain is not everywhere and not (isinstance(domain, partial) and domain.func is within)


def broadcastable(*shapes: Shape) -> list[Parameters]:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return []
    return [{}]


def unary(
    name: str,
    definition: Callable[..., Any],
    domain: Callable[..., bool] = everywhere,
    symbol: str = "",
    terms: Terms | None = None,
    kind: Kind = "elementwise",
    direct: bool = False,
    selects: bool = False,
    **names: str,
) -> Primitive:
    """An elementwise function of one array."""
    return Primitive(
        name, 1, kind, definition, spelled(names, 1), symbol or name + "({x})", domain,
        lambda shape: [{}], lambda shape: shape, terms, direct=direct,
        selects=selects,
    )  # fmt: skip


def binary(
    name: str,
    definition: Callable[..., Any],
    domain: Callable[..., bool] = everywhere,
    symbol: str = "",
    terms: Terms | None = None,
    kind: Kind = "elementwise",
    selects: bool = False,
    **names: str,
) -> Primitive:
    """An elementwise function of two arrays that broadcast."""
    return Primitive(
        name, 2, kind, definition, spelled(names, 2), symbol or name + "({x}, {y})", domain,
        broadcastable, np.broadcast_shapes, terms, selects=selects,
    )  # fmt: skip


def linear(
    name: str,
    definition: Callable[..., Any],
    shape: Callable[..., Shape],
    variants: Callable[..., Iterable[Parameters]],
    symbol: str,
    arity: int = 1,
    **names: str,
) -> Primitive:
    """Moves, repeats, selects or sums entries: its partials are constants. It needs no array namespace."""
    return Primitive(name, arity, "linear", definition, spelled(names, arity), symbol, everywhere, variants, shape)


def structured(
    name: str,
    definition: Callable[..., Any],
    shape: Callable[..., Shape],
    variants: Callable[..., Iterable[Parameters]],
    symbol: str,
    domain: Callable[..., bool] = everywhere,
    arity: int = 1,
    terms: Terms | None = None,
    matrix: Callable[[Floats], Floats] = whole,
    squares: tuple[str, ...] = (),
    usual: Callable[..., Any] | None = None,
    **names: str,
) -> Primitive:
    """Mixes entries; to the bound it is one node, whatever happens inside."""
    total = domain if domain is everywhere else partial(inside, domain)
    return Primitive(
        name, arity, "structured", definition, spelled(names, arity), symbol, total, variants, shape, terms, matrix,
        squares, usual,
    )  # fmt: skip


class Named(Protocol):
    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=Named)


def catalogue(*families: Iterable[Row]) -> dict[str, Row]:
    """Families as one mapping by name. Raises ValueError if a name is declared twice."""
    rows = [row for family in families for row in family]
    by_name = {row.name: row for row in rows}
    if len(by_name) != len(rows):
        raise ValueError(f"a name is declared twice: {sorted(row.name for row in rows)}")
    return by_name
