"""Norms of gradients, clipping where it cannot help, and products of many Jacobians."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

from gradlaws.strategies.mp_arrays import mp_array
from gradlaws.strategies.points import gradient_trees
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.checking.system import System
from gradlaws.suite.document.derivatives import looks
from gradlaws.suite.document.evidence import CONDITIONAL, Evidence
from gradlaws.suite.identities import clipping
from gradlaws.suite.truth.floats import flat

DEPTHS = (4, 8, 16, 32, 64)
WIDTH = 4


def norms(backend: Backend, dtype: str) -> dict[str, Callable[[Point], float]]:
    """The 2-norm of all entries of all tensors, as each library's users take it."""

    def tensors(g: Point) -> list[Any]:
        return [backend.array(a, dtype) for a in g]

    if backend.name == "torch":
        import torch

        def by(foreach: bool) -> Callable[[Point], float]:
            return lambda g: float(torch.nn.utils.get_total_norm(tensors(g), foreach=foreach))

        return {f"torch.nn.utils.get_total_norm, foreach={foreach}": by(foreach) for foreach in (False, True)}
    if backend.name == "jax":
        import optax

        return {"optax.global_norm": lambda g: float(optax.global_norm(tensors(g)))}
    return {"numpy.linalg.norm": lambda g: float(np.linalg.norm(np.concatenate([np.ravel(a) for a in tensors(g)])))}


def clippings(system: System) -> dict[str, Callable[[Point, float], Floats]]:
    """Every public way to clip by the global norm: the flat clipped gradient (suite/identities/clipping.py)."""

    def by(name: str) -> Callable[[Point, float], Floats]:
        def run(g: Point, c: float) -> Floats:
            way = next(way for way in clipping.ways(system.backend, g, 2.0, c) if way.mode.name == name)
            result = system.backend.run(way.mode, way.program, system.precision, g)
            if result.numbers is None:
                raise result.error or AssertionError(f"{name} says nothing")
            return result.numbers[:-1]

        return run

    return {way.mode.name: by(way.mode.name) for way in clipping.ways(system.backend, (np.zeros(1),), 2.0, 1.0)}


def exact_norm(entries: Floats) -> float:
    with mp.workdps(50):
        return float(clipping.norm(mp_array(entries), 2))


@pytest.mark.identity("N1")
@looks(12)
@given(data=st.data())
def test_the_norm_is_over_all_entries_of_all_tensors(system: System, evidence: Evidence, data: st.DataObject) -> None:
    """‖g‖₂ = √Σg² within (n/2 + 3 + k) u for n entries in k tensors, where squares neither over- nor underflow.

    Where they do though the norm does not, what each library says is tabulated: ∞ or 0 is a finding. Cannot see an
    error below that bound.
    """
    g = data.draw(gradient_trees(system.precision, wide=False))
    entries, u = flat(g), system.precision.unit_roundoff
    true = exact_norm(entries)
    limit = (len(entries) / 2 + 3 + len(g)) * u + 2.0**-52
    for name, norm in norms(system.backend, system.precision.name).items():
        evidence.at_most(f"{name}: relative error", abs(norm(g) / true - 1), limit)
        if len(g) > 1:
            evidence.control("the norm of a subset", abs(exact_norm(flat(g[1:])) / true - 1) > limit)
        for kind, exponent in (("overflow", 0.75), ("underflow", -0.75)):
            scale = math.ldexp(1.0, int(exponent * system.precision.largest_exponent))
            big = np.array([3 * scale, 4 * scale])
            said = norm((big,))
            right = abs(said / (5 * scale) - 1) < 1e-3
            evidence.figure(f"{name} at {5 * scale:.1e} in {system.precision.name} ({kind} of squares)", f"{said:.6g}")
            if not right:
                evidence.finds(
                    CONDITIONAL, "true while squares stay in range; beyond, libraries that do not scale answer ∞ or 0 "
                    "for a norm that is representable",
                )  # fmt: skip


@pytest.mark.identity("N4")
@looks(6)
@given(data=st.data())
def test_zero_stays_zero(system: System, evidence: Evidence, data: st.DataObject) -> None:
    """clip(0) = 0, to the bit, at any threshold; what NaN, ∞ and a threshold of 0 become is tabulated.

    Cannot see gradients that are nearly zero, which clipping leaves alone too (N2).
    """
    g = data.draw(gradient_trees(system.precision, wide=False))
    nothing = tuple(0 * np.abs(a) for a in g)
    for name, clip in clippings(system).items():
        for c in (1.0, 2.0**-20, 2.0**20):
            clipped = clip(nothing, c)
            evidence.expect(f"{name} of zero at threshold {c:g}", bool(np.all(clipped == 0)))
        with np.errstate(all="ignore"):
            normalised = flat(nothing) / np.linalg.norm(flat(nothing))
            evidence.control("normalising instead of clipping", not np.all(normalised == 0))
            for what, entry, c in (("NaN", math.nan, 1.0), ("∞", math.inf, 1.0), ("threshold 0", 3.0, 0.0)):
                said = clip((np.array([entry, 4.0]),), c)
                evidence.figure(f"{name}: ({entry:g}, 4), {what}", ", ".join(f"{s:g}" for s in said))


@pytest.mark.identity("N2")
@pytest.mark.dtypes("float64")
def test_each_library_s_formula_beside_the_document_s(system: System, evidence: Evidence) -> None:
    """torch divides by ‖g‖ + 1e-6: a gradient just below its threshold shrinks too, and clipping twice is not clipping
    once. How far each library is from g · min(1, c/‖g‖) is tabulated.

    Cannot see which of them is wanted.
    """
    direction = np.array([0.6, 0.8])
    for name, clip in clippings(system).items():
        below = float(np.linalg.norm(clip(((1 - 5e-7) * direction,), 1.0)))
        once = clip((3 * direction,), 1.0)
        twice = float(np.linalg.norm(clip((once,), 1.0) - once))
        tiny = float(np.linalg.norm(clip((1e-7 * direction,), 1e-9)))
        evidence.at_most(f"{name}: relative distance at an ordinary norm", abs(float(np.linalg.norm(once)) - 1), 1e-6)
        evidence.figure(f"{name}: norm of a gradient of norm 1 − 5e-7 at threshold 1", below)
        evidence.figure(f"{name}: how far clipping twice moves it", twice)
        evidence.figure(f"{name}: norm of a gradient of norm 1e-7 at threshold 1e-9", tiny)
        if below < 1 - 6e-7 or abs(tiny / 1e-9 - 1) > 1e-3:
            evidence.finds(
                CONDITIONAL, "torch divides by ‖g‖ + 1e-6: it shrinks gradients just below the threshold, is not "
                "idempotent, and at thresholds below 1e-6 returns far less than the threshold",
            )  # fmt: skip


@pytest.mark.identity("N3")
def test_clipping_loses_the_direction_where_squares_overflow(system: System, evidence: Evidence) -> None:
    """(3s, 4s) clipped to norm 1 is (0.6, 0.8) for every s whose square stays in range; for larger s each library is
    asked where it stops: zeros or NaN for a direction that is representable. Cannot see other norms."""
    u, top = system.precision.unit_roundoff, system.precision.largest_exponent
    for name, clip in clippings(system).items():
        lost = None
        for exponent in range(top // 2 - 16, top - 3):
            g = np.ldexp(np.array([3.0, 4.0]), exponent)
            with np.errstate(all="ignore"):
                clipped = clip((g,), 1.0)
            kept = bool(
                np.all(np.isfinite(clipped)) and clipped[1] > 0.5 and abs(4 * clipped[0] - 3 * clipped[1]) <= 32 * u
            )
            if exponent <= top // 2 - 4:
                evidence.expect(f"{name} keeps the direction at {g[1]:.1e}", kept)
            elif not kept:
                lost = float(np.ldexp(5.0, exponent))
                break
        if lost is not None:
            evidence.figure(f"{name}: the direction is lost from ‖g‖ =", f"{lost:.2g}")
            evidence.finds(
                CONDITIONAL, "the direction is kept while the squares of the entries stay in range; beyond, each "
                "library returns zeros or NaN for it",
            )  # fmt: skip
        value = np.clip(g, None, 3.5 * g[0] / 3)
        evidence.control("clip by value", bool(abs(4 * value[0] - 3 * value[1]) > 32 * u * abs(value[1])))


# Deep products


def deep_gradient(backend: Backend, layers: Callable[[Any, Any], Any], weights: Floats, x: Floats, u: Floats) -> Floats:
    """uᵀ ∂h_L/∂h₀ for h ← layers(h, W), one W (WIDTH, WIDTH) of ``weights`` (L, WIDTH, WIDTH) after the other."""
    if backend.name == "torch":
        import torch

        h = start = backend.array(x, "float64").requires_grad_()
        for w in weights:
            h = layers(h, backend.array(w, "float64"))
        return backend.numbers(torch.autograd.grad(h, start, backend.array(u, "float64"))[0])
    import jax

    def network(start: Any) -> Any:
        return jax.lax.scan(lambda h, w: (layers(h, w), None), start, backend.array(weights, "float64"))[0]

    return backend.numbers(jax.vjp(network, backend.array(x, "float64"))[1](backend.array(u, "float64"))[0])


def architectures(backend: Backend) -> dict[str, Callable[[Any, Any], Any]]:
    """h -> the next layer's h, given its weights."""

    def normalise(h: Any) -> Any:
        if backend.name == "torch":
            return importlib.import_module("torch.nn.functional").layer_norm(h, h.shape)
        return importlib.import_module("jax.nn").standardize(h, epsilon=1e-5)

    return {
        "plain": lambda h, w: w @ h,
        "residual": lambda h, w: h + w @ h,
        "LayerNorm": lambda h, w: normalise(w @ h),
        "gated": lambda h, w: 0.99 * h + 0.01 * (w @ h),
    }


def orthogonal(random: np.random.Generator, depth: int) -> Floats:
    return np.stack([np.linalg.qr(random.standard_normal((WIDTH, WIDTH)))[0] for _ in range(depth)])


def per_layer(
    backend: Backend, evidence: Evidence, name: str, layer: Callable[[Any, Any], Any], weights: Callable[[int], Floats],
    random: np.random.Generator,
) -> float:  # fmt: skip
    """The slope of log ‖uᵀ ∂h_L/∂h₀‖ in L."""
    x, u = random.standard_normal(WIDTH), random.standard_normal(WIDTH)
    sizes = [float(np.linalg.norm(deep_gradient(backend, layer, weights(depth), x, u))) for depth in DEPTHS]
    evidence.plot(name, DEPTHS, [math.log10(size) for size in sizes], ("layers", "log₁₀ ‖gradient‖"))
    found = float(np.polyfit(DEPTHS, np.log(sizes), 1)[0])
    evidence.figure(f"log ‖gradient‖ per layer: {name}", found)
    return found


@pytest.mark.identity("N5")
@pytest.mark.dtypes("float64")
def test_deep_products_explode_or_vanish_and_what_mends_it(
    system: System, evidence: Evidence, random: np.random.Generator
) -> None:
    """Through L layers of s × orthogonal the gradient's norm is sᴸ exactly; ‖J‖ < 1 suffices to vanish, ‖J‖ > 1 is only
    necessary to explode (Pascanu et al. 2013, 2.1): [[0, 2], [0, 0]] has norm 2, and its square is 0.

    With I + J the rate is at least log(1 − ‖J‖), with LayerNorm it does not depend on s, with gates of 0.99 it is at
    least log(0.99 − 0.01 ‖J‖). Cannot see trained weights, which are not random.
    """
    backend, layers = system.backend, architectures(system.backend)

    def scaled(s: float) -> Callable[[int], Floats]:
        return lambda depth: s * orthogonal(random, depth)

    def rate(name: str, layer: str, weights: Callable[[int], Floats]) -> float:
        return per_layer(backend, evidence, name, layers[layer], weights, random)

    for s in (0.5, 1.0, 2.0):
        evidence.at_most(
            f"plain: rate − log {s:g}", abs(rate(f"plain, s = {s:g}", "plain", scaled(s)) - math.log(s)), 1e-12
        )
    residual = rate("residual, s = 0.5", "residual", scaled(0.5))
    evidence.at_most("residual: log(1 − ‖J‖) − rate", math.log(0.5) - residual, 1e-12)
    evidence.expect("residual: above the plain rate", residual > math.log(0.5) + 0.3)
    gated = rate("gated, s = 0.5", "gated", scaled(0.5))
    evidence.at_most("gated: log(0.99 − 0.01 ‖J‖) − rate", math.log(0.99 - 0.01 * 0.5) - gated, 1e-12)
    state = random.bit_generator.state
    normalised = []
    for s in (0.5, 2.0):
        random.bit_generator.state = state  # the same weights but for s
        normalised.append(rate(f"LayerNorm, s = {s:g}", "LayerNorm", scaled(s)))
    # On s it depends by its ε alone, 1e-5 beside variances of about s²/4.
    evidence.at_most("LayerNorm: how much the rate depends on s", abs(normalised[0] - normalised[1]), 1e-3)
    nilpotent = np.zeros((WIDTH, WIDTH))
    nilpotent[0, 1] = 2.0
    gone = deep_gradient(backend, layers["plain"], np.stack([nilpotent] * 2), np.ones(WIDTH), np.ones(WIDTH))
    evidence.expect("‖J‖ = 2 and yet the product vanishes", bool(np.all(gone == 0)))
    vanishing = rate("residual, J = −I/2", "residual", lambda depth: np.stack([-0.5 * np.eye(WIDTH)] * depth))
    evidence.control("I + J with J = −I/2 vanishes all the same", abs(vanishing - math.log(0.5)) < 1e-12)
    evidence.finds(
        CONDITIONAL, "residual connections help unless J undoes them (J = −I/2 vanishes all the same); LayerNorm takes "
        "away the scale of the weights; ‖J‖ > 1 is necessary for an explosion and not sufficient",
    )  # fmt: skip


@pytest.mark.identity("N6")
@looks(8)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 6))
def test_clipping_caps_the_step_of_an_exploding_gradient(system: System, evidence: Evidence, seed: int, n: int) -> None:
    """On f(x) = Σ exp(aᵢ xᵢ), aᵢxᵢ near the end of the exponent's range, x − lr ∇f is thrown so far off that f
    overflows; with the gradient clipped the step is lr c at most, and f stays finite.

    Clipped by value at the same c it may be √n times as long. Cannot see a loss that was infinite before.
    """
    random, backend, precision = np.random.default_rng(seed), system.backend, system.precision
    steep = 0.5 * precision.largest_exponent * math.log(2)
    x = -(1 + random.random(n)).astype(precision.name).astype(np.float64)
    a = np.asarray((-steep / np.abs(x)).astype(precision.name), dtype=np.float64)  # exp(a x) near √largest
    g, c, rate = exponential_gradient(backend, precision.name, a, x), 1.0, 1.0
    with np.errstate(over="ignore"):
        plain = float(np.sum(np.exp((a * (x - rate * g)).astype(precision.name))))
        evidence.expect(
            "plain descent overflows, or steps over 10⁶ times as far",
            not math.isfinite(plain) or bool(np.linalg.norm(rate * g) > 1e6),
        )
        for name, clip in clippings(system).items():
            step = rate * clip((g,), c)
            size = float(np.linalg.norm(step))
            overflowed = not math.isfinite(float(np.linalg.norm(g.astype(precision.name))))
            evidence.at_most(f"{name}: ‖step‖ / (lr c)", size, rate * c * (1 + (n + 8) * precision.unit_roundoff))
            evidence.tally("steps that were zero, since the norm overflowed", overflowed and size == 0)
            after = float(np.sum(np.exp((a * (x - step)).astype(precision.name))))
            evidence.expect(f"{name}: f stays finite", math.isfinite(after))
            by_value = np.clip(g, -c, c)
            evidence.control("clip by value allows √n times the step", bool(np.linalg.norm(by_value) > c * (1 + 1e-6)))


def exponential_gradient(backend: Backend, dtype: str, a: Floats, x: Floats) -> Floats:
    """∇ Σ exp(aᵢ xᵢ)."""
    if backend.name == "torch":
        import torch

        at, coefficients = backend.array(x, dtype).requires_grad_(), backend.array(a, dtype)
        return backend.numbers(torch.autograd.grad(torch.exp(coefficients * at).sum(), at)[0])
    import jax

    return backend.numbers(
        jax.grad(lambda z: jax.numpy.exp(backend.array(a, dtype) * z).sum())(backend.array(x, dtype))
    )
