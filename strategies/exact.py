"""Exact points, on purpose: zeros, ones, ties, integers, powers of two, subnormals, special matrices, ends of domains.

Full-width numbers never hit them, and they are where formulas divide 0 by 0, where a branch has its end, and what
people try first. Each kind is made of an array that was drawn, as a repair is, so that nothing is filtered: of the
kinds, counted around from one that is drawn, the first that lies in the domain is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats

Domain = Callable[..., bool]
Kind = Callable[[Floats, Precision], Floats]
ORDINARY = 3  # how many ordinary points there are for each exact one


def zero(x: Floats, precision: Precision) -> Floats:
    return np.zeros_like(x)


def negative_zero(x: Floats, precision: Precision) -> Floats:
    return np.full_like(x, -0.0)


def one_zero(x: Floats, precision: Precision) -> Floats:
    """The first entry only."""
    return np.where(first(x), 0.0, x)


def one(x: Floats, precision: Precision) -> Floats:
    return np.copysign(1.0, x)


def beside_one(x: Floats, precision: Precision) -> Floats:
    """One unit in the last place above 1 or below it, as the number drawn lies."""
    ulp = 2.0 * precision.unit_roundoff if precision.drawn_digits == precision.digits else 2.0**-52
    return np.copysign(np.where(np.abs(x) < 1, 1 - ulp / 2, 1 + ulp), x)


def equal(x: Floats, precision: Precision) -> Floats:
    return np.full_like(x, x.flat[0])


def tied(x: Floats, precision: Precision) -> Floats:
    """The first entry and the last."""
    return np.where(first(x), x.flat[-1], x)


def integers(x: Floats, precision: Precision) -> Floats:
    """Of one digit, never 0."""
    size = np.floor(1 + 16 * (np.abs(np.frexp(x)[0]) - 0.5))
    return np.copysign(size, x)


def powers_of_two(x: Floats, precision: Precision) -> Floats:
    size: Floats = np.ldexp(1.0, np.frexp(x)[1] - 1)
    return np.copysign(size, x)


def subnormals(x: Floats, precision: Precision) -> Floats:
    """The smallest that there are, and a few times that."""
    return integers(x, precision) * precision.smallest_subnormal


def identity(x: Floats, precision: Precision) -> Floats:
    return np.eye(*x.shape)


def scaled_identity(x: Floats, precision: Precision) -> Floats:
    """A diagonal matrix with equal entries."""
    return np.asarray(x.flat[0] * np.eye(*x.shape))


def diagonal(x: Floats, precision: Precision) -> Floats:
    return x * np.eye(*x.shape)


def symmetric(x: Floats, precision: Precision) -> Floats:
    return np.asarray(np.triu(x) + np.triu(x, 1).T)


def triangular(x: Floats, precision: Precision) -> Floats:
    return np.tril(x)


def singular(x: Floats, precision: Precision) -> Floats:
    """Of rank one: rows are the first, times powers of two."""
    return np.outer(2.0 ** np.arange(len(x)), x[0])


OF_NUMBERS: Mapping[str, Kind] = {
    kind.__name__: kind for kind in (one, zero, negative_zero, integers, powers_of_two, beside_one, subnormals)
}
OF_ENTRIES: Mapping[str, Kind] = {kind.__name__: kind for kind in (equal, tied, one_zero)}
OF_MATRICES: Mapping[str, Kind] = {kind.__name__: kind for kind in (diagonal, triangular, singular)}
OF_SQUARES: Mapping[str, Kind] = {kind.__name__: kind for kind in (identity, scaled_identity, symmetric)}
KINDS: Mapping[str, Kind] = {**OF_NUMBERS, **OF_ENTRIES, **OF_MATRICES, **OF_SQUARES}
ENDS = {"lower_end": -1.0, "upper_end": 1.0}  # of the domain
TIE = "tie"  # of all arguments
NAMES = (*KINDS, TIE, *ENDS)
# A value beyond the range in which second derivatives are representable ends a program.
COMPOSED = {name: kind for name, kind in KINDS.items() if kind is not subnormals}


def fits(name: str, x: Floats) -> bool:
    """Whether there are such arrays of this shape."""
    if name in OF_SQUARES:
        return x.ndim == 2 and x.shape[0] == x.shape[1]
    return (name in OF_NUMBERS) or (name in OF_ENTRIES and x.size > 1) or (name in OF_MATRICES and x.ndim == 2)


def first(x: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.arange(x.size).reshape(x.shape) == 0)


@cache
def kinds(count: int) -> SearchStrategy[int | None]:
    """Which of so many kinds, each equally often; three times as often, and where it shrinks to, none."""
    none = ORDINARY * count
    return st.integers(0, none + count - 1).map(lambda i: None if i < none else i - none)


def point(
    inside: Sequence[Floats], domain: Domain, precision: Precision, start: int, ends: bool
) -> tuple[Floats, ...] | None:
    """A point of the first kind from ``start`` on that lies in the domain, made of one that does; None where none is.

    All its arguments are of that kind or, where that leaves the domain, one of them. ``ends`` says whether the ends of
    the domain are sought too, for one entry apart from the others.
    """
    names = offered(inside, ends)
    for name in [*names[start % len(names) :], *names[: start % len(names)]]:
        if name in ENDS:
            return end(inside, domain, precision, ENDS[name])
        for candidate in candidates(name, inside, precision):
            if holds(domain, candidate):
                return candidate
    return None


def offered(inside: Sequence[Floats], ends: bool) -> list[str]:
    """The kinds that such arrays can be of, those of matrices twice."""
    fitting = [name for name in KINDS if any(fits(name, x) for x in inside)]
    of_matrices = [name for name in fitting if name in OF_MATRICES or name in OF_SQUARES]
    return [*fitting, *of_matrices, *([TIE] if len(inside) > 1 else []), *(ENDS if ends else [])]


def candidates(name: str, inside: Sequence[Floats], precision: Precision) -> Iterator[tuple[Floats, ...]]:
    """All arguments of that kind, and only one of them, the last or an earlier one."""
    if name == TIE and len({x.shape for x in inside}) == 1 < len(inside):
        yield tuple(inside[0] for _ in inside)
    if name in KINDS and all(fits(name, x) for x in inside):
        yield tuple(KINDS[name](x, precision) for x in inside)
    if len(inside) > 1 and name in KINDS:
        for place in reversed(range(len(inside))):
            if fits(name, inside[place]):
                made = KINDS[name](inside[place], precision)
                yield (*inside[:place], made, *inside[place + 1 :])


def holds(domain: Domain, point: Sequence[Floats]) -> bool:
    """Whether it lies in the domain; where a decomposition that the domain looks at does not exist, it does not."""
    try:
        with np.errstate(all="ignore"):
            return domain(*point)
    except np.linalg.LinAlgError:
        return False


def end(inside: Sequence[Floats], domain: Domain, precision: Precision, side: float) -> tuple[Floats, ...]:
    """The point with the first entry moved to that side as far as the domain goes: to the last number in it before one
    that is not, or the largest that there is."""

    def moved(place: int) -> tuple[Floats, ...]:
        return np.where(first(inside[0]), precision.round(number(place)), inside[0]), *inside[1:]

    good, bad = ordinal(float(inside[0].flat[0])), ordinal(side * precision.largest)
    if holds(domain, moved(bad)):
        return moved(bad)
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(domain, moved(middle)) else (good, middle)
    return moved(good)


def ordinal(x: float) -> int:
    """The place of a float64 among all, in order; both zeros have 0."""
    bits = int(np.float64(abs(x)).view(np.int64))
    return -bits if x < 0 else bits


def number(place: int) -> float:
    return float(np.copysign(np.int64(abs(place)).view(np.float64), place or 1))
