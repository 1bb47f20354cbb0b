"""Faulty rules of JAX: what is registered for a primitive, or for a custom_jvp function, is replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.faults.functions import resolve
from benchmarks.faults.planted import Fault


def replace_rule(fault: Fault) -> None:
    from jax._src.interpreters import ad

    if fault.kind == "fan-out":
        ad.ValAccum.accum = forgetful(ad.ValAccum.accum)  # type: ignore[method-assign]
        return
    if "." in fault.target:
        function = resolve(fault.target)
        function.jvp = faulty_rule(fault, function.jvp)
        return
    if fault.kind == "transposed":
        primitive = named(fault.target, ad.primitive_transposes)
        for rules in (ad.primitive_transposes, ad.fancy_transposes):  # where it has both, JAX uses the second
            if primitive in rules:
                rules[primitive] = faulty_transpose(fault, rules[primitive])
        return
    primitive = named(fault.target, ad.primitive_jvps)
    ad.primitive_jvps[primitive] = faulty_rule(fault, ad.primitive_jvps[primitive])
    ad.primitive_linearizations.pop(primitive, None)  # without one, JAX linearizes by the rule


def named(name: str, rules: dict[Any, Any]) -> Any:
    """The primitive of that name among those that have a rule. Raises LookupError."""
    found = [primitive for primitive in rules if primitive.name == name]
    if not found:
        raise LookupError(f"jax has no rule for a primitive {name!r}")
    return found[0]


def faulty_rule(fault: Fault, rule: Callable[..., Any]) -> Callable[..., Any]:
    """A JVP rule with the fault in its output tangent; the value stays right."""
    return lambda primals, tangents, **parameters: RULE_KINDS[fault.kind](
        fault, lambda x, t: rule(x, t, **parameters), primals, tangents
    )


def rule_scaled(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    value, tangent = rule(primals, tangents)
    return value, mapped(lambda t: times(t, 1 + fault.delta), tangent)


def rule_in_float32(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    value, tangent = rule(primals, tangents)
    return value, mapped(single, tangent)


def rule_frozen(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    """The first derivative is a constant to the second."""
    return rule(primals, tangents)[0], rule(stopped(primals), tangents)[1]


def rule_dropped(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    """Nothing flows through the last operand."""
    return rule(primals, (*tangents[:-1], times(tangents[-1], 0.0)))


def rule_swapped(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    """Each operand has the other's partial derivative."""
    x, y = primals
    return rule(primals, tangents)[0], rule((y, x), tangents)[1]


def rule_asymmetric(fault: Fault, rule: Any, primals: Any, tangents: Any) -> Any:
    """The partial along the last operand is a constant to the second derivative, so that H is not Hᵀ."""
    import jax

    *others, last = tangents
    value, one = rule(primals, (*others, times(last, 0.0)))
    _, other = rule(stopped(primals), (*(times(t, 0.0) for t in others), last))
    return value, one if is_zero(other) else other if is_zero(one) else jax.lax.add(one, other)


def faulty_transpose(fault: Fault, rule: Callable[..., Any]) -> Callable[..., Any]:
    """A transpose rule is linear in the cotangent, so scaling what goes in scales what comes out."""

    def faulty(cotangent: Any, *arguments: Any, **parameters: Any) -> Any:
        return rule(mapped(lambda t: times(t, 1 + fault.delta), cotangent), *arguments, **parameters)

    return faulty


def forgetful(accumulate: Callable[..., Any]) -> Callable[..., Any]:
    """Where a value is used more than once, the cotangents of all uses but the first are lost."""
    return lambda self, cotangent: accumulate(self, cotangent) if is_zero(self.val) else None


RULE_KINDS: dict[str, Any] = {
    "scaled": rule_scaled, "float32": rule_in_float32, "frozen": rule_frozen, "dropped": rule_dropped,
    "swapped": rule_swapped, "asymmetric": rule_asymmetric, "transposed": None, "fan-out": None,
}  # fmt: skip


def mapped(change: Callable[[Any], Any], tangent: Any) -> Any:
    return type(tangent)(map(change, tangent)) if isinstance(tangent, list | tuple) else change(tangent)


def times(tangent: Any, factor: float) -> Any:
    import jax

    if is_zero(tangent) or not jax.numpy.issubdtype(tangent.dtype, jax.numpy.inexact):
        return tangent
    return jax.lax.mul(tangent, jax.lax.full_like(tangent, factor))


def single(tangent: Any) -> Any:
    import jax

    if is_zero(tangent):
        return tangent
    return jax.lax.convert_element_type(jax.lax.convert_element_type(tangent, np.float32), tangent.dtype)


def stopped(primals: Any) -> list[Any]:
    import jax

    return [jax.lax.stop_gradient(x) for x in primals]


def is_zero(tangent: Any) -> bool:
    """JAX's tangent of what does not depend on the input, which is no array."""
    from jax._src.ad_util import Zero

    return isinstance(tangent, Zero)
