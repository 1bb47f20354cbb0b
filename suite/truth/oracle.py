"""The truth: derivatives by their limit definition in mpmath, with an error that is measured, not assumed.

A derivative is a central difference at high precision, so the chain rule is not presupposed where it is judged. Two
steps that agree are no certificate (both miss a needle that is narrower, and agree); what certifies is the chain rule
over the partials of each step, which knows the function's own scales (suite/truth/jets.py): the two have to agree, and
where they do not the difference is taken nearer to the limit (docs/bound.md, "The oracle").

Objects are flat: x in R^n is all inputs concatenated, f(x) in R^m all entries of the output.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.mp_arrays import DomainError, MPArray
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, float_values, splitter, values
from gradlaws.suite.run import kept
from gradlaws.suite.truth import jets
from gradlaws.suite.truth.jets import Jet
from gradlaws.suite.truth.limits import (
    Difference,
    Function,
    decades,
    first_difference,
    logarithms,
    scales,
    second_difference,
    second_differences,
    sizes,
)
from gradlaws.suite.truth.partials import LEVELS, StepPartials

CACHED = 4096

# The relative steps, each for where the one before is not in the limit yet, as binary exponents; the digits follow.
STEPS = (90, 300, 1100)
# Of the largest product along a path: to that, quotient and chain rule agree where the step is in the limit; to that,
# the chain rule is exact at the coarser level of suite/truth/partials.py.
AGREED, KEPT = -126, -150
LEAST = -1200  # of any float: where a derivative is below it, there is nothing to agree on
VALUE_DIGITS = ((60, 75), (400, 500))
ENOUGH = mpf(10) ** -30  # of a value may be its error


@dataclass(frozen=True)
class Truth:
    """An exact object to about 30 digits (``exact``), its nearest float64, and the oracle's own error per entry."""

    exact: MPArray
    error: Floats

    @functools.cached_property
    def floats(self) -> Floats:
        return mp_arrays.to_floats(self.exact)

    @functools.cached_property
    def sizes(self) -> Floats:
        """Of the components; 0 of those that are not beyond the oracle's own error."""
        sizes = np.abs(self.floats)
        return np.where(sizes <= self.error, 0.0, sizes)

    @property
    def size(self) -> float:
        """The largest; 0 where there is none."""
        return float(np.max(self.sizes, initial=0.0))


def flat_function(program: Program) -> Function:
    inputs = splitter(program.inputs)
    return lambda x: values(program, inputs(x))[-1].ravel()


def flat_point(point: Point) -> MPArray:
    return mp_arrays.mp_array(np.concatenate([np.ravel(x) for x in point]))


def certified(
    program: Program,
    point: Point,
    compute: Callable[[Function, MPArray, Difference], MPArray],
    directions: Sequence[MPArray],
    scales: Sequence[MPArray],
) -> Truth:
    """``compute(f, x, method)`` along sets of directions, and the same by the chain rule: their discrepancy, and what
    rounding can do, is the error. Where they disagree the quotient is taken nearer to the limit.

    Its trailing axes are relative to ``scales``, and are brought back to the coordinates of x.
    """
    order = len(directions)
    f, x = flat_function(program), flat_point(point)
    with mp.workdps(LEVELS[0].digits):
        along = jets.jet(program, _partials(program, HashablePoint(point), order), *directions)
    biggest = float(np.max(sizes(point, float_values(program, point))))
    along = replace(along, longest=np.maximum(along.longest, np.where(along.longest > -np.inf, least(scales), -np.inf)))
    for bits in STEPS:
        method = Difference(digits(along, biggest, order * bits), bits)
        try:
            with mp.workdps(method.digits):
                quotient = compute(f, x, method)
                exact, error, agreed = compared(quotient, along, mpf(biggest), method, order)
        except DomainError:
            if bits == STEPS[-1]:
                raise
            continue
        if agreed:
            break
    with mp.workdps(method.digits):
        for axis, scale in enumerate(scales, start=exact.ndim - len(scales)):
            shape = [1] * exact.ndim
            shape[axis] = -1
            exact, error = exact / scale.reshape(shape), error / scale.reshape(shape)
    return Truth(exact, mp_arrays.to_floats(error))


def least(scales: Sequence[MPArray]) -> Floats:
    """The binary logarithm of the least that matters, in every entry of a derivative that is relative to ``scales``."""
    return np.asarray(LEAST + functools.reduce(np.add.outer, (logarithms(scale) for scale in scales)))


def digits(along: Jet, biggest: float, lost_bits: int) -> int:
    """So many that rounding leaves of every derivative, beside its largest path, more than is asked to agree."""
    smallest = float(np.min(along.longest, where=np.isfinite(along.longest), initial=0.0))
    return int((math.log2(biggest) + lost_bits - AGREED + 24 - smallest) * math.log10(2)) + 1


def compared(
    quotient: MPArray, along: Jet, biggest: mpf, method: Difference, order: int
) -> tuple[MPArray, MPArray, bool]:
    """The derivative, its error, and whether quotient and chain rule agree.

    What the structure of the function makes 0 is exactly that, if the quotient says so up to its truncation.
    """
    chained, longest = along.derivatives.reshape(quotient.shape), along.longest.reshape(quotient.shape)
    if not along.smooth:
        return quotient, np.full(quotient.shape, mp.inf, dtype=object), True
    noise = biggest * mpf(10) ** (3 - method.digits) * mpf(2) ** (order * method.step_bits)
    apart, structural = np.abs(quotient - chained), longest == -np.inf
    size = np.where(
        structural, mp.zero, mp_arrays.elementwise(lambda e: mp.ldexp(1, int(e)), np.where(structural, 0, longest))
    )
    close = apart <= np.where(structural, biggest * mpf(2) ** -method.step_bits + noise, size * mpf(2) ** AGREED)
    error = np.where(structural & close, mp.zero, 2 * apart + noise + size * mpf(2) ** KEPT)
    return np.where(structural & close, mp.zero, quotient), error, bool(np.all(close))


@kept(CACHED)
def _partials(program: Program, point: HashablePoint, order: int) -> dict[int, StepPartials]:
    return jets.partials(program, point.arrays, order)


def power_of_two(value: mpf) -> mpf:
    """The largest power of two that is not above a positive value."""
    return mpf(2) ** (mp.frexp(value)[1] - 1)


def unit_steps(scale: MPArray) -> list[MPArray]:
    return [mp_arrays.mp_array(np.eye(len(scale))[i]) * scale for i in range(len(scale))]


@kept(CACHED)
def _value(program: Program, point: HashablePoint) -> Truth:
    """In two precisions: what cancels beyond the digits of one, as in log(sigmoid(200)), shows in the other. In more of
    both where few digits are left."""
    f, x = flat_function(program), flat_point(point.arrays)
    met = sizes(point.arrays, float_values(program, point.arrays))
    for counts in VALUE_DIGITS:
        few, many = (count + decades(met) for count in counts)
        with mp.workdps(many):
            certificate = f(x)
        with mp.workdps(few):
            exact = f(x)
            noise = mpf(float(np.max(met))) * mpf(10) ** (3 - few)
            error = 2 * np.abs(certificate - exact) + noise
            if np.all(error <= np.abs(exact) * ENOUGH):
                break
    return Truth(exact, mp_arrays.to_floats(error))


@kept(CACHED)
def _jacobian(program: Program, point: HashablePoint) -> Truth:
    scale = scales(flat_point(point.arrays))
    steps = unit_steps(scale)

    def columns(f: Function, x: MPArray, method: Difference) -> MPArray:
        return np.stack([first_difference(f, x, step, method) for step in steps], axis=1)

    return certified(program, point.arrays, columns, [np.stack(steps)], [scale])


@kept(CACHED)
def _hessian(program: Program, point: HashablePoint) -> Truth:
    scale = scales(flat_point(point.arrays))
    steps = unit_steps(scale)

    def entries(f: Function, x: MPArray, method: Difference) -> MPArray:
        return second_differences(f, x, steps, method)

    return certified(program, point.arrays, entries, [np.stack(steps)] * 2, [scale] * 2)


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
    along = [d * length for d, length in zip(along, lengths, strict=True)]

    def derivative(f: Function, x: MPArray, method: Difference) -> MPArray:
        if len(along) == 1:
            return first_difference(f, x, along[0], method)
        return second_difference(f, x, along[0], along[0] if directions[0] == directions[1] else along[1], method)

    length = np.array([mp.fprod(lengths)], dtype=object)
    return certified(program, point.arrays, derivative, [d[None] for d in along], [length])


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
    with mp.workdps(VALUE_DIGITS[0][0]):
        if side == "right":
            return Truth(np.asarray(truth.exact @ exact, dtype=object), truth.error @ size)
        return Truth(np.asarray(exact @ truth.exact, dtype=object), size @ truth.error)


def difference(got: Floats, truth: Truth) -> Floats:
    """|got - exact| per entry, in mpmath, so that no digit of a small difference is lost."""
    with mp.workdps(VALUE_DIGITS[0][0]):
        return mp_arrays.to_floats(np.abs(mp_arrays.mp_array(got) - truth.exact.reshape(np.shape(got))))
