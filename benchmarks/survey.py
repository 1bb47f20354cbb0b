"""Surveys every primitive alone, over its whole domain and in every mode, and says what is off by how many ulps.

    python -m benchmarks.survey                         all of it (tens of minutes; --jobs, --resume)
    python -m benchmarks.survey lgamma gelu --backends torch --dtypes float32

Three layers. *Strict*: an elementwise primitive of one array at points of every binade, sign and
known threshold; the error of value, first and second derivative in ulps of the true result, less what the rounding of
the input excuses: max(0, |got - true| - u |x d(true)/dx|) / (u |true|). *Bound*: any primitive at random points of the
domain that compositions use, in every mode; error / bound (suite/bound.py). *Scaled*: the same points scaled towards
the ends of the range, where a representable derivative must keep some digits; largest error / largest component.
What exceeds a limit is a candidate for the ledger.
Exit status: 0 surveyed, 1 a candidate that the ledger does not know, 2 bad usage.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import itertools
import json
import math
import signal
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from pebble import ProcessPool

from strategies import functions, points
from strategies.catalogue import PRIMITIVES
from strategies.mp_arrays import DomainError
from strategies.precision import PRECISIONS, Precision
from strategies.primitive import Floats, Primitive
from strategies.program import Point, Program, Step, float_values, weighted
from suite import backends, ledger, profiles
from suite.backends.backend import ORDERS, Quantity
from suite.profiles import Profile
from suite.quantities import hexadecimal
from suite.system import Answer, Check, Record, System, number
from suite.taylor import along_line

OUT = Path("reports/out/survey.jsonl")
THRESHOLDS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 88.0, 100.0, 700.0)
STRICT: tuple[Quantity, ...] = ("value", "gradient", "jvp", "hvp")
BOUND: tuple[Quantity, ...] = ("value", "gradient", "jacobian", "hessian", "vjp", "jvp", "hvp", "curvature")
MANY_ULPS = 1e4  # beyond conditioning: what is called a finding
LIMITS = {"strict": MANY_ULPS, "bound": 1.0, "scaled": 1e-3}
UNITS = {"strict": "ulps", "bound": "× bound", "scaled": "relative"}
LIMIT = 240.0  # seconds for a task: a framework may not come back at all
SECONDS = 2.0  # for the truth of one primitive; special functions of mpmath are slow
PLAIN = ("eager", "autograd.grad", "grad", "func.grad", "func.jvp", "jvp", "experimental.jet", "jvp(grad)", "vjp(grad)",
         "grad(jvp)", "autograd.grad twice")  # fmt: skip
EXAMPLES = {"jax": 3}
# Not met below 2⁻¹⁰, nor scaled: their continued fraction takes 1/|x| steps in every branch, so they do not come back.
ENDLESS = {"jax": ("expi", "exp1", "expn")}
SMALLEST_OF_ENDLESS = 2.0**-10
SCALES = (0, 0.7, -0.7, 0, 0.35, -0.35)  # of the largest exponent, by which points are scaled; 0: the bound layer
MODES = {"jax": 1}  # of each quantity per example there, in rotation: it compiles each


def sample(precision: Precision, name: str) -> Floats:
    """Points of both signs: two in every few binades, more where functions live, and both sides of thresholds."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    wide = np.arange(
        2 - precision.largest_exponent, precision.largest_exponent, max(1, precision.largest_exponent // 40)
    )
    exponents = np.concatenate([np.repeat(np.arange(-6, 5), 6), np.repeat(wide, 2), np.repeat(np.arange(5, 11), 2)])
    moderate = np.ldexp(1 + random.random(exponents.size), exponents)
    near = [t * (1 + side * 2.0**-k) for t in THRESHOLDS for k in (4, 10, 18) for side in (-1, 1)]
    sizes = np.concatenate([moderate, near, [precision.smallest_normal, precision.smallest_subnormal * 8]])
    both = np.concatenate([sizes, -sizes]).astype(precision.name)
    return np.asarray(random.permutation(both[np.isfinite(both)]), dtype=np.float64)


def quotients(f: Callable[[mpf], Any], x: mpf, digits: int) -> tuple[mpf, ...]:
    """f and its first three derivatives at x by central differences, to two fifths of the digits."""
    with mp.workdps(digits):
        h = mpf(10) ** -(digits // 5) * abs(x)
        found = (f(x), *along_line(f, (x,), (mpf(1),), h)[:3])
    if not all(isinstance(value, mpf) and mp.isfinite(value) for value in found):
        raise ArithmeticError("not real")
    return found


def truth(f: Callable[[mpf], Any], x: float) -> list[mpf | None]:
    """The derivatives of orders 0 to 3; None for those that two precisions do not agree on to 18 digits.

    What rounding can do to a quotient counts against it, so that a swamped difference of 0 is not believed.
    """
    found: list[mpf | None] = [None] * 4
    try:
        before = quotients(f, mpf(x), 60)
        for digits in (110, 220, 440):
            after = quotients(f, mpf(x), digits)
            with mp.workdps(30):
                h = mpf(10) ** -(digits // 5) * abs(mpf(x))
                noise = [abs(after[0]) * mpf(10) ** (3 - digits) / h**order for order in range(4)]
                for order in range(4):
                    error = abs(before[order] - after[order]) + noise[order]
                    if found[order] is None and after[order] != 0 and error <= mpf(10) ** -18 * abs(after[order]):
                        found[order] = after[order]
            if found[1] is not None and found[2] is not None:
                break
            before = after
    except (ArithmeticError, ValueError, TypeError, NotImplementedError, AttributeError, RecursionError):
        return [None] * 4
    return found


def interrupted(compute: Callable[[], list[mpf | None]], otherwise: list[mpf | None]) -> list[mpf | None]:
    """Some definitions take minutes at some points: those are left out."""

    def stop(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS / 4)
    try:
        return compute()
    except TimeoutError:
        return otherwise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def surveyed(primitive: Primitive, precision: Precision) -> tuple[Floats, list[list[mpf | None]]]:
    """Points of the primitive's domain and the truth there; as many as the time allows."""
    kept, exact = [], []
    deadline = time.perf_counter() + SECONDS
    for x in sample(precision, primitive.name).tolist():
        found = interrupted(lambda at=x: truth(primitive.definition, at), [None] * 4)  # type: ignore[misc]
        if found[0] is not None:
            kept.append(x)
            exact.append(found)
        if time.perf_counter() > deadline:
            break
    return np.array(kept), exact


def ulps(got: float, true: mpf | None, slope: mpf | None, x: float, precision: Precision) -> float:
    """The error in units of u |true| beyond what the rounding of x excuses; infinite where got is not finite."""
    u = mpf(precision.unit_roundoff)
    if true is None or abs(true) > precision.largest / 4:
        return 0.0
    if not math.isfinite(got):
        return math.inf
    excess = abs(mpf(got) - true) - 4 * u * abs(mpf(x) * (slope or 0)) - 4 * precision.smallest_normal
    return float(max(excess, mpf(0)) / (u * max(abs(true), mpf(precision.smallest_normal))))


def strict(backend: str, primitive: Primitive, precision: Precision, x: Floats, exact: Any) -> Iterator[dict[str, Any]]:
    """One record per mode: the worst error in ulps, where, and how many points are off by many."""
    if x.size < 4:
        return
    step = Step(primitive.name, (0,))
    alone = Program((x.shape,), (step,))
    summed = Program((x.shape,), (step, Step("sum", (1,), (("axis", None),))))
    ones = (np.ones(x.shape),)
    system = backends.load(backend)
    for quantity in STRICT:
        program = alone if quantity in ("value", "jvp") else summed
        directions = (ones,) if quantity in ("jvp", "hvp") else ()
        for mode in system.modes_of(quantity):
            if mode.name not in PLAIN:
                continue
            result = system.run(mode, program, precision, (x,), *directions)
            head = {"layer": "strict", "backend": backend, "dtype": precision.name, "primitive": primitive.name,
                    "mode": mode.name, "quantity": quantity, "order": ORDERS[quantity]}  # fmt: skip
            if result.numbers is None:
                yield {**head, "unsupported": result.refused, "says": str(result.error).splitlines()[0][:120]}
                continue
            order = ORDERS[quantity]
            errors = [
                ulps(got, true[order], true[order + 1], at, precision)
                for got, true, at in zip(result.numbers.tolist(), exact, x.tolist(), strict=True)
            ]
            worst = int(np.argmax(errors))
            bad = [at for at, error in zip(x.tolist(), errors, strict=True) if error > MANY_ULPS]
            yield {
                **head, "points": x.size, "median": float(np.median(errors)), "worst": number(errors[worst]),
                "x": x[worst].hex(), "got": number(float(result.numbers[worst])),
                "true": mp.nstr(exact[worst][order], 20), "many": len(bad),
                "bad": [min(bad), max(bad)] if bad else [],
            }  # fmt: skip


def lost(answer: Answer, precision: Precision) -> float | None:
    """Largest error / largest component; None where the truth is unknown or not well inside the range."""
    try:
        exact = answer.truth
    except DomainError:
        return None
    largest = float(np.max(np.abs(exact.floats), initial=0.0))
    room = 2.0 ** (precision.largest_exponent // 8)
    if not precision.smallest_normal * room < largest < precision.largest / room or np.max(exact.error) > largest / 1e6:
        return None
    if not np.all(np.isfinite(answer.numbers)):
        return math.inf
    return float(np.max(np.abs(answer.numbers - exact.floats))) / largest


def defined(program: Program, x: Point) -> bool:
    """Whether the program has a value at a point that was scaled away from where it was drawn."""
    try:
        float_values(program, x)
    except DomainError:
        return False
    return True


def within_bound(backend: str, primitive: Primitive, precision: Precision) -> list[dict[str, Any]]:
    """One record per mode and layer: the worst at random points, without the ledger's excuses."""
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    where: dict[str, Any] = {}

    def worst(layer: str, mode: str, order: int, size: float, verdict: str) -> None:
        old = seen.get((layer, mode))
        if old is None or size > float(old["worst"]):
            seen[layer, mode] = {
                "layer": layer, "backend": backend, "dtype": precision.name, "primitive": primitive.name,
                "mode": mode, "order": order, "worst": number(size), "verdict": verdict, **where,
            }  # fmt: skip

    def keep(record: Record) -> None:
        if record["kind"] == "comparison":
            ratio = float(record["ratio"] or 0.0)
            wrong = record["verdict"] in ("error", "violated") and ratio == 0.0
            worst("bound", record["mode"], record["order"], math.inf if wrong else ratio, record["verdict"])

    system = System(backends.load(backend), precision, keep)
    profiles.active = Profile(1, 0, 0, 1, modes=MODES.get(backend))

    @seed(1)
    @settings(max_examples=EXAMPLES.get(backend, 8), database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def look(data: st.DataObject) -> None:
        program, x = data.draw(functions.alone(precision, primitive))
        f = weighted(program, data.draw(points.arrays(precision, program.output, wide=False)))
        scale = int(data.draw(st.sampled_from(SCALES)) * precision.largest_exponent)
        x = tuple(np.ldexp(a, scale) for a in x)
        if scale and (primitive.name in ENDLESS.get(backend, ()) or not defined(f, x)):
            return
        v = data.draw(points.directions(precision, f.inputs))
        check = Check(system, f, x, (v,), len(seen))
        check.excuse = lambda *question: None  # type: ignore[method-assign]
        where.update(function=str(f.primitives), x=[hexadecimal(a) for a in x])
        for quantity in BOUND:
            if ORDERS[quantity] == 2 and f.size > 6:
                continue
            directions: tuple[Point, ...] = (v,) if quantity in ("jvp", "hvp", "curvature") else ()
            if quantity == "vjp":
                directions = ((np.array(1.0),),)
            for answer in check.answers(quantity, f, x, *directions):
                if not scale:
                    check.true(answer)
                elif (size := lost(answer, precision)) is not None:
                    worst("scaled", answer.mode, answer.order, size, "violated" if size > LIMITS["scaled"] else "holds")

    look()
    return list(seen.values())


def task(name: str, dtype: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """All records of one primitive in one precision, on the given backends."""
    warnings.simplefilter("ignore")
    primitive, precision = PRIMITIVES[name], PRECISIONS[dtype]
    records: list[dict[str, Any]] = []
    start = time.perf_counter()
    with np.errstate(all="ignore"):
        if primitive.arity == 1 and primitive.kind == "elementwise":
            x, exact = surveyed(primitive, precision)
            for backend in names:
                if backend in primitive.spellings:
                    # What is smaller is 0 to this backend, and the report says so.
                    seen = abs(x) >= backends.load(backend).smallest(precision)
                    if name in ENDLESS.get(backend, ()):
                        seen &= abs(x) >= SMALLEST_OF_ENDLESS
                    records += strict(backend, primitive, precision, x[seen], [*itertools.compress(exact, seen)])
        for backend in names:
            if backend in primitive.spellings:
                records += within_bound(backend, primitive, precision)
    release()
    done = {"layer": "done", "primitive": name, "dtype": dtype, "backends": names}
    return [*records, {**done, "seconds": round(time.perf_counter() - start, 2)}]


def release() -> None:
    """Gives back what XLA has compiled, up to a gigabyte in a task, and what glibc keeps of it."""
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    gc.collect()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", abs)(0)  # other libraries have none, nor need of it


def surveys(
    tasks: list[tuple[str, str]], names: tuple[str, ...], jobs: int
) -> Iterator[tuple[str, list[dict[str, Any]] | Exception]]:
    """The records of each task as it is done, or the error that ended it."""
    with ProcessPool(jobs) as pool:
        pending: dict[Any, str] = {pool.schedule(task, args=(*t, names), timeout=LIMIT): " ".join(t) for t in tasks}
        try:
            for future in as_completed(pending):
                error = future.exception()
                yield pending[future], error if isinstance(error, Exception) else future.result()
        finally:
            pool.stop()  # type: ignore[no-untyped-call]  # what is left when the run was interrupted


def known(record: dict[str, Any]) -> str:
    """The ledger's row of this backend, primitive, mode and precision, if there is one."""
    for row in ledger.rows():
        if row.primitive == record["primitive"] and row.applies(
            record["backend"], record["dtype"], record["mode"], record["order"]
        ):
            return row.id
    return ""


def candidates(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a finding may be made of, worst first: many ulps, a bound exceeded, or a refusal to answer."""
    found = [r for r in records if "worst" in r and float(r["worst"]) > LIMITS[r["layer"]] and r["backend"] != "numpy"]
    return sorted(found, key=lambda r: (-float(r["worst"]), r["primitive"], r["mode"]))


def line(record: dict[str, Any]) -> str:
    where = f"x = {record['x']} got {record['got']} true {record['true']}" if "got" in record else record["x"]
    row = known(record)
    return (
        f"{record['backend']} {record['primitive']} {record['dtype']} order {record['order']} {record['mode']}: "
        f"{float(record['worst']):.2g} {UNITS[record['layer']]} at {where}{f' [{row}]' if row else ' [new]'}"
    )


def read(path: Path) -> list[dict[str, Any]]:
    """The records of an earlier run; a last line that was cut short is left out."""
    records = []
    for text in path.read_text().splitlines() if path.exists() else []:
        try:
            records.append(json.loads(text))
        except json.JSONDecodeError:
            print(f"{path}: a line was cut short and is surveyed again", file=sys.stderr)
    return records


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.survey", description=__doc__.splitlines()[0])
    parser.add_argument("primitives", nargs="*", help="names (default: all)")
    parser.add_argument("--backends", default=",".join(backends.MODULES))
    parser.add_argument("--dtypes", default=",".join(PRECISIONS))
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"results, a line each (default: {OUT})")
    parser.add_argument("--resume", action="store_true", help="keep what --out holds, and survey the rest")
    options = parser.parse_args(arguments)
    names, dtypes = tuple(options.backends.split(",")), options.dtypes.split(",")
    for name, known_names in (
        [(n, PRIMITIVES) for n in options.primitives]
        + [(n, backends.MODULES) for n in names]
        + [(n, PRECISIONS) for n in dtypes]
    ):
        if name not in known_names:
            print(f"unknown {name!r}; known are {', '.join(known_names)}", file=sys.stderr)
            return 2
    records = read(options.out) if options.resume else []
    done = {(r["primitive"], r["dtype"]) for r in records if r["layer"] == "done"}
    records = [r for r in records if (r["primitive"], r["dtype"]) in done]
    tasks = [(p, d) for p in options.primitives or PRIMITIVES for d in dtypes if (p, d) not in done]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    failed = 0
    with options.out.open("w") as out:
        out.writelines(json.dumps(r) + "\n" for r in records)
        for count, (named, found) in enumerate(surveys(tasks, names, options.jobs), start=1):
            if isinstance(found, Exception):
                failed += 1
                print(f"{named}: {type(found).__name__}: {found}; run again with --resume", file=sys.stderr)
                continue
            out.writelines(json.dumps(r) + "\n" for r in found)
            out.flush()
            records += found
            print(f"[{count}/{len(tasks)}] {named} {found[-1]['seconds']} s", file=sys.stderr)
    found = candidates(records)
    for record in found:
        print(line(record))
    new = [r for r in found if not known(r)]
    print(f"{len(records)} records, {len(found)} candidates, {len(new)} of them not in the ledger: {options.out}")
    return 1 if new or failed else 0


if __name__ == "__main__":
    sys.exit(main())
