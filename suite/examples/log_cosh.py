r"""An operation of one's own, log cosh x, with its derivative by hand in torch and in jax.

gradlaws check gradlaws.suite.examples.log_cosh:log_cosh_torch --domain=-30,30 \
    --definition gradlaws.suite.examples.log_cosh:definition
python -m tox -e gate -- --plugin suite.examples.log_cosh --backends torch,jax
"""

from __future__ import annotations

from typing import Any

import jax
import torch
from mpmath import mp, mpf

from gradlaws.strategies.primitive import Floats, interval, unary


class LogCosh(torch.autograd.Function):
    """|x| + log1p(exp(-2|x|)) - log 2, which does not overflow; its derivative is tanh x."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        return torch.logaddexp(x, -x) - torch.log(torch.tensor(2.0, dtype=x.dtype))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return cotangent * torch.tanh(ctx.saved_tensors[0])

    @staticmethod
    def jvp(ctx: Any, tangent: Any) -> Any:
        return tangent * torch.tanh(ctx.saved_tensors[0])


log_cosh_torch = LogCosh.apply


@jax.custom_jvp
def log_cosh_jax(x: Any) -> Any:
    return jax.numpy.logaddexp(x, -x) - jax.numpy.log(jax.numpy.asarray(2.0, x.dtype))


@log_cosh_jax.defjvp
def log_cosh_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return log_cosh_jax(x), jax.numpy.tanh(x) * t


def second_cancels(x: Floats, y: Floats) -> tuple[float, float]:
    """The second derivative is computed as 1 - tanh² x, whose terms are of size 1 where it is small."""
    return 0.0, 1.0


def definition(x: mpf) -> mpf:
    return mp.log(mp.cosh(x))


PRIMITIVES = [
    unary(
        "log_cosh", definition, interval(-30, 30), "log cosh {x}", second_cancels,
        torch=f"{__name__}.log_cosh_torch", jax=f"{__name__}.log_cosh_jax",
    ),
]  # fmt: skip
# Near 0 it is a difference of numbers near log 2, which is absolute rounding: 4 u beside the ulps of the value.
CONTRACTS = [
    {"backends": ["torch", "jax"], "primitives": ["log_cosh"], "ulps": [4, 4, 4], "absolute": 4, "conditioning": 4,
     "reason": "logaddexp(x, -x) - log 2 cancels near 0"},
]  # fmt: skip
LEDGER = "log_cosh.toml"  # what torch's nested forward mode does to a custom Function
