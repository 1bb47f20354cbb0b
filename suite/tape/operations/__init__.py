"""Every operation that a tape may hold, each declared once."""

from gradlaws.suite.tape.operations import elementwise, factorisations, indexing, products, reductions, shapes
from gradlaws.suite.tape.operations.declaration import Declaration, table

DECLARATIONS: dict[str, Declaration] = table(
    elementwise.FAMILY,
    shapes.FAMILY,
    indexing.FAMILY,
    reductions.FAMILY,
    products.FAMILY,
    factorisations.FAMILY,
)
