"""Tapes that err as much as the contracts let them stay inside of A and F, and come near."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.tolerance import __main__ as tolerance
from gradlaws.suite.configuration import configure

configure()


@pytest.mark.parametrize("framework", ["jax", "torch"])
@pytest.mark.parametrize("name", ["chain", "norm", "lse", "cums"])
def test_the_worst_roundings_are_inside_and_come_near(name: str, framework: str) -> None:
    rows = list(tolerance.ratios(framework, name, 0, "float32"))
    assert len(rows) == 2 and tolerance.holds(rows)


def row(**ratios: float) -> dict[str, Any]:
    return {"program": "chain", "dtype": "float32", "worst_of_a": 0.9, "worst_of_f": 0.5} | ratios


def test_a_bound_that_is_exceeded_or_far_away_does_not_hold() -> None:
    assert tolerance.holds([row()])
    assert not tolerance.holds([row(worst_of_f=1.01)]) and not tolerance.holds([row(worst_of_a=0.2)])


def test_half_of_an_operations_bound_is_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What A would be without half of what the contracts allow."""
    along = tolerance.Bounds.along
    monkeypatch.setattr(tolerance.Bounds, "along", lambda self, cotangents: along(self, cotangents) / 2)
    assert not tolerance.holds(list(tolerance.ratios("jax", "chain", 0, "float32")))


def test_a_program_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert tolerance.main(["no_such_program"]) == 2
    assert capsys.readouterr().out.startswith("there is no 'no_such_program'")
