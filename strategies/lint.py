"""Whether a row of the catalogue keeps its word: what its domain says is defined has a real value there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from mpmath import mp

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import BeyondRange
from gradlaws.strategies.primitive import Floats, Parameters, Primitive
from gradlaws.strategies.program import evaluate

DIGITS = 60
_SIZES = np.unique([
    0.0, 5e-324, 2.0**-1022, 1e-160, 1e-20, *2.0 ** (np.arange(-24, 25) / 2), 0.9, 1 - 2.0**-53, 1 + 2.0**-52, 3.0, 7.3,
    20.5, 39.0, 88.5, 700.0, 1e5, 1e20, 1e160, 1e308,
])  # fmt: skip
_FEWER = {1: 1, 2: 5, 3: 12}  # every so many of them, by arity
_SHAPES = ((), (3,), (2, 2), (3, 3), (2, 3), (4,))
_DRAWS = 2  # of arrays for each combination of shapes
_MOST = 40  # points of arrays


def complaint(primitive: Primitive) -> str:
    """What is wrong with the row, in a line that names it and a point; empty where nothing was found."""
    with np.errstate(all="ignore"):
        for point, parameters in _points(primitive):
            if wrong := _wrong(primitive, point, parameters):
                at = ", ".join(f"{name} = {x.tolist()}" for name, x in zip("xyz", point, strict=False))
                return f"{primitive.name}: {wrong} at {at}".replace("\n", " ")
    return ""


def _wrong(primitive: Primitive, point: tuple[Floats, ...], parameters: Parameters) -> str:
    try:
        if not primitive.domain(*point):
            return ""
    except Exception as error:  # whatever a row of a user's may do
        return f"its domain raises {type(error).__name__}: {error}"
    try:
        with mp.workdps(DIGITS):
            exact = evaluate(primitive, parameters, [mp_arrays.mp_array(x) for x in point])
    except BeyondRange:
        return ""
    except Exception as error:
        return f"no value inside its domain ({type(error).__name__}: {error})"
    if primitive.terms is None or primitive.kind != "elementwise":
        return ""
    try:
        spread = [a.ravel() for a in np.broadcast_arrays(*point)]
        sizes = primitive.terms(*spread, mp_arrays.to_floats(exact).ravel())
    except Exception as error:
        return f"its terms raise {type(error).__name__}: {error}"
    return "its terms are NaN" if any(np.any(np.isnan(size)) for size in sizes) else ""


def _points(primitive: Primitive) -> Iterator[tuple[tuple[Floats, ...], Parameters]]:
    """Numbers of every size and sign, or arrays of fixed random ones."""
    if primitive.kind in ("elementwise", "arithmetic"):
        line = np.concatenate([-_SIZES[::-1], _SIZES])[:: _FEWER[primitive.arity]]
        for values in itertools.product(line, repeat=primitive.arity):
            yield tuple(np.array(x) for x in values), {}
        return
    random = np.random.default_rng(0)
    fitting = (
        (shapes, parameters)
        for shapes in itertools.product(_SHAPES, repeat=primitive.arity)
        for parameters in primitive.variants(*shapes)
    )
    for shapes, parameters in itertools.islice(fitting, _MOST // _DRAWS):
        for _ in range(_DRAWS):
            yield tuple(random.normal(size=shape) * 2.0 ** random.integers(-3, 4) for shape in shapes), parameters
