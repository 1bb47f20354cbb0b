"""Random numbers of a function traced in float64, drawn in the type in which it runs: torch draws others else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

MADE = frozenset({"rand", "randn", "normal"})
LIKE = frozenset({"rand_like", "randn_like", "bernoulli"})
FILLED = frozenset({"uniform_", "normal_", "bernoulli_", "exponential_"})


class DrawnIn(TorchFunctionMode):
    """What is asked for in float64 is drawn in another type, and widened."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self._dtype = dtype

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given, name = dict(kwargs or {}), getattr(func, "__name__", "")
        wide = [x for x in args if isinstance(x, torch.Tensor) and x.dtype == torch.float64]
        if name in FILLED and wide:
            with torch.no_grad():
                drawn = func(args[0].to(self._dtype), *args[1:], **given)
                return args[0].copy_(drawn)
        if name in LIKE and wide and given.get("dtype") in (None, torch.float64):
            given.pop("dtype", None)
            return func(*(x.to(self._dtype) if x is wide[0] else x for x in args), **given).double()
        if name in MADE and not wide and given.get("dtype") == torch.float64:
            return func(*args, **{**given, "dtype": self._dtype}).double()
        return func(*args, **given)


def drawn_in(dtype: torch.dtype, function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any) -> Any:
        with DrawnIn(dtype):
            return function(*args)

    return called
