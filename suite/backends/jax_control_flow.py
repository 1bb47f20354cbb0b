"""JAX's control flow and custom rules around a function of scalar value, each of which leaves its derivatives alone.

Halves of a sum and factors of 2 are exact, so that the bound is the function's own. Reproducers print them.
"""

from __future__ import annotations

from typing import Any

import jax

from gradlaws.suite.backends.jax_backend import BACKEND


@BACKEND.wrapper
def scan(f: Any) -> Any:
    def wrapped(*x: Any) -> Any:
        halves = jax.numpy.full(2, 0.5, x[0].dtype)
        return jax.lax.scan(lambda carry, half: (carry + half * f(*x), None), 0 * halves[0], halves)[0]

    return wrapped


@BACKEND.wrapper
def custom_jvp(f: Any) -> Any:
    wrapped = jax.custom_jvp(f)
    wrapped.defjvp(lambda x, t: jax.jvp(f, x, t))
    return wrapped


@BACKEND.wrapper
def custom_vjp(f: Any) -> Any:
    wrapped = jax.custom_vjp(f)
    wrapped.defvjp(lambda *x: (f(*x), x), lambda x, u: jax.vjp(f, *x)[1](u))
    return wrapped


@BACKEND.wrapper
def cond(f: Any) -> Any:
    return lambda *x: jax.lax.cond(jax.numpy.all(x[0] == x[0]), f, lambda *x: 2 * f(*x), *x)


@BACKEND.wrapper
def fori_loop(f: Any) -> Any:
    def there_and_back(i: Any, x: Any) -> Any:
        return tuple(a * jax.numpy.where(i % 2, 2, 0.5).astype(a.dtype) for a in x)

    return lambda *x: f(*jax.lax.fori_loop(0, 2, there_and_back, x))


@BACKEND.wrapper
def while_loop(f: Any) -> Any:
    def wrapped(*x: Any) -> Any:
        start = (0, jax.numpy.zeros((), x[0].dtype))
        return jax.lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1] + f(*x) / 2), start)[1]

    return wrapped


@BACKEND.wrapper
def switch(f: Any) -> Any:
    branches = [lambda *x: 2 * f(*x), f, lambda *x: 3 * f(*x)]
    return lambda *x: jax.lax.switch(jax.numpy.any(x[0] == x[0]).astype(int), branches, *x)


@BACKEND.wrapper
def nested_checkpoint(f: Any) -> Any:
    inner = jax.checkpoint(f, policy=jax.checkpoint_policies.dots_saveable)
    return jax.checkpoint(lambda *x: inner(*x), prevent_cse=False)


@BACKEND.wrapper
def scan_of_checkpoint(f: Any) -> Any:
    def wrapped(*x: Any) -> Any:
        step = jax.checkpoint(lambda carry, half: (carry + half * f(*x), None))
        halves = jax.numpy.full(2, 0.5, x[0].dtype)
        return jax.lax.scan(step, 0 * halves[0], halves)[0]

    return wrapped


@BACKEND.wrapper
def map_over_a_batch(f: Any) -> Any:
    return lambda *x: jax.lax.map(lambda row: f(*row), tuple(a[None] for a in x))[0]


@BACKEND.wrong_wrapper("a rule off by 2¹²u")
def custom_jvp_off(f: Any) -> Any:
    def rule(x: Any, t: Any) -> Any:
        y, rate = jax.jvp(f, x, t)
        return y, rate * (1 + 2**11 * jax.numpy.finfo(y.dtype).eps)  # type: ignore[no-untyped-call]

    wrapped = jax.custom_jvp(f)
    wrapped.defjvp(rule)
    return wrapped


@BACKEND.wrong_wrapper("a path stopped")
def scan_stopped(f: Any) -> Any:
    def wrapped(*x: Any) -> Any:
        halves = jax.numpy.full(2, 0.5, x[0].dtype)
        step = lambda carry, half: (jax.lax.stop_gradient(carry) + half * f(*x), None)
        return jax.lax.scan(step, 0 * halves[0], halves)[0]

    return wrapped
