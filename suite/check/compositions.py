"""An elementwise function beside its mathematics in mpmath: alone, and inside random compositions, in every mode.

It is asked as a plugin, which is kept: the function as a row of the catalogue (suite/check/as_primitive.py), and the
run of the suite's identities that meet it (the profile "check").
"""

from __future__ import annotations

import argparse
import errno
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradlaws.records.reading import BadInput, read_report
from gradlaws.records.report import Report
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.suite.check import custom_function, drawn
from gradlaws.suite.check.exits import OUTCOMES, VIOLATED
from gradlaws.suite.check.leaves import CannotCheck
from gradlaws.suite.check.target import absolute, imported, spelling
from gradlaws.suite.check.theirs import told
from gradlaws.suite.known.claims import CLAIMS
from gradlaws.suite.places import CHECKOUT, HOME, SUITE, pytest_command, pytest_environment

OUT = HOME / "reports/out/check" if CHECKOUT else Path("gradlaws-report/check")
OUTSIDE = ("N2", "N3", "P2")  # identities that no drawn function enters
PLUGIN = '''"""{function}, as `gradlaws check` asks it: --plugin {path}"""

from gradlaws.suite.check.as_primitive import primitive

PRIMITIVES = [primitive({function!r}, {name!r}, {backend!r}, {domain!r}, {definition!r}, {promised!r})]
CONTRACTS = {contracts!r}
LIBRARIES = ({module!r},)
'''


def add_options(group: Any) -> None:
    group.add_argument("--definition", default="", metavar="MODULE:FUNCTION", help="of mpmath numbers, entry by entry")
    group.add_argument(
        "--ulps", type=lambda text: [*map(float, text.split(","))], metavar="V,F,S",
        help="what value, first and second derivative promise (default: what their own formulas may lose, and 4)",
    )  # fmt: skip
    group.add_argument("--identities", default="", help="such as alone,G1,H2 (default: all that it can enter)")
    group.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    group.add_argument("--time-limit", type=float, default=120.0, metavar="S", help="of one test (default: 120)")
    group.add_argument("--quiet", action="store_true", help="no progress")
    group.add_argument("--out", type=Path, default=OUT, help=f"folder of the report and the plugin (default: {OUT})")


def complaint(options: argparse.Namespace) -> str:
    """What is wrong with them; "" if nothing is."""
    if unknown := set(filter(None, options.identities.split(","))) - set(CLAIMS):
        return f"--identities: unknown {', '.join(sorted(unknown))}; known are {', '.join(CLAIMS)}"
    if options.ulps and len(options.ulps) != 3:
        return "--ulps takes three numbers, for value, first and second derivative"
    if options.definition and options.gradient:
        return "--definition is of functions of torch and jax, and --gradient of NumPy's"
    if options.definition and len(options.domain or ()) > 2:
        return "--definition is of functions of one or two arguments; --domain is given once for each"
    return ""


def defined(options: argparse.Namespace) -> None:
    """Whether the definition can be evaluated inside its domain. Raises CannotCheck."""
    definition, name = imported(options.definition), options.definition
    inner = [(max(low, -4.0), min(high, 4.0)) for low, high in options.domain]
    middle = [mpf(low) + (mpf(high) - mpf(low)) * mpf("0.4") for low, high in inner]
    try:
        with mp.workdps(40):
            value = definition(*middle)
    except Exception as error:
        raise CannotCheck(f"{name} cannot be evaluated inside the domain: {told(error)}") from error
    if not isinstance(value, mpf):
        at = ", ".join(f"{float(x):g}" for x in middle)
        raise CannotCheck(f"{name} gives {type(value).__name__} at {at} in place of a real mpmath number")


def prepared(options: argparse.Namespace) -> None:
    """Raises CannotCheck where the folder of the report cannot be written."""
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        if not os.access(options.out, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise CannotCheck(f"{options.out}: cannot be written ({error.strerror}); give another --out") from None


def judged(options: argparse.Namespace, function: Any, framework: str) -> int:
    """Asks, and prints the verdict; the exit status. Raises CannotCheck."""
    if missing := [name for name in ("jinja2", "latex2mathml") if importlib.util.find_spec(name) is None]:
        raise CannotCheck(f"--definition needs {' and '.join(missing)}: pip install 'gradlaws[report]'")
    name = spelling(options.function)[0].removesuffix(".apply").rpartition(".")[2]
    name += "_checked" * (name in PRIMITIVES)
    dtypes, faults = kept(options, function, framework)
    for fault in faults:
        print(f"violated: {name} {fault}")
    if not dtypes:
        return VIOLATED
    path = written(options, function, framework, name)
    print(f"composing {name}: {framework}, {' and '.join(dtypes)}", file=sys.stderr)
    report = ask(options, path, framework, dtypes)
    print()
    for line in words(report, path, options.out.absolute()):
        print(line)
    status = VIOLATED if faults else OUTCOMES[report["outcome"]]
    print(f"{[*OUTCOMES][status]}: {name} beside {options.definition}; as a plugin: {path}")
    return status


def kept(options: argparse.Namespace, function: Any, framework: str) -> tuple[list[str], list[str]]:
    """The types that it keeps, and what it does to others. Raises CannotCheck where it is not elementwise."""
    types, faults = [], []
    for dtype in options.dtypes:
        with drawn.in_precision(framework, dtype):
            values = drawn.points(options.domain, (8,), dtype, options.seed)
            moved = [np.concatenate([x[-1:], x[1:]]) for x in values]
            answers = [function(*drawn.arrays(framework, each, dtype)) for each in (values, moved)]
            if tuple(getattr(answers[0], "shape", ())) != (8,):
                shape = tuple(getattr(answers[0], "shape", ()))
                raise CannotCheck(f"it gives {shape} for shape (8,): --definition is of elementwise functions")
            first, second = (np.asarray(y.detach() if framework == "torch" else y) for y in answers)
            if not np.array_equal(first[1:], second[1:]):
                raise CannotCheck("it mixes entries: --definition is of elementwise functions")
            if not (given := str(answers[0].dtype)).endswith(dtype):
                faults.append(f"gives {given} for {dtype}")
                continue
        types.append(dtype)
    return types, faults


def written(options: argparse.Namespace, function: Any, framework: str, name: str) -> Path:
    """The plugin, and the ledger of what its framework is known to do to it. Raises CannotCheck."""
    path: Path = options.out.absolute() / f"checked_{name}.py"
    ulps = options.ulps and [{
        "backends": [framework], "primitives": [name], "ulps": options.ulps, "reason": "as it was asked",
    }]  # fmt: skip
    text = PLUGIN.format(
        function=absolute(options.function), path=path, name=name, backend=framework, domain=options.domain,
        definition=absolute(options.definition), promised=bool(ulps), contracts=ulps or [],
        module=spelling(options.function)[1],
    )  # fmt: skip
    rows = ""
    if framework == "torch":
        rows = custom_function.ledger(function, name, imported(options.definition), options.domain)
    if rows:
        path.with_suffix(".toml").write_text(rows, "utf-8")
        text += f"LEDGER = {path.with_suffix('.toml').name!r}\n"
    path.write_text(text, "utf-8")
    return path


def ask(options: argparse.Namespace, path: Path, framework: str, dtypes: Sequence[str]) -> Report:
    """The report of the run, whose progress goes to stderr. Raises CannotCheck where there is none."""
    out = options.out.absolute()
    report = out / "report.json"
    report.unlink(missing_ok=True)
    every = [claim.id for claim in CLAIMS.values() if not claim.document and claim.id not in OUTSIDE]
    identities = options.identities.split(",") if options.identities else every
    command = pytest_command(
        str(SUITE), "--profile", "check", "--plugin", str(path),
        "--backends", framework, "--dtypes", ",".join(dtypes), "--identities", ",".join(identities),
        "--out", str(out), "--time-limit", str(options.time_limit), "--hypothesis-seed", str(options.seed),
        "-m", "identity", "-n", str(options.jobs), "--dist", "worksteal",
        "-q", "--tb", "no", "--no-summary", "--no-header", "--no-report", "-W", "ignore",
    )  # fmt: skip
    progress = subprocess.DEVNULL if options.quiet else sys.stderr
    done = subprocess.run(command, stdout=progress, stderr=progress, text=True, env=pytest_environment())
    judge = [sys.executable, "-m", "gradlaws.reports", "gate", "--out", str(out)]
    subprocess.run(judge, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=pytest_environment())
    if not report.exists():
        raise CannotCheck(f"the run has left no report (exit status {done.returncode}); its output says why")
    try:
        return read_report(report)
    except BadInput as error:
        raise CannotCheck(str(error)) from error


def words(report: Report, path: Path, out: Path) -> Iterator[str]:
    """The verdict, with the simplest counterexample."""
    counts = report["totals"]["counts"]
    simplest = sorted(report["failures"], key=lambda row: (row["steps"] or 0, row["size"] or 0))
    if simplest:
        one = simplest[0]
        got = repr(float.fromhex(one["got"])) if one["got"] and "0x" in one["got"] else one["got"]
        steps = "1 step" if one["steps"] == 1 else f"{one['steps']} steps"
        yield f"{one['identity']} {one['verdict']} by {one['backend']} · {one['mode']} · {one['dtype']}"
        yield f"  {one['function']}    {steps}"
        for array in one["inputs"]:
            yield f"  {array['name']} = {[float.fromhex(text) for text in array['hex']]}"
        if one["message"]:
            yield f"  {one['message']}"
        if got is not None:
            yield f"  got {got}   true {one['true']}   bound {one['bound']}   ({float(one['ratio'] or 0):.2g} × bound)"
        command = (one["replay"] or "").partition(" -- ")[0]
        yield f"  {command} --report {out / 'report.json'} -- --plugin {path}"
        if len(simplest) > 1:
            yield f"  and {len(simplest) - 1} more, in {out / 'index.html'}"
    else:
        yield from (f"  {reason}" for reason in report["reasons"][:5])
    if known := [f"{row['id']} ({row['excused']})" for row in report["ledger"] if row["excused"]]:
        yield f"known of the framework, and excused: {', '.join(known)}"
    worst = report["totals"]["worst_holding"]
    near = f", of those that hold the worst error {float(worst['ratio']):.2g} of its bound" if worst else ""
    listed = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
    yield f"{report['totals']['comparisons']} comparisons: {listed}{near}"
