"""A backend in which the derivative of one primitive is wrong by as little as is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from gradlaws.strategies.precision import Precision
from gradlaws.strategies.program import Program, Step
from gradlaws.suite.backends.backend import Backend


@dataclass
class Fault:
    """1 + delta, by which the rule is multiplied; the functions under test read it when they are called."""

    delta: float = 0.0


@dataclass(frozen=True, repr=False)
class Spoilt(Backend):
    """A backend in which the derivative of one primitive is multiplied by 1 + delta."""

    primitive: str = ""
    fault: Fault = field(default_factory=Fault, compare=False)

    __hash__ = Backend.__hash__

    def expression(self, step: Step, arguments: Sequence[str]) -> str:
        right = super().expression(step, arguments)
        return f"spoilt({right})" if step.primitive == self.primitive else right

    def function(self, program: Program, precision: Precision) -> Callable[..., Any]:
        f = super().function(program, precision)
        f.__globals__["spoilt"] = partial(SPOILT[self.name], self.fault)
        return f


def spoilt_in_torch(fault: Fault, y: Any) -> Any:
    return y + fault.delta * (y - y.detach())


def spoilt_in_jax(fault: Fault, y: Any) -> Any:
    import jax

    return y + fault.delta * (y - jax.lax.stop_gradient(y))


SPOILT = {"torch": spoilt_in_torch, "jax": spoilt_in_jax}


def spoilt(backend: Backend, primitive: str) -> Spoilt:
    return Spoilt(**{f.name: getattr(backend, f.name) for f in fields(Backend)}, primitive=primitive)
