"""What a function makes before it meets its inputs (tables of angles, masks): a constant of its trace, as rounded.

In float32 such a constant is off by what its own making rounds, which no operation of the tape shows. Traced in float64
as well, the two are apart by that.
"""

from __future__ import annotations

import numpy as np

from gradlaws.suite.tape.tape import Array, Tape


def drift(runs: Tape, wide: Tape | None) -> dict[int, Array]:
    """By number, how far the arrays that ``runs`` brings along are from those of the same trace in float64.

    Empty where the two do not bring the same along.
    """
    if wide is None or wide is runs:
        return {}
    ours, theirs = (
        [(n, np.asarray(x)) for n, x in sorted(tape.constants.items()) if np.size(x) > 1 and tape.kinds[n].is_float]
        for tape in (runs, wide)
    )
    if [x.shape for _, x in ours] != [x.shape for _, x in theirs]:
        return {}
    found = {}
    for (number, own), (_, other) in zip(ours, theirs, strict=True):
        with np.errstate(invalid="ignore"):
            apart = np.abs(own.astype(np.float64) - other.astype(np.float64))
        if np.any(apart > 0):
            found[number] = np.where(np.isnan(apart), 0.0, apart)
    return found
