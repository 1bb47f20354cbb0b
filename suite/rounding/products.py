"""Errors of sums of products: contractions, convolutions, discrete Fourier transforms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.rounding.rule import Carried, Rule
from gradlaws.suite.rounding.step import Error, Errors, Step, added
from gradlaws.suite.tape.operations.shapes import padded
from gradlaws.suite.tape.tape import Array

Cotangents = Sequence[Array | None]
NEGLIGIBLE = 2.0**-8  # of the rounding of the products: the least that is worth computing


def again(step: Step, a: Array, b: Array) -> Array:
    """The operation on other numbers."""
    return np.asarray(step.declared.definition(FLOAT64, a, b, **step.parameters))


def rounded(step: Step) -> Error:
    """k u Σ|ab| and, accumulated in a wider type, one rounding; what underflows on the way."""
    a, b = (abs(x) for x in step.arguments)
    if not step.is_float:
        return None
    terms = int(step.parameters["length"])
    of_sizes, of_result = step.arithmetic.sum(step.dtype, terms, multiplied=True)
    sizes = again(step, a, b)
    if any(x.dtype.kind == "c" for x in step.arguments):
        of_sizes += 3 * step.unit.u  # a product of complex numbers: √2 γ2 where a real one has u
    found = of_sizes * sizes + of_result * abs(step.result)
    unit = step.unit
    if (
        sizes.size
        and a.size
        and b.size
        and (np.min(sizes) * unit.u < terms * unit.normal or smallest(a) * smallest(b) < unit.normal)
    ):
        met = again(step, (a > 0) * 1.0, (b > 0) * 1.0) > 0
        found = found + np.where(met, (terms + 1) * unit.smallest, 0.0)
    return found


def smallest(x: Array) -> float:
    return float(np.min(x, where=x > 0, initial=1.0))


def bilinear(step: Step, errors: Errors) -> Carried:
    a, b = (abs(x) for x in step.arguments)
    own = rounded(step)
    left, right = errors
    linear = added(
        None if right is None else again(step, a, np.asarray(right)),
        None if left is None else again(step, np.asarray(left), b),
    )
    if left is not None and right is not None:
        # Both errors at once: a number for all entries where it is small enough, else entry by entry.
        most = int(step.parameters["length"]) * float(np.max(left, initial=0.0)) * float(np.max(right, initial=0.0))
        small = own is not None and own.size and most <= NEGLIGIBLE * float(np.min(own))
        own = added(own, np.full(step.result.shape, most) if small else again(step, left, right))
    return [added(linear, own)], [own]


def from_contraction(step: Step, cotangents: Cotangents) -> list[Array | None]:
    """g Bᵀ and Aᵀ g, with the axes of either put back where they were."""
    (g,), (a, b), p = cotangents, step.arguments, step.parameters
    assert g is not None
    (sa, sb), (ta, tb) = ([list(x) for x in pair] for pair in (p["summed"], p["batched"]))
    ra = [i for i in range(a.ndim) if i not in (*sa, *ta)]
    rb = [i for i in range(b.ndim) if i not in (*sb, *tb)]
    count = math.prod(a.shape[i] for i in ta)
    height, width = math.prod(a.shape[i] for i in ra), math.prod(b.shape[i] for i in rb)
    length = math.prod(a.shape[i] for i in sa)
    g = g.reshape(count, height, width)
    left = np.conj(a.transpose((*ta, *ra, *sa)).reshape(count, height, length))
    right = np.conj(b.transpose((*tb, *sb, *rb)).reshape(count, length, width))
    to_a, to_b = g @ right.swapaxes(1, 2), left.swapaxes(1, 2) @ g
    return [
        real_if(step, 0, restored(to_a, a, (*ta, *ra, *sa))),
        real_if(step, 1, restored(to_b, b, (*tb, *sb, *rb))),
    ]


def restored(flat: Array, x: Array, order: Sequence[int]) -> Array:
    return flat.reshape([x.shape[i] for i in order]).transpose(np.argsort(order))


def real_if(step: Step, place: int, x: Array) -> Array:
    return np.asarray(x.real) if step.is_real(place) else x


def from_convolution(step: Step, cotangents: Cotangents) -> list[Array | None]:
    (g,), (x, kernel), p = cotangents, step.arguments, dict(step.parameters)
    assert g is not None
    groups, batches = p.pop("groups"), p.pop("batch_groups")
    p.pop("length")
    if batches > 1:
        xs, gs = np.split(x, batches), np.split(g, batches, axis=1)
    else:
        xs, gs = np.split(x, groups, axis=1), np.split(g, groups, axis=1)
    kernels = np.split(kernel, len(xs))
    found = [from_one_group(*given, **p) for given in zip(gs, xs, kernels, strict=True)]
    axis = 0 if batches > 1 else 1
    return [np.concatenate([f[0] for f in found], axis=axis), np.concatenate([f[1] for f in found])]


def from_one_group(
    g: Array, x: Array, kernel: Array, strides: Any, low: Any, high: Any, spread: Any, kernel_spread: Any
) -> tuple[Array, Array]:
    """Offset by offset of the kernel: what it meets of the padded x is a slice."""
    nothing = (0, 0)
    numbers = padded(
        None, np.arange(x.size).reshape(x.shape), np.int64(x.size), (*nothing, *low), (*nothing, *high),
        (*nothing, *(d - 1 for d in spread)),
    )  # fmt: skip
    flat = np.append(x.reshape(-1), 0.0)
    to_x, to_kernel = np.zeros(x.size + 1), np.zeros(kernel.shape)
    shape = g.shape[2:]
    for offset in np.ndindex(*kernel.shape[2:]):
        at = tuple(
            slice(o * d, o * d + (n - 1) * s + 1, s)
            for o, d, n, s in zip(offset, kernel_spread, shape, strides, strict=True)
        )
        places = numbers[(slice(None), slice(None), *at)]
        here = (slice(None), slice(None), *offset)
        back = np.einsum("bo...,oc->bc...", g, kernel[here])
        to_x += np.bincount(places.reshape(-1), back.reshape(-1), x.size + 1)
        to_kernel[here] = np.einsum("bo...,bc...->oc", g, flat[places])
    return to_x[:-1].reshape(x.shape), to_kernel


def transformed(step: Step, errors: Errors) -> Carried:
    """Of an FFT (Higham, Theorem 24.2), normwise along each line: Σ over the factors p of n of p + 6 roundings."""
    x, axis = step.arguments[0], step.parameters["axis"]
    own = factors(x.shape[axis]) * step.unit.u * np.linalg.norm(step.result, axis=axis, keepdims=True)
    own = np.broadcast_to(own, step.result.shape)
    linear = None
    if errors[0] is not None:
        whole = np.sum(np.broadcast_to(errors[0], x.shape), axis=axis, keepdims=True)
        linear = np.broadcast_to(whole, step.result.shape)
    return [added(linear, own)], [own]


def factors(n: int) -> float:
    """Large primes go through three transforms of a power of two, of at most 4n entries (Bluestein)."""
    found, p = 0.0, 2
    while n > 1:
        while n % p == 0:
            found += min(p + 6, 3 * 8 * (math.log2(p) + 2) + 12)
            n //= p
        p += 1
    return found


def from_transformed(step: Step, cotangents: Cotangents) -> list[Array | None]:
    """The conjugate transform."""
    (g,), axis = cotangents, step.parameters["axis"]
    assert g is not None
    n = step.arguments[0].shape[axis]
    found = np.fft.ifft(g, axis=axis) * n if step.parameters["forward"] else np.fft.fft(g, axis=axis)
    return [real_if(step, 0, found)]


FAMILY = {
    "contract": Rule(bilinear, from_contraction),
    "convolve": Rule(bilinear, from_convolution),
    "fourier": Rule(transformed, from_transformed),
}
