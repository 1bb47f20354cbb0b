"""The 19 programs in torch: the mathematics of jax_programs.py, name by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Layers = Sequence[tuple[Tensor, Tensor]]


def chain(x: Tensor, w: Tensor) -> Tensor:
    return torch.sum(w * torch.tanh(torch.exp(-x * x) * torch.sin(3 * x) + torch.sigmoid(x)))


def tanhsoftmax(x: Tensor, W: Tensor, w: Tensor) -> Tensor:
    return torch.sum(w * torch.softmax(W @ torch.tanh(x), -1))


def mlp(p: Layers, x: Tensor, y: Tensor, act: Callable[[Tensor], Tensor] = torch.tanh) -> Tensor:
    h = x
    for W, b in p[:-1]:
        h = act(h @ W + b)
    W, b = p[-1]
    return -torch.mean(torch.sum(y * torch.log_softmax(h @ W + b, -1), -1))


def relunet(p: Layers, x: Tensor, y: Tensor) -> Tensor:
    return mlp(p, x, y, torch.relu)


def xent(z: Tensor, y: Tensor) -> Tensor:
    return torch.mean(-torch.gather(torch.log_softmax(z, -1), -1, y[:, None]))


def attention(p: Sequence[Tensor], x: Tensor, w: Tensor) -> Tensor:
    q, k, v = x @ p[0], x @ p[1], x @ p[2]
    seen = torch.tril(torch.ones(len(x), len(x), dtype=x.dtype)) > 0
    a = torch.softmax(torch.where(seen, q @ k.T / np.sqrt(q.shape[-1]), -1e9), -1)
    return torch.sum(w * (a @ v @ p[3]))


def layernorm(x: Tensor, g: Tensor, b: Tensor) -> Tensor:
    m = x.mean(-1, keepdim=True)
    return (x - m) * torch.rsqrt(((x - m) ** 2).mean(-1, keepdim=True) + 1e-5) * g + b


def lnblock(p: Sequence[Tensor], x: Tensor, w: Tensor) -> Tensor:
    return torch.sum(w * (x + F.gelu(layernorm(x, p[0], p[1]) @ p[2], approximate="tanh") @ p[3]))


def cholesky(A: Tensor) -> Tensor:
    """Right-looking, written out; log det."""
    n = A.shape[0]
    i = torch.arange(n)
    logarithms = []
    for k in range(n):
        d = torch.sqrt(torch.sum(torch.where((i[:, None] == k) & (i[None] == k), A, 0)))
        column = torch.sum(torch.where(i[None] == k, A, 0), 1) / d
        column = torch.where(i > k, column, 0)
        A = A - column[:, None] * column[None, :]
        logarithms.append(torch.log(d))
    return 2 * torch.sum(torch.stack(logarithms))


def solve(A: Tensor, b: Tensor, w: Tensor) -> Tensor:
    """Gauss without pivoting, diagonally dominant."""
    n = A.shape[0]
    i, j = torch.arange(n), torch.arange(n + 1)
    Ab = torch.cat([A, b[:, None]], 1)
    for k in range(n):
        row = torch.sum(torch.where(i[:, None] == k, Ab, 0), 0)
        row = row / torch.sum(torch.where(j == k, row, 0))
        column = torch.sum(torch.where(j[None] == k, Ab, 0), 1)
        column = torch.where(i == k, 0.0, column)
        Ab = torch.where(i[:, None] == k, row[None], Ab - column[:, None] * row[None])
    return torch.sum(w * Ab[:, -1])


def lstm(p: Sequence[Tensor], xs: Tensor, w: Tensor) -> Tensor:
    d = p[1].shape[0] // 4
    h, s = torch.zeros(d, dtype=xs.dtype), torch.zeros(d, dtype=xs.dtype)
    found = []
    for x in xs:
        i, f, g, o = torch.chunk(torch.cat([x, h]) @ p[0] + p[1], 4)
        s = torch.sigmoid(f) * s + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(s)
        found.append(h)
    return torch.sum(w * torch.stack(found))


def gelu_erf(x: Tensor, w: Tensor) -> Tensor:
    return torch.sum(w * F.gelu(x))


def softplus(x: Tensor, w: Tensor) -> Tensor:
    return torch.sum(w * F.softplus(x) * x)


def cums(x: Tensor, w: Tensor) -> Tensor:
    return torch.sum(w * torch.tanh(torch.cumsum(x, 0) / 10))


def lse(x: Tensor, W: Tensor) -> Tensor:
    return torch.logsumexp(W @ x, 0)


def norm(x: Tensor, w: Tensor) -> Tensor:
    return torch.sum(w * x) / torch.sqrt(torch.sum(x * x))


def logprob(m: Tensor, s: Tensor, y: Tensor) -> Tensor:
    return torch.sum(-0.5 * ((y - m) / torch.exp(s)) ** 2 - s)


def logit(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
    z = X @ w
    return torch.mean(F.softplus(z) - y * z) + 0.01 * torch.sum(w * w)


def powr(x: Tensor, w: Tensor) -> Tensor:
    return torch.sum(w * (1 + x * x) ** 1.7)


def siluf(x: Tensor, W: Tensor, w: Tensor) -> Tensor:
    return torch.sum(w * (W @ F.silu(W @ x)))


PROGRAMS: dict[str, Callable[..., Tensor]] = {
    f.__name__: f
    for f in (chain, tanhsoftmax, mlp, relunet, xent, attention, lnblock, cholesky, solve, lstm, gelu_erf, softplus,
              cums, lse, norm, logprob, logit, powr, siluf)
}  # fmt: skip
