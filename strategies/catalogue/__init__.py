"""The primitives, one short declaration each, by family. No framework is imported here."""

from strategies.catalogue import (
    binary,
    contractions,
    elementwise,
    linear_algebra,
    normalisations,
    reductions,
    shapes,
)
from strategies.primitive import Primitive, catalogue

# The order is the order of shrinking: earlier ones are simpler to read.
PRIMITIVES: dict[str, Primitive] = catalogue(
    elementwise.FAMILY,
    binary.FAMILY,
    reductions.FAMILY,
    shapes.FAMILY,
    contractions.FAMILY,
    normalisations.FAMILY,
    linear_algebra.FAMILY,
)
