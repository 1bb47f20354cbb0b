"""What a user may say of a call, and what is said of it in the answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradlaws.suite.check.leaves import CannotCheck

ORDERS = (1, 2)


@dataclass(frozen=True)
class Allowance:
    """A relative error that is meant to be there, of the largest entry of each leaf, and why."""

    relative: float
    reason: str

    def __str__(self) -> str:
        return f"allowed: {self.relative:.0e} of the largest entry of each leaf ({self.reason})"


@dataclass(frozen=True)
class Options:
    """``surrogate``: whether the truth of derivatives is another function's than that of values, on purpose.

    ``kinks``: within so much of a leaf's largest entry the convention is the function's own. ``up_to``: through what
    outputs are seen. ``budget``: seconds after which nothing more is asked.
    """

    order: int = 2
    seed: int = 0
    compiled: bool = False
    accumulate: str | None = None
    surrogate: bool = False
    kinks: float | None = None
    allow: Allowance | None = None
    up_to: Callable[..., Any] | None = None
    budget: float = math.inf

    def said(self) -> list[str]:
        """What is wrong on purpose, each in a line."""
        found = []
        if self.surrogate:
            found.append("surrogate: the derivatives are meant to be those of surrogate=; the values are its own")
        if self.up_to is not None:
            found.append(f"up to: outputs are seen through {getattr(self.up_to, '__qualname__', self.up_to)}")
        if self.kinks is not None:
            found.append(
                f"kinks: within {self.kinks:.0e} of a leaf's largest entry the convention is the function's own"
            )
        if self.allow is not None:
            found.append(str(self.allow))
        return found


def options(
    order: int, seed: int, compiled: bool, accumulate: str | None, surrogate: bool, kinks: float | None,
    allow: tuple[float, str] | None, up_to: Callable[..., Any] | None, budget: float | None,
) -> Options:  # fmt: skip
    """Raises CannotCheck for what means nothing."""
    if order not in ORDERS:
        raise CannotCheck(f"order={order!r} is none: 1 for gradients, 2 for Hessian products as well")
    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise CannotCheck(f"seed={seed!r} is no seed: a whole number from 0")
    if accumulate not in (None, "float32", "float64"):
        raise CannotCheck(f"accumulate={accumulate!r} is no type in which a kernel adds up: 'float32' or 'float64'")
    if kinks is not None and not 0 <= kinks < 1:
        raise CannotCheck(
            f"kinks={kinks!r} is no band: a part of a leaf's largest entry, as kinks=1e-6, or 0 for exact ties"
        )
    if up_to is not None and not callable(up_to):
        raise CannotCheck(f"up_to={up_to!r} is no function of the result: up_to=torch.abs, or lambda q: q @ q.T")
    if budget is not None and not budget > 0:
        raise CannotCheck(f"budget={budget!r} is no number of seconds")
    allowance = None if allow is None else _allowance(allow)
    limit = math.inf if budget is None else budget
    return Options(order, seed, compiled, accumulate, surrogate, kinks, allowance, up_to, limit)


def _allowance(allow: Any) -> Allowance:
    try:
        relative, reason = allow
        if not (0 < float(relative) < 1 and isinstance(reason, str) and reason.strip()):
            raise ValueError
    except (TypeError, ValueError):
        raise CannotCheck(
            f"allow={allow!r}: give the relative error and why, as allow=(1e-6, 'CG stops there')"
        ) from None
    return Allowance(float(relative), reason)
