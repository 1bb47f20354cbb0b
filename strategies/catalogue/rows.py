"""Normalisations, losses and attention over the last axis."""

from fractions import Fraction
from typing import Any

import numpy as np

from gradlaws.strategies.catalogue.fits import of_equal_shapes, of_rows, of_several, of_vector_pairs, reduced, same
from gradlaws.strategies.catalogue.normalisations import layer_norm, softmax, spread
from gradlaws.strategies.catalogue.reductions import logsumexp
from gradlaws.strategies.catalogue.statistics import mean
from gradlaws.strategies.primitive import Floats, Parameters, Shape, structured

NORMALISED = (
    "({x} - numpy.mean({x}, axis=-1, keepdims=True)) / numpy.sqrt(numpy.var({x}, axis=-1, keepdims=True) + 1e-5)"
)
STANDARDIZED = "jax.nn.standardize({x}, axis=-1, epsilon=1e-5)"


def matrices(shape: Shape) -> list[Parameters]:
    return [{}] if len(shape) == 2 and shape[-1] > 1 else []


def moderate_rows(x: Floats) -> bool:
    return bool(np.all(np.ptp(x, axis=-1) < 30)) and bool(np.all(abs(x) < 1e3))


def moderate_pairs(x: Floats, y: Floats) -> bool:
    return bool(np.all(abs(x) < 20) and np.all(abs(y) < 20))


def probable(x: Floats, y: Floats) -> bool:
    return bool(np.all((abs(x) < 20) & (y > 1e-3) & (y < 10)))


def nonzero_rows(*arrays: Floats) -> bool:
    return all(bool(np.all((np.max(abs(x), axis=-1) > 1e-3) & (np.max(abs(x), axis=-1) < 1e3))) for x in arrays)


def log_softmax(xp: Any, x: Any) -> Any:
    return x - xp.column(logsumexp(xp, x))


def rms_norm(xp: Any, x: Any) -> Any:
    return x / xp.column(xp.sqrt(mean(xp, x * x) + xp.constant(Fraction(1e-5))))


def normalize(xp: Any, x: Any) -> Any:
    return x / xp.column(xp.sqrt(xp.total(x * x)))


def cosine(xp: Any, x: Any, y: Any) -> Any:
    return xp.total(x * y) / (xp.sqrt(xp.total(x * x)) * xp.sqrt(xp.total(y * y)))


def glu_terms(x: Floats, value: Floats) -> tuple[Floats, Floats]:
    """Of a σ(b): a (σ − σ²) by b, and σ − σ² and a (σ − σ²)(1 − 2σ) beside it."""
    a, gate = np.abs(x[..., 0]), 1 / (1 + np.exp(-x[..., 1]))
    none = np.zeros_like(a)
    first = np.stack([none, a * gate], -1)
    return first, np.stack([np.stack([none, gate], -1), np.stack([gate, 3 * a * gate], -1)], -2)


def softplus(xp: Any, x: Any) -> Any:
    return xp.log(1 + xp.exp(x))


def attention(xp: Any, x: Any, y: Any) -> Any:
    """Queries x and keys, which are also the values, y: softmax(x yᵀ / √d) y."""
    scale = xp.root(x.shape[-1])
    weights = softmax(xp, xp.total(x[:, None, :] * y) / scale)
    return xp.total(weights[:, None, :] * y.T)


def of_matrices(x: Shape, y: Shape) -> list[Parameters]:
    return [{}] if len(x) == len(y) == 2 and x[1] == y[1] else []


FAMILY = (
    structured("log_softmax", log_softmax, same, of_rows, "log_softmax({x})", moderate_rows,
               numpy="scipy.special.log_softmax({x}, axis=-1)", torch="torch.log_softmax({x}, -1)",
               jax="jax.nn.log_softmax({x}, axis=-1)"),
    structured("softmin", lambda xp, x: softmax(xp, -x), same, of_rows, "softmin({x})", moderate_rows,
               numpy="scipy.special.softmax(-{x}, axis=-1)", torch="torch.nn.functional.softmin({x}, dim=-1)",
               jax="jax.nn.softmax(-{x}, axis=-1)"),
    structured("rms_norm", rms_norm, same, of_several, "rms_norm({x})", nonzero_rows,
               squares=("numpy", "jax"),
               numpy="{x} / numpy.sqrt(numpy.mean({x} * {x}, axis=-1, keepdims=True) + 1e-5)",
               torch="torch.nn.functional.rms_norm({x}, {x}.shape[-1:], eps=1e-5)",
               jax="{x} / jax.numpy.sqrt(jax.numpy.mean({x} * {x}, axis=-1, keepdims=True) + 1e-5)"),
    structured("batch_norm", layer_norm, same, matrices, "batch_norm({x}ᵀ)ᵀ", spread, numpy=NORMALISED,
               torch="torch.nn.functional.batch_norm({x}.T, None, None, training=True).T", jax=STANDARDIZED),
    structured("instance_norm", layer_norm, same, matrices, "instance_norm({x})", spread, numpy=NORMALISED,
               torch="torch.nn.functional.instance_norm({x}[None])[0]", jax=STANDARDIZED),
    structured("group_norm", layer_norm, same, matrices, "group_norm({x})", spread, numpy=NORMALISED,
               torch="torch.nn.functional.group_norm({x}[None], {x}.shape[0])[0]", jax=STANDARDIZED),
    structured("normalize", normalize, same, of_several, "{x} / ‖{x}‖", nonzero_rows,
               numpy="{x} / numpy.linalg.norm({x}, axis=-1, keepdims=True)",
               torch="torch.nn.functional.normalize({x}, dim=-1)",
               jax="{x} / jax.numpy.linalg.norm({x}, axis=-1, keepdims=True)"),
    structured("glu", lambda xp, x: x[..., 0:1] / (1 + xp.exp(-x[..., 1:2])), lambda shape: (*shape[:-1], 1),
               lambda shape: [{}] if shape and shape[-1] == 2 else [], "glu({x})",
               lambda x: bool(np.all(abs(x) < 30)), terms=glu_terms,
               numpy="{x}[..., :1] * scipy.special.expit({x}[..., 1:])", torch="torch.nn.functional.glu({x}, -1)",
               jax="jax.nn.glu({x}, -1)"),
    structured("cross_entropy", lambda xp, x: logsumexp(xp, x) - x[..., 0], reduced, of_several,
               "cross_entropy({x}, 0)", moderate_rows, numpy="scipy.special.logsumexp({x}, axis=-1) - {x}[..., 0]",
               torch="torch.nn.functional.cross_entropy({x}, torch.zeros({x}.shape[:-1], dtype=torch.long),"
                     " reduction='none')",
               jax="optax.softmax_cross_entropy_with_integer_labels({x}, jax.numpy.zeros({x}.shape[:-1], dtype=int))"),
    structured("soft_cross_entropy", lambda xp, x, y: -xp.total(y * log_softmax(xp, x)), lambda x, y: x[:-1],
               of_vector_pairs, "cross_entropy({x}, {y})", moderate_pairs, arity=2,
               numpy="-numpy.sum({y} * scipy.special.log_softmax({x}, axis=-1), axis=-1)",
               torch="torch.nn.functional.cross_entropy({x}, {y})", jax="optax.softmax_cross_entropy({x}, {y})"),
    structured("nll_loss", lambda xp, x: -log_softmax(xp, x)[..., 1], reduced, of_several, "nll({x}, 1)", moderate_rows,
               numpy="-scipy.special.log_softmax({x}, axis=-1)[..., 1]",
               torch="torch.nn.functional.nll_loss(torch.log_softmax({x}, -1),"
                     " torch.ones({x}.shape[:-1], dtype=torch.long), reduction='none')",
               jax="-jax.nn.log_softmax({x}, axis=-1)[..., 1]"),
    structured("mse_loss", lambda xp, x, y: xp.total((x - y) * (x - y)) / x.shape[-1], lambda x, y: (),
               of_vector_pairs, "mse({x}, {y})", arity=2,
               numpy="numpy.mean(numpy.square({x} - {y}))", torch="torch.nn.functional.mse_loss({x}, {y})",
               jax="jax.numpy.mean(optax.squared_error({x}, {y}))"),
    structured("binary_cross_entropy_with_logits", lambda xp, x, y: (1 - y) * x + softplus(xp, -x), lambda x, y: x,
               of_equal_shapes, "bce({x}, {y})", moderate_pairs, arity=2,
               numpy="numpy.logaddexp({x}, 0) - {x} * {y}",
               torch="torch.nn.functional.binary_cross_entropy_with_logits({x}, {y}, reduction='none')",
               jax="optax.sigmoid_binary_cross_entropy({x}, {y})"),
    structured("poisson_nll_loss", lambda xp, x, y: xp.exp(x) - x * y, lambda x, y: x, of_equal_shapes,
               "poisson_nll({x}, {y})", moderate_pairs, arity=2, numpy="numpy.exp({x}) - {x} * {y}",
               torch="torch.nn.functional.poisson_nll_loss({x}, {y}, reduction='none')",
               jax="jax.numpy.exp({x}) - {x} * {y}"),
    structured("kl_div", lambda xp, x, y: y * (xp.log(y) - x), lambda x, y: x, of_equal_shapes, "kl_div({x}, {y})",
               probable, arity=2, numpy="scipy.special.xlogy({y}, {y}) - {y} * {x}",
               torch="torch.nn.functional.kl_div({x}, {y}, reduction='none')", jax="{y} * (jax.numpy.log({y}) - {x})"),
    structured("soft_margin_loss", lambda xp, x, y: softplus(xp, -(x * y)), lambda x, y: x, of_equal_shapes,
               "soft_margin({x}, {y})", lambda x, y: bool(np.all(abs(x * y) < 20) and np.all(abs(x) < 1e3)), arity=2,
               numpy="numpy.logaddexp(-{x} * {y}, 0)",
               torch="torch.nn.functional.soft_margin_loss({x}, {y}, reduction='none')",
               jax="jax.nn.softplus(-{x} * {y})"),
    structured("cosine_similarity", cosine, lambda x, y: x[:-1], of_equal_shapes, "cos({x}, {y})", nonzero_rows,
               arity=2,
               numpy="numpy.sum({x} * {y}, -1)"
                     " / (numpy.linalg.norm({x}, axis=-1) * numpy.linalg.norm({y}, axis=-1))",
               torch="torch.nn.functional.cosine_similarity({x}, {y}, dim=-1)",
               jax="optax.cosine_similarity({x}, {y})"),
    structured("pairwise_distance", lambda xp, x, y: xp.sqrt(xp.total((x - y) * (x - y))), lambda x, y: x[:-1],
               of_equal_shapes, "‖{x} − {y}‖", lambda x, y: nonzero_rows(x - y) and nonzero_rows(x), arity=2,
               numpy="numpy.linalg.norm({x} - {y}, axis=-1)",
               torch="torch.nn.functional.pairwise_distance({x}, {y}, eps=0.0)",
               jax="jax.numpy.linalg.norm({x} - {y}, axis=-1)"),
    structured("cdist", lambda xp, x, y: xp.sqrt(xp.total((x[:, None, :] - y) * (x[:, None, :] - y))),
               lambda x, y: (x[0], y[0]), of_matrices, "cdist({x}, {y})",
               lambda x, y: nonzero_rows(x[:, None, :] - y) and nonzero_rows(x), arity=2,
               numpy="numpy.linalg.norm({x}[:, None, :] - {y}, axis=-1)", torch="torch.cdist({x}, {y})",
               jax="jax.numpy.linalg.norm({x}[:, None, :] - {y}, axis=-1)"),
    structured("attention", attention, lambda x, y: (x[0], y[1]), of_matrices, "attention({x}, {y})", moderate_pairs,
               arity=2, numpy="scipy.special.softmax({x} @ {y}.T / numpy.sqrt({x}.shape[-1]), axis=-1) @ {y}",
               torch="torch.nn.functional.scaled_dot_product_attention({x}, {y}, {y})",
               jax="jax.nn.dot_product_attention({x}[:, None, :], {y}[:, None, :], {y}[:, None, :])[:, 0, :]"),
)  # fmt: skip
