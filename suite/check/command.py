"""Are the derivatives of this function right? gradlaws.check, asked from a shell.

    gradlaws check pkg.module:function --args file.py       where file.py defines args (a tuple), kwargs (a dict), or
                                                            arguments() -> (args, kwargs)
    gradlaws check path/to/file.py:function --domain=-5,5   of arrays that are drawn there, in float64 and float32;
                                                            with one --domain for each argument
    gradlaws check mymodule:my_expm1 --domain=-5,5 --definition mpmath:expm1
                                                            and beside its mathematics, alone and inside random
                                                            compositions with the primitives of the catalogue

The function is one of torch tensors or jax arrays, at its real size and in its own precision. The truth is the limit of
its own forward, or of --reference, a plain formula in the same framework; with --definition it is mpmath's as well.

Exit status: 0 holds, 1 violated, 2 could not run, 3 too little could be said.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gradlaws.suite.check import compositions, drawn
from gradlaws.suite.check.answer import Report
from gradlaws.suite.check.door import check
from gradlaws.suite.check.exits import COULD_NOT_RUN, STATUS, gravest
from gradlaws.suite.check.leaves import CannotCheck, bound, walk
from gradlaws.suite.check.target import call_of, imported
from gradlaws.suite.check.theirs import told

SIZE = 1000  # entries of an array that is drawn
PASSED = (
    "order",
    "seed",
    "compile",
    "accumulate",
    "kinks",
    "allow",
    "budget",
)  # options of gradlaws.check, as they are
FUNCTIONS = ("reference", "surrogate", "gradient", "up_to")  # and by their names
DTYPES = ("float64", "float32")
LARGEST = sys.float_info.max
Call = tuple[str, Callable[[], Report]]  # what it is called among others, and the question


def interval(text: str) -> tuple[float, float]:
    try:
        low, high = (min(max(float(word), -LARGEST), LARGEST) for word in text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not low < high:
        raise argparse.ArgumentTypeError(f"{text!r} is no LOW,HIGH with LOW < HIGH; write --domain=-5,5")
    return low, high


def shape(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(word) for word in text.split(",") if word)
    except ValueError:
        found = (0,)
    if any(n < 1 for n in found):
        raise argparse.ArgumentTypeError(f"{text!r} is no shape; write --shape 16,64")
    return found


def kink(options: argparse.Namespace, report: Report) -> str:
    """What to say of a point at a kink, which is there on purpose; "" where there is none, or it is said."""
    if options.kinks is not None or not any("at a kink" in note for row in report.rows for note in row.notes):
        return ""
    return "try: --kinks 0, which leaves ties to the function's own convention, or a --domain without them"


def allowance(text: str) -> tuple[float, str]:
    error, _, reason = text.partition(",")
    try:
        return float(error), reason
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ERROR,REASON; write --allow '1e-6,CG stops there'") from None


def types(text: str) -> list[str]:
    found = [word for word in text.split(",") if word]
    if not found or set(found) - set(DTYPES):
        raise argparse.ArgumentTypeError(f"{text!r}: arrays are drawn in {' and '.join(DTYPES)}")
    return found


def parser(prog: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("function", metavar="MODULE:FUNCTION", help="or path/to/file.py:function")
    call = options.add_mutually_exclusive_group(required=True)
    call.add_argument("--args", metavar="FILE", help="the call: a file that defines args, kwargs or arguments()")
    call.add_argument(
        "--domain", action="append", type=interval, metavar="LOW,HIGH",
        help="where it is defined and smooth, once for each argument; write --domain=-5,5",
    )  # fmt: skip
    options.add_argument("--reference", default="", metavar="MODULE:FUNCTION", help="a plain formula of the same")
    options.add_argument(
        "--surrogate", default="", metavar="MODULE:FUNCTION", help="whose derivative it is meant to have"
    )
    options.add_argument(
        "--gradient", default="", metavar="MODULE:FUNCTION", help="the gradient of a function of NumPy"
    )
    options.add_argument("--up-to", default="", metavar="MODULE:FUNCTION", help="through which its result is seen")
    options.add_argument("--kinks", type=float, metavar="BAND", help="where the convention at a kink is its own")
    options.add_argument("--allow", type=allowance, metavar="ERROR,REASON", help="a relative error that is meant")
    options.add_argument("--budget", type=float, metavar="S", help="seconds after which nothing more is asked")
    options.add_argument("--order", type=int, default=2, choices=(1, 2), help="1: gradients alone (default: 2)")
    options.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    options.add_argument("--compile", action="store_true", help="by torch.compile as well")
    options.add_argument("--accumulate", metavar="DTYPE", help="the type in which a kernel adds up, if that is wider")
    options.add_argument("--json", type=Path, metavar="FILE", help="the answer as data")
    options.add_argument("--html", type=Path, metavar="FILE", help="the answer as a page")
    where = options.add_argument_group("with --domain")
    where.add_argument("--shape", type=shape, default=(SIZE,), metavar="N,M", help=f"of each array (default: {SIZE})")
    where.add_argument("--dtypes", type=types, default=[*DTYPES], help=f"default: {','.join(DTYPES)}")
    where.add_argument("--backend", default="", choices=("", *drawn.FRAMEWORKS), help="default: found out")
    compositions.add_options(options.add_argument_group("with --definition, for elementwise functions"))
    return options


def main(arguments: Sequence[str] | None = None, prog: str = "python -m suite check") -> int:
    command = parser(prog)
    options = command.parse_args(arguments)
    if options.definition and not options.domain:
        command.error("--definition is of elementwise functions, and needs --domain")
    if wrong := compositions.complaint(options):
        command.error(wrong)
    try:
        return asked(options)
    except (Exception, SystemExit) as error:
        print(f"could not run: {said(error)}", file=sys.stderr)
        return COULD_NOT_RUN


def said(error: BaseException) -> str:
    """In one line: what cannot be checked, or what the user's function raises, and where."""
    return str(error) if isinstance(error, CannotCheck) else told(error)


def asked(options: argparse.Namespace) -> int:
    """Every report is printed; the exit status is the gravest. Raises CannotCheck, or what the function raises."""
    if options.definition:
        compositions.defined(options)
    function = imported(options.function)
    framework = framework_of(function, options) if options.domain else ""
    if options.definition:
        compositions.prepared(options)
    found: dict[str, Report] = {}
    statuses = []
    for name, question in calls(options, function, framework):
        try:
            found[name] = question()
        except (Exception, SystemExit) as error:
            print(f"could not run{name and ' in '}{name}: {said(error)}", file=sys.stderr)
            statuses.append(COULD_NOT_RUN)
            continue
        found[name].function = options.function.rpartition(":")[2]
        print(found[name])
        if hint := kink(options, found[name]):
            print(f"\n  {hint}")
        statuses.append(STATUS[found[name].verdict])
    written(options, found)
    if options.definition and COULD_NOT_RUN not in statuses:
        statuses.append(compositions.judged(options, function, framework))
    return gravest(statuses)


def calls(options: argparse.Namespace, function: Any, framework: str) -> Iterator[Call]:
    """The one of --args, or one of each precision."""
    asked_for = {name: getattr(options, name) for name in PASSED} | {"raises": False}
    for name in FUNCTIONS:
        asked_for[name] = imported(named) if (named := getattr(options, name)) else None
    if options.args:
        args, kwargs = call_of(options.args)
        if clash := set(kwargs) & set(asked_for):
            raise CannotCheck(f"{options.args}: {', '.join(sorted(clash))} of kwargs is an option of gradlaws.check")
        fits(function, args, kwargs)
        yield "", lambda: check(function, *args, **asked_for, **kwargs)
        return
    for dtype in options.dtypes:
        values = drawn.points(options.domain, options.shape, dtype, options.seed)

        def question(dtype: str = dtype, values: Any = values) -> Report:
            with drawn.in_precision(framework, dtype):
                return check(function, *drawn.arrays(framework, values, dtype), **asked_for)

        yield dtype, question


def fits(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Raises CannotCheck where the call is not one of this function."""
    forward = getattr(function, "forward", None) if hasattr(function, "named_parameters") else None
    try:
        bound(function, args, kwargs, forward)
    except TypeError as error:
        raise CannotCheck(f"the arguments do not fit: {error}") from None


def framework_of(function: Any, options: argparse.Namespace) -> str:
    """Whose arrays it takes and gives. Raises CannotCheck, with what the function raises."""
    if options.gradient:
        return "numpy"
    loaded = [name for name in drawn.FRAMEWORKS if name in sys.modules]
    dtype, reasons = options.dtypes[0], []
    for name in [options.backend] if options.backend else loaded or drawn.FRAMEWORKS:
        try:
            with drawn.in_precision(name, dtype):
                values = drawn.points(options.domain, options.shape, dtype, options.seed)
                answer = function(*drawn.arrays(name, values, dtype))
        except (Exception, SystemExit) as error:
            reasons.append(told(error))
            continue
        kinds = {type(leaf) for _, leaf in walk(answer)} or {type(answer)}
        if any(kind.__module__.split(".")[0].removesuffix("lib") == name for kind in kinds):
            return name
        reasons.append(f"it gives {', '.join(kind.__name__ for kind in kinds)} for arrays of {name}")
    raise CannotCheck("; ".join(reasons))


def written(options: argparse.Namespace, found: dict[str, Report]) -> None:
    """Raises CannotCheck where a file cannot be."""
    data = {"function": options.function, "reports": [report.to_dict() for report in found.values()]}
    body = "".join(report._repr_html_() for report in found.values())
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>gradlaws</title><body>{body}</body></html>\n'
    for path, text in ((options.json, json.dumps(data, indent=1) + "\n"), (options.html, page)):
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        except OSError as error:
            raise CannotCheck(f"{path}: cannot be written ({os.strerror(error.errno or 0)})") from None


if __name__ == "__main__":
    sys.exit(main())
