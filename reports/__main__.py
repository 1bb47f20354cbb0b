"""Judge what a run of the suite recorded, and show it."""

from __future__ import annotations

import argparse
import io
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from gradlaws.records.reading import BadInput, read_report
from gradlaws.reports.build import build, tell
from gradlaws.reports.files.text import DEFAULT_OUT, failure_text
from gradlaws.reports.judging.compare import compare, line
from gradlaws.reports.judging.gist import BASELINE, baseline_text, find_baseline, gist, read_gist
from gradlaws.reports.judging.run import mixed
from gradlaws.reports.judging.summary import judged
from gradlaws.reports.judging.verdict import COULD_NOT_RUN, EXITS, INSUFFICIENT, VIOLATED
from gradlaws.reports.numerals import plural
from gradlaws.reports.page.measurements import FOLDER
from gradlaws.reports.shards.reading import read_shards
from gradlaws.reports.shards.writing import clear, merge

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
BAD_INPUT = EXITS[COULD_NOT_RUN]
_EXITS = "exit status: " + ", ".join(f"{status} {outcome}" for outcome, status in EXITS.items())
_WRITES = "index.html, report.json, report.sarif, junit.xml, summary.md, summary.txt and repro/<ID>_<framework>.py"


def main(arguments: Sequence[str] | None = None, prog: str = "python -m reports") -> int:
    """Run one command; the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = _parser(prog).parse_args(arguments)
    try:
        return int(options.run(options))
    except BadInput as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _gate(options: argparse.Namespace) -> int:
    if len(options.paths) == 1 and options.paths[0].is_file():
        report = read_report(options.paths[0])
        known, _, wrong = find_baseline(options.baseline, report["run"]["suite"])
        if wrong:
            raise BadInput(wrong[0])
        return tell(judged(report, known), options.paths[0].parent)
    return _built(options)


def _build(options: argparse.Namespace) -> int:
    status = _built(options)
    return status if status == BAD_INPUT else 0


def _built(options: argparse.Namespace) -> int:
    folders = _shard_folders(options.paths, options.out)
    return build(folders, options.out, print, options.baseline, _progress, options.results)


def _shard_folders(paths: Sequence[Path], out: Path) -> list[Path]:
    """The folders of shards in what was given: themselves, or `shards` inside them; by default that of `out`."""
    return [path / "shards" if (path / "shards").is_dir() else path for path in paths] or [out / "shards"]


def _progress(line: str) -> None:
    """One line that is written over, where a person sees it."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line[-100:]}", end="\r", file=sys.stderr, flush=True)


def _merge(options: argparse.Namespace) -> int:
    folders, into = _shard_folders(options.paths, options.out), options.out / "shards"
    if into.resolve() in [folder.resolve() for folder in folders]:
        raise BadInput(f"{into}: is one of the folders to merge; give another --out")
    headers = [record for record in read_shards(folders, progress=_progress)[0] if record["kind"] == "run"]
    if differences := mixed(headers):
        raise BadInput("\n".join(differences))
    try:
        merge([folder for folder in folders if folder.is_dir()], into)
    except OSError as error:
        raise BadInput(f"{into}: cannot be written ({error.strerror or error}); give another --out") from None
    gone = [folder for folder in folders if not folder.is_dir()]
    status = build([into, *gone], options.out, print, options.baseline, _progress, options.results)
    return status if status == BAD_INPUT else 0


def _compare(options: argparse.Namespace) -> int:
    found = compare(read_gist(options.before), read_gist(options.after))
    for row in found["rows"]:
        print(line(row))
    if found["note"]:
        print(f"note: {found['note']}")
    regressions = sum(row["gates"] for row in found["rows"])
    print(
        f"{plural(regressions, 'regression')}; " + ", ".join(f"{n} {change}" for change, n in found["counts"].items())
    )
    return 1 if regressions else 0


def _baseline(options: argparse.Namespace) -> int:
    report = read_report(options.report)
    told = judged({**report, "comparison": {**report["comparison"], "rows": []}})
    if told["outcome"] != "holds":
        raise BadInput(f"{options.report}: no baseline, since its verdict is {told['outcome']}: {told['reasons'][0]}")
    if report["run"]["asked"]:
        asked = ", ".join(f"{key} {value}" for key, value in report["run"]["asked"].items())
        raise BadInput(f"{options.report}: no baseline, since the run was asked for {asked}; run the whole suite")
    try:
        options.to.write_text(baseline_text(gist(report)), "utf-8")
    except OSError as error:
        raise BadInput(f"{options.to}: cannot be written ({error.strerror or error})") from None
    print(f"{options.to}: the baseline is now the run of {report['run']['started']}, {report['run']['commit']}")
    return 0


def _clear(options: argparse.Namespace) -> int:
    folder = options.out / "shards"
    try:
        clear(folder)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be emptied ({error.strerror or error}); give another --out") from None
    return 0


def _open(options: argparse.Namespace) -> int:
    page = (options.path / "index.html" if options.path.is_dir() else options.path).resolve()
    if not page.is_file():
        raise BadInput(f"{page}: no such report; python -m gradlaws build writes one")
    opened = webbrowser.open(page.as_uri())
    print(page.as_uri() if opened else f"no browser here; the report is {page.as_uri()}")
    return 0


def _show(options: argparse.Namespace) -> int:
    """Print the failure with this id, or only one of its scripts."""
    failures = {failure["id"]: failure for failure in read_report(options.report)["failures"]}
    failure = failures.get(options.id)
    if failure is None:
        raise BadInput(f"no failure {options.id!r} in {options.report}; known: {', '.join(failures) or 'none'}")
    if options.script is None:
        print(failure_text(failure))
    elif options.script in failure["scripts"]:
        print(failure["scripts"][options.script].rstrip("\n"))
    else:
        known = ", ".join(failure["scripts"]) or "none"
        raise BadInput(f"no {options.script!r} script for {options.id}; known: {known}")
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description=__doc__, epilog=_EXITS)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_judging(commands)
    _add_comparing(commands)
    _add_showing(commands)
    return parser


def _add_judging(commands: Commands) -> None:
    """From shards."""
    gates = [_add_gate(commands, name) for name in ("gate", "judge")]  # the first as it has always been called here
    make = commands.add_parser(
        "build",
        help="build the report from shards",
        epilog="exit status: 0 built, whatever its verdict; 2 bad input (nothing to read, damaged shard, unwritable)",
        description=f"Read the shards of one run, possibly from several machines, and write {_WRITES}.",
    )
    make.set_defaults(run=_build)
    join = commands.add_parser(
        "merge",
        help="join the shards of several jobs or machines",
        epilog="exit status: 0 merged, whatever its verdict; 2 bad input, shards of different runs among it",
        description="Copy the shards of one run, made by several jobs or machines (pytest --shard K/N), into one "
        "folder, and build its report, which is that of the run in one piece. Shards of different versions, profiles "
        "or seeds are refused.",
    )
    join.set_defaults(run=_merge)
    for command in (*gates, make, join):
        command.add_argument(
            "paths",
            nargs="+" if command is join else "*",
            type=Path,
            metavar="SHARDS",
            help="folders with .jsonl shards" + (", or one report.json" if command in gates else "")
            + " (default: the folder 'shards' inside --out)",
        )  # fmt: skip
        group = command.add_mutually_exclusive_group()
        group.add_argument(
            "--baseline", type=Path, default=BASELINE, metavar="FILE", help="compare with it (default: %(default)s)"
        )
        group.add_argument("--no-baseline", dest="baseline", action="store_const", const=None, help="compare with none")
        command.add_argument(
            "--results", type=Path, default=FOLDER, help="measurements that the page shows too (default: %(default)s)"
        )
        _add_out(command)


def _add_gate(commands: Commands, name: str) -> argparse.ArgumentParser:
    gate = commands.add_parser(
        name,
        help="judge what was recorded",
        epilog=f"exit status: 0 every identity holds; {EXITS[VIOLATED]} something is violated; {EXITS[COULD_NOT_RUN]} "
        "something could not run: a crash, a hang, a damaged shard, tests that never ran, nothing to read; "
        f"{EXITS[INSUFFICIENT]} nothing is wrong in what was seen, but too little was seen",
        description=f"Judge the shards of one run, possibly from several machines, and write {_WRITES}; "
        "or judge a report.json. However the tests ended, the verdict is on what they recorded.",
    )
    gate.set_defaults(run=_gate)
    return gate


def _add_comparing(commands: Commands) -> None:
    """One run and another."""
    two = commands.add_parser(
        "compare",
        help="what changed from one run to another",
        epilog="exit status: 0 no regression, 1 a regression (new, worse, removed, weakened), 2 not two such files",
        description="Print what is new, worse, removed, weakened (fewer examples, smaller domain, looser contract), "
        "fixed, better, added and edited from one run to the other, one line each. Time is not compared.",
    )
    two.add_argument("before", type=Path, metavar="A.json", help="a report.json, or a baseline")
    two.add_argument("after", type=Path, metavar="B.json", help="a report.json, or a baseline")
    two.set_defaults(run=_compare)
    renew = commands.add_parser(
        "baseline",
        help="make a report the baseline of the gate",
        epilog="exit status: 0 written, 2 no report, one that does not hold, or one of less than the whole suite",
        description="Write what the gate compares with from now on, from the report of a whole run that holds.",
    )
    renew.add_argument(
        "report", nargs="?", type=Path, default=DEFAULT_OUT / "report.json", help="the report (default: %(default)s)"
    )
    renew.add_argument("--to", type=Path, default=BASELINE, metavar="FILE", help="(default: %(default)s)")
    renew.set_defaults(run=_baseline)


def _add_showing(commands: Commands) -> None:
    """What is there."""
    forget = commands.add_parser(
        "clear",
        help="remove the shards of an earlier run",
        epilog="exit status: 0 removed, 2 cannot",
        description="Remove the shards of an earlier run, so that a run which cannot start is not judged by them.",
    )
    forget.set_defaults(run=_clear)
    _add_out(forget)
    page = commands.add_parser(
        "open",
        help="open the page in a browser",
        epilog="exit status: 0 opened, or said where it is, 2 no report",
        description="Open the page in a browser; where there is none, say where it is.",
    )
    page.add_argument("path", nargs="?", type=Path, default=DEFAULT_OUT, help="a report (default: %(default)s)")
    page.set_defaults(run=_open)
    one = commands.add_parser(
        "show",
        help="print one failure in full",
        epilog="exit status: 0 shown, 2 unknown id or no report",
        description="Print a failure: function, exact inputs in decimal and hex, got / true / bound, "
        "how to replay it, and a stand-alone script per framework.",
    )
    one.add_argument("id", metavar="ID", help="the id of the failure, such as D4-7f3a")
    one.add_argument(
        "--report",
        type=Path,
        default=DEFAULT_OUT / "report.json",
        help="the report to read (default: %(default)s)",
    )
    one.add_argument("--script", metavar="FRAMEWORK", help="print only this framework's script, ready to run")
    one.set_defaults(run=_show)


def _add_out(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder of the report (default: %(default)s)")


if __name__ == "__main__":
    sys.exit(main())
