"""Small calls of torch with awkward shapes: data/torch_calls.txt has one a line, what is called and on what.

An argument is its letter, its kind and its shape: f any float, p a positive one, u between −0.9 and 0.9, i integers
from 0 to 2, b booleans, c complex numbers, s a positive definite matrix, l a lower triangle. ``order`` is that of the
derivatives that torch itself has (0, 1, or 2 where nothing is said), ``tolerance`` how near torch's own kernel is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F


def written(x: torch.Tensor, *steps: Callable[[torch.Tensor], Any]) -> torch.Tensor:
    """A copy, written into."""
    own = x.clone()
    for step in steps:
        step(own)
    return own


SCOPE = {"torch": torch, "F": F, "aten": torch.ops.aten, "prims": torch.ops.prims, "np": np, "written": written,
         "inf": math.inf}  # fmt: skip
SHAPED: Mapping[str, Callable[[np.random.Generator, tuple[int, ...]], Any]] = {
    "f": lambda rng, shape: rng.standard_normal(shape),
    "p": lambda rng, shape: rng.uniform(0.3, 2.5, shape),
    "u": lambda rng, shape: rng.uniform(-0.9, 0.9, shape),
    "i": lambda rng, shape: rng.integers(0, 3, shape),
    "b": lambda rng, shape: rng.random(shape) > 0.5,
    "c": lambda rng, shape: rng.standard_normal(shape) + 1j * rng.standard_normal(shape),
    "s": lambda rng, shape: positive(rng.standard_normal(shape)),
    "l": lambda rng, shape: np.tril(rng.standard_normal(shape)) + 3 * np.eye(shape[-1]),
}


def positive(root: Any) -> Any:
    return root @ np.swapaxes(root, -1, -2) + np.eye(root.shape[-1])


@dataclass(frozen=True)
class SmallCall:
    text: str
    arguments: Mapping[str, str]
    order: int = 2
    tolerance: float = 1e-11

    @property
    def function(self) -> Callable[..., Any]:
        made: Callable[..., Any] = eval(f"lambda {', '.join(self.arguments)}: {self.text}", SCOPE)
        return made

    def tensors(self) -> list[torch.Tensor]:
        rng = np.random.default_rng(0)
        found = []
        for kind in self.arguments.values():
            shape = tuple(int(n) for n in kind[1:].split("x")) if kind[1:] else ()
            tensor = torch.tensor(SHAPED[kind[0]](rng, shape))
            found.append(tensor.requires_grad_(self.order > 0 and (tensor.is_floating_point() or tensor.is_complex())))
        return found


def parsed(line: str) -> SmallCall:
    text, _, rest = line.partition("  # ")
    given = dict(item.split("=") for item in rest.split())
    order, tolerance = int(given.pop("order", "2")), float(given.pop("tolerance", "1e-11"))
    return SmallCall(text, given, order, tolerance)


CALLS = [parsed(line) for line in (Path(__file__).parent / "data" / "torch_calls.txt").read_text().splitlines()]
