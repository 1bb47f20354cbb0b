"""The 19 programs in jax: the mathematics of torch_programs.py, name by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

Layers = Sequence[tuple[Array, Array]]


def chain(x: Array, w: Array) -> Array:
    return jnp.sum(w * jnp.tanh(jnp.exp(-x * x) * jnp.sin(3 * x) + jax.nn.sigmoid(x)))


def tanhsoftmax(x: Array, W: Array, w: Array) -> Array:
    return jnp.sum(w * jax.nn.softmax(W @ jnp.tanh(x)))


def mlp(p: Layers, x: Array, y: Array, act: Callable[[Array], Array] = jnp.tanh) -> Array:
    h = x
    for W, b in p[:-1]:
        h = act(h @ W + b)
    W, b = p[-1]
    return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(h @ W + b), -1))


def relunet(p: Layers, x: Array, y: Array) -> Array:
    return mlp(p, x, y, jax.nn.relu)


def xent(z: Array, y: Array) -> Array:
    return jnp.mean(-jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], -1))


def attention(p: Sequence[Array], x: Array, w: Array) -> Array:
    q, k, v = x @ p[0], x @ p[1], x @ p[2]
    seen = jnp.tril(jnp.ones((len(x), len(x)))) > 0
    a = jax.nn.softmax(jnp.where(seen, q @ k.T / q.shape[-1] ** 0.5, -1e9))
    return jnp.sum(w * (a @ v @ p[3]))


def layernorm(x: Array, g: Array, b: Array) -> Array:
    m = x.mean(-1, keepdims=True)
    return (x - m) * jax.lax.rsqrt(((x - m) ** 2).mean(-1, keepdims=True) + 1e-5) * g + b


def lnblock(p: Sequence[Array], x: Array, w: Array) -> Array:
    return jnp.sum(w * (x + jax.nn.gelu(layernorm(x, p[0], p[1]) @ p[2]) @ p[3]))


def cholesky(A: Array) -> Array:
    """Right-looking, written out; log det."""
    i = jnp.arange(A.shape[0])

    def step(A: Array, k: Array) -> tuple[Array, Array]:
        d = jnp.sqrt(jnp.sum(jnp.where((i[:, None] == k) & (i[None] == k), A, 0)))
        column = jnp.sum(jnp.where(i[None] == k, A, 0), 1) / d
        column = jnp.where(i > k, column, 0)
        return A - column[:, None] * column[None, :], jnp.log(d)

    return 2 * jnp.sum(jax.lax.scan(step, A, i)[1])


def solve(A: Array, b: Array, w: Array) -> Array:
    """Gauss without pivoting, diagonally dominant."""
    i, j = jnp.arange(A.shape[0]), jnp.arange(A.shape[0] + 1)

    def step(Ab: Array, k: Array) -> tuple[Array, None]:
        row = jnp.sum(jnp.where(i[:, None] == k, Ab, 0), 0)
        row = row / jnp.sum(jnp.where(j == k, row, 0))
        column = jnp.sum(jnp.where(j[None] == k, Ab, 0), 1)
        column = jnp.where(i == k, 0.0, column)
        return jnp.where(i[:, None] == k, row[None], Ab - column[:, None] * row[None]), None

    Ab = jax.lax.scan(step, jnp.concatenate([A, b[:, None]], 1), i)[0]
    return jnp.sum(w * Ab[:, -1])


def lstm(p: Sequence[Array], xs: Array, w: Array) -> Array:
    d = p[1].shape[0] // 4

    def step(state: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], Array]:
        h, s = state
        i, f, g, o = jnp.split(jnp.concatenate([x, h]) @ p[0] + p[1], 4)
        s = jax.nn.sigmoid(f) * s + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(s)
        return (h, s), h

    start = jnp.zeros(d, xs.dtype)
    return jnp.sum(w * jax.lax.scan(step, (start, start), xs)[1])


def gelu_erf(x: Array, w: Array) -> Array:
    return jnp.sum(w * jax.nn.gelu(x, approximate=False))


def softplus(x: Array, w: Array) -> Array:
    return jnp.sum(w * jax.nn.softplus(x) * x)


def cums(x: Array, w: Array) -> Array:
    return jnp.sum(w * jnp.tanh(jnp.cumsum(x) / 10))


def lse(x: Array, W: Array) -> Array:
    return jax.nn.logsumexp(W @ x)


def norm(x: Array, w: Array) -> Array:
    return jnp.sum(w * x) / jnp.sqrt(jnp.sum(x * x))


def logprob(m: Array, s: Array, y: Array) -> Array:
    return jnp.sum(-0.5 * ((y - m) / jnp.exp(s)) ** 2 - s)


def logit(w: Array, X: Array, y: Array) -> Array:
    z = X @ w
    return jnp.mean(jax.nn.softplus(z) - y * z) + 0.01 * jnp.sum(w * w)


def powr(x: Array, w: Array) -> Array:
    return jnp.sum(w * (1 + x * x) ** 1.7)


def siluf(x: Array, W: Array, w: Array) -> Array:
    return jnp.sum(w * (W @ jax.nn.silu(W @ x)))


PROGRAMS: dict[str, Callable[..., Array]] = {
    f.__name__: f
    for f in (chain, tanhsoftmax, mlp, relunet, xent, attention, lnblock, cholesky, solve, lstm, gelu_erf, softplus,
              cums, lse, norm, logprob, logit, powr, siluf)
}  # fmt: skip
