"""Functions of two or three arrays that choose, interpolate or take remainders; away from where they jump."""

from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.catalogue.binary import untied
from gradlaws.strategies.primitive import Floats, Kind, Primitive, Terms, binary, broadcastable, everywhere, spelled


def quotient_between_integers(x: Floats, y: Floats) -> bool:
    if not np.all(y != 0):
        return False
    with np.errstate(over="ignore"):
        quotient = np.clip(x / y, -1e9, 1e9)
    return bool(np.all(abs(quotient - np.round(quotient)) > 1e-3 * (1 + abs(quotient))))


def left_over(x: mpf, y: mpf, whole: Callable[[mpf], mpf]) -> mpf:
    """x less y times the whole part of their quotient, all of whose bits count."""
    with mp.workprec(mp.prec + max(0, mp.mag(x) - mp.mag(y) if x and y else 0)):
        return x - y * whole(x / y)


def copysign_terms(x: Floats, y: Floats, value: Floats) -> tuple[Floats, Floats]:
    """The derivative by x is value / x, in which two terms of 1 / x cancel when it is differentiated again."""
    second = np.zeros((x.size, 2, 2))
    second[:, 0, 0] = 1 / abs(x)
    return np.zeros((x.size, 2)), second


def ternary(
    name: str,
    definition: Callable[..., Any],
    domain: Callable[..., bool] = everywhere,
    symbol: str = "",
    kind: Kind = "arithmetic",
    terms: Terms | None = None,
    **names: str,
) -> Primitive:
    """An elementwise function of three arrays that broadcast."""
    return Primitive(
        name, 3, kind, definition, spelled(names, 3), symbol or name + "({x}, {y}, {z})", domain,
        broadcastable, np.broadcast_shapes, terms,
    )  # fmt: skip


FAMILY = (
    binary("minimum", min, untied, symbol="min({x}, {y})", selects=True,
           numpy="numpy.minimum", torch="torch.minimum", jax="jax.numpy.minimum"),
    binary("fmax", max, untied, selects=True, numpy="numpy.fmax", torch="torch.fmax", jax="jax.numpy.fmax"),
    binary("fmin", min, untied, selects=True, numpy="numpy.fmin", torch="torch.fmin", jax="jax.numpy.fmin"),
    binary("copysign", lambda x, y: abs(x) * mp.sign(y), lambda x, y: bool(np.all(x != 0) and np.all(y != 0)),
           terms=copysign_terms, selects=True,
           numpy="numpy.copysign", torch="torch.copysign", jax="jax.numpy.copysign"),
    binary("where", lambda x, y: x if y > 0 else y, lambda x, y: bool(np.all(y != 0)),
           symbol="({x} if {y} > 0 else {y})", selects=True,
           numpy="numpy.where({y} > 0, {x}, {y})", torch="torch.where({y} > 0, {x}, {y})",
           jax="jax.numpy.where({y} > 0, {x}, {y})"),
    binary("fmod", lambda x, y: left_over(x, y, lambda q: mpf(int(q))), quotient_between_integers,
           numpy="numpy.fmod", torch="torch.fmod", jax="jax.numpy.fmod"),
    binary("remainder", lambda x, y: left_over(x, y, mp.floor), quotient_between_integers,
           numpy="numpy.remainder", torch="torch.remainder", jax="jax.numpy.remainder"),
    ternary("lerp", lambda x, y, z: x + z * (y - x),
            numpy="{x} + {z} * ({y} - {x})", torch="torch.lerp", jax="{x} + {z} * ({y} - {x})"),
    ternary("addcmul", lambda x, y, z: x + y * z, symbol="({x} + {y}·{z})",
            numpy="{x} + {y} * {z}", torch="torch.addcmul", jax="{x} + {y} * {z}"),
    ternary("addcdiv", lambda x, y, z: x + y / z, lambda x, y, z: bool(np.all(z != 0)), symbol="({x} + {y} / {z})",
            numpy="{x} + {y} / {z}", torch="torch.addcdiv", jax="{x} + {y} / {z}"),
)  # fmt: skip
