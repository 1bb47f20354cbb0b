"""What records of several kinds consist of."""

from typing import TypedDict

from gradlaws.records.values import Count, Exact, Number, Pair


class Array(TypedDict):
    """An input, row by row."""

    name: str
    shape: list[Count]
    hex: list[Exact]


# A value of a function: what makes it, from which values, its shape, and what it is at the point.
Node = TypedDict("Node", {"name": str, "from": list[Count], "shape": list[Count], "value": str})


class Answer(TypedDict, total=False):
    """What one backend says at the worst component; `says` why it has no answer."""

    mode: str
    got: str
    bound: str
    ratio: Number
    says: str


class ControlCount(TypedDict):
    """How often something wrong was tried, and was seen to fail."""

    control: str
    tried: Count
    failed: Count


class Series(TypedDict):
    """A line in a plot."""

    name: str
    axes: Pair[str]
    points: list[Pair[Number]]


class Worst(TypedDict):
    """A comparison: its error / bound and its function."""

    ratio: Number
    function: str
