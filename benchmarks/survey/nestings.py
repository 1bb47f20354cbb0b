"""Every mode and nesting of a backend beside each other, at ordinary points of shapes that compositions do not have.

Vectors of five, matrices that are not square, batches of matrices. The definition is not asked, which may be written
for two rows: D_v f is a central difference of the framework's own values, H v one of its own gradients. So it sees what
is wrong by more than 1e-4, in any mode; and not a value that is wrong itself, which the other layers see.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradlaws.records.conversions import plain
from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.primitive import Floats, Primitive, Shape
from gradlaws.strategies.program import Step
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Backend, Mode, libraries
from gradlaws.suite.truth.floats import hexadecimal
from gradlaws.suite.vocabulary import Quantity

MENU: tuple[Shape, ...] = ((), (2,), (3,), (2, 2), (2, 3))  # at which static parameters are looked for
SHAPES: dict[int, tuple[tuple[Shape, ...], ...]] = {
    1: (((5,),), ((3, 4),), ((3, 3),), ((2, 3, 3),)),
    2: (((), ()), ((5,), (5,)), ((3, 4), (4,)), ((3, 4), (3, 4)), ((4, 3), (3,)), ((3, 3), (3,)), ((3, 3), (3, 3)),
        ((3, 4), (4, 2)), ((2, 3, 3), (2, 3, 3)), ((5,), (3,)), ((4, 3), (2,))),
    3: (((4,), (4,), (4,)), ((3, 4), (4,), (4,)), ((3, 4), (3,), (3,)), ((3, 4), (3, 4), (5, 4))),
}  # fmt: skip
MOVES: tuple[Callable[[Floats], Floats], ...] = (
    lambda x: x,
    lambda x: 1.2 + x,
    lambda x: x - 0.5,
    lambda x: 2.5 * x + 1.3,
    lambda x: x + 3 * np.eye(*x.shape[-2:]) if x.ndim > 1 else x,
)
STEP = 2.0**-17  # of the differences; their errors are near 1e-9
SEEN = 2.0**-20  # share of a value, or of a gradient, that its difference still sees to 1e-4
MANY = 24  # entries, beyond which no Hessian is made
QUANTITIES: tuple[Quantity, ...] = ("gradient", "jvp", "hessian", "hvp", "curvature")
# JAX compiles each anew: the products that nest, at the first shapes that the primitive takes.
FEWER: dict[str, tuple[Quantity, ...]] = {"jax": ("hvp", "curvature")}
SHAPES_MET = {"jax": 1}
# Met at shapes that are its own only: torch._weight_norm does not compare those of its arguments, and reads and writes
# beyond the smaller one.
UNCHECKED = ("weight_norm",)


def native(backend: Backend, primitive: Primitive, parameters: Any) -> Callable[..., Any]:
    """The primitive as the framework's users write it, for arrays of any shape."""
    names = "abc"[: primitive.arity]
    text = backend.expression(Step(primitive.name, (), tuple(parameters.items())), names)
    function: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {text}", libraries(text))
    return function


def candidates(primitive: Primitive, shapes: Sequence[Shape]) -> Iterator[list[Floats]]:
    """Ordinary points, those of the domain where it can say so for these shapes."""
    random = np.random.default_rng(zlib.crc32(primitive.name.encode()))
    drawn = [random.uniform(0.15, 0.85, shape) for shape in shapes]
    for moves in itertools.product(MOVES, repeat=len(shapes)):
        x = [move(a) for move, a in zip(moves, drawn, strict=True)]
        try:
            inside = primitive.domain(*x)
        except (ValueError, IndexError, TypeError, np.linalg.LinAlgError):
            inside = True  # it is written for another shape
        if inside:
            yield x


def variants(primitive: Primitive, shapes: Sequence[Shape]) -> list[Any]:
    """Static parameters: those of these shapes, or of the first shapes that have any."""
    others = () if primitive.name in UNCHECKED else itertools.product(MENU, repeat=primitive.arity)
    for some in itertools.chain([shapes], others):
        try:
            found = list(primitive.variants(*some))
        except (ValueError, IndexError, TypeError):
            continue
        if found:
            return found[:2]
    return []


def flat(backend: Backend, quantity: Quantity, answer: Any, sizes: Sequence[int], v: Floats) -> Floats:
    """What a mode says, as D_v f, H v or v·H v."""
    if quantity in ("jvp", "curvature"):
        return backend.numbers(answer).ravel()
    if quantity in ("gradient", "hvp"):
        joined = backend.joined(answer)
        return np.array([joined @ v]) if quantity == "gradient" else joined
    rows = [
        np.hstack([backend.numbers(block).reshape(m, n) for block, n in zip(row, sizes, strict=True)])
        for row, m in zip(answer, sizes, strict=True)
    ]
    return np.asarray(np.vstack(rows) @ v)


def nestings(name: str, primitive: Primitive) -> list[dict[str, Any]]:
    """One record per mode: where it is furthest from the differences."""
    backend = backends.load(name)
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    met = 0
    for shapes in SHAPES[primitive.arity]:
        for parameters in variants(primitive, shapes):
            found = list(at_one_point(backend, primitive, shapes, parameters))
            met += bool(found)
            for record in found:
                key = record["quantity"], record["mode"]
                if key not in worst or float(record["worst"]) > float(worst[key]["worst"]):
                    worst[key] = record
            if met == SHAPES_MET.get(name):
                return list(worst.values())
    return list(worst.values())


def at_one_point(
    backend: Backend, primitive: Primitive, shapes: Sequence[Shape], parameters: Any
) -> Iterator[dict[str, Any]]:
    function = native(backend, primitive, parameters)
    random = np.random.default_rng(1)
    for x in candidates(primitive, shapes):
        try:
            value = backend.numbers(function(*[backend.array(a, "float64") for a in x]))
        except Exception:
            return  # it is not for these shapes
        if np.all(np.isfinite(value)):
            break
    else:
        return
    weights = backend.array(random.uniform(0.5, 1.5, value.shape), "float64")
    v = [random.uniform(-1, 1, a.shape) for a in x]
    whole, sizes = np.concatenate([a.ravel() for a in v]), [a.size for a in x]

    def f(*arrays: Any) -> Any:
        return (function(*arrays) * weights).sum()

    def moved(by: float) -> list[Any]:
        return [backend.array(a + by * d, "float64") for a, d in zip(x, v, strict=True)]

    first = backend.modes_of("gradient")[1 if backend.name == "torch" else 0]
    try:
        values = [float(backend.numbers(f(*moved(by)))) for by in (-STEP, STEP)]
        gradients = [backend.joined(first.function(f, moved(by))) for by in (-STEP, 0.0, STEP)]
    except Exception:
        return  # the plainest mode does not exist here, or fails, which the other layers see
    along = np.array([(values[1] - values[0]) / (2 * STEP)])
    product = (gradients[2] - gradients[0]) / (2 * STEP)
    expected = {1: along, 2: product}
    # Of a derivative that is nothing beside what it is made of, as of a constant, a difference has no digits.
    least = SEEN * max(abs(value) for value in values)
    scale = {1: max(float(np.linalg.norm(gradients[1])), least) or 1.0}
    scale[2] = max(float(np.linalg.norm(product)), SEEN * scale[1], least)
    if not (np.all(np.isfinite(along)) and np.all(np.isfinite(product)) and math.isfinite(scale[1])):
        return
    for mode in modes(backend, sum(sizes)):
        true = np.array([product @ whole]) if mode.quantity == "curvature" else expected[mode.order]
        directions = [[backend.array(d, "float64") for d in v]] if mode.quantity in ("jvp", "hvp", "curvature") else []
        head = {"layer": "nestings", "backend": backend.name, "dtype": FLOAT64.name, "primitive": primitive.name,
                "mode": mode.name, "quantity": mode.quantity, "order": mode.order, "function": str(list(shapes)),
                "x": [hexadecimal(a) for a in x]}  # fmt: skip
        try:
            got = flat(backend, mode.quantity, mode.function(f, moved(0.0), *directions), sizes, whole)
        except Exception as raised:
            if not (mode.experimental or backend.refuses(raised)):
                yield {**head, "worst": "inf", "says": (str(raised).splitlines() or [""])[0][:120]}
            continue
        error = np.max(np.abs(got - true), initial=0.0) / scale[mode.order]
        yield {**head, "worst": plain(float(error) if np.all(np.isfinite(got)) else math.inf)}


def modes(backend: Backend, n: int) -> list[Mode]:
    return [
        mode
        for quantity in FEWER.get(backend.name, QUANTITIES)
        for mode in backend.modes_of(quantity)
        if not (quantity == "hessian" and n > MANY) and "jit(" not in mode.name and not mode.differences
    ]
