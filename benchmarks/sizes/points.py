"""Points of the 19 programs, of any size: NumPy arrays from a seed, the same for both frameworks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradlaws.strategies.primitive import Floats


def _square(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Floats:
    """Of the size that keeps a product with it as large as what it multiplies."""
    return np.asarray(rng.standard_normal(shape) / np.sqrt(shape[0]) * scale)


def _vectors(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    return rng.standard_normal(n), rng.standard_normal(n)


def _matrix_between(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    return rng.standard_normal(n), _square(rng, n, n), rng.standard_normal(n)


def _layers(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    d, batch = max(2, round(np.sqrt(n / 3))), 8
    layers = [(_square(rng, d, d), rng.standard_normal(d) * 0.1) for _ in range(3)]
    return layers, rng.standard_normal((batch, d)), np.eye(d)[rng.integers(0, d, batch)]


def _classes(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    classes = min(n, 100) if n > 20 else 5
    rows = max(1, n // classes)
    return 3 * rng.standard_normal((rows, classes)), rng.integers(0, classes, rows)


def _heads(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    d = max(2, round(np.sqrt(n / 4)))
    weights = [_square(rng, d, d) for _ in range(4)]
    return weights, rng.standard_normal((2 * d, d)), rng.standard_normal((2 * d, d))


def _block(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    d, rows = max(2, round(np.sqrt(n / 8))), 16 if n > 100 else 4
    scale, shift = 1 + 0.1 * rng.standard_normal(d), 0.1 * rng.standard_normal(d)
    weights = _square(rng, d, 4 * d), _square(rng, 4 * d, d)
    return (scale, shift, *weights), rng.standard_normal((rows, d)), rng.standard_normal((rows, d))


def _side(n: int) -> int:
    return max(2, round(math.sqrt(n)))


def _positive(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    m = _side(n)
    root = rng.standard_normal((m, m))
    return (root @ root.T / m + np.eye(m),)


def _system(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    m = _side(n)
    return _square(rng, m, m) + 2 * np.eye(m), rng.standard_normal(m), rng.standard_normal(m)


def _cell(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    d = max(1, round(np.sqrt(n / 8)))
    cell = rng.standard_normal((2 * d, 4 * d)) / np.sqrt(d), rng.standard_normal(4 * d) * 0.1
    return cell, rng.standard_normal((10, d)), rng.standard_normal((10, d))


def _normal(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    return rng.standard_normal(n), rng.standard_normal(n) * 0.3, rng.standard_normal(n)


def _two_classes(n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    return rng.standard_normal(n), rng.standard_normal((20, n)), (rng.standard_normal(20) > 0) * 1.0


ARGUMENTS: dict[str, Callable[[int, np.random.Generator], tuple[Any, ...]]] = {
    **dict.fromkeys(("chain", "gelu_erf", "softplus", "cums", "powr", "norm"), _vectors),
    **dict.fromkeys(("tanhsoftmax", "siluf"), _matrix_between),
    **dict.fromkeys(("mlp", "relunet"), _layers),
    "lse": lambda n, rng: (rng.standard_normal(n), _square(rng, n, n, scale=3)),
    "xent": _classes, "attention": _heads, "lnblock": _block, "cholesky": _positive, "solve": _system, "lstm": _cell,
    "logprob": _normal, "logit": _two_classes,
}  # fmt: skip


def point(name: str, n: int, rng: np.random.Generator) -> tuple[Any, ...]:
    """The arguments of a program; the first, a tree of arrays with about n entries, is differentiated.

    Raises KeyError for a name that there is not.
    """
    return ARGUMENTS[name](n, rng)
