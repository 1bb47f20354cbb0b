"""The primitives, one short declaration each, by family. No framework is imported here."""

from strategies.catalogue import (
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
from strategies.primitive import Primitive, catalogue

# The order is the order of shrinking: earlier ones are simpler to read.
# Every kind of rule: what every run composes and meets alone.
CORE: dict[str, Primitive] = catalogue(
    elementwise.FAMILY,
    binary.FAMILY,
    reductions.FAMILY,
    shapes.FAMILY,
    contractions.FAMILY,
    normalisations.FAMILY,
    linear_algebra.FAMILY,
)
# Breadth: alone in every run, in compositions and in the costlier modes in turn.
PRIMITIVES: dict[str, Primitive] = catalogue(
    CORE.values(),
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
OWN: dict[str, Primitive] = {}  # of plugins: composed as those of the core, and more often


def include(primitive: Primitive) -> None:
    """Adds a plugin's row. Raises ValueError if there is one of that name."""
    if primitive.name in PRIMITIVES:
        raise ValueError(f"there is a primitive {primitive.name!r} already; call it something else")
    OWN[primitive.name] = CORE[primitive.name] = PRIMITIVES[primitive.name] = primitive


def replace_row(primitive: Primitive) -> None:
    """Takes another row for the primitive of that name."""
    for known in (OWN, CORE, PRIMITIVES):
        if primitive.name in known:
            known[primitive.name] = primitive
