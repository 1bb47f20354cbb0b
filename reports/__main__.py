"""Build the report of a run from its shards, or show one failure of it."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.build import BAD_INPUT, build
from reports.text import DEFAULT_OUT, failure_text

_EXITS = "exit status: 0 green, 1 red, 2 bad input (nothing to read, damaged shard, unwritable folder)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    if options.command == "build":
        return build(options.shards or [options.out / "shards"], options.out)
    return show(options.id, options.report, options.script)


def show(name: str, path: Path, script: str | None = None) -> int:
    """Print the failure with this id from report.json, or only one of its scripts; 2 if there is none."""
    try:
        failures = {failure["id"]: failure for failure in json.loads(path.read_text("utf-8"))["failures"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(
            f"{path}: not a readable report.json ({type(error).__name__}); run python -m reports build first",
            file=sys.stderr,
        )
        return BAD_INPUT
    failure = failures.get(name)
    if failure is None:
        print(f"no failure {name!r} in {path}; known: {', '.join(failures) or 'none'}", file=sys.stderr)
        return BAD_INPUT
    if script is None:
        print(failure_text(failure))
    elif script in failure["scripts"]:
        print(failure["scripts"][script].rstrip("\n"))
    else:
        print(
            f"no {script!r} script for {name}; known: {', '.join(failure['scripts']) or 'none'}",
            file=sys.stderr,
        )
        return BAD_INPUT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__, epilog=_EXITS)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    make = commands.add_parser(
        "build",
        help="build the report from shards",
        epilog=_EXITS,
        description="Read shards (of one run, possibly from several machines) and write index.html, "
        "report.json, summary.txt and repro/<ID>_<framework>.py; print the verdict.",
    )
    make.add_argument(
        "shards",
        nargs="*",
        type=Path,
        metavar="SHARDS",
        help="folders with .jsonl shards (default: the folder 'shards' inside --out)",
    )
    make.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder of the report (default: %(default)s)")
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
    return parser


if __name__ == "__main__":
    sys.exit(main())
