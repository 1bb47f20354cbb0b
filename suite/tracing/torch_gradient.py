"""Gradients as autograd gives them, with their own graph; and what has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def pulled(
    outputs: Sequence[torch.Tensor], inputs: Sequence[torch.Tensor], weights: Sequence[torch.Tensor]
) -> Sequence[torch.Tensor]:
    """wᵀ J; zeros where nothing depends on anything."""
    reached = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.requires_grad]
    if not reached:
        return [torch.zeros_like(x) for x in inputs]
    ys, ws = zip(*reached, strict=True)
    return torch.autograd.grad(ys, inputs, ws, create_graph=True, allow_unused=True, materialize_grads=True)


ONCE = "once_differentiable"
REFUSED = (ONCE, "derivative for")  # "derivative for aten::… is not implemented"


def is_once_differentiable(tensor: torch.Tensor) -> bool:
    """Whether a derivative's own graph ends in such a backward: torch takes it for constant, and says nothing."""
    met: set[Any] = set()
    ahead: list[Any] = [tensor.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in met:
            met.add(node)
            ahead += [following for following, _ in node.next_functions]
    return any(node.name() == "torch::autograd::Error" for node in met)
