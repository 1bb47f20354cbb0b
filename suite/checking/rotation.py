"""Which of a backend's modes meet an example: all of them, or some in turn."""

from __future__ import annotations

from collections.abc import Sequence

from gradlaws.suite.backends.backend import Mode


def in_turn(offered: Sequence[Mode], count: int, start: int) -> list[Mode]:
    """The next ``count`` modes from ``start`` on, counting through all of them again and again, less those that sit
    this round out."""
    met = ((place // len(offered), offered[place % len(offered)]) for place in range(start, start + count))
    return [mode for turn, mode in met if turn % mode.every == 0]
