"""A row of the ledger names the precisions in which its witness was tried and found wrong, and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import precisions
from gradlaws.strategies.precision import BFLOAT16, FLOAT16, FLOAT32
from gradlaws.suite.known import ledger
from gradlaws.suite.known.ledger import Row

ROWS = {row.id: row for row in ledger.rows()}
HYPOT, TRIGAMMA = ROWS["jax-hypot-tie"], ROWS["torch-trigamma"]


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"])
def test_every_row_names_what_its_witness_shows(backend: str) -> None:
    pytest.importorskip(backend)
    rows = [row for row in ROWS.values() if row.backend == backend]
    wrong = [one.wrong for of in precisions.everywhere(rows) for one in of if one.wrong]
    assert not wrong, "\n".join([*wrong, "python -m benchmarks.precisions --write sets them"])


@pytest.mark.parametrize(
    ("named", "dtype", "says"),
    [
        (("float64",), "float64", ""),
        (("float64",), "float32", ""),  # in which trigamma has its digits
        (("float64", "float32"), "float32", "names float32, in which it is right"),
        (("float64", "float16"), "float16", "names float16, in which it is right"),
    ],
)
def test_a_precision_in_which_the_witness_is_right_is_not_named(named: Any, dtype: str, says: str) -> None:
    pytest.importorskip("torch")
    assert says in precisions.tried(replace(TRIGAMMA, dtypes=named), dtype).wrong


def test_a_precision_in_which_it_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax")
    short = replace(HYPOT, dtypes=("float64", "float32"))
    monkeypatch.setattr(ledger, "rows", lambda: (short,))
    ledger.known.cache_clear()
    found = [precisions.tried(short, dtype) for dtype in ("float32", "float16")]
    ledger.known.cache_clear()
    assert [one.found for one in found] == ["deviates", "deviates"]
    assert [bool(one.wrong) for one in found] == [False, True]
    assert precisions.precisions(found) == ("float32", "float16")


@pytest.mark.parametrize(
    ("changes", "precision", "says"),
    [
        ({"witness": (np.array(1e5), np.array(1e5))}, FLOAT16, "100000.0 overflows"),
        ({"witness": (np.array(1e-9), np.array(1e-9))}, FLOAT16, "1e-09 vanishes"),
        ({"tangent": (np.array(1e200), np.array(1.0))}, FLOAT32, "1e+200 overflows"),
        ({"witness": (np.array(1.001), np.array(1.001)), "region": "x > 1"}, BFLOAT16, "outside of the region"),
    ],
)
def test_what_has_no_witness_in_the_precision_says_why(changes: Any, precision: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("+", r"\+")):
        precisions.rounded(replace(HYPOT, **changes), precision)


def test_a_witness_and_its_weights_are_rounded() -> None:
    third = np.array(1 / 3)
    found = precisions.rounded(replace(HYPOT, witness=(third, third), weights=(0.1,)), BFLOAT16)
    assert [float(x) for x in found.witness] == [0.333984375] * 2
    assert found.weights == (0.10009765625,)


@pytest.mark.parametrize(("got", "true", "again", "found"), [
    (1.5, "1", 1.5, True),
    (1.5, "1", 1.05, True),
    (1.5, "1", 1.0, False),
    (1.5, "1", 9.0, False),
    (1 + 1e-9, "1", 1 + 1e-6, False),  # a few ulps of float32
    (float("inf"), "1", float("nan"), True),
    (1.5, "1", float("nan"), False),
])  # fmt: skip
def test_an_answer_is_as_far_off_as_recorded_or_is_not(got: float, true: str, again: float, found: bool) -> None:
    row: Row = replace(HYPOT, got=got, true=true)
    assert precisions.as_recorded(row, again, precisions.mpf(1), FLOAT32) is found


def test_setting_them_changes_one_line(tmp_path: Path) -> None:
    before = ledger.DATA.read_text()
    after = precisions.written(before, TRIGAMMA, ["float64", "bfloat16"])
    changed = [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert changed == [('dtypes = ["float64"]', 'dtypes = ["float64", "bfloat16"]')]


def test_an_unknown_row_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert precisions.main(["no-such-row"]) == 2
    assert capsys.readouterr().err == "no deviation is called no-such-row\n"
