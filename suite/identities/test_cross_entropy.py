"""Softmax followed by cross-entropy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlaws.strategies.points import directions
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.bound.thresholds import fault
from gradlaws.suite.checking.answer import exactly
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.identities import cross_entropy
from gradlaws.suite.identities.clipping import computed
from gradlaws.suite.identities.cross_entropy import Loss
from gradlaws.suite.profiles import examples
from gradlaws.suite.truth.floats import unit


@pytest.mark.identity("P2")
@examples(3 / 2)
@given(data=st.data())
def test_the_gradient_of_cross_entropy_is_softmax_minus_p(trial: Trial, data: st.DataObject) -> None:
    """∂/∂z [−Σ p log softmax(z)] = q − p (Bishop 2006, eq. 4.109); with class weights and reductions q Σa − a.

    Each row sums to 0, and a shift of the logits changes nothing. Cannot see what is below the rounding of q.
    """
    question = trial.draw(data, cross_entropy.questions(trial.precision))
    z = question.logits
    (direction,) = trial.draw(data, directions(trial.precision, [z.shape]))
    loss = cross_entropy.loss_of(trial.backend.name, question)
    cross_entropy.check_limit(loss, z, direction)
    with trial.example(loss.asked, (z,), *loss.directions) as check:
        for mode in check.modes(loss.quantity):
            check_gradient(check, loss, loss.named(mode), z)
        check_shift(check, loss, z)


def check_gradient(check: Check, loss: Loss, mode: Mode, z: Floats) -> None:
    """One mode's gradient against the truth, and the sums of its rows."""
    got = computed(check, mode, loss.asked, (z,), *loss.directions)
    if got is None:
        return
    truth = cross_entropy.gradient(loss, z)
    tolerance, size = cross_entropy.tolerance(check.system, loss, z)
    check.compare(mode.name, 1, got, truth, tolerance, size, mode=mode, directions=loss.directions)
    excess = max(2.0**-6, fault(check.system.precision)) * cross_entropy.cotangent(loss, z) * cross_entropy.target(loss)
    check.control("p not normalised", got - excess.ravel(), truth, tolerance, size)

    rows = got.reshape(z.shape)
    sums, of_sums = rows.sum(axis=-1), tolerance.reshape(z.shape).sum(axis=-1)
    of_sums += z.shape[1] * unit(rows) * np.abs(rows).sum(axis=-1)  # the sum is taken here
    check.compare(f"{mode.name}: rows sum to 0", 1, sums, exactly(np.zeros(len(z))), of_sums, size)


def check_shift(check: Check, loss: Loss, z: Floats) -> None:
    """The gradient at logits near z, and at the same plus a constant, by the plainest mode."""
    system = check.system
    mode = next((m for m in system.backend.modes_of(loss.quantity) if system.selected(m.name)), None)
    if mode is None:
        return
    mode = loss.named(mode)
    near, above = cross_entropy.shifted(system.precision, z)
    here = computed(check, mode, loss.asked, (near,), *loss.directions)
    there = computed(check, mode, loss.asked, (above,), *loss.directions)
    if here is not None and there is not None:
        tolerance, size = cross_entropy.tolerance(system, loss, near)
        check.compare(f"{mode.name}: shifted", 1, there, exactly(here), 2 * tolerance, size, point=(above,))
