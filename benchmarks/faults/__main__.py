"""Plants faults inside NumPy, PyTorch and JAX, one at a time, and shows that the suite catches each.

    python -m benchmarks.faults                     all of them (an hour on two cores; --resume goes on)
    python -m benchmarks.faults jax-tanh torch-sin  some
    python -m benchmarks.faults --sample 8          some of every kind, always the same
    python -m benchmarks.faults --identities D3,D4 jax-tanh
                                                    which of these catch it by themselves

A fault is killed when a test that meets it is violated, and the shrunk counterexample holds in the framework without
it: what the framework itself gets wrong never counts. Exit status: 0 every fault is killed, or survives for the reason
that benchmarks/faults/planted.py gives; 1 not every one; 2 bad usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import json
import os
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from benchmarks import saved
from benchmarks.faults.hunt import EXPECTED, STATUSES, UNDECIDED, Outcome, hunt
from benchmarks.faults.planted import FAULTS, KINKS, LEDGER, Fault
from benchmarks.forks import ROOT
from gradlaws.suite.known.claims import CLAIMS

STEPS = 2  # of the median counterexample of a primitive's fault at most
PLANTED = ("backend", "kind", "target", "delta", "formula")  # what of a fault stands beside its outcome


def told(fault: Fault, outcome: Outcome) -> dict[str, Any]:
    """The row of a result: the fault and what became of it."""
    return {**asdict(outcome), **{name: getattr(fault, name) for name in PLANTED}, "meant": list(fault.primitives)}


def earlier(path: Path) -> tuple[dict[str, Outcome], int]:
    """What the file of an earlier run has decided about the faults as they are now, and how many lines are damaged."""
    known = {field.name for field in fields(Outcome)}
    found, (rows, damaged) = {}, saved.lines(path)
    for row in rows:
        fault = FAULTS.get(row.get("name", ""))
        if (
            fault is None
            or row["status"] in UNDECIDED
            or any(row.get(name) != getattr(fault, name) for name in PLANTED)
        ):
            continue
        if bool(fault.survives) != (row["status"] in ("explained", "unexpected")):
            continue
        outcome = Outcome(**{name: value for name, value in row.items() if name in known})
        found[outcome.name] = outcome
    return found, damaged


def sample(count: int) -> list[Fault]:
    """Always the same: the backends in turn, and of each one fault of every kind before a second one of any."""
    groups: dict[str, dict[str, list[Fault]]] = {}
    for fault in FAULTS.values():
        groups.setdefault(fault.backend, {}).setdefault(fault.kind, []).append(fault)
    lines = []
    for number, kinds in enumerate(groups.values()):
        order = sorted(kinds, reverse=number % 2 == 1)  # so that a small sample of two backends has different kinds
        lines.append([f for rank in itertools.zip_longest(*(kinds[kind] for kind in order)) for f in rank if f])
    return [fault for rank in itertools.zip_longest(*lines) for fault in rank if fault][:count]


def median_steps(outcomes: Sequence[Outcome]) -> float:
    """Of the shrunk counterexamples of primitives' faults."""
    return statistics.median([o.steps for o in outcomes if o.status == "killed" and FAULTS[o.name].primitives] or [0])


def summary(outcomes: Sequence[Outcome]) -> str:
    """A table, worst news first, and the counts."""
    order = list(reversed(STATUSES))
    table = sorted(outcomes, key=lambda outcome: (order.index(outcome.status), outcome.name))
    counts = Counter(outcome.status for outcome in outcomes)
    total = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    lines = [*(outcome.line for outcome in table), "", f"{len(outcomes)} faults: {total}"]
    killed = [o for o in outcomes if o.status == "killed" and FAULTS[o.name].primitives]
    if killed:
        met = sum(not set(FAULTS[o.name].primitives).isdisjoint(o.primitives) for o in killed)
        lines += [
            f"counterexamples of primitives' faults: {median_steps(outcomes):g} steps in the median,"
            f" {max(o.steps for o in killed)} at most; the primitive is in {met} of {len(killed)}",
            f"CPU time: {sum(o.cpu for o in outcomes):.0f} s, {statistics.median(o.cpu for o in outcomes):.0f} s in the"
            f" median, {max(o.cpu for o in outcomes):.0f} s at most",
        ]
    return "\n".join(lines)


def listing() -> str:
    return "\n".join(
        f"{fault.name:<34} {fault.kind:<11} {fault.delta:<7g} {fault.target:<34} "
        f"{', '.join(fault.primitives or fault.identities)}" + (f"  survives: {fault.survives}" * bool(fault.survives))
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
    options.add_argument("--sample", type=positive, metavar="N", help="N of them, of every kind, always the same")
    options.add_argument("--jobs", type=positive, default=os.cpu_count(), help="at a time (default: one per core)")
    options.add_argument("--identities", default="", help=f"ask all of these, such as alone,{KINKS},D3,D4")
    options.add_argument("--time-limit", type=float, default=300.0, metavar="S", help="for each fault (default: 300)")
    options.add_argument("--resume", action="store_true", help="keep what the file of an earlier run has decided")
    options.add_argument("--out", type=Path, default=ROOT / "reports/out/faults.jsonl",
                         help="one line of JSON for each fault (default: reports/out/faults.jsonl)")  # fmt: skip
    options.add_argument("--save", type=Path, nargs="?", const=saved.FOLDER / "faults.json", metavar="FILE",
                         help="keep the kill matrix (default: benchmarks/results/faults.json)")  # fmt: skip
    return options


def run(faults: Sequence[Fault], options: argparse.Namespace, identities: Sequence[str]) -> list[Outcome]:
    """All faults, each recorded as soon as it is decided."""
    known, damaged = earlier(options.out) if options.resume else ({}, 0)
    if damaged:
        print(f"{options.out}: {damaged} damaged line{'s' * (damaged != 1)} left out, hunted again", file=sys.stderr)
    saved.rewrite(options.out, [told(FAULTS[name], outcome) for name, outcome in known.items()])
    done = [known[fault.name] for fault in faults if fault.name in known]
    left = [fault for fault in faults if fault.name not in known]
    with options.out.open("a") as file, ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(hunt, fault, identities, options.time_limit): fault for fault in left}
        try:
            for future in as_completed(running):
                outcome = future.result()
                done.append(outcome)
                file.write(json.dumps(told(running[future], outcome), ensure_ascii=False) + "\n")
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
    for name in options.names:
        if name not in FAULTS:
            near = difflib.get_close_matches(name, FAULTS) or ["those that --list shows"]
            command.error(f"unknown fault {name}; known are {', '.join(near)}")
    if options.names and options.sample:
        command.error("give names or --sample, not both")
    identities = [name for name in options.identities.split(",") if name]
    if unknown := [name for name in identities if name not in (*CLAIMS, KINKS, LEDGER)]:
        command.error(f"--identities: unknown {', '.join(unknown)}; known are {KINKS}, {LEDGER}, {', '.join(CLAIMS)}")
    faults = [FAULTS[name] for name in dict.fromkeys(options.names)] or list(FAULTS.values())
    faults = sample(options.sample) if options.sample else faults
    try:
        outcomes = run(faults, options, identities)
        if options.save:
            keep(options.save, faults, outcomes, command_of(options))
    except KeyboardInterrupt:
        print(f"interrupted; --resume goes on from {options.out}", file=sys.stderr)
        return 130
    except OSError as error:
        command.error(f"{error}; give another file")
    print("\n" + summary(outcomes))
    return int(not all(o.status in EXPECTED for o in outcomes) or median_steps(outcomes) > STEPS)


def command_of(options: argparse.Namespace) -> str:
    """What measures the same again."""
    names = [] if set(options.names) >= set(FAULTS) else options.names
    words = ["python -m benchmarks.faults", *names]
    for option in ("sample", "identities"):
        words += [f"--{option} {getattr(options, option)}"] if getattr(options, option) else []
    return " ".join(words)


def keep(path: Path, faults: Sequence[Fault], outcomes: Sequence[Outcome], command: str) -> None:
    """The kill matrix, in the order of the catalogue."""
    found = {outcome.name: outcome for outcome in outcomes}
    counts = Counter(outcome.status for outcome in outcomes)
    table = saved.result(
        "faults", command, sum(o.seconds for o in outcomes),
        [told(fault, found[fault.name]) for fault in faults],
        catalogue=len(FAULTS), counts=dict(counts), median_steps=median_steps(outcomes),
        cpu=round(sum(o.cpu for o in outcomes), 1),
    )  # fmt: skip
    saved.save(path, table)


if __name__ == "__main__":
    sys.exit(main())
