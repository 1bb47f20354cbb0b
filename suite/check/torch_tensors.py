"""Tensors of torch as numbers, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.tracing.torch_call import array_of


def has_derivative(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def unusual(tensor: torch.Tensor) -> str:
    """What it is, if it has no strides and numbers of a type that NumPy knows; "" if it has."""
    if tensor.is_nested:
        return "a nested tensor"
    if tensor.layout != torch.strided:
        return f"a tensor of layout {str(tensor.layout).removeprefix('torch.')}"
    if tensor.is_meta:
        return "a meta tensor, without numbers"
    name = str(tensor.dtype).removeprefix("torch.")
    return f"a tensor of {name}" if name.startswith("float") and name not in PRECISIONS else ""


def shown(tensor: torch.Tensor) -> Floats:
    return array_of(tensor).astype(np.float64)


def as_double(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor.clone()


def as_real(tensor: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def entered(array: Floats, dtype: str) -> torch.Tensor:
    return torch.from_numpy(np.array(array)).to(getattr(torch, dtype))


def requiring(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    return [x if x.requires_grad else x.requires_grad_() for x in tensors]
