"""Membership in a Clarke subdifferential, the data of conventions.toml, and its table in the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradlaws.reports.judging.outcomes import conventions as table_of
from gradlaws.suite import backends
from gradlaws.suite.identities.test_conventions import derivative
from gradlaws.suite.known import conventions
from gradlaws.suite.known.conventions import Convention
from gradlaws.suite.tables import DataError

TIE = Convention("max at a tie", (1.0, 1.0), {}, hull=((1.0, 0.0), (0.0, 1.0)))
NORM = Convention("norm at 0", (0.0, 0.0), {}, ball=1.0)


@pytest.mark.parametrize(
    ("convention", "gradient", "inside"),
    [
        (TIE, [0.5, 0.5], True),
        (TIE, [1.0, 0.0], True),
        (TIE, [0.5, 0.4], False),
        (TIE, [1.5, -0.5], False),
        (TIE, [np.nan, 0.0], False),
        (NORM, [0.0, 0.0], True),
        (NORM, [0.6, 0.8], True),
        (NORM, [1.0, 1.0], False),
        (Convention("a point", (0.0,), {}, hull=((1.0,),)), [1.0], True),
        (Convention("a point", (0.0,), {}, hull=((1.0,),)), [1.0 + 1e-9], False),
    ],
)
def test_a_gradient_is_inside_or_outside(convention: Convention, gradient: list[float], inside: bool) -> None:
    assert convention.inside(np.array(gradient)) is inside


HUBER = Convention("huber at its threshold", (1.0,), {}, hull=((1.0,),), hessians=((0.0,), (1.0,)))


@pytest.mark.parametrize(
    ("answer", "order", "inside"),
    [
        (1.0, 1, True),
        (0.5, 1, False),
        (0.0, 2, True),
        (0.5, 2, True),
        (1.0, 2, True),
        (1.5, 2, False),
        (np.nan, 2, False),
    ],
)
def test_a_second_derivative_lies_between_those_of_the_sides(answer: float, order: int, inside: bool) -> None:
    assert HUBER.inside(np.array([answer]), order) is inside
    assert (HUBER.told(1), HUBER.told(2), NORM.told(2)) == ("{1}", "hull {0; 1}", "")


@pytest.mark.parametrize("framework", conventions.FRAMEWORKS)
def test_it_is_asked_by_both_nestings(framework: str) -> None:
    """Of x³ at 1: the gradient 3 and the Hessian 6, and of x y at (2, 3) the matrix, row by row."""
    backend = pytest.importorskip(framework) and backends.load(framework)
    cube, product = (lambda x: x[0] ** 3), (lambda x: x[0] * x[1])
    for direction in ("reverse", "forward"):
        for order, wanted in ((1, [3.0]), (2, [6.0])):
            found = derivative(backend, cube, backend.array(np.array([1.0]), "float64"), direction, order)
            assert found is not None and found.tolist() == wanted
        found = derivative(backend, product, backend.array(np.array([2.0, 3.0]), "float64"), direction, 2)
        assert found is not None and found.tolist() == [0, 1, 1, 0]


ROW = '[[convention]]\ncase = "a"\nat = [0.0, 1.0]\ntorch = "x[0]"\njax = "x[0]"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ROW.replace('jax = "x[0]"\n', ""), "lacks or does not know jax"),
        (ROW + "hole = 1\n", "lacks or does not know hole"),
        (ROW + "hull = [[1.0]]\n", "has not as many entries as its point"),
        (ROW + 'known = { numpy = "?" }\n', "known speaks of numpy"),
        (ROW + 'known_second = { numpy = "?" }\n', "known speaks of numpy"),
        (ROW + "hessians = [[1.0, 0.0]]\n", "hessians is not as many rows"),
        ("[[convention]\n", "cannot be read"),
    ],
)
def test_a_mistake_is_refused_in_one_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(DataError, match=says) as refused:
        conventions.read(tmp_path / "c.toml")
    assert "\n" not in str(refused.value)


def test_every_row_of_the_data_is_read() -> None:
    cases = [row.case for row in conventions.rows()]
    assert len(cases) == len(set(cases)) >= 50


def test_the_report_s_rows_say_where_frameworks_or_modes_differ() -> None:
    one = {"kind": "convention", "backend": "torch", "reverse": ["0"], "forward": ["0"], "subdifferential": "{0}"}
    records = [
        one | {"case": "same"},
        one | {"case": "same", "backend": "jax"},
        one | {"case": "frameworks"},
        one | {"case": "frameworks", "backend": "jax", "reverse": ["1"], "forward": ["1"]},
        one | {"case": "modes", "forward": ["nan"]},
        one | {"case": "modes", "order": 2},
    ]
    assert {(row["case"], row["order"]): row["agree"] for row in table_of(records)} == {
        ("same", 1): True, ("frameworks", 1): False, ("modes", 1): False, ("modes", 2): True,
    }  # fmt: skip
