"""NumPy, which has no autodiff: the document's own formulas, written out.

What it verifies are values, products and difference formulas, not rules: the partials of each primitive come from its
mpmath definition, rounded to the precision under test, and NumPy multiplies and adds them.
"""

from __future__ import annotations

import functools
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.primitive import Floats
from strategies.program import Program, Step
from suite.backends.backend import Backend, Unsupported, libraries
from suite.differences import CENTRAL, FORWARD, IMAGINARY, imaginary_step
from suite.differences import step as difference_step
from suite.local import Local, local

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
    return np.asarray(value, dtype=np.float64)


BACKEND = Backend(
    "numpy",
    np.__version__,
    array,
    numbers,
    "numpy.array({values}, dtype=numpy.{dtype})",
    (NotImplementedError,),
    unsupported_words=("is unsupported in linalg",),
    dtypes=("float64", "float32", "float16"),
)


@BACKEND.mode("value", "eager")
def value(f: Any, x: Any) -> Any:
    return f(*x)


@lru_cache(4096)
def evaluators(program: Program, dtype: str) -> list[tuple[Step, Any]]:
    """Each step with its NumPy call, as a function of its arguments."""
    found = []
    for step in program.steps:
        if step.is_constant:
            found.append((step, functools.partial(array, step.constant, dtype)))
        else:
            text = f"lambda x, y=None, z=None: {BACKEND.expression(step, ['x', 'y', 'z'])}"
            found.append((step, eval(text, libraries(text))))
    return found


def trace(f: Any, x: Any) -> tuple[list[Array], list[tuple[int, Step, Local, Array]]]:
    """NumPy's value of every step, and of each (its number, the step, local partials, Jacobian in the precision).

    The Jacobian has shape (outputs, all scalar arguments of the step).
    """
    dtype = x[0].dtype
    values, local_jacobians = list(x), []
    for step, evaluate in evaluators(f.program, dtype.name):
        values.append(np.asarray(evaluate(*(values[i] for i in step.arguments)), dtype=dtype))
        if step.is_constant:
            continue
        arguments = [values[i].astype(np.float64) for i in step.arguments]
        found = local(step, arguments, values[-1].astype(np.float64))
        jacobian = np.zeros((len(found.index), sum(a.size for a in arguments)))
        np.put_along_axis(jacobian, found.index, found.first, axis=1)
        local_jacobians.append((len(values) - 1, step, found, jacobian.astype(dtype)))
    return values, local_jacobians


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
    digits = np.finfo(x[0].dtype).nmant + 1
    parts = []
    for i, a in enumerate(x):
        part = np.zeros(a.size, a.dtype)
        for k in range(a.size):
            h = a.dtype.type(difference_step(float(a.ravel()[k]), digits, order))
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
    for number, step, found, _ in steps:
        t = np.concatenate([tangents[i] for i in step.arguments], axis=1)[:, found.index]
        bent = (adjoints[number][0][:, None, None] * found.second.astype(x[0].dtype)).astype(x[0].dtype)
        whole = whole + np.einsum("ikp,kpq,jkq->ij", t, bent, t)
    sizes = np.cumsum([a.size for a in x])[:-1]
    return [np.split(row, sizes, axis=1) for row in np.split(whole, sizes, axis=0)]


@BACKEND.mode("hvp", "chain rule to second order")
def hvp(f: Any, x: Any, v: Any) -> Any:
    return [np.block(hessian(f, x)) @ np.concatenate([t.ravel() for t in v])]
