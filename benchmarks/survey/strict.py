"""An elementwise primitive over its whole domain, in ulps of the true result: points, truth, and what modes say there.

The error of value, first and second partials is max(0, |got - true| - 4 u Σ_j |x_j ∂_j true|) / (u |true|): strict,
less what the rounding of the input excuses.
"""

from __future__ import annotations

import itertools
import math
import signal
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from benchmarks import balls
from benchmarks.survey import exact
from gradlaws.records.conversions import plain
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats, Primitive, keeps_from_kinks
from gradlaws.strategies.program import Program, Step
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Backend, Mode, Result
from gradlaws.suite.vocabulary import ORDERS, Quantity

Found = dict[tuple[int, ...], mpf | None]  # partials: () is the value, (0,) the first by x, (0, 1) the mixed second
THRESHOLDS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 88.0, 100.0, 700.0)
# Zeros of functions and of their derivatives: multiples of π/2, of Γ′, J₀, J₁, Y₀, Y₁, gelu′, silu′, Ei, lnΓ's.
ZEROS = (*(math.pi / 2 * k for k in (1, 2, 3, 4, 8, 64)), 1.4616321449683623, 2.404825557695773, 3.8317059702075125,
         0.8935769662791675, 2.197141326031017, 0.7517915246935645, 1.278464542761074, 0.37250741078136663,
         2.4570247382208006, 2.338107410459767)  # fmt: skip
QUANTITIES: tuple[Quantity, ...] = ("value", "gradient", "jvp", "hvp")
PLAIN = ("eager", "autograd.grad", "grad", "func.grad", "func.jvp", "jvp", "experimental.jet", "jvp(grad)", "vjp(grad)",
         "grad(jvp)", "autograd.grad twice")  # fmt: skip
MANY_ULPS = 1e4  # beyond conditioning: what is called a finding
SECONDS = 2.0  # of processor time, for the truth of one primitive; special functions of mpmath are slow
PAIRS = 640  # of two arguments
BLOCK = 256  # points come in multiples of it, so that XLA meets few shapes
BINS = 40  # of a profile
# Met between these sizes only, beyond which they do not come back: JAX's continued fraction takes 1/|x| steps in every
# branch, SciPy's series of ₁F₁ as many as x is large.
ENDLESS = {**dict.fromkeys([("jax", "expi"), ("jax", "exp1"), ("jax", "expn")], (2.0**-10, math.inf)),
           ("numpy", "hyp1f1"): (0.0, 2.0**30)}  # fmt: skip


def sample(precision: Precision, name: str) -> Floats:
    """Points of both signs: two in every few binades, more where functions live; thresholds, zeros, and both sides of
    each up to its neighbours."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    wide = np.arange(
        2 - precision.largest_exponent, precision.largest_exponent, max(1, precision.largest_exponent // 40)
    )
    exponents = np.concatenate([np.repeat(np.arange(-6, 5), 6), np.repeat(wide, 2), np.repeat(np.arange(5, 11), 2)])
    moderate = np.ldexp(1 + random.random(exponents.size), exponents)
    sides = [side * 2.0**-k for k in (4, 10, 18) for side in (-1, 1)]
    neighbours = [0.0, -(2.0**-precision.digits), 2.0 ** (1 - precision.digits)]
    near = [t * (1 + side) for t in (*THRESHOLDS, *ZEROS) for side in (*sides, *neighbours)]
    sizes = np.concatenate([moderate, near, [precision.smallest_normal, precision.smallest_subnormal * 8]])
    both = np.concatenate([sizes, -sizes]).astype(precision.name)
    return np.asarray(random.permutation(np.unique(both[np.isfinite(both)])), dtype=np.float64)


def points(precision: Precision, primitive: Primitive) -> Floats:
    """(N, p): of one argument its sample; of two, pairs of any binades, of moderate ones, and near and at ties."""
    one = sample(precision, primitive.name)
    if primitive.arity == 1:
        return one[:, None]
    random = np.random.default_rng(zlib.crc32(primitive.name.encode()))
    moderate = one[(abs(one) > 2.0**-7) & (abs(one) < 2.0**7)]
    x = np.concatenate([random.choice(one, PAIRS // 4), random.choice(moderate, 3 * PAIRS // 4)])
    y = np.concatenate([random.choice(one, PAIRS // 4), random.choice(moderate, 3 * PAIRS // 4)])
    y[::4] = x[::4] * random.choice([-1, 1], x[::4].size) * (1 + random.choice([0, 2.0**-20, -0.125, 3.0], x[::4].size))
    y = np.asarray(y.astype(precision.name), dtype=np.float64)
    return np.stack([x, y], axis=-1)[random.permutation(PAIRS)]


def line(f: Callable[..., Any], at: Sequence[mpf], step: Sequence[mpf], h: mpf) -> tuple[list[mpf], list[mpf], mpf]:
    """Derivatives of orders 1 to 3 along a step, how far one-sided ones of orders 1 and 2 are from them, and the
    largest |f|. Raises ArithmeticError where f is not real."""
    met = [f(*(a + s * h * d for a, d in zip(at, step, strict=True))) for s in (-2, -1, 0, 1, 2)]
    if not all(isinstance(value, mpf) and mp.isfinite(value) for value in met):
        raise ArithmeticError("not real")
    behind, back, centre, near, far = met
    central = [(near - back) / (2 * h), (near - 2 * centre + back) / h**2,
               (far - 2 * near + 2 * back - behind) / (2 * h**3)]  # fmt: skip
    gaps = [abs((near - centre) / h - central[0]), abs((far - 2 * near + centre) / h**2 - central[1])]
    return central, gaps, max(map(abs, met))


def partials(f: Callable[..., Any], at: Sequence[mpf], digits: int) -> tuple[Found, dict[int, mpf], list[mpf]]:
    """All partials to third order, by polarisation; the noise of each order; and the one-sided gaps, times h."""
    p = len(at)
    h = mpf(10) ** -(digits // 5)
    scale = [abs(a) for a in at]
    rows, gaps, sizes = {}, [mpf(0), mpf(0)], [mpf(0)]
    for direction in [(1,)] if p == 1 else [(1, 0), (0, 1), (1, 1), (1, -1)]:
        row, apart, size = line(f, at, [s * d for s, d in zip(scale, direction, strict=True)], h)
        rows[direction] = row
        gaps = [max(gap, each) for gap, each in zip(gaps, apart, strict=True)]
        sizes.append(size)
    found: Found = {(): f(*at)}
    for i in range(p):
        for order, value in enumerate(rows[(1,) if p == 1 else (1 - i, i)], start=1):
            found[(i,) * order] = value
    if p == 2:
        plus, minus = rows[1, 1], rows[1, -1]
        x3, y3 = found[0, 0, 0] or mpf(0), found[1, 1, 1] or mpf(0)
        found[0, 1] = (plus[1] - minus[1]) / 4
        found[0, 0, 1] = ((plus[2] - minus[2]) / 2 - y3) / 3
        found[0, 1, 1] = ((plus[2] + minus[2]) / 2 - x3) / 3
    noise = {order: max(sizes) * mpf(10) ** (3 - digits) / h**order for order in range(4)}
    return found, noise, gaps


def truth(f: Callable[..., Any], at: Sequence[float]) -> Found:
    """The partials of orders 0 to 3; None for those that two precisions do not agree on to 18 digits.

    What rounding can do to a quotient counts against it, so that a swamped difference of 0 is not believed; nor is an
    order whose one-sided quotients stay apart: a kink.
    """
    found: Found = {}
    try:
        exact = [mpf(a) for a in at]
        scale = [abs(a) for a in exact]
        with mp.workdps(60):
            before, _, gaps = partials(f, exact, 60)
        for digits in (110, 220, 440):
            with mp.workdps(digits):
                after, noise, closer = partials(f, exact, digits)
            with mp.workdps(30):
                smooth = 2 - sum(new > old / 1000 + noise[k] for k, (old, new) in enumerate(zip(gaps, closer), start=1))
                for key, value in after.items():
                    old, order = before[key], len(key)
                    if value is None or old is None or value == 0 or key in found or smooth < order < 3:
                        continue
                    if abs(old - value) + noise[order] <= mpf(10) ** -18 * abs(value):
                        found[key] = value / mp.fprod(scale[i] for i in key)
            if sum(len(key) in (1, 2) for key in found) == (2 if len(at) == 1 else 5):
                break
            before, gaps = after, closer
    except (ArithmeticError, ValueError, TypeError, NotImplementedError, AttributeError, RecursionError):
        return {}
    return found


def told(primitive: Primitive, at: Sequence[float]) -> Found:
    """By ball arithmetic, which is a hundred times as fast; by differences where there may be a kink to be seen, or
    where it has no formula."""
    if primitive.name not in balls.FORMULAS or keeps_from_kinks(primitive.domain):
        return truth(primitive.definition, at)
    with mp.workprec(exact.KNOWN):
        parts = {key: value.mid().man_exp() for key, value in exact.partials(primitive, at).items()}
        return {key: mpf((int(significand), int(exponent))) for key, (significand, exponent) in parts.items()}


def interrupted(compute: Callable[[], Found]) -> Found:
    """Some definitions take minutes at some points: those are left out."""

    def stop(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS / 4)
    try:
        return compute()
    except TimeoutError:
        return {}
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def surveyed(primitive: Primitive, precision: Precision) -> tuple[Floats, list[Found]]:
    """Points of the primitive's domain, (N, p), and the truth there; as many as the time allows."""
    kept, exact = [], []
    deadline = time.process_time() + SECONDS * primitive.arity
    for at in points(precision, primitive).tolist():
        found = interrupted(lambda at=at: told(primitive, at))  # type: ignore[misc]
        if found.get(()) is not None:
            kept.append(at)
            exact.append(found)
        if time.process_time() > deadline:
            break
    return np.array(kept).reshape(-1, primitive.arity), exact


def ulps(got: float, key: tuple[int, ...], exact: Found, at: Sequence[float], precision: Precision) -> float:
    """The error in units of u |true| beyond what the rounding of the arguments excuses; infinite where got is not
    finite, 0 where the truth is unknown or too large."""
    u = mpf(precision.unit_roundoff)
    true = exact.get(key)
    if true is None or abs(true) > precision.largest / 4:
        return 0.0
    if not math.isfinite(got):
        return math.inf
    slopes = [exact.get(tuple(sorted((*key, i)))) for i in range(len(at))]
    excused = 4 * u * sum((abs(mpf(a) * (slope or 0)) for a, slope in zip(at, slopes, strict=True)), mpf(0))
    excess = abs(mpf(got) - true) - excused - 4 * precision.smallest_normal
    return float(max(excess, mpf(0)) / (u * max(abs(true), mpf(precision.smallest_normal))))


def profile(x: Floats, errors: Floats, precision: Precision) -> list[list[float]]:
    """[place, log2 of the worst ulps] in each of at most BINS bins of the line; the place is ±1 at the ends of the
    range, ±½ at ±1, 0 at 0, and goes by binades."""
    size = precision.largest_exponent
    places = np.sign(x) * (np.log2(abs(x)) + size + precision.digits) / (2 * size + precision.digits)
    worst: dict[int, float] = {}
    for bin_, error in zip(np.round(places * BINS / 2).astype(int).tolist(), errors.tolist(), strict=True):
        worst[bin_] = max(worst.get(bin_, 0.0), error)
    return [[round(2 * b / BINS, 3), round(min(math.log2(max(e, 0.5)), 64.0), 1)] for b, e in sorted(worst.items())]


def padded(x: Floats, block: int = BLOCK) -> Floats:
    """Repeats the first point up to a multiple of the block."""
    return np.concatenate([x, np.repeat(x[:1], -len(x) % block, axis=0)])


def strict(
    backend: str, primitive: Primitive, precision: Precision, x: Floats, exact: Sequence[Found]
) -> Iterator[dict[str, Any]]:
    """One record per mode: the worst error in ulps, where, how many points are off by many, and the profile."""
    system = backends.load(backend)
    # What is smaller is 0 to this backend, and the report says so.
    seen = np.all(abs(x) >= system.smallest(precision), axis=1)
    least, most = ENDLESS.get((backend, primitive.name), (0.0, math.inf))
    seen &= (abs(x[:, 0]) >= least) & (abs(x[:, 0]) <= most)
    x, exact = x[seen], [*itertools.compress(exact, seen)]
    if len(x) < 4:
        return
    for mode, order, answers, refused in asked(system, primitive, precision, x, PLAIN):
        head = {"layer": "strict", "backend": backend, "dtype": precision.name, "primitive": primitive.name,
                "mode": mode.name, "quantity": mode.quantity, "order": order}  # fmt: skip
        if refused is not None:
            says = (str(refused.error).splitlines() or [""])[0][:120]
            yield {**head, "unsupported": refused.refused, "says": says}
            continue
        yield {**head, **worst_of(answers, x, exact, precision)}


def asked(
    system: Backend, primitive: Primitive, precision: Precision, x: Floats, names: Sequence[str], block: int = BLOCK
) -> Iterator[tuple[Mode, int, dict[tuple[int, ...], NDArray[Any]], Result | None]]:
    """Each mode of those names, its order, and what it answers at all points at once, by partial; or its refusal."""
    point = tuple(padded(x, block).T.copy())
    shape, p = point[0].shape, primitive.arity
    step = Step(primitive.name, tuple(range(p)))
    alone = Program((shape,) * p, (step,))
    summed = Program((shape,) * p, (step, Step("sum", (p,), (("axis", None),))))
    units = [tuple(np.full(shape, float(i == j)) for i in range(p)) for j in range(p)]
    for quantity in QUANTITIES:
        program = alone if quantity in ("value", "jvp") else summed
        for mode in system.modes_of(quantity):
            if mode.name not in names:
                continue
            answers: dict[tuple[int, ...], NDArray[Any]] = {}
            for j, unit in enumerate(units) if quantity in ("jvp", "hvp") else [(0, None)]:
                result = system.run(mode, program, precision, point, *([unit] if unit else []))
                if result.numbers is None:
                    break
                parts = result.numbers.reshape(-1, shape[0])[:, : len(x)]
                components: dict[str, list[tuple[int, ...]]] = {
                    "value": [()], "gradient": [(i,) for i in range(p)], "jvp": [(j,)],
                    "hvp": [(i, j) for i in range(p)],
                }  # fmt: skip
                answers.update(zip(components[quantity], parts, strict=True))
            yield mode, ORDERS[quantity], answers, result if result.numbers is None else None


def asked_in_parts(
    system: Backend, primitive: Primitive, precision: Precision, x: Floats, names: Sequence[str], block: int
) -> Iterator[tuple[Mode, int, dict[tuple[int, ...], NDArray[Any]], Result | None]]:
    """As ``asked``, so many points at once; a mode that refuses some of them refuses."""
    told: dict[Mode, tuple[int, list[dict[tuple[int, ...], NDArray[Any]]], Result | None]] = {}
    for start in range(0, len(x), block):
        for mode, order, answers, refused in asked(
            system, primitive, precision, x[start : start + block], names, block
        ):
            _, parts, before = told.get(mode, (order, [], None))
            told[mode] = (order, [*parts, answers], before or refused)
    for mode, (order, parts, refused) in told.items():
        keys = () if refused is not None else parts[0]
        yield mode, order, {key: np.concatenate([part[key] for part in parts]) for key in keys}, refused


def worst_of(
    answers: dict[tuple[int, ...], NDArray[Any]], x: Floats, exact: Sequence[Found], precision: Precision
) -> dict[str, Any]:
    """The worst of all components, and where."""
    errors = {
        key: np.array([
            ulps(got, tuple(sorted(key)), true, at, precision)
            for got, true, at in zip(numbers.tolist(), exact, x.tolist(), strict=True)
        ])
        for key, numbers in answers.items()
    }  # fmt: skip
    key = max(errors, key=lambda k: float(np.max(errors[k])))
    worst = int(np.argmax(errors[key]))
    largest = np.max(list(errors.values()), axis=0)
    bad = np.flatnonzero(largest > MANY_ULPS)
    true = exact[worst].get(tuple(sorted(key)))
    return {
        "points": len(x), "median": float(np.median(largest)), "worst": plain(float(largest[worst])),
        "component": list(key), "x": ", ".join(a.hex() for a in x[worst].tolist()),
        "got": plain(float(answers[key][worst])), "true": "unknown" if true is None else mp.nstr(true, 20),
        "many": bad.size,
        "bad": [[float(np.min(x[bad, j])), float(np.max(x[bad, j]))] for j in range(x.shape[1])] if bad.size else [],
        **({"profile": profile(x[:, 0], largest, precision)} if x.shape[1] == 1 else {}),
    }  # fmt: skip
