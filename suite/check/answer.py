"""What a check found: for each leaf and order a verdict, how closely it was looked at, and what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["holds", "violated", "inconclusive", "unsupported"]
WORST: tuple[Verdict, ...] = ("violated", "inconclusive", "holds", "unsupported")
DIGITS = {"float64": 15.95, "float32": 7.22, "float16": 3.31, "bfloat16": 2.41}  # −log10 of the unit roundoff
LEAST = 1.0  # digit that rounding has to leave, for a verdict
LOST = 3.0  # digits that rounding takes, from which on it is worth a word
QUANTITIES = ("value", "gradient", "Hessian · v")


@dataclass(frozen=True)
class Failure:
    """One entry of one answer: what came, what is true, and what rounding may do."""

    mode: str
    question: str
    index: tuple[int, ...]
    answer: float
    true: float
    bound: float
    ratio: float = math.inf

    def __str__(self) -> str:
        at = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        off = abs(self.answer - self.true)
        allowed = f"rounding allows {self.bound:.1e}" if self.bound else "nothing is rounded"
        came = f"is {self.answer:.17g}, not {self.true:.17g} (off {off:.1e}, {allowed})"
        return f"{self.mode}, {self.question}: entry {at} {came}"


@dataclass
class Row:
    """A leaf at one order; ``quantity`` where that does not say what.

    ``ratio``: the worst error over what rounding allows there, of the answers that are within it; at entry ``worst``.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    order: int
    quantity: str = ""
    rule: str = "not asked"
    seen: float = math.nan  # the smallest relative fault of the whole leaf that RULE would have seen
    digits: float = math.nan  # that rounding leaves
    visible: float = math.nan  # the smallest relative fault of a median entry that the answers would have shown
    ratio: float = 0.0
    ulps: float = 0.0
    worst: tuple[int, ...] = ()
    modes: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)  # modes in which the framework is known to be wrong
    notes: list[str] = field(default_factory=list)
    compared: int = 0
    zero: float = 0.0  # where the truth is 0 throughout, what rounding may make of it
    by_sum: bool = False  # whether rounding leaves digits of a sum with drawn signs, and none of single entries

    @property
    def worst_ratio(self) -> float:
        """Of all answers."""
        return max([self.ratio, *(f.ratio for f in self.failures)])

    @property
    def doubts(self) -> list[str]:
        """Why it is not called right, where nothing is wrong."""
        lost = self.compared and self.digits < LEAST
        return [*self.notes, "rounding may make as much as its largest entry: no digit is left"] if lost else self.notes

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def verdict(self) -> Verdict:
        if self.failures or self.rule == "wrong":
            return "violated"
        if not self.compared:
            return "unsupported" if self.rule == "not asked" else "inconclusive"
        if self.rule not in ("right", "allowed", "reference") or not self.digits >= LEAST or self.notes:
            return "inconclusive"
        return "holds"

    @property
    def smallest_fault(self) -> float:
        """The smallest relative fault that would have been seen, by the rule or by an answer; NaN if none."""
        known = [x for x in (self.seen, self.visible) if math.isfinite(x)]
        return min(known, default=math.nan)


@dataclass
class Report:
    """What ``gradlaws.check`` found. ``report["x"]`` is the gradient's row of that leaf, ``report["x", 2]`` another."""

    function: str
    framework: str
    rows: list[Row]
    order: int
    seed: int
    problems: list[str] = field(default_factory=list)  # each a reason for violated
    unsupported: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # what the budget left no time for
    excused: list[str] = field(default_factory=list)  # known deviations of the framework inside the call
    notes: list[str] = field(default_factory=list)
    loses: str = ""  # the operation in which most digits are lost
    controls: str = ""
    script: str = ""
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        if self.problems:
            return "violated"
        asked: set[Verdict] = {row.verdict for row in self.rows}
        return next((v for v in WORST if v in asked), "inconclusive")

    @property
    def smallest_fault(self) -> float:
        """Over all leaves, the largest of what would just have been seen."""
        known = [row.smallest_fault for row in self.rows if row.order and row.compared]
        return max(known, default=math.nan)

    def __getitem__(self, key: str | tuple[str, int]) -> Row:
        name, order = key if isinstance(key, tuple) else (key, 1)
        for row in self.rows:
            if (row.name, row.order) == (name, order):
                return row
        names = ", ".join(dict.fromkeys(row.name for row in self.rows if row.order == order))
        raise KeyError(f"no leaf is called {name!r} at order {order}; there are {names}")

    def table(self) -> str:
        head = ("", "verdict", "rule", "digits", "error/bound", "worst at", "smallest fault", "asked in")
        lines = [head, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(head) - 1)]
        return "\n".join(
            "  ".join([*(c.ljust(w) for c, w in zip(line, widths, strict=False)), line[-1]]).rstrip() for line in lines
        )

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"gradlaws: {self.function} ({self.framework}): {self.verdict}"
        yield ""
        yield from ("  " + line for line in self.table().splitlines())
        sections: Sequence[tuple[str, Sequence[str]]] = (
            ("wrong", [*self.problems, *_failures(self.rows)]),
            ("not known", [f"{_titled(row)}: {note}" for row in self.rows for note in row.doubts]),
            ("not offered", self.unsupported),
            ("not asked", self.skipped),
            ("excused", self.excused),
            ("said", [*self.notes, *filter(None, self._remarks())]),
        )
        for title, lines in sections:
            if lines:
                yield ""
                yield from (f"  {title}: {line}" for line in dict.fromkeys(lines))
        if self.script and self.verdict == "violated":
            yield ""
            yield "  without gradlaws:"
            yield from ("    " + line for line in self.script.splitlines())
        yield ""
        yield f"  seed={self.seed} asks the same again ({self.seconds:.1f} s)"

    def _remarks(self) -> list[str]:
        return [_zeros(self.rows), _by_sum(self.rows), self._lost(), self.controls]

    def _lost(self) -> str:
        """Where rounding takes most digits, if it takes many."""
        lost = [
            (DIGITS[row.dtype] - row.digits, row) for row in self.rows if row.order == 1 and math.isfinite(row.digits)
        ]
        most, row = max(lost, key=lambda pair: pair[0], default=(0.0, None))
        if row is None or most < LOST or not self.loses:
            return ""
        return (
            f"{most:.0f} of {DIGITS[row.dtype]:.0f} digits of {_titled(row)} are lost to rounding, most in {self.loses}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON: NaN is None."""
        return {
            "function": self.function, "framework": self.framework, "verdict": self.verdict, "order": self.order,
            "seed": self.seed, "seconds": self.seconds, "smallest_fault": _plain(self.smallest_fault),
            "problems": self.problems, "unsupported": self.unsupported, "notes": self.notes,
            "skipped": self.skipped, "excused": self.excused, "script": self.script,
            "loses": self.loses, "controls": self.controls,
            "rows": [
                {
                    "name": row.name, "quantity": row.quantity or QUANTITIES[row.order],
                    "shape": list(row.shape), "dtype": row.dtype, "order": row.order,
                    "verdict": row.verdict, "rule": row.rule, "digits": _plain(row.digits),
                    "ratio": _plain(row.worst_ratio), "ulps": _plain(row.ulps), "worst": list(row.worst),
                    "smallest_fault": _plain(row.smallest_fault), "modes": row.modes,
                    "failures": [str(f) for f in row.failures], "notes": row.notes,
                }
                for row in self.rows
            ],
        }  # fmt: skip

    def _repr_html_(self) -> str:
        import html

        cells = [_cells(row) for row in self.rows]
        head = ("", "verdict", "rule", "digits", "error/bound", "worst at", "smallest fault", "asked in")
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in line) + "</tr>" for line in cells)
        wrong = "".join(f"<li>{html.escape(p)}</li>" for p in [*self.problems, *_failures(self.rows)])
        titles = "".join(f"<th>{h}</th>" for h in head)
        title = html.escape(f"{self.function} ({self.framework}): {self.verdict}")
        return f"<p><strong>{title}</strong></p><table><tr>{titles}</tr>{rows}</table><ul>{wrong}</ul>"


def _plain(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _titled(row: Row) -> str:
    if row.quantity:
        return f"{row.quantity} of {row.name}"
    return f"{QUANTITIES[row.order]} of {row.name}" if row.order < 2 else f"{QUANTITIES[2]} for {row.name}"


def _zeros(rows: Sequence[Row]) -> str:
    names = ", ".join(f"{_titled(row)} ({row.zero:.0e})" for row in rows if row.zero)
    return f"no more than rounding throughout (0, most often), which makes up to: {names}" if names else ""


def _by_sum(rows: Sequence[Row]) -> str:
    names = ", ".join(_titled(row) for row in rows if row.by_sum)
    why = "rounding may take every digit of single entries: a sum of all, with drawn signs, is judged"
    return f"{names}: {why}" if names else ""


def _failures(rows: Sequence[Row]) -> list[str]:
    """Of each row the worst; how many more there are."""
    found = []
    for row in rows:
        if row.failures:
            worst = row.failures[0]
            more = f"; and in {len(row.failures) - 1} more questions" if len(row.failures) > 1 else ""
            found.append(f"{_titled(row)}: {worst}{more}")
    return found


def _cells(row: Row) -> tuple[str, ...]:
    shape = f"{row.dtype}[{', '.join(map(str, row.shape))}]"
    digits = f"{row.digits:.1f} of {DIGITS[row.dtype]:.0f}" if math.isfinite(row.digits) else "-"
    fault = f"{row.smallest_fault:.0e}" if math.isfinite(row.smallest_fault) else "-"
    worst = max(row.failures, key=lambda f: f.ratio).index if row.failures else row.worst
    at = str(list(worst)) if row.compared and row.shape else "-"
    return (
        f"{_titled(row)} {shape}", row.verdict, row.rule, digits,
        f"{row.worst_ratio:.2g}" if row.compared else "-", at, fault, ", ".join(row.modes) or "-",
    )  # fmt: skip
