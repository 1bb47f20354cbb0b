"""Names that all rooms share: quantities, frameworks, and the libraries that a call may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Quantity = Literal["value", "gradient", "jacobian", "vjp", "jvp", "hessian", "hvp", "curvature"]
ORDERS: Mapping[Quantity, int] = {
    "value": 0,
    "gradient": 1, "jacobian": 1, "vjp": 1, "jvp": 1,
    "hessian": 2, "hvp": 2, "curvature": 2,
}  # fmt: skip

VERSION = "0.1.0"
# Releases with which the suite is run, as pyproject.toml has them; with what is outside of them it goes no further.
SUPPORTED: Mapping[str, str] = {"python": ">=3.11", "numpy": ">=1.26", "torch": ">=2.7", "jax": ">=0.4.32"}

# Ours, and where each is declared; plugins add theirs to the run (suite/run.py).
MODULES: Mapping[str, str] = {
    "numpy": "gradlaws.suite.backends.numpy_backend",
    "torch": "gradlaws.suite.backends.torch_backend",
    "jax": "gradlaws.suite.backends.jax_backend",
}
LIBRARIES = (
    "numpy",
    "scipy.special",
    "scipy.fft",
    "scipy.linalg",
    "torch",
    "torch.utils.checkpoint",
    "jax",
    "jax.scipy.special",
    "jax.scipy.fft",
    "jax.scipy.linalg",
    "jax.experimental.jet",
    "optax",
)
