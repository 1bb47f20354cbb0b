"""Gradient clipping by the global norm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

from strategies.mp_arrays import mp_array
from strategies.primitive import Floats
from suite import clipping, oracle
from suite.oracle import Truth
from suite.profiles import examples
from suite.quantities import flat
from suite.system import System, exactly


@pytest.mark.identity("N2")
@examples(1)
@given(data=st.data())
def test_clipping_rescales_to_the_threshold_or_leaves_alone(system: System, data: st.DataObject) -> None:
    """clip(g) = g · min(1, c/‖g‖) (Pascanu et al. 2013), by each library's own formula: torch divides by ‖g‖ + 1e-6.

    The norm of the result is the cap; below the threshold not a bit changes. Cannot see norms that overflow.
    """
    g, order, c = system.draw(data, clipping.clippings(system.precision))
    ways = clipping.ways(system.backend, g, order, c)
    n = len(flat(g))
    with system.example(ways[0].program, g) as check:
        for way in ways:
            numbers = clipping.computed(check, way.mode, way.program, g)
            if numbers is None:
                continue
            truth = oracle.value(way.program, g)
            tolerance = clipping.tolerance(system, way.program, g, truth.floats)
            check.compare(way.mode.name, 0, numbers, truth, tolerance, program=way.program, mode=way.mode)
            name, p = way.mode.name, clipping.order_of(way.program)
            if clipping.is_below(system, way.program, g, truth.floats[-1]):
                same = exactly(flat(g))
                bits, of_bits = numbers[:n], np.zeros(n)
                check.compare(f"{name}: alone below c", 0, bits, same, of_bits, program=way.program, mode=way.mode)
            else:
                got, cap, allowed = capped(numbers[:n], truth, tolerance[:n], p)
                check.compare(f"{name}: norm = cap", 0, got, cap, allowed, program=way.program)
            if len(g) > 1:
                wrong = np.append(clipping.per_tensor(g, p, c), numbers[-1])
                check.control("a threshold per tensor", wrong, truth, tolerance)


def capped(clipped: Floats, truth: Truth, tolerance: Floats, order: float) -> tuple[Floats, Truth, Floats]:
    """The norm of the result, that of the exact result, and its tolerance, each of shape (1,); rounded once here."""
    with mp.workdps(60):
        got = float(clipping.norm(mp_array(clipped), order))
        cap = np.array([clipping.norm(truth.exact[:-1], order)], dtype=object)
    allowed = np.linalg.norm(tolerance, order) + 2.0**-53 * got
    return np.array([got]), Truth(cap, np.zeros(1)), np.array([allowed])


@pytest.mark.identity("N3")
@examples(1)
@given(data=st.data())
def test_clipping_preserves_direction(system: System, data: st.DataObject) -> None:
    """clip(g) = s g with one s > 0 for all entries of all tensors; and clip(g)_i g_j = clip(g)_j g_i, to a few ulps.

    No error of the norm enters the latter, which cannot see a wrong s, nor anything at a single entry.
    """
    g, order, c = system.draw(data, clipping.clippings(system.precision))
    entries = flat(g)
    n, j = len(entries), int(np.argmax(np.abs(entries)))
    ways = clipping.ways(system.backend, g, order, c)
    eta = system.backend.smallest(system.precision) * (1 + c)
    with system.example(ways[0].program, g) as check:
        for way in ways:
            numbers = clipping.computed(check, way.mode, way.program, g)
            if numbers is None:
                continue
            truth = oracle.value(way.program, g)
            tolerance = clipping.tolerance(system, way.program, g, truth.floats)
            check.compare(way.mode.name, 0, numbers, truth, tolerance, program=way.program, mode=way.mode)
            clipped, by_value = numbers[:n], np.clip(entries, -c, c)
            left, right = clipped * entries[j], crossed(clipped, entries, j)
            # Two roundings on either side (a quotient and a product), and that of the product taken here.
            allowed = (4 * system.precision.unit_roundoff + 2.0**-53) * np.abs(left)
            allowed = allowed + eta * (np.abs(entries) + np.abs(entries[j]))
            check.compare(f"{way.mode.name}: one factor", 0, left, right, allowed, program=way.program)
            check.control("clip by value", by_value * entries[j], crossed(by_value, entries, j), allowed)


def crossed(clipped: Floats, entries: Floats, j: int) -> Truth:
    """clipped_j · g_i for every i, exactly."""
    with mp.workdps(60):
        return Truth(mp_array(clipped[j]) * mp_array(entries), np.zeros(len(entries)))
