"""Truth and RULE at real sizes: python -m benchmarks.sizes

Each of the 19 programs by name, in both frameworks, traced in float64 and float32, with n from 10 to 10⁶ where it has a
size: whether the traced gradient and H·v are the limit, from which relative fault on that is seen, and what it costs.

    python -m benchmarks.sizes chain mlp --sizes 10,1000       some programs, some sizes
    python -m benchmarks.sizes --right 10000                   right code at many points: false alarms
    python -m benchmarks.sizes --faults 300                    planted rule faults: how many are seen, and where
    python -m benchmarks.sizes --against                       beside gradcheck and gradgradcheck
    … --save                                                   into benchmarks/results/sizes.json, for the report; rows
                                                               of other programs and sizes stay there
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import saved
from benchmarks.sizes import against, asked, lanes
from gradlaws.suite.arithmetic.self_test import usable
from gradlaws.suite.configuration import configure

RESULTS = Path(__file__).parent.parent / "results/sizes.json"
COMMAND = "python -m benchmarks.sizes --save"
LANES = ("right", "faults", "against")
SIZES = (10, 1_000, 100_000, 1_000_000)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.sizes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("names", nargs="*", metavar="PROGRAM", help=f"of {', '.join(asked.NAMES)} (default: all)")
    options.add_argument("--sizes", type=numbers, default=SIZES, help="n, with commas between (default: 10 to 10⁶)")
    options.add_argument("--frameworks", default="jax,torch", help="jax, torch or both (default)")
    options.add_argument("--right", type=int, metavar="COUNT", help="so many (program, point, quantity) of right code")
    options.add_argument("--faults", type=int, metavar="COUNT", help="so many planted faults that change the result")
    options.add_argument("--against", action="store_true", help="seconds and smallest visible fault beside gradcheck's")
    options.add_argument("--seed", type=int, default=0, help="of points, directions and faults (default: 0)")
    options.add_argument("--save", action="store_true", help=f"keep the results in {RESULTS.name}")
    return options


def numbers(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part.replace("_", "")) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers, as 10,1000 is") from None
    if min(found) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a size is at least 1")
    return found


def kept(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], asked_of: Sequence[str]
) -> list[dict[str, Any]]:  # fmt: skip
    """All rows, by what was asked; of what was asked again the new one."""
    found = {tuple(row[k] for k in asked_of): row for row in (*old, *new)}
    order = {name: place for place, name in enumerate(asked.NAMES)}
    return sorted(found.values(), key=lambda row: [order[row["program"]], *(row[k] for k in asked_of[1:])])


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    names, frameworks = options.names or list(asked.NAMES), options.frameworks.split(",")
    for wrong in [*(set(names) - set(asked.NAMES)), *(set(frameworks) - set(asked.FRAMEWORKS))]:
        print(f"there is no {wrong!r}: programs are {', '.join(asked.NAMES)}; frameworks jax and torch")
        return 2
    if (reason := usable()) is not None:
        print(reason)
        return 2
    configure()
    start = time.perf_counter()
    found = lanes_asked(options, names, frameworks)
    ok = all(map(holds, [found, *found.get("rows", [])]))
    if options.save:
        old: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        rows = kept(old.get("rows", []), found.pop("rows", []), ("program", "framework", "dtype", "n"))
        if "against" in found:
            found["against"] = kept(old.get("against", []), found["against"], ("program",))
        lanes_kept = {name: old[name] for name in LANES if name in old} | found
        saved.save(RESULTS, saved.result("sizes", COMMAND, time.perf_counter() - start, rows, **lanes_kept))
    return int(not ok)


def lanes_asked(options: argparse.Namespace, names: Sequence[str], frameworks: Sequence[str]) -> dict[str, Any]:
    """By the names of LANES; without one of them the sizes, as rows."""
    found: dict[str, Any] = {}
    if options.right:
        found["right"] = lanes.right(names, frameworks, options.right, options.seed)
    if options.faults:
        found["faults"] = lanes.faults(names, frameworks, options.faults, options.seed)
    if options.against:
        found["against"] = against.table(options.names or against.NAMES, options.seed)
    return found or {"rows": lanes.sizes(names, frameworks, options.sizes, options.seed)}


def holds(found: Mapping[str, Any]) -> bool:
    """Of a row, or of a lane: no alarm, and of planted faults 99 % seen."""
    faults = found.get("faults", {"seen": 0, "planted": 0})
    return (
        found.get("verdict", "right") == "right"
        and not found.get("right", {"alarms": []})["alarms"]
        and faults["seen"] >= 0.99 * faults["planted"]
    )


if __name__ == "__main__":
    sys.exit(main())
