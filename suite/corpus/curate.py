"""The stored cases of suite/corpus/corpus.jsonl: take in what runs have found.

    gradlaws corpus add reports/out/found.jsonl    what an explore run has found
    gradlaws corpus add --pin --why 'log cancels' a.jsonl    a counterexample, for good
    gradlaws corpus record reports/out/replay/report.json    what a replay has found is expected from now on
    gradlaws corpus select --most 300              the pins, and the worst for each primitive and pair
    gradlaws corpus check                          whether every line can still be asked

`add` keeps what is there; of a case that is there already it keeps the larger error / bound. What is new is asked of
every backend, and `record` says what is expected from then on, of those that were asked. A case that was violated is
not added without --pin: it has to be understood first, and is then a pin, or a row of suite/known/ledger.toml.

Exit status: 0 done, 1 a line that cannot be asked (check) or was left out (add), 2 bad usage or an unreadable file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from gradlaws.records.reading import BadInput, read_report
from gradlaws.suite.corpus import hardest
from gradlaws.suite.corpus.cases import DATA, Case, CaseError, Damaged, read, write


def readable(path: Path) -> tuple[list[Case], list[Damaged]]:
    """What a file holds, and what is damaged in it. Raises CaseError."""
    rows = read(path)
    return [row for row in rows if isinstance(row, Case)], [row for row in rows if isinstance(row, Damaged)]


def merged(old: Iterable[Case], new: Iterable[Case]) -> list[Case]:
    """Each case once: with what was recorded first, the larger ratio, and the reason that was given first."""
    found: dict[str, Case] = {}
    for case in (*old, *new):
        known = found.get(case.id, case)
        found[case.id] = replace(
            known, pin=known.pin or case.pin, why=known.why or case.why,
            ratio=max(filter(None, (known.ratio, case.ratio)), default=None),
        )  # fmt: skip
    return list(found.values())


def add(path: Path, files: Sequence[Path], pin: bool, why: str) -> int:
    known, damaged = readable(path) if path.exists() else ([], [])
    if damaged:
        raise CaseError(f"{path}: {damaged[0].where}: {damaged[0].reason}; mend it first")
    new: list[Case] = []
    left: list[str] = []
    for file in files:
        cases, broken = readable(file)
        left += [f"{file}: {row.where}: {row.reason}" for row in broken]
        for case in cases:
            try:
                case.decoded()
            except CaseError as error:
                left.append(f"{file}: {error}")
                continue
            if "violated" in case.recorded.values() and not pin:
                left.append(f"{file}: {case.id} was violated; understand it, then --pin it")
                continue
            # It is asked everywhere, until a replay has been recorded.
            new.append(replace(case, pin=pin, mode="", recorded={}, why=why or case.why))
    whole = merged(known, new)
    write(whole, path)
    print(f"{path}: {len(whole)} cases, {len(whole) - len(known)} of them new")
    for line in left:
        print(f"left out: {line}", file=sys.stderr)
    return 1 if left else 0


def record(path: Path, report: Path) -> int:
    """Takes what was found of each case for what is recorded of it, unless that was a violation."""
    cases, _ = readable(path)
    try:
        rows = read_report(report)["cases"]
    except BadInput as error:
        raise CaseError(str(error)) from error
    found = {(row["id"], row["backend"]): said for row in rows if (said := row["found"]) and said != "violated"}
    names = {backend for _, backend in found}
    of = {case.id: {name: found[case.id, name] for name in sorted(names) if (case.id, name) in found} for case in cases}
    write((replace(case, recorded={**case.recorded, **of[case.id]}) for case in cases), path)
    print(f"{path}: {sum(map(bool, of.values()))} of {len(cases)} cases recorded, on {', '.join(sorted(names))}")
    return 0


def select(path: Path, most: int) -> int:
    cases, damaged = readable(path)
    if damaged:
        raise CaseError(f"{path}: {damaged[0].where}: {damaged[0].reason}; mend it first")
    pins = [case for case in cases if case.pin]
    kept = hardest.chosen([case for case in cases if not case.pin], most)
    write([*pins, *kept], path)
    print(f"{path}: {len(pins)} pins, {len(kept)} of {len(cases) - len(pins)} others")
    return 0


def check(path: Path) -> int:
    cases, damaged = readable(path)
    wrong = [f"{row.where}: {row.reason}" for row in damaged]
    for case in cases:
        try:
            case.decoded()
        except CaseError as error:
            wrong.append(str(error))
    for line in wrong:
        print(line, file=sys.stderr)
    pins = sum(case.pin for case in cases)
    print(f"{path}: {len(cases)} cases, {pins} of them pins, {len(wrong)} that cannot be asked")
    return 1 if wrong else 0


def main(arguments: Sequence[str] | None = None, prog: str = "python -m suite corpus") -> int:
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=DATA, help="default: suite/corpus/corpus.jsonl")
    commands = parser.add_subparsers(dest="command", required=True, metavar="add, record, select or check")
    adding = commands.add_parser("add", help="take in the cases of files")
    adding.add_argument("files", nargs="+", type=Path, metavar="FILE")
    adding.add_argument("--pin", action="store_true", help="as past counterexamples, expected to hold everywhere")
    adding.add_argument("--why", default="", help="why they are kept, in one line")
    recording = commands.add_parser("record", help="take what a replay has found for what is expected")
    recording.add_argument("report", type=Path, metavar="REPORT.JSON")
    commands.add_parser("select", help="keep the worst only").add_argument("--most", type=int, default=300)
    commands.add_parser("check", help="whether all can be asked")
    options = parser.parse_args(arguments)
    try:
        if options.command == "add":
            return add(options.corpus, options.files, options.pin, options.why)
        if options.command == "record":
            return record(options.corpus, options.report)
        return select(options.corpus, options.most) if options.command == "select" else check(options.corpus)
    except (CaseError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
