"""Operations of torch.library.custom_op, which have no forward mode.

torch gives a tangent of 0 for them in place of an error: what requires no gradient runs below autograd
(torch/_library/autograd.py, autograd_impl), and in forward mode nothing requires one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


def operations(function: Callable[..., Any], tensors: Sequence[torch.Tensor]) -> list[str]:
    """Those that the call has, as "mine::rms_norm"."""
    found: list[str] = []

    class Listener(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = str(getattr(func, "_qualified_op_name", None) or _of_overload(func))
            if name in torch._library.custom_ops.OPDEFS and name not in found:
                found.append(name)
            return func(*args, **(kwargs or {}))

    with Listener():
        function(*(x.clone().requires_grad_() for x in tensors))
    return found


def _of_overload(func: Any) -> str:
    return func.name().partition(".")[0] if isinstance(func, torch._ops.OpOverload) else ""
