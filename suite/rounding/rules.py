"""The error rule of every operation that has one."""

from __future__ import annotations

from gradlaws.suite.rounding import elementwise, moves, products, selections, sums, types
from gradlaws.suite.rounding.rule import Rule

RULES: dict[str, Rule] = {
    **elementwise.FAMILY,
    **moves.FAMILY,
    **selections.FAMILY,
    **sums.FAMILY,
    **products.FAMILY,
    **types.FAMILY,
}
