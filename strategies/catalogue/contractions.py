"""Products of two arrays that sum over a shared axis, or over none."""

from collections.abc import Iterable
from typing import Any

from gradlaws.strategies.primitive import Parameters, Shape, structured


def matmul_shape(x: Shape, y: Shape) -> Shape:
    return (*x[:-1], *y[1:])


def matmul_variants(x: Shape, y: Shape) -> Iterable[Parameters]:
    return [{}] if x and y and x[-1] == y[0] else []


def matmul(xp: Any, x: Any, y: Any) -> Any:
    """x[..., l] y[l, ...] summed over l, for ranks 1 and 2."""
    columns = y.T if len(y.shape) == 2 else y
    rows = x[:, None, :] if len(x.shape) == 2 and len(y.shape) == 2 else x
    return xp.total(rows * columns)


FAMILY = (
    structured("matmul", matmul, matmul_shape, matmul_variants, "({x} @ {y})", arity=2,
               numpy="{x} @ {y}", torch="{x} @ {y}", jax="{x} @ {y}"),
    structured("outer", lambda xp, x, y: x[:, None] * y, lambda x, y: (*x, *y),
               lambda x, y: [{}] if len(x) == len(y) == 1 else [], "({x} ⊗ {y})", arity=2,
               numpy="numpy.outer", torch="torch.outer", jax="jax.numpy.outer"),
)  # fmt: skip
