"""Which arithmetic answers for a traced function: quad, or mpmath for what quad has not and where there is no quad."""

from __future__ import annotations

from typing import Any

from gradlaws.suite.arithmetic.multiprecision import Multiprecision
from gradlaws.suite.arithmetic.self_test import usable
from gradlaws.suite.tracing.traced import Traced

BITS = 160  # of mpmath where it stands in for quad


def why_not_quad(traced: Traced) -> str | None:
    """One line, where it is mpmath that answers, some hundred times slower; None where it is quad."""
    if any(kind.is_complex for tape in traced.tapes for kind in tape.kinds):
        return "in mpmath, slower: the trace has complex numbers, which quad has not"
    reason = usable()
    return f"in mpmath, slower: {reason}" if reason else None


def arithmetic_for(traced: Traced) -> Any:
    if why_not_quad(traced) is not None:
        return Multiprecision(BITS)
    from gradlaws.suite.arithmetic.quad import QUAD  # an extra, which may be missing

    return QUAD
