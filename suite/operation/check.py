"""Is the derivative of this one operation right? Alone, and inside random compositions, in every mode.

    gradlaws check gradlaws.suite.examples.log_cosh:log_cosh_torch --domain=-30,30 --absolute 4 --conditioning 4
                   --reference gradlaws.suite.examples.log_cosh:reference    (nested forward mode is torch's to mend)
    gradlaws check mymodule:my_expm1 --definition mpmath:expm1 --domain=-5,5
    gradlaws check path/to/file.py:my_pow --definition mpmath:power --domain 0.1,9 --domain=-3,3

The operation takes one or two arrays of torch or jax and gives one; which, is found out. What it ought to be is said by

    --definition   a function of mpmath numbers, entry by entry; or, with --whole, definition(xp, *arrays) against the
                   array namespace of strategies/mp_arrays.py, for what mixes entries, as softmax does
    --reference    a function as you would write it with NumPy, scipy.special or torch, entry by entry: it is run in
                   mpmath, to as many digits as are needed. It cannot be one in jax.numpy, and has to be made of
                   operators, `where` and functions that mpmath has (suite/operation/reference.py lists them); a
                   literal in it is the double that it is

The tolerance follows from what the operation promises: value, first and second derivative within 4 ulps (--ulps), and
what that makes of a composition. What is asked is kept as a plugin, for the --plugin of other commands.

Exit status: 0 holds, 1 violated, 2 could not run, 3 too little could be said.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mpmath import mp, mpf

from gradlaws.records.reading import BadInput, read_report
from gradlaws.records.report import Report
from gradlaws.strategies import mp_arrays
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.suite.bound import taylor
from gradlaws.suite.known.claims import CLAIMS
from gradlaws.suite.operation.reference import ReferenceFault
from gradlaws.suite.operation.rows import NameFault, default_ulps, primitive, spelling
from gradlaws.suite.places import CHECKOUT, HOME, SUITE, pytest_command

OUT = HOME / "reports/out/check" if CHECKOUT else Path("gradlaws-report/check")
HOLDS, VIOLATED, COULD_NOT_RUN, INSUFFICIENT = range(4)
LARGEST = sys.float_info.max
BACKENDS = ("torch", "jax")
OUTSIDE = ("N2", "N3", "P2")  # identities that no drawn function enters


class CannotCheck(Exception):
    """The operation cannot be checked; the message is one line."""


def interval(text: str) -> tuple[float, float]:
    try:
        low, high = (min(max(float(word), -LARGEST), LARGEST) for word in text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not low < high:
        raise argparse.ArgumentTypeError(f"{text!r} is no LOW,HIGH with LOW < HIGH; write --domain=-5,5")
    return low, high


def probe(options: argparse.Namespace) -> dict[str, Any]:
    """What the operation takes and gives, found out in a process of its own. Raises CannotCheck."""
    operation, limit, whole = options.operation, options.time_limit, ["whole"] * options.whole
    with tempfile.TemporaryDirectory(prefix="gradlaws-") as folder:
        path = Path(folder, "answer.json")
        bounds, backends = json.dumps(options.domain), options.backend or ",".join(BACKENDS)
        command = [
            sys.executable,
            "-m",
            "gradlaws.suite.operation.probe",
            str(path),
            operation,
            bounds,
            backends,
            *whole,
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            raise CannotCheck(f"{operation} gives no answer within {limit:g} s (--time-limit)") from None
        if not path.exists():
            said = (done.stderr or done.stdout).strip().splitlines()
            last = said[-1] if said else "it says nothing"
            raise CannotCheck(f"{operation} ends its process with status {done.returncode}: {last}")
        answer: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if "error" in answer:
        raise CannotCheck(f"{operation}: {answer['error']}" if operation not in answer["error"] else answer["error"])
    return answer


# What a definition of whole arrays may call: what both array namespaces have.
OF_WHOLE_ARRAYS = [
    name for name in vars(mp_arrays) if getattr(vars(taylor).get(name), "__module__", "") == taylor.__name__
]


def defined(options: argparse.Namespace) -> None:
    """Whether the definition can be evaluated in the middle of its domain. Raises CannotCheck."""
    inner = [(max(low, -4.0), min(high, 4.0)) for low, high in options.domain]
    middle = [mpf(low) + (mpf(high) - mpf(low)) * mpf("0.4") for low, high in inner]
    name, bounds = options.definition or options.reference, options.domain
    try:
        row = primitive("checked", "", "", bounds, options.definition, options.reference, options.whole)
        if options.whole:
            row.shape(*[(3,)] * len(options.domain))
            return
        with mp.workdps(40):
            value = row.definition(*middle)
    except (NameFault, ReferenceFault) as error:
        raise CannotCheck(str(error)) from error
    except Exception as error:
        if isinstance(error, AttributeError) and error.obj is mp_arrays:
            raise CannotCheck(f"{name}: xp has no {error.name}; it has {', '.join(OF_WHOLE_ARRAYS)}") from error
        told = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CannotCheck(f"{name} cannot be evaluated inside the domain: {type(error).__name__}: {told}") from error
    if not isinstance(value, mpf):
        raise CannotCheck(
            f"{name} gives {type(value).__name__} at {float(middle[0]):g} in place of a real mpmath number"
        )


PLUGIN = '''"""{title}, as `gradlaws check` asks it: --plugin {path}"""

from gradlaws.suite.checked import imported, primitive

imported({operation!r})
PRIMITIVES = [
    primitive({name!r}, {call!r}, {backend!r}, {bounds!r}, {definition!r}, {reference!r}, {whole!r}),
]
CONTRACTS = [
    {{"backends": [{backend!r}], "primitives": [{name!r}], "ulps": {ulps!r}, "absolute": {absolute!r},
     "conditioning": {conditioning!r}, "reason": "as it was asked"}},
]
LIBRARIES = ({module!r},)
'''


def plugin(options: argparse.Namespace, path: Path, name: str) -> str:
    call, module = spelling(options.operation)
    ulps = options.ulps or [default_ulps(options.whole)] * 3
    return PLUGIN.format(
        title=options.operation, path=path, operation=options.operation, name=name, call=call, backend=options.backend,
        bounds=options.domain, definition=options.definition, reference=options.reference, whole=options.whole,
        ulps=ulps, absolute=options.absolute, conditioning=options.conditioning, module=module,
    )  # fmt: skip


def ask(options: argparse.Namespace, path: Path, dtypes: Sequence[str]) -> Report:
    """The report of the run, whose progress goes to stderr. Raises CannotCheck where there is none."""
    report = options.out / "report.json"
    report.unlink(missing_ok=True)
    every = [claim.id for claim in CLAIMS.values() if not claim.document and claim.id not in OUTSIDE]
    identities = options.identities.split(",") if options.identities else every
    command = pytest_command(
        str(SUITE), "--profile", "check", "--plugin", str(path),
        "--backends", options.backend, "--dtypes", ",".join(dtypes), "--identities", ",".join(identities),
        "--out", str(options.out), "--time-limit", str(options.time_limit), "--hypothesis-seed", str(options.seed),
        "-m", "identity", "-n", str(options.jobs), "--dist", "worksteal",
        "-q", "--tb", "no", "--no-summary", "--no-header", "--no-report", "-W", "ignore",
    )  # fmt: skip
    progress = subprocess.DEVNULL if options.quiet else sys.stderr
    done = subprocess.run(command, stdout=progress, stderr=progress, text=True)
    judge = [sys.executable, "-m", "gradlaws.reports", "gate", "--out", str(options.out)]
    subprocess.run(judge, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not report.exists():
        raise CannotCheck(f"the run has left no report (exit status {done.returncode}); its output says why")
    try:
        return read_report(report)
    except BadInput as error:
        raise CannotCheck(str(error)) from error


def told(report: Report, name: str, path: Path, out: Path) -> Iterator[str]:
    """The verdict in words, with the simplest counterexample."""
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
    worst = report["totals"]["worst_holding"]
    near = f", of those that hold the worst error {float(worst['ratio']):.2g} of its bound" if worst else ""
    listed = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
    yield f"{report['totals']['comparisons']} comparisons: {listed}{near}"


def parser(prog: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("operation", metavar="MODULE:FUNCTION", help="or path/to/file.py:function")
    truth = options.add_mutually_exclusive_group(required=True)
    truth.add_argument("--definition", default="", metavar="MODULE:FUNCTION", help="the mathematics, of mpmath numbers")
    truth.add_argument("--reference", default="", metavar="MODULE:FUNCTION", help="a right implementation")
    options.add_argument(
        "--domain", action="append", type=interval, metavar="LOW,HIGH",
        help="where it is defined and smooth, once for each argument; write --domain=-5,5",
    )  # fmt: skip
    options.add_argument("--backend", default="", choices=("", *BACKENDS), help="default: found out")
    options.add_argument(
        "--whole", action="store_true", help="it mixes entries, and the definition takes (xp, *arrays)"
    )
    options.add_argument("--identities", default="", help="such as alone,G1,H2 (default: all that it can enter)")
    options.add_argument("--dtypes", default="", help="default: float64,float32, as far as it keeps them")
    options.add_argument(
        "--ulps", type=lambda text: [*map(float, text.split(","))], metavar="V,F,S",
        help="what value, first and second derivative promise (default: 4,4,4; with --whole 1,1,1)",
    )  # fmt: skip
    options.add_argument(
        "--absolute", type=float, default=0.0, metavar="U", help="units of u that the value may be off"
    )
    options.add_argument(
        "--conditioning",
        type=float,
        default=0.0,
        metavar="ULPS",
        help="ulps of its arguments that the value may be off",
    )
    options.add_argument("--seed", type=int, default=0, help="of the random functions (default: 0)")
    options.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    options.add_argument("--time-limit", type=float, default=120.0, metavar="S", help="of one test (default: 120)")
    options.add_argument("--quiet", action="store_true", help="no progress")
    options.add_argument("--out", type=Path, default=OUT, help=f"default: {OUT}")
    return options


def main(arguments: Sequence[str] | None = None, prog: str = "python -m suite check") -> int:
    command = parser(prog)
    options = command.parse_args(arguments)
    if unknown := set(filter(None, options.identities.split(","))) - set(CLAIMS):
        command.error(f"--identities: unknown {', '.join(sorted(unknown))}; known are {', '.join(CLAIMS)}")
    given = options.domain
    options.out, options.domain = options.out.absolute(), given or [(-LARGEST, LARGEST)]
    if options.ulps and len(options.ulps) != 3:
        command.error("--ulps takes three numbers, for value, first and second derivative")
    if len(options.domain) > 2:
        command.error("--domain is given once for each argument, and operations of one or two can be checked")
    try:
        return checked(options, asked_everywhere=not given)
    except CannotCheck as error:
        print(f"could not run: {error}", file=sys.stderr)
        return COULD_NOT_RUN


def checked(options: argparse.Namespace, asked_everywhere: bool) -> int:
    name = spelling(options.operation)[0].removesuffix(".apply").rpartition(".")[2]
    name += "_checked" * (name in PRIMITIVES)
    defined(options)
    answer = probe(options)
    options.backend = answer["backend"]
    dtypes = [dtype for dtype in answer["dtypes"] if not options.dtypes or dtype in options.dtypes.split(",")]
    for fault in answer["faults"]:
        print(f"violated: {name} {fault}")
    for note in answer["notes"]:
        print(f"note: {name}: {note}")
    if answer["mixes"]:
        raise CannotCheck(f"{name} mixes entries, so its definition has to be of whole arrays: --whole, see --help")
    if not dtypes or any("not elementwise" in fault for fault in answer["faults"]):
        return VIOLATED if answer["faults"] else COULD_NOT_RUN
    path = options.out / f"checked_{name}.py"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        path.write_text(plugin(options, path, name), "utf-8")
    except OSError as error:
        raise CannotCheck(f"{options.out}: cannot be written ({error.strerror}); give another --out") from None
    if asked_everywhere:
        print("note: no --domain is given, so it is asked everywhere; say --domain=LOW,HIGH", file=sys.stderr)
    print(f"checking {name}: {options.backend} {answer['version']}, {' and '.join(dtypes)}", file=sys.stderr)
    report = ask(options, path, dtypes)
    for line in told(report, name, path, options.out):
        print(line)
    status = EXITS[report["outcome"]]
    if answer["faults"]:
        status = VIOLATED
    print(f"{[*EXITS][status]}: {name}; as a plugin: {path}")
    return status


EXITS = {"holds": HOLDS, "violated": VIOLATED, "could not run": COULD_NOT_RUN, "insufficient evidence": INSUFFICIENT}


if __name__ == "__main__":
    sys.exit(main())
