"""What is measured: each size, right code at many points, planted faults."""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from mpmath import mp

from benchmarks.sizes import asked, planted
from gradlaws.strategies import mp_arrays
from gradlaws.suite.arithmetic.quad import QUAD
from gradlaws.suite.rule import directions
from gradlaws.suite.rule.exact import Exact
from gradlaws.suite.rule.place import places
from gradlaws.suite.rule.rule import agreements
from gradlaws.suite.tape.run import run
from gradlaws.suite.tracing.traced import Traced

CHANGED = 1e-15  # along a direction, relative: what a fault has to change to be one
LEAST = 1e-19  # of all sizes: what a wrong entry adds at least
MEASURED = 100_000  # n up to which memory is measured, which takes a second run
SMALL = 30  # n of programs that faults are planted in, and right code is asked at


def sizes(names: Sequence[str], frameworks: Sequence[str], sizes: Sequence[int], seed: int) -> list[dict[str, Any]]:
    rows = []
    print(f"{'program':12} {'n':>9} {'framework':9} {'trace in':9} {'verdict':8} {'apart':>7} {'seen from':>9} "
          f"{'trace s':>8} {'f ms':>9} {'rule s':>8} {'in f':>6} {'arrays':>6}")  # fmt: skip
    for name, n, framework, dtype in itertools.product(names, sizes, frameworks, ("float64", "float32")):
        if n > asked.MOST.get(name, n):
            continue
        row = measured(framework, name, n, dtype, seed)
        rows.append(row)
        arrays = "" if row["arrays"] is None else f"{row['arrays']:.0f}"
        print(f"{name:12} {row['n']:>9,} {framework:9} {dtype:9} {row['verdict']:8} {row['apart']:7.0e} "
              f"{row['seen_from']:9.0e} {row['trace_seconds']:8.2f} {1e3 * row['f_seconds']:9.2f} "
              f"{row['rule_seconds']:8.2f} {row['evaluations']:6.0f} {arrays:>6}", flush=True)  # fmt: skip
    return rows


def measured(framework: str, name: str, n: int, dtype: str, seed: int) -> dict[str, Any]:
    """RULE of gradient and H·v at one size; times are of the processor, in one run."""
    start = time.process_time()
    traced = asked.traced(framework, name, n, seed, dtype)
    after_trace = time.process_time()
    found = agreements(traced, np.random.default_rng(seed), QUAD)
    done = time.process_time()
    one = evaluation_seconds(traced)
    worst = max(found, key=lambda a: a.relative)
    verdicts = {a.verdict for a in found}
    return {
        "program": name, "framework": framework, "dtype": dtype, "n": sum(x.size for x in traced.point),
        "verdict": "right" if verdicts == {"right"} else "wrong" if "wrong" in verdicts else "unknown",
        "apart": worst.relative, "seen_from": max(a.resolution for a in found),
        "trace_seconds": after_trace - start, "rule_seconds": done - after_trace, "f_seconds": one,
        "evaluations": (done - after_trace) / one, "operations": traced.forward.scalar_operations,
        "arrays": peak_arrays(traced, seed) if n <= MEASURED and dtype == "float64" else None,
    }  # fmt: skip


def evaluation_seconds(traced: Traced) -> float:
    """Of the function, once, in quad."""
    start = time.process_time()
    run(traced.forward, list(traced.point), QUAD)
    return time.process_time() - start


def peak_arrays(traced: Traced, seed: int) -> float:
    """The memory that RULE takes at most, in quad arrays as large as the program's largest."""
    largest = max(kind.size for tape in (traced.forward, traced.gradient) for kind in tape.kinds)
    tracemalloc.start()
    agreements(traced, np.random.default_rng(seed), QUAD)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (16 * largest)


def programs(names: Sequence[str], frameworks: Sequence[str], seed: int) -> Iterator[tuple[str, str, int]]:
    """Of points without end, program after program."""
    for k in itertools.count(seed):
        for framework, name in itertools.product(frameworks, names):
            yield framework, name, k


def right(names: Sequence[str], frameworks: Sequence[str], count: int, seed: int) -> dict[str, Any]:
    """So many comparisons of right code: none may be wrong."""
    verdicts: Counter[str] = Counter()
    alarms: list[str] = []
    worst = 0.0
    for framework, name, k in programs(names, frameworks, seed):
        if verdicts.total() >= count:
            break
        traced = asked.traced(framework, name, SMALL, k)
        for direction in range(4):
            for agreement in agreements(traced, np.random.default_rng([k, direction]), QUAD):
                verdicts[agreement.verdict] += 1
                if agreement.verdict == "wrong":
                    alarms.append(f"{framework} {name} at seed {k}: {agreement}")
                    print("ALARM", alarms[-1], flush=True)
                else:
                    worst = max(worst, agreement.relative)
    print(f"right code: {verdicts.total():,} comparisons, {len(alarms)} alarms, {verdicts['unknown']} not known; "
          f"the worst that is right is apart by {worst:.0e}")  # fmt: skip
    return {"comparisons": verdicts.total(), "alarms": alarms, "unknown": verdicts["unknown"], "worst": worst}


def faults(names: Sequence[str], frameworks: Sequence[str], count: int, seed: int) -> dict[str, Any]:
    """So many faults, in the gradient's tape or, one in four, in that of H·v alone (a stale second derivative)."""
    random = np.random.default_rng(seed)
    kinds: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    missed, ranged, in_range = [], 0, 0
    for framework, name, k in programs(names, frameworks, seed):
        if kinds.total() >= count:
            break
        traced = asked.traced(framework, name, SMALL, k)
        for faulty, kind, order in drawn(traced, random):
            exact = changed(traced, faulty, order, random)
            if exact is None:
                continue
            kinds[kind] += 1
            found = agreements(faulty, random, QUAD)
            if any(a.verdict == "wrong" for a in found if a.order == order):
                seen[kind] += 1
            else:
                missed.append(f"{framework} {name} seed {k}: {kind}, {'; '.join(map(str, found))}")
                print("MISSED", missed[-1], flush=True)
            if order == 1:
                ranged += 1
                in_range += right_range(faulty, exact, random)
    for kind in sorted(kinds):
        print(f"{kind:32} {seen[kind]:4} of {kinds[kind]:4} seen")
    print(f"{'all':32} {seen.total():4} of {kinds.total():4} seen; range of entries right in {in_range} of {ranged}")
    return {
        "planted": kinds.total(), "seen": seen.total(), "kinds": dict(kinds), "missed": missed, "ranged": ranged,
        "in_range": in_range,
    }  # fmt: skip


def drawn(traced: Traced, random: np.random.Generator) -> Iterator[tuple[Traced, str, int]]:
    """Six faults in the gradient, and two in the product."""
    for fault in itertools.islice(planted.faults(traced.gradient, random), 6):
        yield replace(traced, gradient=fault.tape, product=None), fault.kind, 1
    if traced.product is not None:
        for fault in itertools.islice(planted.faults(traced.product, random), 2):
            yield replace(traced, product=fault.tape), f"second derivative: {fault.kind}", 2


def changed(right: Traced, faulty: Traced, order: int, random: np.random.Generator) -> list[Any] | None:
    """What the fault adds to each term of ⟨v, gradient⟩, of all their sizes; None if it is too little to see."""
    weights = directions.cotangent(right.shapes, random)
    vector = directions.direction(right.point, random)
    tapes = (right.gradient, faulty.gradient) if order == 1 else (right.product, faulty.product)
    inputs = [*right.point, *weights, *(vector if order == 2 else [])]
    right_terms, wrong_terms = (
        [QUAD.to_mp(g * QUAD.asarray(v)) for g, v in zip(run(tape, inputs, QUAD), vector, strict=True)]
        for tape in tapes
        if tape is not None
    )
    with mp.workprec(200):
        size = mp.fsum(abs(t) for terms in right_terms for t in terms.ravel())
        added = [np.asarray((b - a) / size) for a, b in zip(right_terms, wrong_terms, strict=True)]
        apart = abs(mp.fsum(t for terms in added for t in terms.ravel()))
    return [abs(mp_arrays.to_floats(terms)) for terms in added] if apart > CHANGED else None


def right_range(faulty: Traced, added: list[Any], random: np.random.Generator) -> bool:
    """Whether the ranges that are found are those that are wrong, of each argument."""
    exact = Exact(faulty, directions.cotangent(faulty.shapes, random), QUAD)
    found = {place.argument: (place.first, place.last) for place in places(exact, random)}
    expected = {}
    for argument, terms in enumerate(added):
        wrong = np.flatnonzero(terms.ravel() > LEAST)
        if len(wrong):
            expected[argument] = (int(wrong[0]), int(wrong[-1]))
    return found == expected
