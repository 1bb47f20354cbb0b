"""Sensitivity: what is measured is the size of the fault, down to which a checker rejects without a gap."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.sensitivity import __main__ as sensitivity
from benchmarks.sensitivity import checkers, examples
from benchmarks.sensitivity.checkers import Checker, Example
from benchmarks.sensitivity.spoilt import Fault, Spoilt, spoilt
from gradlaws.strategies.precision import FLOAT64, Precision
from gradlaws.strategies.program import Program, Step
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.truth.oracle import Truth

NUMPY = backends.load("numpy")
SINE = Program(((),), (Step("sin", (0,)),))
EXAMPLE = Example(SINE, (np.array(1.0),), Truth(np.array([0.5]), np.zeros(1)), np.zeros(1), 1.0)


def by_size(limit: float, chance: float = 0.0) -> Checker:
    """A checker that rejects faults of a size, and by chance one far below."""

    def checker(backend: Backend, precision: Precision, order: int, example: Example) -> bool:
        assert isinstance(backend, Spoilt)
        return backend.fault.delta >= limit or (chance > 0 and backend.fault.delta == chance)

    return checker


def smallest(checker: Checker) -> dict[str, Any]:
    return sensitivity.measured(spoilt(NUMPY, "sin"), FLOAT64, 1, [EXAMPLE], "a checker", checker)


@pytest.mark.parametrize("exponent", [0, 1, 9, 43])
def test_the_smallest_fault_is_found_to_a_factor_of_two(exponent: int) -> None:
    assert smallest(by_size(2.0**-exponent))["delta"] == 2.0**-exponent


def test_what_is_rejected_by_chance_far_below_does_not_count() -> None:
    assert smallest(by_size(2.0**-9, chance=2.0**-42))["delta"] == 2.0**-9


def test_a_checker_that_sees_nothing_and_one_that_cries_wolf() -> None:
    assert smallest(by_size(2.0))["delta"] is None
    wolf = smallest(by_size(0.0))
    assert (wolf["delta"], wolf["alarms"]) == (None, 1)


def test_a_fault_of_this_suite_s_size_is_seen_in_torch_itself() -> None:
    pytest.importorskip("torch")
    backend = spoilt(backends.load("torch"), "sin")
    alone = examples.pool(examples.objectives(FLOAT64, "sin"), 4)
    asked = list(itertools.islice(examples.usable(backend, FLOAT64, 1, alone), 1))
    assert asked and backend.fault == Fault(0.0)
    own = sensitivity.measured(backend, FLOAT64, 1, asked, "gradlaws", checkers.rejects)
    other = sensitivity.measured(backend, FLOAT64, 1, asked, "gradcheck", checkers.gradcheck)
    assert own["delta"] is not None and own["delta"] <= sensitivity.GOAL["float64"]
    assert other["delta"] is not None and other["delta"] >= 1e-5


def record(**fields: Any) -> dict[str, Any]:
    return {"backend": "torch", "family": "elementwise", "primitive": "sin", "order": 1, "dtype": "float64",
            "tool": "gradlaws", "delta": 2.0**-45, "functions": 2, "alarms": 0, "seconds": 0.001, "spent": 0.1,
            **fields}  # fmt: skip


def test_the_goal_is_missed_where_neither_order_shows_the_fault() -> None:
    assert sensitivity.misses([record(), record(order=2, delta=None)]) == []
    missed = [record(delta=1e-9), record(order=2, delta=None)]
    assert sensitivity.misses(missed) == [missed[0]]
    assert sensitivity.misses([record(delta=None, tool="gradcheck"), record(delta=None, family="linear_algebra")]) == []


def test_the_table_tells_the_median_and_what_is_unseen() -> None:
    table = sensitivity.table([record(), record(primitive="cos", delta=2.0**-40), record(primitive="exp", delta=None)])
    assert "9.1e-13" in table and table.splitlines()[1].split()[-3:-1] == ["1", "0"]


def test_a_run_is_resumed_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, kept = tmp_path / "s.jsonl", tmp_path / "s.json"
    monkeypatch.setitem(sensitivity.CHECKERS, "torch", {k: {"gradlaws": by_size(2.0**-45)} for k in (1, 2)})
    monkeypatch.setattr(sensitivity, "examples", lambda *arguments: [EXAMPLE])
    command = ["sin", "--backends", "torch", "--dtypes", "float64", "--out", str(out)]
    assert sensitivity.main(command) == 0
    lines = out.read_text().splitlines()
    assert [json.loads(line)["order"] for line in lines] == [1, 2]
    out.write_text(lines[0] + "\n" + lines[1][:30])
    assert sensitivity.main([*command, "--resume", "--save", str(kept)]) == 0
    assert "1 damaged lines left out" in capsys.readouterr().err
    table = json.loads(kept.read_text())
    assert (table["kind"], table["missed"], len(table["rows"])) == ("sensitivity", [], 2)


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["sine"], ["--backends", "numpy"], ["--dtypes", "float8"]):
        with pytest.raises(SystemExit) as stop:
            sensitivity.main(arguments)
        assert stop.value.code == 2
        assert "unknown" in capsys.readouterr().err
