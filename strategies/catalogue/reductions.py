"""Functions that reduce an axis, or all of them."""

import functools
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from gradlaws.strategies.catalogue.fits import of_rows, reduced
from gradlaws.strategies.primitive import Floats, Parameters, Shape, linear, structured


def without(shape: Shape, axis: int | None) -> Shape:
    return () if axis is None else tuple(n for i, n in enumerate(shape) if i != axis)


def axes(shape: Shape) -> Iterable[Parameters]:
    return [{"axis": axis} for axis in (None, *range(len(shape)))] if shape else []


def product(xp: Any, x: Any) -> Any:
    return functools.reduce(operator.mul, [x[..., i] for i in range(x.shape[-1])])


def products_of_others(x: Floats, value: Floats) -> tuple[Any, Any]:
    """Both libraries divide the product by entries: value / (x_i x_j) also where the true second partial is 0. No entry
    is divided by that is 0."""
    by = np.where(x != 0, x, np.inf)
    others = value[..., None] / by
    return 0 * x, abs(others[..., :, None] / by[..., None, :])


def above_largest(xp: Any, x: Any) -> tuple[Any, Any]:
    """The largest entry, and ln Σ exp(x − it): of the others only, so that nothing cancels beside 1."""
    top = xp.ordered(x)[..., -1]
    return top, xp.log1p(xp.total(xp.exp(xp.ordered(x)[..., :-1] - xp.column(top))))


def logsumexp(xp: Any, x: Any) -> Any:
    top, more = above_largest(xp, x)
    return top + more


def usual_logsumexp(xp: Any, x: Any) -> Any:
    top = xp.largest(x)
    return xp.log(xp.total(xp.exp(x - top[..., None]))) + top


def exponentials_from_output(x: Floats, value: Floats) -> tuple[Any, Any]:
    """exp(x - out): the argument is off by u(|x| + |out|)."""
    share = np.exp(x - value[..., None])
    size = share * (1 + abs(x) + abs(value[..., None]))
    return size, 2 * (size[..., :, None] * share[..., None, :] + size[..., :, None] * np.eye(x.shape[-1]))


def exponentials_of_all(x: Floats, value: Floats) -> tuple[Any, Any]:
    """exp(x_j - out_i) for every j up to i."""
    shares = exponentials_from_output(x[..., None, :], value)
    first, second = (np.broadcast_to(s, (*value.shape, *s.shape[value.ndim :])) for s in shares)
    used = np.tri(x.shape[-1])
    return first * used, second * used[..., None] * used[..., None, :]


def bounded(*arrays: Floats) -> bool:
    """So that no difference of entries overflows."""
    return all(bool(np.all(abs(x) < 1e300)) for x in arrays)


def norm(xp: Any, x: Any) -> Any:
    return xp.sqrt(xp.total(x * x))


FAMILY = (
    linear("sum", lambda x, axis: x.sum(axis=axis), without, axes, "Σ{x}",
           numpy="numpy.sum({x}, axis={axis})", torch="torch.sum({x}, dim={axis})",
           jax="jax.numpy.sum({x}, axis={axis})"),
    structured("prod", product, reduced, of_rows, "Π{x}",
               bounded, terms=products_of_others,
               numpy="numpy.prod({x}, axis=-1)", torch="torch.prod({x}, dim=-1)",
               jax="jax.numpy.prod({x}, axis=-1)"),
    structured("logsumexp", logsumexp, reduced, of_rows, "logsumexp({x})",
               bounded, terms=exponentials_from_output, usual=usual_logsumexp,
               numpy="scipy.special.logsumexp({x}, axis=-1)", torch="torch.logsumexp({x}, dim=-1)",
               jax="jax.scipy.special.logsumexp({x}, axis=-1)"),
    structured("norm", norm, reduced, of_rows, "‖{x}‖",
               lambda x: bool(np.all(np.any(x != 0, axis=-1))),
               numpy="numpy.linalg.norm({x}, axis=-1)", torch="torch.linalg.vector_norm({x}, dim=-1)",
               jax="jax.numpy.linalg.norm({x}, axis=-1)"),
)  # fmt: skip
