"""Ways in which jax is asked for derivatives. A mode stands alone: ask(function, x, weights, vectors)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from gradlaws.suite.check.subject import Kind, Order


def value(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return function(*xs)


def by_vjp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.vjp(function, *xs)[1](ws)


def by_jit(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.jit(lambda x, w: jax.vjp(function, *x)[1](w))(xs, ws)


def jitted_value(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.jit(function)(*xs)


def by_vmap(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    """Two points at once, the second of them ours."""
    pairs = tuple(jax.numpy.stack([x * 0.5, x]) for x in xs)
    return [g[1] for g in jax.vmap(lambda *x: jax.vjp(function, *x)[1](ws))(*pairs)]


def by_checkpoint(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.vjp(jax.checkpoint(function), *xs)[1](ws)


def by_jvp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.jvp(function, xs, vs)[1]


def vjp_of_vjp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    """Reverse over reverse."""
    return jax.vjp(lambda *x: jax.vjp(function, *x)[1](ws), *xs)[1](vs)


def jvp_of_vjp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    """Forward over reverse."""
    return jax.jvp(lambda *x: jax.vjp(function, *x)[1](ws), xs, vs)[1]


def vjp_of_jvp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    """Reverse over forward."""
    return jax.vjp(lambda *x: jax.jvp(function, x, vs)[1], *xs)[1](ws)


def by_cotangent(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    """wᵀ J is linear in w: its derivative along v is J v."""
    return jax.vjp(lambda w: jax.vjp(function, *xs)[1](w), ws)[1](vs)[0]


def jitted_product(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.jit(lambda x, w, v: vjp_of_vjp(function, x, w, v))(xs, ws, vs)


MODES: dict[str, tuple[Order, Kind, Callable[..., Any]]] = {
    "eager": (0, "value", value),
    "jit": (0, "value", jitted_value),
    "vjp": (1, "gradient", by_vjp),
    "jit(vjp)": (1, "gradient", by_jit),
    "vmap(vjp)": (1, "gradient", by_vmap),
    "checkpoint": (1, "gradient", by_checkpoint),
    "jvp": (1, "tangents", by_jvp),
    "vjp of vjp": (2, "product", vjp_of_vjp),
    "jvp of vjp": (2, "product", jvp_of_vjp),
    "vjp of jvp": (2, "product", vjp_of_jvp),
    "jit(vjp of vjp)": (2, "product", jitted_product),
    "vjp of vjp by its cotangent": (2, "tangents", by_cotangent),
}
