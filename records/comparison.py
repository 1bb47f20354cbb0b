"""What two runs are compared by, which reports/baseline.json holds of one; and what changed from one to the other."""

from typing import Annotated, Any, Literal, TypedDict

from gradlaws.records.values import AnyObject, Change, ClaimVerdict, Count, Name, Pair, Status, about

SCHEMA = 1
KIND: Literal["gradlaws baseline"] = "gradlaws baseline"


What = Literal[
    "cell", "mode", "system", "identity", "claim", "ledger", "failure", "contract", "domain", "pairs", "settings"
]  # fmt: skip


class Looked(TypedDict):
    """How much was looked at, and how closely: the mean of the digits that the bounds resolve."""

    conclusive: Count
    programs: Count
    pairs: Count
    digits: float | None


class GistCell(Looked):
    """An identity on one system. A mode that holds has the number of its conclusive comparisons, any other its status;
    `floors` has what is demanded, as "system pairs" or "mode conclusive"."""

    identity: Name
    backend: Name
    dtype: Name
    status: Status
    floors: dict[str, float]
    worst: float | None
    modes: dict[str, Count | Status]


class Gist(TypedDict):
    """Verdicts, counts, digits and terms of a run; nothing that another machine would measure anew."""

    kind: Literal["gradlaws baseline"]
    schema: int
    suite: str
    profile: str
    seed: str
    commit: str
    started: str
    asked: dict[str, str]
    versions: dict[str, str]
    systems: list[Pair[str]]
    settings: dict[str, Count]
    identities: dict[str, str]
    cells: list[GistCell]
    pairs: dict[str, Count]
    claims: dict[str, ClaimVerdict]
    ledger: dict[str, Pair[str]]
    failures: dict[str, str]
    contracts: dict[str, list[float]]
    domains: dict[str, float]


class ChangeRow(TypedDict):
    """A difference from the baseline."""

    change: Change
    gates: Annotated[bool, about("Whether it is a regression.")]
    what: What
    identity: str
    backend: str
    dtype: str
    subject: str
    before: Any
    after: Any


class Changes(TypedDict):
    """From one run to another."""

    note: Annotated[str, about("What was not compared, and why.")]
    counts: dict[str, Count]
    rows: list[ChangeRow]


class Baseline(TypedDict):
    """Which run it was compared with."""

    suite: str
    commit: str
    started: str
    versions: dict[str, str]


class Compared(Changes):
    """From the baseline to this run."""

    baseline: AnyObject[Baseline] | None
