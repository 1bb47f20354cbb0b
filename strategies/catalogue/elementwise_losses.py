"""Losses per entry: what a loss function gives before it is summed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.catalogue.binary import untied
from gradlaws.strategies.catalogue.choices import ternary
from gradlaws.strategies.primitive import Floats, Parameters, Primitive, Shape, Terms, binary, unary


def same_shape(*shapes: Shape) -> Iterable[Parameters]:
    """torch warns where a loss has to broadcast its target."""
    return [{}] if len(set(shapes)) == 1 else []


def huber(x: mpf, y: mpf) -> mpf:
    d = abs(x - y)
    return d * d / 2 if d < 1 else d - mpf(1) / 2


def smooth_l1(x: mpf, y: mpf) -> mpf:
    d = abs(x - y)
    return d * d / 4 if d < 2 else d - 1


def log_cosh(x: mpf) -> mpf:
    """By two forms, neither of which cancels where it is used."""
    size = abs(x)
    return mp.log1p(2 * mp.sinh(x / 2) ** 2) if size < 1 else size + mp.log1p(mp.exp(-2 * size)) - mp.ln2


def log_cosh_terms(x: Floats, y: Floats, value: Floats) -> tuple[Floats, Floats]:
    """Of exp(d − out) − exp(−d − out); far out the first is 1, and the second 0."""
    size = np.minimum(abs(x - y), 50)
    return 2 + 2 * size, 4 + 4 * size


def apart(distance: float) -> Callable[[Floats, Floats], bool]:
    """The residual is not at the kink of the second derivative."""
    return lambda x, y: untied(x, y) and bool(np.all(abs(abs(x - y) - distance) > 1e-3 * (abs(x) + abs(y) + distance)))


def probabilities(x: Floats, y: Floats) -> bool:
    return bool(np.all((x > 1e-11) & (x < 1 - 1e-11) & (y > 0) & (y < 1)))


def residual(distance: float) -> Terms:
    """x − y, which is the derivative as long as it is small."""
    return lambda x, y, value: (np.where(abs(x - y) < distance, abs(x) + abs(y), 0), 0 * x)


def of_torch(name: str) -> str:
    return f"torch.nn.functional.{name}({{x}}, {{y}}, reduction='none')"


SOFT_MARGIN = unary(
    "logistic_loss", lambda x: mp.log1p(mp.exp(-x)), symbol="softplus(−{x})",
    terms=lambda x, y: (0, 1 / (1 + np.exp(x))),
    torch="torch.nn.functional.soft_margin_loss({x}, torch.ones_like({x}), reduction='none')",
)  # fmt: skip

OF_TWO_OR_MORE = tuple(
    replace(primitive, variants=same_shape)
    for primitive in (
        binary("l2_loss", lambda x, y: (x - y) * (x - y) * (1 / mpf(2)), symbol="½({x} − {y})²", jax="optax.l2_loss"),
        binary("l1_loss", lambda x, y: abs(x - y), untied, symbol="|{x} − {y}|",
               numpy="numpy.abs({x} - {y})", torch=of_torch("l1_loss"), jax="jax.numpy.abs({x} - {y})"),
        binary("huber_loss", huber, apart(1), terms=residual(1), numpy="scipy.special.huber(1, {x} - {y})",
               torch=of_torch("huber_loss"), jax="optax.huber_loss"),
        binary("smooth_l1_loss", smooth_l1, apart(2), terms=residual(2),
               torch="torch.nn.functional.smooth_l1_loss({x}, {y}, reduction='none', beta=2.0)"),
        binary("log_cosh_loss", lambda x, y: log_cosh(x - y),
               lambda x, y: bool(np.all(abs(x - y) > 0.1 + 1e-3 * (abs(x) + abs(y)))),
               terms=log_cosh_terms, jax="optax.log_cosh"),
        binary("binary_cross_entropy", lambda x, y: -y * mp.log(x) - (1 - y) * mp.log1p(-x), probabilities,
               terms=lambda x, y, value: (1 / x + 1 / (1 - x), 2 / x**2 + 2 / (1 - x) ** 2),
               torch=of_torch("binary_cross_entropy")),
        binary("hinge_loss", lambda x, y: max(mpf(0), 1 - x * y), lambda x, y: bool(np.all(abs(x * y - 1) > 1e-3)),
               jax="optax.hinge_loss"),
        ternary("gaussian_nll_loss", kind="elementwise", definition=lambda x, y, z: (mp.log(z) + (x - y) ** 2 / z) / 2,
                domain=lambda x, y, z: bool(np.all(z > 1e-5)),
                terms=lambda x, y, z, value: ((abs(x) + abs(y)) * (1 + abs(x) + abs(y)) / z + 1 / z,
                                              (2 + abs(x) + abs(y)) ** 2 * (1 + 1 / z) ** 2 / z),
                symbol="½(log({z}) + ({x} − {y})²/{z})",
                torch="torch.nn.functional.gaussian_nll_loss({x}, {y}, {z}, reduction='none')"),
        ternary("margin_ranking_loss", kind="elementwise", definition=lambda x, y, z: max(mpf(0), 1 - z * (x - y)),
                domain=lambda x, y, z: untied(x, y) and bool(np.all(abs(z * (x - y) - 1) > 1e-3)),
                terms=lambda x, y, z, value: ((abs(x) + abs(y)) * (z * (x - y) < 1), 0 * x),
                torch="torch.nn.functional.margin_ranking_loss({x}, {y}, {z}, margin=1.0, reduction='none')"),
    )
)  # fmt: skip

FAMILY: tuple[Primitive, ...] = (SOFT_MARGIN, *OF_TWO_OR_MORE)
