"""Derivatives of holomorphic functions: the truth by limits, how far a framework may be off, and each one's convention.

For holomorphic f, dL = Re(conj(w) f'(z) dz) where L = Re(conj(w) f(z)). Forward mode is complex linear everywhere. In
reverse mode torch gives conj(f') u, hence dL/dx + i dL/dy = 2 dL/dz* for a real L: the direction of steepest ascent
(PyTorch, Autograd mechanics, "Autograd for Complex Numbers"). JAX gives f' u, hence dL/dx - i dL/dy, the conjugate
(JAX, The Autodiff Cookbook, "Complex numbers and differentiation").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import mp, mpc, mpf
from numpy.typing import NDArray

from gradlaws.strategies.catalogue import PRIMITIVES

Complexes = NDArray[np.complex128]
NAMES = (
    *("exp", "square", "mul", "div", "reciprocal", "sqrt", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
    *("add", "sub"),
)
TYPES = {"float64": "complex128", "float32": "complex64"}
# A formula of at most four complex operations, each within sqrt(2) gamma_4 <= 6u in modulus (Higham 2002, lemma 3.5).
ULPS = 24.0
DIGITS, STEP = 60, mpf(2) ** -60

# What a mode is given and gives back, by quantity: f' is the derivative, u the cotangent, v the tangent.
CONVENTIONS: dict[str, dict[str, str]] = {
    "torch": {"jvp": "f′ v", "vjp": "conj(f′) u", "gradient": "∂L/∂x + i ∂L/∂y"},
    "jax": {"jvp": "f′ v", "vjp": "f′ u", "gradient": "∂L/∂x − i ∂L/∂y"},
}
FORMULAS: dict[str, Callable[[Complexes, Complexes], Complexes]] = {
    "f′ v": lambda d, v: d * v,
    "f′ u": lambda d, u: d * u,
    "conj(f′) u": lambda d, u: d.conj() * u,
    "∂L/∂x + i ∂L/∂y": lambda d, w: d.conj() * w,
    "∂L/∂x − i ∂L/∂y": lambda d, w: d * w.conj(),
}


def partials(name: str, at: tuple[complex, ...]) -> tuple[list[complex], list[complex], list[float]]:
    """Of each argument: the derivative along the real axis, along the imaginary one (divided by i), and how far a
    framework may be off, per u: of f' itself, and of what one ulp in the arguments does to it."""
    f: Callable[..., Any] = PRIMITIVES[name].definition
    with mp.workdps(DIGITS):
        z = [mpc(value) for value in at]

        def along(j: int, step: Any, point: list[mpc]) -> mpc:
            ahead, behind = ([x + s * step * (k == j) for k, x in enumerate(point)] for s in (1, -1))
            return (f(*ahead) - f(*behind)) / (2 * step)

        real = [along(j, STEP, z) for j in range(len(z))]
        imaginary = [along(j, STEP * mpc(0, 1), z) for j in range(len(z))]
        sizes = []
        for j, first in enumerate(real):
            moved = [abs(x) * abs(along(j, STEP, [y + (k == i) * STEP for k, y in enumerate(z)]) - first) / STEP
                     for i, x in enumerate(z)]  # fmt: skip
            sizes.append(float(abs(first) + sum(moved) + cancelled(name, z)))
    return [complex(x) for x in real], [complex(x) for x in imaginary], sizes


def cancelled(name: str, z: list[mpc]) -> mpf:
    """The size of the terms that cancel in the usual formula of the derivative: 1 - tanh^2, 1 + tan^2."""
    return 1 + abs(PRIMITIVES[name].definition(*z)) ** 2 if name in ("tanh", "tan") else mpf(0)
