"""From a deviation to the ledger: the survey sees it, the row to paste is a row, and its script shows it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from benchmarks.survey import __main__ as survey
from benchmarks.survey import nestings, strict, summary
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import FLOAT32, FLOAT64
from gradlaws.strategies.program import Program, Step, weighted
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.backends.question import Question
from gradlaws.suite.known import ledger, ledger_row, reproduce

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
    row = row_of(ledger_row.row(Question(NUMPY, FLOAT64, program, point, mode), (0,), 0.25), tmp_path)
    assert row.program == program
    assert np.array_equal(row.witness[0], point[0])
    assert (row.backend, row.mode, row.got) == ("numpy", mode.name, 0.25)
    assert row.contains(row.witness)


def test_a_row_for_what_raises_names_the_exception(tmp_path: Path) -> None:
    program = Program(((),), (Step("exp", (0,)),))
    question = Question(NUMPY, FLOAT32, program, (np.array(1.0),), GRADIENT)
    text = ledger_row.row(question, (), "ValueError: no rule")
    assert row_of(text, tmp_path).got == "ValueError: no rule"


def test_no_row_speaks_of_two_primitives() -> None:
    program = Program(((),), (Step("exp", (0,)), Step("sin", (1,))))
    assert ledger_row.row(Question(NUMPY, FLOAT64, program, (np.array(1.0),), VALUE), (0,), 0.0) == ""


@pytest.mark.parametrize("value", ['a "b"', [1, 2.5], {"axis": -1}, True, ["x", {"k": [1]}]])
def test_values_are_written_as_toml_reads_them(value: object) -> None:
    assert tomllib.loads(f"v = {ledger_row.toml(value)}")["v"] == value


def test_the_truth_of_the_survey_is_the_derivative() -> None:
    with mp.workdps(30):
        found = strict.truth(mp.sin, [0.75])
        expected = [mp.sin(0.75), mp.cos(0.75), -mp.sin(0.75), -mp.cos(0.75)]
        for order, value in enumerate(expected):
            assert abs(found[(0,) * order] - value) < mpf(10) ** -17


def test_the_truth_of_two_arguments_has_the_mixed_partials() -> None:
    with mp.workdps(30):
        found = strict.truth(lambda x, y: x**2 * y**3, [1.5, 0.75])
        assert abs(found[0, 1] - 6 * mpf(1.5) * mpf(0.75) ** 2) < mpf(10) ** -17
        assert abs(found[0, 1, 1] - 12 * mpf(1.5) * mpf(0.75)) < mpf(10) ** -9
        assert abs(found[0, 0, 1] - 6 * mpf(0.75) ** 2) < mpf(10) ** -9


def test_the_truth_of_the_survey_believes_no_swamped_difference() -> None:
    assert set(strict.truth(lambda x: mpf(1), [0.75])) == {()}


def test_the_truth_of_the_survey_has_no_derivative_at_a_kink() -> None:
    assert set(strict.truth(max, [0.5, 0.5])) == {()}
    jump = strict.truth(lambda x: x * x if x < 1 else 2 * x - 1, [1.0])  # of the second derivative
    assert (0,) in jump and (0, 0) not in jump


def test_points_of_the_survey_are_of_the_precision_and_of_both_signs() -> None:
    points = strict.sample(FLOAT32, "exp")
    assert np.array_equal(points, points.astype(np.float32))
    assert np.any(points > 0) and np.any(points < 0)
    assert np.max(np.abs(points)) > 1e30
    assert {1.0, float(np.nextafter(np.float32(1), np.float32(0)))} <= set(points.tolist())


def test_pairs_of_the_survey_have_ties_and_neighbours_of_ties() -> None:
    x, y = strict.points(FLOAT64, PRIMITIVES["hypot"]).T
    assert np.any(x == y) and np.any((x != y) & (abs(x - y) < 1e-5 * abs(x)))


def test_ulps_excuse_the_rounding_of_the_input_only() -> None:
    u = FLOAT64.unit_roundoff
    steep, level = {(): mpf(1), (0,): mpf(2)}, {(): mpf(1), (0,): mpf(0)}
    assert strict.ulps(1.0 + 8 * u, (), level, [1.0], FLOAT64) == pytest.approx(8)
    assert strict.ulps(1.0 + 8 * u, (), steep, [1.0], FLOAT64) == 0
    assert strict.ulps(float("nan"), (), level, [1.0], FLOAT64) == float("inf")


def test_a_profile_has_few_bins_and_the_worst_of_each() -> None:
    x = np.array([-(2.0**1000), -1.0, 1.0, 1.01, 2.0**1000])
    found = strict.profile(x, np.array([1.0, 2.0, 4.0, 1024.0, np.inf]), FLOAT64)
    assert len(found) == 4 and len(found) <= strict.BINS
    assert [error for _, error in found] == [0.0, 1.0, 10.0, 64.0]
    assert [place for place, _ in found] == sorted(place for place, _ in found)


def test_nestings_see_a_mode_that_is_wrong_at_an_ordinary_point() -> None:
    pytest.importorskip("torch")
    wrong = {r["mode"] for r in nestings.nestings("torch", PRIMITIVES["det"]) if float(r["worst"]) > 1e-4}
    assert "jacrev(jacfwd)" in wrong and "autograd.functional.hessian" not in wrong
    right = nestings.nestings("torch", PRIMITIVES["inv"])
    assert right and all(float(r["worst"]) < 1e-5 for r in right)


def test_the_survey_writes_records_resumes_and_says_how_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "survey.jsonl"
    arguments = ["sin", "--backends", "numpy", "--dtypes", "float64", "--jobs", "1", "--out", str(out)]
    assert survey.main(arguments) == 0
    assert "0 candidates" in capsys.readouterr().out
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert {"strict", "bound", "done"} == {r["layer"] for r in records}
    out.write_text(out.read_text() + '{"layer": "str')
    assert survey.main([*arguments, "--resume"]) == 0
    assert "cut short" in capsys.readouterr().err


def test_an_interrupted_survey_keeps_what_it_has_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        yield (
            "sin float64",
            [{"layer": "done", "primitive": "sin", "dtype": "float64", "backends": ["numpy"], "cpu": 1}],
        )
        raise KeyboardInterrupt

    monkeypatch.setattr(survey, "surveys", interrupted)
    out = tmp_path / "survey.jsonl"
    assert survey.main(["sin", "cos", "--backends", "numpy", "--out", str(out)]) == 130
    assert "run again with --resume" in capsys.readouterr().err
    assert len(out.read_text().splitlines()) == 1


def test_the_summary_tells_the_worst_of_each_layer(tmp_path: Path) -> None:
    record = {"layer": "strict", "backend": "torch", "dtype": "float64", "primitive": "sin", "order": 1, "x": "0x1p+0",
              "mode": "func.grad", "median": 0.5, "got": 1.0, "true": "1", "profile": [[0.5, 1.0]]}  # fmt: skip
    records = [record | {"worst": 3.0}, record | {"worst": "inf", "mode": "func.jvp"}, {"layer": "done"}]
    table = summary.rows(records, survey.LIMITS, lambda record: "a-row")
    summary.save(tmp_path / "survey.json", table, "command", "1 of 2 tasks", 1.0, 2.0)
    told = json.loads((tmp_path / "survey.json").read_text())
    assert (told["schema"], told["kind"], told["command"]) == (1, "survey", "command")
    (row,) = told["rows"]
    assert (row["mode"], row["worst"], row["contract"], row["row"]) == ("func.jvp", "inf", 4.0, "a-row")


def test_the_survey_refuses_unknown_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert survey.main(["sine"]) == 2
    assert "unknown 'sine'" in capsys.readouterr().err


def test_a_deviation_s_script_shows_it(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    row = next(row for row in ledger.rows() if row.backend == "torch" and isinstance(row.got, float))
    status, text = reproduce.run(row, tmp_path)
    assert status == 0, text


def test_an_unknown_deviation_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert reproduce.main(["nonsense"]) == 2
    assert "no deviation is called 'nonsense'" in capsys.readouterr().err


def test_a_region_may_speak_of_the_mean_and_the_spread_of_a_row() -> None:
    row = next(row for row in ledger.rows() if row.id == "jax-layer-norm-variance-cancels")
    assert row.contains((np.array([100.0, 101.0]),))
    assert not row.contains((np.array([-1.0, 1.0]),))
    assert row.contains((np.array([[-1.0, 1.0], [100.0, 101.0]]),))
