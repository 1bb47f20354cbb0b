"""What the modes cost, counted in operations."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.program import Program, Step
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.checking.system import System
from gradlaws.suite.document.counting import backward_nodes, equations, largest, operations
from gradlaws.suite.document.evidence import CONDITIONAL, FALSE, Evidence
from gradlaws.suite.document.orders import slope

SIZES = (1, 2, 4, 8, 16, 32, 64)
ARITHMETIC, CURVED = ("mul", "add", "square"), ("sin", "tanh", "exp", "softplus", "mul", "add")
FEW = 0.15  # of a slope in the logarithm: a constant beside the leading term, from n = 16 on
FLOAT64 = PRECISIONS["float64"]


def drawn(random: np.random.Generator, menu: tuple[str, ...]) -> list[str]:
    """The steps of a chain: six entrywise primitives, each of one operation per entry."""
    return [str(name) for name in random.choice(menu, 6)]


def objective(names: list[str], n: int, scalar: bool = True) -> Program:
    """The chain on a vector of n entries; and the sum of its entries."""
    steps: list[Step] = []
    for name in names:
        last = len(steps)
        steps.append(Step(name, (last, max(last - 1, 0)) if name in ("mul", "add") else (last,)))
    return Program(((n,),), (*steps, *([Step("sum", (len(steps),), (("axis", None),))] if scalar else [])))


def at(backend: Backend, n: int) -> Any:
    return backend.array(np.linspace(0.25, 0.75, n), "float64")


def transforms(backend: Backend) -> dict[str, Any]:
    """Of f: gradient, Jacobians by both modes, Hessian, and products of the Hessian with a vector by two nestings."""
    library: Any = importlib.import_module("jax" if backend.name == "jax" else "torch.func")
    grad, jvp, vjp = library.grad, library.jvp, library.vjp
    jacfwd, jacrev = library.jacfwd, library.jacrev
    return {
        "grad": grad,
        "forward": jacfwd,
        "reverse": jacrev,
        "tangent": lambda f: lambda x, v: jvp(f, (x,), (v,))[1],
        "hessian": lambda f: jacfwd(grad(f)),
        "forward over reverse": lambda f: lambda x, v: jvp(grad(f), (x,), (v,))[1],
        "reverse over reverse": lambda f: lambda x, v: vjp(grad(f), x)[1](v)[0],
    }


def constant(evidence: Evidence, name: str, counts: list[float]) -> float:
    """The slope of log counts against log n, from n = 16 on."""
    return plotted(evidence, name, counts, slope(SIZES[4:], counts[4:])[0])


def proportional(evidence: Evidence, name: str, counts: list[float]) -> float:
    """The slope of the counts' increments from n to 2n, from n = 8 on: what does not depend on n falls out."""
    return plotted(evidence, name, counts, slope(SIZES[3:-1], np.diff(counts)[3:].tolist())[0])


def plotted(evidence: Evidence, name: str, counts: list[float], found: float) -> float:
    evidence.figure(f"slope in n: {name}", found)
    evidence.plot(name, SIZES, counts, ("n", "operations, in units of f"))
    return found


@pytest.mark.identity("C6")
@pytest.mark.dtypes("float64")
def test_forward_mode_costs_n_and_reverse_mode_a_constant(
    system: System, evidence: Evidence, random: np.random.Generator
) -> None:
    """flops(jacfwd f) / flops(f) grows as n, flops(grad f) / flops(f) not at all; of arithmetic programs at most 5.

    Griewank & Walther 2008, (3.22): 5 for adds and multiplies; other primitives cost what their derivative costs, and
    then the constant is reported. Cannot see memory traffic, nor what runs in parallel.
    """
    backend, made = system.backend, transforms(system.backend)
    for kind, menu in (("arithmetic", ARITHMETIC), ("curved", CURVED)):
        names = drawn(random, menu)
        forward, reverse, of_vectors = [], [], []
        for n in SIZES:
            f, x = backend.function(objective(names, n), FLOAT64), at(backend, n)
            vector = backend.function(objective(names, n, scalar=False), FLOAT64)
            own = operations(backend, f, x)
            forward.append(operations(backend, made["forward"](f), x) / own)
            reverse.append(operations(backend, made["grad"](f), x) / own)
            of_vectors.append(operations(backend, made["reverse"](vector), x) / own)
        evidence.at_most("slope of forward mode − 1", abs(proportional(evidence, f"forward, {kind}", forward) - 1), FEW)
        evidence.at_most("slope of reverse mode", abs(constant(evidence, f"reverse, {kind}", reverse)), FEW)
        evidence.figure(f"flops(∇f)/flops(f) at n = 64, {kind}", reverse[-1])
        if kind == "arithmetic":
            evidence.at_most("flops(∇f)/flops(f)", reverse[-1], 5)
        of_m = proportional(evidence, f"reverse, m = n outputs, {kind}", of_vectors)
        evidence.control("a vector output costs reverse mode O(m)", of_m > 1 - FEW)


@pytest.mark.identity("C5")
@pytest.mark.dtypes("float64")
def test_one_backward_pass_gives_all_gradients(system: System, evidence: Evidence, random: np.random.Generator) -> None:
    """The number of operations that are dispatched (or equations in the jaxpr) for the gradient is the same for n = 1
    and n = 64; forward mode asks for n tangents. Cannot see how long each of them takes."""
    backend, made = system.backend, transforms(system.backend)
    names = drawn(random, CURVED)
    counts = []
    for n in SIZES:
        f, x = backend.function(objective(names, n), FLOAT64), at(backend, n)
        if backend.name == "jax":
            import jax

            counts.append(len(equations(jax.make_jaxpr(jax.grad(f))(x).jaxpr)))
        else:
            counts.append(backward_nodes(f(x.clone().requires_grad_())))
        # Each tangent has n entries, and they are pushed together.
        evidence.expect("forward mode asks for n tangents", largest(backend, made["forward"](f), x) == n * n)
    evidence.figure(
        "nodes of the backward graph" if backend.name == "torch" else "equations of the gradient", counts[-1]
    )
    evidence.expect("backward operations do not grow with n", len(set(counts[1:])) == 1)
    evidence.plot("backward operations", SIZES, counts, ("n", "count"))
    tangents = operations(backend, made["forward"](f), x) / operations(backend, made["tangent"](f), x, x)
    evidence.figure("tangents' worth of operations in forward mode, n = 64", tangents)
    evidence.control("forward mode needs n tangents", tangents > SIZES[-1] / 8)


@pytest.mark.identity("C4")
def test_reverse_mode_starts_with_the_leftmost_factor(evidence: Evidence) -> None:
    """As df/dg · dg/dh · dh/dx is written, the output's factor stands at the left, and reverse mode starts there.

    The order is observed, and the multiplications of both bracketings of a scalar chain of k matrices n × n are
    counted: k n² from the left, (k − 1) n³ + n² from the right. Cannot see memory.
    """
    torch = pytest.importorskip(
        "torch", reason="torch is not installed: the order of its backward pass is not observed"
    )
    order: list[str] = []

    class Stage(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, name: str) -> Any:
            ctx.name = name
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            order.append(ctx.name)
            return g * 2, None

    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    Stage.apply(Stage.apply(Stage.apply(x, "∂h/∂x"), "∂g/∂h"), "∂f/∂g").sum().backward()
    evidence.figure("order of the backward pass", ", ".join(order))
    evidence.expect("the leftmost factor is first", order == ["∂f/∂g", "∂g/∂h", "∂h/∂x"])
    k, costs = 4, {"from the left": [], "from the right": []}  # type: ignore[var-annotated]
    for n in SIZES:
        row, matrices = np.ones((1, n)), [np.ones((n, n))] * k
        left = multiplications([row, *matrices])
        right = multiplications([m.T for m in (row, *matrices)][::-1])
        evidence.expect("k n² from the left", left == k * n**2)
        evidence.expect("(k − 1) n³ + n² from the right", right == (k - 1) * n**3 + n**2)
        costs["from the left"].append(left)
        costs["from the right"].append(right)
    for name, counts in costs.items():
        evidence.plot(name, SIZES, counts, ("n", "multiplications"))
    rate = slope(SIZES[3:], np.divide(costs["from the right"], costs["from the left"])[3:].tolist())[0]
    evidence.control("the other order costs n times as much", abs(rate - 1) < FEW)
    evidence.finds(
        FALSE, "as the product is written, reverse mode evaluates it from left to right: it starts at the output, with "
        "the leftmost factor; “right to left” is forward mode, which costs n times as much for a scalar output",
    )  # fmt: skip


def multiplications(factors: list[Any]) -> int:
    """Scalar multiplications of a product taken from the left."""
    total, done = 0, factors[0]
    for factor in factors[1:]:
        total += done.shape[0] * done.shape[1] * factor.shape[1]
        done = done @ factor
    return total


@pytest.mark.identity("S6")
@pytest.mark.dtypes("float64")
def test_a_hessian_vector_product_costs_a_constant_number_of_gradients(
    system: System, evidence: Evidence, random: np.random.Generator
) -> None:
    """flops(Hv) / flops(grad f) is bounded in n, forward over reverse and reverse over reverse, and no array of n²
    entries is made; the full Hessian grows with n. Cannot see how long each operation takes."""
    backend, made = system.backend, transforms(system.backend)
    names = drawn(random, CURVED)
    nestings = ("forward over reverse", "reverse over reverse")
    ratios: dict[str, list[float]] = {name: [] for name in (*nestings, "hessian")}
    for n in SIZES:
        f, x = backend.function(objective(names, n), FLOAT64), at(backend, n)
        gradient = operations(backend, made["grad"](f), x)
        for name in nestings:
            product = made[name](f)
            ratios[name].append(operations(backend, product, x, x) / gradient)
            evidence.at_most("entries of the largest array of a product / n", largest(backend, product, x, x) / n, 4)
        ratios["hessian"].append(operations(backend, made["hessian"](f), x) / gradient)
    for name in nestings:
        evidence.at_most(f"slope of {name}", abs(constant(evidence, name, ratios[name])), FEW)
        evidence.figure(f"flops(Hv)/flops(∇f) at n = 64, {name}", ratios[name][-1])
    evidence.control("a full Hessian grows with n", proportional(evidence, "full Hessian", ratios["hessian"]) > 1 - FEW)
    for n, condition in ((16, 10.0), (64, 1e2), (64, 1e4)):
        products = conjugate_gradients(random, n, condition)
        limit = 0.5 * np.sqrt(condition) * np.log(2 / TOLERANCE) + 1
        evidence.at_most(f"products of a Newton step, n = {n}, κ = {condition:g}", products, limit)
        evidence.figure(f"products of one Newton step, n = {n}, κ = {condition:g}", products)
    least, most = (f(ratios[name][-1] for name in nestings) for f in (min, max))
    evidence.finds(
        CONDITIONAL, f"“about one” is a constant that depends on program and nesting: {least:.1f} to {most:.1f} "
        f"gradients here, in {backend.name}",
    )  # fmt: skip


@pytest.mark.identity("D4")
@pytest.mark.backends("torch", "jax")
@pytest.mark.dtypes("float64")
def test_a_hessian_vector_product_makes_no_hessian(
    system: System, evidence: Evidence, random: np.random.Generator
) -> None:
    """The largest array of JVP∘VJP has O(n) entries, that of the Hessian n² (Pearlmutter 1994). Cannot see views."""
    backend, made = system.backend, transforms(system.backend)
    sizes: dict[str, list[float]] = {"JVP∘VJP": [], "Hessian": []}
    names = drawn(random, CURVED)
    for n in SIZES[3:]:
        f, x = backend.function(objective(names, n), FLOAT64), at(backend, n)
        sizes["JVP∘VJP"].append(largest(backend, made["forward over reverse"](f), x, x))
        sizes["Hessian"].append(largest(backend, made["hessian"](f), x))
        evidence.at_most("entries of the largest array of JVP∘VJP / n", sizes["JVP∘VJP"][-1] / n, 1)
        evidence.expect("the Hessian has n² entries", sizes["Hessian"][-1] >= n * n)
    for name, counts in sizes.items():
        evidence.plot(name, SIZES[3:], counts, ("n", "entries of the largest array"))


TOLERANCE = 1e-6


def conjugate_gradients(random: np.random.Generator, n: int, condition: float) -> int:
    """Products with A until the error in the A-norm has fallen by TOLERANCE (Saad 2003, (6.128)); spectrum spread."""
    eigenvalues = np.geomspace(1.0, condition, n)
    b = random.standard_normal(n)
    x, r = np.zeros(n), b.copy()
    p, first = r.copy(), float(np.sqrt(b @ (b / eigenvalues)))
    for count in range(1, 20 * n):
        q = eigenvalues * p
        alpha = (r @ r) / (p @ q)
        x, before = x + alpha * p, r @ r
        r = r - alpha * q
        error = x - b / eigenvalues
        if np.sqrt(error @ (eigenvalues * error)) <= TOLERANCE * first:
            return count
        p = r + (r @ r) / before * p
    raise AssertionError("conjugate gradients did not converge")
