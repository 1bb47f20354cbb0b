"""The partials of one step by their limit definition, rounded once to long double.

The partials of suite/bound/partials.py are float64: enough for a bound, and for NumPy's formulas in float64 and
narrower types.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Step
from gradlaws.suite.run import kept
from gradlaws.suite.truth import partials
from gradlaws.suite.truth.oracle import HashablePoint

Partials = tuple[NDArray[np.intp], NDArray[np.longdouble], NDArray[np.longdouble]]


def exact_partials(step: Step, arguments: Sequence[Floats], fixed: tuple[bool, ...] = ()) -> Partials:
    """``index`` (k, p), ``first`` (k, p) and ``second`` (k, p, p), as in ``Local`` of suite/bound/partials.py, but
    without ``fixed`` arguments, which nothing moves.

    Raises DomainError where the step is not defined around its arguments.
    """
    return _partials(step, HashablePoint(tuple(arguments)), fixed)


@kept(4096)
def _partials(step: Step, point: HashablePoint, fixed: tuple[bool, ...]) -> Partials:
    moving = None if all(fixed) else [not still for still in fixed]
    found = partials.of(step, lambda digits: [mp_arrays.mp_array(a) for a in point.arrays], 2, moving)
    return found.index, mp_arrays.to_longdoubles(found.first), mp_arrays.to_longdoubles(found.second)
