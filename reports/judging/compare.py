"""What changed from one run to another: new, fixed, worse, better, added, removed, weakened, edited.

Nothing that is measured in seconds is compared, and of errors only what no other machine would turn: a verdict, a
count beyond a stated share, a mean of digits beyond a stated fall.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args

from gradlaws.records.comparison import Baseline, ChangeRow, Changes, Compared, Gist, GistCell, Looked, What
from gradlaws.records.conversions import taken
from gradlaws.records.values import Change, ClaimVerdict
from gradlaws.reports.judging.floors import LEAST, MOST
from gradlaws.reports.numerals import count, ratio

T = TypeVar("T")
Thing = Literal["cell", "system"]

CHANGES: tuple[Change, ...] = get_args(Change)
REGRESSIONS = CHANGES[:4]
# What a run may lose before it is weaker. A test draws some 30 functions, most comparisons are of few of them, and any
# edit of strategies/ draws others: that alone moves a cell by a third and half a digit, a system by 1 %, 0.13 digits.
SHARES: Mapping[Thing, float] = {
    "cell": 0.5,
    "system": 0.9,
}  # of its conclusive comparisons, functions and pairs that must still be there
DIGITS: Mapping[Thing, float] = {
    "cell": 1.0,
    "system": 0.3,
}  # by which the mean of the digits that were looked at may fall
ENOUGH, SEEN = 20, 5  # from how many on a cell, and a mode, is held to it
Counted = Literal["conclusive", "programs", "pairs"]
COUNTED: Mapping[Counted, str] = {name: LEAST[name] for name in get_args(Counted)}
FACTOR, SMALL = 8, 0.05  # an error / bound that grows by the factor, and is not small, is told; it never gates
AXES = {"backends": "backend", "dtypes": "dtype", "identities": "identity"}
NOTHING: Changes = {"note": "", "counts": dict.fromkeys(CHANGES, 0), "rows": []}
_WRONG = ("violated", "error")


def compare(before: Gist, after: Gist) -> Changes:
    """Two gists (`gist.gist`): `rows`, gravest change first, `counts` by change, and `note`: what was not compared.

    A row has change, gates (whether it is a regression), what (cell, mode, system, identity, claim, ledger, failure,
    contract, domain, pairs, settings), identity, backend, dtype (empty where none), subject, before, after.
    What `after` was not asked for is not missed; under other settings or seeds no counts are compared.
    """
    notes = differences(before, after)
    counted = not notes
    asked = {AXES[axis]: re.split("[,| ]+", names) for axis, names in after["asked"].items() if axis in AXES}
    told = CHANGES if counted else ("new", "fixed", "added")
    rows = [
        *(row for row in _cells(before, after, asked, counted) if row["change"] in told),
        *(_systems(before, after) if counted else []),
        *_identities(before, after, asked),
        *_claims(before, after, asked),
        *_ledger(before, after, asked),
        *_failures(before, after),
        *(_terms(before, after, asked) if counted else []),
    ]
    rows.sort(key=lambda row: (CHANGES.index(row["change"]), row["what"], _place(row), row["subject"]))
    return {
        "note": "; ".join(notes and [*notes, "counts are not compared"]),
        "counts": {change: sum(row["change"] == change for row in rows) for change in CHANGES},
        "rows": rows,
    }


def against_baseline(baseline: Gist, now: Gist) -> Compared:
    """The comparison that a gate is judged by: none where counts cannot be compared; where a framework's version is
    another, what it no longer offers is told and is no regression."""
    notes = differences(baseline, now)
    known = taken(Baseline, baseline)
    if notes:
        return {"baseline": known, **NOTHING, "note": f"not compared with the baseline: {'; '.join(notes)}"}
    found = compare(baseline, now)
    for row in found["rows"]:
        version = now["versions"].get(row["backend"])
        if version is not None and version != baseline["versions"].get(row["backend"]):
            row["gates"] &= row["change"] == "new"
    return {"baseline": known, **found}


def differences(before: Gist, after: Gist) -> list[str]:
    """Why the counts of two runs say nothing about each other."""
    found = [
        f"{key} {before[key] or 'none'} before, {after[key] or 'none'} after"
        for key in ("profile", "seed")
        if before[key] != after[key]
    ]
    # A precision that is named gets all of the examples, of which it may have a share otherwise (suite/profiles.py).
    axes = {axis for axis in AXES if axis != "dtypes" or before["asked"].get(axis) == after["asked"].get(axis)}
    for name, one in (("before", before), ("after", after)):
        narrow = [f"{key} {value}" for key, value in one["asked"].items() if key not in axes]
        found += [f"{name} was asked for {', '.join(narrow)}"] if narrow else []
    return found


def line(row: ChangeRow) -> str:
    """A row as one line."""
    where = " ".join(filter(None, _place(row)))
    values = " → ".join(_word(row[key]) for key in ("before", "after") if row[key] is not None)
    return " ".join(filter(None, (row["change"], row["what"], where, row["subject"]))) + (
        f": {values}" if values else ""
    )


def _row(
    change: Change, what: What, subject: str = "", before: Any = None, after: Any = None,
    *, identity: str = "", backend: str = "", dtype: str = "",
) -> ChangeRow:  # fmt: skip
    return {
        "change": change, "gates": change in REGRESSIONS, "what": what,
        "identity": identity, "backend": backend, "dtype": dtype,
        "subject": subject, "before": before, "after": after,
    }  # fmt: skip


def _cells(before: Gist, after: Gist, asked: Mapping[str, list[str]], counted: bool) -> Iterable[ChangeRow]:
    old, new = ({_place(cell): cell for cell in one["cells"]} for one in (before, after))
    for place in dict.fromkeys([*old, *new]):
        where = _where(place)
        if place not in new:
            if _asked(asked, where) and _there(old[place]):
                yield _row("removed", "cell", "", old[place]["status"], None, **where)
        elif place not in old:
            bad = new[place]["status"] in _WRONG
            yield _row("new" if bad else "added", "cell", "", None, new[place]["status"], **where)
        else:
            yield from _cell(old[place], new[place], counted, where)


def _cell(old: GistCell, new: GistCell, counted: bool, where: dict[str, str]) -> Iterable[ChangeRow]:
    groups: dict[tuple[Change, str, str], list[str]] = {}
    for mode in sorted(old["modes"].keys() | new["modes"].keys()):
        was, now = old["modes"].get(mode), new["modes"].get(mode)
        if change := _mode(was, now):
            groups.setdefault((change, _status(was), _status(now)), []).append(mode)
    for (change, before, after), modes in groups.items():
        yield _row(change, "mode", ", ".join(modes), before or None, after or None, **where)
    if new["status"] in ("insufficient evidence", "not applicable") and old["status"] == "holds" and not groups:
        yield _row("weakened", "cell", "", old["status"], new["status"], **where)
    if counted:
        yield from _less("cell", old, new, where)
        yield from _lower(old, new, where)
    a, b = old["worst"], new["worst"]
    if counted and a and b and max(a, b) > SMALL and not 1 / FACTOR < b / a < FACTOR:
        row = _row("worse" if b > a else "better", "cell", "worst error / bound", a, b, **where)
        yield row | {"gates": False}


def _lower(old: GistCell, new: GistCell, where: dict[str, str]) -> Iterable[ChangeRow]:
    """How much less is demanded of a cell, or more."""
    for name in sorted(old["floors"].keys() | new["floors"].keys()):
        at_most = name.split()[1] in MOST
        a, b = (one["floors"].get(name, float(at_most)) for one in (old, new))
        if a != b:
            yield _row("weakened" if (b > a) == at_most else "better", "cell", f"floor of {name}", a, b, **where)


def _systems(before: Gist, after: Gist) -> Iterable[ChangeRow]:
    """Each backend in each dtype as one, over the cells that both runs have: many comparisons, so little chance."""
    old, new = ({_place(cell): cell for cell in one["cells"]} for one in (before, after))
    groups: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for place in old:
        if place in new:
            groups.setdefault(place[1:], []).append(place)
    for (backend, dtype), places in groups.items():
        a, b = (_together([one[place] for place in places]) for one in (old, new))
        yield from _less("system", a, b, {"backend": backend, "dtype": dtype})


def _together(cells: list[GistCell]) -> Looked:
    looked = [(cell["digits"], cell["conclusive"]) for cell in cells if cell["digits"] is not None]
    total = sum(conclusive for _, conclusive in looked)
    mean = sum(digits * conclusive for digits, conclusive in looked) / total if total else None
    return {"conclusive": sum(cell["conclusive"] for cell in cells), "programs": 0, "pairs": 0,
            "digits": None if mean is None else round(mean, 2)}  # fmt: skip


def _less(what: Thing, old: Looked, new: Looked, where: dict[str, str]) -> Iterable[ChangeRow]:
    """How much less was looked at, and less closely."""
    for name, words in COUNTED.items():
        if old[name] >= ENOUGH and new[name] < SHARES[what] * old[name]:
            yield _row("weakened", what, words, old[name], new[name], **where)
    a, b = old["digits"], new["digits"]
    if a is not None and b is not None and b <= a - DIGITS[what]:
        yield _row("weakened", what, "mean digits looked at", str(a), str(b), **where)


def _mode(a: int | str | None, b: int | str | None) -> Change | None:
    """How a mode changed: a count where it holds, its status where not, None where it is absent."""
    if b in _WRONG:
        return None if a in _WRONG else "new"
    if a in _WRONG:
        return "fixed" if isinstance(b, int) else "weakened"
    if isinstance(a, int):
        if isinstance(b, int) or a < SEEN:
            return None
        return "removed" if b is None else "weakened"
    return ("added" if a is None else "better") if isinstance(b, int) else None


def _status(mode: int | str | None) -> str:
    return "" if mode is None else "holds" if isinstance(mode, int) else mode


def _identities(before: Gist, after: Gist, asked: Mapping[str, list[str]]) -> Iterable[ChangeRow]:
    """One that was met only on systems that were not asked for now is not gone."""
    for row in _mapped("identity", before["identities"], after["identities"], lambda a, b: "edited"):
        cells = [cell for cell in before["cells"] if cell["identity"] == row["subject"] and _there(cell)]
        places = [_where(_place(cell)) for cell in cells] or [{"identity": row["subject"]}]
        if row["change"] != "removed" or any(_asked(asked, place) for place in places):
            yield row | {"before": None, "after": None}


def _claims(before: Gist, after: Gist, asked: Mapping[str, list[str]]) -> Iterable[ChangeRow]:
    for row in _mapped("claim", before["claims"], after["claims"], _claim):
        if row["change"] != "removed" or _asked(asked, {"identity": row["subject"]}):
            yield row


def _claim(a: ClaimVerdict, b: ClaimVerdict) -> Change:
    bad = ("violated", "insufficient evidence")
    if b in bad:
        return "new" if b == bad[0] else "weakened"
    return "fixed" if a in bad else "edited"


def _ledger(before: Gist, after: Gist, asked: Mapping[str, list[str]]) -> Iterable[ChangeRow]:
    old, new = ({key: row for key, row in one["ledger"].items() if row[1] != "elsewhere"} for one in (before, after))
    for name in sorted(old.keys() | new.keys()):
        backend = (new.get(name) or old[name])[0]
        if name not in old:
            yield _row("worse", "ledger", name, None, "a known deviation", backend=backend)
        elif name not in new and "dtype" not in asked and _asked(asked, {"backend": backend}):  # asked in its first
            yield _row("fixed", "ledger", name, "a known deviation", None, backend=backend)


def _failures(before: Gist, after: Gist) -> Iterable[ChangeRow]:
    for print_ in sorted(before["failures"].keys() ^ after["failures"].keys()):
        now = print_ in after["failures"]
        yield _row("new" if now else "fixed", "failure", print_, None, (after if now else before)["failures"][print_])


def _terms(before: Gist, after: Gist, asked: Mapping[str, list[str]]) -> Iterable[ChangeRow]:
    """The terms on which it was looked: examples, pairs, contracts, domains."""
    for name, value in before["settings"].items():
        now = after["settings"].get(name, 0)
        if now != value:
            yield _row("weakened" if now < value else "better", "settings", name, value, now)
    for backend, pairs in before["pairs"].items():
        now = after["pairs"].get(backend, 0)
        if now < SHARES["system"] * pairs and set(asked) <= {"backend"} and _asked(asked, {"backend": backend}):
            yield _row("weakened", "pairs", "pairs of primitives", pairs, now, backend=backend)
    contracts = before["contracts"], after["contracts"]
    for row in _mapped("contract", *contracts, _contract, added="weakened", removed="better"):
        yield row | {"backend": row["subject"].split()[0]}
    domains = before["domains"], after["domains"]
    yield from _mapped("domain", *domains, lambda a, b: "weakened" if b < a else "better")


def _contract(a: list[float], b: list[float]) -> Change:
    return "weakened" if any(y > x for x, y in zip(a, b, strict=True)) else "better"


def _mapped(
    what: What, old: Mapping[str, T], new: Mapping[str, T], changed: Callable[[T, T], Change],
    added: Change = "added", removed: Change = "removed",
) -> Iterable[ChangeRow]:  # fmt: skip
    """The rows of two mappings by name; `changed` says what a change of value is."""
    for name in sorted(old.keys() | new.keys()):
        a, b = old.get(name), new.get(name)
        if a != b:
            change = added if a is None else removed if b is None else changed(a, b)
            yield _row(change, what, name, a, b)


def _asked(asked: Mapping[str, list[str]], where: Mapping[str, str]) -> bool:
    return all(where[axis] in names for axis, names in asked.items() if axis in where)


def _place(row: ChangeRow | GistCell) -> tuple[str, str, str]:
    return row["identity"], row["backend"], row["dtype"]


def _where(place: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("identity", "backend", "dtype"), place, strict=True))


def _there(cell: GistCell) -> bool:
    return cell["status"] not in ("not applicable", "unsupported")


def _word(value: Any) -> str:
    if isinstance(value, list):
        return "[" + " ".join(_word(one) for one in value) + "]"
    return ratio(value) if isinstance(value, float) else count(value) if isinstance(value, int) else str(value)
