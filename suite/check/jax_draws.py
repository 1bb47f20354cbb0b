"""Random numbers of a function traced in float64, drawn as they are without x64: jax draws others with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import jax

from gradlaws.suite.tracing.jax_equations import with_x64

DRAWN = (
    "bernoulli", "uniform", "normal", "truncated_normal", "exponential", "gumbel", "laplace", "categorical", "logistic",
    "rademacher", "cauchy",
)  # fmt: skip


@contextmanager
def as_without_x64() -> Iterator[None]:
    """What is drawn with a key that is known is drawn before the trace, in jax's own default type."""
    if jax.config.read("jax_enable_x64"):
        yield
        return
    patches = [mock.patch.object(jax.random, name, drawn(getattr(jax.random, name))) for name in DRAWN]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def drawn(draw: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves((args, kwargs))):
            return draw(*args, **kwargs)
        with jax.ensure_compile_time_eval(), with_x64(False):
            found = draw(*args, **kwargs)
        is_float = jax.numpy.issubdtype(found.dtype, jax.numpy.floating)
        return found.astype("float64") if is_float and "dtype" not in kwargs else found

    return called
