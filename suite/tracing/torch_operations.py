"""What each ATen operation is on a tape: those on one entry of each argument here, the others by subject beside it.

A name without its overload stands for all of them that have no entry of their own.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch._prims  # registers torch.ops.prims

from gradlaws.suite.tracing import (
    torch_indexing,
    torch_linalg,
    torch_products,
    torch_reductions,
    torch_shapes,
    torch_windows,
)
from gradlaws.suite.tracing.torch_call import TorchCall, TorchLowering, Value

# What passes on what it is given, if perhaps into another memory.
PASSED = frozenset({
    "aten.detach", "aten.alias", "aten.lift", "aten.lift_fresh", "aten.clone", "aten.contiguous", "aten.view_as",
    "aten.positive", "aten.detach_copy", "aten.alias_copy", "aten.lift_fresh_copy",
    "prims.view_of", "prims.clone",
})  # fmt: skip
# What takes a tensor for its shape and type alone.
UNTOUCHED = frozenset({
    "aten.empty_like", "aten.zeros_like", "aten.ones_like", "aten.full_like", "aten.rand_like", "aten.randn_like",
    "aten.randint_like", "aten.new_empty", "aten.new_empty_strided", "aten.new_zeros", "aten.new_ones",
    "aten.new_full", "aten._efficientzerotensor", "aten.is_same_size", "aten._has_same_storage_numel",
    "prims.empty_like", "aten.bernoulli", "aten.poisson", "aten.multinomial", "aten.binomial",
})  # fmt: skip

# What gives integers of floats: they stay what they are at the point.
DISCRETE = frozenset({"aten.nonzero", "aten.bincount", "aten.searchsorted", "aten.bucketize"})


def elementwise(operation: str, *names: str, dtype: str | None = None) -> TorchLowering:
    """Arguments in the type of the result, or in that which is given."""

    def lowering(call: TorchCall) -> list[int]:
        arguments = names or ("self" if "self" in call.parameters else "a",)
        return call.last(operation, *(call.operand(name, dtype) for name in arguments))

    return lowering


def pair(operation: str, common: bool = False) -> TorchLowering:
    """Of two arguments, whatever they are called; with ``common`` in the type torch promotes them to, else the
    result's."""

    def lowering(call: TorchCall) -> list[int]:
        first, second = list(call.parameters)[:2]
        dtype = call.common(first, second) if common else None
        return call.last(operation, call.operand(first, dtype), call.operand(second, dtype))

    return lowering


def one(operation: str, common: bool = False) -> TorchLowering:
    """Of the first argument."""

    def lowering(call: TorchCall) -> list[int]:
        first = next(iter(call.parameters))
        return call.last(operation, call.operand(first, call.common(first) if common else None))

    return lowering


def scaled(call: TorchCall, name: str) -> Value:
    """alpha · argument."""
    value, alpha = call.operand(name), call["alpha"]
    return value if alpha in (None, 1) else call.one("mul", call.kind_of(value).shape, value, call.constant(alpha))


def added(call: TorchCall) -> list[int]:
    return call.last("add", call.operand("self"), scaled(call, "other"))


def subtracted(call: TorchCall) -> list[int]:
    return call.last("sub", call.operand("self"), scaled(call, "other"))


def subtracted_from(call: TorchCall) -> list[int]:
    return call.last("sub", call.operand("other"), scaled(call, "self"))


def divided(call: TorchCall) -> list[int]:
    """Also rounded, by mode "floor" or "trunc"."""
    mode, (first, second) = call["rounding_mode"], list(call.parameters)[:2]
    a, b = call.operand(first), call.operand(second)
    if mode is None:
        return call.last("div", a, b)
    if call.kind.is_discrete:
        return call.last("floor_divide" if mode == "floor" else "div", a, b)
    quotient = call.one("div", call.kind.shape, a, b)
    return call.last("floor" if mode == "floor" else "trunc", quotient)


def floor_divided(call: TorchCall) -> list[int]:
    a, b = call.operand("self"), call.operand("other")
    if call.kind.is_discrete:
        return call.last("floor_divide", a, b)
    return call.last("floor", call.one("div", call.kind.shape, a, b))


def remainder(call: TorchCall) -> list[int]:
    """With the sign of the divisor: a − ⌊a / b⌋ b."""
    a, b = call.operand("self"), call.operand("other")
    if call.kind.is_discrete:
        return call.last("remainder", a, b)
    shape = call.kind.shape
    whole = call.one("floor", shape, call.one("div", shape, a, b))
    return call.last("sub", a, call.one("mul", shape, whole, b))


def power(call: TorchCall) -> list[int]:
    exponent = call["exponent"]
    base = call.operand("self" if "self" in call.parameters else "a")
    if isinstance(exponent, Value | complex):
        return call.last("pow", base, call.operand("exponent"))
    if float(exponent).is_integer() and abs(exponent) <= 64:
        return call.last("integer_power", base, exponent=int(exponent))
    if exponent in (0.5, -0.5):
        return call.last("sqrt" if exponent > 0 else "rsqrt", base)
    return call.last("pow", base, call.constant(exponent))


def chosen(call: TorchCall) -> list[int]:
    """where(condition, self, other): the tape's select has the case of False first."""
    first, second, third = list(call.parameters)[:3]
    which = call.operand(first, "bool")
    return call.last("select", which, call.operand(third), call.operand(second))


def clamped(call: TorchCall) -> list[int]:
    value, shape = call.operand("self"), call.kind.shape
    if call.parameters.get("min") is not None:
        value = call.one("maximum", shape, value, call.operand("min"))
    if call.parameters.get("max") is not None:
        value = call.one("minimum", shape, value, call.operand("max"))
    return [value]


def rectified(call: TorchCall) -> list[int]:
    return call.last("maximum", call.operand("self"), call.constant(0))


def cast(call: TorchCall) -> list[int]:
    """To the type of the result."""
    return [call.operand(next(iter(call.parameters)))]


def copied(call: TorchCall) -> list[int]:
    """copy(self, src): src in the shape and type of self."""
    return [torch_shapes.broadcast(call, call.operand("src"), call.kind.shape)]


def filled(call: TorchCall) -> list[int]:
    return [torch_shapes.broadcast(call, call.operand("value"), call.kind.shape)]


def zeroed(call: TorchCall) -> list[int]:
    return [torch_shapes.broadcast(call, call.constant(0), call.kind.shape)]


def dropped(call: TorchCall) -> list[int]:
    """native_dropout: by the mask that torch has drawn."""
    p, mask = call["p"], call.results[1].double().numpy()
    scale = mask / (1 - p) if call["train"] and p < 1 else mask
    return call.last("mul", call.operand("input"), call.to.constant(scale, call.kind.dtype))


def sign_of_zero_kept(call: TorchCall) -> list[int]:
    """copysign(a, b): |a| or −|a|. What −0 is among the signs, the point says: torch's own answer."""
    a, b = call.operand("self"), call.operand("other")
    size = call.one("abs", call.kind_of(a).shape, a)
    less = call.one("less", call.kind_of(b).shape, b, call.constant(0), of="bool")
    return call.last("select", less, size, call.one("negative", call.kind_of(size).shape, size))


def multigamma(call: TorchCall) -> list[int]:
    """log Γ_p(x) = p (p − 1) / 4 · log π + Σ log Γ(x − j / 2)."""
    p, x, shape = call["p"], call.operand("self"), call.kind.shape
    total = call.constant(p * (p - 1) / 4 * math.log(math.pi))
    for j in range(p):
        shifted = call.one("sub", shape, x, call.constant(j / 2)) if j else x
        total = call.one("add", shape, total, call.one("lgamma", shape, shifted))
    return [total]


def polygamma(call: TorchCall) -> list[int]:
    """n is a number, before x."""
    n = call["n"]
    x = call.operand("self")
    order = n if isinstance(n, Value) else call.constant(n, "int64")
    return call.last("polygamma", order, x)


def parts(call: TorchCall) -> list[int]:
    first, second = list(call.parameters)[:2]
    dtype = "float64" if call.kind.dtype == "complex128" else "float32"
    return call.last("complex", call.operand(first, dtype), call.operand(second, dtype))


def real_part(operation: str) -> TorchLowering:
    """Of a complex argument, a real result."""
    return lambda call: call.last(operation, call.arguments[0])


def conjugated(call: TorchCall) -> list[int]:
    return call.last("conjugate", call.arguments[0]) if call.kind.is_complex else [call.arguments[0]]


def absolute(call: TorchCall) -> list[int]:
    return call.last("abs", call.arguments[0])


UNARY: dict[str, str] = {
    "neg": "negative", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2",
    "log10": "log10", "log1p": "log1p", "sqrt": "sqrt", "rsqrt": "rsqrt", "cbrt": "cbrt", "reciprocal": "reciprocal",
    "sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "asinh", "acosh": "acosh", "atanh": "atanh",
    "sigmoid": "sigmoid", "erf": "erf", "erfc": "erfc", "erfinv": "erfinv", "erf_inv": "erfinv", "lgamma": "lgamma",
    "digamma": "digamma", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "sign": "sign", "i0": "i0",
    "bessel_i0": "i0", "bessel_i1": "i1", "bessel_i0e": "i0e", "bessel_i1e": "i1e", "bessel_j0": "bessel_j0",
    "bessel_j1": "bessel_j1", "special_i1": "i1", "special_i0e": "i0e", "special_i1e": "i1e",
    "special_bessel_j0": "bessel_j0", "special_bessel_j1": "bessel_j1", "special_bessel_y0": "bessel_y0",
    "special_bessel_y1": "bessel_y1", "special_modified_bessel_i0": "i0", "special_modified_bessel_i1": "i1",
    "special_modified_bessel_k0": "modified_bessel_k0", "special_modified_bessel_k1": "modified_bessel_k1",
    "special_spherical_bessel_j0": "spherical_bessel_j0", "spherical_bessel_j0": "spherical_bessel_j0",
    "special_airy_ai": "airy_ai", "special_erfcx": "erfcx", "erfcx": "erfcx", "special_ndtri": "ndtri",
    "ndtri": "ndtri", "special_log_ndtr": "log_ndtr", "special_entr": "entr",
}  # fmt: skip
BINARY: dict[str, str] = {
    "mul": "mul", "maximum": "maximum", "minimum": "minimum", "fmax": "maximum", "fmin": "minimum", "atan2": "atan2",
    "fmod": "remainder_to_zero", "igamma": "igamma", "igammac": "igammac", "xlogy": "xlogy",
    "special_xlog1py": "xlog1py", "special_zeta": "hurwitz_zeta", "zeta": "hurwitz_zeta", "logaddexp": "logaddexp",
    "logaddexp2": "logaddexp2", "hypot": "hypot", "bitwise_and": "logical_and", "bitwise_or": "logical_or",
    "bitwise_xor": "logical_xor", "bitwise_left_shift": "shift_left", "bitwise_right_shift": "shift_right",
    "shift_left": "shift_left",
    "shift_right_arithmetic": "shift_right",
}  # fmt: skip
COMPARED: dict[str, str] = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
}  # fmt: skip
LOGICAL: dict[str, str] = {"logical_and": "logical_and", "logical_or": "logical_or", "logical_xor": "logical_xor"}

OTHERS: dict[str, TorchLowering] = {
    "aten.add": added,
    "aten.sub": subtracted,
    "aten.rsub": subtracted_from,
    "prims.add": pair("add"),
    "prims.sub": pair("sub"),
    "aten.div": divided,
    "aten.true_divide": divided,
    "prims.div": pair("div"),
    "aten.floor_divide": floor_divided,
    "aten.remainder": remainder,
    "prims.remainder": lambda call: remainder(call),
    "aten.pow.Tensor_Scalar": power,
    "aten.pow": pair("pow"),
    "prims.pow": pair("pow"),
    "aten.where": chosen,
    "prims.where": chosen,
    "aten.clamp": clamped,
    "aten.clamp_min": clamped,
    "aten.clamp_max": clamped,
    "aten.relu": rectified,
    "aten._to_copy": cast,
    "aten.to": cast,
    "prims.convert_element_type": cast,
    "aten.copy": copied,
    "aten.fill": filled,
    "aten.zero": zeroed,
    "aten.round": one("rint"),
    "prims.round": one("rint"),
    "aten.abs": absolute,
    "prims.abs": absolute,
    "aten.copysign": sign_of_zero_kept,
    "aten.mvlgamma": multigamma,
    "aten.polygamma": polygamma,
    "aten.logical_not": elementwise("logical_not", dtype="bool"),
    "aten.bitwise_not": one("logical_not"),
    "prims.bitwise_not": one("logical_not"),
    "aten.isnan": one("is_nan", common=True),
    "aten.isinf": one("is_infinite", common=True),
    "prims.isfinite": one("is_finite", common=True),
    "aten.complex": parts,
    "aten.native_dropout": dropped,
    "aten.real": real_part("real"),
    "aten.imag": real_part("imaginary"),
    "prims.real": real_part("real"),
    "prims.imag": real_part("imaginary"),
    "aten._conj": conjugated,
    "aten.conj_physical": conjugated,
    "aten._conj_physical": conjugated,
    "prims.conj": conjugated,
}


def _named(names: dict[str, str], lowering: Any) -> dict[str, TorchLowering]:
    """In both namespaces of torch, as far as this release has them."""
    return {
        f"{space}.{name}": lowering(operation)
        for space in ("aten", "prims")
        for name, operation in names.items()
        if hasattr(getattr(torch.ops, space), name)
    }


LOWERED: dict[str, TorchLowering] = (
    _named(UNARY, one)
    | _named(BINARY, pair)
    | _named(COMPARED, lambda operation: pair(operation, common=True))
    | {f"aten.{name}": elementwise(operation, "self", "other", dtype="bool") for name, operation in LOGICAL.items()}
    | OTHERS
    | torch_shapes.LOWERED
    | torch_indexing.LOWERED
    | torch_reductions.LOWERED
    | torch_products.LOWERED
    | torch_windows.LOWERED
    | torch_linalg.LOWERED
)
