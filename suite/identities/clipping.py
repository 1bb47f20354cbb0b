"""Clipping by the global norm: each framework's own spelling of it, its definition, and its tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import MPArray
from gradlaws.strategies.points import gradient_trees
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats, Parameters, Primitive, Shape, everywhere
from gradlaws.strategies.program import Point, Program, Step, constant_step
from gradlaws.suite import clock
from gradlaws.suite.backends.backend import Backend, Mode
from gradlaws.suite.backends.question import Question
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Check
from gradlaws.suite.checking.verdict import Verdict
from gradlaws.suite.truth.floats import flat

# Thresholds as multiples of the norm: far and little below it, at it, and above it.
FACTORS = (0.7, 1.5, 2.0**-12, 64.0, 0.999, 1.001, 1.0, 4.0)
NORMS = (2.0, 1.0, math.inf)


@st.composite
def clippings(draw: DrawFn, precision: Precision) -> tuple[Point, float, float]:
    """Gradients, the order p of the norm, and a threshold below, at or above the norm, representable."""
    gradients = draw(gradient_trees(precision))
    order = draw(st.sampled_from(NORMS))
    factor = draw(st.sampled_from(FACTORS))
    return gradients, order, precision.round(factor * float(np.linalg.norm(flat(gradients), order)))


def norm(entries: MPArray, order: float) -> mpf:
    """The p-norm of all entries, for p = 1, 2 or infinity."""
    sizes = np.abs(entries)
    if order == 2:
        return mp.sqrt((sizes * sizes).sum())
    return sizes.max() if math.isinf(order) else sizes.sum()


def definition(xp: object, *arrays: MPArray, order: float, guard: str, **parameters: Any) -> MPArray:
    """g · min(1, c / (‖g‖ + guard)) and ‖g‖, shape (n + 1,); the last array is c."""
    entries, threshold = np.concatenate([a.ravel() for a in arrays[:-1]]), arrays[-1].item()
    size = norm(entries, order)
    factor = min(mpf(1), threshold / (size + mpf(guard))) if size else mpf(1)
    return np.append(entries * factor, size)


class Clipping(Primitive):
    """A primitive of any number of tensors, the last argument being the threshold."""

    def expression(self, backend: str, arguments: Iterable[str], parameters: Parameters) -> str:
        return self._filled(self.spellings[backend], arguments, parameters)

    def mathematics(self, arguments: Iterable[str], parameters: Parameters) -> str:
        return self._filled(self.symbol, arguments, parameters)

    @staticmethod
    def _filled(template: str, arguments: Iterable[str], parameters: Parameters) -> str:
        *tensors, threshold = arguments
        return template.format(tensors=", ".join(tensors), threshold=threshold, **parameters)


def clipping(name: str, symbol: str, **spellings: str) -> Clipping:
    def shape(*shapes: Shape, **parameters: Any) -> Shape:
        return (sum(math.prod(s) for s in shapes) + 1,)

    return Clipping(
        name, 1, "structured", definition, spellings, symbol, everywhere, lambda *shapes: [], shape
    )  # fmt: skip


# Each expression is the flat clipped gradient and, last, its norm before clipping, as the library computes them.
# torch works in place on parameters: there the expression is what `clip_grad_norm` below is called with.
CLIPPINGS = {
    c.name: c
    for c in (
        clipping(
            "clip_by_global_norm", "clip_by_global_norm(({tensors}), {threshold})",
            numpy="(lambda g, norm: numpy.append(g * numpy.minimum(1, {threshold} / norm(g)), norm(g)))"
                  "(numpy.concatenate([a.ravel() for a in [{tensors}]]), lambda g: numpy.sqrt((g * g).sum()))",
            jax="jax.numpy.concatenate([a.ravel() for a in"
                " optax.clip_by_global_norm({threshold}).update([{tensors}], ())[0]]"
                " + [optax.global_norm([{tensors}]).ravel()])",
        ),
        clipping(
            "clip_grad_norm_", "clip_grad_norm_(({tensors}), {threshold}, p = {order:g})",
            torch="[{tensors}], {threshold}, float('{order}'), {foreach}",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class ClippingStep(Step):
    """A step that is not in the catalogue, since it is no differentiable function to be composed."""

    @property
    def declaration(self) -> Primitive:
        return CLIPPINGS[self.primitive]


@dataclass(frozen=True)
class Way:
    """One public way to clip: the mode's name is the user's."""

    mode: Mode
    program: Program


def clip_grad_norm(f: Any, x: Any) -> Any:
    """torch.nn.utils.clip_grad_norm_ on parameters with these gradients; f says which, and the arguments."""
    import torch

    gradients, threshold, order, foreach = f(*x)
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    total = torch.nn.utils.clip_grad_norm_(parameters, float(threshold), order, foreach=foreach)
    return torch.cat([p.grad.ravel() for p in parameters] + [total.ravel()])  # type: ignore[union-attr]


def ways(backend: Backend, gradients: Point, order: float, threshold: float) -> list[Way]:
    """What the backend offers; only torch has norms other than p = 2."""
    shapes = tuple(g.shape for g in gradients)

    def program(name: str, **parameters: Any) -> Program:
        arguments = (*range(len(shapes)), len(shapes))
        step = ClippingStep(name, arguments, tuple(parameters.items()))
        return Program(shapes, (constant_step(np.array(threshold)), step))

    if backend.name == "torch":
        return [
            Way(
                Mode("value", f"torch.nn.utils.clip_grad_norm_(foreach={foreach})", clip_grad_norm),
                program("clip_grad_norm_", order=order, guard="1e-6", foreach=foreach),
            )
            for foreach in (True, False)
        ]
    names = {
        "numpy": {"eager": "g · min(1, c/‖g‖)"},
        "jax": {"eager": "optax.clip_by_global_norm", "jit(f)": "jit(optax.clip_by_global_norm)"},
    }.get(backend.name, {})
    plain = program("clip_by_global_norm", order=2.0, guard="0")
    modes = [mode for mode in backend.modes_of("value") if mode.name in names]
    return [Way(replace(mode, name=names[mode.name]), plain) for mode in modes]


def computed(check: Check, mode: Mode, program: Program, point: Point, *directions: Point) -> Floats | None:
    """What the framework answers, for a test that brings its own tolerance; None, and recorded, where it does not."""
    system = check.system
    result = system.backend.run(mode, program, system.precision, point, *directions)
    clock.seconds["framework"] += result.seconds
    if result.numbers is None:
        missing = isinstance(result.error, ImportError)  # optax is a package of its own
        verdict = Verdict("unsupported" if result.refused or missing else "error", reason=repr(result.error))
        question = Question(system.backend, system.precision, program, point, mode, directions)
        check.take(Judged(question, mode.name, mode.order, verdict))
    return result.numbers


def like(program: Program, gradients: Point, threshold: float) -> Program:
    """The same clipping of other gradients at another threshold."""
    last = program.steps[-1]
    step = ClippingStep(last.primitive, tuple(range(len(gradients) + 1)), last.parameters)
    return Program(tuple(g.shape for g in gradients), (constant_step(np.array(threshold)), step))


def order_of(program: Program) -> float:
    return float(dict(program.steps[-1].parameters)["order"])


def norm_error(system: System, program: Program, gradients: Point) -> float:
    """How far ‖g‖ may be off, relatively, for n entries in k tensors.

    p = 2: squares 1u, sum (n − 1)u, half of it after the root, root 1u: (n/2 + 1)u; the norm of k such norms adds
    (k/2 + 1)u, and one more each for roots taken as powers. p = 1: two sums. p = ∞: exact. A flushed
    square is η lost.
    """
    entries, order = flat(gradients), order_of(program)
    n, k = len(entries), len(gradients)
    size = float(np.linalg.norm(entries, order))
    units = {2.0: (n + k) / 2 + 4, 1.0: float(n + k), math.inf: 0.0}[order]
    eta = system.backend.smallest(system.precision)
    return units * system.precision.unit_roundoff + n * eta / min(size, size * size)


def tolerance(system: System, program: Program, gradients: Point, exact: Floats) -> Floats:
    """Of the clipped entries and the norm, shape (n + 1,).

    To the norm's error the entries add 5u: the guard, the sum with it, a quotient, and two products or quotients.
    """
    relative = norm_error(system, program, gradients)
    eta = system.backend.smallest(system.precision)
    threshold = float(program.steps[0].constant)
    of_entries = np.abs(exact[:-1]) * (relative + 5 * system.precision.unit_roundoff) + eta * (1 + threshold)
    return np.append(of_entries, exact[-1] * relative + eta)


def is_below(system: System, program: Program, gradients: Point, size: float) -> bool:
    """Whether the norm is below the threshold whichever way it is rounded, so that nothing may change."""
    guard = float(dict(program.steps[-1].parameters)["guard"])
    slack = norm_error(system, program, gradients) + 4 * system.precision.unit_roundoff
    return (size + guard) * (1 + slack) < float(program.steps[0].constant)


def per_tensor(gradients: Point, order: float, threshold: float) -> Floats:
    """What clipping each tensor by its own norm would give, shape (n,)."""
    factors = [min(1.0, threshold / float(np.linalg.norm(np.ravel(g), order))) for g in gradients]
    return np.concatenate([np.ravel(g) * factor for g, factor in zip(gradients, factors, strict=True)])
