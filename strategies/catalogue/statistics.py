"""Statistics, order statistics (where nothing ties), cumulative functions and norms, over the last axis."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradlaws.strategies.catalogue.fits import of_rows, of_several, reduced, same
from gradlaws.strategies.catalogue.normalisations import spread, squarable
from gradlaws.strategies.catalogue.reductions import bounded, exponentials_of_all, logsumexp
from gradlaws.strategies.primitive import Floats, Parameters, Shape, structured


def distinct(x: Floats) -> bool:
    ordered = np.sort(x, axis=-1)
    gaps = np.diff(ordered, axis=-1)
    return bool(np.all(gaps > 1e-3 * np.maximum(abs(ordered[..., 1:]), abs(ordered[..., :-1]))))


def largest_apart(x: Floats) -> bool:
    return distinct(np.sort(x, axis=-1)[..., -2:])


def smallest_apart(x: Floats) -> bool:
    return distinct(np.sort(x, axis=-1)[..., :2])


def ends_apart(x: Floats) -> bool:
    return largest_apart(x) and smallest_apart(x)


def near_one(x: Floats) -> bool:
    """Of rows whose seventh powers stay in the range of float32."""
    size = np.max(abs(x), axis=-1)
    return bool(np.all((size > 1e-4) & (size < 1e4)))


def multipliable(x: Floats) -> bool:
    """Of entries, with zeros among them, whose products stay in range."""
    return bool(np.all((x == 0) | ((abs(x) > 1e-10) & (abs(x) < 1e10))))


def mean(xp: Any, x: Any) -> Any:
    return xp.total(x) / x.shape[-1]


def variance(xp: Any, x: Any, correction: int = 0) -> Any:
    centred = x - xp.column(mean(xp, x))
    return xp.total(centred * centred) / (x.shape[-1] - correction)


def corrections(shape: Shape) -> Iterable[Parameters]:
    return [{"correction": c} for c in (0, 1)] if shape and shape[-1] > 1 else []


def accumulate(combine: Any) -> Any:
    def definition(xp: Any, x: Any) -> Any:
        found = [x[..., 0]]
        for i in range(1, x.shape[-1]):
            found.append(combine(xp, found[-1], x[..., i]))
        return xp.stack(found)

    return definition


def log_add_exp(xp: Any, a: Any, b: Any) -> Any:
    return logsumexp(xp, xp.stack([a, b]))


def usual_log_add_exp(xp: Any, a: Any, b: Any) -> Any:
    top = xp.largest(xp.stack([a, b]))
    return xp.log(xp.exp(a - top) + xp.exp(b - top)) + top


FAMILY = (
    structured("mean", mean, reduced, of_rows, "mean({x})",
               numpy="numpy.mean({x}, axis=-1)", torch="torch.mean({x}, -1)", jax="jax.numpy.mean({x}, axis=-1)"),
    structured("var", variance, reduced, corrections, "var({x}, {correction})", bounded,
               numpy="numpy.var({x}, axis=-1, ddof={correction})", torch="torch.var({x}, -1, correction={correction})",
               jax="jax.numpy.var({x}, axis=-1, ddof={correction})"),
    structured("std", lambda xp, x, correction: xp.sqrt(variance(xp, x, correction)), reduced, corrections,
               "std({x}, {correction})", spread,
               numpy="numpy.std({x}, axis=-1, ddof={correction})", torch="torch.std({x}, -1, correction={correction})",
               jax="jax.numpy.std({x}, axis=-1, ddof={correction})"),
    structured("sum_of_squares", lambda xp, x: xp.total(x * x), reduced, of_rows, "Σ{x}²",
               numpy="numpy.sum({x} * {x}, axis=-1)", torch="torch.sum({x} * {x}, -1)",
               jax="jax.numpy.sum({x} * {x}, axis=-1)"),
    structured("norm_4", lambda xp, x: xp.sqrt(xp.sqrt(xp.total(x * x * (x * x)))), reduced, of_rows, "‖{x}‖₄",
               near_one,
               numpy="numpy.linalg.norm({x}, 4, axis=-1)", torch="torch.linalg.vector_norm({x}, 4, dim=-1)",
               jax="jax.numpy.linalg.norm({x}, 4, axis=-1)"),
    structured("frobenius_norm", lambda xp, x: xp.sqrt(xp.total(xp.total(x * x))), lambda shape: (),
               lambda shape: [{}] if len(shape) == 2 else [], "‖{x}‖F", lambda x: bool(np.any(x != 0)),
               numpy="numpy.linalg.norm", torch="torch.linalg.matrix_norm", jax="jax.numpy.linalg.norm"),
    structured("root_mean_square", lambda xp, x: xp.sqrt(mean(xp, x * x)), reduced, of_rows, "rms({x})",
               lambda x: bool(np.all(np.max(abs(x), axis=-1) > 1e-15)) and squarable(x),
               squares=("numpy", "torch", "jax"),
               numpy="numpy.sqrt(numpy.mean({x} * {x}, axis=-1))", torch="torch.sqrt(torch.mean({x} * {x}, -1))",
               jax="jax.numpy.sqrt(jax.numpy.mean({x} * {x}, axis=-1))"),
    structured("max", lambda xp, x: xp.ordered(x)[..., -1], reduced, of_several, "max({x})", largest_apart,
               numpy="numpy.max({x}, axis=-1)", torch="torch.max({x}, -1).values", jax="jax.numpy.max({x}, axis=-1)"),
    structured("amax", lambda xp, x: xp.ordered(x)[..., -1], reduced, of_several, "amax({x})", largest_apart,
               numpy="numpy.amax({x}, axis=-1)", torch="torch.amax({x}, -1)", jax="jax.numpy.amax({x}, axis=-1)"),
    structured("min", lambda xp, x: xp.ordered(x)[..., 0], reduced, of_several, "min({x})", smallest_apart,
               numpy="numpy.min({x}, axis=-1)", torch="torch.min({x}, -1).values", jax="jax.numpy.min({x}, axis=-1)"),
    structured("median", lambda xp, x: xp.ordered(x)[..., 1], reduced,
               lambda shape: [{}] if shape and shape[-1] == 3 else [], "median({x})", distinct,
               numpy="numpy.median({x}, axis=-1)", torch="torch.median({x}, -1).values",
               jax="jax.numpy.median({x}, axis=-1)"),
    structured("quantile", lambda xp, x: (xp.ordered(x)[..., 0] + xp.ordered(x)[..., 1]) / 2, reduced,
               lambda shape: [{}] if shape and shape[-1] == 3 else [], "quantile({x}, ¼)",
               lambda x: distinct(np.sort(x, axis=-1)[..., 1:]),
               numpy="numpy.quantile({x}, 0.25, axis=-1)", torch="torch.quantile({x}, 0.25, -1)",
               jax="jax.numpy.quantile({x}, 0.25, axis=-1)"),
    structured("ptp", lambda xp, x: xp.ordered(x)[..., -1] - xp.ordered(x)[..., 0], reduced, of_several, "ptp({x})",
               ends_apart, numpy="numpy.ptp({x}, axis=-1)",
               torch="torch.max({x}, -1).values - torch.min({x}, -1).values",
               jax="jax.numpy.ptp({x}, axis=-1)"),
    structured("sort", lambda xp, x: xp.ordered(x), same, of_several, "sort({x})", distinct,
               numpy="numpy.sort({x}, axis=-1)", torch="torch.sort({x}, -1).values",
               jax="jax.numpy.sort({x}, axis=-1)"),
    structured("top_2", lambda xp, x: xp.ordered(x)[..., ::-1][..., :2], lambda shape: (*shape[:-1], 2), of_several,
               "top₂({x})", distinct, numpy="numpy.sort({x}, axis=-1)[..., ::-1][..., :2]",
               torch="torch.topk({x}, 2, -1).values", jax="jax.lax.top_k({x}, 2)[0]"),
    structured("kth_value", lambda xp, x: xp.ordered(x)[..., 1], reduced, of_several,
               "second smallest of {x}", distinct, numpy="numpy.partition({x}, 1, axis=-1)[..., 1]",
               torch="torch.kthvalue({x}, 2, -1).values", jax="jax.numpy.partition({x}, 1, axis=-1)[..., 1]"),
    structured("cumprod", accumulate(lambda xp, a, b: a * b), same, of_rows, "cumprod({x})", multipliable,
               numpy="numpy.cumprod({x}, axis=-1)", torch="torch.cumprod({x}, -1)",
               jax="jax.numpy.cumprod({x}, axis=-1)"),
    structured("logcumsumexp", accumulate(log_add_exp), same, of_rows, "logcumsumexp({x})",
               bounded, terms=exponentials_of_all, usual=accumulate(usual_log_add_exp),
               numpy="numpy.logaddexp.accumulate({x}, axis=-1)", torch="torch.logcumsumexp({x}, -1)",
               jax="jax.lax.cumlogsumexp({x}, axis={x}.ndim - 1)"),
    structured("cummax", accumulate(lambda xp, a, b: xp.ordered(xp.stack([a, b]))[..., 1]), same, of_several,
               "cummax({x})", distinct, numpy="numpy.maximum.accumulate({x}, axis=-1)",
               torch="torch.cummax({x}, -1).values", jax="jax.lax.cummax({x}, axis={x}.ndim - 1)"),
    structured("cummin", accumulate(lambda xp, a, b: xp.ordered(xp.stack([a, b]))[..., 0]), same, of_several,
               "cummin({x})", distinct, numpy="numpy.minimum.accumulate({x}, axis=-1)",
               torch="torch.cummin({x}, -1).values", jax="jax.lax.cummin({x}, axis={x}.ndim - 1)"),
    structured("trapezoid", lambda xp, x: xp.total((x[..., 1:] + x[..., :-1]) / 2), reduced, of_several, "∫{x}",
               usual=lambda xp, x: xp.total(x) - (x[..., 0] + x[..., -1]) / 2,
               numpy="numpy.trapezoid({x}, axis=-1)", torch="torch.trapezoid({x})",
               jax="jax.numpy.trapezoid({x}, axis=-1)"),
    structured("cumulative_trapezoid",
               lambda xp, x: accumulate(lambda xp, a, b: a + b)(xp, (x[..., 1:] + x[..., :-1]) / 2),
               lambda shape: (*shape[:-1], shape[-1] - 1), of_several, "∫∫{x}",
               torch="torch.cumulative_trapezoid({x})"),
)  # fmt: skip
