"""The command line: pytest's options of ours, and what is given to them."""

from __future__ import annotations

import pytest

from gradlaws.strategies.precision import PRECISIONS
from gradlaws.suite import profiles
from gradlaws.suite.corpus import cases
from gradlaws.suite.known.claims import CLAIMS
from gradlaws.suite.vocabulary import MODULES

MARKERS = (
    "backends(*names): only these backends have what the test is about",
    "ledger: runs once for each known deviation (suite/known/ledger.toml)",
    "corpus: runs once for each stored case (suite/corpus) on each backend",
    "convention: runs once for each kink or edge (suite/known/conventions.toml)",
    "dtypes(names): the precisions in which the test is run",
    "identity(id): the claim that the test verifies (suite/known/claims.toml)",
)


def add(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradlaws", "gradlaws: derivatives against the truth")
    group.addoption(
        "--profile",
        choices=[*profiles.PROFILES],
        default="smoke",
        help="how much is looked at: smoke (default), gate, claims (all of the document), explore (random), or what is "
        "stored: pin, replay",
    )
    lists = {
        ("--backends",): ([*MODULES], "those that are installed"),
        ("--dtypes",): ([*PRECISIONS], "all that the profile looks at"),
        ("--identities", "--claims"): ([*CLAIMS], "all"),
    }
    for options, (names, default) in lists.items():
        text = f"comma-separated, from {','.join(names)} (default: {default})"
        group.addoption(*options, default="", help=text)
    group.addoption(
        "--plugin",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module, or a file.py, with primitives or a backend of your own (suite/plugins.py); may be repeated",
    )
    group.addoption(
        "--modes",
        default="*",
        help="comma-separated patterns, as 'func.*,jit(*', without those that follow a !, as '*,!vmap*' (default: all)",
    )
    group.addoption(
        "--corpus", default=str(cases.DATA), metavar="FILE", help="the stored cases of pin and replay (default: ours)"
    )
    group.addoption("--out", default="reports/out", help="folder of the report (default: reports/out)")
    group.addoption(
        "--shard", default="", metavar="K/N", help="part K of N of the tests; python -m gradlaws merge joins"
    )
    group.addoption(
        "--no-report", action="store_true", help="measure only, and leave the judging to python -m gradlaws judge"
    )
    group.addoption(
        "--time-limit",
        type=positive,
        metavar="SECONDS",
        help="of one test; then its worker is ended (default: by profile)",
    )


def chosen(config: pytest.Config, option: str, known: list[str]) -> list[str]:
    """The names given to an option, or all. Raises UsageError where one is unknown."""
    names = [name.strip() for name in config.getoption(option).split(",") if name.strip()] or known
    for name in names:
        if name not in known:
            raise pytest.UsageError(f"{option}: unknown {name!r}; known are {', '.join(known)}")
    return names


def positive(text: str) -> float:
    """A number of seconds. Raises ValueError where it is none."""
    if not 0 < float(text) < 1e9:
        raise ValueError
    return float(text)


def part(text: str) -> tuple[int, int]:
    """Which of how many shards. Raises UsageError where it is none."""
    k, _, n = (text or "1/1").partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise pytest.UsageError(f"--shard: {text!r} is no part K/N of the tests, as 1/4")
    return int(k), int(n)
