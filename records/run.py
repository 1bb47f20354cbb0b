"""What a run says of itself before it begins: each worker in its header, and the report for all of them."""

from typing import Annotated, Literal, NotRequired, Required, TypedDict

from msgspec import Meta

from gradlaws.records.values import AnyObject, Count, Free, Name, Pair, Share, about

# Of identity × backend × dtype each mode, all together, or each primitive in each order.
Level = Literal["mode", "system", "primitive"]
Contract = Annotated[
    list[float],
    Meta(min_length=6, max_length=6),
    about("Ulps allowed of value, first, second partials; conditioning, absolute, normwise."),
]


class Identity(TypedDict):
    """A claim, as suite/known/claims.toml has it."""

    id: Name
    claim: NotRequired[str]
    statement: NotRequired[str]
    controls: NotRequired[list[str]]
    blind: NotRequired[str]
    latex: NotRequired[Free[str]]
    kind: NotRequired[Free[str]]
    document: NotRequired[Free[bool]]


class Unverifiable(TypedDict):
    """What the document says and nothing can show."""

    claim: str
    reason: str


class AtLeast(TypedDict, total=False):
    """How much there must be."""

    conclusive: Count
    programs: Count
    primitives: Count
    pairs: Count
    depth: Count
    size: Count


class AtMost(TypedDict, total=False):
    """Shares that may not be larger."""

    inconclusive: Share
    unsupported: Share
    zero: Share
    unreached: Share


class Floor(AtLeast, AtMost, total=False):
    """A row of suite/known/floors.toml; without a list of names it speaks of all."""

    level: Required[Level]
    reason: str
    identities: list[str]
    backends: list[str]
    dtypes: list[str]


class Header(TypedDict, total=False):
    """What a run is: versions, settings, and what it is meant to cover."""

    suite: str
    profile: str
    asked: dict[str, str]
    shard: str
    seed: str
    started: str
    versions: dict[str, str]
    commit: str
    platform: str
    cpus: int | None
    settings: dict[str, int | str]
    catalogue: dict[str, list[str]]
    not_in_catalogue: dict[str, str]
    turns: dict[str, dict[str, list[str]]]
    domains: dict[str, float]
    contracts: dict[str, Contract]
    floor: Count
    floors: list[Floor]
    coarse: list[str]
    left_out: dict[str, str]
    not_applicable: dict[str, str]
    flush: dict[str, str]
    identities: list[Identity]
    claims: list[Identity]
    unverifiable: list[Unverifiable]
    systems: list[Pair[str]]


class RunClaim(TypedDict):
    """A claim that the run was asked for."""

    id: Name
    claim: NotRequired[Free[str]]
    statement: NotRequired[Free[str]]
    controls: NotRequired[Free[list[str]]]
    blind: NotRequired[Free[str]]
    latex: NotRequired[Free[str]]
    kind: NotRequired[Free[str]]
    document: NotRequired[Free[bool]]


class Run(TypedDict):
    """What was run."""

    suite: Annotated[str, about("The version of the suite.")]
    asked: Annotated[dict[str, str], about("Options by which the run was about less than the whole suite, or more.")]
    missing: Annotated[
        list[Annotated[str, Meta(pattern="^[0-9]+/[0-9]+$")]], about("Shards of the run that are not there.")
    ]
    profile: str
    seed: str
    started: str
    commit: NotRequired[Free[str]]
    platform: str
    cpus: str
    floor: Annotated[Count, about("Conclusive comparisons that a cell needs.")]
    floors: NotRequired[
        Annotated[
            list[AnyObject[Floor]],
            about("Floors of evidence, as suite/known/floors.toml has them; later rows override earlier ones."),
        ]
    ]
    coarse: NotRequired[
        Annotated[
            list[str],
            about("Precisions in which a bound may be too wide by nature; a control need fail in one of them only."),
        ]
    ]
    versions: dict[str, str]
    settings: dict[str, str]
    flush: dict[str, str]
    left_out: dict[str, str]
    catalogue: NotRequired[Free[dict[str, list[str]]]]
    domains: Annotated[dict[str, float], about("Primitive: share of a fixed set of points in its domain.")]
    contracts: Annotated[dict[str, Contract], about("Of each 'backend primitive modes dtypes'.")]
    turns: NotRequired[Free[dict[str, dict[str, list[str]]]]]
    not_in_catalogue: NotRequired[Free[dict[str, str]]]
    not_applicable: dict[str, str]
    identities: list[Identity]
    claims: list[RunClaim]
    unverifiable: NotRequired[Free[list[Unverifiable]]]
    systems: list[Pair[str]]
