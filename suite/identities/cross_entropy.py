"""Softmax-cross-entropy: each framework's own spelling, the definition, its gradient q − p, and the tolerance."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from mpmath import mp, mpf

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.encoding import stored
from gradlaws.strategies.mp_arrays import MPArray, mp_array
from gradlaws.strategies.points import directions, logits, probabilities
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats, Primitive, Shape, everywhere
from gradlaws.strategies.program import Point, Program, Step, constant_step
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.checking.system import System
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.oracle import Truth
from gradlaws.suite.vocabulary import Quantity

DIGITS = 60


@stored
@dataclass(frozen=True)
class Question:
    """A batch of N rows of K logits and everything that the variants of the loss ask for.

    ``labels`` (N,) are class indices, of which ``ignored`` (or −100 for none) does not count; ``probable`` (N, K) are
    class probabilities, ``weights`` (K,) those of the classes; ``cotangent`` (N,) is used where nothing reduces rows;
    ``spelling`` chooses among what a backend offers.
    """

    logits: Floats
    labels: tuple[int, ...]
    ignored: int
    probable: Floats
    weights: Floats
    weighted: bool
    smoothing: float
    reduction: str
    cotangent: Floats
    spelling: int


@st.composite
def questions(draw: DrawFn, precision: Precision) -> Question:
    z = draw(logits(precision))
    rows, classes = z.shape
    labels = tuple(draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows)))
    ignored = draw(st.sampled_from((-100, classes - 1)))
    (cotangent,) = draw(directions(precision, [(rows,)]))
    (weights,) = draw(directions(precision, [(classes,)]))
    return Question(
        z, labels,
        -100 if set(labels) == {ignored} else ignored,  # the mean of no rows is 0/0
        draw(probabilities(precision, z.shape)),
        np.abs(weights),
        draw(st.booleans()),
        draw(st.sampled_from((0.0, 0.1))),
        draw(st.sampled_from(("mean", "sum", "none"))),
        cotangent,
        draw(st.integers(0, 2)),
    )  # fmt: skip


def log_softmax(z: MPArray) -> MPArray:
    """Of each row: z − log Σ exp(z), shape (N, K)."""
    peak = z.max(axis=-1, keepdims=True)
    return np.asarray(z - peak - mp_arrays.log(mp_arrays.exp(z - peak).sum(axis=-1, keepdims=True)), dtype=object)


def coefficients(
    shape: Shape,
    constants: tuple[MPArray, ...],
    labels: tuple[int, ...],
    ignored: int,
    smoothing: float,
    reduction: str,
) -> MPArray:
    """a (N, K) in loss = −Σ a log q, as torch documents it: w_c p_c, and in the mean over N, or for labels over Σ w_y.

    Ignored rows count nowhere. Smoothing ε puts (1 − ε) p + ε/K in place of p. ``constants`` are the
    probabilities, if there are no labels, and then the weights of the classes, if any.
    """
    rows, classes = shape
    counted = np.array([y != ignored for y in labels] or [True] * rows)
    given = constants[0] if not labels else mp_array([[float(c == y) for c in range(classes)] for y in labels])
    weights = constants[-1] if len(constants) > (not labels) else mp_array(np.ones(classes))
    smooth = mpf(smoothing)
    a = weights * (given * (1 - smooth) + smooth / classes)
    a = np.where(counted[:, None], a, mpf(0))
    if reduction != "mean":
        return np.asarray(a, dtype=object)
    return np.asarray(a / (sum(weights[y] for y in labels if y != ignored) if labels else mpf(rows)), dtype=object)


def loss(xp: object, z: MPArray, *constants: MPArray, reduction: str, **parameters: Any) -> MPArray:
    """−Σ a log softmax(z) of each row, shape (N,); summed to shape () unless reduction is none."""
    a = coefficients(z.shape, constants, reduction=reduction, **_known(parameters))
    rows = -(a * log_softmax(z)).sum(axis=-1)
    return np.asarray(rows if reduction == "none" else rows.sum(), dtype=object)


def _known(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in ("labels", "ignored", "smoothing")}


def softmax_minus_p(xp: object, z: MPArray, p: MPArray, **parameters: Any) -> MPArray:
    return np.asarray(mp_arrays.exp(log_softmax(z)) - p, dtype=object)


def declared(name: str, symbol: str, arity: int = 1, definition: Any = loss, **spellings: str) -> Primitive:
    def shape(z: Shape, *constants: Shape, reduction: str = "", **parameters: Any) -> Shape:
        return z if not reduction else z[:1] if reduction == "none" else ()

    return Primitive(name, arity, "structured", definition, spellings, symbol, everywhere, lambda *s: [], shape)


def cross_entropy(name: str, targets: str, weight: str = "", ignore: str = "") -> Primitive:
    """torch.nn.functional.cross_entropy with one kind of arguments."""
    arguments = f"{{x}}, {targets}{weight}{ignore}, reduction='{{reduction}}', label_smoothing={{smoothing}}"
    shown = arguments.replace("torch.tensor(", "").replace("{labels})", "{labels}").replace("'", "")
    return declared(name, f"cross_entropy({shown})", torch=f"torch.nn.functional.cross_entropy({arguments})")


INDICES, IGNORE = "torch.tensor({labels})", ", ignore_index={ignored}"
PLAIN = "−Σ p log_softmax"

LOSSES = {
    p.name: p
    for p in (
        cross_entropy("labels", INDICES, ignore=IGNORE),
        cross_entropy("weighted labels", INDICES, weight=", weight={y}", ignore=IGNORE),
        cross_entropy("probabilities", "{y}"),
        cross_entropy("weighted probabilities", "{y}", weight=", weight={z}"),
        declared(
            "optax.softmax_cross_entropy", "softmax_cross_entropy({x}, {y}){reduced}",
            jax="optax.softmax_cross_entropy({x}, {y}){reduced}",
        ),
        declared(
            "optax.softmax_cross_entropy_with_integer_labels",
            "softmax_cross_entropy_with_integer_labels({x}, {labels}){reduced}",
            jax="optax.softmax_cross_entropy_with_integer_labels({x}, jax.numpy.array({labels})){reduced}",
        ),
        declared(
            PLAIN, "−Σ {y} · log_softmax({x}), reduction = {reduction}",
            jax="(-({y} * jax.nn.log_softmax({x})).sum(-1)){reduced}",
        ),
        declared(
            "softmax(z) − p", "softmax({x}) − {y}", definition=softmax_minus_p,
            numpy="scipy.special.softmax({x}, axis=-1) - {y}",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class LossStep(Step):
    """A step that is not in the catalogue, since its other arguments are no real numbers."""

    @property
    def declaration(self) -> Primitive:
        return LOSSES[self.primitive]


@dataclass(frozen=True)
class Loss:
    """One spelling of the loss for one question, and the quantity that is asked of a backend.

    ``a`` (N, K) are its exact coefficients; ``cotangent`` (N,) is there where nothing reduces the rows.
    ``formula``, where there is one, is the gradient written out, which presupposes Σp = 1.
    """

    program: Program
    a: MPArray
    cotangent: Floats | None
    formula: Program | None = None

    @property
    def quantity(self) -> Quantity:
        if self.formula is not None:
            return "value"
        return "gradient" if self.cotangent is None else "vjp"

    @property
    def asked(self) -> Program:
        return self.program if self.formula is None else self.formula

    def named(self, mode: Mode) -> Mode:
        """The mode as users know it: evaluating the written-out formula is one of its own."""
        return mode if self.formula is None else replace(mode, name="scipy.special.softmax(z) − p")

    @property
    def directions(self) -> tuple[Point, ...]:
        return () if self.cotangent is None else ((self.cotangent,),)


def loss_of(backend: str, q: Question) -> Loss:
    """The question in one of the spellings that the backend offers."""
    probable, integer = "optax.softmax_cross_entropy", "optax.softmax_cross_entropy_with_integer_labels"
    if backend == "torch":
        kind, weights = ("weighted ", [q.weights]) if q.weighted else ("", [])
        if q.spelling == 0:
            return spelled(kind + "labels", q, weights, q.labels, q.ignored, q.smoothing)
        return spelled(kind + "probabilities", q, [q.probable, *weights], smoothing=q.smoothing)
    if backend == "jax":
        if q.spelling == 0:
            return spelled(integer, q, [], q.labels)
        return spelled(probable if q.spelling == 1 else PLAIN, q, [q.probable])
    written = applied("softmax(z) − p", q.logits.shape, [q.probable])
    return replace(spelled(PLAIN, replace(q, reduction="sum"), [q.probable]), formula=written)


def spelled(
    primitive: str, q: Question, constants: list[Floats],
    labels: tuple[int, ...] = (), ignored: int = -100, smoothing: float = 0.0,
) -> Loss:  # fmt: skip
    reduced = "" if q.reduction == "none" else f".{q.reduction}()"
    known: dict[str, Any] = {"labels": labels, "ignored": ignored, "smoothing": smoothing, "reduction": q.reduction}
    program = applied(primitive, q.logits.shape, constants, **known, reduced=reduced)
    with mp.workdps(DIGITS):
        a = coefficients(q.logits.shape, tuple(mp_array(c) for c in constants), **known)
    return Loss(program, a, q.cotangent if q.reduction == "none" else None)


def applied(primitive: str, shape: Shape, constants: list[Floats], **parameters: Any) -> Program:
    steps = [constant_step(c) for c in constants]
    last = LossStep(primitive, tuple(range(len(steps) + 1)), tuple(parameters.items()))
    return Program((shape,), (*steps, last))


def gradient(loss: Loss, z: Floats) -> Truth:
    """u (q Σa − a), flat (N K,), exactly: q − p for a = p with Σp = 1 and u = 1."""
    with mp.workdps(DIGITS):
        exact = mp_array(cotangent(loss, z)) * row_gradients(loss, z)
    return Truth(exact.ravel(), np.zeros(z.size))


def row_gradients(loss: Loss, z: Floats) -> MPArray:
    """q Σa − a, shape (N, K)."""
    q = mp_arrays.exp(log_softmax(mp_array(z)))
    return np.asarray(q * loss.a.sum(axis=-1, keepdims=True) - loss.a, dtype=object)


def cotangent(loss: Loss, z: Floats) -> Floats:
    """u of shape (N, 1): ones where the rows are reduced."""
    return (np.ones(len(z)) if loss.cotangent is None else loss.cotangent)[:, None]


def target(loss: Loss) -> Floats:
    """a, in place of p, to the nearest floats, shape (N, K)."""
    return mp_arrays.to_floats(loss.a)


def check_limit(loss: Loss, z: Floats, direction: Floats) -> None:
    """Asserts that the formula is the derivative: D_v of the loss by its limit definition is gradient · v."""
    limit = oracle.jvp(loss.program, (z,), (direction,))
    with mp.workdps(DIGITS):
        rows = (row_gradients(loss, z) * mp_array(direction)).sum(axis=-1)
        expected = rows if loss.cotangent is not None else np.array([rows.sum()], dtype=object)
        apart = mp_arrays.to_floats(np.abs(expected - limit.exact))
    scale = float(np.sum(np.abs(direction)) * max(1.0, target(loss).max()))
    allowed = limit.error + scale * 10.0 ** (5 - DIGITS)
    assert np.all(apart <= allowed) and np.all(allowed <= 1e-18 * scale), (
        f"the oracle: the limit of difference quotients is not q Σa − a: off by {apart}, certified to {limit.error}"
    )


def tolerance(system: System, loss: Loss, z: Floats) -> tuple[Floats, float]:
    """Of the gradient, flat (N K,), and its majorant, the largest of u (q Σa + a).

    q_j = exp(z_j − m) / Σ exp(z − m) or exp(z_j − m − log Σ) with m = max z, as errors of its logarithm: differences
    bring |z_j − m| + |log q_j| + Σ q |z − m|, the sum K, and exp and log 4 ulps each as everywhere (log Σ ≤ log K).
    q Σa adds the sum of K terms and a product; a is made of at most 5 roundings, a divisor of N terms, the cotangent,
    and the difference: 8 + N. Each of exp, q, q Σa and a may be flushed. q − p written out lacks q (Σp − 1), since p is
    rounded.
    """
    u, eta = system.precision.unit_roundoff, system.backend.smallest(system.precision)
    rows, classes = z.shape
    with mp.workdps(DIGITS):
        log_q = log_softmax(mp_array(z))
        q, depth = mp_arrays.to_floats(mp_arrays.exp(log_q)), mp_arrays.to_floats(-log_q)
        excess = mp_arrays.to_floats(np.abs(loss.a.sum(axis=-1, keepdims=True) - 1))
    margin = np.abs(z - z.max(axis=-1, keepdims=True))
    steps = margin + depth + (q * margin).sum(axis=-1, keepdims=True)
    of_q = np.expm1(u * (steps + classes + 4 * math.log(classes) + 12))
    parts = target(loss)
    total = parts.sum(axis=-1, keepdims=True)
    weight = np.abs(cotangent(loss, z))
    size = weight * (q * total + parts)
    allowed = weight * q * total * of_q + size * u * (8 + rows + classes) + 2 * eta * (1 + weight) * (1 + total)
    if loss.formula is not None:
        allowed += q * excess
    return np.asarray(allowed).ravel(), float(np.max(size))


def shifted(precision: Precision, z: Floats) -> tuple[Floats, Floats]:
    """Logits near z, and the same plus a constant, both exactly: a power of two leaves them its own grid of numbers."""
    shift = 2.0 ** math.ceil(math.log2(float(np.abs(z).max()) + 1))
    above = np.vectorize(precision.round, otypes=[float])(z + shift)
    return above - shift, above
