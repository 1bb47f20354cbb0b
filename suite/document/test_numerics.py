"""What rounding does: to softmax with cross-entropy taken apart, and to finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from scipy.stats import t as student

from gradlaws.strategies.functions import scalar_functions
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Program, Step
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.checking.system import System
from gradlaws.suite.document.derivatives import looks
from gradlaws.suite.document.evidence import CONDITIONAL, Evidence
from gradlaws.suite.document.orders import Line, slope

MARGINS = (0.0, 1.0, 5.0, 10.0, 20.0, 30.0, 36.0, 40.0, 80.0, 100.0, 200.0, 400.0, 720.0, 800.0, 1e4)


def losses(backend: Backend, dtype: str) -> dict[str, Callable[[Floats, int], tuple[float, Floats]]]:
    """(loss, gradient) of −log softmax(z)_label: taken apart, and fused as each library offers it."""
    if backend.name == "torch":
        import torch

        def by(f: Callable[[Any, Any], Any]) -> Callable[[Floats, int], tuple[float, Floats]]:
            def run(z: Floats, label: int) -> tuple[float, Floats]:
                logits = backend.array(z, dtype).requires_grad_()
                loss = f(logits, torch.tensor(label))
                return float(loss), backend.numbers(torch.autograd.grad(loss, logits)[0])

            return run

        return {
            "apart": by(lambda z, y: -torch.log(torch.softmax(z, -1))[y]),
            "fused": by(lambda z, y: torch.nn.functional.cross_entropy(z[None], y[None])),
        }
    if backend.name == "jax":
        import jax
        import optax

        def of(f: Callable[[Any, int], Any]) -> Callable[[Floats, int], tuple[float, Floats]]:
            def run(z: Floats, label: int) -> tuple[float, Floats]:
                loss, gradient = jax.value_and_grad(f)(backend.array(z, dtype), label)
                return float(loss), backend.numbers(gradient)

            return run

        return {
            "apart": of(lambda z, y: -jax.numpy.log(jax.nn.softmax(z))[y]),
            "fused": of(lambda z, y: optax.softmax_cross_entropy_with_integer_labels(z, y)),
        }

    def softmax(z: Floats) -> Floats:
        weights = np.exp(z - z.max())
        return np.asarray(weights / weights.sum())

    def apart(z: Floats, label: int) -> tuple[float, Floats]:
        q, onehot = softmax(z.astype(dtype)), np.eye(len(z), dtype=dtype)[label]
        return float(-np.log(q)[label]), q * np.sum(onehot / q[label]) - onehot / q[label] * q

    def fused(z: Floats, label: int) -> tuple[float, Floats]:
        cast = z.astype(dtype)
        loss = np.log(np.sum(np.exp(cast - cast.max()))) + cast.max() - cast[label]
        return float(loss), softmax(cast) - np.eye(len(z))[label]

    return {"apart": apart, "fused": fused}


def digits(got: float, true: Any) -> float:
    """Correct significant digits, 17 at most; 0 where got is not finite or all of it is wrong."""
    if not math.isfinite(got) or not true:
        return 0.0 if true or got else 17.0
    error = abs(mpf(got) - true) / abs(true)
    return float(min(max(-mp.log10(error), mpf(0)), mpf(17))) if error else 17.0


@pytest.mark.identity("P3")
def test_softmax_and_cross_entropy_apart_lose_digits(system: System, evidence: Evidence) -> None:
    """Digits of the loss and of its gradient against the margin m, z = (0, m) with the label on either side.

    With the label on the losing side the loss is m + log(1 + e⁻ᵐ); apart it becomes ∞ where e⁻ᵐ is below the smallest
    number, and the gradient NaN; fused it stays finite to 1e4. With the label on the winning side the loss is about
    e⁻ᵐ, which both forms round to 0 near m = 40: the fused one is stable, not accurate in the relative sense. Cannot
    see logits that are themselves rounded.
    """
    ways = losses(system.backend, system.precision.name)
    series: dict[str, list[float]] = {}
    apart_fails: float | None = None
    for margin in MARGINS:
        z = np.array([0.0, margin])
        with mp.workdps(6000):
            tail = mp.exp(-mpf(margin))
            exact = {0: mpf(margin) + mp.log1p(tail), 1: mp.log1p(tail)}
            q1 = 1 / (1 + tail)
            slopes = {0: (-q1, q1), 1: (tail * q1, -tail * q1)}
        for name, run in ways.items():
            with np.errstate(all="ignore"):
                (wrong, g_wrong), (right, g_right) = (run(z, label) for label in (0, 1))
            with mp.workdps(60):
                for what, got, true in (
                    ("loss, label loses", wrong, exact[0]), ("gradient, label loses", g_wrong[1], slopes[0][1]),
                    ("loss, label wins", right, exact[1]), ("gradient, label wins", g_right[0], slopes[1][0]),
                ):  # fmt: skip
                    series.setdefault(f"{name}: {what}", []).append(digits(float(got), true))
            finite = math.isfinite(wrong) and bool(np.all(np.isfinite(g_wrong)))
            if name == "fused":
                evidence.expect(f"the fused loss and gradient are finite at margin {margin:g}", finite)
                allowed = 8 * system.precision.unit_roundoff * max(margin, 1)
                evidence.at_most("fused: error of the loss", abs(wrong - float(exact[0])), allowed)
            elif not finite and apart_fails is None:
                apart_fails = margin
    for name, values in series.items():
        evidence.plot(name, MARGINS, values, ("margin", "correct digits"))
    evidence.expect("apart it fails at a margin below 1e4", apart_fails is not None)
    evidence.figure("taken apart, not finite from margin", float(apart_fails or math.nan))
    at_40 = MARGINS.index(40.0)
    evidence.figure("fused, label wins: digits of the loss at margin 40", series["fused: loss, label wins"][at_40])
    alike = abs(series["apart: loss, label loses"][1] - series["fused: loss, label loses"][1])
    evidence.control("small margins: no difference", alike <= 1.5)
    evidence.finds(
        CONDITIONAL, "the fused version stays finite at every margin; but where the label wins it too loses its "
        "relative accuracy, and answers 0 at margin 40 where 4·10⁻¹⁸ is right",
    )  # fmt: skip


# Finite differences

STEPS = [2.0**-k for k in range(2, 50)]  # relative to the binade of x
SMALL = 0.05
FALSE_ALARM = 1e-10
FUNCTIONS = {"jax": 60}  # which takes long over each


@dataclass(frozen=True)
class V:
    """|quotient − derivative| of one function at each step; in theory ``term`` h^order of truncation, and ``noise`` / h
    of rounding."""

    errors: dict[float, float]
    order: int
    term: float
    noise: float
    size: float  # of the derivative

    def envelope(self, steps: Sequence[float]) -> list[float]:
        """The largest error within four times a step: rounding errors are noise, and sometimes nothing."""
        return [max(self.errors[h] for h in steps if abs(math.log2(h / centre)) <= 2) for centre in steps]

    @property
    def truncation(self) -> list[float]:
        """Steps at which the first term of the truncation is the error."""
        clear = [h for h in self.errors if self.term * h**self.order > 400 * self.noise / h and h < 2.0**-8]
        return [h for h in clear if abs(self.errors[h] / (self.term * h**self.order) - 1) < SMALL]

    @property
    def rounding(self) -> list[float]:
        return [h for h in self.errors if self.term * h**self.order < self.noise / h / 400]

    @property
    def best(self) -> float:
        """The best step of the envelope, in units of the one at which theory's two errors are equal."""
        steps = list(self.errors)
        return float(steps[int(np.argmin(self.envelope(steps)))] / (self.noise / self.term) ** (1 / (self.order + 1)))


def drawn(system: System, data: st.DataObject, order: int) -> V | None:
    """A random function of one number, of ordinary size and bent at x; None where it is not, and has no V to see."""
    f, x = data.draw(scalar_functions(system.precision, max_steps=4, shapes=((),)))
    if len(x) != 1:
        return None
    at, unit = float(x[0]), math.ldexp(1.0, math.frexp(float(x[0]))[1])
    try:
        value, first, second, third = Line(f, x, np.ones(1)).derivatives(mpf(0), up_to=3)
    except DomainError:
        return None
    term = abs(float([second, third][order - 1])) / math.factorial(order + 1) * unit**order
    size, noise = abs(float(first)), 2.0**-53 * abs(float(value)) / unit
    if not (size > 0 and 1e-3 * size < term and 1e-2 * size < abs(float(value)) / unit < 1e2 * size):
        return None
    native = system.backend.function(f, system.precision)

    def evaluated(z: float) -> float:
        return float(system.backend.numbers(native(system.backend.array(np.array(z), system.precision.name))))

    errors, central = {}, order == 2
    for step in STEPS:
        h = step * unit
        quotient = (evaluated(at + h) - evaluated(at - h if central else at)) / ((1 + central) * h)
        if math.isfinite(quotient):
            errors[step] = abs(quotient - float(first))
    return V(errors, order, term, noise, size)


def both_branches(system: System, evidence: Evidence, order: int) -> None:
    """Fits the truncation of each function, and over all of them the slope of the rounding and the best step.

    Rounding is random: the mean of the slopes of its envelopes is judged by their own spread, by Student's t at a
    false-alarm probability of 1e-10.
    """
    name = {1: "forward difference", 2: "central difference"}[order]
    slopes: list[float] = []
    best: list[float] = []

    @looks(FUNCTIONS.get(system.backend.name, 100))
    @given(data=st.data())
    def gather(data: st.DataObject) -> None:
        v = drawn(system, data, order)
        if v is None or len(v.truncation) < 6 or len(v.rounding) < 8:
            return
        found, moved = slope(v.truncation, [v.errors[h] for h in v.truncation])
        evidence.at_most(f"{name}: slope of the truncation − {order}", abs(found - order), 2 * SMALL * moved)
        evidence.sample(f"{name}: slope of the truncation", found)
        envelope = v.envelope(v.rounding)
        if any(e < v.noise / h / 64 for e, h in zip(envelope, v.rounding, strict=True)):
            evidence.tally(f"{name}: functions that round nothing here, as x² at a short x")
            return
        inner = slice(2, -2)  # at the ends the envelope has half its neighbours
        slopes.append(slope(v.rounding[inner], envelope[inner])[0])
        evidence.sample(f"{name}: slope of the rounding", slopes[-1])
        best.append(math.log10(v.best))
        shown = [h for h in v.errors if v.errors[h] > 0]
        relative = [math.log10(v.errors[h] / v.size) for h in shown]
        evidence.plot(name, [math.log10(h) for h in shown], relative, ("log₁₀ h/|x|", "log₁₀ relative error"))

    gather()
    evidence.expect("there are functions whose rounding is seen", len(slopes) >= 5)
    error = float(student.ppf(1 - FALSE_ALARM / 2, len(slopes) - 1) * np.std(slopes, ddof=1)) / math.sqrt(len(slopes))
    evidence.at_most(f"{name}: mean slope of the rounding + 1", abs(float(np.mean(slopes)) + 1), error)
    evidence.figure(f"{name}: best step in units of theory's, median", 10 ** float(np.median(best)))
    evidence.at_most("decades between the best step and theory's, median", abs(float(np.median(best))), 1)


@pytest.mark.identity("P4")
@pytest.mark.dtypes("float64")
def test_forward_differences_have_truncation_h_and_rounding_one_over_h(system: System, evidence: Evidence) -> None:
    """|Δf/h − f′| = h|f″|/2 (1 + O(h)) where that exceeds rounding, about u|f|/h below (Press et al. 2007, 5.7.5).

    The best h is near √u |f/f″|^½. Cannot see steps that are not powers of two.
    """
    both_branches(system, evidence, 1)
    line = [abs((3 * (1.5 + h) - 3 * 1.5) / h - 3) for h in STEPS[:20]]
    evidence.control("a linear function has no truncation", max(line) == 0)


@pytest.mark.identity("P5")
@pytest.mark.dtypes("float64")
def test_central_differences_have_truncation_h_squared(system: System, evidence: Evidence) -> None:
    """|(f(x+h) − f(x−h))/2h − f′| = h²|f‴|/6 (1 + O(h²)); best h near ∛u |f/f‴|^⅓ (Press et al. 2007, 5.7.8), so that
    1e-5 is near the best in float64. In float32 it leaves two digits of sin. Cannot see noisy functions."""
    both_branches(system, evidence, 2)
    backend = system.backend
    sin = backend.function(Program(((),), (Step("sin", (0,)),)), PRECISIONS["float32"])
    ahead, behind = (
        np.float32(backend.numbers(sin(backend.array(np.array(np.float32(1) + s * np.float32(1e-5)), "float32"))))
        for s in (1, -1)
    )
    error = abs(float((ahead - behind) / np.float32(2e-5)) / math.cos(1.0) - 1)
    evidence.figure("relative error of sin'(1) in float32 with h = 1e-5", error)
    evidence.control("in float32 it is useless", error > 1e-4)


@pytest.mark.identity("P5")
@pytest.mark.backends("torch", "jax")
@pytest.mark.dtypes("float64")
def test_what_the_checkers_of_the_frameworks_let_pass(system: System, evidence: Evidence) -> None:
    """gradcheck and check_grads at their defaults, on sin with its derivative scaled by 1 + δ: the smallest δ they see.

    The finite-difference check that passes a wrong gradient. Cannot see what other tolerances would do.
    """
    check = {"torch": torch_check, "jax": jax_check}[system.backend.name]
    passed = [delta for delta in (10.0**-k for k in range(1, 13)) if check(delta)]
    evidence.expect("a wrong gradient passes", bool(passed))
    evidence.figure("largest wrong factor 1 + δ that passes at the defaults, δ", max(passed))
    evidence.expect("the right one passes", check(0.0))
    evidence.finds(
        CONDITIONAL, "1e-5 is near the best step in double precision; but the tolerances that let such a check pass "
        "let wrong gradients pass too, and in float32 it says nothing",
    )  # fmt: skip


def torch_check(delta: float) -> bool:
    """Whether torch.autograd.gradcheck accepts cos(x) (1 + delta) for the derivative of sin."""
    import torch

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return torch.sin(x)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * torch.cos(*ctx.saved_tensors) * (1 + delta)

    x = torch.tensor([0.5, 1.0, -0.25], dtype=torch.float64, requires_grad=True)
    apply: Any = Scaled.apply
    return bool(torch.autograd.gradcheck(apply, (x,), raise_exception=False))


def jax_check(delta: float) -> bool:
    """Whether jax.test_util.check_grads accepts it."""
    import jax
    from jax.test_util import check_grads

    @jax.custom_jvp
    def scaled(x: Any) -> Any:
        return jax.numpy.sin(x)

    @scaled.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        return jax.numpy.sin(*primals), jax.numpy.cos(*primals) * tangents[0] * (1 + delta)

    try:
        check_grads(scaled, (jax.numpy.array([0.5, 1.0, -0.25], dtype="float64"),), order=1)
    except AssertionError:
        return False
    return True
