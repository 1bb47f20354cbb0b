"""Reductions of quad arrays where numpy_quaddtype's own fail: over no entries, and where there is NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlaws.suite.arithmetic.quad_numbers import QuadArray, asarray, dtype

Axes = int | tuple[int, ...] | None


def reduction(ufunc: np.ufunc, identity: float, doc: str) -> Callable[..., QuadArray]:
    def reduce(a: Any, axis: Axes = None, keepdims: bool = False) -> QuadArray:
        array = asarray(a)
        if not array.size:
            shape = np.sum(np.empty(array.shape), axis=axis, keepdims=keepdims).shape
            return np.full(shape, identity, dtype=dtype())
        with np.errstate(all="ignore"):
            return np.asarray(ufunc.reduce(array, axis=axis, keepdims=keepdims))

    reduce.__doc__ = doc
    return reduce


total = reduction(np.add, 0.0, "The sum, one entry after the other: |error| ≤ (n - 1) 2^-113 Σ|a|. 0 of none.")
product = reduction(np.multiply, 1.0, "The product, within (n - 1) 2^-113 relative. 1 of none.")


def argmax(a: Any, axis: int | None = None) -> NDArray[np.intp]:
    """The index of the first largest, and of the first NaN if there is one. Raises ValueError of no entries."""
    array = asarray(a)
    nan = np.isnan(array)
    found = np.where(nan.any(axis=axis), nan.argmax(axis=axis), array.argmax(axis=axis))
    return np.asarray(found, dtype=np.intp)


def argmin(a: Any, axis: int | None = None) -> NDArray[np.intp]:
    """The index of the first smallest, and of the first NaN if there is one. Raises ValueError of no entries."""
    return argmax(-asarray(a), axis)
