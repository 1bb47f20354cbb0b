"""What each primitive of jax.lax is on a tape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradlaws.suite.tape.operations.indexing import Windows
from gradlaws.suite.tape.tape import HELD, Kind
from gradlaws.suite.tracing.call import Call, Lowering, as_it_is, with_parameters

Parameters = Mapping[str, Any]


def reshaped(call: Call) -> list[int]:
    return call.emit("reshape", call.arguments[0], shape=call.kinds[0].shape)


def reshape(call: Call) -> list[int]:
    """After a transposition, where there is one in ``dimensions``."""
    order = call.parameters.get("dimensions")
    if order is None:
        return reshaped(call)
    moved = _transposed(call, call.arguments[0], order)
    return call.emit("reshape", moved, shape=call.kinds[0].shape)


def _transposed(call: Call, x: int, order: Sequence[int]) -> int:
    shape = call.to.kinds[x].shape
    return call.before("transpose", tuple(shape[i] for i in order), x, permutation=tuple(order))


def strided(parameters: Parameters) -> Mapping[str, Any]:
    starts = tuple(parameters["start_indices"])
    strides = parameters["strides"] or (1,) * len(starts)
    return {"starts": starts, "stops": tuple(parameters["limit_indices"]), "strides": tuple(strides)}


def padding(parameters: Parameters) -> Mapping[str, Any]:
    low, high, interior = (
        zip(*parameters["padding_config"], strict=True) if parameters["padding_config"] else ((), (), ())
    )
    return {"low": low, "high": high, "interior": interior}


def contraction(call: Call) -> list[int]:
    summed, batched = call.parameters["dimension_numbers"]
    length = math.prod(call.shape(0)[i] for i in summed[0])
    return call.emit("contract", summed=summed, batched=batched, length=length)


def conversion(call: Call) -> list[int]:
    return call.emit("convert", call.arguments[0], dtype=call.kinds[0].dtype, kind=call.kinds[0].number)


def iota(call: Call) -> list[int]:
    kind, axis = call.kinds[0], call.parameters["dimension"]
    line = np.arange(kind.shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(kind.shape))])
    whole = np.broadcast_to(line, kind.shape)
    return [call.to.constant(whole.astype(np.float64 if kind.is_float else kind.dtype), kind.dtype)]


def gathered(call: Call) -> list[int]:
    d, kind = call.parameters["dimension_numbers"], call.kinds[0]
    windows = Windows(d.offset_dims, d.collapsed_slice_dims, d.start_index_map, d.operand_batching_dims,
                      d.start_indices_batching_dims)  # fmt: skip
    fill = call.parameters["fill_value"]
    if fill is None:
        fill = np.nan if not kind.is_discrete else 0 if kind.dtype == "bool" else np.iinfo(kind.dtype).max
    clip = "FILL" not in str(call.parameters["mode"])
    sizes = tuple(call.parameters["slice_sizes"])
    return call.emit("gather", windows=windows, sizes=sizes, shape=kind.shape, clip=clip, fill=fill)


def scattered(how: str) -> Lowering:
    def lowering(call: Call) -> list[int]:
        d, shape = call.parameters["dimension_numbers"], call.shape(0)
        windows = Windows(d.update_window_dims, d.inserted_window_dims, d.scatter_dims_to_operand_dims,
                          d.operand_batching_dims, d.scatter_indices_batching_dims)  # fmt: skip
        window = iter(call.shape(2)[i] for i in d.update_window_dims)
        sizes = tuple(
            1 if axis in (*windows.collapsed, *windows.batched) else next(window) for axis in range(len(shape))
        )
        clip = "CLIP" in str(call.parameters["mode"])
        return call.emit(f"scatter_{how}", windows=windows, sizes=sizes, clip=clip)

    return lowering


def tiled(call: Call) -> list[int]:
    """Each axis with one before it that repeats it."""
    shape, counts = call.shape(0), call.parameters["reps"]
    apart = tuple(n for axis in shape for n in (1, axis))
    repeated = tuple(n for pair in zip(counts, shape, strict=True) for n in pair)
    found = call.before("reshape", apart, call.arguments[0], shape=apart)
    found = call.before("broadcast", repeated, found, shape=repeated, dimensions=tuple(range(len(repeated))))
    return call.emit("reshape", found, shape=call.kinds[0].shape)


def stacked(call: Call) -> list[int]:
    axis, shape = call.parameters["axis"], call.kinds[0].shape
    flat = (*shape[:axis], 1, *shape[axis + 1 :])
    return call.emit("concatenate", *(call.before("reshape", flat, x, shape=flat) for x in call.arguments), axis=axis)


def unstacked(call: Call) -> list[int]:
    axis, shape = call.parameters["axis"], call.shape(0)
    flat = Kind((*shape[:axis], 1, *shape[axis + 1 :]), call.kinds[0].dtype)
    sizes = (1,) * len(call.kinds)
    parts = call.to.emit("split", call.arguments, [flat] * len(sizes), call.origin, sizes=sizes, axis=axis)
    return [
        call.to.one("reshape", [part], kind, call.origin, shape=kind.shape)
        for part, kind in zip(parts, call.kinds, strict=True)
    ]  # fmt: skip


def largest_few(call: Call, axis: int, k: int, largest: bool = True) -> list[int]:
    """The first of the entries in order along an axis, and their places; of equal ones the first comes first."""
    x, shape = call.arguments[0], call.shape(0)
    line = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    places = call.to.constant(np.broadcast_to(line, shape), call.kinds[1].dtype)
    key = call.before("negative", shape, x) if largest else x
    kinds = [Kind(shape, call.kinds[0].dtype), Kind(shape, call.kinds[1].dtype)]
    found, at = call.to.emit("sort", [key, places], kinds, call.origin, axis=axis, keys=1)
    if largest:
        found = call.before("negative", shape, found)
    ends = tuple(k if a == axis else n for a, n in enumerate(shape))
    whole = {"starts": (0,) * len(shape), "stops": ends, "strides": (1,) * len(shape)}
    return [call.before("slice", ends, value, **whole) for value in (found, at)]


def top_k(call: Call) -> list[int]:
    axis = call.parameters.get("axis", -1) % len(call.shape(0))
    return largest_few(call, axis, call.parameters["k"])


def approximate_top_k(call: Call) -> list[int]:
    """Which is exact on a CPU."""
    p = call.parameters
    return largest_few(call, p["reduction_dimension"] % len(call.shape(0)), p["k"], p["is_max_k"])


def window_gather(call: Call) -> list[int]:
    """select_and_gather_add(tangents, operand): of every window the tangent of its extremum."""
    tangents, x = call.arguments
    name = "max" if "ge" in str(call.parameters["select_prim"]) else "min"
    return call.emit(f"window_gather_{name}", x, tangents, **window(call.parameters))


def bits(call: Call) -> list[int]:
    return call.emit("bits", of=call.to.kinds[call.arguments[0]].dtype, dtype=call.kinds[0].dtype)


def clamped(call: Call) -> list[int]:
    low, x, high = call.arguments
    above = call.before("maximum", call.kinds[0].shape, x, low)
    return call.emit("minimum", above, high)


def convolution(call: Call) -> list[int]:
    """Through the order batch, channels, space, in which it is declared."""
    p, d = call.parameters, call.parameters["dimension_numbers"]
    x, kernel = map(_transposed, [call] * 2, call.arguments, (d.lhs_spec, d.rhs_spec))
    low, high = zip(*p["padding"], strict=True)
    found = call.before(
        "convolve", tuple(call.kinds[0].shape[i] for i in d.out_spec), x, kernel,
        strides=tuple(p["window_strides"]), low=low, high=high,
        spread=tuple(p["lhs_dilation"]), kernel_spread=tuple(p["rhs_dilation"]),
        groups=p["feature_group_count"], batch_groups=p["batch_group_count"],
        length=math.prod(call.to.kinds[kernel].shape[1:]),
    )  # fmt: skip
    return call.emit("transpose", found, permutation=tuple(int(i) for i in np.argsort(d.out_spec)))


def window(parameters: Parameters) -> Mapping[str, Any]:
    low, high = zip(*parameters["padding"], strict=True)
    none = (1,) * len(low)
    return {
        "size": tuple(parameters["window_dimensions"]), "strides": tuple(parameters["window_strides"]),
        "low": low, "high": high, "spread": tuple(parameters.get("base_dilation", none)),
        "window_spread": tuple(parameters.get("window_dilation", none)),
    }  # fmt: skip


def window_scatter(call: Call) -> list[int]:
    """select_and_scatter_add(source, operand)."""
    source, x = call.arguments
    name = "max" if "ge" in str(call.parameters["select_prim"]) else "min"
    return call.emit(f"window_scatter_{name}", x, source, **window(call.parameters))


def split_sizes(parameters: Parameters) -> Mapping[str, Any]:
    return {"sizes": tuple(parameters["sizes"]), "axis": parameters["axis"]}


def permuted(parameters: Parameters) -> Mapping[str, Any]:
    return {"permutation": tuple(parameters["permutation"])}


def on_axes(parameters: Parameters) -> Mapping[str, Any]:
    return {"axes": tuple(parameters["axes"])}


def running(parameters: Parameters) -> Mapping[str, Any]:
    return {"axis": parameters["axis"], "reverse": parameters["reverse"]}


def broadcast(call: Call) -> list[int]:
    axes = tuple(call.parameters["broadcast_dimensions"])
    return call.emit("broadcast", call.arguments[0], shape=call.kinds[0].shape, dimensions=axes)


SAME = {
    "add": "add", "add_any": "add", "sub": "sub", "mul": "mul", "div": "div", "neg": "negative", "abs": "abs",
    "sign": "sign", "max": "maximum", "min": "minimum", "square": "square", "rem": "remainder_to_zero", "pow": "pow",
    "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log1p": "log1p", "sqrt": "sqrt", "cbrt": "cbrt",
    "rsqrt": "rsqrt", "sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan",
    "atan2": "atan2", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "asinh", "acosh": "acosh",
    "atanh": "atanh", "logistic": "sigmoid", "erf": "erf", "erfc": "erfc", "erf_inv": "erfinv", "lgamma": "lgamma",
    "digamma": "digamma", "igamma": "igamma", "igammac": "igammac", "zeta": "hurwitz_zeta",
    "regularized_incomplete_beta": "incomplete_beta", "bessel_i0e": "i0e", "bessel_i1e": "i1e", "floor": "floor",
    "ceil": "ceil", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal",
    "ne": "not_equal", "not": "logical_not", "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
    "is_finite": "is_finite", "select_n": "select", "real": "real", "imag": "imaginary", "conj": "conjugate",
    "complex": "complex", "shift_left": "shift_left", "shift_right_logical": "shift_right",
    "shift_right_arithmetic": "shift_right", "polygamma": "polygamma", "igamma_grad_a": "igamma_grad_a",
    "lt_to": "less", "le_to": "less_equal", "eq_to": "equal",
}  # fmt: skip

LOWERED: dict[str, Lowering] = {name: as_it_is(operation) for name, operation in SAME.items()} | {
    "round": as_it_is("rint"),
    "stop_gradient": as_it_is(HELD),
    "integer_pow": with_parameters("integer_power", lambda p: {"exponent": p["y"]}),
    "convert_element_type": conversion,
    "clamp": clamped,
    "iota": iota,
    "reshape": reshape,
    "squeeze": reshaped,
    "expand_dims": reshaped,
    "broadcast_in_dim": broadcast,
    "transpose": with_parameters("transpose", permuted),
    "rev": with_parameters("flip", lambda p: {"axes": tuple(p["dimensions"])}),
    "slice": with_parameters("slice", strided),
    "pad": with_parameters("pad", padding),
    "concatenate": with_parameters("concatenate", lambda p: {"axis": p["dimension"]}),
    "split": with_parameters("split", split_sizes),
    "dynamic_slice": with_parameters("dynamic_slice", lambda p: {"shape": tuple(p["slice_sizes"])}),
    "dynamic_update_slice": as_it_is("dynamic_update"),
    "gather": gathered,
    "scatter": scattered("set"),
    "scatter-add": scattered("add"),
    "scatter_add": scattered("add"),
    "scatter-sub": scattered("sub"),
    "scatter-mul": scattered("mul"),
    "scatter_mul": scattered("mul"),
    "scatter-min": scattered("min"),
    "scatter_min": scattered("min"),
    "scatter-max": scattered("max"),
    "scatter_max": scattered("max"),
    "dot_general": contraction,
    "conv_general_dilated": convolution,
    "reduce_window_sum": with_parameters("window_sum", window),
    "reduce_window_max": with_parameters("window_max", window),
    "reduce_window_min": with_parameters("window_min", window),
    "select_and_scatter_add": window_scatter,
    "reduce_sum": with_parameters("reduce_sum", on_axes),
    "reduce_prod": with_parameters("reduce_product", on_axes),
    "reduce_max": with_parameters("reduce_max", on_axes),
    "reduce_min": with_parameters("reduce_min", on_axes),
    "reduce_and": with_parameters("reduce_and", on_axes),
    "reduce_or": with_parameters("reduce_or", on_axes),
    "cumsum": with_parameters("cumulative_sum", running),
    "cumprod": with_parameters("cumulative_product", running),
    "cummax": with_parameters("cumulative_max", running),
    "cummin": with_parameters("cumulative_min", running),
    "cumlogsumexp": with_parameters("cumulative_logsumexp", running),
    "argmax": with_parameters("argmax", lambda p: {"axis": p["axes"][0], "dtype": str(p["index_dtype"])}),
    "argmin": with_parameters("argmin", lambda p: {"axis": p["axes"][0], "dtype": str(p["index_dtype"])}),
    "sort": with_parameters("sort", lambda p: {"axis": p["dimension"], "keys": p["num_keys"]}),
    "top_k": top_k,
    "approx_top_k": approximate_top_k,
    "tile": tiled,
    "stack": stacked,
    "unstack": unstacked,
    "select_and_gather_add": window_gather,
    "bitcast_convert_type": bits,
}

# Primitives without a declaration, and why.
BETWEEN = "between devices: RULE looks at one"
BITS = "of bits or integers, which do not move: it is computed at the point"
LEFT_OUT = {
    **dict.fromkeys(("all_gather", "all_to_all", "axis_index", "pmax", "pmin", "ppermute", "psum", "ragged_all_to_all"),
                    BETWEEN),
    **dict.fromkeys(("clz", "population_count", "mulhi", "reduce_xor", "rng_bit_generator", "rng_uniform",
                     "lu_pivots_to_permutation"), BITS),
    **dict.fromkeys(("after_all", "create_token"), "orders effects, and has no numbers"),
    "dce_sink": "has no result",
    "nextafter": "a step of the type: it has no derivative, in jax neither",
    "select_and_scatter": "has no derivative in jax; the one with a sum is declared",
    "eig": "eigenvalues without symmetry: complex, and vectors whose scale each library chooses",
    **dict.fromkeys(("cholesky_update", "hessenberg", "ormqr", "schur", "symmetric_product", "tridiagonal"),
                    "has no derivative in jax"),
}  # fmt: skip
