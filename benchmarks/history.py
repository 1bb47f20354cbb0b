"""What each released version of a framework gets right: the accuracy history, from the reports of its runs.

    python -m tox -e py311-jax070-gate                              a run, for one
    python -m benchmarks.history reports/out/py311-*-gate           takes the reports of those folders into the history
    python -m benchmarks.history --ranges                           the versions of which each ledger row may speak
    python -m benchmarks.history --ranges --write                   the same, written to suite/known/ledger.toml

A row of benchmarks/results/history.json is a version: its comparisons and verdicts, the worst error of each identity
in units of its bound, what is violated, and what the witness of every ledger row shows there (`confirmed`: the
deviation as recorded; `worse`; `fixed`: none; `error`: it raises another error). Several reports of one version are
added up, and replace the version's earlier row. benchmarks/history.toml says when versions were released, and which of
their bugs were fixed since; a fix that the runs do not show is an error.
Exit status: 0 written, 1 a fix is not shown, 2 bad input.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from packaging.version import Version

from benchmarks import saved
from gradlaws.records.conversions import number, plain
from gradlaws.records.reading import BadInput, read_json

OUT = saved.FOLDER / "history.json"
DATA = tomllib.loads(Path(__file__).with_name("history.toml").read_text())
LEDGER = Path("suite/known/ledger.toml")
BEYOND = 1e3  # times the bound: what is violated by less is not the same
BESIDE = ("jaxlib", "numpy", "scipy", "optax", "python")

Row = dict[str, Any]


def rows(reports: Sequence[Mapping[str, Any]]) -> list[Row]:
    """A row for each backend and version, oldest first."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for report in reports:
        for backend in sorted({name for name, _ in report["run"]["systems"]}):
            groups.setdefault((backend, report["run"]["versions"][backend]), []).append(report)
    return in_order([row(backend, version, group) for (backend, version), group in groups.items()])


def in_order(found: Sequence[Row]) -> list[Row]:
    return sorted(found, key=lambda row: (row["backend"], Version(row["version"])))


def row(backend: str, version: str, reports: Sequence[Mapping[str, Any]]) -> Row:
    """All that the reports say of one version."""
    cells = [cell for report in reports for cell in report["cells"] if cell["backend"] == backend]
    counts: Counter[str] = Counter()
    for cell in cells:
        counts.update(cell["counts"])
    beside = reports[0]["run"]["versions"]
    released = DATA["released"].get(backend, {}).get(version)
    return {
        "backend": backend, "version": version, **{name: beside[name] for name in BESIDE if name in beside},
        "date": released.isoformat() if released else None,
        "runs": [{name: report["run"][name] for name in ("profile", "seed", "started")} for report in reports],
        "comparisons": sum(counts.values()), "counts": dict(sorted(counts.items())), "identities": identities(cells),
        "violations": violations(backend, reports), "deviations": witnesses(backend, reports),
        "left_out": {name: why for report in reports for name, why in report["run"]["left_out"].items()},
    }  # fmt: skip


def identities(cells: Sequence[Mapping[str, Any]]) -> Row:
    """The worst error of each, in units of its bound, of those that hold and of all."""
    found: Row = {}
    for cell in sorted(cells, key=lambda cell: str(cell["identity"])):
        entry = found.setdefault(cell["identity"], {"counts": {}, "worst": None, "worst_holding": None})
        entry["counts"] = dict(sorted((Counter(entry["counts"]) + Counter(cell["counts"])).items()))
        for name in ("worst", "worst_holding"):
            ratios = [number(one) for one in (entry[name], (cell[name] or {}).get("ratio")) if one is not None]
            entry[name] = plain(max((ratio for ratio in ratios if ratio is not None), default=None))
    return found


def violations(backend: str, reports: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The shrunk failures; of a primitive alone its name is told."""
    keys = ("identity", "order", "mode", "dtype", "verdict", "function", "got", "true", "ratio")
    failures = [failure for report in reports for failure in report["failures"] if failure["backend"] == backend]
    return [
        {"primitive": failure["test"].removesuffix("]").split("-")[-1] if failure["identity"] == "alone" else None}
        | {key: failure[key] for key in keys}
        for failure in failures
    ]


def witnesses(backend: str, reports: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What was found on the witness of each row of the ledger."""
    met = [row for report in reports for row in report["ledger"] if row["backend"] == backend and row.get("found")]
    return {row["id"]: row["found"] for row in sorted(met, key=lambda row: str(row["id"]))}


def fixes(history: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """The fixes of history.toml with the versions that show them, and one line for each that none shows."""
    shown, problems = [], []
    for fix in DATA["fixed"]:
        bad = [row for row in history if row["backend"] == fix["backend"] and shows(fix, row)]
        before = [row["version"] for row in bad if Version(row["version"]) < Version(fix["in"])]
        after = [row["version"] for row in bad if Version(row["version"]) >= Version(fix["in"])]
        if not before:
            problems.append(
                f"{fix['backend']} {fix.get('primitive') or fix['row']}: no run before {fix['in']} shows what was fixed"
            )
        shown.append({**fix, "violated_in": before, "violated_after": after})
    return shown, problems


def shows(fix: Mapping[str, Any], row: Row) -> bool:
    """Whether a version has what was fixed: its primitive alone is violated and as wrong, or a ledger row's witness
    shows it (confirmed where the row is the old version's, worse where it is what is left)."""
    if "row" in fix:
        return bool(row["deviations"].get(fix["row"]) == fix["found"])
    ratios = [number(one["ratio"]) or 0.0 for one in row["violations"] if one["primitive"] == fix["primitive"]]
    return any(not ratio <= BEYOND for ratio in ratios)


def ranges(history: Sequence[Row]) -> Iterator[tuple[str, list[str]]]:
    """For each ledger row that was met on several versions, the ranges between measured versions that confirm it."""
    for _, group in groupby(history, key=lambda row: row["backend"]):
        versions = list(group)
        for name in sorted({name for row in versions for name in row["deviations"]}):
            measured = [row for row in versions if name in row["deviations"]]
            runs = [
                [row["version"] for row in run]
                for found, run in groupby(measured, key=lambda row: row["deviations"][name])
                if found == "confirmed"
            ]
            if len(measured) > 1 and runs:
                yield name, [run[0] if len(run) == 1 else f">={run[0]},<={run[-1]}" for run in runs]


def written(text: str, found: Mapping[str, list[str]]) -> str:
    """The ledger's text with these versions; all else is left as it is."""
    blocks = re.split(r"(?m)^(?=\[\[deviation\]\])", text)
    for place, block in enumerate(blocks):
        name = re.search(r'(?m)^id = "(.*)"$', block)
        if name and name[1] in found:
            versions = ", ".join(f'"{version}"' for version in found[name[1]])
            blocks[place] = re.sub(r"(?m)^versions = .*$", f"versions = [{versions}]", block, count=1)
    return "".join(blocks)


def kept(path: Path) -> list[Row]:
    """The rows of an earlier history. Raises BadInput."""
    return list(read_json(path)["rows"]) if path.exists() else []


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("reports", nargs="*", type=Path, help="report.json files, or folders that hold one")
    parser.add_argument("--ranges", action="store_true", help="print the versions of which ledger rows may speak")
    parser.add_argument("--write", action="store_true", help="with --ranges: write them to suite/known/ledger.toml")
    parser.add_argument("--out", type=Path, default=OUT, help="the history (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not options.reports and not options.ranges:
        parser.error("give the reports of runs, or --ranges")
    start = time.monotonic()
    try:
        reports = [read_json(path / "report.json" if path.is_dir() else path) for path in options.reports]
        new = rows(reports)
        met = {(row["backend"], row["version"]) for row in new}
        history = in_order([*new, *(row for row in kept(options.out) if (row["backend"], row["version"]) not in met)])
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except (KeyError, TypeError) as error:
        print(f"{', '.join(map(str, options.reports))}: not the reports of runs: {error!r}", file=sys.stderr)
        return 2
    problems: list[str] = []
    if reports:
        shown, problems = fixes(history)
        command = f"python -m benchmarks.history {' '.join(path.name for path in options.reports)}"
        saved.save(options.out, saved.result("history", command, time.monotonic() - start, history, fixed=shown))
        for one in history:
            print(f"{one['backend']} {one['version']}: {one['comparisons']} comparisons, "
                  f"{len(one['violations'])} violated; ledger {dict(Counter(one['deviations'].values()))}")  # fmt: skip
    if options.ranges:
        found = dict(ranges(history))
        for name, versions in found.items():
            print(f"{name}: {' or '.join(versions)}")
        if options.write:
            LEDGER.write_text(written(LEDGER.read_text(), found))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
