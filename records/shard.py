"""What a run writes into its shards, one JSON object a line: a type for each kind of record.

A key that a record may lack is not required; more keys than these may be there.
"""

from collections.abc import Mapping
from typing import Literal, NotRequired, Required, TypedDict, get_args, get_type_hints

from gradlaws.records.parts import Answer, Array, ControlCount, Node, Series, Worst
from gradlaws.records.run import Header
from gradlaws.records.values import (
    CaseStatus,
    ClaimVerdict,
    Count,
    Counts,
    Exact,
    LedgerStatus,
    Name,
    Number,
    Pair,
    Seconds,
    Tally,
    TestOutcome,
    Verdict,
)

# No `from __future__ import annotations` in these modules: what is required is asked of the types themselves.

SCHEMA = 1  # of the records in a shard, which its header names


class Run(Header):
    """The header as the first line of a shard."""

    kind: Literal["run"]
    schema: int
    worker: NotRequired[str]


class Plan(TypedDict):
    """The tests that the worker is to run."""

    kind: Literal["plan"]
    tests: list[str]


class Place(TypedDict):
    """A cell of the matrix."""

    identity: Name
    backend: Name
    dtype: Name
    mode: Name
    order: Count


class Comparison(Place):
    """One answer judged. `zero`: the exact derivative vanishes. `partly`: some of its components could not be, since
    their bound or the oracle says nothing. `cause`: why it is inconclusive."""

    kind: Literal["comparison"]
    verdict: Verdict
    ratio: NotRequired[Number | None]
    digits: NotRequired[Number | None]
    function: NotRequired[str]
    program: NotRequired[str]
    primitives: NotRequired[list[str]]
    pairs: NotRequired[list[str]]
    size: NotRequired[Count | None]
    steps: NotRequired[Count | None]
    depth: NotRequired[Count | None]
    zero: NotRequired[bool]
    partly: NotRequired[bool]
    cause: NotRequired[str]
    seconds: NotRequired[Seconds]


class Tallies(TypedDict, total=False):
    """How often each was met; from `programs` on in conclusive comparisons only, `undecided` (primitives) and
    `causes` in inconclusive ones; `partly` (verdicts) where some components were left undecided."""

    counts: Required[Counts]
    histogram: Tally
    digits: Tally
    primitives: Tally
    sizes: Tally
    steps: Tally
    programs: Tally
    reached: Tally
    pairs: Tally
    depths: Tally
    inputs: Tally
    zero: Tally
    undecided: Tally
    causes: Tally
    partly: Tally


class Cell(Place, Tallies):
    """The comparisons of one cell, folded."""

    kind: Literal["cell"]
    worst: NotRequired[Worst | None]
    worst_holding: NotRequired[Worst | None]
    seconds: NotRequired[Seconds]


class GeneratedTallies(TypedDict, total=False):
    """How often each was drawn."""

    primitives: Tally
    pairs: Tally
    depths: Tally
    steps: Tally
    sizes: Tally
    decades: Tally


class Generated(GeneratedTallies):
    """The functions that one backend met, folded."""

    kind: Literal["generated"]
    backend: str
    examples: Count


class Drawn(TypedDict, total=False):
    """What kind of function was drawn."""

    primitives: list[str]
    pairs: Tally
    depth: Count
    size: Count
    steps: Count
    decades: Tally


class Example(Drawn, total=False):
    """What a worker is at; with `backend`, what kind of function it is. `hung`: the traceback of one that hung."""

    kind: Required[Literal["example"]]
    test: Required[str]
    limit: float
    function: str
    inputs: list[Array]
    backend: str
    hung: str


class Control(TypedDict):
    """A corrupted answer, how often it was tried in a test, was another one than the right, and was seen to fail."""

    kind: Literal["control"]
    identity: Name
    backend: Name
    dtype: Name
    control: str
    tried: Count
    failed: Count
    differed: NotRequired[Count]


class Details(TypedDict, total=False):
    """A comparison with all that it was made of."""

    order: Count | None
    function: str | None
    steps: Count | None
    size: Count | None
    primitives: list[str] | None
    examples: Count | None
    inputs: list[Array] | None
    component: str | None
    got: str | None
    true: Exact | None
    bound: Exact | None
    message: str | None
    row: str | None
    graph: list[Node] | None
    scripts: dict[str, str] | None
    replay: str | None
    case: str | None


class Failure(Details):
    """A violation or an error. The last one of a test, by its `number`, is the shrunk one."""

    kind: Literal["failure"]
    id: str
    identity: Name
    backend: Name
    dtype: Name
    mode: Name
    test: str
    verdict: Literal["violated", "error"]
    ratio: NotRequired[Number | None]
    number: NotRequired[Count]


class Witness(Details):
    """The worst comparison of a test, with the answers of all backends."""

    kind: Literal["witness"]
    identity: Name
    backend: Name
    dtype: Name
    mode: Name
    test: str
    ratio: Number | None
    id: NotRequired[str]
    verdict: NotRequired[Verdict]
    digits: NotRequired[Number | None]
    answers: NotRequired[dict[str, Answer] | None]


class Unsupported(TypedDict):
    """What a mode does not offer."""

    kind: Literal["unsupported"]
    backend: Name
    mode: Name
    primitive: str
    reason: NotRequired[str | None]


class Deviation(TypedDict, total=False):
    """What is shown of a row of suite/known/ledger.toml: its witness, its script, its region on the axis."""

    versions: list[str] | None
    recheck: str | None
    quantity: str | None
    mode: str | None
    got: str | None
    true: Exact | None
    witness: list[Array] | None
    painted: list[Pair[Number]] | None
    script: str | None


class Ledger(Deviation, total=False):
    """A row of suite/known/ledger.toml and what its witness showed; or one that a comparison met, which it excused."""

    kind: Required[Literal["ledger"]]
    id: Required[str]
    status: Required[LedgerStatus]
    excused: Count | None
    unlimited: Count | None
    backend: str | None
    primitive: str | None
    order: Count | None
    dtypes: list[str] | None
    modes: list[str] | None
    region: str | None
    size: str | None
    any_size: str | None
    like: str | None
    gives: list[str] | None
    within: str | None
    cause: str | None
    upstream: str | None
    found: str | None


class Case(TypedDict):
    """A stored case, asked again."""

    kind: Literal["case"]
    id: str
    test: str
    identity: str
    backend: Name
    dtype: Name
    status: CaseStatus
    recorded: NotRequired[str]
    found: NotRequired[str]
    why: NotRequired[str]
    message: NotRequired[str]


class Found(TypedDict):
    """A case that came nearer to its bound than any before; `case` is a line of suite/corpus/corpus.jsonl."""

    kind: Literal["found"]
    case: str


class Claim(TypedDict):
    """What a test found out about a claim of the document."""

    kind: Literal["claim"]
    id: Name
    subject: str
    verdict: ClaimVerdict
    words: NotRequired[str | None]
    checks: NotRequired[Count]
    worst: NotRequired[Number]
    excused: NotRequired[Count]
    figures: NotRequired[dict[str, float | str]]
    series: NotRequired[list[Series] | None]
    controls: NotRequired[list[ControlCount] | None]
    seconds: NotRequired[Seconds]


class Convention(TypedDict):
    """What one backend answers at a kink or an edge; without an order, the first."""

    kind: Literal["convention"]
    case: str
    order: NotRequired[int]
    backend: str
    reverse: list[str]
    forward: list[str]
    at: NotRequired[list[str]]
    value: NotRequired[list[str]]
    subdifferential: NotRequired[str]
    inside: NotRequired[bool | None]
    known: NotRequired[str]


class Time(TypedDict):
    """Seconds that one part of the work took."""

    kind: Literal["time"]
    part: str
    backend: str
    seconds: Seconds


class Test(TypedDict):
    """A test that ended, and how many examples Hypothesis drew, by what became of them."""

    kind: Literal["test"]
    nodeid: str
    outcome: TestOutcome
    seconds: NotRequired[Seconds]
    message: NotRequired[str]
    drawn: NotRequired[dict[str, Count]]


class Journal(TypedDict):
    """The first line of a journal."""

    kind: Literal["journal"]
    sequence: int


class Fold(TypedDict):
    """What a journal held, folded."""

    kind: Literal["fold"]
    sequence: int
    cells: list[Cell]
    times: list[Time]
    generated: NotRequired[list[Generated]]


Record = (
    Run | Journal | Fold | Example | Comparison | Cell | Control | Generated | Witness | Failure | Unsupported
    | Ledger | Case | Found | Claim | Convention | Time | Plan | Test
)  # fmt: skip
KINDS: Mapping[str, type] = {get_args(get_type_hints(kind)["kind"])[0]: kind for kind in get_args(Record)}
