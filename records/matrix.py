"""The evidence in a report: cells, the matrix of them, and how large the errors are."""

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from gradlaws.records.parts import Worst
from gradlaws.records.values import (
    STATUSES,
    Count,
    Counts,
    Digits,
    Free,
    Histogram,
    Name,
    Number,
    Seconds,
    Share,
    Status,
    Tally,
    about,
    named_by,
)

Grade = Annotated[Status, about("Of a cell: the first that applies, gravest first.")]


class Evidence(TypedDict):
    """How much was looked at: conclusive comparisons, unique programs, primitives and pairs of them reached, steps in a
    row, scalar inputs; and shares: inconclusive, unsupported, derivatives that are zero, primitives not reached."""

    conclusive: Count
    programs: Count
    primitives: Count
    pairs: Count
    depth: Count
    size: Count
    inconclusive: Share
    unsupported: Share
    zero: Annotated[float, Meta(ge=0)]
    unreached: Share


class Cell(TypedDict):
    """What one mode of one backend in one precision showed of an identity, in one order of derivative; mode null:
    nothing was compared there."""

    identity: Name
    backend: Name
    dtype: Name
    mode: Name | None
    order: Count | None
    status: Grade
    reason: str
    counts: Counts
    comparisons: Count
    conclusive: Count
    deviations: Count
    evidence: NotRequired[Evidence]
    worst: Worst | None
    worst_holding: Worst | None
    histogram: Histogram
    digits: Digits
    seconds: Seconds


class System(TypedDict):
    """All modes of one backend in one precision together."""

    backend: Name
    dtype: Name
    status: Grade
    reason: str
    short: NotRequired[Annotated[list[str], about("The floors of evidence that all modes together are short of.")]]
    evidence: NotRequired[Evidence]
    modes: Count
    insufficient: Count
    comparisons: Count
    conclusive: Count
    deviations: Count
    counts: Counts
    worst: Worst | None
    worst_holding: Worst | None
    digits: NotRequired[Free[int | None]]


class Row(TypedDict):
    """An identity, and its cells of each system as one."""

    identity: Name
    claim: str
    statement: str
    blind: Annotated[str, about("What the check cannot see.")]
    status: Grade
    comparisons: Count
    systems: list[System]


class Totals(TypedDict):
    """Over all cells."""

    comparisons: Count
    conclusive: Count
    counts: Counts
    worst_holding: Worst | None
    worst: Worst | None
    cells: Annotated[dict[Status, Count], named_by(STATUSES)]


class Quantile(TypedDict):
    """Known to a factor of two: the bucket, and its exclusive upper edge."""

    bucket: str
    upper: Number


class Distribution(TypedDict):
    """Of a backend, or of one of its precisions. `causes`: of the inconclusive comparisons. `partly`: how many others
    have inconclusive components."""

    backend: str
    dtype: str | None
    comparisons: Count
    causes: NotRequired[Free[Tally]]
    partly: NotRequired[Free[Count]]
    conclusive: Count
    median: NotRequired[Free[Quantile | None]]
    p99: NotRequired[Free[Quantile | None]]
    max: Number | None
    max_function: NotRequired[Free[str | None]]
    max_holding: NotRequired[Free[Number | None]]
    median_digits: NotRequired[Free[int | None]]
    histogram: Histogram
    digits: Digits


class Coverage(TypedDict):
    """Comparisons by what was generated, and by backend."""

    primitives: dict[str, Tally]
    steps: dict[str, Tally]
    sizes: dict[str, Tally]
