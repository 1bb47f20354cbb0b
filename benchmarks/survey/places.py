"""The points at which contracts are measured: 10⁴ of a primitive's domain, dense at thresholds, edges and zeros."""

from __future__ import annotations

import functools
import math
import zlib

import numpy as np

from benchmarks.survey import exact
from benchmarks.survey.strict import THRESHOLDS, ZEROS
from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats, Primitive, within
from gradlaws.suite import regions
from gradlaws.suite.bound import contracts
from gradlaws.suite.known import ledger

COUNT = 10_000
FEW = 500  # in the region of a contract
BATCHES = 40  # of COUNT candidates, most of which may lie outside the domain
SIDES = (3, 6, 10, 14, 18, 22, 30, 40)  # binades beside a place
ZEROS_SOUGHT, HALVINGS = 30, 48  # of each of value, first and second partials


def points(primitive: Primitive, precision: Precision) -> Floats:
    """(N, p), N a little over COUNT: of the domain, and exact in the precision."""
    random = seeded(primitive, precision, 0)
    near = [inside(primitive, beside(places(primitive), primitive, precision, random))]
    near += [
        inside(primitive, within_region(row.region, primitive, precision, random))
        for row in contracts.rows()
        if row.region and primitive.name in row.primitives
    ]
    near_ = np.concatenate(near)
    more_ = more(primitive, precision, max(COUNT - len(near_), COUNT // 2), 0)
    found = np.unique(np.concatenate([near_, more_]), axis=0)
    return np.unique(np.concatenate([found, inside(primitive, near_zeros(primitive, found, precision))]), axis=0)


def seeded(primitive: Primitive, precision: Precision, turn: int) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(f"{primitive.name} {precision.name} {turn}".encode()))


def more(primitive: Primitive, precision: Precision, count: int, turn: int) -> Floats:
    """So many random ones of the domain, or as many as are found; others at each turn."""
    random, kept = seeded(primitive, precision, turn), [np.zeros((0, primitive.arity))]
    for _ in range(BATCHES):
        missing = count - sum(map(len, kept))
        if missing <= 0:
            break
        kept.append(inside(primitive, drawn(COUNT, primitive, precision, random))[:missing])
    return np.concatenate(kept)


def places(primitive: Primitive) -> list[float]:
    """Where something may begin or end: usual thresholds and zeros, ends of the domain, and of regions of our rows."""
    named = [row.region for row in contracts.rows() if primitive.name in row.primitives]
    named += [row.region for row in ledger.rows() if row.primitive == primitive.name]
    numbers = {float(text) for region in named for text in regions.NUMBER.findall(region)}
    ends = primitive.domain.args if isinstance(primitive.domain, functools.partial) else ()
    numbers |= {abs(float(end)) for end in ends if isinstance(end, int | float) and math.isfinite(end)}
    return sorted({*THRESHOLDS, *ZEROS, *(number for number in numbers if 0 < number < 1e300)})


def within_region(region: str, primitive: Primitive, precision: Precision, random: np.random.Generator) -> Floats:
    """FEW points of a contract's region, evenly between its ends; of several arguments, those that are met there."""
    ends = sorted({float(text) for text in regions.NUMBER.findall(region)})
    size = random.uniform(ends[0] if len(ends) > 1 else 0.0, ends[-1] if ends else 1.0, (FEW, primitive.arity))
    others = drawn(4 * FEW, primitive, precision, random)
    x = np.concatenate([size, -size])
    x[:, 1:] = random.choice(others, len(x))[:, 1:]
    x = rounded(np.concatenate([x, others]), precision)
    met = np.broadcast_to(regions.mask(region, tuple(x.T)), len(x))
    return np.asarray(x[met][:FEW])


def rounded(x: Floats, precision: Precision) -> Floats:
    """Those of the sizes that the suite draws, in the precision."""
    size, most = np.abs(x), 2.0**precision.moderate_exponent
    kept = x[((size <= 2 * most) & (size >= 1 / most) | (size == 0)).all(axis=1)]
    return np.asarray(np.vectorize(precision.round, otypes=[float])(kept) if kept.size else kept)


def beside(near: list[float], primitive: Primitive, precision: Precision, random: np.random.Generator) -> Floats:
    """Each place, its neighbours and its surroundings, in each argument; the others are drawn."""
    ulp = 2.0 ** (1 - precision.digits)
    factors = [1 + side * 2.0**-k for k in SIDES for side in (-1, 1)] + [1 + k * ulp for k in (-2, -1, 0, 1, 2)]
    one = np.multiply.outer(near, factors).ravel()
    one = np.concatenate([one, -one])
    columns = []
    for i in range(primitive.arity):
        rest = drawn(len(one), primitive, precision, random)
        chosen = np.resize(rest, (len(one), primitive.arity)).copy() if len(rest) else np.ones((len(one), 1))
        chosen[:, i] = one
        columns.append(chosen)
    if primitive.arity == 2:  # near and at ties
        x = one * 2.0 ** random.integers(-1, 3, one.size)
        columns.append(np.stack([x, x * random.choice([-1, 1], x.size) * random.choice(factors, x.size)], axis=1))
    return rounded(np.concatenate(columns), precision)


def drawn(count: int, primitive: Primitive, precision: Precision, random: np.random.Generator) -> Floats:
    """Numbers of moderate binades, of even density in intervals, of all binades that the suite draws, and of the
    domain's interval."""
    shape = (count, primitive.arity)
    size, most = random.choice([-1.0, 1.0], shape), precision.moderate_exponent
    kinds = [
        size * 2.0 ** random.uniform(-8, 8, shape), random.uniform(-8, 8, shape), random.uniform(-40, 40, shape),
        size * np.ldexp(random.uniform(1, 2, shape), random.integers(-most, most + 1, shape)),
        random.uniform(0, 1, shape),
    ]  # fmt: skip
    if isinstance(primitive.domain, functools.partial) and primitive.domain.func is within:
        low, high = (min(max(end, -1000.0), 1000.0) for end in primitive.domain.args)
        kinds.append(random.uniform(low, high, shape))
    shares = np.array([0.35, 0.25, 0.1, 0.15, 0.15, 0.25][: len(kinds)])
    which = random.choice(len(kinds), count if primitive.arity == 1 else shape, p=shares / shares.sum())
    return rounded(np.choose(which.reshape(count, -1), kinds), precision)


def inside(primitive: Primitive, x: Floats) -> Floats:
    """Those of the domain, as a composition asks for it."""
    with np.errstate(all="ignore"):
        return x[[bool(primitive.domain(*(np.array(a) for a in at))) for at in x.tolist()]]


def near_zeros(primitive: Primitive, x: Floats, precision: Precision) -> Floats:
    """Points that close in on zeros of value, first and second partials, between points where their signs differ."""
    random = np.random.default_rng(len(x))
    few = x[np.sort(random.choice(len(x), min(len(x), 600), replace=False))]
    few = few[(abs(few) < 2.0**10).all(axis=1) & (abs(few) > 2.0**-10).all(axis=1)]
    if len(few) < 2:
        return few
    told, found = exact.exact(primitive, few), []
    for key in (key for key in exact.keys(primitive.arity) if len(key) < 3):
        signs = np.sign(told.near[key])
        turns = np.flatnonzero(
            (signs[1:] * signs[:-1] == -1) & (np.sign(few[1:]) == np.sign(few[:-1])).all(axis=1)
        )  # fmt: skip
        for turn in random.permutation(turns)[:ZEROS_SOUGHT]:
            found.append(closing_in(primitive, key, few[turn], few[turn + 1], float(signs[turn])))
    return rounded(np.concatenate(found), precision) if found else few[:0]


def closing_in(primitive: Primitive, key: exact.Key, low: Floats, high: Floats, sign: float) -> Floats:
    """The points that halve the interval, each time on the side of the zero."""
    met = []
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        value = exact.exact(primitive, middle[None]).near[key][0]
        if not np.isfinite(value):
            break
        met.append(middle)
        low, high = (middle, high) if np.sign(value) == sign else (low, middle)
    return np.array(met).reshape(-1, len(low))
