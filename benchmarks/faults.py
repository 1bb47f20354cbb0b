"""Plants faults inside NumPy, PyTorch and JAX, one at a time, and shows that the suite catches each.

    python -m benchmarks.faults                     all of them (hours on one core; --jobs, --resume)
    python -m benchmarks.faults jax-tanh torch-sin  some
    python -m benchmarks.faults --identities D4 jax-tanh
                                                    whether D4 by itself catches it

A fault is killed when a test that meets it is violated, and the shrunk counterexample holds in the framework without
it: what the framework itself gets wrong never counts. Exit status: 0 all killed, 1 not all, 2 bad usage.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.catalogue import FAULTS, Fault
from benchmarks.plant import INEFFECTIVE, VARIABLE
from suite import profiles
from suite.claims import CLAIMS

ROOT = Path(__file__).parent.parent
DTYPE = "float64"
RAN = (0, 1, 5)  # pytest's exit statuses: green, red, no test selected; others mean that it did not come to the tests
STATUSES = {
    "killed": "caught, with a counterexample that holds without the fault",
    "survived": "the tests that should see it are green",
    "ineffective": "it changes no derivative, so nothing could be seen",
    "untested": "the suite has no test of the identities that would see it",
    "failed": "the run itself failed",
    "timeout": "the time limit passed",
}
GREEN = ("passed", "skipped")
UNDECIDED = ("untested", "failed", "timeout")


@dataclass(frozen=True)
class Outcome:
    """What became of one fault; the fields after ``reason`` describe the shrunk counterexample of a killed one."""

    name: str
    status: str
    seconds: float
    reason: str = ""
    identity: str = ""
    mode: str = ""
    function: str = ""
    steps: int = 0
    inputs: tuple[dict[str, Any], ...] = ()
    got: str = ""
    true: str = ""
    bound: str = ""
    ratio: float | str | None = None

    @property
    def line(self) -> str:
        head = f"{self.name:<30} {self.status:<11} {self.seconds:5.0f} s"
        if self.status != "killed":
            return f"{head}  {self.reason or STATUSES[self.status]}"
        times = f"{self.ratio:.2g}" if isinstance(self.ratio, float) else self.ratio
        steps = "1 step" if self.steps == 1 else f"{self.steps} steps"
        return f"{head}  {self.identity} by {self.mode}: {self.function}  ({steps}, {times} × bound)"


class TimeLimit(Exception):
    """The time for one fault is over."""


class Clock:
    """The time since a fault's start, and what is left of its limit."""

    def __init__(self, limit: float) -> None:
        self.start, self.limit = time.monotonic(), limit

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def run(self, command: Sequence[str], fault: str | None = None) -> subprocess.CompletedProcess[str]:
        """The command, in the project's folder, with or without a fault. Raises TimeLimit."""
        environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
        if fault is not None:
            environment[VARIABLE] = fault
        try:
            return subprocess.run(
                [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True,
                timeout=max(self.limit - self.elapsed, 0.1),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise TimeLimit from None


def selections(fault: Fault, identities: Sequence[str]) -> Iterator[list[str]]:
    """The tests to ask, one selection after the other: the primitives alone, then compositions."""
    if not identities:
        for primitive in fault.primitives:
            test = f"suite/test_primitives.py::test_a_primitive_alone[{fault.backend}-{DTYPE}-{primitive}]"
            yield [test, "--hypothesis-seed", str(profiles.first_turn(primitive, fault.backend))]
    known = [name for name in identities or fault.identities if name in CLAIMS]
    if known:
        yield ["suite", "--identities", ",".join(known)]


def tested(fault: Fault, tests: Sequence[str], out: Path, clock: Clock, planted: bool = True) -> dict[str, Any]:
    """Runs the tests up to the first failure; the report. Raises RuntimeError where it says nothing."""
    command = ["-m", "pytest", *tests, "--profile", "gate", "--backends", fault.backend, "--dtypes", DTYPE,
               "-x", "-q", "--tb", "no", "--out", str(out)]  # fmt: skip
    plugin = ["-p", "benchmarks.plant"] if planted else []
    done = clock.run([*command, *plugin], fault.name if planted else None)
    report = out / "report.json"
    if done.returncode not in RAN or not report.exists():
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"pytest ended with {done.returncode}")
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def broken(report: dict[str, Any]) -> list[dict[str, Any]]:
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
    return clock.run([str(path)]).returncode == 0


def hunt(fault: Fault, identities: Sequence[str], limit: float) -> Outcome:
    """Plants the fault and asks tests until one catches it."""
    clock = Clock(limit)
    with tempfile.TemporaryDirectory(prefix="gradlaws-fault-") as folder:
        try:
            return caught(fault, identities, Path(folder), clock)
        except TimeLimit:
            return Outcome(fault.name, "timeout", clock.elapsed, f"not decided within {limit:.0f} s")
        except RuntimeError as error:
            return Outcome(fault.name, "failed", clock.elapsed, str(error))


def caught(fault: Fault, identities: Sequence[str], folder: Path, clock: Clock) -> Outcome:
    asked, unrelated = 0, []
    for number, tests in enumerate(selections(fault, identities)):
        out = folder / str(number)
        report = tested(fault, tests, out, clock)
        asked += len(report["tests"]["all"])
        for failure in report["failures"]:
            if failure["verdict"] == "error":
                return Outcome(fault.name, "failed", clock.elapsed, f"{failure['function']}: {failure['message']}")
            if holds_without(fault, failure, out, clock):
                return killed(fault, failure, clock.elapsed)
            unrelated.append(f"{failure['identity']}: {failure['function']}")
        for test in broken(report) if not report["failures"] else []:
            # A kink, an edge or a witness of the ledger is no random function: the test is its own counterexample.
            if test["outcome"] != "failed":
                return Outcome(fault.name, "failed", clock.elapsed, f"{test['nodeid']} {test['outcome']}")
            if not broken(tested(fault, [test["nodeid"]], out / "without", clock, planted=False)):
                what = test["nodeid"].rpartition("::")[2]
                return Outcome(fault.name, "killed", clock.elapsed, "", what, "its own mode", test["message"], 1)
            unrelated.append(test["nodeid"])
    if not asked:
        return Outcome(fault.name, "untested", clock.elapsed, f"no test of {', '.join(identities or fault.identities)}")
    probe = clock.run(["-m", "benchmarks.plant", fault.name])
    if probe.returncode == INEFFECTIVE:
        return Outcome(fault.name, "ineffective", clock.elapsed)
    if probe.returncode:
        raise RuntimeError((probe.stderr.strip().splitlines() or ["the probe failed"])[-1])
    others = f"; violated without the fault too: {'; '.join(unrelated)}" if unrelated else ""
    return Outcome(fault.name, "survived", clock.elapsed, STATUSES["survived"] + others)


def killed(fault: Fault, failure: dict[str, Any], seconds: float) -> Outcome:
    return Outcome(
        fault.name, "killed", seconds, "", failure["identity"], failure["mode"], failure["function"], failure["steps"],
        tuple(failure["inputs"]), failure["got"], failure["true"], failure["bound"], failure["ratio"],
    )  # fmt: skip


def summary(outcomes: Sequence[Outcome]) -> str:
    """A table, worst news first, and the counts."""
    order = list(reversed(STATUSES))
    rows = sorted(outcomes, key=lambda outcome: (order.index(outcome.status), outcome.name))
    counts = Counter(outcome.status for outcome in outcomes)
    total = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    return "\n".join([*(outcome.line for outcome in rows), "", f"{len(outcomes)} faults: {total}"])


def earlier(path: Path) -> dict[str, Outcome]:
    """What the file of an earlier run has decided; a line that an interruption cut short is left out."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            row = Outcome(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if row.status not in UNDECIDED:
            found[row.name] = row
    return found


def listing() -> str:
    return "\n".join(
        f"{fault.name:<30} {fault.kind:<11} {fault.delta:<7g} {fault.target:<34} "
        f"{', '.join(fault.primitives or fault.identities)}"
        for fault in FAULTS.values()
    )


def positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError
    return int(text)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("names", nargs="*", metavar="NAME", help="faults to plant (default: all)")
    options.add_argument("--list", action="store_true", help="list the faults and stop")
    options.add_argument("--jobs", type=positive, default=1, help="how many at a time (default: %(default)s)")
    options.add_argument("--identities", default="", help="ask only the tests of these, such as D3,D4")
    options.add_argument("--time-limit", type=float, default=300.0, metavar="S", help="for each fault (default: 300)")
    options.add_argument("--resume", action="store_true", help="keep what the file of an earlier run has decided")
    options.add_argument("--out", type=Path, default=ROOT / "reports/out/faults.jsonl",
                         help="one line of JSON for each fault (default: reports/out/faults.jsonl)")  # fmt: skip
    return options


def run(faults: Sequence[Fault], options: argparse.Namespace, identities: Sequence[str]) -> list[Outcome]:
    """All faults, each recorded as soon as it is decided."""
    known = earlier(options.out) if options.resume else {}
    done = [known[fault.name] for fault in faults if fault.name in known]
    left = [fault for fault in faults if fault.name not in known]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("a" if options.resume else "w") as file, ThreadPoolExecutor(options.jobs) as pool:
        running = [pool.submit(hunt, fault, identities, options.time_limit) for fault in left]
        try:
            for future in as_completed(running):
                outcome = future.result()
                done.append(outcome)
                file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")
                file.flush()
                print(f"[{len(done)}/{len(faults)}] {outcome.line}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    command = parser()
    options = command.parse_args(arguments)
    if options.list:
        print(listing())
        return 0
    if unknown := [name for name in options.names if name not in FAULTS]:
        command.error(f"unknown fault {', '.join(unknown)}; known are {', '.join(FAULTS)}")
    identities = [name for name in options.identities.split(",") if name]
    if unknown := [name for name in identities if name not in CLAIMS]:
        command.error(f"--identities: unknown {', '.join(unknown)}; known are {', '.join(CLAIMS)}")
    faults = [FAULTS[name] for name in dict.fromkeys(options.names)] or list(FAULTS.values())
    try:
        outcomes = run(faults, options, identities)
    except KeyboardInterrupt:
        print(f"interrupted; --resume goes on from {options.out}", file=sys.stderr)
        return 1
    except OSError as error:
        command.error(f"--out: {error}")
    print("\n" + summary(outcomes))
    return 0 if all(outcome.status == "killed" for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
