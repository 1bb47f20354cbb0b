"""Functions that move, repeat or select entries."""

from collections.abc import Iterable

import numpy as np

from gradlaws.strategies.primitive import Parameters, Shape, linear


def transpose_variants(shape: Shape) -> Iterable[Parameters]:
    return [{}] if len(shape) == 2 else []


def reshape_variants(shape: Shape) -> Iterable[Parameters]:
    n = int(np.prod(shape))
    return [{"shape": target} for target in ((n,), (n, 1)) if target != shape]


def broadcast_variants(shape: Shape) -> Iterable[Parameters]:
    return [{"shape": (2, *shape)}] if len(shape) < 2 else []


def concatenate_variants(x: Shape, y: Shape) -> Iterable[Parameters]:
    return [{}] if x and len(x) == len(y) and x[1:] == y[1:] else []


def slice_variants(shape: Shape) -> Iterable[Parameters]:
    return [{"start": 1, "step": 1}, {"start": 0, "step": 2}] if shape and shape[0] > 1 else []


def gather_variants(shape: Shape) -> Iterable[Parameters]:
    """Reversed, and with one entry used twice."""
    if not shape:
        return []
    n = shape[0]
    return [{"indices": (*reversed(range(n)),)}, {"indices": (0, *range(n))}]


def sliced(shape: Shape, start: int, step: int) -> Shape:
    return (len(range(shape[0])[start::step]), *shape[1:])


FAMILY = (
    linear("transpose", lambda x: x.T, lambda shape: shape[::-1], transpose_variants, "{x}ᵀ",
           numpy="numpy.transpose", torch="torch.transpose({x}, 0, 1)", jax="jax.numpy.transpose"),
    linear("reshape", lambda x, shape: x.reshape(shape), lambda old, shape: shape, reshape_variants,
           "reshape({x}, {shape})",
           numpy="numpy.reshape({x}, {shape})", torch="torch.reshape({x}, {shape})",
           jax="jax.numpy.reshape({x}, {shape})"),
    linear("broadcast", np.broadcast_to, lambda old, shape: shape, broadcast_variants,
           "broadcast({x}, {shape})",
           numpy="numpy.broadcast_to({x}, {shape})", torch="torch.broadcast_to({x}, {shape})",
           jax="jax.numpy.broadcast_to({x}, {shape})"),
    linear("concatenate", lambda x, y: np.concatenate([x, y]), lambda x, y: (x[0] + y[0], *x[1:]),
           concatenate_variants, "[{x}, {y}]", arity=2,
           numpy="numpy.concatenate([{x}, {y}])", torch="torch.cat([{x}, {y}])",
           jax="jax.numpy.concatenate([{x}, {y}])"),
    linear("slice", lambda x, start, step: x[start::step], sliced, slice_variants,
           "{x}[{start}::{step}]",
           numpy="{x}[{start}::{step}]", torch="{x}[{start}::{step}]",
           jax="{x}[{start}::{step}]"),
    linear("gather", lambda x, indices: x[list(indices)], lambda shape, indices: (len(indices), *shape[1:]),
           gather_variants, "{x}[{indices}]",
           numpy="numpy.take({x}, {indices}, axis=0)",
           torch="torch.index_select({x}, 0, torch.tensor({indices}))",
           jax="jax.numpy.take({x}, jax.numpy.array({indices}), axis=0)"),
)  # fmt: skip
