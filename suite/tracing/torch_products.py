"""ATen's products of matrices, and Fourier transforms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradlaws.suite.tracing.torch_call import TorchCall, TorchLowering, Value
from gradlaws.suite.tracing.torch_shapes import cut


def matmul(call: TorchCall, a: int, b: int) -> Value:
    """Of the last two axes of each; axes before them run together. A vector has one axis, which is summed."""
    left, right = call.kind_of(a).shape, call.kind_of(b).shape
    batch = tuple(range(len(left) - 2)) if len(right) > 2 else ()
    summed = ((len(left) - 1,), (max(len(right) - 2, 0),))
    shape = left[:-1] + (right[-1:] if len(right) > 1 else ())
    return call.one("contract", shape, a, b, of=call.kind.dtype, summed=summed, batched=(batch, batch), length=left[-1])


def product(call: TorchCall) -> list[int]:
    """mm, bmm, mv, dot."""
    first, second = list(call.parameters)[:2]
    return [matmul(call, call.operand(first), call.operand(second))]


def conjugate_product(call: TorchCall) -> list[int]:
    a, b = call.operand("self"), call.operand("other")
    if call.kind.is_complex:
        a = call.one("conjugate", call.kind_of(a).shape, a)
    return [matmul(call, a, b)]


def scaled(call: TorchCall, value: Value, factor: float) -> Value:
    return value if factor == 1 else call.one("mul", call.kind_of(value).shape, value, call.constant(factor))


def added_product(first: str, second: str, summed: bool = False) -> TorchLowering:
    """beta · self + alpha · a @ b. Of beta 0, torch does not look at self."""

    def lowering(call: TorchCall) -> list[int]:
        found = matmul(call, call.operand(first), call.operand(second))
        if summed:
            found = call.one("reduce_sum", call.kind_of(found).shape[1:], found, axes=(0,))
        found = scaled(call, found, call["alpha"])
        if call["beta"] == 0:
            return [found]
        return call.last("add", scaled(call, call.operand("self"), call["beta"]), found)

    return lowering


def transform(call: TorchCall, value: Value, axes: Sequence[int], forward: bool) -> Value:
    """Along axes, one after the other."""
    kind = call.kind_of(value)
    for axis in axes:
        value = call.one("fourier", kind.shape, value, of=kind.dtype, axis=axis % len(kind.shape), forward=forward)
    return value


def normalised(call: TorchCall, value: Value, sizes: Sequence[int]) -> list[int]:
    """torch's code: 0 as it is, 1 divided by √n, 2 divided by n."""
    if call["normalization"] == 0:
        return [value]
    n = call.constant(math.prod(sizes), "float64")
    if call["normalization"] == 1:
        n = call.one("sqrt", (), n, of="float64")
    return call.last("div", value, call.converted(n, call.kind.dtype))


def fourier(call: TorchCall) -> list[int]:
    value = transform(call, Value(call.arguments[0]), call["dim"], call["forward"])
    return normalised(call, value, [call.shape(0)[axis] for axis in call["dim"]])


def fourier_of_real(call: TorchCall) -> list[int]:
    """Of the last of its axes perhaps the first half alone, which says the other."""
    axes, shape = call["dim"], call.shape(0)
    value = transform(call, call.converted(call.arguments[0], call.kind.dtype), axes, True)
    last = axes[-1] % len(shape)
    value = cut(call, value, last, 0, call.kind.shape[last])
    return normalised(call, value, [shape[axis] for axis in axes])


def fourier_to_real(call: TorchCall) -> list[int]:
    """From the half that says the other, of which it is the conjugate in reverse."""
    axes, n = call["dim"], call["last_dim_size"]
    value = transform(call, Value(call.arguments[0]), axes[:-1], False)
    kind = call.kind_of(value)
    last = axes[-1] % len(kind.shape)
    mirrored = cut(call, value, last, 1, (n + 1) // 2)
    shape = call.kind_of(mirrored).shape
    mirrored = call.one("flip", shape, mirrored, of=kind.dtype, axes=(last,))
    mirrored = call.one("conjugate", shape, mirrored, of=kind.dtype)
    whole = tuple(n if axis == last else m for axis, m in enumerate(kind.shape))
    half = cut(call, value, last, 0, n // 2 + 1)
    value = transform(call, call.one("concatenate", whole, half, mirrored, of=kind.dtype, axis=last), [last], False)
    return normalised(call, call.one("real", whole, value), [whole[axis] for axis in axes])


LOWERED: dict[str, TorchLowering] = {
    "aten._fft_c2c": fourier,
    "aten._fft_r2c": fourier_of_real,
    "aten._fft_c2r": fourier_to_real,
    "aten.mm": product,
    "aten.bmm": product,
    "aten.mv": product,
    "aten.dot": product,
    "aten.vdot": conjugate_product,
    "aten.addmm": added_product("mat1", "mat2"),
    "aten.baddbmm": added_product("batch1", "batch2"),
    "aten.addbmm": added_product("batch1", "batch2", summed=True),
    "aten.addmv": added_product("mat", "vec"),
}
