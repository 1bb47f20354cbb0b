"""JAX, in every public way to a derivative. Each mode stands alone: reproducers print it as it is."""

from __future__ import annotations

import functools
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
import jax.experimental.jet
import numpy as np
from packaging.specifiers import SpecifierSet

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.backends.backend import Backend

# One thread per worker, since two workers that fight over two cores are slower; and a quick compiler: the many
# small functions of a run compile in two fifths of the time. Set XLA_FLAGS to test another configuration.
XLA_FLAGS = (
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    " --xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0"
)
# Workers and later runs share what they compile, but not where a loop that is loaded from the cache ends at once on a
# CPU: in a second process hyp1f1 is 1 everywhere in 0.5.1, 0.5.3 and 0.6.0, and right in 0.5.0 and 0.6.2.
WRONG_FROM_CACHE = SpecifierSet(">=0.5.1,<0.6.2")


@functools.cache
def configure() -> None:
    """JAX's settings in a process that measures; XLA reads its flags when the first array is made."""
    os.environ.setdefault("XLA_FLAGS", XLA_FLAGS)
    if "JAX_PLATFORMS" not in os.environ:
        jax.config.update("jax_platforms", "cpu")
    cache = os.environ.get("GRADLAWS_JAX_CACHE", str(Path(tempfile.gettempdir()) / "gradlaws-jax"))
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_compilation_cache_dir", None if jax.__version__ in WRONG_FROM_CACHE else cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # It makes an MLIR context, in 6 ms, for each of the thousands of small functions that it lowers, twice what the
    # rest takes: one serves them all. Where a release has no such function, nothing changes.
    with suppress(ImportError, AttributeError):
        from jax._src.interpreters import mlir

        mlir.make_ir_context = functools.cache(mlir.make_ir_context)


def array(values: Floats, dtype: str) -> jax.Array:
    return jax.numpy.asarray(np.asarray(values, dtype=jax.numpy.dtype(dtype)))


def numbers(value: jax.Array) -> Floats:
    return np.asarray(value, dtype=np.float64)


BACKEND = Backend(
    "jax",
    jax.__version__,
    array,
    numbers,
    "jax.numpy.asarray({values}, dtype=jax.numpy.{dtype})",
    (NotImplementedError,),
    unsupported_words=(
        "Reverse-mode differentiation does not work for lax.while_loop",
        "can't apply forward-mode",
        "dtype=float16 is not supported",
        "dtype=bfloat16 is not supported",
    ),
    dtypes=("float64", "float32", "float16", "bfloat16"),
)


@BACKEND.mode("value", "eager")
def value(f: Any, x: Any) -> Any:
    return f(*x)


@BACKEND.mode("value", "jit(f)")
def jit_value(f: Any, x: Any) -> Any:
    return jax.jit(f)(*x)


@BACKEND.mode("gradient", "grad")
def grad(f: Any, x: Any) -> Any:
    return jax.grad(f, tuple(range(len(x))))(*x)


@BACKEND.mode("gradient", "value_and_grad")
def value_and_grad(f: Any, x: Any) -> Any:
    return jax.value_and_grad(f, tuple(range(len(x))))(*x)[1]


@BACKEND.mode("gradient", "jit(grad)")
def jit_grad(f: Any, x: Any) -> Any:
    return jax.jit(jax.grad(f, tuple(range(len(x)))))(*x)


@BACKEND.mode("gradient", "vmap(grad)")
def vmap_grad(f: Any, x: Any) -> Any:
    batch = [jax.numpy.stack([a, a]) for a in x]
    rows = jax.vmap(jax.grad(f, tuple(range(len(x)))))(*batch)
    return [row[1] for row in rows]


@BACKEND.mode("gradient", "grad(checkpoint)")
def grad_checkpoint(f: Any, x: Any) -> Any:
    return jax.grad(jax.checkpoint(f), tuple(range(len(x))))(*x)


@BACKEND.mode("jacobian", "jacrev")
def jacrev(f: Any, x: Any) -> Any:
    return jax.jacrev(f, tuple(range(len(x))))(*x)


@BACKEND.mode("jacobian", "jacfwd")
def jacfwd(f: Any, x: Any) -> Any:
    return jax.jacfwd(f, tuple(range(len(x))))(*x)


@BACKEND.mode("jacobian", "jit(jacrev)")
def jit_jacrev(f: Any, x: Any) -> Any:
    return jax.jit(jax.jacrev(f, tuple(range(len(x)))))(*x)


@BACKEND.mode("vjp", "vjp")
def vjp(f: Any, x: Any, u: Any) -> Any:
    return jax.vjp(f, *x)[1](u)


@BACKEND.mode("vjp", "linear_transpose(linearize)")
def linear_transpose(f: Any, x: Any, u: Any) -> Any:
    pushforward = jax.linearize(f, *x)[1]
    return jax.linear_transpose(pushforward, *x)(u)


@BACKEND.mode("jvp", "jvp")
def jvp(f: Any, x: Any, v: Any) -> Any:
    return jax.jvp(f, tuple(x), tuple(v))[1]


@BACKEND.mode("jvp", "linearize")
def linearize(f: Any, x: Any, v: Any) -> Any:
    return jax.linearize(f, *x)[1](*v)


@BACKEND.mode("jvp", "jit(jvp)")
def jit_jvp(f: Any, x: Any, v: Any) -> Any:
    return jax.jit(lambda x, v: jax.jvp(f, x, v)[1])(tuple(x), tuple(v))


@BACKEND.mode("jvp", "experimental.jet", experimental=True)
def jet(f: Any, x: Any, v: Any) -> Any:
    return jax.experimental.jet.jet(f, tuple(x), tuple([t] for t in v))[1][0]


@BACKEND.mode("hessian", "hessian")
def hessian(f: Any, x: Any) -> Any:
    return jax.hessian(f, tuple(range(len(x))))(*x)


@BACKEND.mode("hessian", "jacrev(jacrev)")
def reverse_over_reverse(f: Any, x: Any) -> Any:
    n = tuple(range(len(x)))
    return jax.jacrev(jax.jacrev(f, n), n)(*x)


@BACKEND.mode("hessian", "jacrev(jacfwd)")
def reverse_over_forward(f: Any, x: Any) -> Any:
    n = tuple(range(len(x)))
    return jax.jacrev(jax.jacfwd(f, n), n)(*x)


@BACKEND.mode("hessian", "jacfwd(jacfwd)")
def forward_over_forward(f: Any, x: Any) -> Any:
    n = tuple(range(len(x)))
    return jax.jacfwd(jax.jacfwd(f, n), n)(*x)


@BACKEND.mode("hessian", "jit(hessian)")
def jit_hessian(f: Any, x: Any) -> Any:
    return jax.jit(jax.hessian(f, tuple(range(len(x)))))(*x)


@BACKEND.mode("hvp", "jvp(grad)")
def forward_over_reverse_product(f: Any, x: Any, v: Any) -> Any:
    return jax.jvp(jax.grad(f, tuple(range(len(x)))), tuple(x), tuple(v))[1]


@BACKEND.mode("hvp", "grad(jvp)")
def reverse_over_forward_product(f: Any, x: Any, v: Any) -> Any:
    def rate(*x: Any) -> Any:
        return jax.jvp(f, x, tuple(v))[1]

    return jax.grad(rate, tuple(range(len(x))))(*x)


@BACKEND.mode("hvp", "vjp(grad)")
def reverse_over_reverse_product(f: Any, x: Any, v: Any) -> Any:
    return jax.vjp(jax.grad(f, tuple(range(len(x)))), *x)[1](tuple(v))


@BACKEND.mode("hvp", "jit(jvp(grad))")
def jit_forward_over_reverse_product(f: Any, x: Any, v: Any) -> Any:
    gradient = jax.grad(f, tuple(range(len(x))))
    return jax.jit(lambda x, v: jax.jvp(gradient, x, v)[1])(tuple(x), tuple(v))


@BACKEND.mode("curvature", "jvp(jvp)")
def forward_over_forward_product(f: Any, x: Any, v: Any) -> Any:
    def rate(*x: Any) -> Any:
        return jax.jvp(f, x, tuple(v))[1]

    return jax.jvp(rate, tuple(x), tuple(v))[1]


@BACKEND.mode("curvature", "experimental.jet", experimental=True)
def jet_curvature(f: Any, x: Any, v: Any) -> Any:
    zeros = [jax.numpy.zeros_like(t) for t in v]
    series = tuple([t, zero] for t, zero in zip(v, zeros))
    return jax.experimental.jet.jet(f, tuple(x), series)[1][1]


# What only U6 and U7 ask (suite/identities/test_taken_for_granted.py), and what they must see fail.


@BACKEND.mode("gradient", "vmap(grad) of rows that differ", of="U6")
def vmap_grad_of_rows(f: Any, x: Any) -> Any:
    batch = [jax.numpy.stack([0.75 * a, a, 1.25 * a]) for a in x]
    return [row[1] for row in jax.vmap(jax.grad(f, tuple(range(len(x)))))(*batch)]


@BACKEND.mode("gradient", "vmap(grad, in_axes=-1)", of="U6")
def vmap_grad_of_columns(f: Any, x: Any) -> Any:
    batch = [jax.numpy.stack([0.75 * a, a, 1.25 * a], -1) for a in x]
    return [row[1] for row in jax.vmap(jax.grad(f, tuple(range(len(x)))), -1)(*batch)]


@BACKEND.mode("gradient", "vmap(grad) of one input", of="U6")
def vmap_grad_of_one_input(f: Any, x: Any) -> Any:
    batch = jax.numpy.stack([0.75 * x[0], x[0], 1.25 * x[0]])
    shared = (0, *[None] * (len(x) - 1))
    return [row[1] for row in jax.vmap(jax.grad(f, tuple(range(len(x)))), shared)(batch, *x[1:])]


@BACKEND.mode("gradient", "vmap(grad) of one row and of none", of="U6")
def vmap_grad_of_one_row(f: Any, x: Any) -> Any:
    rows = jax.vmap(jax.grad(f, tuple(range(len(x)))))
    parts = zip(rows(*[a[None][:0] for a in x]), rows(*[a[None] for a in x]))
    return [jax.numpy.concatenate(part)[0] for part in parts]


@BACKEND.mode("gradient", "grad of vmap", of="U6")
def grad_of_vmap(f: Any, x: Any) -> Any:
    def row(*x: Any) -> Any:
        return jax.vmap(f)(*[jax.numpy.stack([0.75 * jax.lax.stop_gradient(a), a]) for a in x])[1]

    return jax.grad(row, tuple(range(len(x))))(*x)


@BACKEND.mode("gradient", "another row", of="control of U6")
def another_row(f: Any, x: Any) -> Any:
    batch = [jax.numpy.stack([0.75 * a, a]) for a in x]
    return [row[0] for row in jax.vmap(jax.grad(f, tuple(range(len(x)))))(*batch)]


@BACKEND.mode("gradient", "jit(grad), called again", of="U7")
def jit_grad_again(f: Any, x: Any) -> Any:
    compiled = jax.jit(jax.grad(f, tuple(range(len(x)))))
    compiled(*[0.75 * a for a in x])
    return compiled(*x)


@BACKEND.mode("gradient", "grad(jit), called again", of="U7")
def grad_jit_again(f: Any, x: Any) -> Any:
    gradient = jax.grad(jax.jit(f), tuple(range(len(x))))
    gradient(*[0.75 * a for a in x])
    return gradient(*x)


@BACKEND.mode("gradient", "jit(grad).lower.compile", of="U7")
def compiled_ahead_of_time(f: Any, x: Any) -> Any:
    gradient = jax.jit(jax.grad(f, tuple(range(len(x)))))
    return gradient.lower(*[0.75 * a for a in x]).compile()(*x)


@BACKEND.mode("gradient", "what was compiled in", of="control of U7")
def compiled_in(f: Any, x: Any) -> Any:
    moved = [0.75 * a for a in x]
    return jax.jit(lambda *x: jax.grad(f, tuple(range(len(x))))(*moved))(*x)
