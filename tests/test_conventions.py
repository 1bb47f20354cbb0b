"""Membership in a Clarke subdifferential, the data of conventions.toml, and its table in the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradlaws.reports.judging.outcomes import conventions as table_of
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


ROW = '[[convention]]\ncase = "a"\nat = [0.0, 1.0]\ntorch = "x[0]"\njax = "x[0]"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ROW.replace('jax = "x[0]"\n', ""), "lacks or does not know jax"),
        (ROW + "hole = 1\n", "lacks or does not know hole"),
        (ROW + "hull = [[1.0]]\n", "has not as many entries as its point"),
        (ROW + 'known = { numpy = "?" }\n', "known speaks of numpy"),
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
    ]
    assert {row["case"]: row["agree"] for row in table_of(records)} == {
        "same": True, "frameworks": False, "modes": False,
    }  # fmt: skip
