"""Every point's own error, in the units of its contract: what backends do at 10⁴ points of an elementwise primitive.

A contract allows a value to be off by u (c₀ s₀ + κ m + α), its first partials by u c₁ s₁ and its second by u c₂ s₂,
where s₀ = |φ|, m = Σ|x_j ∂_j φ| and s₁, s₂ are what the bound has for one ulp (suite/bound/partials.py). Measured are
|error|/u of values, and |error|/(u s) of partials, which is the c that would have done.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.survey import exact, places
from benchmarks.survey.strict import ENDLESS, asked, asked_in_parts
from gradlaws.strategies.precision import HALF, PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats, Primitive
from gradlaws.strategies.program import Program, Step
from gradlaws.suite import backends, regions
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.bound import contracts, partials, taylor
from gradlaws.suite.known import ledger

# Modes by what may differ between them: what XLA fuses, and Taylor mode.
GROUPS = {
    "eager": (
        "eager",
        "autograd.grad",
        "grad",
        "func.grad",
        "func.jvp",
        "jvp",
        "jvp(grad)",
        "vjp(grad)",
        "grad(jvp)",
        "autograd.grad twice",
    ),
    "jit": ("jit(f)", "jit(grad)", "jit(jvp(grad))"),
    "jet": ("experimental.jet",),
    "fused": ("jit(f)",),  # exp(x)·exp(y), which XLA makes exp(x + y)
}
FORWARD_TWICE = {"jvp(jvp)": "eager", "experimental.jet": "jet"}  # modes of curvature, and their groups  # fmt: skip
ROUNDS = 3
# What was found by these measurements, and the ledger does not have yet: no contract is made of it.
FOUND: dict[tuple[str, str, str, int], tuple[str, ...]] = {
    ("jax", "log_ndtr", "float64", 0): ("x <= -20",),
    ("torch", "log_ndtr", "float32", 1): ("x < -6000",),
    ("torch", "log_ndtr", "float32", 2): ("x < -1000",),
    ("torch", "logaddexp2", "float64", 2): ("abs(x - y) > 520",),
    ("jax", "pow", "float32", 2): ("abs(x)**y < 1e-30",),
    ("jax", "atan2", "bfloat16", 2): ("max(abs(x), abs(y)) > 2.9e9",),
}
SLOW = 2.0**-4  # where a fraction takes 1/|x| steps it is met above this only: below, 10⁴ points take minutes
FLUSHED = 4  # of the smallest numbers, which may be lost on the way: normal ones, but in float16, of which none flushes
ROOM = {"float16": 2.0}  # between what is measured and the ends of the range, which are near in float16
WIDE_ROOM = 2.0**12
FEW = 16  # entries, which torch computes one by one, in half types by other formulas than those of vectors
Name = tuple[str, str, int]  # backend, group of modes, order


@dataclass(frozen=True)
class Measured:
    """``size`` is s₀, ``moved`` m; errors are NaN where the truth is unknown, or the ledger knows of a deviation."""

    primitive: str
    dtype: str
    x: Floats  # (N, p)
    size: Floats
    moved: Floats
    errors: dict[Name, Floats] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        errors = {" ".join(map(str, name)): of for name, of in self.errors.items()}
        arrays = {"x": self.x, "size": self.size, "moved": self.moved, **errors}
        np.savez_compressed(folder / f"{self.primitive}-{self.dtype}.npz", **arrays)  # type: ignore[arg-type]


def read(path: Path) -> Measured:
    primitive, dtype = path.stem.split("-")
    with np.load(path) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    x, size, moved = (found.pop(name) for name in ("x", "size", "moved"))
    errors: dict[Name, Floats] = {}
    for name, of in found.items():
        backend, group, order = name.split()
        errors[backend, group, int(order)] = of
    return Measured(primitive, dtype, x, size, moved, errors)


def measure(primitive: Primitive, dtype: str, names: tuple[str, ...]) -> Measured:
    """On the given backends, by all modes of GROUPS."""
    precision = PRECISIONS[dtype]
    with np.errstate(all="ignore"):
        x, true = told(primitive, precision)
        sizes, moved = allowed(primitive, x, true)
        found = Measured(primitive.name, dtype, x, sizes[0], moved)
        for backend in names:
            for name, errors in of_backend(backend, primitive, precision, x, true, sizes):
                found.errors[name] = np.fmax(found.errors[name], errors) if name in found.errors else errors
    return found


def told(primitive: Primitive, precision: Precision) -> tuple[Floats, exact.Exact]:
    """Points of which COUNT or more have a value and partials well within the range, as far as ROUNDS find them."""
    x = places.points(primitive, precision)
    true = exact.exact(primitive, x)
    for turn in range(1, ROUNDS):
        usable = int(np.count_nonzero(fits(true, 2, precision)))
        if usable >= places.COUNT or not usable:
            break
        count = min((places.COUNT - usable) * len(x) // usable, places.COUNT)
        more = places.more(primitive, precision, count, turn)
        x, true = np.concatenate([x, more]), true.and_then(exact.exact(primitive, more))
    return x, true


def allowed(primitive: Primitive, x: Floats, true: exact.Exact) -> tuple[tuple[Floats, ...], Floats]:
    """s₀, s₁ (N, p) and s₂ (N, p, p); and m."""
    n, p = x.shape
    index, columns = np.zeros((n, p), dtype=np.intp), [x[:, j] for j in range(p)]
    if primitive.kind == "arithmetic":
        operands = [taylor.variables(a, np.full(n, j), p) for j, a in enumerate(columns)]
        result = primitive.definition(*operands)
        local = partials.conditioned(index, partials.narrow(result.partials), partials.narrow(result.errors), x)
        return local.sizes, local.conditioning
    of = []
    for order in range(4):
        array = np.zeros((n,) + (p,) * order)
        for key in itertools.product(range(p), repeat=order):
            array[of_key(key)] = true.near[tuple(sorted(key))]
        of.append(partials.representable(array))
    size = np.abs(x)
    moved = [partials.representable(np.einsum("n...k,nk->n...", np.abs(c), size)) for c in of[1:]]
    return partials.entry_sizes(primitive, columns, of[0], of, moved), moved[0]


def of_key(key: exact.Key) -> tuple[Any, ...]:
    """Of all points."""
    return (slice(None), *key)


def of_backend(
    backend: str, primitive: Primitive, precision: Precision, x: Floats, true: exact.Exact, sizes: tuple[Floats, ...]
) -> Iterator[tuple[Name, Floats]]:
    """By each mode; of NumPy the values, since its derivatives are ours."""
    system = backends.load(backend)
    least, most = ENDLESS.get((backend, primitive.name), (0.0, np.inf))
    least = max(least, SLOW) if least else 0.0
    seen = np.all(abs(x) >= system.smallest(precision), axis=1) | (x == 0).all(axis=1)
    seen &= (abs(x[:, 0]) >= least) & (abs(x[:, 0]) <= most)
    if not seen.any():
        return
    if (backend, primitive.name) == ("jax", "exp"):
        yield (backend, "fused", 0), fused(system, precision, x)
    yield from curvatures(system, primitive, precision, x, seen, true, sizes)
    group = {mode: name for name, modes in GROUPS.items() if name != "fused" for mode in modes}
    questions = (system, primitive, precision, x[seen], tuple(group))
    of_vectors = asked(*questions)
    of_few = asked_in_parts(*questions, FEW) if backend == "torch" and precision.name in HALF else ()
    for mode, order, answers, refused in itertools.chain(of_vectors, of_few):
        if refused is not None or (backend == "numpy" and order):
            continue
        errors = np.full(len(x), np.nan)
        for key, got in answers.items():
            everywhere = np.full(len(x), np.nan, dtype=got.dtype)
            everywhere[seen] = np.where(np.isfinite(got), got, np.inf)
            one = in_units(everywhere, key, precision, true, sizes)
            errors = np.fmax(errors, np.where(seen, one, np.nan))
        errors[known(backend, system.version, precision.name, mode.name, order, primitive.name, x)] = np.nan
        if np.isfinite(errors).any() or np.isinf(errors).any():
            yield (backend, group[mode.name], order), errors


def fused(system: Backend, precision: Precision, x: Floats) -> Floats:
    """|error|/u of exp(x)·exp(y) under jit, y being another of the points: what is left beside the defaults of two
    exponentials and a product, as an error of exp(x) whose conditioning is the same."""
    default = contracts.default(precision.name, "exp").ulps[0]
    y = np.random.default_rng(0).permutation(x)
    shape, u = (len(x),), precision.unit_roundoff
    program = Program((shape, shape), (Step("exp", (0,)), Step("exp", (1,)), Step("mul", (2, 3))))
    mode = system.named("value", "jit(f)")
    numbers = system.run(mode, program, precision, (x[:, 0], y[:, 0])).numbers
    if numbers is None:
        return np.full(len(x), np.nan)
    product = [exact.floats(value) for value in exact.exponentials(x[:, 0].tolist(), y[:, 0].tolist())]
    near, rest = np.array(product).T
    error = np.abs((np.asarray(numbers) - near) - rest) / u
    moved = np.abs(x[:, 0]) + np.abs(y[:, 0])
    left = np.maximum(error / near - 2 * default - 1, 0.0) / moved
    size = np.exp(x[:, 0])
    inside = (np.maximum.reduce([near, size, np.exp(y[:, 0])]) < precision.largest / room(precision)) & (
        np.minimum.reduce([near, size, np.exp(y[:, 0])]) > room(precision) * precision.smallest_normal
    )
    return np.where(inside, size * (default + left * np.abs(x[:, 0])), np.nan)


def curvatures(
    system: Backend, primitive: Primitive, precision: Precision, x: Floats, seen: NDArray[np.bool_], true: exact.Exact,
    sizes: tuple[Floats, ...],
) -> Iterator[tuple[Name, Floats]]:  # fmt: skip
    """Second derivatives along (1, …, 1) by what differentiates forward twice: the sum of all second partials."""
    p, shape = primitive.arity, (int(np.count_nonzero(seen)),)
    program = Program((shape,) * p, (Step(primitive.name, tuple(range(p))),))
    ones = tuple(np.ones(shape) for _ in range(p))
    all_keys = list(itertools.product(range(p), repeat=2))
    near, rest = (sum(of[tuple(sorted(key))] for key in all_keys) for of in (true.near, true.rest))
    whole = exact.Exact({**true.near, (0, 0): np.asarray(near)}, {**true.rest, (0, 0): np.asarray(rest)})
    size = np.asarray(sizes[2].sum(axis=(1, 2)))[:, None, None]
    for mode in system.modes_of("curvature"):
        if mode.name not in FORWARD_TWICE:
            continue
        numbers = system.run(mode, program, precision, tuple(x[seen].T.copy()), ones).numbers
        if numbers is None:
            continue
        got = np.full(len(x), np.nan, dtype=numbers.dtype)
        got[seen] = np.where(np.isfinite(numbers), numbers, np.inf)
        errors = in_units(got, (0, 0), precision, whole, (*sizes[:2], size))
        errors[known(system.name, system.version, precision.name, mode.name, 2, primitive.name, x)] = np.nan
        if not np.isnan(errors).all():
            yield (system.name, FORWARD_TWICE[mode.name], 2), errors


def in_units(got: Floats, key: exact.Key, precision: Precision, true: exact.Exact, sizes: tuple[Floats, ...]) -> Floats:
    """|error|/u of a value, or |error|/(u s) of a partial."""
    u, order = precision.unit_roundoff, len(key)
    smallest = precision.smallest_subnormal if precision.name in ROOM else precision.smallest_normal
    error = np.maximum(true.error(key, got) - FLUSHED * smallest, 0.0)
    size = np.ones(len(got)) if order == 0 else sizes[order][of_key(key)]
    ratio = np.where(error > 0, error / (u * size), 0.0)
    return np.where(resolved(true.near[tuple(sorted(key))], precision) & fits(true, order, precision), ratio, np.nan)


def resolved(true: Floats, precision: Precision) -> NDArray[np.bool_]:
    """Of known truth, what is far from where numbers are flushed: the bound counts that beside the contract."""
    return np.asarray(np.isfinite(true) & ((np.abs(true) > room(precision) * precision.smallest_normal) | (true == 0)))


def room(precision: Precision) -> float:
    """Between what is measured and the ends of the range, as a factor."""
    return ROOM.get(precision.name, WIDE_ROOM)


def fits(true: exact.Exact, order: int, precision: Precision) -> NDArray[np.bool_]:
    """Where value and partials to the order are well within the range."""
    of = [np.abs(array) for key, array in true.near.items() if len(key) <= order]
    return np.asarray(np.all([array < precision.largest / room(precision) ** 5 for array in of], axis=0))


def known(
    backend: str, version: str, dtype: str, mode: str, order: int, primitive: str, x: Floats
) -> NDArray[np.bool_]:
    """Where the ledger has a deviation."""
    found = np.zeros(len(x), dtype=bool)
    for row in ledger.rows():
        if row.primitive == primitive and row.applies(backend, dtype, mode, order) and row.speaks_of(version):
            found |= regions.mask(row.region, tuple(x.T))
    for region in FOUND.get((backend, primitive, dtype, order), ()):
        found |= regions.mask(region, tuple(x.T))
    return found
