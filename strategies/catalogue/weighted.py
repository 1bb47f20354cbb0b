"""Normalisations with a learned scale and shift, and losses with weights of classes."""

from typing import Any

import numpy as np

from gradlaws.strategies.catalogue.normalisations import layer_norm, squarable
from gradlaws.strategies.catalogue.rows import NORMALISED, STANDARDIZED, nonzero_rows, rms_norm
from gradlaws.strategies.primitive import Floats, Parameters, Shape, structured


def per_column(x: Shape, *weights: Shape) -> list[Parameters]:
    return [{}] if x and x[-1] > 1 and set(weights) == {x[-1:]} else []


def per_row(x: Shape, *weights: Shape) -> list[Parameters]:
    return [{}] if len(x) == 2 and x[1] > 1 and set(weights) == {x[:1]} else []


def of_two_classes(x: Shape, y: Shape) -> list[Parameters]:
    return [{}] if x == (2, 2) and y == (2,) else []


def moderate_weights(x: Floats, *weights: Floats) -> bool:
    return squarable(x) and all(bool(np.all((w == 0) | (abs(w) > 1e-8) & (abs(w) < 1e8))) for w in weights)


def first(x: Shape, *weights: Shape) -> Shape:
    return x


def columns_scaled(xp: Any, x: Any, y: Any, z: Any) -> Any:
    return layer_norm(xp, x) * y + z


def rows_scaled(xp: Any, x: Any, y: Any, z: Any) -> Any:
    return layer_norm(xp, x) * xp.column(y) + xp.column(z)


def weight_norm(xp: Any, x: Any, y: Any) -> Any:
    """Rows of length |y|: y x / ‖x‖ (Salimans and Kingma 2016, equation 2)."""
    return x * xp.column(y / xp.sqrt(xp.total(x * x)))


def weighted_nll(xp: Any, x: Any, y: Any) -> Any:
    """Of the classes 0 and 1: the mean of −x₀₀ and −x₁₁, weighted by y."""
    return -(x[0, 0] * y[0] + x[1, 1] * y[1]) / (y[0] + y[1])


def of_rows(array: str) -> str:
    return array + " * {y}[:, None] + {z}[:, None]"


FAMILY = (
    structured("layer_norm_affine", columns_scaled, first, per_column, "layer_norm({x})·{y} + {z}", moderate_weights,
               arity=3, numpy=f"{NORMALISED} * {{y}} + {{z}}", jax=f"{STANDARDIZED} * {{y}} + {{z}}",
               torch="torch.nn.functional.layer_norm({x}, {x}.shape[-1:], {y}, {z})"),
    structured("rms_norm_affine", lambda xp, x, y: rms_norm(xp, x) * y, first, per_column, "rms_norm({x})·{y}",
               moderate_weights, arity=2, squares=("numpy", "jax"),
               numpy="{x} / numpy.sqrt(numpy.mean({x} * {x}, axis=-1, keepdims=True) + 1e-5) * {y}",
               torch="torch.nn.functional.rms_norm({x}, {x}.shape[-1:], {y}, eps=1e-5)",
               jax="{x} / jax.numpy.sqrt(jax.numpy.mean({x} * {x}, axis=-1, keepdims=True) + 1e-5) * {y}"),
    structured("batch_norm_affine", rows_scaled, first, per_row, "batch_norm({x}ᵀ)ᵀ·{y} + {z}", moderate_weights,
               arity=3, numpy=of_rows(NORMALISED), jax=of_rows(STANDARDIZED),
               torch="torch.nn.functional.batch_norm({x}.T, None, None, {y}, {z}, training=True).T"),
    structured("instance_norm_affine", rows_scaled, first, per_row, "instance_norm({x})·{y} + {z}", moderate_weights,
               arity=3, numpy=of_rows(NORMALISED), jax=of_rows(STANDARDIZED),
               torch="torch.nn.functional.instance_norm({x}[None], weight={y}, bias={z})[0]"),
    structured("group_norm_affine", rows_scaled, first, per_row, "group_norm({x})·{y} + {z}", moderate_weights,
               arity=3, numpy=of_rows(NORMALISED), jax=of_rows(STANDARDIZED),
               torch="torch.nn.functional.group_norm({x}[None], {x}.shape[0], {y}, {z})[0]"),
    structured("weight_norm", weight_norm, first, per_row, "{y}·{x} / ‖{x}‖",
               lambda x, y: nonzero_rows(x) and moderate_weights(x, y), arity=2,
               numpy="{x} * ({y} / numpy.linalg.norm({x}, axis=-1))[:, None]",
               torch="torch._weight_norm({x}, {y}[:, None], 0)",
               jax="{x} * ({y} / jax.numpy.linalg.norm({x}, axis=-1))[:, None]"),
    structured("weighted_nll_loss", weighted_nll, lambda x, y: (), of_two_classes, "nll({x}, weights {y})",
               lambda x, y: bool(np.all(y > 1e-15) and np.all(y < 1e15) and np.all(abs(x) < 1e15)), arity=2,
               numpy="numpy.average(-numpy.diagonal({x}), weights={y})",
               torch="torch.nn.functional.nll_loss({x}, torch.tensor([0, 1]), {y})",
               jax="jax.numpy.average(-jax.numpy.diagonal({x}), weights={y})"),
)  # fmt: skip
