"""What RULE says, leaf by leaf and in words."""

from __future__ import annotations

from collections.abc import Sequence

from gradlaws.suite.check.answer import Row
from gradlaws.suite.check.truth import Rule


def told(rule: Rule, rows: Sequence[Row], order: int) -> list[str]:
    """The verdict of RULE in the rows of its leaves; where it is wrong, in words."""
    verdict, worst = rule.of_order(order), rule.worst(order)
    if order == 2 and rule.of_order(1) == "wrong":
        for row in rows:
            row.notes.append("not asked, since the gradient itself is wrong")
        return []
    wrong = rule.wrong_leaves if order == 1 else set(rule.leaves)
    for k, row in enumerate(rows):
        row.rule = "right" if verdict == "wrong" and wrong and k not in wrong else verdict
        row.seen = rule.seen(order, k)
        if verdict == "unknown":
            row.notes += rule.reasons(order)
    if verdict != "wrong" or worst is None:
        return []
    if order == 2:
        names = ", ".join(rows[k].name for k in rule.leaves) or "some leaf"
        return [
            f"the second derivative is not that of the function, for {names}: off by {worst.relative:.1e} along the "
            "drawn direction, though the gradient is right (is something saved in forward that should have a graph?)"
        ]
    found = [
        f"the rule for {rows[place.argument].name} is not the derivative: {str(place).split(', ', 1)[1]}"
        for place in rule.places
    ]
    placed = {place.argument for place in rule.places}
    found += [
        f"the rule for {rows[k].name} is not the derivative: off by {rule.small[k].relative:.1e}"
        for k in sorted(wrong - placed)
    ]
    found = found or [f"the rule is not the derivative: off by {worst.relative:.1e}"]
    if rule.operations:
        named = ", ".join(map(str, rule.operations[:4]))
        found.append(f"between what is right and what is wrong stand {named}")
    return found
