"""Asks a failure, or a stored case, again.

    gradlaws replay G1-789d1019            the failure of that id in the last report (--report names another), or the
                                           stored case of that id; its beginning is enough
    gradlaws replay '{"identity":"G1",...' the case itself, as a line of cases.jsonl
    gradlaws replay cases.jsonl -          all cases of a file, and of the standard input
    gradlaws replay G1-789d1019 -- -p my_plugin --backends jax     with options of pytest

Prints a line for each case and backend: HOLDS, as it was recorded; FIXED, it was violated and holds now; FAILED, it is
violated; UNDECIDED, the bound or the oracle cannot say any more; ERROR, it cannot be asked: the line says why.

Exit status: 0 HOLDS or FIXED, 1 FAILED, 2 ERROR or nothing to ask, 3 UNDECIDED.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gradlaws.records.reading import BadInput, read_report
from gradlaws.records.report import Report
from gradlaws.suite.corpus.cases import DATA, Case, CaseError, parse, read
from gradlaws.suite.places import CHECKOUT, HOME, TESTS, pytest_command

OUT = HOME / "reports/out" if CHECKOUT else Path("gradlaws-report")
REPORT = OUT / "report.json"
EXITS = {"FAILED": 1, "ERROR": 2, "UNDECIDED": 3, "FIXED": 0, "HOLDS": 0}
SAID = {"FIXED": "was violated, holds now", "HOLDS": "as recorded"}
COULD_NOT_RUN = 2


def cases_of(text: str, report: Path, stored: Path) -> Iterator[str]:
    """The lines that an argument means. Raises CaseError."""
    if text.lstrip().startswith("{"):
        yield parse(text).line
    elif text == "-":
        yield from lines(sys.stdin.read())
    elif text.endswith((".jsonl", ".json")):
        try:
            yield from lines(Path(text).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CaseError(f"{text}: cannot be read: {error}") from error
    else:
        yield by_id(text, report, stored)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def by_id(name: str, report: Path, stored: Path) -> str:
    """The case with that id, or the only one whose id begins so: a failure of the report first. Raises CaseError."""
    known = {**{case.id: case.line for case in read(stored) if isinstance(case, Case)}, **failures(report)}
    if name in known:
        return known[name]
    begun = [full for full in known if full.startswith(name)]
    if len(begun) == 1:
        return known[begun[0]]
    if begun:
        raise CaseError(f"{name} may be any of {', '.join(begun[:5])}{', ...' if len(begun) > 5 else ''}")
    where = f"{report} or {stored.name}" if report.exists() else f"{stored.name}, and there is no {report}"
    raise CaseError(f"no case is called {name!r} in {where}; give an id, a file.jsonl, or a case as JSON")


def failures(report: Path) -> dict[str, str]:
    """The cases of a report's failures, and of its worst comparisons, by id."""
    if not report.exists():
        return {}
    found = whole(report)
    worst = [case for row in found["worst"] if (case := row.get("case"))]
    return {parse(case).id: case for case in worst} | {
        row["id"]: case for row in found["failures"] if (case := row.get("case"))
    }


def whole(report: Path) -> Report:
    """A report.json. Raises CaseError where it is none."""
    try:
        return read_report(report)
    except BadInput as error:
        raise CaseError(str(error)) from error


def ask(cases: Sequence[str], options: Sequence[str], out: Path) -> Report:
    """The report of a run on these cases. Raises CaseError where there was none."""
    with tempfile.TemporaryDirectory(prefix="gradlaws-") as folder:
        path = Path(folder, "cases.jsonl")
        path.write_text("".join(line + "\n" for line in cases), "utf-8")
        command = pytest_command(str(TESTS / "test_corpus.py"), "--profile", "again", "--corpus", str(path),
                                 "--out", str(out), "-q", "--tb", "no", *options)  # fmt: skip
        report = out / "report.json"
        try:
            report.unlink(missing_ok=True)
        except OSError as error:
            raise CaseError(f"{out}: cannot be written ({error.strerror}); give another --out") from None
        done = subprocess.run(command, capture_output=True, text=True)
    if not report.exists():
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise CaseError(said[-1] if said else f"pytest ended with {done.returncode}")
    return whole(report)


def told(report: Report) -> Iterator[str]:
    """What became of each case; of a violation what was got and what is true."""
    failures = {row["test"]: row for row in report["failures"]}
    for row in report["cases"]:
        head = f"{row['status']} {row['id']} {row['backend']} {row['dtype']}"
        where = f"[{row['backend']}-{row['dtype']}-{row['id']}]"
        failure = next((failures[test] for test in failures if test.endswith(where)), None)
        if failure is None:
            yield f"{head}: {row['message'] or row['why'] or SAID.get(row['status'], '')}"
            continue
        yield f"{head}: {failure['function']} by {failure['mode']}"
        yield f"  got {decimal(failure['got'])}   true {failure['true']}   bound {failure['bound']}"


def decimal(got: str | None) -> str:
    """What was got, which records keep in hexadecimal."""
    return repr(float.fromhex(got)) if got and "0x" in got else str(got)


def main(arguments: Sequence[str] | None = None, prog: str = "python -m suite replay") -> int:
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="+", metavar="CASE", help="an id, a case as JSON, a file.jsonl, or -")
    parser.add_argument("--report", type=Path, default=REPORT, help="where the failures are (default: %(default)s)")
    parser.add_argument("--corpus", type=Path, default=DATA, help="where the stored cases are (default: ours)")
    parser.add_argument("--out", type=Path, default=OUT / "replay", help="folder of the report of this")
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    cut = given.index("--") if "--" in given else len(given)
    options = parser.parse_args(given[:cut])
    status = 0
    found: list[str] = []
    for text in options.cases:
        try:
            found += cases_of(text, options.report, options.corpus)
        except CaseError as error:
            print(f"ERROR {error}", file=sys.stderr)
            status = COULD_NOT_RUN
    if not found:
        return COULD_NOT_RUN
    try:
        report = ask(found, given[cut + 1 :], options.out.absolute())
    except CaseError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return COULD_NOT_RUN
    for line in told(report):
        print(line)
    statuses = {row["status"] for row in report["cases"]}
    if not statuses:
        print("ERROR no backend that is installed has what the case is about", file=sys.stderr)
    worst = [EXITS[name] for name in EXITS if name in statuses] or [COULD_NOT_RUN]
    return status or worst[0]


if __name__ == "__main__":
    sys.exit(main())
