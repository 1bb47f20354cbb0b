"""From a deviation to the ledger: the survey sees it, the row to paste is a row, and its script shows it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp, mpf

from benchmarks import survey
from strategies.catalogue import PRIMITIVES
from strategies.precision import FLOAT32, FLOAT64
from strategies.program import Program, Step, weighted
from suite import backends, ledger, proposal, reproduce
from suite.backends.backend import Mode

NUMPY = backends.load("numpy")
VALUE = NUMPY.modes_of("value")[0]
GRADIENT = NUMPY.modes_of("gradient")[0]


def row_of(text: str, folder: Path) -> ledger.Row:
    path = folder / "ledger.toml"
    path.write_text(text)
    (row,) = ledger.read(path)
    return row


@pytest.mark.parametrize("mode", [VALUE, GRADIENT])
def test_the_proposed_row_is_a_row_with_the_program_and_the_witness(mode: Mode, tmp_path: Path) -> None:
    step = Step("softmax", (0,), tuple(PRIMITIVES["softmax"].variants((2,))[0].items()))  # type: ignore[index]
    program = weighted(Program(((2,),), (step,)), np.array([1.0, 3.0]))
    point = (np.array([0.5, -2.0]),)
    row = row_of(proposal.row(NUMPY, FLOAT64, mode, program, point, (), (0,), 0.25), tmp_path)
    assert row.program == program
    assert np.array_equal(row.witness[0], point[0])
    assert (row.backend, row.mode, row.got) == ("numpy", mode.name, 0.25)
    assert row.contains(row.witness)


def test_a_row_for_what_raises_names_the_exception(tmp_path: Path) -> None:
    program = Program(((),), (Step("exp", (0,)),))
    text = proposal.row(NUMPY, FLOAT32, GRADIENT, program, (np.array(1.0),), (), (), "ValueError: no rule")
    assert row_of(text, tmp_path).got == "ValueError: no rule"


def test_no_row_speaks_of_two_primitives() -> None:
    program = Program(((),), (Step("exp", (0,)), Step("sin", (1,))))
    assert proposal.row(NUMPY, FLOAT64, VALUE, program, (np.array(1.0),), (), (0,), 0.0) == ""


@pytest.mark.parametrize("value", ['a "b"', [1, 2.5], {"axis": -1}, True, ["x", {"k": [1]}]])
def test_values_are_written_as_toml_reads_them(value: object) -> None:
    assert tomllib.loads(f"v = {proposal.toml(value)}")["v"] == value


def test_the_truth_of_the_survey_is_the_derivative() -> None:
    with mp.workdps(30):
        found = survey.truth(mp.sin, 0.75)
        expected = [mp.sin(0.75), mp.cos(0.75), -mp.sin(0.75), -mp.cos(0.75)]
        assert all(abs(a - b) < mpf(10) ** -17 for a, b in zip(found, expected, strict=True))  # type: ignore[operator]


def test_the_truth_of_the_survey_believes_no_swamped_difference() -> None:
    assert survey.truth(lambda x: mpf(1), 0.75)[1:3] == [None, None]


def test_points_of_the_survey_are_of_the_precision_and_of_both_signs() -> None:
    points = survey.sample(FLOAT32, "exp")
    assert np.array_equal(points, points.astype(np.float32))
    assert np.any(points > 0) and np.any(points < 0)
    assert np.max(np.abs(points)) > 1e30


def test_ulps_excuse_the_rounding_of_the_input_only() -> None:
    u = FLOAT64.unit_roundoff
    assert survey.ulps(1.0 + 8 * u, mpf(1), mpf(0), 1.0, FLOAT64) == pytest.approx(8)
    assert survey.ulps(1.0 + 8 * u, mpf(1), mpf(2), 1.0, FLOAT64) == 0
    assert survey.ulps(float("nan"), mpf(1), mpf(0), 1.0, FLOAT64) == float("inf")


def test_the_survey_writes_records_resumes_and_says_how_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "survey.jsonl"
    arguments = ["sin", "--backends", "numpy", "--dtypes", "float64", "--jobs", "1", "--out", str(out)]
    assert survey.main(arguments) == 0
    assert "0 candidates" in capsys.readouterr().out
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert {"strict", "bound", "scaled", "done"} == {r["layer"] for r in records}
    out.write_text(out.read_text() + '{"layer": "str')
    assert survey.main([*arguments, "--resume"]) == 0
    assert "cut short" in capsys.readouterr().err


def test_the_survey_refuses_unknown_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert survey.main(["sine"]) == 2
    assert "unknown 'sine'" in capsys.readouterr().err


def test_a_deviation_s_script_shows_it(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    row = next(row for row in ledger.rows() if row.backend == "torch" and isinstance(row.got, float))
    ok, text = reproduce.run(row, tmp_path)
    assert ok, text
    assert len((tmp_path / f"{row.id}.py").read_text().splitlines()) <= 25


def test_an_unknown_deviation_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert reproduce.main(["nonsense"]) == 2
    assert "no deviation is called 'nonsense'" in capsys.readouterr().err


def test_a_region_may_speak_of_the_mean_and_the_spread_of_a_row() -> None:
    row = next(row for row in ledger.rows() if row.id == "jax-layer-norm-variance-cancels")
    assert row.contains((np.array([100.0, 101.0]),))
    assert not row.contains((np.array([-1.0, 1.0]),))
    assert row.contains((np.array([[-1.0, 1.0], [100.0, 101.0]]),))
