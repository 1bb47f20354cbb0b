"""The failures for code scanning, as SARIF 2.1.0 (OASIS): a rule for each identity, a result for each failure.

A known deviation is a result that is suppressed, with its cause. What is no failure of an identity (a crash, too little
evidence, a damaged shard) is a notification of the run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from gradlaws.records.outcomes import Deviation, Failure
from gradlaws.records.report import Report
from gradlaws.records.run import Identity
from gradlaws.reports.judging.gist import fingerprint
from gradlaws.reports.judging.verdict import EXITS
from gradlaws.reports.numerals import decimal, ratio

Json = dict[str, Any]
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(report: Report) -> str:
    """The report as SARIF text; the same report gives the same text."""
    known = {one["id"]: one for one in report["run"]["identities"]}
    names = dict.fromkeys([*known, *(failure["identity"] for failure in report["failures"])])
    rules = [_rule(name, known.get(name, Identity(id=name))) for name in names]
    if report["ledger"]:
        rules.append({"id": "deviation", "shortDescription": {"text": "a deviation that the ledger knows"}})
    run = {
        "tool": {"driver": {"name": "gradlaws", "version": report["run"]["suite"] or "0", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [*map(_failure, report["failures"]), *map(_deviation, _met(report["ledger"]))],
        "invocations": [
            {
                "executionSuccessful": report["outcome"] != "could not run",
                "exitCode": EXITS[report["outcome"]],
                "exitCodeDescription": report["outcome"],
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": _clean(reason)}} for reason in report["reasons"]
                ],
            }
        ],
    }
    log: Json = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=1) + "\n"


def _rule(name: str, identity: Identity) -> Json:
    rule: Json = {"id": _clean(name), "defaultConfiguration": {"level": "error"}}
    texts = {"shortDescription": identity.get("claim"), "fullDescription": identity.get("statement")}
    return rule | {key: {"text": _clean(str(text))} for key, text in texts.items() if text}


def _failure(failure: Failure) -> Json:
    what = "raises an error in" if failure["verdict"] == "error" else "violates"
    lines = [f"{failure['backend']} {what} {failure['identity']} by {failure['mode']} in {failure['dtype']}"]
    lines.append(str(failure["function"]))
    if failure["got"] is not None:
        lines.append(
            f"got {decimal(failure['got'])}, true {failure['true']}, {ratio(failure['ratio'])} times its bound"
        )
    lines += [text for text in (failure["message"], failure["replay"]) if text]
    return {
        "ruleId": _clean(failure["identity"]),
        "level": "error",
        "message": {"text": _clean("\n".join(lines))},
        "locations": [_location(failure["test"])],
        "partialFingerprints": {
            "failure/v1": hashlib.sha256(fingerprint(failure).encode(errors="replace")).hexdigest()
        },
        "properties": {key: _clean(str(failure[key])) for key in ("id", "backend", "dtype", "mode")},
    }


def _deviation(row: Deviation) -> Json:
    text = f"{row['id']}: {row['primitive']} in {row['backend']}, where {row['region']}"
    return {
        "ruleId": "deviation",
        "level": "note",
        "message": {"text": _clean(text)},
        "locations": [_location("suite/known/ledger.toml")],
        "partialFingerprints": {"deviation/v1": hashlib.sha256(str(row["id"]).encode(errors="replace")).hexdigest()},
        "suppressions": [{"kind": "external", "justification": _clean(str(row["cause"]))}],
    }


def _met(rows: Sequence[Deviation]) -> list[Deviation]:
    return [row for row in rows if row["status"] == "confirmed"]


def _location(test: str) -> Json:
    """The file of a test; its whole name is a logical location, since a node id has no line."""
    path = re.sub(r"[^A-Za-z0-9._/-]", "_", test.partition("::")[0]).lstrip("/") or "suite"
    location: Json = {"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": 1}}}
    if "::" in test:
        location["logicalLocations"] = [{"fullyQualifiedName": _clean(test), "kind": "function"}]
    return location


def _clean(text: str) -> str:
    """Text that any encoding takes: no lone surrogates."""
    return text.encode("utf-8", "replace").decode()
