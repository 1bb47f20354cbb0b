"""The evidence of the document's claims: what is recorded, what is refused, and what the report makes of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradlaws.records.shard import Record
from gradlaws.reports.judging.claims import table
from gradlaws.reports.judging.summary import summarise
from gradlaws.reports.page.plot import plots
from gradlaws.strategies.program import Program, Step
from gradlaws.suite.document.counting import dispatched, equations
from gradlaws.suite.document.derivatives import quadratic
from gradlaws.suite.document.evidence import Evidence
from gradlaws.suite.document.orders import Line, fitted, slope
from gradlaws.suite.known.claims import CLAIMS, UNVERIFIABLE
from tests.report_fixtures import HEADER, comparison, control

SECTIONS = {"G": 5, "H": 5, "C": 6, "S": 11, "N": 6, "D": 5, "P": 5}
DOCUMENT = [f"{section}{number}" for section, size in SECTIONS.items() for number in range(1, size + 1)]


def evidence(name: str = "H5") -> Evidence:
    return Evidence(CLAIMS[name], "torch float64")


def report_of(*records: Record, claims: tuple[str, ...] = ("H5",)) -> dict[str, Any]:
    asked = [CLAIMS[name].record for name in claims]
    header = {**HEADER, "identities": [], "systems": [], "floor": 0, "claims": asked, "unverifiable": UNVERIFIABLE}
    return summarise([{"kind": "run", "schema": 1, **header}, *records])


def proved(name: str = "H5") -> Evidence:
    one = evidence(name)
    one.at_most("error", 0.5, 1.0)
    for wrong in CLAIMS[name].controls:
        one.control(wrong, failed=True)
    return one


def test_every_claim_of_the_document_is_there_with_a_control() -> None:
    assert set(DOCUMENT) <= set(CLAIMS)
    assert all(CLAIMS[name].controls and CLAIMS[name].blind and CLAIMS[name].statement for name in DOCUMENT)
    assert [name for name in CLAIMS if name in DOCUMENT] == DOCUMENT
    assert len(UNVERIFIABLE) == 7


def test_evidence_keeps_the_worst_ratio_and_refuses_what_exceeds() -> None:
    one = evidence()
    one.at_most("a", 1.0, 4.0)
    one.at_most("b", 2.0, 4.0)
    assert (one.checks, one.worst) == (2, 0.5)
    with pytest.raises(AssertionError, match=r"H5: c: 5 exceeds 4"):
        one.at_most("c", 5.0, 4.0)
    with pytest.raises(AssertionError, match="nan"):
        one.at_most("d", math.nan, 4.0)
    with pytest.raises(KeyError, match="no control 'nonsense'"):
        one.control("nonsense", failed=True)


def test_a_series_with_nan_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"the series 'digits' holds NaN at x = 2: say what is missing"):
        evidence().plot("digits", [1, 2], [1.0, math.nan])


def test_a_claim_holds_with_its_evidence_in_one_line() -> None:
    report = report_of(proved().record(1.0))
    assert report["verdict"] == "green"
    assert report["sentence"] == "1 claim of the document: 1 holds."
    (line,) = table(report["claims"])
    assert line.split()[:2] == ["H5", "holds"]
    assert "1 checks, worst 0.5 of what is allowed; controls failed 1 of 1" in line


@pytest.mark.parametrize(
    ("record", "clue"),
    [
        (proved().record(1.0, failure="the share is off"), "claim H5 is violated: the share is off"),
        (proved().record(1.0, missing="optax is not installed"), "claim H5 has insufficient evidence: optax is not"),
        (evidence().record(1.0), "claim H5 has insufficient evidence: never seen to fail: independent signs"),
    ],
)
def test_a_claim_without_proof_makes_the_run_red(record: Record, clue: str) -> None:
    report = report_of(record)
    assert report["verdict"] == "red"
    assert any(clue in reason for reason in report["reasons"])


def test_a_claim_that_nothing_recorded_is_insufficient() -> None:
    assert any("claim H5 has insufficient evidence" in reason for reason in report_of()["reasons"])


def test_the_gravest_verdict_of_its_subjects_is_the_claim_s() -> None:
    false = proved("C4")
    false.finds("false as written", "it is the other way round")
    report = report_of(false.record(1.0), proved("C4").record(1.0), claims=("C4",))
    assert report["verdict"] == "green"
    assert (report["claims"][0]["verdict"], report["claims"][0]["words"]) == (
        "false as written", "it is the other way round",
    )  # fmt: skip


def test_an_identity_s_comparisons_are_its_claim_s_evidence() -> None:
    header = {**HEADER, "claims": [{**HEADER["identities"][0], "kind": "identity"}]}
    records = [{"kind": "run", "schema": 1, **header}, *[comparison()] * 6, control()]
    (claim,) = summarise(records)["claims"]
    assert (claim["verdict"], claim["checks"], claim["worst"]) == ("holds", 6, 0.25)


def test_plots_place_every_finite_point_inside_their_box() -> None:
    series = [{"name": "V", "axes": ["h", "error"], "points": [[1.0, 2.0], [2.0, math.inf], [3.0, 4.0]]}]
    (plot,) = plots(series)
    ((first, second),) = [line["dots"] for line in plot["lines"]]
    assert (first[0], second[0]) == (plot["left"], plot["right"])
    assert (first[1], second[1]) == (plot["floor"], plot["top"])


def test_a_fitted_order_is_that_of_the_first_term_left_out() -> None:
    quartic = Program(((),), (Step("exp", (0,)),))
    line = Line(quartic, (np.array(1.0),), np.array([1.0]))
    along = line.derivatives(mpf(0), up_to=6)
    for order in (1, 2, 3):
        model = [c / mp.factorial(i) for i, c in enumerate(along[:order])]
        found = fitted(line, model, along, order, 0.02)
        assert found is not None
        assert abs(found.slope - order) < found.allowed < 0.1


def test_a_term_that_vanishes_has_no_order() -> None:
    line = Line(quadratic(np.eye(1), np.zeros(1)), (np.array([1.0]),), np.array([1.0]))
    along = line.derivatives(mpf(0), up_to=6)
    assert fitted(line, [*along[:2], along[2] / 2], along, 3, 0.02) is None


def test_slopes_in_the_logarithm() -> None:
    found, moved = slope([1, 2, 4, 8], [3, 12, 48, 192])
    assert found == pytest.approx(2)
    assert moved > 0


def test_a_quadratic_has_its_matrix_for_hessian() -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    from gradlaws.suite import backends
    from gradlaws.suite.truth.quantities import truth

    a, b = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, -1.0])
    assert backends.load("jax").name == "jax"
    found = truth("hessian", quadratic(a, b), (np.array([0.5, 0.25]),)).floats
    assert np.array_equal(found, a)


def test_operations_are_counted_inside_and_out() -> None:
    torch = pytest.importorskip("torch")
    names = [name for name, _ in dispatched(lambda x: (x.sin() * x).sum(), torch.ones(8))]
    assert [name.split(".")[1] for name in names if name.startswith("aten")] == ["sin", "mul", "sum"]
    jax = pytest.importorskip("jax")
    inner = jax.make_jaxpr(lambda x: jax.jit(lambda z: jax.numpy.sin(z) * z)(x))(1.0)
    assert [e.primitive.name for e in equations(inner.jaxpr)][-2:] == ["sin", "mul"]
