"""What frameworks differentiate in place of the function, where a term is wrong or missing: surrogates, by name.

A rule is a JVP as the framework has it: ``rule(x, v, held)`` is linear in the tangents v at the arguments x, and takes
from ``held``, the same arguments, what the framework saved and takes for a constant when the rule is differentiated
again. A function is given where its value is another one too. Each was found by asking the framework, and is confirmed
by every witness of the rows that name it (suite/known/ledger.toml).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import MPArray, elementwise, mp_array, to_floats
from gradlaws.strategies.primitive import Floats

Arrays = Sequence[MPArray]
Rule = Callable[[Arrays, Arrays, Arrays], MPArray]
BITS = 900
STEP = 80  # binary places by which an argument is moved: what is left of a central difference has as many digits
LEAST = 300  # and by which it may be smaller than the largest beside it, to be moved by its own size
EPSILON = mpf(1) / 100_000  # of normalisations


def partials(name: str, arguments: Sequence[Floats], order: int) -> Floats:
    """The value (k,), first (k, p) or second partials (k, p, p) of a surrogate: of a second, first the tangent's entry.

    ``name`` may end in .T: second partials the other way round, as a Hessian whose rows are what was moved."""
    name, _, transposed = name.partition(".")
    with mp.workprec(BITS):
        x = [mp_array(a) for a in arguments]
        p = sum(a.size for a in x)
        if name in FUNCTIONS:
            found = derivatives(FUNCTIONS[name], x, order)
        else:
            rule, units = RULES[name], [parted(row, x) for row in mp_array(np.eye(p))]
            if order == 1:
                found = np.stack([np.ravel(rule(x, unit, x)) for unit in units], axis=-1)
            else:
                found = np.stack([derivatives(partial(tangents, rule, unit, x), x, 1) for unit in units], axis=1)
        return to_floats(np.swapaxes(found, 1, 2) if transposed else found)


def tangents(rule: Rule, v: Arrays, held: Arrays, x: Arrays) -> MPArray:
    return rule(x, v, held)


def derivatives(f: Callable[[Arrays], MPArray], x: Arrays, order: int) -> MPArray:
    """f, its Jacobian or its second partials, entry by entry, by central differences of a step that rounds nothing."""
    if order == 0:
        return np.asarray(np.ravel(f(x)))
    flat = np.concatenate([a.ravel() for a in x])
    least = mp.ldexp(max(map(abs, flat)) or mpf(1), -LEAST)
    columns = []
    for i, entry in enumerate(flat):
        step = mp.ldexp(max(abs(entry), least), -STEP)
        behind, ahead = flat.copy(), flat.copy()
        behind[i], ahead[i] = entry - step, entry + step
        low, high = (derivatives(f, parted(moved, x), order - 1) for moved in (behind, ahead))
        columns.append((high - low) / (2 * step))
    return np.stack(columns, axis=-1)


def parted(flat: MPArray, like: Arrays) -> Arrays:
    """The entries of one array as arrays of the shapes of others."""
    ends = np.cumsum([a.size for a in like])[:-1]
    return [part.reshape(a.shape) for part, a in zip(np.split(flat, ends), like, strict=True)]


def total(x: MPArray) -> MPArray:
    """Along the last axis, which is kept."""
    return np.asarray(x.sum(-1, keepdims=True))


def root(x: MPArray) -> MPArray:
    return elementwise(mp.sqrt, x)


def moved(rule: Rule, value: MPArray, x: Arrays, held: Arrays) -> MPArray:
    """A value that was saved, as the framework's own rule moves it: by a wrong one, another value than at x."""
    return np.asarray(value + rule(held, [a - b for a, b in zip(x, held, strict=True)], held))


# Normalisations of rows: mean and reciprocal deviation are saved, and held.


def statistics(x: MPArray) -> tuple[MPArray, MPArray]:
    n = x.shape[-1]
    mean = total(x) / n
    return mean, 1 / root(total((x - mean) ** 2) / n + EPSILON)


def standardised(x: MPArray, v: MPArray, held: MPArray) -> MPArray:
    n, (mean, scale) = x.shape[-1], statistics(held)
    centred = v - total(v) / n
    return np.asarray(centred * scale - (x - mean) * scale**3 * total((x - mean) * centred) / n)


def layer_norm(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    return standardised(x[0], v[0], held[0])


def affine(rows: bool, statistics_live: bool) -> Rule:
    """With weights and biases of rows or columns; ``statistics_live``: but for the derivative by the weights."""

    def rule(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
        def spread(weights: MPArray) -> MPArray:
            return weights[:, None] if rows else weights

        mean, scale = statistics(held[0])
        of_x = standardised(x[0], v[0], x[0] if statistics_live else held[0])
        return np.asarray(of_x * spread(x[1]) + (x[0] - mean) * scale * spread(v[1]) + spread(v[2]))

    return rule


def weight_norm(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """The double backward takes the norm of the rows for a constant."""
    norm = root((held[0] * held[0]).sum(-1))
    along = (x[0] * v[0]).sum(-1) / norm**2
    return np.asarray((x[1] / norm)[:, None] * (v[0] - x[0] * along[:, None]) + (v[1] / norm)[:, None] * x[0])


# Matrices of two rows.


def inverse(a: MPArray) -> MPArray:
    return np.asarray(np.array([[a[1, 1], -a[0, 1]], [-a[1, 0], a[0, 0]]], dtype=object) / determinant(a))


def determinant(a: MPArray) -> mpf:
    return a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]


def lower(a: MPArray) -> MPArray:
    return np.array([[a[0, 0], mpf(0)], [a[1, 0], a[1, 1]]], dtype=object)


def both(a: MPArray) -> MPArray:
    return np.asarray(a + a.T)


def solve(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """The solution is held."""
    return np.asarray(inverse(x[0]) @ (v[1] - v[0] @ (inverse(held[0]) @ held[1])))


def solve_from_right(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    return np.asarray((v[1] - (held[1] @ inverse(held[0])) @ v[0]) @ inverse(x[0]))


def det(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """The factors of the matrix are held."""
    return np.array([determinant(x[0]) * np.trace(inverse(held[0]) @ v[0])], dtype=object)


def cholesky_inverse(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """−X dL X Lᵀ and its transpose, where X dL Lᵀ X is right."""
    factor = lower(x[0])
    result = inverse(factor @ factor.T)
    return both(-(result @ lower(v[0]) @ result @ factor.T))


def cholesky_inverse_backward(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    result = moved(cholesky_inverse, cholesky_inverse_value(held), x, held)
    return both(-(result @ lower(v[0]) @ lower(x[0]).T @ result))


def cholesky_inverse_forward(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    result = moved(cholesky_inverse, cholesky_inverse_value(held), x, held)
    return both(-(result @ lower(v[0]) @ result @ lower(x[0]).T))


def cholesky_inverse_value(x: Arrays) -> MPArray:
    return inverse(lower(x[0]) @ lower(x[0]).T)


def triangular(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """Of Lᵀy = b: dL where its transpose is right."""
    factor = lower(x[0])
    return np.asarray(inverse(factor.T) @ (v[1] - lower(v[0]) @ (inverse(factor.T) @ x[1])))


def triangular_value(x: Arrays) -> MPArray:
    return np.asarray(inverse(lower(x[0]).T) @ x[1])


def triangular_backward(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    result = moved(triangular, triangular_value(held), x, held)
    return np.asarray(inverse(lower(x[0]).T) @ (v[1] - lower(v[0]).T @ result))


def triangular_forward(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """The rule solves again, and that is differentiated by the same rule."""
    result, before = moved(triangular, triangular_value(held), x, held), triangular_value(held)
    right, right_before = v[1] - lower(v[0]) @ result, v[1] - lower(v[0]) @ before
    there = [held[0], right_before]
    return np.asarray(triangular_value(there) + triangular(there, [x[0] - held[0], right - right_before], there))


def householder(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """(1 − t₀ w wᵀ)(1 − t₁ e₁ e₁ᵀ): the product is held, from which the reflections are taken off again."""
    last = np.array([[mpf(0)], [mpf(1)]], dtype=object)

    def reflections(a: MPArray, t: MPArray) -> tuple[MPArray, MPArray, MPArray]:
        w, one = np.array([[mpf(1)], [a[1, 0]]], dtype=object), mp_array(np.eye(2))
        return w, one - t[0] * (w @ w.T), one - t[1] * (last @ last.T)

    w, first, second = reflections(x[0], x[1])
    _, *factors = reflections(held[0], held[1])
    product, turned = factors[0] @ factors[1], last * v[0][1, 0]
    of_first = -v[1][0] * (w @ w.T) - x[1][0] * both(turned @ w.T)
    of_second = -v[1][1] * (last @ last.T)
    return np.asarray(of_first @ inverse(first) @ product + first @ of_second @ inverse(first @ second) @ product)


# Scattering.


def scatter_product_held(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """Of {x} with [0, 1, 0] ×← y: the product is held, and divided by each factor."""
    (a, b), (s, t), (c, d) = x, v, held
    product = (c[0] * d[0] * d[2], c[1] * d[1], c[2])
    return np.array([
        product[0] * (s[0] / a[0] + t[0] / b[0] + t[2] / b[2]),
        product[1] * (s[1] / a[1] + t[1] / b[1]), product[2] * s[2] / a[2],
    ], dtype=object)  # fmt: skip


def scatter_one(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """Of x with [0] ×← y₀: the gradient by the source is product / source at every entry, also where it is not used."""
    (a, b), (s, t) = x, v
    unused = sum((t[i] / b[i] for i in range(1, b.size)), mpf(0))
    return np.array([s[0] * b[0] + a[0] * t[0] + a[0] * b[0] * unused, *s[1:]], dtype=object)


def scatter_one_backward(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    (a, b), (s, t) = x, v
    product = moved(scatter_one, scatter_one_value(held), x, held)[0]
    return np.array([product * (s[0] / a[0] + (t / b).sum()), *s[1:]], dtype=object)


def scatter_one_held(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    (a, b), (s, t), product = x, v, scatter_one_value(held)
    found = product * s / a
    found[0] = found[0] + product[0] * (t / b).sum()
    return np.asarray(found)


def scatter_one_value(x: Arrays) -> MPArray:
    return np.array([x[0][0] * x[1][0], *x[0][1:]], dtype=object)


def strided_scatter(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """Every other entry of x is overwritten by y: those keep their gradient, and the others lose it."""
    overwritten = np.arange(x[0].size) % 2 == 0
    return np.asarray(np.where(overwritten, v[0] + v[1], mpf(0)))


def weighted_nll(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """The weights count as constants."""
    weights = x[1]
    return np.array([-(v[0][0, 0] * weights[0] + v[0][1, 1] * weights[1]) / weights.sum()], dtype=object)


def logcumsumexp(x: Arrays, v: Arrays, held: Arrays) -> MPArray:
    """1e-13 is added to the sums of exponentials, from which the largest of all is taken out."""
    sizes = elementwise(mp.exp, x[0] - held[0].max(-1, keepdims=True))
    return np.asarray(np.cumsum(sizes * v[0], axis=-1) / (np.cumsum(sizes, axis=-1) + mpf(10) ** -13))


RULES: dict[str, Rule] = {
    "layer_norm_with_statistics_held": layer_norm,
    "columns_scaled_with_statistics_held": affine(rows=False, statistics_live=False),
    "rows_scaled_with_statistics_held": affine(rows=True, statistics_live=False),
    "columns_scaled_with_statistics_held_for_weights": affine(rows=False, statistics_live=True),
    "rows_scaled_with_statistics_held_for_weights": affine(rows=True, statistics_live=True),
    "weight_norm_with_norm_held": weight_norm,
    "solve_with_solution_held": solve,
    "solve_from_right_with_solution_held": solve_from_right,
    "det_with_factors_held": det,
    "cholesky_inverse_jvp": cholesky_inverse,
    "cholesky_inverse_backward_of_jvp": cholesky_inverse_backward,
    "cholesky_inverse_jvp_of_jvp": cholesky_inverse_forward,
    "transposed_solve_jvp": triangular,
    "transposed_solve_backward_of_jvp": triangular_backward,
    "transposed_solve_jvp_of_jvp": triangular_forward,
    "householder_with_product_held": householder,
    "scatter_prod_with_product_held": scatter_product_held,
    "scatter_one_with_unused_source": scatter_one,
    "scatter_one_backward_twice": scatter_one_backward,
    "scatter_one_with_product_held": scatter_one_held,
    "strided_scatter_of_overwritten": strided_scatter,
    "logcumsumexp_with_epsilon": logcumsumexp,
    "weighted_nll_of_constant_weights": weighted_nll,
}


def length(x: MPArray, least: mpf) -> MPArray:
    """Of rows, held above what is least."""
    return np.asarray(np.maximum(root(total(x * x)), least))


FUNCTIONS: dict[str, Callable[[Arrays], MPArray]] = {
    "divided_by_epsilon": lambda x: x[0] / length(x[0], mpf(10) ** -12),
    "cosine_over_epsilon": lambda x: (
        x[0] * x[1] / (length(x[0], mpf(10) ** -8) * length(x[1], mpf(10) ** -8))
    ).sum(-1),
}  # fmt: skip


def known(name: str) -> bool:
    name, _, turned = name.partition(".")
    return (name in FUNCTIONS and not turned) or (name in RULES and turned in ("", "T"))
