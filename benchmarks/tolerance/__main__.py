"""How near A and F are to what computations within the contracts do: python -m benchmarks.tolerance

The traced gradients and Hessian products of the 19 programs are run with every rounding as large as the contracts let
it be (benchmarks/tolerance/erring.py): of drawn signs, and of those that are worst for one weighted sum of the outputs.
Shown are error / A and the worst entry's error / F; above 1 a bound does not hold. Exit status 1 if one does not, or if
the worst signs reach less than 0.3 of A in a program.

    python -m benchmarks.tolerance chain mlp       some programs
    python -m benchmarks.tolerance --quick         one point of each
    python -m benchmarks.tolerance --save          into benchmarks/results/tolerance.json
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import saved
from benchmarks.sizes import asked
from benchmarks.tolerance.erring import Erring, Signs, drawn_signs, worst_signs
from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.configuration import configure
from gradlaws.suite.rounding.bounds import Bounds, bounds
from gradlaws.suite.rule import directions
from gradlaws.suite.tape.literals import literals
from gradlaws.suite.tape.run import run

RESULT = Path(__file__).parent.parent / "results/tolerance.json"
SMALL = 30  # n, as in benchmarks/sizes/lanes.py
RUNS = 4  # of each kind of signs: a sum has another order in each
REACHED = 0.3  # of A, by the worst signs, in every program
DTYPES = ("float32", "float16", "bfloat16")  # float64's roundings are those of the runs themselves


def ratios(framework: str, name: str, seed: int, dtype: str) -> Iterator[dict[str, Any]]:
    """Of the gradient and of the Hessian product at one point; of what has a bound."""
    traced = asked.traced(framework, name, SMALL, seed)
    random, own = np.random.default_rng(seed), list(literals(traced.forward).values())
    for quantity, tape in (("gradient", traced.gradient), ("product", traced.product)):
        if tape is None:
            continue
        vector = directions.direction(traced.point, random) if quantity == "product" else []
        inputs = [*traced.point, np.ones(()), *vector]
        weights = directions.direction(traced.point, random)
        found = bounds(tape, inputs, framework, dtype, forward_literals=own)
        if found.unknown:
            continue
        exact, allowed = run(tape, inputs, FLOAT64), found.along(weights)

        def largest(
            signs: Signs, found: Bounds = found, exact: Sequence[Any] = exact, weights: Sequence[Any] = weights,
            allowed: float = allowed, random: np.random.Generator = random,
        ) -> tuple[float, float]:  # fmt: skip
            pairs = []
            for _ in range(RUNS):
                errors = [a - b for a, b in zip(Erring(found, signs, random).outputs(), exact, strict=True)]
                apart = abs(sum(float(np.sum(e * w)) for e, w in zip(errors, weights, strict=True)))
                entries = (share(abs(e), f) for e, f in zip(errors, found.outputs, strict=True))
                pairs.append((share(np.array(apart), np.array(allowed)), max(entries)))
            return max(a for a, _ in pairs), max(f for _, f in pairs)

        worst, drawn = largest(worst_signs(found, weights)), largest(drawn_signs(random))
        yield {
            "program": name, "framework": framework, "dtype": dtype, "quantity": quantity, "seed": seed,
            "worst_of_a": worst[0], "worst_of_f": worst[1], "drawn_of_a": drawn[0], "drawn_of_f": drawn[1],
        }  # fmt: skip


def share(error: Any, allowed: Any) -> float:
    """error / allowed at its largest; infinite where nothing is allowed and there is an error."""
    with np.errstate(all="ignore"):
        return float(np.max(np.where(error == 0, 0.0, error / allowed), initial=0.0))


def holds(rows: Sequence[dict[str, Any]]) -> bool:
    """Nothing exceeds a bound, and in each program, of each type, the worst signs come near A."""
    inside = all(row[kind] <= 1 for row in rows for kind in row if "_of_" in kind)
    reached: dict[tuple[str, str], float] = {}
    for row in rows:
        key = row["program"], row["dtype"]
        reached[key] = max(reached.get(key, 0.0), row["worst_of_a"])
    return inside and all(most >= REACHED for most in reached.values())


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.tolerance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("names", nargs="*", metavar="PROGRAM", help=f"of {', '.join(asked.NAMES)} (default: all)")
    options.add_argument("--dtype", action="append", choices=DTYPES, help="again for another (default: float32)")
    options.add_argument("--points", type=int, default=5, help="of each program (default: %(default)s)")
    options.add_argument("--quick", action="store_true", help="one point of each program")
    options.add_argument("--save", action="store_true", help=f"keep the result in {RESULT.name}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    names, dtypes = options.names or list(asked.NAMES), options.dtype or ["float32"]
    if wrong := set(names) - set(asked.NAMES):
        print(f"there is no {min(wrong)!r}: programs are {', '.join(asked.NAMES)}")
        return 2
    if options.points < 1:
        print(f"--points {options.points}: at least 1")
        return 2
    configure()
    start, rows = time.perf_counter(), []
    for name in names:
        for framework in asked.FRAMEWORKS:
            for dtype in dtypes:
                points = range(1 if options.quick else options.points)
                new = [row for seed in points for row in ratios(framework, name, seed, dtype)]
                rows += new
                most = {kind: max((row[kind] for row in new), default=0.0) for kind in ("worst_of_a", "worst_of_f")}
                drawn = max((max(row["drawn_of_a"], row["drawn_of_f"]) for row in new), default=0.0)
                print(f"{name:12} {framework:6} {dtype:9} {len(new):3} judged   worst signs {most['worst_of_a']:.3f} "
                      f"of A, {most['worst_of_f']:.3f} of F   drawn {drawn:.3f}", flush=True)  # fmt: skip
    ok = bool(rows) and holds(rows)
    if options.save:
        asked_as = " ".join(["python -m benchmarks.tolerance", *(f"--dtype {d}" for d in dtypes), "--save"])
        saved.save(RESULT, saved.result("tolerance", asked_as, time.perf_counter() - start, rows))
    print(f"{len(rows)} tapes: {'none exceeds, all come near' if ok else 'a bound is exceeded, or not come near'}")
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
