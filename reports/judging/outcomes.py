"""Everything that is not a cell: controls, failures, ledger, unsupported, time, tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, get_args

from gradlaws.records import shard
from gradlaws.records.conversions import canonical, nanoseconds, number, seconds, taken
from gradlaws.records.outcomes import (
    Case,
    Control,
    Convention,
    Crash,
    Details,
    Deviation,
    Doing,
    Failure,
    KinkAnswer,
    LedgerRow,
    Located,
    Test,
    Tests,
    TimeSplit,
    Unsupported,
    Witness,
)
from gradlaws.records.run import Run
from gradlaws.records.values import PARTS, CaseStatus, LedgerStatus, TestOutcome
from gradlaws.reports.shards.fold import Times

KEPT = 3  # of the worst comparisons
LEDGER, OUTCOMES, STATUSES = get_args(LedgerStatus), get_args(TestOutcome), get_args(CaseStatus)  # each gravest first
R = TypeVar("R")
K = TypeVar("K", bound=str | tuple[str, ...])


def controls(records: Iterable[shard.Control], run: Run) -> list[Control]:
    """Controls with their sums, and with tried = 0 each control that the header names and no record has."""
    found = _grouped(records, lambda one: (one["identity"], one["control"], one["backend"], one["dtype"]))
    rows: list[Control] = [
        {
            "identity": identity,
            "control": control,
            "backend": backend,
            "dtype": dtype,
            "tried": sum(record["tried"] for record in group),
            "failed": sum(record["failed"] for record in group),
            "differed": sum(record.get("differed", record["tried"]) for record in group),
        }
        for (identity, control, backend, dtype), group in found.items()
    ]
    known = {(row["identity"], row["control"]) for row in rows}
    rows += [
        {
            "identity": identity["id"],
            "control": control,
            "backend": None,
            "dtype": None,
            "tried": 0,
            "failed": 0,
        }
        for identity in run["identities"]
        for control in identity.get("controls", ())
        if (identity["id"], control) not in known
    ]
    place = {identity["id"]: index for index, identity in enumerate(run["identities"])}
    return sorted(
        rows,
        key=lambda row: (
            place.get(row["identity"], len(place)),
            row["identity"],
            row["control"],
            row["backend"] or "",
            row["dtype"] or "",
        ),
    )


def failures(records: Iterable[shard.Failure], witnesses: Iterable[shard.Witness] = ()) -> list[Failure]:
    """The shrunk failures: of those with equal (test, identity, backend, dtype) the one written last.

    The shard's own number says which that is; records without numbers fall back on the simplest. Simplest
    first; ids are made unique, and are safe as file names. `answers` are those of all backends, where the test
    lived to ask for them.
    """
    asked = {
        (one["test"], one["mode"], one.get("function")): one.get("answers") or {}
        for one in sorted(witnesses, key=canonical)
    }
    groups = _grouped(records, lambda one: (one["test"], one["identity"], one["backend"], one["dtype"]))
    last = [
        min(group, key=lambda record: (-record.get("number", 0), *_simplicity(record))) for group in groups.values()
    ]
    rows: list[Failure] = []
    given: set[str] = set()
    for record in sorted(last, key=_simplicity):
        base = re.sub(r"[^A-Za-z0-9._-]+", "_", str(record["id"])).lstrip(".") or "failure"
        name, count = base, 1
        while name in given:
            count += 1
            name = f"{base}-{count}"
        given.add(name)
        rows.append(
            Failure(
                id=name,
                **taken(Located, record),
                verdict=record["verdict"],
                **taken(Details, record),
                row=record.get("row"),
                inputs=record.get("inputs") or [],
                graph=record.get("graph") or [],
                answers=asked.get((record["test"], record["mode"], record.get("function")), {}),
                scripts=dict(sorted((record.get("scripts") or {}).items())),
            )
        )
    return rows


def worst(records: Iterable[shard.Witness]) -> list[Witness]:
    """The comparisons nearest to their bounds of each (identity, backend, dtype): the worst KEPT, one of a function."""
    rows: list[Witness] = []
    for group in _grouped(records, lambda one: (one["identity"], one["backend"], one["dtype"])).values():
        ordered = sorted(group, key=lambda record: (-(number(record["ratio"]) or 0.0), *_simplicity(record)))
        of_function: dict[Any, shard.Witness] = {}
        for record in ordered:
            of_function.setdefault(record.get("function"), record)
        rows += [
            Witness(
                **taken(Located, record),
                verdict=record.get("verdict"),
                **taken(Details, record),
                digits=record.get("digits"),
                inputs=record.get("inputs") or [],
                graph=record.get("graph") or [],
                answers=dict(sorted((record.get("answers") or {}).items())),
                scripts=dict(sorted((record.get("scripts") or {}).items())),
            )
            for record in [*of_function.values()][:KEPT]
        ]
    return rows


def cases(records: Iterable[shard.Case]) -> list[Case]:
    """The stored cases that were asked again, each (id, backend, dtype) once, the worst news first."""
    rows = {(record["id"], record["backend"], record["dtype"]): record for record in records}
    told = [taken(Case, row) for row in rows.values()]
    return sorted(told, key=lambda row: (_rank(STATUSES, row["status"]), row["id"], row["backend"]))


def ledger(records: Iterable[shard.Ledger]) -> list[Deviation]:
    """One row per known deviation: excused counts added up, the worst status (error, worse, fixed) kept."""
    rows = []
    for name, group in _grouped(records, lambda one: one["id"]).items():
        rows.append(
            Deviation(
                id=name,
                status=min((record["status"] for record in group), key=lambda one: _rank(LEDGER, one)),
                excused=sum(record.get("excused") or 0 for record in group),
                unlimited=sum(record.get("unlimited") or 0 for record in group),
                **min((taken(LedgerRow, record) for record in group), key=canonical),
            )
        )
    return rows


def conventions(records: Iterable[shard.Convention]) -> list[Convention]:
    """One row per kink or edge and order, with each backend's answers, and whether they agree."""
    rows: list[Convention] = []
    for (case, order), group in _grouped(records, lambda one: (one["case"], str(one.get("order", 1)))).items():
        answers = {record["backend"]: record for record in sorted(group, key=lambda one: str(one["backend"]))}
        said = {(*one["reverse"], "|", *one["forward"]) for one in answers.values()}
        rows.append(
            {
                "case": case,
                "order": int(order),
                "subdifferential": next(iter(answers.values())).get("subdifferential") or "",
                "agree": len(said) == 1 and all(one["reverse"] == one["forward"] for one in answers.values()),
                "answers": {backend: taken(KinkAnswer, one) for backend, one in answers.items()},
            }
        )
    return rows


def unsupported(records: Iterable[shard.Unsupported]) -> list[Unsupported]:
    """What a mode does not offer, each (backend, mode, primitive) once."""
    return [
        {
            "backend": backend,
            "mode": mode,
            "primitive": primitive,
            "reason": min(str(record.get("reason") or "") for record in group),
        }
        for (backend, mode, primitive), group in _grouped(
            records, lambda one: (one["backend"], one["mode"], one["primitive"])
        ).items()
    ]


def time_split(times: Times, order: Sequence[str] = ()) -> TimeSplit:
    """Seconds by part (generate, oracle, bound, framework, rest), by backend in this order, and by both."""
    parts = sorted({part for part, _ in times}, key=lambda part: (_rank(PARTS, part), part))
    backends = sorted({backend for _, backend in times}, key=lambda backend: (_rank(order, backend), backend))
    return {
        "total": seconds(sum(times.values())),
        "by_part": {part: seconds(sum(ns for key, ns in times.items() if key[0] == part)) for part in parts},
        "by_backend": {
            backend: seconds(sum(ns for key, ns in times.items() if key[1] == backend)) for backend in backends
        },
        "split": {part: {backend: seconds(times.get((part, backend), 0)) for backend in backends} for part in parts},
    }


def tests(records: Iterable[shard.Test], examples: Sequence[shard.Example], plans: Iterable[shard.Plan] = ()) -> Tests:
    """Test outcomes, the worst of each node id; crashed and hung tests with the example they were at; what never ran.

    An example left in a journal belongs to a worker that died, so its test counts as crashed, or as hung where the
    worker was ended by its time limit.
    """
    at = {record["test"]: record for record in sorted(examples, key=canonical)}
    rows: list[Test] = []
    drawn: dict[str, int] = {}
    groups = _grouped(records, lambda one: one["nodeid"]) | {test: [_died(at[test])] for test in sorted(at)}
    for nodeid, group in groups.items():
        outcome = min((r["outcome"] for r in group), key=lambda o: _rank(OUTCOMES, o))
        messages = [str(r.get("message") or "") for r in group if r["outcome"] == outcome]
        rows.append(
            {
                "nodeid": nodeid,
                "outcome": outcome,
                "seconds": seconds(sum(nanoseconds(r.get("seconds")) for r in group)),
                "message": max(messages, default=""),
            }
        )
        for record in group:
            for name, total in (record.get("drawn") or {}).items():
                drawn[name] = drawn.get(name, 0) + total
    rows.sort(key=lambda row: (_rank(OUTCOMES, row["outcome"]), row["nodeid"]))
    planned = {test for plan in plans for test in plan["tests"]}
    return {
        "counts": {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in OUTCOMES},
        "seconds": seconds(sum(nanoseconds(row["seconds"]) for row in rows)),
        "drawn": {name: drawn[name] for name in sorted(drawn)},
        "planned": len(planned),
        "never_ran": sorted(planned - {row["nodeid"] for row in rows}),
        "crashed": [_crash(row, at.get(row["nodeid"])) for row in rows if row["outcome"] in ("crashed", "hung")],
        "all": rows,
    }


def _died(example: shard.Example) -> shard.Test:
    hung = example.get("hung")
    return shard.Test(
        kind="test",
        nodeid=example["test"],
        outcome="hung" if hung else "crashed",
        seconds=0.0,
        message=f"no result within {example.get('limit')} s" if hung else "the worker died in this test",
    )


def _crash(row: Test, example: shard.Example | None) -> Crash:
    """With the example that a dead worker was at, and the traceback of one that hung."""
    at = example or shard.Example(kind="example", test=row["nodeid"])
    doing = Doing(function=at.get("function", ""), inputs=at.get("inputs") or []) if example else None
    return Crash(nodeid=row["nodeid"], message=row["message"], doing=doing, trace=at.get("hung", ""))


def _simplicity(record: shard.Failure | shard.Witness) -> tuple[Any, ...]:
    stripped = {key: value for key, value in record.items() if key != "number"}
    return (
        record.get("steps") or 0,
        record.get("size") or 0,
        len(record.get("function") or ""),
        -(number(record.get("ratio")) or 0.0),
        canonical(stripped),
    )


def _grouped(records: Iterable[R], key: Callable[[R], K]) -> dict[K, list[R]]:
    groups: dict[K, list[R]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return {name: groups[name] for name in sorted(groups)}


def _rank(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)
