"""The truth: derivatives by their limit definition in mpmath, with an error that is measured, not assumed.

No rule of differentiation is used, so the chain rule is not presupposed where it is judged. A derivative is a central
difference at high precision; a second one, along a random direction with another step *and* another precision,
certifies it (two steps at one precision agree on swamped functions such as tanh(100), docs/bound.md, "The oracle").

Objects are flat: x in R^n is all inputs concatenated, f(x) in R^m all entries of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import MPArray
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, float_values, splitter, values
from gradlaws.suite.run import kept

Function = Callable[[MPArray], MPArray]
CACHED = 4096


@dataclass(frozen=True)
class Difference:
    """A difference quotient: ``digits`` decimal digits of working precision, relative step 2**-``step_bits``; central,
    or forward (of first derivatives only)."""

    digits: int
    step_bits: int
    forward: bool = False

    def widened(self, digits: int) -> Difference:
        return replace(self, digits=self.digits + digits)


# Truncation is O(h^2), rounding O(10^-digits / h^order): 40 and 36 correct digits, and certificates of 30; the second
# in more digits, so that this is so too where a derivative is 1e-27 of the value (a tail).
# The first certificate is one-sided, since central differences at a kink agree at every step.
FIRST, FIRST_CERTIFICATE = Difference(60, 66), Difference(75, 110, forward=True)
SECOND, SECOND_CERTIFICATE = Difference(100, 60), Difference(115, 53)
METHODS = {1: (FIRST, FIRST_CERTIFICATE), 2: (SECOND, SECOND_CERTIFICATE)}


@dataclass(frozen=True)
class Truth:
    """An exact object to about 30 digits (``exact``), its nearest float64, and the oracle's own error per entry."""

    exact: MPArray
    error: Floats

    @property
    def floats(self) -> Floats:
        return mp_arrays.to_floats(self.exact)


def flat_function(program: Program) -> Function:
    inputs = splitter(program.inputs)
    return lambda x: values(program, inputs(x))[-1].ravel()


def flat_point(point: Point) -> MPArray:
    return mp_arrays.mp_array(np.concatenate([np.ravel(x) for x in point]))


def sizes(point: Point, computed: Sequence[Floats]) -> Floats:
    """Of all numbers met on the way from the point over what is computed there, and 1."""
    found = np.abs(np.concatenate([np.ravel(v) for v in (*point, *computed, np.ones(1))]))
    return np.asarray(found[(found > 0) & np.isfinite(found)])


def dynamic_range(program: Program, point: Point) -> int:
    """Decimal digits between the largest and the smallest number met, or 1: that much of a sum can be swamped."""
    return decades(sizes(point, float_values(program, point)))


def decades(met: Floats) -> int:
    return int(np.ceil(np.ptp(np.log10(met))))


def scales(x: MPArray) -> NDArray[np.object_]:
    """The size against which the step of each coordinate is relative: |x_i|, or at 0 the size of its neighbours."""
    largest = max((abs(v) for v in x), default=mpf(1)) or mpf(1)
    return np.array([abs(v) or min(largest, mpf(1)) for v in x], dtype=object)


def first_difference(f: Function, x: MPArray, direction: MPArray, method: Difference) -> MPArray:
    """D_v f(x) for v = direction (already scaled like x)."""
    h = mpf(2) ** -method.step_bits
    if method.forward:
        return np.asarray((f(x + direction * h) - f(x)) / h, dtype=object)
    return np.asarray((f(x + direction * h) - f(x - direction * h)) / (2 * h), dtype=object)


def second_difference(f: Function, x: MPArray, v: MPArray, w: MPArray, method: Difference) -> MPArray:
    """D_v D_w f(x); four evaluations, three where v is w."""
    h = mpf(2) ** -method.step_bits
    if v is w:
        return np.asarray((f(x + v * h) - f(x) * 2 + f(x - v * h)) / (h * h), dtype=object)
    v, w = v * h, w * h
    mixed = f(x + v + w) - f(x + v - w) - f(x - v + w) + f(x - v - w)
    return np.asarray(mixed / (4 * h * h), dtype=object)


def second_differences(f: Function, x: MPArray, steps: Sequence[MPArray], method: Difference) -> MPArray:
    """D_v D_w f(x) of a scalar function for every two steps: n^2 + n + 1 evaluations.

    What was evaluated for the diagonal serves the rest: f(x+v+w) - f(x+v) - f(x+w) + 2 f(x) - f(x-v) - f(x-w) +
    f(x-v-w) is 2 h^2 D_v D_w f(x) + O(h^4) too (Abramowitz & Stegun 1964, 25.3.27).
    """
    h = mpf(2) ** -method.step_bits
    moves = [step * h for step in steps]
    middle = f(x)[0]
    either = [f(x + move)[0] + f(x - move)[0] - 2 * middle for move in moves]
    found = np.diag(np.array(either, dtype=object))
    for i, v in enumerate(moves):
        for k, w in enumerate(moves[:i]):
            both = f(x + (v + w))[0] + f(x - (v + w))[0] - 2 * middle
            found[i, k] = found[k, i] = (both - either[i] - either[k]) / 2
    return np.asarray(found / (h * h), dtype=object)


def visible(value: Floats, met: Floats, ndim: int) -> Floats:
    """How much a value may change, beyond its derivative, over a step that is to be near 0: 2**-60 of itself.

    What changes by more has a jump there, as softmax has beside a tie of logits so large that the step, which is
    relative to them, is larger than 1; both methods then say 0. Shape (m, 1, ...).
    """
    size = np.maximum(np.abs(np.ravel(value)), float(np.min(met)))  # the point may be of long doubles
    return np.asarray(2.0**-60 * size).reshape((-1,) + (1,) * (ndim - 1))


def certified(
    program: Program,
    point: Point,
    order: int,
    compute: Callable[[Function, MPArray, Difference], MPArray],
    *scales: MPArray,
) -> Truth:
    """``compute(f, x, method)`` by two methods; their discrepancy, and what rounding can do, is the error.

    Its trailing axes are relative to ``scales``, and are brought back to the coordinates of x.
    """
    f, x, computed = flat_function(program), flat_point(point), float_values(program, point)
    met = sizes(point, computed)
    reach = order * decades(met)
    method, check = (difference.widened(reach) for difference in METHODS[order])
    with mp.workdps(check.digits):
        certificate = compute(f, x, check)
    with mp.workdps(method.digits):
        exact = compute(f, x, method)
        amplification = mpf(10) ** (3 - method.digits) * mpf(2) ** (order * method.step_bits)
        # Of the largest number on the way, not of the value: a value may be what a cancellation has left.
        noise = mpf(float(np.max(met))) * amplification
        # Twice, since both may err in the same direction, as long as the certificate errs by less than half as much.
        apart = np.abs(certificate - exact)
        jumped = apart * mpf(2) ** (-order * check.step_bits) > visible(computed[-1], met, exact.ndim)
        error = np.where(jumped.astype(bool), mp.inf, 2 * apart + noise)
        for axis, scale in enumerate(scales, start=exact.ndim - len(scales)):
            shape = [1] * exact.ndim
            shape[axis] = -1
            exact, error = exact / scale.reshape(shape), error / scale.reshape(shape)
    return Truth(exact, mp_arrays.to_floats(error))


def power_of_two(value: mpf) -> mpf:
    """The largest power of two that is not above a positive value."""
    return mpf(2) ** (mp.frexp(value)[1] - 1)


def unit_steps(scale: MPArray) -> list[MPArray]:
    return [mp_arrays.mp_array(np.eye(len(scale))[i]) * scale for i in range(len(scale))]


@kept(CACHED)
def _value(program: Program, point: HashablePoint) -> Truth:
    """In two precisions: what cancels beyond the digits of one, as in log(sigmoid(200)), shows in the other."""
    f, x = flat_function(program), flat_point(point.arrays)
    met = sizes(point.arrays, float_values(program, point.arrays))
    reach = decades(met)
    with mp.workdps(FIRST_CERTIFICATE.digits + reach):
        certificate = f(x)
    with mp.workdps(FIRST.digits + reach):
        exact = f(x)
        noise = mpf(float(np.max(met))) * mpf(10) ** (3 - FIRST.digits - reach)
        error = 2 * np.abs(certificate - exact) + noise
    return Truth(exact, mp_arrays.to_floats(error))


@kept(CACHED)
def _jacobian(program: Program, point: HashablePoint) -> Truth:
    scale = scales(flat_point(point.arrays))

    def columns(f: Function, x: MPArray, method: Difference) -> MPArray:
        return np.stack([first_difference(f, x, step, method) for step in unit_steps(scale)], axis=1)

    return certified(program, point.arrays, 1, columns, scale)


@kept(CACHED)
def _hessian(program: Program, point: HashablePoint) -> Truth:
    scale = scales(flat_point(point.arrays))
    steps = unit_steps(scale)

    def entries(f: Function, x: MPArray, method: Difference) -> MPArray:
        return second_differences(f, x, steps, method)

    return certified(program, point.arrays, 2, entries, scale, scale)


@kept(CACHED)
def _directional(program: Program, point: HashablePoint, directions: tuple[HashablePoint, ...]) -> Truth:
    """Derivative of order len(directions) along them: a number of evaluations that does not grow with n."""
    scale = scales(flat_point(point.arrays))
    along = [flat_point(direction.arrays) for direction in directions]
    # The step is relative to x: the direction is shortened until no coordinate moves by more than its own size.
    # Powers of two, so that what is shortened is still exactly the direction.
    lengths = [
        min((power_of_two(s / abs(v)) for s, v in zip(scale, d, strict=True) if v), default=mpf(1)) for d in along
    ]
    with mp.workdps(FIRST.digits):
        along = [d * length for d, length in zip(along, lengths, strict=True)]

    def derivative(f: Function, x: MPArray, method: Difference) -> MPArray:
        if len(along) == 1:
            return first_difference(f, x, along[0], method)
        return second_difference(f, x, along[0], along[0] if directions[0] == directions[1] else along[1], method)

    return certified(program, point.arrays, len(along), derivative, np.array([mp.fprod(lengths)], dtype=object))


@dataclass(frozen=True)
class HashablePoint:
    """A point with equality and hash of its bits, so that what is known about it can be kept."""

    arrays: Point

    def __hash__(self) -> int:
        return hash(self._bits())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HashablePoint) and self._bits() == other._bits()

    def _bits(self) -> tuple[tuple[object, bytes], ...]:
        return tuple((x.shape, bits(x).tobytes()) for x in self.arrays)


def bits(x: Floats) -> Floats:
    """All that is known of x, in float64: x itself, or of long doubles (a value that a framework has computed) the
    nearest and what it leaves, along a new first axis. Their own bytes have gaps, in which anything may stand."""
    if x.dtype != np.longdouble:
        return x
    near = x.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.stack([near, (x - near).astype(np.float64)])


def value(program: Program, point: Point) -> Truth:
    """f(x), shape (m,)."""
    return _value(program, HashablePoint(point))


def jacobian(program: Program, point: Point) -> Truth:
    """J with J_ij = df_i/dx_j, shape (m, n): 4n evaluations."""
    return _jacobian(program, HashablePoint(point))


def gradient(program: Program, point: Point) -> Truth:
    """Of a scalar function, shape (n,)."""
    whole = jacobian(program, point)
    return Truth(whole.exact[0], whole.error[0])


def hessian(program: Program, point: Point) -> Truth:
    """Of a scalar function, shape (n, n): about 2n^2 evaluations."""
    return _hessian(program, HashablePoint(point))


def jvp(program: Program, point: Point, tangent: Point) -> Truth:
    """J v = D_v f, shape (m,): four evaluations whatever n."""
    return _directional(program, HashablePoint(point), (HashablePoint(tangent),))


def curvature(program: Program, point: Point, u: Point, v: Point) -> Truth:
    """u . H v of a scalar function, shape (1,): eight evaluations whatever n."""
    return _directional(program, HashablePoint(point), (HashablePoint(u), HashablePoint(v)))


def linear(truth: Truth, matrix: Floats, side: str = "right") -> Truth:
    """The exact object times an exact float matrix or vector: ``truth @ matrix``, or from the left."""
    exact = mp_arrays.mp_array(matrix)
    size = np.abs(matrix)
    with mp.workdps(FIRST.digits):
        if side == "right":
            return Truth(np.asarray(truth.exact @ exact, dtype=object), truth.error @ size)
        return Truth(np.asarray(exact @ truth.exact, dtype=object), size @ truth.error)


def difference(got: Floats, truth: Truth) -> Floats:
    """|got - exact| per entry, in mpmath, so that no digit of a small difference is lost."""
    with mp.workdps(FIRST.digits):
        return mp_arrays.to_floats(np.abs(mp_arrays.mp_array(got) - truth.exact.reshape(np.shape(got))))
