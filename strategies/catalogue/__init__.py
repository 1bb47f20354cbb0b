"""The primitives, one short declaration each, by family. No framework is imported here."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from gradlaws.strategies.catalogue import (
    activations,
    binary,
    choices,
    contractions,
    elementwise,
    elementwise_losses,
    factorisations,
    linear_algebra,
    matrices,
    normalisations,
    powers,
    products,
    rearrangements,
    reductions,
    rows,
    shapes,
    special,
    statistics,
    trigonometric,
    weighted,
)
from gradlaws.strategies.primitive import Primitive, catalogue

# The order is the order of shrinking: earlier ones are simpler to read.
# Every kind of rule: what every run composes and meets alone.
OUR_CORE: Mapping[str, Primitive] = catalogue(
    elementwise.FAMILY,
    binary.FAMILY,
    reductions.FAMILY,
    shapes.FAMILY,
    contractions.FAMILY,
    normalisations.FAMILY,
    linear_algebra.FAMILY,
)
# Breadth: alone in every run, in compositions and in the costlier modes in turn.
OURS: Mapping[str, Primitive] = catalogue(
    OUR_CORE.values(),
    powers.FAMILY,
    trigonometric.FAMILY,
    special.FAMILY,
    activations.FAMILY,
    choices.FAMILY,
    elementwise_losses.FAMILY,
    rearrangements.FAMILY,
    statistics.FAMILY,
    rows.FAMILY,
    products.FAMILY,
    matrices.FAMILY,
    weighted.FAMILY,
    factorisations.FAMILY,
)


class Catalogue:
    """The primitives of a run: ours, what its plugins add, and without what an installed framework does not have."""

    def __init__(self) -> None:
        self.core, self.primitives = dict(OUR_CORE), dict(OURS)
        self.own: dict[str, Primitive] = {}  # of plugins: composed as those of the core, and more often

    def include(self, primitive: Primitive) -> None:
        """Adds a plugin's row. Raises ValueError if there is one of that name."""
        if primitive.name in self.primitives:
            raise ValueError(f"there is a primitive {primitive.name!r} already; call it something else")
        self.own[primitive.name] = self.core[primitive.name] = self.primitives[primitive.name] = primitive

    def replace_row(self, primitive: Primitive) -> None:
        """Takes another row for the primitive of that name."""
        for known in (self.own, self.core, self.primitives):
            if primitive.name in known:
                known[primitive.name] = primitive


_in_use = Catalogue()


def in_use() -> Catalogue:
    """The catalogue of the run that is under way; outside of any, one of ours alone."""
    return _in_use


@contextmanager
def using(catalogue: Catalogue) -> Iterator[None]:
    """Inside, it is the one in use."""
    global _in_use
    before, _in_use = _in_use, catalogue
    try:
        yield
    finally:
        _in_use = before


class Rows(Mapping[str, Primitive]):
    """One table of the catalogue in use, to be read."""

    def __init__(self, table: Callable[[Catalogue], Mapping[str, Primitive]]) -> None:
        self.table = table

    def __getitem__(self, name: str) -> Primitive:
        return self.table(_in_use)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table(_in_use))

    def __len__(self) -> int:
        return len(self.table(_in_use))


CORE, PRIMITIVES, OWN = Rows(lambda rows: rows.core), Rows(lambda rows: rows.primitives), Rows(lambda rows: rows.own)
