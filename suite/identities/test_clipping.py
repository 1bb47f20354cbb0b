"""Gradient clipping by the global norm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

from gradlaws.strategies.mp_arrays import mp_array, to_floats, to_longdoubles
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point
from gradlaws.suite.checking.answer import exactly
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.identities import clipping
from gradlaws.suite.identities.clipping import Way
from gradlaws.suite.profiles import examples
from gradlaws.suite.truth import oracle
from gradlaws.suite.truth.floats import flat, unit
from gradlaws.suite.truth.oracle import Truth


@pytest.mark.identity("N2")
@examples(1)
@given(data=st.data())
def test_clipping_rescales_to_the_threshold_or_leaves_alone(trial: Trial, data: st.DataObject) -> None:
    """clip(g) = g · min(1, c/‖g‖) (Pascanu et al. 2013), by each library's own formula: torch divides by ‖g‖ + 1e-6.

    The norm of the result is the cap; below the threshold not a bit changes. Cannot see norms that overflow.
    """
    g, order, c = trial.draw(data, clipping.clippings(trial.precision))
    ways = clipping.ways(trial.backend, g, order, c)
    n = len(flat(g))
    with trial.example(ways[0].program, g) as check:
        for way in ways:
            numbers = clipping.computed(check, way.mode, way.program, g)
            if numbers is None:
                continue
            truth = oracle.value(way.program, g)
            tolerance = clipping.tolerance(trial.system, way.program, g, truth.floats)
            check.compare(way.mode.name, 0, numbers, truth, tolerance, program=way.program, mode=way.mode)
            name, p = way.mode.name, clipping.order_of(way.program)
            if clipping.is_below(trial.system, way.program, g, truth.floats[-1]):
                same = exactly(flat(g))
                bits, of_bits = numbers[:n], np.zeros(n)
                check.compare(f"{name}: alone below c", 0, bits, same, of_bits, program=way.program, mode=way.mode)
            else:
                got, cap, allowed = capped(numbers[:n], truth, tolerance[:n], p)
                check.compare(f"{name}: norm = cap", 0, got, cap, allowed, program=way.program)
            control_per_tensor(check, way, g)


def control_per_tensor(check: Check, way: Way, g: Point) -> None:
    """The drawn gradients and one more tensor, clipped to half the norm: whatever was drawn, clipping acts on two."""
    more = (*g, 2 * g[0])
    p = clipping.order_of(way.program)
    c = float(np.linalg.norm(flat(more), p)) / 2
    program = clipping.like(way.program, more, c)
    truth = oracle.value(program, more)
    wrong = np.append(clipping.per_tensor(more, p, c), truth.floats[-1])
    tolerance = clipping.tolerance(check.system, program, more, truth.floats)
    check.control("a threshold per tensor", wrong, truth, tolerance)


def capped(clipped: Floats, truth: Truth, tolerance: Floats, order: float) -> tuple[Floats, Truth, Floats]:
    """The norm of the result, that of the exact result, and its tolerance, each of shape (1,); rounded once here."""
    with mp.workdps(60):
        exactly = np.array([clipping.norm(mp_array(clipped), order)], dtype=object)
        cap = np.array([clipping.norm(truth.exact[:-1], order)], dtype=object)
    got: Floats = to_floats(exactly) if clipped.dtype == np.float64 else np.asarray(to_longdoubles(exactly))
    allowed = np.linalg.norm(tolerance, order) + unit(clipped) * got
    return got, Truth(cap, np.zeros(1)), allowed


@pytest.mark.identity("N3")
@examples(1)
@given(data=st.data())
def test_clipping_preserves_direction(trial: Trial, data: st.DataObject) -> None:
    """clip(g) = s g with one s > 0 for all entries of all tensors; and clip(g)_i g_j = clip(g)_j g_i, to a few ulps.

    No error of the norm enters the latter, which cannot see a wrong s, nor anything at a single entry.
    """
    g, order, c = trial.draw(data, clipping.clippings(trial.precision))
    entries = flat(g)
    ways = clipping.ways(trial.backend, g, order, c)
    with trial.example(ways[0].program, g) as check:
        for way in ways:
            numbers = clipping.computed(check, way.mode, way.program, g)
            if numbers is None:
                continue
            truth = oracle.value(way.program, g)
            tolerance = clipping.tolerance(trial.system, way.program, g, truth.floats)
            check.compare(way.mode.name, 0, numbers, truth, tolerance, program=way.program, mode=way.mode)
            left, right, allowed = proportional(trial.system, numbers[:-1], entries, c)
            check.compare(f"{way.mode.name}: one factor", 0, left, right, allowed, program=way.program)
            # Between the largest entry and one four times as large, the threshold alters one of them only.
            largest = float(np.max(np.abs(entries)))
            more = np.append(entries, 4 * largest)
            by_value = np.clip(more, -2 * largest, 2 * largest)
            check.control("clip by value", *proportional(trial.system, by_value, more, 2 * largest))


def proportional(system: System, clipped: Floats, entries: Floats, c: float) -> tuple[Floats, Truth, Floats]:
    """clipped_i g_j for every i, where g_j is the largest; clipped_j g_i exactly; and how far apart they may be.

    Two roundings on either side (a quotient and a product), and that of the product taken here; either may be flushed.
    """
    j = int(np.argmax(np.abs(entries)))
    left = clipped * entries[j]
    with mp.workdps(60):
        right = Truth(mp_array(clipped[j]) * mp_array(entries), np.zeros(len(entries)))
    eta = system.backend.smallest(system.precision) * (1 + c)
    roundings = 4 * system.precision.unit_roundoff + unit(clipped)
    return left, right, roundings * np.abs(left) + eta * (np.abs(entries) + np.abs(entries[j]))
