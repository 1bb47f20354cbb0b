"""How small a fault each checker sees: this suite beside gradcheck, gradgradcheck and check_grads at their defaults.

    python -m benchmarks.sensitivity                      every primitive of the core, in torch and jax
    python -m benchmarks.sensitivity --backends torch exp matmul

The derivative rule of one primitive is multiplied by 1 + δ, in that primitive alone and in generated compositions that
contain it, as the suite draws them. What a checker sees is the smallest δ, to a factor of two, down to which it rejects
one of these functions. All checkers are given the same functions at the same points. A checker that rejects a function
without a fault is not asked about that function: how often that happens is counted. Times are of the CPU, for one
function, with all that the checker needs: in this suite the oracle and the bound too.

Exit status: 0 measured, 1 the suite misses a fault of 1e-12 in float64 or 1e-5 in float32 in a primitive with the
default contract, 2 bad usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import saved
from benchmarks.sensitivity.checkers import CHECKERS, QUANTITIES, Checker, Example, rejects
from benchmarks.sensitivity.examples import examples
from benchmarks.sensitivity.spoilt import SPOILT, Spoilt, spoilt
from gradlaws.strategies import catalogue
from gradlaws.strategies.catalogue import CORE
from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.suite import backends
from gradlaws.suite.bound import contracts
from gradlaws.suite.bound.contracts import DEFAULT_ULPS
from gradlaws.suite.configuration import configure

OUT = Path(__file__).parents[2] / "reports/out/sensitivity.jsonl"
SMALLEST, STRIDE = 60, 4  # faults down to 2^-60, at first by factors of 2^4
Key = tuple[str, str, int, str]  # of what is measured: backend, primitive, order, dtype
GOAL = {"float64": 1e-12, "float32": 1e-5}
DUE = ("elementwise", "binary", "reductions", "shapes", "contractions")  # others cancel, or are conditioned badly
FAMILIES = {
    p.name: name
    for name in ("elementwise", "binary", "reductions", "shapes", "contractions", "normalisations", "linear_algebra")
    for p in getattr(catalogue, name).FAMILY
}


def measured(
    backend: Spoilt, precision: Precision, order: int, asked: list[Example], tool: str, checker: Checker
) -> dict[str, Any]:
    """The smallest 2^-k down to which the checker rejects one of the functions; None for none."""
    spent = []

    def sees(delta: float, among: Sequence[Example]) -> list[Example]:
        backend.fault.delta, found = delta, []
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for example in among:
                start = time.process_time()
                if checker(backend, precision, order, example):
                    found.append(example)
                spent.append(time.process_time() - start + (example.seconds if checker is rejects else 0.0))
        return found

    alarms = sees(0.0, asked)
    left = [e for e in asked if not any(e is alarm for alarm in alarms)]
    smallest = None
    if sees(1.0, left):
        seen = 0  # the exponent; by strides first, since a checker of little precision may reject by chance far below
        while seen < SMALLEST and sees(2.0 ** -(seen + STRIDE), left):
            seen += STRIDE
        missed = seen + STRIDE
        while missed - seen > 1:
            middle = (seen + missed) // 2
            seen, missed = (middle, missed) if sees(2.0**-middle, left) else (seen, middle)
        smallest = 2.0**-seen
    backend.fault.delta = 0.0
    return {
        "backend": backend.name, "family": FAMILIES[backend.primitive], "primitive": backend.primitive, "order": order,
        "dtype": precision.name, "tool": tool, "delta": smallest, "functions": len(asked), "alarms": len(alarms),
        "seconds": float(f"{statistics.median(spent):.3g}"), "spent": float(f"{sum(spent):.3g}"),
    }  # fmt: skip


def measurements(
    primitives: Sequence[str], names: Sequence[str], dtypes: Sequence[str], count: int, drawn: int, known: set[Key]
) -> Iterator[dict[str, Any]]:
    """A record for each primitive, precision, order and checker, but the known ones."""
    for dtype, name, primitive, order in itertools.product(dtypes, names, primitives, QUANTITIES):
        if name not in CORE[primitive].spellings or (name, primitive, order, dtype) in known:
            continue
        backend, precision = spoilt(backends.load(name), primitive), PRECISIONS[dtype]
        asked = examples(backend, precision, primitive, order, count, drawn)
        for tool, checker in CHECKERS[name][order].items() if asked else ():
            yield measured(backend, precision, order, asked, tool, checker)


def key(record: dict[str, Any]) -> Key:
    return record["backend"], record["primitive"], record["order"], record["dtype"]


def is_due(record: dict[str, Any]) -> bool:
    """Whether the goal is for this one: in these families, with the default contract."""
    if record["family"] not in DUE:
        return False
    contract = contracts.contract(record["backend"], record["dtype"], "*", record["primitive"])
    return contract == contracts.Contract((DEFAULT_ULPS[CORE[record["primitive"]].kind],) * 3)


def misses(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where the suite does not reach its goal: a fault in a rule is killed when either order shows it."""
    best: dict[tuple[str, str, str], dict[str, Any]] = {}
    for record in records:
        if record["tool"] == "gradlaws" and is_due(record):
            place = record["backend"], record["primitive"], record["dtype"]
            best[place] = min(
                best.get(place, record), record, key=lambda r: math.inf if r["delta"] is None else r["delta"]
            )
    return [r for r in best.values() if r["delta"] is None or r["delta"] > GOAL[r["dtype"]]]


def table(records: Sequence[dict[str, Any]]) -> str:
    """The median of the smallest δ over the primitives of a family."""
    lines = [f"{'family':<15} {'backend':<7} {'dtype':<8} order  {'checker':<13} {'δ, median':>10} {'largest':>9}"
             f"  {'unseen':>6}  {'alarms':>6}  {'ms each':>8}"]  # fmt: skip
    groups = dict.fromkeys((r["family"], r["backend"], r["dtype"], r["order"], r["tool"]) for r in records)
    for group in sorted(groups):
        own = [r for r in records if (r["family"], r["backend"], r["dtype"], r["order"], r["tool"]) == group]
        seen = [r["delta"] if r["delta"] is not None else math.inf for r in own]
        finite = [d for d in seen if math.isfinite(d)]
        family, backend, dtype, order, tool = group
        lines.append(
            f"{family:<15} {backend:<7} {dtype:<8} {order:>5}  {tool:<13} {statistics.median_high(seen):>10.1e}"
            f" {max(finite, default=math.nan):>9.1e}  {len(seen) - len(finite):>6}  {sum(r['alarms'] for r in own):>6}"
            f"  {1e3 * statistics.median(r['seconds'] for r in own):>8.2f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sensitivity", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("primitives", nargs="*", metavar="PRIMITIVE", help="of the core (default: all)")
    parser.add_argument("--backends", default="torch,jax", help="default: %(default)s")
    parser.add_argument("--dtypes", default="float64,float32", help="default: %(default)s")
    parser.add_argument("--functions", type=int, default=3, help="alone, and composed, of each (default: %(default)s)")
    parser.add_argument("--pool", type=int, default=500, help="compositions to choose from (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="keep what the file of an earlier run has measured")
    parser.add_argument("--out", type=Path, default=OUT, help=f"records, a line each (default: {OUT})")
    parser.add_argument("--save", type=Path, nargs="?", const=saved.FOLDER / "sensitivity.json", metavar="FILE",
                        help="keep the table (default: benchmarks/results/sensitivity.json)")  # fmt: skip
    options = parser.parse_args(arguments)
    names, dtypes = options.backends.split(","), options.dtypes.split(",")
    for asked, known in ((options.primitives, CORE), (names, SPOILT), (dtypes, GOAL)):
        if unknown := [name for name in asked if name not in known]:
            parser.error(f"unknown {', '.join(unknown)}; known are {', '.join(known)}")
    configure()
    try:
        records = measure(options, names, dtypes)
        if options.save:
            said = ["python -m benchmarks.sensitivity", *options.primitives, f"--backends {options.backends}",
                    f"--dtypes {options.dtypes} --functions {options.functions} --pool {options.pool}"]  # fmt: skip
            seconds = sum(record["spent"] for record in records)
            more = {"goal": GOAL, "missed": misses(records)}
            saved.save(options.save, saved.result("sensitivity", " ".join(said), seconds, records, **more))
    except OSError as error:
        parser.error(f"{error}; give another file")
    except KeyboardInterrupt:
        print(f"interrupted; --resume goes on from {options.out}", file=sys.stderr)
        return 130
    print(table(records))
    for record in misses(records):
        print(f"missed: {record['backend']} {record['dtype']} {record['primitive']}: sees {record['delta']}, "
              f"the goal is {GOAL[record['dtype']]:g}")  # fmt: skip
    return int(bool(misses(records)))


def measure(options: argparse.Namespace, names: Sequence[str], dtypes: Sequence[str]) -> list[dict[str, Any]]:
    """All records, each written as soon as it is there; of an earlier run those that are whole for all checkers."""
    earlier, damaged = saved.lines(options.out) if options.resume else ([], 0)
    if damaged:
        print(f"{options.out}: {damaged} damaged lines left out, measured again", file=sys.stderr)
    tools = Counter(map(key, earlier))
    records = [r for r in earlier if tools[key(r)] == len(CHECKERS[r["backend"]][r["order"]])]
    saved.rewrite(options.out, records)
    primitives = options.primitives or list(CORE)
    with options.out.open("a") as out:
        for record in measurements(
            primitives, names, dtypes, options.functions, options.pool, set(map(key, records))
        ):  # fmt: skip
            records.append(record)
            out.write(json.dumps(record) + "\n")
            out.flush()
            shown = "nothing" if record["delta"] is None else f"{record['delta']:.1e}"
            print(f"{record['backend']} {record['dtype']} {record['primitive']} order {record['order']}: "
                  f"{record['tool']} sees {shown}", file=sys.stderr)  # fmt: skip
    return records


if __name__ == "__main__":
    sys.exit(main())
