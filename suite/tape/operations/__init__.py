"""Every operation that a tape may hold, each declared once."""

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.primitive import catalogue
from gradlaws.suite.run import kept
from gradlaws.suite.tape.operations import elementwise, factorisations, indexing, products, reductions, rows, shapes
from gradlaws.suite.tape.operations.declaration import Declaration

DECLARATIONS: dict[str, Declaration] = catalogue(
    elementwise.FAMILY,
    shapes.FAMILY,
    indexing.FAMILY,
    reductions.FAMILY,
    products.FAMILY,
    factorisations.FAMILY,
)


def declaration(name: str) -> Declaration:
    """Of an operation; of a row of the catalogue in use, a plugin's too, by ``catalogue.NAME``."""
    return DECLARATIONS[name] if name in DECLARATIONS else _row(name)


@kept(1024)
def _row(name: str) -> Declaration:
    return rows.of_row(PRIMITIVES[name.removeprefix(rows.PREFIX)])
