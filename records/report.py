"""What report.json holds; the schema that others read it by is made of this.

More keys may be added to any object under the same schema number; none is taken away or changes its meaning. A key that
is not required was added later; what is `Free` or `AnyObject` is promised to nobody.
"""

from typing import Annotated, Literal, TypedDict

from gradlaws.records.comparison import Compared
from gradlaws.records.matrix import Cell, Coverage, Distribution, Row, Totals
from gradlaws.records.outcomes import (
    Case,
    Claim,
    Control,
    Convention,
    Deviation,
    Failure,
    Tests,
    TimeSplit,
    Unsupported,
    Witness,
)
from gradlaws.records.run import Run
from gradlaws.records.shard import Generated
from gradlaws.records.values import AnyObject, Outcome, about

SCHEMA = 1


class Report(TypedDict):
    """report.json, as python -m reports build writes it. More keys may be added to any object under the same schema
    number; none is taken away or changes its meaning."""

    schema: Literal[1]
    verdict: Literal["green", "red"]
    outcome: Annotated[Outcome, about("What the run comes to; its exit status is 0, 1, 2, 3 in this order.")]
    sentence: str
    reasons: Annotated[
        list[str],
        about("Why it does not simply hold, gravest first; empty exactly if the outcome is that it holds."),
    ]
    totals: Totals
    failures: list[Failure]
    matrix: list[Row]
    worst: Annotated[list[AnyObject[Witness]], about("The worst comparisons, with function, input and answers.")]
    distributions: Annotated[list[Distribution], about("Error / bound by backend, and by backend and dtype.")]
    controls: list[Control]
    claims: list[Claim]
    cases: Annotated[list[AnyObject[Case]], about("Stored cases that were asked again.")]
    ledger: list[Deviation]
    conventions: Annotated[list[Convention], about("Answers at kinks and edges.")]
    unsupported: Annotated[list[Unsupported], about("What a mode does not offer.")]
    comparison: Compared
    time: AnyObject[TimeSplit]
    tests: Tests
    coverage: AnyObject[Coverage]
    generated: Annotated[list[AnyObject[Generated]], about("What was generated, by backend.")]
    run: Run
    problems: Annotated[list[str], about("What could not be read.")]
    cells: list[Cell]
