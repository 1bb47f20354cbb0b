"""What users of derivatives take for granted, and no theorem says: inputs stay, types and shapes fit, bits repeat."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlaws.strategies.functions import scalar_functions
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.points import directions
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.bound.thresholds import fault
from gradlaws.suite.checking.answer import Answer, exactly
from gradlaws.suite.checking.asking import beside_truth
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.profiles import examples
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.floats import flat


def same_bits(a: Floats, b: Floats) -> Floats:
    """1 where the bits agree, else 0."""
    kind = np.result_type(a, b)
    agree = oracle.bits(a.astype(kind)).view(np.int64) == oracle.bits(b.astype(kind)).view(np.int64)
    return np.asarray(agree.reshape(-1, a.size).all(axis=0), dtype=np.float64)


def holds_everywhere(check: Check, label: str, mode: Mode, agree: Floats, control: str) -> None:
    """A statement about bits has no tolerance: all ones. Its control is the same statement with one entry denied."""
    ones, nothing = exactly(np.ones(agree.shape)), np.zeros(agree.shape)
    check.compare(label, 1, agree, ones, nothing, mode=mode)
    check.control(control, np.append(agree[:-1], 0.0), ones, nothing)


def asked(system: System, mode: Mode, f: Program, x: list[Any]) -> list[Any]:
    """The framework's own arrays."""
    return list(mode.function(system.backend.function(f, system.precision), x))


def gradients_of(check: Check, f: Program, x: Point) -> list[Answer]:
    """What the modes that differentiate say here."""
    return [answer for answer in check.answers("gradient", f, x) if not answer.by.differences]


@pytest.mark.identity("U1")
@examples(1 / 3)
@given(data=st.data())
def test_a_derivative_leaves_its_input_alone_and_repeats_its_bits(trial: Trial, data: st.DataObject) -> None:
    """After grad f(x), x has the bits that it had; asked again, grad f(x) has the bits that it had.

    Cannot see what only shows with several threads.
    """
    f, x = trial.draw(data, scalar_functions(trial.precision))
    with trial.example(f, x) as check:
        for mode in (answer.by for answer in gradients_of(check, f, x)):
            native = trial.backend.point(x, trial.precision)
            first, second = (trial.backend.joined(asked(trial.system, mode, f, native)) for _ in range(2))
            kept = same_bits(trial.backend.joined(native), flat(x))
            holds_everywhere(check, "x is left alone", mode, kept, "an entry moved")
            holds_everywhere(check, "the same bits twice", mode, same_bits(first, second), "an entry moved")


@pytest.mark.identity("U2")
@examples(1 / 3)
@given(data=st.data())
def test_a_derivative_has_the_type_and_the_shape_of_its_input(trial: Trial, data: st.DataObject) -> None:
    """grad f(x) is made of arrays of x's dtype and shape. Cannot see a wider type inside."""
    f, x = trial.draw(data, scalar_functions(trial.precision))
    with trial.example(f, x) as check:
        for mode in (answer.by for answer in gradients_of(check, f, x)):
            native = trial.backend.point(x, trial.precision)
            parts = asked(trial.system, mode, f, native)
            fit = [a.dtype == b.dtype and tuple(a.shape) == tuple(b.shape) for a, b in zip(native, parts, strict=True)]
            holds_everywhere(check, "dtype and shape", mode, np.array(fit, dtype=np.float64), "another dtype")


@pytest.mark.identity("U3")
@examples(1 / 3)
@given(data=st.data())
def test_the_layout_in_memory_does_not_matter(trial: Trial, data: st.DataObject) -> None:
    """grad f at a strided view of x is grad f(x). JAX has no strided arrays. Cannot see layouts of higher rank."""
    f, x = trial.draw(data, scalar_functions(trial.precision))
    moved = 1 + max(2.0**-6, fault(trial.precision))
    with trial.example(f, x) as check:
        for gradient in gradients_of(check, f, x):
            views = [trial.backend.array(np.stack([a, -a], axis=-1), trial.precision.name)[..., 0] for a in x]
            got = trial.backend.joined(asked(trial.system, gradient.by, f, views))
            check.compare(
                "strided input",
                1,
                got,
                gradient.truth,
                gradient.tolerance,
                gradient.majorant,
                mode=gradient.by,
            )
            try:
                other = trial.backend.joined(asked(trial.system, gradient.by, f, [moved * view for view in views]))
            except DomainError:
                continue  # the control has left the domain
            check.control("the entries between", other, gradient.truth, gradient.tolerance)


COPIES = (2, 3)  # into which one more input is broadcast
SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 1), (2, 3), (0,))


@pytest.mark.identity("U4")
@examples(1 / 3)
@given(data=st.data())
def test_one_more_input_changes_nothing_and_counts_its_copies(trial: Trial, data: st.DataObject) -> None:
    """For g(x, e) = f(x) + Σ(e · 1), ∂g/∂x = ∇f(x), and ∂g/∂e is how often each entry of e is copied by broadcasting;
    of an empty e it is empty. Cannot see inputs that f itself broadcasts, which the primitive of that name does."""
    f, x = trial.draw(data, scalar_functions(trial.precision))
    shape = trial.draw(data, st.sampled_from(SHAPES))
    backend, dtype = trial.backend, trial.precision.name
    whole = (0,) if shape == (0,) else COPIES
    ones, more = backend.array(np.ones(whole), dtype), backend.array(np.full(shape, 0.5), dtype)
    copies = np.full(math.prod(shape), math.prod(whole) / max(math.prod(shape), 1))
    with trial.example(f, x) as check:
        for gradient in gradients_of(check, f, x):
            mode, native = gradient.by, backend.function(f, trial.precision)
            inputs = [*backend.point(x, trial.precision), more]
            parts = list(mode.function(lambda *a, f=native: f(*a[:-1]) + (a[-1] * ones).sum(), inputs))
            got, of_more = backend.joined(parts[:-1]), backend.numbers(parts[-1])
            check.compare(
                "beside another input",
                1,
                got,
                gradient.truth,
                gradient.tolerance,
                gradient.majorant,
                mode=mode,
            )
            fits = np.array([of_more.shape == shape], dtype=np.float64)
            holds_everywhere(
                check, "an input broadcast, or empty", mode, np.append(fits, of_more.ravel() == copies), "a copy"
            )


def judge_more(check: Check, *directions: Point) -> None:
    """Every mode that only this identity asks, in turn, and what it must see fail, where the function can be judged."""
    system = check.system
    more = system.backend.more
    (quantity,) = {mode.quantity for mode in more[check.trial.identity]}
    plain = check.answer(system.backend.modes_of(quantity)[0], None, None, *directions)
    if plain is None or beside_truth(plain).verdict.kind == "inconclusive":
        return
    for mode in check.modes(quantity, more[check.trial.identity]):
        answer = check.answer(mode, None, None, *directions)
        if answer is not None:
            check.true(answer)
    for mode in more[f"control of {check.trial.identity}"]:
        wrong = system.backend.run(mode, check.program, system.precision, check.point, *directions)
        if wrong.numbers is not None:
            check.control(mode.name, wrong.numbers, plain.truth, plain.tolerance, plain.majorant)


@pytest.mark.identity("U6")
@examples(1 / 3)
@given(data=st.data())
def test_a_batch_is_its_rows(trial: Trial, data: st.DataObject) -> None:
    """vmap(∇f)(X)ᵢ = ∇f(Xᵢ) for rows that differ, stacked along the first axis or the last, of all inputs or one, for
    one row and beside none; and ∇(vmap(f)(X)ᵢ) = ∇f(Xᵢ). Cannot see batches of batches, nor large ones."""
    f, x = trial.draw(data, scalar_functions(trial.precision, max_steps=4))
    with trial.example(f, x) as check:
        judge_more(check)


@pytest.mark.identity("U7")
@examples(1 / 3)
@given(data=st.data())
def test_what_is_compiled_at_one_point_holds_at_another(trial: Trial, data: st.DataObject) -> None:
    """jit(∇f), traced and compiled at 3/4 x, is ∇f at x; so are ∇(jit f) and what was compiled ahead of time. A first
    call is a mode of every identity. Cannot see a trace that depends on values, which JAX refuses."""
    f, x = trial.draw(data, scalar_functions(trial.precision, max_steps=4))
    with trial.example(f, x) as check:
        judge_more(check)


@pytest.mark.identity("U8")
@examples(1 / 3)
@given(data=st.data())
def test_torch_autograd_differentiates_what_torch_func_did(trial: Trial, data: st.DataObject) -> None:
    """D_v of torch.func's ∇f by torch.autograd, in either mode, is ∇²f v. Cannot see torch.autograd inside torch.func,
    which torch refuses."""
    f, x = trial.draw(data, scalar_functions(trial.precision, max_steps=4))
    v = trial.draw(data, directions(trial.precision, f.inputs))
    with trial.example(f, x, v) as check:
        judge_more(check, v)
