"""Contracts with regions: loose in one corner and tight elsewhere; and each is near what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import digamma

from benchmarks.survey import dense, exact, needs, table, tighten
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import FLOAT32, FLOAT64, PRECISIONS
from gradlaws.strategies.program import Program, Step, weighted
from gradlaws.suite import regions
from gradlaws.suite.bound import contracts, nodes, sweep, tolerances
from gradlaws.suite.bound.contracts import Contract
from gradlaws.suite.run import Run, in_force
from gradlaws.suite.tables import DataError
from gradlaws.suite.truth.oracle import HashablePoint

ROW = """
[[contract]]
backends = ["torch"]
primitives = ["PRIMITIVE"]
region = "REGION"
ulps = ULPS
reason = "slow"
"""


def row(region: str, ulps: str = "[4, 8, 16]", primitive: str = "lgamma") -> str:
    return ROW.replace("REGION", region).replace("ULPS", ulps).replace("PRIMITIVE", primitive)


def read(folder: Path, text: str) -> tuple[contracts.Row, ...]:
    (folder / "contracts.toml").write_text(text)
    return contracts.read(folder / "contracts.toml")


# Regions.


def test_regions_that_are_parted_are_rows_of_one_primitive(tmp_path: Path) -> None:
    assert len(read(tmp_path, row("x < 1") + row("(x >= 1) & (x < 2.5)") + row("x > 2.5"))) == 3


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x < 1", "x > 0.999999999"), ("x <= 1", "x >= 1"), ("abs(x) < 1", "(x < -0.9999) & (x > -1.2)"),
        ("x > 1e200", "x > 1e-3"), ("x == 3", "abs(x) > 2"),
    ],
)  # fmt: skip
def test_regions_that_share_a_point_are_refused_in_a_line(tmp_path: Path, a: str, b: str) -> None:
    with pytest.raises(DataError, match="overlap for lgamma on torch: merge them or part their regions") as error:
        read(tmp_path, row(a) + row(b))
    assert "\n" not in str(error.value)


def test_a_row_for_everywhere_overlaps_with_every_region(tmp_path: Path) -> None:
    everywhere = row("x > 5").replace('region = "x > 5"\n', "")
    with pytest.raises(DataError, match="overlap"):
        read(tmp_path, everywhere + row("x > 5"))


def test_regions_of_two_arguments_are_parted_too(tmp_path: Path) -> None:
    assert len(read(tmp_path, row("x < y", primitive="pow") + row("x >= y", primitive="pow"))) == 2
    with pytest.raises(DataError, match="overlap for pow"):
        read(tmp_path, row("x < y", primitive="pow") + row("x <= y", primitive="pow") + row("x == y", primitive="pow"))


@pytest.mark.parametrize(
    ("region", "says"),
    [
        ("x < 1 & import os", "is no expression"),
        ("x <", "is no expression"),
        ("y < 1", "speaks of 'y'; known are x, abs"),
        ("x + 1", "compares nothing"),
        ("(x > 3) & (x < 2)", "nothing lies"),
        ("abs(x) < 0", "nothing lies"),
        ("lgamma(x) < 1", "speaks of 'lgamma'"),
    ],
)
def test_a_wrong_region_is_refused_in_a_line_that_names_the_row(tmp_path: Path, region: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as error:
        read(tmp_path, row("x < 1e-200") + row(region))
    assert "contracts.toml: contract 2" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_narrow_region_is_found_by_its_own_numbers() -> None:
    regions.check("(x > 0.7421) & (x < 0.7422)", 1, "here")
    regions.check("x == 1.4616321449683623", 1, "here")
    regions.check("(abs(x - y) > 520) & (y > 3)", 2, "here")


# What a node is promised.


@pytest.fixture
def two_corners() -> Any:
    """torch's lgamma is loose above 2, tight below 0.5, and as all are between."""
    with in_force(Run()) as run:
        run.contracts.clear()
        entries = [
            {"backends": ["torch"], "primitives": ["erf"], "ulps": ulps, "reason": "slow", "region": region}
            for ulps, region in (([40, 8, 4], "x > 2"), ([1, 1, 1], "x < 0.5"))
        ]
        contracts.add(run, entries, "here")
        yield run


def promised(*x: float) -> Contract:
    return contracts.contract("torch", "float64", "grad", "erf", (np.array(x),))


def test_a_node_has_the_largest_of_the_rows_in_which_an_entry_lies(two_corners: Run) -> None:
    assert promised(3.0) == Contract((40.0, 8.0, 4.0))
    assert promised(0.1) == Contract((1.0, 1.0, 1.0))
    assert promised(1.0) == contracts.default("float64", "erf") == Contract((4.0, 4.0, 4.0))
    assert promised(0.1, 3.0) == Contract((40.0, 8.0, 4.0))
    assert promised(0.1, 1.0) == Contract((4.0, 4.0, 4.0))  # an entry in no region has the default
    assert contracts.contract("torch", "float64", "grad", "erf") == Contract((40.0, 8.0, 4.0))
    assert contracts.contract("numpy", "float64", "grad", "erf", (np.array(3.0),)) == Contract((4.0, 4.0, 4.0))


def test_a_tolerance_is_loose_in_the_corner_and_tight_elsewhere(two_corners: Run) -> None:
    class Torch:
        name = "torch"

        def smallest(self, precision: Any) -> float:
            return 0.0

    program = Program(((),), (Step("erf", (0,)),))

    def allowed(x: float) -> float:
        point = (np.array(x),)
        exact_value = nodes.graph(program, HashablePoint(point)).values[-1]
        found = tolerances.tolerance(Torch(), FLOAT64, "grad", "value", program, point)[0]
        return float(np.ravel(found)[0] / (sweep.U * abs(exact_value)))

    assert [round(allowed(x)) for x in (3.0, 0.1, 1.0)] == [40, 1, 4]


def test_what_is_in_force_tells_regions_apart(two_corners: Run) -> None:
    assert {name for name in contracts.in_force() if name.startswith("torch erf ")} == {
        f"torch erf * {','.join(PRECISIONS)} {region}" for region in ("x > 2", "x < 0.5")
    }


SELECTIONS = ("maximum", "minimum", "fmax", "fmin", "copysign", "where", "abs", "relu", "relu6", "clip", "hard_tanh",
              "hardshrink", "threshold")  # fmt: skip


@pytest.mark.parametrize("primitive", SELECTIONS)
def test_selections_are_promised_to_be_exact(primitive: str) -> None:
    assert PRIMITIVES[primitive].selects
    second = 4.0 if primitive == "copysign" else 0.0  # in whose rule two terms of 1/x cancel
    assert contracts.default("float64", primitive) == Contract((0.0, 0.0, second))


def test_nothing_else_selects() -> None:
    assert {name for name, primitive in PRIMITIVES.items() if primitive.selects} == set(SELECTIONS)


# What is measured.


def test_truth_at_many_points_is_right_to_more_than_two_floats_tell() -> None:
    x = np.array([[0.5], [-3.25], [1e-200], [26.5]])
    told = exact.exact(PRIMITIVES["erf"], x)
    assert told.near[()][0] == 0.5204998778130465
    assert told.rest[()][0] != 0
    assert told.near[0,][0] == pytest.approx(2 / np.sqrt(np.pi) * np.exp(-0.25), rel=1e-15)
    assert np.all(told.error((), told.near[()]) <= 2.0**-53 * abs(told.near[()]))
    mixed = exact.exact(PRIMITIVES["pow"], np.array([[2.0, 3.0]]))
    assert mixed.near[0, 1][0] == pytest.approx(4 * (1 + 3 * np.log(2)), rel=1e-15)
    assert mixed.near[0, 0, 1][0] == pytest.approx(10 + 12 * np.log(2), rel=1e-14)  # d/dy of y (y − 1) x^(y − 2)


@pytest.mark.parametrize("precision", [FLOAT64, FLOAT32])
def test_points_are_ten_thousand_of_the_domain_and_dense_at_thresholds(precision: Any) -> None:
    x, true = dense.told(PRIMITIVES["log1p"], precision)
    assert np.count_nonzero(dense.fits(true, 2, precision)) >= 10_000
    assert all(PRIMITIVES["log1p"].domain(*at) for at in x[::97])
    assert np.array_equal(x, np.vectorize(precision.round)(x))
    near = abs(x - 0.5) < 1e-3
    assert np.count_nonzero(near) >= 8


def measured(errors: np.ndarray[Any, Any]) -> dense.Measured:
    x = np.geomspace(0.01, 100, len(errors))[:, None]
    ones = np.ones(len(errors))
    return dense.Measured("sin", "float64", x, ones, ones, {("torch", "eager", 0): errors, ("torch", "eager", 1): ones})


def test_a_corner_is_proposed_as_a_region_and_not_more() -> None:
    errors = np.ones(1000)
    errors[400:420] = 30.0
    (proposed,) = tighten.proposals([measured(errors)], "torch")
    inside = needs.inside(measured(errors), proposed.region)
    assert set(np.flatnonzero(inside)) == set(range(399, 421)) | set(np.flatnonzero(inside[:399]))
    assert np.count_nonzero(inside) < 30
    assert 30 < proposed.contract.ulps[0] <= 4 * 30
    assert tighten.proposals([measured(np.ones(1000))], "torch") == []


def test_what_is_beyond_all_contracts_is_a_finding_and_no_row() -> None:
    errors = np.ones(1000)
    errors[500] = 1e9
    assert tighten.proposals([measured(errors)], "torch") == []


def test_every_point_is_kept_with_its_own_error(tmp_path: Path) -> None:
    errors = np.arange(100.0)
    measured(errors).save(tmp_path)
    again = dense.read(tmp_path / "sin-float64.npz")
    assert np.array_equal(again.errors["torch", "eager", 0], errors)


SAVED = json.loads(table.RESULT.read_text())["rows"] if table.RESULT.exists() else []


@pytest.mark.parametrize("saved", SAVED, ids=lambda saved: f"{saved['backend']}-{saved['primitive']}-{saved['dtype']}")
def test_a_contract_is_at_most_four_times_what_is_measured(saved: dict[str, Any]) -> None:
    assert table.wrong(saved) == []


def test_every_row_was_measured_as_it_stands() -> None:
    """Change a row, and it is to be measured anew: python -m benchmarks.survey --tighten."""
    told = {
        (s["backend"], s["primitive"], s["dtype"], tuple(s["modes"]), s["region"]): table.contract_of(s) for s in SAVED
    }
    for row_ in contracts.read():
        for backend in row_.backends:
            for primitive in row_.primitives:
                for dtype in set(table.dtypes(primitive, backend)) & set(row_.dtypes):
                    assert told[backend, primitive, dtype, row_.modes, row_.region] == row_.contract


def test_a_wide_row_is_told() -> None:
    saved = {**SAVED[0], "has": {**SAVED[0]["has"], "value": 1e9}}
    assert any("is over 4 ×" in line for line in table.wrong(saved))
    saved = {**SAVED[0], "needs": {**SAVED[0]["needs"], "first": 1e9}}
    assert any("is less than" in line for line in table.wrong(saved))
    assert any("measured at 9 points" in line for line in table.wrong({**SAVED[0], "points": 9}))


# What the issue named is at least halved: (backend, primitive, mode's order, what was allowed, in units of u s).
HALVED = [
    ("torch", "i1", 2, 4.0), ("jax", "i1", 2, 4.0), ("torch", "i1e", 2, 4.0), ("jax", "i1e", 2, 4.0),
    ("torch", "logaddexp", 1, 4.0), ("jax", "logaddexp", 1, 4.0),
]  # fmt: skip


@pytest.mark.parametrize(("backend", "primitive", "order", "before"), HALVED)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_contract_that_was_wide_is_halved_everywhere(
    backend: str, primitive: str, order: int, before: float, dtype: str
) -> None:
    points = regions.probes(("(x > 5.58) & (x < 8.01)",), PRIMITIVES[primitive].arity)
    for at in zip(*(column.ravel() for column in points), strict=True):
        arguments = tuple(np.array(a) for a in at)
        now = contracts.contract(backend, dtype, "grad", primitive, arguments).ulps[order]
        assert now <= before / 2


def of_value(contract: Contract, x: float) -> float:
    """What is allowed beside a value of gamma, in u. It was 256, which jax does not keep beyond 12 (measured: 2800)."""
    return contract.ulps[0] + contract.conditioning * abs(x * digamma(x)) + contract.absolute


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_contract_of_gamma_is_halved_where_functions_live(dtype: str) -> None:
    for x in np.geomspace(0.01, 6, 50).tolist():
        assert of_value(contracts.contract("jax", dtype, "eager", "gamma", (np.array(x),)), x) <= 128


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_contract_of_det_is_halved(backend: str, dtype: str) -> None:
    before = {"numpy": Contract((256, 1, 1), normwise=8), "torch": Contract((1, 1, 1), normwise=32),
              "jax": Contract((1, 1, 1), normwise=8)}[backend]  # fmt: skip
    matrix = np.array([[2.0, 0.3], [-0.7, 1.1]])
    now = contracts.contract(backend, dtype, "grad", "det", (matrix,))
    assert now.normwise <= before.normwise / 2
    assert now.ulps[0] <= max(before.ulps[0] / 2, 4)


@pytest.mark.parametrize("primitive", ["copysign", "minimum", "fmin", "where"])
def test_the_bound_of_a_selection_is_what_its_weights_round(primitive: str) -> None:
    """It was four ulps for the selection, one for the weight, and three, four and three roundings."""
    alone = Program(((), ()), (Step(primitive, (0, 1)),))
    point = (np.array(1.7), np.array(0.9))
    graph = nodes.Graph(weighted(alone, np.array(1.3)), point)
    allowed = sweep.analyse(graph, np.ones((1, 1)), np.eye(2)).bound(
        FLOAT64, lambda name, at: contracts.default("float64", name), 0.0
    )
    assert np.max(allowed) <= 1.3 * 7.5 * sweep.U
