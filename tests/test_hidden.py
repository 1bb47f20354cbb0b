"""That no fault hides behind the ledger: what is planted in the regions of rows is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import hidden
from gradlaws.strategies.precision import FLOAT32, FLOAT64
from gradlaws.strategies.program import Program, Step, weighted
from gradlaws.suite import backends
from gradlaws.suite.backends.question import Question
from gradlaws.suite.checking.asking import asked
from gradlaws.suite.checking.excuses import excused
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.verdict import Verdict
from gradlaws.suite.known import ledger

FIRST, SECOND = ("gradient", "func.grad"), ("hessian", "func.hessian")
HIDDEN_BEFORE = [
    ("digamma", SECOND, 1.001),
    ("digamma", SECOND, -1.0),
    ("trigamma", FIRST, 1.001),
    ("trigamma", SECOND, 1.001),
    ("lgamma", SECOND, 1.001),
]


def answered(primitive: str, by: tuple[str, str], x: float) -> Judged:
    pytest.importorskip("torch")
    backend = backends.load("torch")
    program = Program(((),), (Step(primitive, (0,)),))
    return asked(Question(backend, FLOAT64, program, (np.array(x),), backend.named(*by)))  # type: ignore[arg-type]


@pytest.mark.parametrize("x", [-1.3, 0.3, 0.7, 2.5, 6.0, 40.0])
@pytest.mark.parametrize(("primitive", "by", "factor"), HIDDEN_BEFORE)
def test_a_fault_of_a_thousandth_behind_a_row_is_seen(
    primitive: str, by: tuple[str, str], factor: float, x: float
) -> None:
    judged = answered(primitive, by, x)
    assert judged.got is not None and excused(judged)[0].verdict.kind in ("holds", "deviation", "inconclusive")
    planted = hidden.of(judged, judged.got * factor)
    assert excused(planted)[0].verdict.kind in ("violated", "inconclusive")
    assert judged.verdict.kind == "inconclusive" or excused(planted)[0].verdict.kind == "violated"


@pytest.mark.parametrize("x", [-3.0, 0.5, 1.0, 7.0])
def test_what_a_row_says_is_0_is_not_the_derivative_with_the_wrong_sign(x: float) -> None:
    judged = answered("bessel_j0", FIRST, x)
    assert judged.exact is not None and excused(judged)[0].verdict.kind == "deviation"
    assert excused(hidden.of(judged, -judged.exact.floats))[0].verdict.kind == "violated"


@pytest.mark.parametrize(("factor", "kind"), [(1.0, "deviation"), (1.01, "violated")])
def test_an_identity_is_excused_by_what_an_answer_is_too_small_to_say_alone(factor: float, kind: str) -> None:
    """The right Hv is 0, beside which no bound is narrow; torch gives another by the ledger, as u·Hv = v·Hu shows."""
    pytest.importorskip("torch")
    backend, point = backends.load("torch"), (np.array([[1.0, -1.0], [1.0, 2.0]]),)
    program = weighted(Program(((2, 2),), (Step("layer_norm", (0,)),)), np.ones((2, 2)))
    along = ((np.array([[1.0, -1.0], [0.5, 2.0]]),),)
    answer = asked(Question(backend, FLOAT32, program, point, backend.named("hvp", "grad(jvp)"), along))
    assert answer.verdict.kind == "inconclusive" and answer.got is not None
    label, beside = "u·Hv = v·Hu by grad(jvp)", Question(backend, FLOAT32, program, point)
    identity = Judged(beside, label, 2, Verdict("violated"), got=np.zeros(1))
    found, _ = excused(identity, [replace(answer, got=factor * answer.got)])
    assert found.verdict.kind == kind


ROWS = ["torch-softplus-second-underflows-early", "torch-solve-jvp-differentiated", "torch-trigamma",
        "torch-layer-norm-jvp-differentiated", "torch-det-singular", "torch-bessel-j0-value"]  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_what_is_planted_in_the_region_of_a_row_is_seen(name: str) -> None:
    pytest.importorskip("torch")
    (row,) = (row for row in ledger.rows() if row.id == name)
    found = hidden.tried(row)
    planted = sum(number for kind, number in found.items() if ": " not in kind and kind not in hidden.UNPLANTED)
    assert planted >= 5
    assert sum(number for kind, number in found.items() if kind.startswith("hidden: ")) <= 0.02 * planted
    assert not found["not as it says"]


def test_the_lane_says_which_rows_hide_something(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(hidden, "excused", lambda judged: (judged, {"id": "all"}))
    assert hidden.main(["torch-softplus-second-underflows-early"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("torch-softplus-second-underflows-early: 0 of ")
    assert told[-1].startswith("0 of ") and "no digit was left" in told[-1]


def test_no_such_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert hidden.main(["no-such-row"]) == 2
    assert capsys.readouterr().err == "no row of suite/known/ledger.toml is called no-such-row\n"


def test_points_are_in_the_region() -> None:
    for row in [row for row in ledger.rows() if row.id in ROWS]:
        assert all(row.contains(point) for point in hidden.points(row))
