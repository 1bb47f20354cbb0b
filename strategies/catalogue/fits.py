"""Which shapes a primitive takes (its variants), and which it gives."""

from collections.abc import Iterable

from gradlaws.strategies.primitive import Parameters, Shape


def of_rows(shape: Shape) -> Iterable[Parameters]:
    """Of any array but a number: along an axis."""
    return [{}] if shape else []


def of_several(shape: Shape) -> Iterable[Parameters]:
    """Of rows with more than one entry."""
    return [{}] if shape and shape[-1] > 1 else []


def of_vectors(shape: Shape) -> Iterable[Parameters]:
    return [{}] if len(shape) == 1 and shape[0] > 1 else []


def of_squares(shape: Shape) -> Iterable[Parameters]:
    return [{}] if len(shape) == 2 and shape[0] == shape[1] else []


def of_equal_shapes(x: Shape, y: Shape) -> Iterable[Parameters]:
    return [{}] if x == y and x else []


def of_vector_pairs(x: Shape, y: Shape) -> Iterable[Parameters]:
    return [{}] if x == y and len(x) == 1 else []


def same(shape: Shape, **parameters: object) -> Shape:
    return shape


def reduced(shape: Shape, **parameters: object) -> Shape:
    return shape[:-1]
