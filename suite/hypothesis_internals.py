"""What we use of Hypothesis that it does not promise to keep; all of it is here, so that a release breaks one file."""

from __future__ import annotations

import re
from typing import Any

import hypothesis.internal.conjecture.engine as engine
import pytest
from hypothesis import settings
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants

_SETTINGS = "_hypothesis_internal_use_settings"  # where it keeps a test's settings; one test has many systems


def draw_no_local_constants() -> None:
    """It draws numbers that it finds in the source of what is imported too: a seed would mean other functions after
    every edit, and a run could not be compared with the baseline. It has no setting for this."""
    HypothesisProvider._local_constants = Constants()  # type: ignore[method-assign, assignment]


def shrink_for(seconds: float) -> None:
    """Bounds the shrinking of one failure, for which it has no setting either."""
    engine.MAX_SHRINKING_SECONDS = seconds  # type: ignore[assignment]


def shrink_more_quickly() -> None:
    """The first failures are shrunk with care, the rest of a very red run ever more quickly."""
    shrink_for(max(2, engine.MAX_SHRINKING_SECONDS * 2 // 3))


def settings_of(test: Any) -> settings | None:
    """The settings of a test function; None where it is not Hypothesis's."""
    return getattr(test, _SETTINGS, None)


def use_settings(test: Any, these: settings) -> None:
    setattr(test, _SETTINGS, these)


def drawn(item: pytest.Item) -> dict[str, int]:
    """How many examples Hypothesis drew, by what became of them, from its own statistics."""
    told = re.search(r"(\d+) passing, (\d+) failing, and (\d+) invalid", getattr(item, "hypothesis_statistics", ""))
    return dict(zip(("passing", "failing", "invalid"), map(int, told.groups()), strict=True)) if told else {}
