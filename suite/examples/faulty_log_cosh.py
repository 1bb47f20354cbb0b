"""The same operation, its derivative wrong by 10⁻⁹: what gradcheck accepts, and this suite does not.

python -m tox -e gate -- --plugin suite.examples.faulty_log_cosh --backends torch
"""

from __future__ import annotations

from typing import Any

import torch
from mpmath import mp

from gradlaws.strategies.primitive import interval, unary
from gradlaws.suite.examples.log_cosh import LogCosh, second_cancels


class FaultyLogCosh(LogCosh):
    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return cotangent * torch.tanh(ctx.saved_tensors[0]) * (1 + 1e-9)


faulty = FaultyLogCosh.apply

PRIMITIVES = [
    unary(
        "faulty_log_cosh", lambda x: mp.log(mp.cosh(x)), interval(-30, 30), "log cosh {x}", second_cancels,
        torch=f"{__name__}.faulty",
    ),
]  # fmt: skip
CONTRACTS = [
    {"backends": ["torch"], "primitives": ["faulty_log_cosh"], "ulps": [4, 4, 4], "absolute": 4, "conditioning": 4,
     "reason": "logaddexp(x, -x) - log 2 cancels near 0"},
]  # fmt: skip
