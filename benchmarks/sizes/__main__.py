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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.sizes import against, asked, lanes
from gradlaws.suite.arithmetic.self_test import usable
from gradlaws.suite.configuration import configure

RESULTS = Path(__file__).parent.parent / "results/sizes.json"
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


def kept(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows, by what was asked; of what was asked again the new one."""
    asked_of = ("program", "framework", "dtype", "n")
    found = {tuple(row[k] for k in asked_of): row for row in (*old, *new)}
    order = [*asked.NAMES]
    return sorted(found.values(), key=lambda r: (order.index(r["program"]), r["framework"], r["dtype"], r["n"]))


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
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    ok = True
    if options.right:
        found["right"] = lanes.right(names, frameworks, options.right, options.seed)
        ok &= not found["right"]["alarms"]
    if options.faults:
        found["faults"] = lanes.faults(names, frameworks, options.faults, options.seed)
        ok &= found["faults"]["seen"] >= 0.99 * found["faults"]["planted"]
    if options.against:
        found["against"] = against.table(options.seed)
    if not (options.right or options.faults or options.against):
        rows = lanes.sizes(names, frameworks, options.sizes, options.seed)
        ok &= all(row["verdict"] == "right" for row in rows)
        found["sizes"] = kept(found.get("sizes", []), rows)
    if options.save:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
