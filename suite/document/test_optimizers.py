"""The optimizers that the document names, as users call them, against their published formulas in mpmath."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from gradlaws.strategies.mp_arrays import mp_array
from gradlaws.strategies.points import arrays
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.checking.system import System
from gradlaws.suite.document.derivatives import distance, fisher, looks, rounded
from gradlaws.suite.document.evidence import Evidence

RATE, DECAY, FIRST, SECOND, EPSILON, STEPS = 2.0**-7, 0.0625, 0.9, 0.999, 1e-8, 6
linear: Any = mp  # whose matrices have no types


def namespace(backend: Backend) -> Any:
    return importlib.import_module({"numpy": "numpy", "torch": "torch", "jax": "jax.numpy"}[backend.name])


# AdamW


def adamw_formula(theta: Floats, gradients: Floats, u: float, decoupled: bool = True) -> tuple[Any, Floats, Floats]:
    """θ after all gradients, exactly, how far rounding may take it, and how much ε contributes to it: shapes (n,).

    m and v gather 4u per step of the sums of their terms' sizes; 1 − βᵗ loses (t βᵗ + 1) u / (1 − βᵗ); a step takes six
    more operations, and θ three. The bound is that of the loop in the precision itself; scalars in float64 do better.
    """
    x, m, v = mp_array(theta), mp_array(0 * theta), mp_array(0 * theta)
    size, allowed, of_epsilon = (np.zeros_like(theta) for _ in range(3))
    for t, g in enumerate(gradients, start=1):
        g = mp_array(g) if decoupled else mp_array(g) + mpf(DECAY) * x
        m = mpf(FIRST) * m + (1 - mpf(FIRST)) * g
        v = mpf(SECOND) * v + (1 - mpf(SECOND)) * g * g
        size = FIRST * size + (1 - FIRST) * np.abs(g).astype(float)
        root = np.array([mp.sqrt(z / (1 - mpf(SECOND) ** t)) + mpf(EPSILON) for z in v], dtype=object)
        step = m / (1 - mpf(FIRST) ** t) / root
        lost = [((t + 2) * b**t + 2) / (1 - b**t) for b in (FIRST, SECOND)]
        relative = (8 * t + sum(lost) + 8) * u
        allowed += RATE * relative * size / (1 - FIRST**t) / root.astype(float)
        of_epsilon += RATE * size / (1 - FIRST**t) * EPSILON / (root.astype(float) - EPSILON) ** 2
        x = x - mpf(RATE) * (step + (mpf(DECAY) * x if decoupled else 0))
        allowed += 4 * u * (np.abs(x).astype(float) + RATE)
    return x, allowed, of_epsilon


def adamw_ways(backend: Backend, dtype: str) -> dict[str, Callable[[Floats, Floats], Floats]]:
    """θ after all gradients, by each of the library's implementations."""
    settings: dict[str, Any] = {"lr": RATE, "betas": (FIRST, SECOND), "eps": EPSILON, "weight_decay": DECAY}
    if backend.name == "torch":
        import torch

        def by(**how: bool) -> Callable[[Floats, Floats], Floats]:
            def run(theta: Floats, gradients: Floats) -> Floats:
                x = backend.array(theta, dtype).requires_grad_()
                optimizer = torch.optim.AdamW([x], **settings | how)
                for g in gradients:
                    x.grad = backend.array(g, dtype)
                    optimizer.step()
                return backend.numbers(x.detach())

            return run

        ways = {"for loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
        return {f"torch.optim.AdamW, {name}": by(**how) for name, how in ways.items()}
    if backend.name == "jax":
        import optax

        def run_optax(theta: Floats, gradients: Floats) -> Floats:
            optimizer = optax.adamw(RATE, FIRST, SECOND, EPSILON, weight_decay=DECAY)
            x = backend.array(theta, dtype)
            state = optimizer.init(x)
            for g in gradients:
                updates, state = optimizer.update(backend.array(g, dtype), state, x)
                x = optax.apply_updates(x, updates)
            return backend.numbers(x)

        return {"optax.adamw": run_optax}

    def run_numpy(theta: Floats, gradients: Floats) -> Floats:
        x, m, v = theta.astype(dtype), 0 * theta.astype(dtype), 0 * theta.astype(dtype)
        for t, g in enumerate(gradients.astype(dtype), start=1):
            m, v = FIRST * m + (1 - FIRST) * g, SECOND * v + (1 - SECOND) * g * g
            step = m / (1 - FIRST**t) / (np.sqrt(v / (1 - SECOND**t)) + EPSILON)
            x = x - RATE * (step + DECAY * x)
        return x.astype(np.float64)

    return {"the formula in NumPy": run_numpy}


@pytest.mark.identity("S7")
@looks(8)
@given(data=st.data())
def test_adamw_takes_the_published_step(system: System, evidence: Evidence, data: st.DataObject) -> None:
    """θ ← θ − lr (m̂/(√v̂ + ε) + λθ) (Loshchilov & Hutter 2019, algorithm 2), in every implementation of each library.

    The first step is −lr (sign g + λθ) but for ε; scaling the loss by 2⁸ changes no digit that ε does not; Adam with L2
    (λ in the gradient) is another method. Cannot see whether it is cheap, nor whether it wins.
    """
    precision, u = system.precision, system.precision.unit_roundoff
    theta = data.draw(arrays(precision, (3,), wide=False))
    gradients = np.stack([data.draw(arrays(precision, (3,), wide=False)) for _ in range(STEPS)])
    with mp.workdps(50):
        exact, allowed, of_epsilon = adamw_formula(theta, gradients, u)
        _, of_first, _ = adamw_formula(theta, gradients[:1], u)
        other, _, _ = adamw_formula(theta, gradients, u, decoupled=False)
    with_l2 = np.abs((other - exact).astype(float))
    for name, run in adamw_ways(system.backend, precision.name).items():
        got = run(theta, gradients)
        error = np.abs((mp_array(got) - exact).astype(float))
        evidence.within(f"{name} after {STEPS} steps", error, allowed)
        evidence.control("Adam with L2", bool(np.any(with_l2 > allowed + error)))
        sign = theta - RATE * (np.sign(gradients[0]) + DECAY * theta)
        by_epsilon = RATE * EPSILON / np.abs(gradients[0]) + of_first
        step = np.abs(run(theta, gradients[:1]) - sign)
        evidence.within(f"{name}: first step − lr (sign g + λθ)", step, by_epsilon)
        scaled = np.abs(run(theta, 2.0**8 * gradients) - got)
        evidence.within(f"{name}: scaled loss", scaled, 2 * allowed + of_epsilon)
    evidence.figure("ε in √v̂ + ε", "outside the root in torch and in optax, where eps_root is inside")
    evidence.figure("amsgrad", "torch keeps the maximum of v and corrects its bias; optax.amsgrad that of v̂")


# K-FAC


@pytest.mark.identity("S8")
@looks(8)
@given(seed=st.integers(0, 2**32 - 1))
def test_kronecker_factors_precondition_each_side(system: System, evidence: Evidence, seed: int) -> None:
    """(A⊗G)⁻¹ vec V = vec(G⁻¹VA⁻¹), damped since aaᵀ is singular (Martens & Grosse 2015, section 3 and 6.3).

    Both sides in the library's kron and solve, against mpmath, within the condition numbers (Higham 2002, theorem 7.2).
    Cannot see how good the factors are for a deep network.
    """
    backend, dtype = system.backend, system.precision
    random, xp = np.random.default_rng(seed), namespace(backend)
    a, g, v = random.standard_normal(2), random.standard_normal((3, 4)), rounded(system, random.standard_normal((3, 2)))
    left, right = rounded(system, np.outer(a, a) + np.eye(2) / 2), rounded(system, g @ g.T / 4 + np.eye(3) / 2)
    A, G, V = (backend.array(z, dtype.name) for z in (left, right, v))
    with mp.workdps(50):
        exact = np.array((linear.inverse(linear.matrix(right.tolist())) * linear.matrix(v.tolist())
                          * linear.inverse(linear.matrix(left.tolist()))).tolist(), dtype=object)  # fmt: skip
    whole = xp.linalg.solve(xp.kron(A, G), V.T.reshape(-1, 1))
    factored = xp.linalg.solve(A, xp.linalg.solve(G, V).T).T
    size = float(np.linalg.norm(exact.astype(float)))
    allowed = 6**3 * dtype.unit_roundoff * np.linalg.cond(left) * np.linalg.cond(right) * size
    swapped = backend.numbers(xp.linalg.solve(xp.kron(G, A), V.T.reshape(-1, 1))).reshape(2, 3).T
    for name, got in (
        ("(A⊗G)⁻¹ vec V", backend.numbers(whole).reshape(2, 3).T),
        ("G⁻¹VA⁻¹", backend.numbers(factored)),
    ):
        evidence.at_most(f"{name}: error", distance(got, exact), float(allowed))
    evidence.control("Kronecker factors swapped", bool(np.linalg.norm(swapped - exact.astype(float)) > allowed))


@pytest.mark.identity("S8")
@pytest.mark.dtypes("float64")
def test_the_fisher_block_of_one_sample_is_a_kronecker_product(
    system: System, evidence: Evidence, random: np.random.Generator
) -> None:
    """E[vec(∇_W) vec(∇_W)ᵀ] over labels drawn from the model is aaᵀ⊗(diag q − qqᵀ) for one sample, and not the product
    of the averaged factors for many (Martens & Grosse 2015, equation 2). Cannot see how far off it is in training."""
    w, inputs = random.standard_normal((3, 2)), random.standard_normal((8, 2))
    blocks, products = [], []
    for a in inputs:
        q, metric = fisher(w @ a)
        gradients = [weight_gradient(system.backend, w, a, label) for label in range(3)]
        blocks.append(sum(p * np.outer(g.T.ravel(), g.T.ravel()) for p, g in zip(q, gradients, strict=True)))
        products.append((np.outer(a, a), metric))
        size = float(np.linalg.norm(blocks[-1]))
        error = float(np.linalg.norm(blocks[-1] - np.kron(*products[-1])))
        evidence.at_most("Fisher block − A⊗G, one sample", error, 200 * 2.0**-53 * (size + 1))
    mean = np.mean(blocks, axis=0)
    of_means = np.kron(*(np.mean([pair[k] for pair in products], axis=0) for k in (0, 1)))
    apart = float(np.linalg.norm(mean - of_means) / np.linalg.norm(mean))
    evidence.expect("with many samples the block is not the product of the mean factors", apart > 1e-3)
    evidence.figure("relative distance of the Fisher block of 8 samples from its Kronecker factors", apart)
    evidence.figure(
        "implementation", "the formula in each library; kfac_jax 0.0.8 needs TensorFlow Probability, and PyTorch has "
        "no kept one",
    )  # fmt: skip


def weight_gradient(backend: Backend, w: Floats, a: Floats, label: int) -> Floats:
    """∇_W of −log softmax(Wa)_label."""
    if backend.name == "torch":
        import torch

        weights = backend.array(w, "float64").requires_grad_()
        loss = torch.nn.functional.cross_entropy((weights @ backend.array(a, "float64"))[None], torch.tensor([label]))
        return backend.numbers(torch.autograd.grad(loss, weights)[0])
    if backend.name == "jax":
        import jax

        def negative_log(weights: Any) -> Any:
            return -jax.nn.log_softmax(weights @ backend.array(a, "float64"))[label]

        return backend.numbers(jax.grad(negative_log)(backend.array(w, "float64")))
    return np.outer(fisher(w @ a)[0] - np.eye(3)[label], a)


# Shampoo


def inverse_root(xp: Any, matrix: Any, order: int) -> Any:
    """matrix^(−1/order) by its eigenvalues."""
    eigenvalues, vectors = xp.linalg.eigh(matrix)
    return (vectors * eigenvalues ** (-1.0 / order)) @ vectors.T


@pytest.mark.identity("S9")
@looks(8)
@given(seed=st.integers(0, 2**32 - 1))
def test_shampoo_preconditions_both_sides(system: System, evidence: Evidence, seed: int) -> None:
    """L^(−1/4) G R^(−1/4) = (L⊗R)^(−1/4) vec G (row by row), with L = εI + Σ GGᵀ and R = εI + Σ GᵀG.

    Gupta, Koren & Singer 2018, algorithm 1 and lemma 8, εI + (1/r) Σ ggᵀ ⪯ (εI + ΣGGᵀ)^(1/2) ⊗ (εI + ΣGᵀG)^(1/2).
    Rotating rows and columns rotates the step; a full-rank step from zero is UVᵀ. In torch also by pytorch_optimizer.
    Cannot see convergence.
    """
    backend, precision = system.backend, system.precision
    random, xp = np.random.default_rng(seed), namespace(backend)
    history = rounded(system, random.standard_normal((3, 2, 3)))
    epsilon = 2.0**-4
    left = epsilon * np.eye(2) + sum(g @ g.T for g in history)
    right = epsilon * np.eye(3) + sum(g.T @ g for g in history)
    exact = shampoo_exactly(history, epsilon)
    size, condition = float(np.linalg.norm(exact.astype(float))), np.linalg.cond(left) * np.linalg.cond(right)
    allowed = 128 * precision.unit_roundoff * condition * size
    L, R, g = (backend.array(z, precision.name) for z in (left, right, history[-1]))
    steps = {
        "two sides": inverse_root(xp, L, 4) @ g @ inverse_root(xp, R, 4),
        "Kronecker product": (inverse_root(xp, xp.kron(L, R), 4) @ g.reshape(-1)).reshape(2, 3),
    }
    if backend.name == "torch":
        steps["pytorch_optimizer.Shampoo"] = shampoo_of_a_library(backend, history, epsilon, precision.name)
    for name, step in steps.items():
        evidence.at_most(f"{name}: error", distance(backend.numbers(step), exact), float(allowed))
    rows, _ = np.linalg.qr(random.standard_normal((2, 2)))
    columns, _ = np.linalg.qr(random.standard_normal((3, 3)))
    turned = shampoo_exactly(np.array([rows @ h @ columns.T for h in history]), epsilon).astype(float)
    back = rows.T @ turned @ columns
    evidence.at_most("equivariance", float(np.linalg.norm(back - exact.astype(float))), float(allowed))
    unturned = rows.T @ adagrad(epsilon, np.array([rows @ h @ columns.T for h in history])) @ columns
    evidence.control("a diagonal preconditioner", bool(np.linalg.norm(unturned - adagrad(epsilon, history)) > allowed))
    square = random.standard_normal((2, 2))
    u, _, vt = np.linalg.svd(square)
    first = inverse_root(np, square @ square.T, 4) @ square @ inverse_root(np, square.T @ square, 4)
    limit = 128 * 2.0**-53 * np.linalg.cond(square) ** 2
    evidence.at_most("one full-rank step from zero − UVᵀ", float(np.linalg.norm(first - u @ vt)), float(limit))
    rank = 2
    whole = epsilon * np.eye(6) + sum(np.outer(h.ravel(), h.ravel()) for h in history) / rank
    above = np.kron(inverse_root(np, left, -2), inverse_root(np, right, -2))
    least = float(np.min(np.linalg.eigvalsh(above - whole)))
    evidence.at_most("lemma 8: −smallest eigenvalue of the difference", -least, 2.0**-40)


def adagrad(epsilon: float, history: Floats) -> Floats:
    return np.asarray(history[-1] / np.sqrt(epsilon + np.sum(history**2, axis=0)))


def shampoo_exactly(history: Floats, epsilon: float) -> Any:
    with mp.workdps(40):
        g = [linear.matrix(h.tolist()) for h in history]
        sides = []
        for products in ([h * h.T for h in g], [h.T * h for h in g]):
            total = mpf(epsilon) * linear.eye(products[0].rows)
            for product in products:
                total = total + product
            eigenvalues, q = linear.eigsy(total)
            sides.append(q * linear.diag([e ** (-mpf(1) / 4) for e in eigenvalues]) * q.T)
        return np.array((sides[0] * g[-1] * sides[1]).tolist(), dtype=object)


def shampoo_of_a_library(backend: Backend, history: Floats, epsilon: float, dtype: str) -> Any:
    """The last step of pytorch_optimizer's Shampoo, with learning rate 1."""
    library = pytest.importorskip(
        "pytorch_optimizer", reason="pytorch-optimizer is not installed: its Shampoo is not verified"
    )
    x = backend.array(np.zeros(history.shape[1:]), dtype).requires_grad_()
    optimizer = library.Shampoo([x], lr=1.0, matrix_eps=epsilon)
    before = x.detach().clone()
    for g in history:
        before = x.detach().clone()
        x.grad = backend.array(g, dtype)
        optimizer.step()
    return before - x.detach()


# Sophia
