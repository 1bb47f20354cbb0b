"""Surveys every primitive alone, over its whole domain and in every mode, and says what is off by how many ulps.

    python -m benchmarks.survey                         all of it (tens of minutes; --jobs, --resume)
    python -m benchmarks.survey lgamma gelu --backends torch --dtypes float32
    python -m benchmarks.survey --save                  and writes the summary that the report shows
    python -m benchmarks.survey --tighten               measures what contracts allow, and proposes their rows
    python -m benchmarks.survey --tighten --save        and writes the table that the tests compare with the rows

Four layers. *Strict*: an elementwise primitive of one or two arrays at points of every binade and sign, and at both
sides of thresholds, zeros and ties; in ulps (strict.py). *Bound*: any primitive at random points of the domain that
compositions use, in every mode; error / bound (bounds.py). *Scaled*: what is not elementwise, at the same points
scaled towards the ends of the range, where a representable derivative must keep some digits; largest error / largest
component. *Nestings*: every mode and nesting against differences of the framework's own values and gradients, at shapes
that compositions do not have; relative (nestings.py). What exceeds a limit is a candidate for the ledger.

Exit status: 0 surveyed, 1 a candidate that the ledger does not know, or a task that failed; 2 bad usage; 130
interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import saved
from benchmarks.survey import propose, summary, table
from benchmarks.survey.bounds import LOST
from benchmarks.survey.strict import MANY_ULPS
from benchmarks.survey.tasks import Task, contract_task, everything, prepare, surveys
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import PRECISIONS, WIDE
from gradlaws.suite import plugins
from gradlaws.suite.known import ledger
from gradlaws.suite.run import current
from gradlaws.suite.vocabulary import MODULES

OUT = Path("reports/out/survey.jsonl")
SUMMARY = Path("benchmarks/results/survey.json")
MEASURED, PROPOSED = table.FOLDER / "done.jsonl", table.FOLDER / "contracts.toml"
LIMITS = {"strict": MANY_ULPS, "bound": 1.0, "scaled": LOST, "nestings": 1e-4}
UNITS = {"strict": "ulps", "bound": "× bound", "scaled": "relative", "nestings": "relative"}


def known(record: dict[str, Any]) -> str:
    """The ledger's row in whose region the record lies, if there is one."""
    arguments = record["x"].split(", ") if isinstance(record["x"], str) else record["x"]
    point = tuple(np.array([float.fromhex(h) for h in ([a] if isinstance(a, str) else a)]) for a in arguments)
    for row in ledger.rows():
        asked = record["backend"], record["dtype"], record["mode"], record["order"]
        if row.primitive == record["primitive"] and row.applies(*asked) and within(row, point):
            return row.id
    return ""


def within(row: ledger.Row, point: tuple[Any, ...]) -> bool:
    try:
        return row.contains(point)
    except (ValueError, IndexError):  # arrays of another shape: what a region says of rows has no meaning there
        return True


def candidates(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a finding may be made of, worst first: many ulps, a bound exceeded, or a refusal to answer."""
    found = [r for r in records if "worst" in r and float(r["worst"]) > LIMITS[r["layer"]] and r["backend"] != "numpy"]
    return sorted(found, key=lambda r: (-float(r["worst"]), r["primitive"], r["mode"]))


def grouped(records: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Candidates of one primitive, precision, order, layer and row: the same finding by several modes."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in records:
        key = tuple(record[name] for name in ("backend", "primitive", "dtype", "order", "layer"))
        groups.setdefault((*key, known(record)), []).append(record)
    return list(groups.values())


def line(records: Sequence[dict[str, Any]]) -> str:
    """The worst of them, and by which modes."""
    record = records[0]
    where = f"x = {record['x']} got {record['got']} true {record['true']}" if "got" in record else record["x"]
    modes = ", ".join(dict.fromkeys(r["mode"] for r in records))
    return (
        f"[{known(record) or 'new'}] {record['backend']} {record['primitive']} {record['dtype']} order"
        f" {record['order']} {record['layer']}: {float(record['worst']):.2g} {UNITS[record['layer']]} at {where}"
        f" by {modes}{' says ' + record['says'] if 'says' in record else ''}"
    )


def read(path: Path) -> list[dict[str, Any]]:
    """The records of an earlier run; a last line that was cut short is left out."""
    records = []
    for text in path.read_text().splitlines() if path.exists() else []:
        try:
            records.append(json.loads(text))
        except json.JSONDecodeError:
            print(f"{path}: a line was cut short and is surveyed again", file=sys.stderr)
    return records


def rewritten(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """At once, so that what is interrupted loses nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text("".join(json.dumps(r) + "\n" for r in records))
    beside.replace(path)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks.survey", description=__doc__.splitlines()[0])
    options.add_argument("primitives", nargs="*", help="names (default: all)")
    options.add_argument("--plugin", action="append", default=[], metavar="MODULE", help="see suite/plugins.py")
    options.add_argument("--backends", default="", help=f"default: all ({','.join(MODULES)}, and a plugin's)")
    options.add_argument("--dtypes", default="", help=f"default: {','.join(WIDE)}; of contracts all")
    options.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    options.add_argument("--out", type=Path, help=f"results, a line each (default: {OUT}, or {MEASURED})")
    options.add_argument("--resume", action="store_true", help="keep what --out holds, and survey the rest")
    options.add_argument("--save", action="store_true", help=f"write the summary for the report to {SUMMARY}")
    options.add_argument("--tighten", action="store_true", help=f"measure contracts, and propose rows in {PROPOSED}")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    options.out = options.out or (MEASURED if options.tighten else OUT)
    options.dtypes = options.dtypes or ",".join(PRECISIONS if options.tighten else WIDE)
    try:
        prepare(options.plugin)
    except plugins.PluginError as error:
        print(error, file=sys.stderr)
        return 2
    names, dtypes = tuple((options.backends or ",".join(current().modules)).split(",")), options.dtypes.split(",")
    for name, known_names in (
        [(n, PRIMITIVES) for n in options.primitives]
        + [(n, current().modules) for n in names]
        + [(n, PRECISIONS) for n in dtypes]
    ):
        if name not in known_names:
            print(f"unknown {name!r}; known are {', '.join(known_names)}", file=sys.stderr)
            return 2
    records = read(options.out) if options.resume else []
    done = {(r["primitive"], r["dtype"], b) for r in records if r["layer"] == "done" for b in r["backends"]}
    records = [r for r in records if r["layer"] == "done" or (r["primitive"], r["dtype"], r["backend"]) in done]
    tasks = [
        (p, d, missing)
        for p in options.primitives or PRIMITIVES
        for d in dtypes
        if (missing := tuple(b for b in names if (p, d, b) not in done))
    ]
    rewritten(options.out, records)
    try:
        failed = run(tasks, records, options)
    except KeyboardInterrupt:
        print(f"interrupted: {options.out} keeps what was surveyed; run again with --resume", file=sys.stderr)
        return 130
    if options.tighten:
        return 1 if tightened(records, options) or failed else 0
    new = tell(records, options)
    return 1 if new or failed else 0


def run(tasks: Sequence[Task], records: list[dict[str, Any]], options: argparse.Namespace) -> int:
    """All tasks, their records written and added to the others as soon as they are there; how many failed."""
    failed, do = 0, [contract_task] if options.tighten else []
    with options.out.open("a") as out:
        for count, (named, found) in enumerate(surveys(tasks, options.jobs, options.plugin, *do), start=1):
            if isinstance(found, Exception):
                failed += 1
                print(f"{named}: {type(found).__name__}: {found}; run again with --resume", file=sys.stderr)
                continue
            out.writelines(json.dumps(r) + "\n" for r in found)
            out.flush()
            records += found
            print(f"[{count}/{len(tasks)}] {named} {found[-1]['cpu']} s", file=sys.stderr, flush=True)
    return failed


def tightened(records: Sequence[dict[str, Any]], options: argparse.Namespace) -> int:
    """Writes the proposals, and the table if it was asked for; prints what is wrong with the rows that stand."""
    count = propose.write(options.primitives or [*PRIMITIVES], PROPOSED)
    rows, seconds, cpu = [*table.rows()], *(sum(r.get(key, 0.0) for r in records) for key in ("seconds", "cpu"))
    if options.save:
        command = "python -m benchmarks.survey --tighten --save"
        if table.RESULT.exists():  # of the others what was saved
            kept = json.loads(table.RESULT.read_text())["rows"]
            rows = [*(row for row in kept if not table.path(row["primitive"], row["dtype"]).exists()), *rows]
        saved.save(table.RESULT, saved.result("contracts", command, seconds, rows, processor_seconds=round(cpu)))
    lines = [line for row in rows for line in table.wrong(row)]
    print("\n".join([*lines, f"{count} rows are proposed in {PROPOSED}, after {cpu:.0f} s of processor time"]))
    return len(lines)


def tell(records: Sequence[dict[str, Any]], options: argparse.Namespace) -> int:
    """Saves the summary if it was asked for, and prints the candidates; how many the ledger does not know."""
    seconds, cpu = (sum(r.get(key, 0.0) for r in records) for key in ("seconds", "cpu"))  # of those that were kept too
    if options.save:
        told = f"{len({(r['primitive'], r['dtype']) for r in records if r['layer'] == 'done'})} of {everything()} tasks"
        summary.save(
            SUMMARY, summary.rows(records, LIMITS, known), "python -m benchmarks.survey --save", told, seconds, cpu
        )
    groups = grouped(candidates(records))
    for group in groups:
        print(line(group))
    new = sum(not known(group[0]) for group in groups)
    print(
        f"{len(records)} records, tasks of {seconds:.0f} s ({cpu:.0f} s of processor time):"
        f" {len(groups)} candidates, {new} of them not in the ledger: {options.out}"
    )
    return new


if __name__ == "__main__":
    sys.exit(main())
