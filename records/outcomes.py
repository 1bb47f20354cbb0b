"""What a report holds beside its cells: failures, controls, claims, what is known already, time and tests."""

from typing import Annotated, Literal, NotRequired, TypedDict

from gradlaws.records.parts import Answer, Array, ControlCount, Node, Series
from gradlaws.records.values import (
    AnyObject,
    CaseStatus,
    ClaimVerdict,
    Count,
    Exact,
    Free,
    LedgerStatus,
    Name,
    Number,
    Pair,
    Seconds,
    TestOutcome,
    Verdict,
    about,
)


class Located(TypedDict):
    """Where a comparison was made."""

    identity: Name
    backend: Name
    dtype: Name
    mode: Name
    order: Count | None


class Details(TypedDict):
    """What it was, and what came out."""

    function: str | None
    steps: Count | None
    size: Count | None
    primitives: NotRequired[Free[list[str] | None]]
    examples: NotRequired[Free[int | None]]
    component: str | None
    got: str | None
    true: Exact | None
    bound: Exact | None
    ratio: Number | None
    message: str | None
    replay: Annotated[str | None, about("The command that asks again.")]
    case: NotRequired[Free[str | None]]
    test: str


class Shown(TypedDict):
    """With what the page draws of it."""

    graph: NotRequired[Free[list[Node]]]
    answers: NotRequired[Free[dict[str, Answer]]]
    inputs: list[Array]
    scripts: Annotated[
        dict[str, str],
        about("By framework, a script that shows it and needs only the framework and mpmath."),
    ]


class Failure(Located, Details, Shown):
    """A violation or an error, shrunk."""

    id: str
    verdict: Literal["violated", "error"]
    row: Annotated[str | None, about("What suite/known/ledger.toml would need if the framework is wrong.")]


class Witness(Located, Details, Shown):
    """One of the comparisons nearest to their bounds."""

    verdict: Verdict | None
    digits: Number | None


class Control(TypedDict):
    """A corrupted answer, which must be seen to fail, unless by chance it seldom differed from the right one."""

    identity: Name
    control: str
    backend: Name | None
    dtype: Name | None
    tried: Count
    failed: Count
    differed: NotRequired[Free[Count]]


class Subject(TypedDict):
    """What was found out about a claim on one subject."""

    subject: str
    verdict: ClaimVerdict
    words: str | None
    checks: int | None
    figures: dict[str, float | str] | None
    series: list[Series] | None
    seconds: float | None


class Claim(TypedDict):
    """A claim of the document."""

    id: Name
    claim: str
    statement: str
    latex: NotRequired[Free[str]]
    kind: str
    blind: str
    verdict: ClaimVerdict
    words: str
    checks: Count
    worst: Number
    controls: list[ControlCount]
    subjects: list[AnyObject[Subject]]
    seconds: Seconds
    evidence: str


class Case(TypedDict):
    """A stored case that was asked again."""

    id: str
    test: str
    identity: str
    backend: str
    dtype: str
    status: CaseStatus
    recorded: str | None
    found: str | None
    why: str | None
    message: str | None


class LedgerRow(TypedDict):
    """What the ledger says of a deviation."""

    backend: str | None
    primitive: str | None
    order: NotRequired[Free[int | None]]
    dtypes: NotRequired[Free[list[str] | None]]
    modes: NotRequired[Free[list[str] | None]]
    region: NotRequired[Free[str | None]]
    size: NotRequired[Free[str | None]]
    any_size: NotRequired[Free[str | None]]
    like: NotRequired[Free[str | None]]
    gives: NotRequired[Free[list[str] | None]]
    within: NotRequired[Free[str | None]]
    cause: str | None
    upstream: NotRequired[Free[str | None]]
    versions: NotRequired[Free[list[str] | None]]
    recheck: NotRequired[Free[str | None]]
    quantity: NotRequired[Free[str | None]]
    mode: NotRequired[Free[str | None]]
    got: NotRequired[Free[str | None]]
    true: NotRequired[Free[str | None]]
    witness: NotRequired[Free[list[Array] | None]]
    painted: NotRequired[Free[list[Pair[Number]] | None]]
    script: NotRequired[Free[str | None]]
    found: NotRequired[Free[str | None]]


class Deviation(LedgerRow):
    """A row of suite/known/ledger.toml."""

    id: str
    status: Annotated[LedgerStatus, about("Of its witness in this run; elsewhere: it speaks of other versions.")]
    excused: Count
    unlimited: NotRequired[
        Annotated[Count, about("Of these, those by a row that does not say what is given, but why it is chaotic.")]
    ]


class KinkAnswer(TypedDict):
    """What one backend answers at a kink."""

    value: list[str] | None
    reverse: list[str]
    forward: list[str]
    inside: bool | None
    known: str | None


class Convention(TypedDict):
    """A kink or an edge, and the derivatives of one order there; without an order, the first."""

    case: str
    order: NotRequired[Free[int]]
    subdifferential: NotRequired[Free[str]]
    agree: bool
    answers: AnyObject[dict[str, KinkAnswer]]


class Unsupported(TypedDict):
    """What a mode does not offer."""

    backend: str
    mode: str
    primitive: str
    reason: str


class TimeSplit(TypedDict):
    """Seconds, all workers added up."""

    total: float
    by_part: dict[str, float]
    by_backend: dict[str, float]
    split: dict[str, dict[str, float]]


class Test(TypedDict):
    nodeid: str
    outcome: TestOutcome
    seconds: Seconds
    message: str


class Doing(TypedDict):
    """What a worker was at when it died."""

    function: str
    inputs: list[Array]


class Crash(TypedDict):
    """A test in which a worker died."""

    nodeid: str
    message: str
    doing: AnyObject[Doing] | None
    trace: str


class Tests(TypedDict):
    counts: dict[str, Count]
    seconds: Seconds
    drawn: NotRequired[Free[dict[str, int]]]
    planned: Count
    never_ran: list[str]
    crashed: list[Crash]
    all: list[Test]
