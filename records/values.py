"""What a value in a record can be: counts, numbers that JSON lacks, exact ones, and the words that have a meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from msgspec import Meta

T = TypeVar("T")


def about(text: str) -> Meta:
    """What the schema says of a value."""
    return Meta(description=text)


def named_by(words: tuple[str, ...]) -> Meta:
    """Only these are keys, which the schema would not say by itself."""
    return Meta(extra_json_schema={"propertyNames": {"enum": list(words)}})


# What the schema of report.json promises nothing of, so that reading does not demand it either: T where the program is
# checked; anything, or any object, where a file is.
if TYPE_CHECKING:
    Free = Annotated[T, "anything"]
    AnyObject = Annotated[T, "any object"]
else:

    class Free:
        def __class_getitem__(cls, kind: Any) -> Any:
            return Any

    class AnyObject:
        def __class_getitem__(cls, kind: Any) -> Any:
            return dict[str, Any]


Name = Annotated[str, about("An id: any text, not markup.")]
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0), about("Seconds of this machine. Never compared.")]
Number = Annotated[float | Literal["inf", "-inf", "nan"], about("A number; those that JSON lacks as words.")]
Exact = Annotated[str, about("A number without loss: hexadecimal floating point (C99 %a), or decimal.")]
Pair = Annotated[list[T], Meta(min_length=2, max_length=2)]

# Of one comparison. A deviation, which the ledger knows, is excused: it counts, and its size says nothing of the rest.
Verdict = Literal["holds", "deviation", "violated", "error", "inconclusive", "unsupported"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
CONCLUSIVE: tuple[Verdict, ...] = ("holds", "deviation", "violated")
JUDGED: tuple[Verdict, ...] = ("holds", "violated")

# Of a cell. The first that applies wins, from single comparisons up to a whole identity.
Status = Literal["error", "violated", "insufficient evidence", "holds", "too coarse", "unsupported", "not applicable"]
STATUSES: tuple[Status, ...] = get_args(Status)

# Of a run, whose exit status is the place in this list; and, each gravest first, of a test, of a known deviation, of a
# stored case, and of a claim of the document.
Outcome = Literal["holds", "violated", "could not run", "insufficient evidence"]
TestOutcome = Literal["crashed", "hung", "error", "failed", "idle", "skipped", "passed"]
LedgerStatus = Literal["error", "worse", "fixed", "confirmed", "elsewhere"]
CaseStatus = Literal["FAILED", "ERROR", "UNDECIDED", "FIXED", "HOLDS"]
ClaimVerdict = Literal["violated", "insufficient evidence", "false as written", "holds with a condition", "holds"]

# From one run to another; the first four are regressions.
Change = Literal["new", "worse", "removed", "weakened", "fixed", "better", "added", "edited"]

# Of fewer trials of a control chance decides, where bounds are wide; the verdict counts those of all tests of an
# identity together.
FEW = 5

PARTS = ("generate", "oracle", "bound", "framework", "rest")  # of a run's time

Tally = dict[str, Count]  # how often each name was met
Counts = Annotated[dict[Verdict, Count], named_by(VERDICTS), about("Comparisons by verdict.")]
Histogram = Annotated[
    dict[Annotated[str, Meta(pattern="^(zero|inf|-?[0-9]+)$")], Count],
    about("Comparisons by floor(log2(error / bound))."),
]
Digits = Annotated[
    dict[Annotated[str, Meta(pattern="^-?[0-9]+$")], Count],
    about("Comparisons by floor(-log10(bound / largest component)): how closely they looked."),
]
