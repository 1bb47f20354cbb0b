"""Everything that is not a cell: controls, failures, ledger, unsupported, time, tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports.records import PARTS, Record, canonical, nanoseconds, number, seconds
from reports.shards.fold import Times

LEDGER = ("error", "worse", "fixed", "confirmed", "elsewhere")
KEPT = 3  # of the worst comparisons
OUTCOMES = ("crashed", "hung", "error", "failed", "idle", "skipped", "passed")
STATUSES = ("FAILED", "ERROR", "UNDECIDED", "FIXED", "HOLDS")  # of a stored case


def controls(records: Iterable[Record], run: Record) -> list[Record]:
    """Controls with their sums, and with tried = 0 each control that the header names and no record has."""
    found = _grouped(records, ("identity", "control", "backend", "dtype"))
    rows: list[Record] = [
        {
            "identity": identity,
            "control": control,
            "backend": backend,
            "dtype": dtype,
            "tried": sum(record["tried"] for record in group),
            "failed": sum(record["failed"] for record in group),
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


def failures(records: Iterable[Record], witnesses: Iterable[Record] = ()) -> list[Record]:
    """The shrunk failures: of those with equal (test, identity, backend, dtype) the one written last.

    The shard's own number says which that is; records without numbers fall back on the simplest. Simplest
    first; ids are made unique, and are safe as file names. `answers` are those of all backends, where the test
    lived to ask for them.
    """
    asked = {
        (one["test"], one["mode"], one.get("function")): one.get("answers") or {}
        for one in sorted(witnesses, key=canonical)
    }
    groups = _grouped(records, ("test", "identity", "backend", "dtype"))
    last = [
        min(group, key=lambda record: (-record.get("number", 0), *_simplicity(record))) for group in groups.values()
    ]
    rows: list[Record] = []
    taken: set[str] = set()
    for record in sorted(last, key=_simplicity):
        base = re.sub(r"[^A-Za-z0-9._-]+", "_", str(record["id"])).lstrip(".") or "failure"
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}-{count}"
        taken.add(name)
        rows.append(
            {"id": name}
            | {key: record.get(key) for key in _FAILURE}
            | {
                "inputs": record.get("inputs") or [],
                "graph": record.get("graph") or [],
                "answers": asked.get((record["test"], record["mode"], record.get("function")), {}),
                "scripts": dict(sorted((record.get("scripts") or {}).items())),
            }
        )
    return rows


def worst(records: Iterable[Record]) -> list[Record]:
    """The comparisons nearest to their bounds of each (identity, backend, dtype): the worst KEPT, one of a function."""
    rows: list[Record] = []
    for group in _grouped(records, ("identity", "backend", "dtype")).values():
        ordered = sorted(group, key=lambda record: (-(number(record["ratio"]) or 0.0), *_simplicity(record)))
        of_function: dict[Any, Record] = {}
        for record in ordered:
            of_function.setdefault(record.get("function"), record)
        rows += [
            {key: record.get(key) for key in _FAILURE if key != "row"}
            | {"digits": record.get("digits")}
            | {key: record.get(key) or [] for key in ("inputs", "graph")}
            | {key: dict(sorted((record.get(key) or {}).items())) for key in ("answers", "scripts")}
            for record in [*of_function.values()][:KEPT]
        ]
    return rows


def cases(records: Iterable[Record]) -> list[Record]:
    """The stored cases that were asked again, each (id, backend, dtype) once, the worst news first."""
    rows = {(record["id"], record["backend"], record["dtype"]): record for record in records}
    told = [{key: row.get(key) for key in _CASE} for row in rows.values()]
    return sorted(told, key=lambda row: (_rank(STATUSES, row["status"]), row["id"], row["backend"]))


def ledger(records: Iterable[Record]) -> list[Record]:
    """One row per known deviation: excused counts added up, the worst status (error, worse, fixed) kept."""
    rows = []
    for (name,), group in _grouped(records, ("id",)).items():
        status = min((str(record["status"]) for record in group), key=lambda one: _rank(LEDGER, one))
        told = min(group, key=lambda record: canonical({key: record.get(key) for key in _LEDGER}))
        rows.append(
            {"id": name, "status": status}
            | {key: sum(record.get(key) or 0 for record in group) for key in ("excused", "unlimited")}
            | {key: told.get(key) for key in _LEDGER}
        )
    return rows


def conventions(records: Iterable[Record]) -> list[Record]:
    """One row per kink or edge, with each backend's answers, and whether they agree."""
    rows: list[Record] = []
    for (case,), group in _grouped(records, ("case",)).items():
        answers = {record["backend"]: record for record in sorted(group, key=lambda one: str(one["backend"]))}
        said = {(*one["reverse"], "|", *one["forward"]) for one in answers.values()}
        rows.append(
            {
                "case": case,
                "subdifferential": next(iter(answers.values())).get("subdifferential") or "",
                "agree": len(said) == 1 and all(one["reverse"] == one["forward"] for one in answers.values()),
                "answers": {
                    backend: {key: one.get(key) for key in ("value", "reverse", "forward", "inside", "known")}
                    for backend, one in answers.items()
                },
            }
        )
    return rows


def unsupported(records: Iterable[Record]) -> list[Record]:
    """What a mode does not offer, each (backend, mode, primitive) once."""
    return [
        {
            "backend": backend,
            "mode": mode,
            "primitive": primitive,
            "reason": min(str(record.get("reason") or "") for record in group),
        }
        for (backend, mode, primitive), group in _grouped(records, ("backend", "mode", "primitive")).items()
    ]


def time_split(times: Times, order: Sequence[str] = ()) -> Record:
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


def tests(records: Iterable[Record], examples: Sequence[Record], plans: Iterable[Record] = ()) -> Record:
    """Test outcomes, the worst of each node id; crashed and hung tests with the example they were at; what never ran.

    An example left in a journal belongs to a worker that died, so its test counts as crashed, or as hung where the
    worker was ended by its time limit.
    """
    at = {record["test"]: record for record in sorted(examples, key=canonical)}
    rows: list[Record] = []
    drawn: dict[str, int] = {}
    groups = _grouped(records, ("nodeid",)) | {(test,): [_died(at[test])] for test in sorted(at)}
    for (nodeid,), group in groups.items():
        outcome = min((str(r["outcome"]) for r in group), key=lambda o: _rank(OUTCOMES, o))
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
        "crashed": [
            {"nodeid": row["nodeid"], "message": row["message"], **_doing(at.get(row["nodeid"]))}
            for row in rows
            if row["outcome"] in ("crashed", "hung")
        ],
        "all": rows,
    }


_CASE = ("id", "test", "identity", "backend", "dtype", "status", "recorded", "found", "why", "message")
_FAILURE = (
    "identity",
    "backend",
    "dtype",
    "mode",
    "order",
    "verdict",
    "function",
    "steps",
    "size",
    "primitives",
    "examples",
    "component",
    "got",
    "true",
    "bound",
    "ratio",
    "message",
    "replay",
    "case",
    "test",
    "row",
)
_LEDGER = (
    "backend",
    "primitive",
    "order",
    "dtypes",
    "modes",
    "region",
    "size",
    "any_size",
    "cause",
    "upstream",
    "versions",
    "recheck",
    "quantity",
    "mode",
    "got",
    "true",
    "witness",
    "painted",
    "script",
    "found",
)


def _died(example: Record) -> Record:
    hung = example.get("hung")
    message = f"no result within {example.get('limit')} s" if hung else "the worker died in this test"
    return {"outcome": "hung" if hung else "crashed", "seconds": 0.0, "message": message}


def _doing(example: Record | None) -> Record:
    """The example that a dead worker was at, and the traceback of one that hung."""
    doing = example and {"function": example.get("function", ""), "inputs": example.get("inputs") or []}
    return {"doing": doing, "trace": (example or {}).get("hung", "")}


def _simplicity(record: Mapping[str, Any]) -> tuple[Any, ...]:
    stripped = {key: value for key, value in record.items() if key != "number"}
    return (
        record.get("steps") or 0,
        record.get("size") or 0,
        len(record.get("function") or ""),
        -(number(record.get("ratio")) or 0.0),
        canonical(stripped),
    )


def _grouped(records: Iterable[Record], keys: tuple[str, ...]) -> dict[tuple[Any, ...], list[Record]]:
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record[key] for key in keys), []).append(record)
    return dict(sorted(groups.items()))


def _rank(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)
