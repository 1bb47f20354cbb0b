"""Hunts one fault: plants it in processes of its own, and asks tests until one kills it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.effect import effective
from benchmarks.faults.plant import VARIABLE, asked
from benchmarks.faults.planted import KINKS, LEDGER, Fault
from benchmarks.forks import Clock, Crash, TimeLimit, run_script
from benchmarks.runs import ALONE, IDENTITIES_ONLY, KINK_TESTS, LEDGER_TESTS, report_of
from gradlaws.records.outcomes import Test
from gradlaws.records.report import Report
from gradlaws.suite import profiles
from gradlaws.suite.configuration import configure
from gradlaws.suite.known.claims import CLAIMS

DTYPE = "float64"
INEFFECTIVE = 3  # exit status of a probe
STATUSES = {
    "killed": "caught, with a counterexample that holds without the fault",
    "explained": "the tests that should see it are green, for the reason that the catalogue gives",
    "survived": "the tests that should see it are green",
    "unexpected": "killed, though the catalogue says that it survives: remove its `survives`",
    "ineffective": "it changes no derivative, so nothing could be seen",
    "untested": "the suite has no test of the identities that would see it",
    "crashed": "the process died with the fault in it",
    "timeout": "the time limit passed",
    "failed": "the run itself failed",
}
EXPECTED = ("killed", "explained")
UNDECIDED = ("untested", "timeout", "failed")
BESIDE = {KINKS: KINK_TESTS, LEDGER: LEDGER_TESTS}
GATES = 12  # so many at most, their seeds apart by a multiple of all turns
GREEN = ("passed", "skipped")


@dataclass(frozen=True)
class Outcome:
    """What became of one fault.

    ``asked`` has for each identity, in order, whether it killed the fault, how many comparisons it made, and of a kill
    the ``examples`` that its test needed and the ``steps`` of the shrunk counterexample. ``seconds`` is wall-clock
    time, ``cpu`` that of all processes. The fields after ``asked`` describe the first kill's counterexample.
    """

    name: str
    status: str
    seconds: float
    cpu: float = 0.0
    reason: str = ""
    asked: tuple[dict[str, Any], ...] = ()
    identity: str = ""
    mode: str = ""
    function: str = ""
    steps: int = 0
    examples: int = 0
    asked_for: int = 1  # selections of tests until the kill: 1 where the primitive alone kills it in the first gate
    primitives: tuple[str, ...] = ()
    inputs: tuple[dict[str, Any], ...] = ()
    got: str = ""
    true: str = ""
    bound: str = ""
    ratio: float | str | None = None

    @property
    def line(self) -> str:
        head = f"{self.name:<34} {self.status:<11} {self.seconds:5.0f} s"
        if self.status not in ("killed", "unexpected"):
            return f"{head}  {self.reason or STATUSES[self.status]}"
        how = f"{self.steps} step{'s' * (self.steps != 1)}, example {self.examples}"
        if self.ratio is not None:
            how += f", {self.ratio:.2g} × bound" if isinstance(self.ratio, float) else f", {self.ratio} × bound"
        return f"{head}  {self.identity} by {self.mode}: {self.function}  ({how})"


def probe() -> int:
    """0 where the fault changes any derivative."""
    configure()
    return 0 if effective(asked()) else INEFFECTIVE


def variables(fault: Fault) -> dict[str, str]:
    return {VARIABLE: json.dumps(asdict(fault))}


def selections(fault: Fault, identities: Sequence[str]) -> Iterator[list[str]]:
    """The tests to ask, one after the other: the primitives alone, compositions, and the primitives of further gates.

    Of identities that are given, each is a selection of its own.
    """
    wanted = identities or ("alone", *fault.identities)
    yield from alone(fault, 0) if "alone" in wanted else ()
    yield from ([path] for name, path in BESIDE.items() if name in wanted)
    known = [name for name in wanted if name in CLAIMS and name != "alone"]
    for together in known if identities else [",".join(known)] if known else []:
        yield ["suite", "--identities", together, *IDENTITIES_ONLY]
    for gate in range(1, GATES) if not identities and not fault.survives else ():
        yield from alone(fault, gate)


def alone(fault: Fault, gate: int) -> Iterator[list[str]]:
    """Its primitives alone, under the seed with which their turn comes in the gate, and comes again."""
    for primitive in fault.primitives:
        test = f"{ALONE}[{fault.backend}-{DTYPE}-{primitive}]"
        yield [test, "--hypothesis-seed", str(profiles.first_turn(primitive, fault.backend) + profiles.PERIOD * gate)]


def tested(fault: Fault, tests: Sequence[str], out: Path, clock: Clock, planted: bool = True) -> Report:
    """Runs the tests up to the first failure; the report. Raises RuntimeError where it says nothing."""
    arguments = [*tests, "--profile", "gate", "--backends", fault.backend, "--dtypes", DTYPE, "-x"]
    plugin = ["-p", "benchmarks.faults.plant"] if planted else []
    return report_of(out, clock, *arguments, *plugin, **(variables(fault) if planted else {}))


def broken(report: Report) -> list[Test]:
    return [test for test in report["tests"]["all"] if test["outcome"] not in GREEN]


def holds_without(fault: Fault, failure: dict[str, Any], out: Path, clock: Clock) -> bool:
    """Whether the framework without the fault is right where it was wrong: on the counterexample itself if that has
    a script, or else in the whole test."""
    script = failure["scripts"].get(fault.backend)
    if script is None:
        report = tested(fault, [failure["test"]], out / "without", clock, planted=False)
        return bool(report["tests"]["all"]) and not broken(report)
    path = out / "without.py"
    path.write_text(script)
    return clock.run(run_script, str(path)).status == 0


def hunt(fault: Fault, identities: Sequence[str], limit: float) -> Outcome:
    """Plants the fault and asks tests until one kills it; all of the identities where some are given."""
    clock = Clock(limit)
    with tempfile.TemporaryDirectory(prefix="gradlaws-fault-") as folder:
        try:
            found = caught(fault, identities, Path(folder), clock)
        except TimeLimit:
            found = {"status": "timeout", "reason": f"not decided within {limit:.0f} s"}
        except Crash as error:
            found = {"status": "crashed", "reason": str(error)}
        except RuntimeError as error:
            found = {"status": "failed", "reason": str(error)}
    return Outcome(fault.name, seconds=round(clock.elapsed, 2), cpu=round(clock.cpu, 2), **found)


def caught(fault: Fault, identities: Sequence[str], folder: Path, clock: Clock) -> dict[str, Any]:
    """The fields of the outcome. Raises RuntimeError where the fault could not be planted or a run says nothing."""
    rows: list[dict[str, Any]] = []
    kills: list[dict[str, Any]] = []
    unrelated: list[str] = []
    for number, tests in enumerate(selections(fault, identities)):
        out = folder / str(number)
        report = tested(fault, tests, out, clock)
        kill = None
        for failure in failures(report):
            if failure["verdict"] == "error":
                raise RuntimeError(f"{failure['function']}: {failure['message']}")
            if holds_without(fault, failure, out, clock):
                kill = failure
                break
            unrelated.append(f"{failure['identity']}: {failure['function']}")
        rows += identities_asked(report, kill)
        if kill is not None:
            kills.append({**kill, "asked_for": number + 1})
            if not identities:
                break
    if kills:
        first = {name: kills[0][name] for name in SHOWN}
        first |= {name: tuple(first[name]) for name in ("primitives", "inputs")}
        return {"status": "unexpected" if fault.survives else "killed", "asked": tuple(rows), **first}
    if not rows:
        return {"status": "untested", "reason": f"no test of {', '.join(identities or fault.identities)}"}
    return {"asked": tuple(rows), **alive(fault, unrelated, clock)}


SHOWN = (
    "identity",
    "mode",
    "function",
    "steps",
    "examples",
    "asked_for",
    "primitives",
    "inputs",
    "got",
    "true",
    "bound",
    "ratio",
)


def failures(report: Report) -> list[dict[str, Any]]:
    """The shrunk counterexamples; where there is none, the tests that failed, each its own counterexample.

    A kink is no random function, and neither is the function of a test that met another error than a violation.
    """
    if report["failures"]:
        return [dict(failure) for failure in report["failures"]]
    return [
        {
            "verdict": "violated" if test["outcome"] == "failed" else "error", "message": test["outcome"],
            "identity": beside(test) or test["nodeid"].rpartition("::")[2],
            "mode": "its own mode", "function": test["message"], "steps": 1, "examples": 1, "primitives": (),
            "inputs": (), "got": "", "true": "", "bound": "", "ratio": None, "scripts": {}, "test": test["nodeid"],
        }
        for test in broken(report)
    ]  # fmt: skip


def beside(test: Test) -> str:
    """KINKS or LEDGER, if the test is of these."""
    return next((name for name, path in BESIDE.items() if test["nodeid"].startswith(path)), "")


def identities_asked(report: Report, kill: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A row for each identity that was asked, in the order of the report."""
    made: dict[str, int] = {}
    for cell in report["cells"]:
        made[cell["identity"]] = made.get(cell["identity"], 0) + sum(cell["counts"].values())
    for test in report["tests"]["all"]:
        if name := beside(test):
            made[name] = made.get(name, 0) + 1
    if kill is not None:
        made.setdefault(kill["identity"], 0)
    return [
        {
            "identity": name, "killed": kill is not None and kill["identity"] == name, "comparisons": count,
            **({"examples": kill["examples"], "steps": kill["steps"]} if kill and kill["identity"] == name else {}),
        }
        for name, count in made.items()
        if count or (kill is not None and kill["identity"] == name)
    ]  # fmt: skip


def alive(fault: Fault, unrelated: Sequence[str], clock: Clock) -> dict[str, Any]:
    """Of a fault that nothing killed: whether it changes anything at all, and whether the catalogue says why."""
    done = clock.run(probe, **variables(fault))
    if done.status == INEFFECTIVE and KINKS not in fault.identities:  # the probe looks at no kink
        return {"status": "ineffective"}
    if done.status:
        raise RuntimeError(done.last_line)
    if fault.survives:
        return {"status": "explained", "reason": fault.survives}
    others = f"; violated without the fault too: {'; '.join(unrelated)}" if unrelated else ""
    return {"status": "survived", "reason": STATUSES["survived"] + others}
