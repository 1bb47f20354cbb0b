"""The suite for one thing at a time: a failure, a function, a deviation, the corpus."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from gradlaws.suite.check import command as check
from gradlaws.suite.corpus import curate, replay
from gradlaws.suite.known import reproduce

COMMANDS = {
    "check": (check.main, "a function of yours, as it is called: are its derivatives right?"),
    "replay": (replay.main, "ask a failure, or a stored case, again: FIXED or FAILED"),
    "reproduce": (reproduce.main, "a stand-alone script for each known deviation of a framework"),
    "corpus": (curate.main, "take what a run has found into the stored cases"),
}
HELP = "\n".join(["commands:", *(f"  {name:<11}{text}" for name, (_, text) in COMMANDS.items())])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m suite", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"{HELP}\n\npython -m suite COMMAND --help says how; the identities themselves are run by pytest.",
    )  # fmt: skip
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=", ".join(COMMANDS))
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    options = parser.parse_args(given[:1])
    return COMMANDS[options.command][0](given[1:])


if __name__ == "__main__":
    sys.exit(main())
