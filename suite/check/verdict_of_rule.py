"""What RULE says, leaf by leaf and in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradlaws.suite.check.answer import Report, Row
from gradlaws.suite.check.truth import Rule


def told(rule: Rule, report: Report, rows: Sequence[Row], order: int) -> None:
    """The verdict of RULE in the rows of its leaves, and where it is wrong."""
    verdict, worst = rule.of_order(order), rule.worst(order)
    wrong = {place.argument for place in rule.places} if order == 1 else set(rule.leaves)
    for k, row in enumerate(rows):
        row.rule = "right" if verdict == "wrong" and wrong and k not in wrong else verdict
        row.seen = worst.resolution if worst is not None else np.nan
        if verdict == "unknown":
            row.notes += rule.reasons(order)
    if verdict != "wrong" or worst is None:
        return
    if order == 1:
        for place in rule.places:
            name = rows[place.argument].name
            where = str(place).split(", ", 1)[1]
            report.problems.append(f"the rule for {name} is not the derivative: {where}")
        if not rule.places:
            report.problems.append(f"the rule is not the derivative: off by {worst.relative:.1e}")
        if rule.operations:
            named = ", ".join(map(str, rule.operations[:4]))
            report.problems.append(f"between what is right and what is wrong stand {named}")
    else:
        names = ", ".join(rows[k].name for k in rule.leaves) or "some leaf"
        report.problems.append(
            f"the second derivative is not that of the function, for {names}: off by {worst.relative:.1e} along the "
            "drawn direction, though the gradient is right (is something saved in forward that should have a graph?)"
        )
