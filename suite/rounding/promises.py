"""What one evaluation of an elementwise operation may be off by: its contract, and underflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln

from gradlaws.strategies.precision import HALF
from gradlaws.suite import regions
from gradlaws.suite.bound import contracts
from gradlaws.suite.rounding.step import Error, Step, added
from gradlaws.suite.tape.tape import Array

# What IEEE 754 rounds once.
ONCE = frozenset({"add", "sub", "mul", "div", "square", "reciprocal", "sqrt"})
# But torch's sqrt, which is MKL's (measured: 0.75 ulps of float32): its contract says how far.
NOT_ONCE = frozenset({("torch", "sqrt")})
# What passes a number on, but for its sign.
EXACT = frozenset({"negative", "abs", "sign", "copy", "held", "floor", "ceil", "trunc", "rint", "maximum", "minimum",
                   "real", "imaginary", "conjugate", "complex", "select", "remainder_to_zero"})  # fmt: skip
# Products and quotients of complex numbers take several roundings (Higham, Lemma 3.5: √2 γ2, for a quotient √2 γ7);
# a complex number's size is measured within 1.9 ulps of jax and NumPy.
COMPLEX_ULPS = {"add": 1.0, "sub": 1.0, "mul": 3.0, "square": 3.0, "div": 10.0, "reciprocal": 10.0, "abs": 4.0}
# Of what a fused kernel computes by a formula of its own, which a trace takes apart: allowed besides, in units of u.
FUSED = {
    # at::vec's erf in gelu's kernels: Abramowitz & Stegun 7.1.26, off by 1.5e-7 (measured: 2.5 u; torch.erf is not it)
    ("torch", "float32", "erf"): 2.6,
}
SERIES_ULPS = 16.0  # of the incomplete gamma functions' series, whose terms are added up (as measured in suite/bound)
ZETA_ULPS = 14.0  # of Hurwitz's zeta by its series (measured: 7.7, of trigamma and tetragamma in suite/bound)
DEFAULT = contracts.DEFAULT_ULPS["elementwise"]


def evaluated(step: Step, partials: Sequence[Any]) -> Error:
    """What the contract and underflow allow in the value of every entry; None if it is exact."""
    out, name, u = step.result, step.operation, step.unit.u
    if out.dtype.kind == "c":
        return np.asarray(COMPLEX_ULPS.get(name, 0.0 if name in EXACT else 4 * DEFAULT) * u * abs(out))
    if name == "abs" and step.arguments[0].dtype.kind == "c":
        return added(COMPLEX_ULPS[name] * u * abs(out), underflow(step))
    if name in EXACT:
        return None
    if (name in ("mul", "div") and step.is_power_of_two(1)) or (name == "mul" and step.is_power_of_two(0)):
        return underflow(step)
    if name in ("add", "sub", "mul") and whole_numbers(step):
        return None
    if name in ONCE and (step.arithmetic.backend, name) not in NOT_ONCE:
        return added(once(step) * u * abs(out), underflow(step))
    if name == "integer_power":
        return added(powers(step) * u * abs(out), underflow(step))
    if name in ("igamma", "igammac"):
        return added(SERIES_ULPS * u * abs(out), incomplete_gamma(step), underflow(step))
    if name == "incomplete_beta":
        return added(SERIES_ULPS * u * abs(out), incomplete_beta(step), underflow(step))
    if name == "polygamma":
        x, slope = step.arguments[1], partials[1]
        return added(ZETA_ULPS * u * (abs(out) + abs(x * slope) / 2), underflow(step))
    if step.declared.primitive is None:
        return added((1.0 if step.unit.dtype in HALF else DEFAULT) * u * abs(out), underflow(step))
    return added(promised(step, partials), fused(step), underflow(step))


def fused(step: Step) -> Error:
    """Of an operation that stands for a part of a kernel, by the name that its trace has given it."""
    name = step.instruction.origin.name
    allowed = FUSED.get((step.arithmetic.backend, step.unit.dtype, step.operation)) if name.endswith(")") else None
    return None if allowed is None else np.full(step.result.shape, allowed * step.unit.u)


def whole_numbers(step: Step) -> bool:
    """Small ones, as places in an array that are computed in floats: what is added to them is exact."""
    arrays = (*step.arguments, step.result)
    if any(x.size and x.flat[0] != np.floor(x.flat[0]) for x in arrays):
        return False
    return all(np.all(x == np.floor(x)) and np.max(np.abs(x), initial=0.0) <= 1 / step.unit.u for x in arrays)


def incomplete_gamma(step: Step) -> Error:
    """Both have the factor exp(a log x - x - lgamma(a)) (Cephes igam): of each term of the exponent an ulp or two."""
    a, x = step.arguments
    terms = abs(a * np.log(x)) + abs(x) + abs(gammaln(a))
    return np.asarray(2 * step.unit.u * np.where(np.isfinite(terms), terms, 0.0) * abs(step.result))


def incomplete_beta(step: Step) -> Error:
    """Its factor is exp(a log x + b log1p(-x) - betaln(a, b)) (Cephes incbet)."""
    a, b, x = step.arguments
    with np.errstate(all="ignore"):
        terms = abs(a * np.log(x)) + abs(b * np.log1p(-x)) + abs(betaln(a, b))
    return np.asarray(2 * step.unit.u * np.where(np.isfinite(terms), terms, 0.0) * abs(step.result))


def once(step: Step) -> float:
    """XLA makes of a division by what is the same for a row a product with its rounded reciprocal."""
    if step.operation != "div" or step.arithmetic.backend != "jax":
        return 1.0
    divisor = step.arguments[1]
    repeated = divisor.size < step.result.size or any(s == 0 for s in divisor.strides) or divisor.size == 1
    return 2.0 if repeated else 1.0


def powers(step: Step) -> float:
    """By products, or by a library's power."""
    exponent = int(step.parameters["exponent"])
    by_library = DEFAULT if abs(exponent) > 2 else 0.0
    return max(abs(exponent) - 1.0, by_library) + (exponent < 0)


def promised(step: Step, partials: Sequence[Any]) -> Error:
    """By the rows of its primitive, each in its region."""
    backend, mode, dtype = step.arithmetic.backend, step.arithmetic.mode, step.unit.dtype
    primitive, out, u = str(step.declared.primitive), step.result, step.unit.u
    rows = contracts.covering(backend, dtype, mode, primitive)
    allowed = contracts.default(dtype, primitive)
    whole = allowed_by(allowed, step, partials, u)
    for row in rows:
        inside = regions.mask(row.region, step.arguments) if row.region else np.ones((), dtype=bool)
        if np.any(inside):
            whole = np.where(inside, allowed_by(row.contract, step, partials, u), whole)
    return np.broadcast_to(whole, out.shape)


def allowed_by(contract: contracts.Contract, step: Step, partials: Sequence[Any], u: float) -> Array:
    found = contract.ulps[0] * u * abs(step.result) + contract.absolute * u
    if contract.conditioning:
        found = found + contract.conditioning * u * sum(
            abs(x * d) for x, d in zip(step.arguments, partials, strict=True)
        )
    return np.asarray(found)


def underflow(step: Step) -> Error:
    """Of entries that are not exactly 0 and below the normal numbers; None if there are none."""
    unit, size = step.unit, abs(step.result)
    if not size.size or size.min() >= unit.normal:
        return None
    if step.operation in ("add", "sub"):
        if not unit.flushes:
            return None  # what is so small is a multiple of the smallest number: exact
        return np.where(size < unit.normal, size, 0.0)
    lost = np.where(size == 0, unit.smallest, np.minimum(size, unit.smallest))
    return np.where((size < unit.normal) & ~exactly_zero(step), lost, 0.0)


def exactly_zero(step: Step) -> Array:
    """Where a result is 0 because an argument says so, not because it is too small."""
    zero = np.asarray(step.result == 0)
    if step.operation == "mul":
        said = (step.arguments[0] == 0) | (step.arguments[1] == 0)
    elif step.operation == "div":
        said = (step.arguments[0] == 0) | np.isinf(step.arguments[1])
    else:
        said = np.zeros((), dtype=bool)
        for x in step.arguments:
            said = said | (x == 0) | (x == 1) | np.isinf(x)
    return np.asarray(zero & said)
