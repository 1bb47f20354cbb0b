"""NumPy, which has no autodiff: the document's own formulas, written out.

What it verifies are values, products and difference formulas, not rules: the partials of each primitive come from its
mpmath definition, rounded to the precision under test, and NumPy multiplies and adds them.

In long double many functions of SciPy and of linear algebra have no loop, and raise or answer in float64: each step is
looked at, and what is not computed in long double is unsupported.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import LONGDOUBLE, PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Program, Step
from gradlaws.suite.backends.backend import Backend, Unsupported, libraries
from gradlaws.suite.bound.differences import imaginary_step, steps
from gradlaws.suite.bound.exact_partials import exact_partials
from gradlaws.suite.bound.partials import local, offsets
from gradlaws.suite.bound.thresholds import CENTRAL, FORWARD, IMAGINARY
from gradlaws.suite.run import kept
from gradlaws.suite.truth.oracle import HashablePoint

Array = NDArray[Any]

HOLOMORPHIC = frozenset(
    (
        *("square", "reciprocal", "sin", "cos", "exp", "add", "mul", "sub", "div", "matmul", "outer", "prod", "sum"),
        *("transpose", "reshape", "broadcast", "concatenate", "slice", "gather"),
    )
)


def array(values: Floats, dtype: str) -> Array:
    return np.asarray(values, dtype=dtype)


def numbers(value: Array) -> Floats:
    """As float64; long doubles stay what they are."""
    return np.asarray(value, dtype=np.longdouble if is_long_double(value) else np.float64)


def is_long_double(value: Any) -> bool:
    """Whether an array holds long doubles, or complex numbers made of them, and these are not float64 itself."""
    return np.asarray(value).real.dtype == np.longdouble != np.dtype(np.float64)


class NumPy(Backend):
    def function(self, program: Program, precision: Precision) -> Callable[..., Any]:
        """In long double step by step, so that none passes that is computed in float64."""
        if precision is not LONGDOUBLE:
            return super().function(program, precision)

        def f(*x: Any) -> Any:
            return evaluated(program, x, precision.name)[-1]

        f.program = program  # type: ignore[attr-defined]
        return f


def elsewhere() -> dict[str, str]:
    """Why long double is not looked at on this machine, by name; empty where it is the format of 80 bits."""
    found = np.finfo(np.longdouble)
    digits = found.nmant + 1
    if digits == LONGDOUBLE.digits:
        return {}
    known = {
        53: "is float64 itself",
        106: "is a pair of float64",
        113: "is binary128, beyond what the oracle certifies",
    }
    what = known.get(digits, f"has {digits} bits")
    return {LONGDOUBLE.name: f"numpy.longdouble {what} on this machine, not the x87's format of 64 bits"}


BACKEND = NumPy(
    "numpy",
    np.__version__,
    array,
    numbers,
    "numpy.array({values}, dtype=numpy.{dtype})",
    (NotImplementedError,),
    unsupported_words=("is unsupported in linalg",),
    dtypes=("float64", "float32", "float16", *(() if elsewhere() else (LONGDOUBLE.name,))),
    elsewhere=elsewhere(),
)


@BACKEND.mode("value", "eager")
def value(f: Any, x: Any) -> Any:
    return f(*x)


@kept(4096)
def evaluators(program: Program, dtype: str) -> list[tuple[Step, Any]]:
    """Each step with its NumPy call, as a function of its arguments."""
    found = []
    for step in program.steps:
        if step.is_constant:
            found.append((step, functools.partial(array, step.constant, dtype)))
        else:
            names = [f"x{i}" for i in range(len(step.arguments))]
            text = f"lambda {', '.join(names)}: {BACKEND.expression(step, names)}"
            found.append((step, eval(text, libraries(text))))
    return found


# As NumPy's users write them, in long double too, with a constant that is float64.
NARROW = {"gelu_tanh": "numpy.sqrt(2 / numpy.pi)", "attention": "numpy.sqrt(d) of an integer d"}


def evaluated(program: Program, x: Any, dtype: str) -> list[Array]:
    """NumPy's value of every step, inputs first. Raises Unsupported where a step is not computed in long double."""
    values = list(x)
    for step, evaluate in evaluators(program, dtype):
        if dtype == LONGDOUBLE.name and step.primitive in NARROW:
            raise Unsupported(f"{step.primitive} is written with {NARROW[step.primitive]}, which is float64")
        try:
            found = np.asarray(evaluate(*(values[i] for i in step.arguments)))
        except Exception as error:  # of a function that answers in float64, where it is looked at too
            if dtype != LONGDOUBLE.name:
                raise
            raise Unsupported(f"{step.primitive} in long double: {error}") from error
        if dtype == LONGDOUBLE.name and not is_long_double(found):
            raise Unsupported(f"{step.primitive} answers long double in {found.dtype}")
        values.append(found if dtype == LONGDOUBLE.name else np.asarray(found, dtype=dtype))
    return values


def partials(
    step: Step, arguments: list[Array], value: Array, fixed: tuple[bool, ...] = ()
) -> tuple[Array, Array, Array]:
    """Which arguments each output depends on (k, p), and its first and second partials by them, in the precision; NaN
    where it has none. Nothing moves the ``fixed`` arguments."""
    dtype = value.dtype
    try:
        if is_long_double(value):
            return exact_partials(step, arguments, fixed)
        found = local(step, [a.astype(np.float64) for a in arguments], value.astype(np.float64), fixed)
    except DomainError:  # at what NumPy has computed, as where that overflows
        k, p = value.size, len(arguments)
        index = np.stack([np.broadcast_to(o, value.shape).ravel() for o in offsets(arguments)], axis=-1)
        return index, np.full((k, p), np.nan, dtype), np.full((k, p, p), np.nan, dtype)
    return found.index, found.first.astype(dtype), found.second.astype(dtype)


def trace(f: Any, x: Any) -> tuple[list[Array], list[tuple[int, Step, Any, Array]]]:
    """NumPy's value of every step, and of each (its number, the step, its partials, Jacobian in the precision).

    The Jacobian has shape (outputs, all scalar arguments of the step).
    """
    return _trace(f.program, HashablePoint(tuple(x)))


@kept(64)  # each mode asks for it, some twice
def _trace(program: Program, point: HashablePoint) -> tuple[list[Array], list[tuple[int, Step, Any, Array]]]:
    x, dtype = list(point.arrays), point.arrays[0].dtype
    values = evaluated(program, x, LONGDOUBLE.name if is_long_double(x[0]) else dtype.name)
    local_jacobians = []
    for number, step in enumerate(program.steps, start=len(x)):
        if step.is_constant:
            continue
        arguments = [values[i] for i in step.arguments]
        fixed = tuple(not program.moved[i] for i in step.arguments)
        index, first, second = partials(step, arguments, values[number], fixed)
        jacobian = np.zeros((len(index), sum(a.size for a in arguments)), dtype)
        np.put_along_axis(jacobian, index, first, axis=1)
        local_jacobians.append((number, step, (index, second), jacobian))
    return values, local_jacobians


def forget() -> None:
    """After NumPy itself has been changed, as tests do."""
    evaluators.cache_clear()
    _trace.cache_clear()


def pushed(f: Any, x: Any, tangents: list[Array]) -> tuple[list[Array], Any]:
    """Tangents of every value, inputs first: each (columns, size)."""
    values, steps = trace(f, x)
    t = list(tangents) + [np.zeros((len(tangents[0]), v.size), v.dtype) for v in values[len(x) :]]
    for number, step, _, jacobian in steps:
        t[number] = np.concatenate([t[i] for i in step.arguments], axis=1) @ jacobian.T
    return t, steps


def pulled(f: Any, x: Any, cotangents: Array) -> tuple[list[Array], Any]:
    """Adjoints of every value, outputs first: each (rows, size)."""
    values, steps = trace(f, x)
    adjoints = [np.zeros((len(cotangents), v.size), v.dtype) for v in values]
    adjoints[-1] = cotangents
    for number, step, _, jacobian in reversed(steps):
        flow, start = adjoints[number] @ jacobian, 0
        for i in step.arguments:
            stop = start + values[i].size
            adjoints[i] = adjoints[i] + flow[:, start:stop]
            start = stop
    return adjoints, steps


def identity(x: Any) -> list[Array]:
    """The unit tangents of all inputs, split by input: (n, size) each."""
    whole = np.eye(sum(a.size for a in x), dtype=x[0].dtype)
    return np.split(whole, np.cumsum([a.size for a in x])[:-1], axis=1)


@BACKEND.mode("gradient", "product of Jacobians, outputs first")
def gradient_outputs_first(f: Any, x: Any) -> Any:
    return pulled(f, x, np.ones((1, 1), x[0].dtype))[0][: len(x)]


@BACKEND.mode("gradient", "product of Jacobians, inputs first")
def gradient_inputs_first(f: Any, x: Any) -> Any:
    return [pushed(f, x, identity(x))[0][-1][:, 0]]


@BACKEND.mode("gradient", "complex step", differences=IMAGINARY)
def complex_step(f: Any, x: Any) -> Any:
    if not set(f.program.primitives) <= HOLOMORPHIC:
        raise Unsupported("the function is not holomorphic, or NumPy does not extend it to complex arguments")
    kind, digits = np.result_type(x[0].dtype, np.complex64), np.finfo(x[0].dtype).nmant + 1
    parts = []
    for i, a in enumerate(x):
        part = np.zeros(a.size, a.dtype)
        for k in range(a.size):
            moved = [b.astype(kind) for b in x]
            moved[i].ravel()[k] += 1j * imaginary_step(float(a.ravel()[k]), digits)
            part[k] = f(*moved).imag / moved[i].ravel()[k].imag
        parts.append(part)
    return parts


def quotients(f: Any, x: Any, order: int) -> Any:
    """(f(x + h) - f(x)) / h, or (f(x + h) - f(x - h)) / 2h, one coordinate at a time."""
    precision = LONGDOUBLE if is_long_double(x[0]) else PRECISIONS[x[0].dtype.name]
    chosen = iter(steps(f.program, tuple(map(numbers, x)), precision, order))
    parts = []
    for i, a in enumerate(x):
        part = np.zeros(a.size, a.dtype)
        for k in range(a.size):
            h = a.dtype.type(next(chosen))
            ahead, behind = [b.copy() for b in x], [b.copy() for b in x]
            ahead[i].reshape(-1)[k] += h
            if order == CENTRAL:
                behind[i].reshape(-1)[k] -= h
            part[k] = (f(*ahead) - f(*behind)) / (h * order)
        parts.append(part)
    return parts


@BACKEND.mode("gradient", "forward difference", differences=FORWARD)
def forward_difference(f: Any, x: Any) -> Any:
    if x[0].dtype == np.float32:
        raise Unsupported("a forward difference in float32 has three digits at best, too few to judge by")
    return quotients(f, x, FORWARD)


@BACKEND.mode("gradient", "central difference", differences=CENTRAL)
def central_difference(f: Any, x: Any) -> Any:
    return quotients(f, x, CENTRAL)


@BACKEND.mode("jacobian", "product of Jacobians, outputs first")
def jacobian_outputs_first(f: Any, x: Any) -> Any:
    m = int(np.prod(f.program.output))
    return pulled(f, x, np.eye(m, dtype=x[0].dtype))[0][: len(x)]


@BACKEND.mode("jacobian", "product of Jacobians, inputs first")
def jacobian_inputs_first(f: Any, x: Any) -> Any:
    whole = pushed(f, x, identity(x))[0][-1].T
    return np.split(whole, np.cumsum([a.size for a in x])[:-1], axis=1)


@BACKEND.mode("vjp", "product of Jacobians, outputs first")
def vjp(f: Any, x: Any, u: Any) -> Any:
    return pulled(f, x, u.reshape(1, -1))[0][: len(x)]


@BACKEND.mode("jvp", "product of Jacobians, inputs first")
def jvp(f: Any, x: Any, v: Any) -> Any:
    return pushed(f, x, [t.reshape(1, -1) for t in v])[0][-1]


@BACKEND.mode("hessian", "chain rule to second order")
def hessian(f: Any, x: Any) -> Any:
    """H = sum over steps of G_v d2phi_v[t_i, t_k]: the chain rule, differentiated once more."""
    tangents, _ = pushed(f, x, identity(x))
    adjoints, steps = pulled(f, x, np.ones((1, 1), x[0].dtype))
    n = len(tangents[0])
    whole = np.zeros((n, n), x[0].dtype)
    for number, step, (index, second), _ in steps:
        t = np.concatenate([tangents[i] for i in step.arguments], axis=1)[:, index]
        bent = adjoints[number][0][:, None, None] * second
        whole = whole + np.einsum("ikp,kpq,jkq->ij", t, bent, t)
    sizes = np.cumsum([a.size for a in x])[:-1]
    return [np.split(row, sizes, axis=1) for row in np.split(whole, sizes, axis=0)]


@BACKEND.mode("hvp", "chain rule to second order")
def hvp(f: Any, x: Any, v: Any) -> Any:
    return [np.block(hessian(f, x)) @ np.concatenate([t.ravel() for t in v])]
