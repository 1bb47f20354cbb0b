"""What a verdict is to a shell."""

from __future__ import annotations

from collections.abc import Sequence

HOLDS, VIOLATED, COULD_NOT_RUN, INSUFFICIENT = range(4)
STATUS = {"holds": HOLDS, "violated": VIOLATED, "inconclusive": INSUFFICIENT, "unsupported": INSUFFICIENT}
OUTCOMES = {
    "holds": HOLDS, "violated": VIOLATED, "could not run": COULD_NOT_RUN, "insufficient evidence": INSUFFICIENT,
}  # fmt: skip
GRAVITY = (VIOLATED, COULD_NOT_RUN, INSUFFICIENT, HOLDS)


def gravest(statuses: Sequence[int]) -> int:
    """A violation was seen, whatever could not be."""
    return min(statuses, key=GRAVITY.index)
