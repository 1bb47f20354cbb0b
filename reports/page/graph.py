"""The drawn graph of a function's steps: where each box stands, and the curves between them."""

from __future__ import annotations

from collections.abc import Sequence

from gradlaws.records.parts import Node
from gradlaws.reports.page import View

HEIGHT, ROW, GAP, MARGIN = 40.0, 54.0, 34.0, 6.0
NAME, DETAIL = 7.6, 6.2  # width of a letter in the two lines of a box
LONGEST = 19  # letters
LANE = 16.0


def graph(nodes: Sequence[Node]) -> View | None:
    """Boxes in columns, inputs on the left and the result on the right; None for no nodes, or for a broken graph.

    A box stands in the column after its last argument, a constant in the one before its first use, and in its column
    near the middle of its arguments.
    """
    if not nodes or any(not 0 <= i < at for at, node in enumerate(nodes) for i in node["from"]):
        return None
    columns = _columns(nodes)
    members: list[list[int]] = [[] for _ in range(max(columns) + 1)]
    for at, number in enumerate(columns):
        members[number].append(at)
    place: dict[int, float] = {}
    for column in members:
        column.sort(key=lambda at: (_middle(nodes[at], place), at))
        place |= {at: row - (len(column) - 1) / 2 for row, at in enumerate(column)}
    tallest = max(map(len, members))
    far = any(columns[at] - columns[i] > 1 for at, node in enumerate(nodes) for i in node["from"])
    head = LANE if far else 0.0  # room above the boxes for curves that pass columns by
    boxes: list[View] = []
    left, lefts = MARGIN, []
    for column in members:
        lefts.append(left)
        left += max(_width(nodes[at]) for at in column) + GAP
    for at, node in enumerate(nodes):
        wide = _width(node)
        column = members[columns[at]]
        across = lefts[columns[at]] + (max(_width(nodes[other]) for other in column) - wide) / 2
        down = MARGIN + head + (place[at] + (tallest - 1) / 2) * ROW
        boxes.append(
            {"x": round(across, 1), "y": round(down, 1), "width": wide, "height": HEIGHT,
             "name": _clipped(node["name"]), "detail": _detail(node), "kind": _kind(at, node, len(nodes))}
        )  # fmt: skip
    curves = [
        _curve(boxes[start], boxes[at], columns[at] - columns[start] > 1)
        for at, node in enumerate(nodes)
        for start in node["from"]
    ]
    return {
        "width": round(left - GAP + MARGIN, 1), "height": round(2 * MARGIN + head + tallest * ROW - (ROW - HEIGHT), 1),
        "boxes": boxes, "curves": curves, "steps": _steps(nodes),
    }  # fmt: skip


def _columns(nodes: Sequence[Node]) -> list[int]:
    columns: list[int] = []
    for node in nodes:
        columns.append(1 + max((columns[i] for i in node["from"]), default=-1))
    for at, node in enumerate(nodes):
        users = [columns[other] for other in range(at + 1, len(nodes)) if at in nodes[other]["from"]]
        if not node["from"] and node["name"] == "constant" and users:
            columns[at] = max(min(users) - 1, 0)
    return columns


def _steps(nodes: Sequence[Node]) -> list[View]:
    """The same as rows of a table: v1, what it is, its shape and value."""
    names: list[str] = []
    rows = []
    for node in nodes:
        made = bool(node["from"]) or node["name"] == "constant"
        names.append(f"v{len(names) + 1}" if made else str(node["name"]))
        said = f"{node['name']}({', '.join(names[i] for i in node['from'])})" if node["from"] else node["name"]
        shape = " × ".join(map(str, node["shape"])) or "scalar"
        rows.append({"name": names[-1], "is": said if made else "input", "shape": shape, "value": node["value"]})
    return rows


def _middle(node: Node, place: dict[int, float]) -> float:
    known = [place[i] for i in node["from"] if i in place]
    return sum(known) / len(known) if known else 0.0


def _detail(node: Node) -> str:
    shape = "×".join(map(str, node["shape"]))
    return _clipped(str(node["value"])) if node["value"] else f"shape {shape or 'scalar'}"


def _width(node: Node) -> float:
    return round(max(len(_clipped(node["name"])) * NAME, len(_detail(node)) * DETAIL, 30) + 18, 1)


def _kind(at: int, node: Node, count: int) -> str:
    if not node["from"]:
        return "constant" if node["name"] == "constant" else "input"
    return "result" if at == count - 1 else "step"


def _curve(start: View, end: View, far: bool) -> str:
    x1, y1 = start["x"] + start["width"], start["y"] + HEIGHT / 2
    x2, y2 = end["x"], end["y"] + HEIGHT / 2
    if far:  # over the columns between
        return (f"M{x1:g} {y1:g}C{x1 + 20:g} {y1:g} {x1:g} {MARGIN:g} {x1 + 26:g} {MARGIN:g}"
                f"H{x2 - 26:g}C{x2:g} {MARGIN:g} {x2 - 20:g} {y2:g} {x2:g} {y2:g}")  # fmt: skip
    bend = max((x2 - x1) / 2, 12)
    return f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
