"""MLX on a CPU as a backend: `pip install 'mlx[cpu]'`.

python -m tox -e gate -- --plugin suite.examples.apple_mlx --backends mlx

What it finds stands in apple_mlx.toml: exp, sin, cos, erf and all that use them keep 7 digits in float64.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import mlx.core
import mlx.nn
import numpy as np

from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.plugins import contracts_like

mlx.core.set_default_device(mlx.core.cpu)  # which alone has float64

BACKEND = Backend(
    "mlx",
    importlib.metadata.version("mlx"),
    lambda values, dtype: mlx.core.array(np.asarray(values, dtype=dtype), dtype=getattr(mlx.core, dtype)),
    lambda answer: np.array(answer, dtype=np.float64),
    "mlx.core.array({values}, dtype=mlx.core.{dtype})",
    (NotImplementedError,), lacks={"H2": "it has no Hessian", "H3": "it has no Hessian"},
    unsupported_words=("Not implemented", "not implemented", "not supported"),
)  # fmt: skip
LIBRARIES = ("mlx.core", "mlx.nn")
LEDGER = "apple_mlx.toml"
CONTRACTS = contracts_like("jax", "mlx", "logaddexp")
NAMES = {"atan2": "arctan2", "pow": "power", "norm": "linalg.norm"}
ONE = ["square", "sin", "cos", "exp", "log", "log1p", "expm1", "sqrt", "reciprocal", "tanh", "sigmoid", "erf"]
TWO = ["pow", "maximum", "atan2", "logaddexp", "outer"]
SPELLINGS = {
    **{name: f"mlx.core.{NAMES.get(name, name)}({{x}})" for name in ONE},
    **{name: f"mlx.core.{NAMES.get(name, name)}({{x}}, {{y}})" for name in TWO},
    **{name: f"{{x}} {sign} {{y}}" for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "/"))},
    "matmul": "{x} @ {y}", "softplus": "mlx.nn.softplus({x})", "gelu": "mlx.nn.gelu({x})",
    "sum": "mlx.core.sum({x}, axis={axis})", "prod": "mlx.core.prod({x}, axis=-1)",
    "logsumexp": "mlx.core.logsumexp({x}, axis=-1)", "norm": "mlx.core.linalg.norm({x}, axis=-1)",
    "softmax": "mlx.core.softmax({x}, axis=-1)", "transpose": "mlx.core.transpose({x})",
    "layer_norm": "mlx.core.fast.layer_norm({x}, None, None, 1e-5)", "reshape": "mlx.core.reshape({x}, {shape})",
    "broadcast": "mlx.core.broadcast_to({x}, {shape})", "concatenate": "mlx.core.concatenate([{x}, {y}])",
    "slice": "{x}[{start}::{step}]", "gather": "mlx.core.take({x}, mlx.core.array({indices}), axis=0)",
}  # fmt: skip


@BACKEND.mode("value", "eager")
def value(f: Any, x: Any) -> Any:
    return f(*x)


@BACKEND.mode("gradient", "grad")
def gradient(f: Any, x: Any) -> Any:
    return mlx.core.grad(lambda x: f(*x))(list(x))


@BACKEND.mode("vjp", "vjp")
def vjp(f: Any, x: Any, u: Any) -> Any:
    return mlx.core.vjp(f, x, [u])[1]


@BACKEND.mode("jacobian", "rows by vjp")
def jacobian(f: Any, x: Any) -> Any:
    y = f(*x)
    rows = [mlx.core.vjp(f, x, [u.reshape(y.shape)])[1] for u in mlx.core.eye(y.size, dtype=y.dtype)]
    return [mlx.core.stack(list(row)).reshape(y.shape + a.shape) for row, a in zip(zip(*rows), x)]


@BACKEND.mode("jvp", "jvp")
def jvp(f: Any, x: Any, v: Any) -> Any:
    return mlx.core.jvp(f, x, v)[1][0]


@BACKEND.mode("hvp", "vjp(grad)")
def hvp(f: Any, x: Any, v: Any) -> Any:
    return mlx.core.vjp(lambda *x: mlx.core.grad(lambda x: f(*x))(list(x)), list(x), list(v))[1]
