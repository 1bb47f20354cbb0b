"""jax's reductions by a function of the user's, written out entry after entry as jax would trace them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun


def folded(reducer: Callable[..., Any], first: Sequence[Any], parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    for part in parts:
        first = reducer(*first, *part)
    return first


def on_arrays(scalar: Callable[..., Any], rank: int) -> Callable[..., Any]:
    """A function of numbers, on each entry of arrays of that rank."""
    for _ in range(rank):
        scalar = jax.vmap(scalar)
    return scalar


def reduction(parameters: Mapping[str, Any]) -> Callable[..., Any]:
    """What lax.reduce computes of its operands and the values that it begins with."""
    axes, reducer = tuple(parameters["dimensions"]), jaxpr_as_fun(parameters["jaxpr"])

    def function(*given: Any) -> Sequence[Any]:
        arrays, starts = given[: len(given) // 2], given[len(given) // 2 :]
        lines = [jax.numpy.moveaxis(x, axes, range(len(axes))) for x in arrays]
        lines = [x.reshape(-1, *x.shape[len(axes) :]) for x in lines]
        first = [jax.numpy.broadcast_to(s, x.shape[1:]) for s, x in zip(starts, lines, strict=True)]
        rows = [[x[k] for x in lines] for k in range(len(lines[0]))]
        return folded(on_arrays(reducer, first[0].ndim), first, rows)

    return function


def window_reduction(parameters: Mapping[str, Any]) -> Callable[..., Any]:
    """What lax.reduce_window computes of its operands and the values that it begins with."""
    p = parameters
    reducer = jaxpr_as_fun(ClosedJaxpr(p["jaxpr"], list(p["consts"])))
    padding = [(low, high, n - 1) for (low, high), n in zip(p["padding"], p["base_dilation"], strict=True)]

    def function(*given: Any) -> Sequence[Any]:
        arrays, starts = given[: len(given) // 2], given[len(given) // 2 :]
        padded = [jax.lax.pad(x, s, padding) for x, s in zip(arrays, starts, strict=True)]
        steps, dilations = p["window_strides"], p["window_dilation"]
        spans = [(n - 1) * d for n, d in zip(p["window_dimensions"], dilations, strict=True)]
        last = [n - span for n, span in zip(padded[0].shape, spans, strict=True)]
        parts = []
        for offset in itertools.product(*map(range, p["window_dimensions"])):
            at = [o * d for o, d in zip(offset, dilations, strict=True)]
            ends = [o + n for o, n in zip(at, last, strict=True)]
            parts.append([jax.lax.slice(x, at, ends, steps) for x in padded])
        first = [jax.numpy.broadcast_to(s, x.shape) for s, x in zip(starts, parts[0], strict=True)]
        return folded(on_arrays(reducer, first[0].ndim), first, parts)

    return function
