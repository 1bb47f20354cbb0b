"""gradlaws.check on operations as users write them: python -m benchmarks.check

99 cases of 12 operations, right and wrong (benchmarks/check/operations), each asked with its reference and, where the
forward can be its own truth, without: the verdict due, ours, and the seconds of a second call.

    python -m benchmarks.check rmsnorm kalman        cases whose name has one of these words
    python -m benchmarks.check --against             beside gradcheck + gradgradcheck, and check_grads
    python -m benchmarks.check --times               one program at 8, 1,000 and 100,000 entries, beside theirs
    … --save                                         into benchmarks/results/check.json
    python -m benchmarks.check --primitives          the suite's own (benchmarks/check/primitives.py; --help after it)

Exit status: 0 every verdict is the one due, 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.check import primitives, sizes, theirs
from benchmarks.check.cases import HERE, modules

RESULTS = Path(__file__).parent.parent / "results/check.json"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("words", nargs="*", metavar="WORD", help="of operation/case (default: all)")
    options.add_argument("--folder", type=Path, default=HERE, help="other modules of the same kind")
    options.add_argument("--ways", default="reference,own", help="reference, own or both (default)")
    options.add_argument("--once", action="store_true", help="each case once: its seconds are those of a first call")
    options.add_argument("--against", action="store_true", help="what the frameworks' own checkers say, 60 s each")
    options.add_argument("--times", action="store_true", help="seconds at three sizes, beside theirs")
    options.add_argument("--save", action="store_true", help="into benchmarks/results/check.json")
    return options


def found(path: Path, words: Sequence[str], ways: str, times: int) -> Iterator[dict[str, Any]]:
    """What was found of one module's cases, as they are asked."""
    command = [sys.executable, "-m", "benchmarks.check.asked", str(path), ",".join(words), ways, str(times)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise SystemExit(f"{path.name} could not be asked to its end (exit status {process.returncode})")


def printed(row: dict[str, Any], against: bool) -> None:
    way = "with reference" if row["reference"] else "by its own forward"
    mark = "as due" if row["verdict"] == row["due"] else "NOT DUE"
    beside = f"  theirs: {row['theirs'][0]} ({row['theirs'][1]:.1f} s)" if against and "theirs" in row else ""
    print(
        f"{mark:8}{row['operation']}/{row['case']:32}{way:20}due {row['due']:10}found {row['verdict']:13}"
        f"{row['warm']:6.2f} s{beside}",
        flush=True,
    )
    for line in row["said"] if mark == "NOT DUE" else []:
        print(f"          {line}")


def verdicts(options: argparse.Namespace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    seen: dict[Path, dict[str, tuple[str, float]]] = {}
    for path in modules(options.folder):
        if options.words and not any("/" not in word or word.startswith(path.stem) for word in options.words):
            continue  # "operation/case" of another module: it need not be imported
        for row in found(path, options.words, options.ways, 1 if options.once else 2):
            if options.against:
                if row["case"] not in seen.get(path, {}):
                    seen.setdefault(path, {})[row["case"]] = theirs.said(path, row["case"])
                row["theirs"] = seen[path][row["case"]]
            printed(row, options.against)
            rows.append(row)
    return rows


def times() -> list[dict[str, Any]]:
    rows = []
    for framework in ("torch", "jax"):
        for n in sizes.SIZES:
            verdict, seconds = sizes.ours(framework, n)
            other, their_seconds = sizes.theirs(framework, n)
            rows.append(
                {"framework": framework, "n": n, "seconds": seconds, "theirs": other, "their_seconds": their_seconds}
            )
            print(
                f"{framework:6}{n:8} entries: {verdict} in {seconds:.2f} s (due {sizes.DUE[n]:g} s); theirs: {other}, "
                f"{their_seconds:.2f} s",
                flush=True,
            )
    return rows


def main() -> int:
    if sys.argv[1:2] == ["--primitives"]:
        return primitives.main(sys.argv[2:])
    options = parser().parse_args()
    if options.times:
        rows = times()
    else:
        rows = verdicts(options)
        right = sum(row["verdict"] == row["due"] for row in rows)
        print(f"{right} of {len(rows)} verdicts are as due")
    if options.save:
        kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        kept["times" if options.times else "verdicts"] = rows
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return int(any(row["verdict"] != row["due"] for row in rows if "due" in row))


if __name__ == "__main__":
    sys.exit(main())
