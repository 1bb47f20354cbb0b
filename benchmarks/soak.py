"""How often it cries wolf: the identities under many seeds, for a stated time.

    python -m benchmarks.soak --minutes 30            from seed 1 on
    python -m benchmarks.soak --resume --minutes 60   goes on where an earlier run has stopped

Every violation in a framework that has no fault planted in it, and that suite/ledger.toml does not know, is an alarm:
it is our bound, our oracle, or a finding, and has to be understood. JAX, which compiles each function, is met under one
seed of eight. Results are a line for each seed in reports/out/soak.jsonl, and their sum in reports/out/soak.json.

Exit status: 0 no alarm, 1 alarms, 2 bad usage or a run that could not be made.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from reports.fold import bucket_order

ROOT = Path(__file__).parent.parent
OUT = ROOT / "reports/out/soak.jsonl"
RAN = (0, 1, 3)  # exit statuses: green, red, too little seen; others mean that it did not come to the tests
JAX_EVERY = 8


def soaked(seed: int, backends: Sequence[str], profile: str) -> dict[str, Any]:
    """One run under one seed. Raises RuntimeError where it says nothing."""
    met = [name for name in backends if name != "jax" or seed % JAX_EVERY == 0]
    with tempfile.TemporaryDirectory(prefix="gradlaws-soak-") as folder:
        command = [sys.executable, "-m", "pytest", "suite", "--profile", profile, "--backends", ",".join(met),
                   "--hypothesis-seed", str(seed), "-q", "--tb", "no", "--out", folder]  # fmt: skip
        start = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        report = Path(folder, "report.json")
        if done.returncode not in RAN or not report.exists():
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise RuntimeError(f"seed {seed}: {lines[-1] if lines else f'pytest ended with {done.returncode}'}")
        found = json.loads(report.read_text())
    return {
        "seed": seed, "backends": met, "profile": profile, "seconds": round(time.monotonic() - start, 1),
        "comparisons": found["totals"]["comparisons"], "counts": found["totals"]["counts"],
        "histogram": histogram(found["cells"]), "alarms": alarms(found, seed), "versions": found["run"]["versions"],
    }  # fmt: skip


def histogram(cells: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many comparisons had which floor(log2(error / bound))."""
    total: Counter[str] = Counter()
    for cell in cells:
        total.update(cell["histogram"])
    return {name: total[name] for name in sorted(total, key=bucket_order)}


def alarms(report: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """The violations, or the tests that failed in another way."""
    shrunk = [
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
    return {
        "comparisons": sum(run["comparisons"] for run in runs), "counts": dict(sorted(counts.items())),
        "seeds": len(runs), "alarms": [alarm for run in runs for alarm in run["alarms"]],
        "histogram": {name: total[name] for name in sorted(total, key=bucket_order)},
        "seconds": round(sum(run["seconds"] for run in runs)), "versions": runs[-1]["versions"],
        "machine": f"{platform.platform()}, {os.cpu_count()} cores",
    }  # fmt: skip


def told(total: dict[str, Any]) -> str:
    """The summary in words, and the tail of error / bound."""
    judged = sum(total["histogram"].values())
    lines = [
        f"{total['comparisons']:,} comparisons under {total['seeds']} seeds, {len(total['alarms'])} alarms,"
        f" {total['seconds']:,} s of runs",
        "error / bound of the judged:",
    ]
    above = judged
    for name in sorted(total["histogram"], key=bucket_order):
        if bucket_order(name) >= -4:
            lines.append(f"  at least 2^{name:<3} {above:>9,}  {above / judged:.1e}")
        above -= total["histogram"][name]
    lines += [f"alarm: seed {a['seed']}: {a['what']}\n       {a['test']}" for a in total["alarms"]]
    return "\n".join(lines)


def earlier(path: Path) -> list[dict[str, Any]]:
    """The runs of a file; a line that an interruption cut short is left out, and said."""
    runs = []
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], start=1):
        try:
            runs.append(json.loads(line))
        except ValueError:
            print(f"{path}, line {number}: damaged, left out", file=sys.stderr)
    return runs


def runs_of(seeds: Iterator[int], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A run for each seed, several at a time, as long as there is time to begin one."""
    end = time.monotonic() + 60 * options.minutes
    running: set[Future[dict[str, Any]]] = set()
    with ThreadPoolExecutor(options.jobs) as pool:
        while running or time.monotonic() < end:
            while len(running) < options.jobs and time.monotonic() < end:
                running.add(pool.submit(soaked, next(seeds), options.backends.split(","), options.profile))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--minutes", type=float, default=30.0, help="no run is begun after them (default: %(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="the first (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="how many runs at a time (default: %(default)s)")
    parser.add_argument("--backends", default="numpy,torch,jax", help="default: %(default)s")
    parser.add_argument("--profile", default="soak", help="default: %(default)s")
    parser.add_argument("--resume", action="store_true", help="keep the runs of the file, and leave out their seeds")
    parser.add_argument("--out", type=Path, default=OUT, help=f"a line for each seed (default: {OUT})")
    options = parser.parse_args(arguments)
    if options.jobs < 1 or options.minutes <= 0:
        parser.error("--jobs and --minutes are positive")
    try:
        runs = earlier(options.out) if options.resume else []
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text("".join(json.dumps(run, ensure_ascii=False) + "\n" for run in runs))
    except OSError as error:
        parser.error(f"--out: {error}")
    met = {run["seed"] for run in runs}
    seeds = (seed for seed in itertools.count(options.seed) if seed not in met)
    try:
        for run in runs_of(seeds, options):
            runs.append(run)
            with options.out.open("a") as file:
                file.write(json.dumps(run, ensure_ascii=False) + "\n")
            print(f"seed {run['seed']}: {run['comparisons']:,} comparisons, {len(run['alarms'])} alarms,"
                  f" {run['seconds']:.0f} s", file=sys.stderr)  # fmt: skip
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; --resume goes on from {options.out}", file=sys.stderr)
    if not runs:
        return 2
    total = summary(runs)
    options.out.with_suffix(".json").write_text(json.dumps(total, ensure_ascii=False, indent=1) + "\n")
    print(told(total))
    return 1 if total["alarms"] else 0


if __name__ == "__main__":
    sys.exit(main())
