"""The error rule of every operation that has one."""

from __future__ import annotations

from gradlaws.suite.rounding import elementwise, factorisations, moves, products, puts, rows, selections, sums, types
from gradlaws.suite.rounding.rule import Rule
from gradlaws.suite.rounding.step import Unknown
from gradlaws.suite.tape.operations.rows import PREFIX

RULES: dict[str, Rule] = {
    **elementwise.FAMILY,
    **moves.FAMILY,
    **selections.FAMILY,
    **sums.FAMILY,
    **puts.FAMILY,
    **products.FAMILY,
    **types.FAMILY,
    **factorisations.FAMILY,
}


def rule(operation: str) -> Rule:
    """Raises Unknown for an operation without one."""
    if operation in RULES:
        return RULES[operation]
    if operation.startswith(PREFIX):
        return rows.RULE
    raise Unknown("there is no error rule for it")
