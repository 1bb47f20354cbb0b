"""One module's cases asked, with and without its reference, in a process of its own (jax's x64 is the module's own)."""

from __future__ import annotations

import contextlib
import copy
import json
import sys
import time
from pathlib import Path
from typing import Any

import gradlaws
from benchmarks.check.cases import Case, cases

LONG = 10.0  # seconds, beside which what a first call compiles is little


def asked(case: Case, with_reference: bool, times: int) -> dict[str, Any]:
    """Verdict, what is said to be wrong, seconds cold and warm."""
    function, args, kwargs = case.make()
    reference = copy.deepcopy(case.reference) if with_reference else None
    seconds, report = [], None
    for _ in range(times):
        started = time.perf_counter()
        report = gradlaws.check(function, *args, reference=reference, order=case.order, raises=False, **kwargs)
        seconds.append(time.perf_counter() - started)
        if seconds[0] > LONG:
            break
    assert report is not None
    said = [line.strip() for line in str(report).splitlines() if line.strip().startswith(("wrong:", "not known:"))]
    return {
        "operation": case.operation,
        "case": case.name,
        "due": case.due,
        "order": case.order,
        "reference": with_reference,
        "verdict": report.verdict,
        "cold": seconds[0],
        "warm": seconds[-1],
        "entries": sum(row.size for row in report.rows if row.order == 1),
        "smallest_fault": report.to_dict()["smallest_fault"],
        "said": said[:3],
    }


def main(path: Path, only: str, ways: str, times: int = 2) -> None:
    for case in cases(path):
        if only and not any(word in case.title for word in only.split(",")):
            continue
        for with_reference in [way == "reference" for way in ways.split(",")]:
            if not with_reference and not case.has_own_truth:
                continue
            with contextlib.redirect_stdout(sys.stderr):
                found = asked(case, with_reference, times)
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
