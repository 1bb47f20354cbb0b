"""Says whether derivatives are right. One command for all of it.

gradlaws gate               judge the frameworks that are installed: a verdict, and a report in ./gradlaws-report
gradlaws check my.py:function --args my_call.py      judge a function of yours, as you call it
gradlaws COMMAND --help     how
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

BAD_USAGE, BROKEN_PIPE = 2, 141  # the latter as a shell has it, of SIGPIPE
RUNS = {
    "gate": "the main job: every identity on every framework, and a verdict (minutes)",
    "smoke": "a quick look: violations only",
    "claims": "every claim of the document, with a table",
    "pin": "every past counterexample",
    "explore": "random functions, many of them, hunting the worst (hours)",
}
SUITE = {
    "check": ("gradlaws.suite.check.command", "a function of yours, as it is called: are its derivatives right?"),
    "replay": ("gradlaws.suite.corpus.replay", "ask a failure, or a stored case, again: FIXED or FAILED"),
    "reproduce": ("gradlaws.suite.known.reproduce", "a stand-alone script for each known deviation of a framework"),
    "corpus": ("gradlaws.suite.corpus.curate", "take what a run has found into the stored cases"),
}
REPORTS = {
    "show": "print one failure in full",
    "open": "open the page in a browser",
    "compare": "what changed from one run to another",
    "merge": "the shards of several jobs as one run",
    "build": "the report of shards, unjudged",
    "judge": "the verdict on shards, or on a report.json",
    "baseline": "make a report what later runs are compared with",
    "clear": "remove the shards of an earlier run",
}
EXITS = "exit status of what judges: 0 holds, 1 violated, 2 could not run, 3 too little was seen"
# As tox runs it: the same functions in every process, and one thread in each.
SETTINGS = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status."""
    try:
        status = chosen([*(sys.argv[1:] if arguments is None else arguments)])
        sys.stdout.flush()
    except BrokenPipeError:  # who reads, as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return status


def chosen(given: list[str]) -> int:
    name, rest = (given[0], given[1:]) if given else ("--help", [])
    if name in ("-h", "--help"):
        print(usage())
        return 0
    if name in ("-V", "--version"):
        from gradlaws.suite.vocabulary import VERSION

        print(f"gradlaws {VERSION}")
        return 0
    command = commands().get(name)
    if command is None:
        near = difflib.get_close_matches(name, commands(), 1)
        hint = f"did you mean {near[0]}?" if near else f"commands are {', '.join(commands())}"
        return refused(f"gradlaws: no command is called {name!r}; {hint}")
    return command(rest)


def commands() -> dict[str, Callable[[list[str]], int]]:
    runs = {name: (lambda rest, name=name: run(name, rest)) for name in RUNS}
    return {**runs, **{name: _suite(name) for name in SUITE}, **{name: _reports(name) for name in REPORTS}}


def usage() -> str:
    groups = {"judge the frameworks": RUNS, "one thing at a time": {n: text for n, (_, text) in SUITE.items()},
              "reports": REPORTS}  # fmt: skip
    lines = ["usage: gradlaws COMMAND ...", "", (__doc__ or "").strip()]
    for title, group in groups.items():
        lines += ["", f"{title}:", *(f"  {name:<11}{text}" for name, text in group.items())]
    return "\n".join([*lines, "", EXITS])


def refused(why: str) -> int:
    print(why, file=sys.stderr)
    return BAD_USAGE


def _suite(name: str) -> Callable[[list[str]], int]:
    def command(rest: list[str]) -> int:
        if status := cannot_start(name, reports=name != "check"):
            return status
        return int(importlib.import_module(SUITE[name][0]).main(rest, f"gradlaws {name}"))

    return command


def _reports(name: str) -> Callable[[list[str]], int]:
    def command(rest: list[str]) -> int:
        if missing := lacking("jinja2", "latex2mathml"):
            return refused(f"gradlaws {name}: {missing}")
        return reports(name, *rest)

    return command


def reports(*arguments: str) -> int:
    return int(importlib.import_module("gradlaws.reports.__main__").main(arguments, "gradlaws"))


def lacking(*libraries: str) -> str:
    """What to install for a report, as one line; empty where nothing is missing."""
    from gradlaws.suite.session.versions import installed

    missing = [name for name in libraries if not installed(name)]
    return f"reports need {' and '.join(missing)}: pip install 'gradlaws[report]'" if missing else ""


def cannot_start(name: str, reports: bool = True) -> int:
    """Refuses what would measure with a version that is not supported, or could not write its report."""
    from gradlaws.suite.session.versions import outside

    why = outside() or (lacking("jinja2", "latex2mathml") if reports else "")
    return refused(f"gradlaws {name}: {why}") if why else 0


def run(profile: str, arguments: list[str]) -> int:
    """Measures by a profile of the suite, and judges what was recorded; options that it does not know are pytest's."""
    parser = argparse.ArgumentParser(
        prog=f"gradlaws {profile}", description=RUNS[profile], allow_abbrev=False, epilog=f"{EXITS}. Other options are "
        f"pytest's, and those under 'gradlaws' in: gradlaws {profile} --pytest-help",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("gradlaws-report"), help="folder of the report (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    parser.add_argument("--backends", default="", help="comma-separated (default: those that are installed)")
    parser.add_argument("--pytest-help", action="store_true", help="pytest's options, and the suite's own among them")
    options, rest = parser.parse_known_args(arguments)
    if status := cannot_start(profile):
        return status
    from gradlaws.suite.places import SUITE as HERE
    from gradlaws.suite.places import TESTS, pytest_command
    from gradlaws.suite.session.versions import USAGE_ERROR, judged

    if options.pytest_help:
        return subprocess.run(pytest_command("--help")).returncode
    there, absent = judged(options.backends)
    if not there:
        return refused(f"gradlaws {profile}: nothing to judge; not installed: {', '.join(absent)}")
    if status := reports("clear", "--out", str(options.out)):
        return status
    print("; ".join([f"judging {', '.join(there)}", *([f"not installed: {', '.join(absent)}"] if absent else [])]))
    sys.stdout.flush()  # before pytest speaks
    tests = TESTS / "test_corpus.py" if profile == "pin" else HERE
    workers = [] if options.jobs < 2 or profile == "pin" else ["-n", str(options.jobs), "--dist", "worksteal"]
    given = ["--backends", options.backends, "--out", str(options.out), *rest]
    cache = str(Path(tempfile.gettempdir()) / "gradlaws-jax")
    done = subprocess.run(
        pytest_command(str(tests), "--profile", profile, *workers, "--no-report", *given),
        env={**SETTINGS, "GRADLAWS_JAX_CACHE": cache, **os.environ},
    )
    if done.returncode == USAGE_ERROR:  # pytest has said why, and nothing was measured
        with contextlib.suppress(OSError):
            (options.out / "shards").rmdir()
            options.out.rmdir()
        return BAD_USAGE
    return reports("judge", "--no-baseline", "--out", str(options.out))


if __name__ == "__main__":
    sys.exit(main())
