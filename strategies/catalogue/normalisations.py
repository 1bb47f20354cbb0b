"""Functions that normalise the last axis."""

from fractions import Fraction
from typing import Any

import numpy as np

from gradlaws.strategies.catalogue.fits import of_rows, of_several, same
from gradlaws.strategies.catalogue.reductions import above_largest, bounded
from gradlaws.strategies.primitive import Floats, structured

EPSILON = 1e-5  # the default of torch.nn.LayerNorm and jax.nn.standardize, as the float that both add


def log_softmax(xp: Any, x: Any) -> Any:
    top, more = above_largest(xp, x)
    return x - xp.column(top) - xp.column(more)


def softmax(xp: Any, x: Any) -> Any:
    return xp.exp(log_softmax(xp, x))


def usual_softmax(xp: Any, x: Any) -> Any:
    weights = xp.exp(x - xp.largest(x)[..., None])
    return weights / xp.total(weights)[..., None]


def layer_norm(xp: Any, x: Any) -> Any:
    n = x.shape[-1]
    centred = x - xp.total(x)[..., None] / n
    variance = xp.total(centred * centred)[..., None] / n
    return centred / xp.sqrt(variance + xp.constant(Fraction(EPSILON)))


def spread(x: Floats) -> bool:
    """A row that is constant up to rounding has no direction to normalise."""
    return bool(np.all(np.std(x, axis=-1) > 1e-2 * np.max(abs(x), axis=-1)) and np.all(np.std(x, axis=-1) > 1e-3))


def squarable(x: Floats) -> bool:
    """Of entries whose squares stay in the range of float32 too."""
    return bool(np.all(abs(x) < 1e15))


FAMILY = (
    structured("softmax", softmax, same, of_rows, "softmax({x})",
               bounded, usual=usual_softmax,
               numpy="scipy.special.softmax({x}, axis=-1)", torch="torch.softmax({x}, dim=-1)",
               jax="jax.nn.softmax({x}, axis=-1)"),
    structured("layer_norm", layer_norm, same, of_several,
               "layer_norm({x})", squarable,
               numpy="({x} - numpy.mean({x}, axis=-1, keepdims=True))"
                     " / numpy.sqrt(numpy.var({x}, axis=-1, keepdims=True) + 1e-5)",
               torch="torch.nn.functional.layer_norm({x}, {x}.shape[-1:])",
               jax="jax.nn.standardize({x}, axis=-1, epsilon=1e-5)"),
)  # fmt: skip
