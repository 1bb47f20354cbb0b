"""How often it cries wolf: the identities under many seeds, for a stated time.

    python -m benchmarks.soak --minutes 30            from seed 1 on
    python -m benchmarks.soak --resume --minutes 60   goes on where an earlier run has stopped
    python -m benchmarks.soak --again                 runs the tests that have raised an alarm again, under their seeds

Every violation in a framework that has no fault planted in it, and that suite/known/ledger.toml does not know, is an
alarm: it is our bound, our oracle, or a finding, and has to be understood. --again calls it mended where its test
passes now under the same seed. JAX, which compiles each function, is met under one seed of 16. Comparisons that say
nothing are not counted. Results are a line for each seed in reports/out/soak.jsonl.

Exit status: 0 no alarm, 1 alarms, 2 bad usage or a run that could not be made, 130 interrupted.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from benchmarks import saved
from benchmarks.forks import ROOT, Clock, Crash
from benchmarks.runs import IDENTITIES_ONLY, report_of
from gradlaws.records.matrix import Cell
from gradlaws.records.report import Report
from gradlaws.records.values import CONCLUSIVE
from gradlaws.reports.shards.fold import bucket_order
from gradlaws.suite import plugins
from gradlaws.suite.known.claims import CLAIMS
from gradlaws.suite.profiles import PROFILES
from gradlaws.suite.run import current
from gradlaws.suite.vocabulary import MODULES

OUT = ROOT / "reports/out/soak.jsonl"
RARELY = 16  # what is slow is met under one seed of so many: JAX, which compiles each function, and what
TRACED = ("func.linearize*", "* of cond")  # torch traces, a quarter of a run's time


def rare(seed: int) -> bool:
    return seed % RARELY == 0


def soaked(
    seed: int, backends: Sequence[str], profile: str, identities: str = "", own: Sequence[str] = ()
) -> dict[str, Any]:
    """One run under one seed, of these identities or all. Raises RuntimeError where it says nothing."""
    met = [name for name in backends if name != "jax" or rare(seed)]
    found, clock = measured(seed, met, profile, identities, own, "suite")
    counts = found["totals"]["counts"]
    return {
        "seed": seed, "backends": met, "profile": profile, "identities": identities, "seconds": round(clock.elapsed, 1),
        "cpu": round(clock.cpu, 1), "comparisons": sum(counts.get(verdict, 0) for verdict in CONCLUSIVE),
        "counts": counts, "histogram": histogram(found["cells"]), "alarms": alarms(found, seed),
        "versions": found["run"]["versions"],
    }  # fmt: skip


def asked_again(run: dict[str, Any], own: Sequence[str]) -> dict[str, Any]:
    """The run, with what its alarms are now: mended where their test passes under the same seed."""
    again = []
    for alarm in run["alarms"]:
        if not alarm.get("mended"):
            found, _ = measured(run["seed"], run["backends"], run["profile"], "", own, alarm["test"])
            alarm = {**alarm, "mended": not alarms(found, run["seed"])}
            now = "mended" if alarm["mended"] else "still there"
            print(f"seed {run['seed']}: {alarm['test']}: {now}", file=sys.stderr)
        again.append(alarm)
    return {**run, "alarms": again}


def measured(
    seed: int, met: Sequence[str], profile: str, identities: str, own: Sequence[str], tests: str
) -> tuple[Report, Clock]:
    """The report of a run of these tests, and its time. Raises RuntimeError where there is none."""
    clock = Clock()
    modes = ("*", *(f"!{traced}" for traced in TRACED if not rare(seed)))
    with tempfile.TemporaryDirectory(prefix="gradlaws-soak-") as folder:
        try:
            found = report_of(
                Path(folder), clock, tests, *IDENTITIES_ONLY, "--profile", profile,
                "--backends", ",".join(met), "--modes", ",".join(modes),
                "--identities", identities, "--hypothesis-seed", str(seed), *(f"--plugin={name}" for name in own),
            )  # fmt: skip
        except (Crash, RuntimeError) as error:
            raise RuntimeError(f"seed {seed}: {error}") from None
    return found, clock


def histogram(cells: Sequence[Cell]) -> dict[str, int]:
    """How many comparisons had which floor(log2(error / bound))."""
    total: Counter[str] = Counter()
    for cell in cells:
        total.update(cell["histogram"])
    return {name: total[name] for name in sorted(total, key=bucket_order)}


def alarms(report: Report, seed: int) -> list[dict[str, Any]]:
    """The violations, or the tests that failed in another way."""
    shrunk: list[dict[str, Any]] = [
        {"what": f"{f['identity']} {f['backend']} {f['mode']} {f['dtype']}: {f['function']}", "test": f["test"],
         "ratio": f["ratio"]}
        for f in report["failures"]
    ]  # fmt: skip
    told = {alarm["test"] for alarm in shrunk}
    others = [
        {"what": test["message"], "test": test["nodeid"], "ratio": None}
        for test in report["tests"]["all"]
        if test["outcome"] not in ("passed", "skipped") and test["nodeid"] not in told
    ]
    return [{**alarm, "seed": seed} for alarm in (*shrunk, *others)]


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sum of all runs, for the report."""
    total: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for run in runs:
        total.update(run["histogram"])
        counts.update(run["counts"])
    met = [alarm for run in runs for alarm in run["alarms"]]
    return {
        "comparisons": sum(run["comparisons"] for run in runs), "counts": dict(sorted(counts.items())),
        "seeds": len({run["seed"] for run in runs}),
        "alarms": [alarm for alarm in met if not alarm.get("mended")],
        "mended": [alarm for alarm in met if alarm.get("mended")],
        "histogram": {name: total[name] for name in sorted(total, key=bucket_order)},
        "cpu": round(sum(run["cpu"] for run in runs)),
    }  # fmt: skip


def told(total: dict[str, Any]) -> str:
    """The summary in words, and the tail of error / bound."""
    judged = sum(total["histogram"].values())
    lines = [
        f"{total['comparisons']:,} comparisons under {total['seeds']} seeds, {len(total['alarms'])} alarms"
        f" and {len(total['mended'])} that are mended, {total['cpu']:,} s of CPU time",
        "error / bound of the judged:",
    ]
    above = judged
    for name in sorted(total["histogram"], key=bucket_order):
        if bucket_order(name) >= -4:
            lines.append(f"  at least 2^{name:<3} {above:>9,}  {above / judged:.1e}")
        above -= total["histogram"][name]
    lines += [f"alarm: seed {a['seed']}: {a['what']}\n       {a['test']}" for a in total["alarms"]]
    return "\n".join(lines)


def runs_of(seeds: Iterator[int], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A run for each seed, several at a time, as long as there is time to begin one."""
    end = time.monotonic() + 60 * options.minutes
    running: set[Future[dict[str, Any]]] = set()
    with ThreadPoolExecutor(options.jobs) as pool:
        while running or time.monotonic() < end:
            while len(running) < options.jobs and time.monotonic() < end:
                asked = options.backends.split(","), options.profile, options.identities, options.plugin
                running.add(pool.submit(soaked, next(seeds), *asked))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    options.add_argument("--minutes", type=float, default=30.0, help="none is begun after them (default: %(default)g)")
    options.add_argument("--seed", type=int, default=1, help="the first (default: %(default)s)")
    options.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time (default: one per core)")
    options.add_argument("--backends", default=",".join(MODULES), help="default: %(default)s")
    options.add_argument("--identities", default="", help="such as G1,H2 (default: all)")
    options.add_argument("--plugin", action="append", default=[], metavar="MODULE", help="see suite/plugins.py")
    options.add_argument("--profile", default="soak", choices=PROFILES, help="default: %(default)s")
    options.add_argument("--resume", action="store_true", help="keep the runs of the file, and leave out their seeds")
    options.add_argument("--again", action="store_true", help="ask what has raised an alarm in the file again, no more")
    options.add_argument("--out", type=Path, default=OUT, help=f"a line for each seed (default: {OUT})")
    options.add_argument("--save", type=Path, nargs="?", const=saved.FOLDER / "soak.json", metavar="FILE",
                         help="keep the sum (default: benchmarks/results/soak.json)")  # fmt: skip
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    command = parser()
    options = command.parse_args(arguments)
    try:
        for name in options.plugin:
            plugins.load(current(), name)
    except plugins.PluginError as error:
        command.error(str(error))
    if options.jobs < 1 or options.minutes <= 0:
        command.error("--jobs and --minutes are positive")
    if unknown := [name for name in options.identities.split(",") if name and name not in CLAIMS]:
        command.error(f"--identities: unknown {', '.join(unknown)}; known are {', '.join(CLAIMS)}")
    if unknown := [name for name in options.backends.split(",") if name not in current().modules]:
        command.error(f"--backends: unknown {', '.join(unknown)}; known are {', '.join(current().modules)}")
    try:
        runs, damaged = saved.lines(options.out) if options.resume or options.again else ([], 0)
        saved.rewrite(options.out, runs)
    except OSError as error:
        command.error(f"{error}; give another file")
    if damaged:
        print(f"{options.out}: {damaged} damaged lines left out, their seeds are run again", file=sys.stderr)
    met = {run["seed"] for run in runs}
    seeds = (seed for seed in itertools.count(options.seed) if seed not in met)
    status = 0
    try:
        if options.again:
            runs = [asked_again(run, options.plugin) for run in runs]
            saved.rewrite(options.out, runs)
        else:
            for run in runs_of(seeds, options):
                runs.append(run)
                with options.out.open("a") as file:
                    file.write(json.dumps(run, ensure_ascii=False) + "\n")
                made = sum(r["comparisons"] for r in runs)
                print(f"seed {run['seed']}: {run['comparisons']:,} comparisons, {len(run['alarms'])} alarms,"
                      f" {run['seconds']:.0f} s; {made:,} in all", file=sys.stderr)  # fmt: skip
    except RuntimeError as error:
        print(error, file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        print(f"interrupted; --resume goes on from {options.out}", file=sys.stderr)
        status = 130
    if not runs:
        return status or 2
    total = summary(runs)
    if options.save:
        keep(options.save, runs, total, f"python -m benchmarks.soak --minutes {options.minutes:g} --resume")
    print(told(total))
    return status or int(bool(total["alarms"]))


def keep(path: Path, runs: Sequence[dict[str, Any]], total: dict[str, Any], command: str) -> None:
    """The sum of all runs, also of the resumed ones, and a row for each seed."""
    rows = [{k: v for k, v in run.items() if k not in ("histogram", "alarms", "versions")} for run in runs]
    seconds = sum(run["seconds"] for run in runs)
    saved.save(path, saved.result("soak", command, seconds, rows, **total))


if __name__ == "__main__":
    sys.exit(main())
