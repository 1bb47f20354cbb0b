"""How near the bound is to what computations within the contracts do, in every order of accumulation.

    python -m benchmarks.certify                 # 200 random programs for each unit roundoff, some minutes
    python -m benchmarks.certify --programs 40   # fewer

An arithmetic of unit roundoff u is imagined whose every value, partial derivative, product and sum is off by up to what
the contracts allow, half of the time by all of it, in sums of random order. Each program is run in it forward, reverse,
and in every nesting of the two; each value is computed at the rounded values before it, not to first order. The worst
case of the forward gradient is sought too: every error takes the sign that the exact sensitivity says does most harm.
A ratio error / bound above 1 would be a bound that does not hold. Writes benchmarks/results/certify.json; exit status 1
if one does not hold.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks import saved
from gradlaws.strategies import functions
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.precision import FLOAT64, HALF, PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, float_values
from gradlaws.suite.bound import nodes, sweep
from gradlaws.suite.bound.contracts import DEFAULT_ULPS, Contract
from gradlaws.suite.bound.nodes import Graph
from gradlaws.suite.bound.partials import Local, local
from gradlaws.suite.bound.thresholds import THRESHOLDS
from gradlaws.suite.configuration import configure

RESULT = Path(__file__).parent / "results" / "certify.json"
DIGITS = {"bfloat16": 8, "float16": 11, "u = 2^-20": 20, "float32": 24}  # in float64, whose own rounding is far below
# How wide beside the object the bound of a half type may be; of the others 2^-10, as in suite/checking/verdict.py.
NARROW = {PRECISIONS[name].digits: THRESHOLDS[name] for name in HALF}
GRADIENTS = ("forward", "reverse")
WORST = "forward, worst signs"
WHOLE = 1 - 2.0**-20  # all that is allowed, less what float64 itself rounds
HESSIANS = ("forward over forward", "forward over reverse", "reverse over forward", "reverse over reverse")


def defaults(primitive: str, at: object = None) -> Contract:
    ulps = DEFAULT_ULPS[PRIMITIVES[primitive].kind]
    return Contract((ulps, ulps, ulps))


@dataclass
class Arithmetic:
    """One that errs within the contracts."""

    u: float
    random: np.random.Generator

    def within(self, numbers: Floats, size: Floats) -> Floats:
        """Numbers off by up to ``size``; half of the time by all of it, where the worst case is."""
        theta = self.random.uniform(-1, 1, numbers.shape)
        theta = np.where(self.random.random(numbers.shape) < 0.5, WHOLE * np.sign(theta), theta)
        return np.asarray(numbers + theta * size)

    def rounded(self, numbers: Floats) -> Floats:
        return self.within(numbers, self.u * np.abs(numbers))

    def product(self, *factors: Floats) -> Floats:
        result = factors[0]
        for factor in factors[1:]:
            result = self.rounded(result * factor)
        return result

    def total(self, terms: Sequence[Floats]) -> Floats:
        """Their sum in a random order; adding a zero is exact."""
        order = self.random.permutation(len(terms))
        found = np.zeros(np.shape(terms[0])) if terms else np.zeros(())
        for i in order:
            term = terms[i]
            found = np.where(term == 0, found, np.where(found == 0, term, self.rounded(found + term)))
        return found


@dataclass
class Worst(Arithmetic):
    """One that errs by all that is allowed, with these signs, in the order in which it is asked."""

    signs: Iterator[Floats]

    def within(self, numbers: Floats, size: Floats) -> Floats:
        return np.asarray(numbers + WHOLE * next(self.signs) * size)


class Run:
    """The program as this arithmetic computes it, up to the partials of each step at the rounded values before it."""

    def __init__(self, program: Program, point: Point, arithmetic: Arithmetic, graph: Graph) -> None:
        self.arithmetic, self.graph = arithmetic, graph
        computed = list(point)
        nodes = iter(graph.nodes)
        self.found: list[Local] = []
        for step in program.steps:
            if step.is_constant:
                computed.append(step.constant)
                continue
            arguments = [computed[i] for i in step.arguments]
            alone = Program(tuple(np.shape(a) for a in arguments), (Step(step.primitive, tuple(range(len(arguments))),
                                                                         step.parameters),))  # fmt: skip
            exact = float_values(alone, tuple(arguments))[-1]
            found = local(alone.steps[0], arguments, exact)
            allowed = arithmetic.u * defaults(next(nodes).primitive).ulps[0] * found.sizes[0]
            self.found.append(found)
            computed.append(arithmetic.within(exact.ravel(), allowed).reshape(exact.shape))
        self.value = computed[-1].ravel()

    def steps(self) -> Iterator[tuple[nodes.Node, Floats, Floats]]:
        """Each node with its first and second partials, computed anew, as another sweep would."""
        for node, found in zip(self.graph.nodes, self.found, strict=True):
            u, ulps, within = self.arithmetic.u, defaults(node.primitive).ulps, self.arithmetic.within
            first = within(found.first, u * ulps[1] * found.sizes[1])
            noise = within(np.zeros(found.second.shape), u * ulps[2] * found.sizes[2])
            yield node, first, found.second + (noise + np.swapaxes(noise, 1, 2)) / 2

    def tangents(self, directions: Floats) -> Floats:
        """Forward: (a, values), of directions (a, n)."""
        t = np.zeros((len(directions), self.graph.count))
        t[:, : self.graph.inputs] = directions
        for node, first, _ in self.steps():
            for k, operands in enumerate(node.operands):
                terms = [self.arithmetic.product(t[:, i], np.asarray(first[k, p])) for p, i in enumerate(operands)]
                t[:, node.outputs.start + k] = self.arithmetic.total(terms)
        return t

    def second_tangents(self, t: Floats) -> Floats:
        """Forward over forward: (a, b, values)."""
        arithmetic, n = self.arithmetic, len(t)
        T = np.zeros((n, n, self.graph.count))
        for node, first, second in self.steps():
            for k, operands in enumerate(node.operands):
                terms = [arithmetic.product(T[:, :, i], np.asarray(first[k, p])) for p, i in enumerate(operands)]
                for (p, i), (q, j) in itertools.product(enumerate(operands), repeat=2):
                    first_tangent = np.broadcast_to(t[:, None, i], (n, n))
                    terms.append(arithmetic.product(first_tangent, np.asarray(second[k, p, q]), t[None, :, j]))
                T[:, :, node.outputs.start + k] = arithmetic.total(terms)
        return T

    def adjoints(self, bent: Callable[[int, Floats, int, int], list[Floats]] | None = None, rows: int = 1) -> Floats:
        """Reverse: (rows, values), from 1 at the output; with ``bent`` from 0, and the terms that it adds at an edge:
        ``bent(node, second, output, operand)``."""
        arithmetic = self.arithmetic
        terms: dict[int, list[Floats]] = {}
        G = np.zeros((rows, self.graph.count))
        if bent is None:
            terms[self.graph.output.start] = [np.ones(rows)]
        for number, (node, first, second) in reversed(list(enumerate(self.steps()))):
            for k, operands in enumerate(node.operands):
                out = node.outputs.start + k
                G[:, out] = arithmetic.total(terms.get(out, [np.zeros(rows)]))
                for p, i in enumerate(operands):
                    own = [arithmetic.product(G[:, out], np.asarray(first[k, p]))]
                    terms.setdefault(int(i), []).extend(own + (bent(number, second, k, p) if bent else []))
        for i in range(self.graph.inputs):
            G[:, i] = arithmetic.total(terms.get(i, [np.zeros(rows)]))
        return G

    def gradient(self, order: str) -> Floats:
        n = self.graph.inputs
        if order == "forward":
            return self.tangents(np.eye(n))[:, self.graph.output.start]
        return self.adjoints()[0, :n]

    def hessian(self, nesting: str) -> Floats:
        n = self.graph.inputs
        if nesting == "forward over forward":
            return self.second_tangents(self.tangents(np.eye(n)))[:, :, self.graph.output.start]
        return self.bent_adjoints(nesting)[:, :n]

    def bent_adjoints(self, nesting: str) -> Floats:
        """G_i of every value, (n, values). The nestings multiply the same factors in other orders, and each of their
        sweeps computes the partials anew."""
        n, product = self.graph.inputs, self.arithmetic.product
        t, G = self.tangents(np.eye(n)), self.adjoints()[0]

        def bent(number: int, second: Floats, k: int, p: int) -> list[Floats]:
            node = self.graph.nodes[number]
            g, terms = np.full(n, G[node.outputs.start + k]), []
            for q, j in enumerate(node.operands[k]):
                rate = np.full(n, second[k, p, q])
                if nesting == "forward over reverse":
                    terms.append(product(g, product(rate, t[:, j])))
                elif nesting == "reverse over forward":
                    terms.append(product(g, t[:, j], rate))
                else:
                    terms.append(product(product(g, rate), t[:, j]))
            return terms if nesting != "forward over reverse" else [self.arithmetic.total(terms)]

        return self.adjoints(bent, n)


def worst_signs(exact: Run, component: int) -> Iterator[Floats]:
    """Of every error in a forward gradient, that of the component's sensitivity to it: G_i of a value, G t_i of a
    partial, G of a product or a sum."""
    t, G = exact.tangents(np.eye(exact.graph.inputs))[component], exact.adjoints()[0]
    bent = exact.bent_adjoints("forward over reverse")[component]
    for node in exact.graph.nodes:
        yield np.sign(bent[node.outputs])
    for node in exact.graph.nodes:
        g = np.sign(G[node.outputs])
        yield g[:, None] * np.sign(t[node.operands])
        yield np.zeros(())  # the second partials have no part in it
        for k in range(len(node.operands)):
            for _ in range(2 * node.operands.shape[1]):  # its products, then its additions
                yield g[k]


@dataclass(frozen=True)
class Tolerances:
    """What the bound allows there in that precision, and the exact objects; both for value, gradient and Hessian."""

    allowed: list[Floats]
    exact: list[Floats]

    def ratio(self, order: int, got: Floats, narrow: float) -> float | None:
        """error / bound at its worst; None where the bound is too wide to say anything."""
        allowed, exact = self.allowed[order], self.exact[order]
        size = float(np.max(np.abs(exact), initial=0.0))
        if size == 0 or not np.all(allowed <= narrow * size):
            return None
        error = np.abs(got - exact)
        with np.errstate(all="ignore"):
            return float(np.max(np.where(error <= 1e-12 * size, 0.0, error / allowed)))


def tolerances(graph: Graph, digits: int) -> Tolerances:
    one, unit = np.ones((1, 1)), np.eye(graph.inputs)
    precision = Precision("imagined", digits, 1023)
    drift = graph.drift(defaults, precision.unit_roundoff)
    allowed, exact = [], []
    for sets in ((), (unit,), (unit, unit)):
        found = sweep.analyse(graph, one, *sets).bound(precision, defaults, 0.0)[0]
        if digits in NARROW and sets:  # as in suite/bound/tolerances.py
            found = found + sweep.meeting(graph, defaults, precision, one, *sets)[0]
        allowed.append(np.asarray(found / max(1 - drift, 0.0)))
        exact.append(sweep.sweep(graph, one, sets, lambda x: x)[2][0])
    return Tolerances(allowed, exact)


def ratios(program: Program, point: Point, digits: int, seed: int) -> Iterator[tuple[str, float]]:
    """(order of accumulation, error / bound), where the bound says anything."""
    with np.errstate(all="ignore"):
        graph = Graph(program, point)
        truth, narrow = tolerances(graph, digits), NARROW.get(digits, 2.0**-10)
        try:
            run = Run(program, point, Arithmetic(2.0**-digits, np.random.default_rng(seed)), graph)
        except DomainError:  # a rounded value has left it
            return
        answers: list[tuple[str, int, Callable[[], Floats]]] = [("value", 0, lambda: run.value)]
        answers += [(name, 1, partial(run.gradient, name)) for name in GRADIENTS]
        answers += [(name, 2, partial(run.hessian, name)) for name in HESSIANS]
        answers += [(WORST, 1, partial(worst_gradient, program, point, 2.0**-digits, graph))]
        for name, order, answer in answers:
            if np.all(np.isfinite(truth.allowed[order])):
                ratio = truth.ratio(order, answer().reshape(truth.exact[order].shape), narrow)
                if ratio is not None:
                    yield name, ratio


def worst_gradient(program: Program, point: Point, u: float, graph: Graph) -> Floats:
    """Each component with the signs that are worst for it."""
    still = np.random.default_rng(0)
    exact = Run(program, point, Arithmetic(0.0, still), graph)
    components = []
    for i in range(graph.inputs):
        run = Run(program, point, Worst(u, still, worst_signs(exact, i)), graph)
        components.append(run.gradient("forward")[i])
    return np.array(components)


def sample(count: int, max_steps: int = 5) -> list[tuple[Program, Point]]:
    """The same random programs each time, as the suite draws them."""
    found: list[tuple[Program, Point]] = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(functions.scalar_functions(FLOAT64, max_steps, shapes=((), (3,))))
    def collect(drawn: tuple[Program, Point]) -> None:
        if drawn[0].steps:
            found.append(drawn)

    collect()
    return found


def measured(programs: Sequence[tuple[Program, Point]], digits: int) -> dict[str, list[float]]:
    """Ratios by order of accumulation, over the programs."""
    found: dict[str, list[float]] = {name: [] for name in ("value", *GRADIENTS, *HESSIANS, WORST)}
    for seed, (program, point) in enumerate(programs):
        for name, ratio in ratios(program, point, digits, seed):
            found[name].append(ratio)
    return found


def summary(values: Sequence[float]) -> dict[str, float | int | None]:
    if not values:
        return {"conclusive": 0, "median": None, "p99": None, "max": None}
    shares = np.quantile(values, (0.5, 0.99, 1.0))
    return {"conclusive": len(values), **dict(zip(("median", "p99", "max"), map(float, shares), strict=True))}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certify", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--programs", type=int, default=200, help="random programs of each kind (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=RESULT, help="the result (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.programs < 1:
        parser.error("--programs: at least 1")
    configure()
    programs = sample(options.programs)
    found, worst, start = [], 0.0, time.perf_counter()
    for name, digits in DIGITS.items():
        rows = {order: summary(values) for order, values in measured(programs, digits).items()}
        found += [{"unit": name, "order": order, **row} for order, row in rows.items()]
        for order, row in rows.items():
            worst = max(worst, row["max"] or 0.0)
            shown = [f"{row[k]:8.2g}" if row[k] is not None else f"{'–':>8}" for k in ("median", "p99", "max")]
            print(f"{name:10}  {order:22} {row['conclusive']:5} conclusive   {'  '.join(shown)}", flush=True)
    command = f"python -m benchmarks.certify --programs {options.programs}"
    seconds = time.perf_counter() - start
    saved.save(options.out, saved.result("certify", command, seconds, found, programs=len(programs)))
    print(f"{len(programs)} programs: the largest error is {worst:.2g} of its bound; {options.out}")
    return 0 if worst <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
