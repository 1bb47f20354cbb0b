"""The suite's own primitives, asked as a user's functions are: `gradlaws.check(primitive, x)`.

    python -m benchmarks.check --primitives [NAME…] [--frameworks torch,jax] [--dtypes float64] [--sizes 3] [--faults]

A line for each call that does not hold: `alarm`, what the ledger does not explain; `excused`, what it does;
`inconclusive`, what is not known. With --faults a rule is off by 1e-9 in one leaf: `missed`, where that is not seen.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradlaws
from benchmarks.check.planted import spoilt
from benchmarks.check.points import SIZES, Place, place
from gradlaws.strategies.catalogue import OURS
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.program import Program, Step
from gradlaws.suite import backends
from gradlaws.suite.check.answer import Report

FRAMEWORKS, DTYPES = ("torch", "jax"), ("float64", "float32")
FAULT = 1e-9
BUDGET = 30.0  # seconds of one call
QUIET = ("holds", "seen", "flat")  # what gets no line


@dataclass(frozen=True)
class Call:
    framework: str
    dtype: str
    place: Place

    @property
    def title(self) -> str:
        place = self.place
        shapes = " ".join(str(list(shape)).replace(" ", "") for shape in place.shapes)
        parameters = "".join(f" {name}={value}" for name, value in place.parameters.items())
        return f"{self.framework} {self.dtype} {place.primitive.name} {shapes}{parameters}"

    def made(self) -> tuple[Callable[..., Any], list[Any]]:
        """The function as the framework's users write it, and its arguments."""
        place, backend = self.place, backends.load(self.framework)
        precision = PRECISIONS[self.dtype]
        step = Step(place.primitive.name, tuple(range(len(place.point))), tuple(place.parameters.items()))
        return backend.function(Program(place.shapes, (step,)), precision), backend.point(place.point, precision)


@dataclass(frozen=True)
class Found:
    call: Call
    word: str
    reason: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.word:12} {self.call.title} ({self.seconds:.1f} s): {self.reason}"


def calls(names: Sequence[str], frameworks: Sequence[str], dtypes: Sequence[str], sizes: Sequence[int]) -> Iterator[
    Call
]:  # fmt: skip
    """Each framework's own, smallest sizes first; a size that a primitive does not take is the size before it."""
    for framework in frameworks:
        backends.load(framework)
        for dtype in dtypes:
            for size in sizes:
                for name in names:
                    if framework not in OURS[name].spellings:
                        continue
                    if (at := place(OURS[name], size, PRECISIONS[dtype])) is not None:
                        yield Call(framework, dtype, at)


@contextmanager
def in_precision(call: Call) -> Iterator[None]:
    """jax as a user of that type has it: x64 for float64 alone."""
    if call.framework != "jax":
        yield
        return
    import jax

    before = jax.config.jax_enable_x64  # type: ignore[attr-defined]
    jax.config.update("jax_enable_x64", call.dtype == "float64")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def asked(call: Call, faults: bool) -> Found:
    """One call judged; with ``faults`` the wrong one in its place, to first order."""
    started = time.perf_counter()
    with in_precision(call):
        try:
            right, arguments = call.made()
            function = spoilt(call.framework, right, arguments, FAULT) if faults else right
            if function is None:
                word, reason = "flat", "no gradient to be wrong"
            else:
                report = gradlaws.check(function, *arguments, order=1 if faults else 2, budget=BUDGET, raises=False)
                word, reason = (_of_fault if faults else _of_right)(report)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            word, reason = "alarm", f"{said} [{where.filename.rpartition('/')[2]}:{where.lineno}]"
    return Found(call, word, reason, time.perf_counter() - started)


def _of_right(report: Report) -> tuple[str, str]:
    if report.verdict == "violated":
        return "alarm", _said(report, "wrong")
    if report.excused:
        return "excused", f"{report.verdict}; {report.excused[0]}"
    return report.verdict, _said(report, "not known") or _said(report, "not offered")


def _of_fault(report: Report) -> tuple[str, str]:
    """Where the framework's own rule is wrong, no other fault of it is told from that: it is said, and not called
    right."""
    if report.verdict == "violated":
        return "seen", ""
    if report.excused and report.verdict != "holds":
        return "excused", f"{report.verdict}; {report.excused[0]}"
    return "missed", f"{report.verdict}; {_said(report, 'not known')}"


def _said(report: Report, title: str) -> str:
    lines = [line.strip() for line in str(report).splitlines() if line.strip().startswith(title + ":")]
    return " | ".join(line.removeprefix(title + ": ") for line in lines[:3])


def main(arguments: Sequence[str]) -> int:
    """1 where there was an alarm, or a fault that was not seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check --primitives", description=__doc__)
    parser.add_argument("names", nargs="*", help="primitives of the catalogue; all by default")
    parser.add_argument("--frameworks", default=",".join(FRAMEWORKS))
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--faults", action="store_true")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in OURS]:
        parser.error(f"no primitive is called {', '.join(unknown)}")
    counts: Counter[str] = Counter()
    asked_names = set()
    started = time.perf_counter()
    sizes = [int(size) for size in given.sizes.split(",")]
    for call in calls(given.names or list(OURS), given.frameworks.split(","), given.dtypes.split(","), sizes):
        found = asked(call, given.faults)
        counts[found.word] += 1
        asked_names.add(call.place.primitive.name)
        if found.word not in QUIET:
            print(found, flush=True)
    words = ", ".join(f"{word} {count}" for word, count in sorted(counts.items()))
    kind = "faults of 1e-9" if given.faults else "calls"
    seconds = time.perf_counter() - started
    print(f"summary: {len(asked_names)} primitives, {counts.total()} {kind} in {seconds:.0f} s: {words}", flush=True)
    return 1 if counts["alarm"] or counts["missed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
