"""What the ledger promises: a row is confirmed, or the run is red and says what to do; its script is short and runs."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from report_fixtures import green

from gradlaws.records.shard import Record
from gradlaws.reports.judging.summary import summarise
from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.program import Program, Step
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Mode, Unsupported
from gradlaws.suite.backends.question import Question
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.checking.verdict import Verdict
from gradlaws.suite.identities.test_ledger import test_a_known_deviation_is_still_there as confirmed
from gradlaws.suite.known import ledger, ledger_row, reproduce
from gradlaws.suite.tables import DataError

NUMPY = backends.load("numpy")
VALUE = NUMPY.modes_of("value")[0]
EXP = Program(((),), (Step("exp", (0,)),))
ONE = (np.array(1.0),)


@pytest.fixture
def row(tmp_path: Any) -> ledger.Row:
    """exp(1), recorded as too large by a thousandth of itself."""
    path = tmp_path / "ledger.toml"
    path.write_text(ledger_row.row(Question(NUMPY, FLOAT64, EXP, ONE, VALUE), (0,), 1.001 * math.e, "numpy-exp"))
    return ledger.read(path)[0]


def report_of(row: ledger.Row, factor: float | None) -> tuple[str, Record]:
    """What the test says, and the report of a run in which NumPy's exp is ``factor`` times what it is; None: raises."""

    def value(f: Callable[..., Any], x: Any) -> Any:
        return f(*x) * factor

    records: list[Any] = []
    system = System(replace(NUMPY, modes=[Mode("value", VALUE.name, value)]), FLOAT64, records.append)
    said = ""
    try:
        confirmed(system, row)
    except AssertionError as error:
        said = str(error).splitlines()[0]
    return said, summarise([*green(), *records])


def test_a_deviation_that_is_still_there_is_green(row: ledger.Row) -> None:
    said, report = report_of(row, 1.001)
    assert (said, report["outcome"]) == ("", "holds")


@pytest.mark.parametrize(
    ("factor", "says", "advice", "outcome"),
    [
        (1.0, f"numpy-exp is fixed in numpy {NUMPY.version}: remove its row", "fixed: its witness now", "violated"),
        (1.01, "numpy-exp: its witness gives 2.745464", "worse: its witness", "violated"),
        (1.002, "numpy-exp: got 0x1.5ca2", "worse: its witness", "violated"),
        (math.nan, "numpy-exp: its witness gives nan", "worse: its witness", "violated"),
        (None, "numpy-exp: TypeError: unsupported operand", "error: its witness could not be run", "could not run"),
    ],
)  # fmt: skip
def test_one_that_has_changed_is_red_and_says_what_to_do(
    row: ledger.Row, factor: float | None, says: str, advice: str, outcome: str
) -> None:
    said, report = report_of(row, factor)
    assert said.startswith(says)
    assert report["outcome"] == outcome
    assert f"ledger row numpy-exp is {advice}" in report["reasons"][0]


def test_one_that_raised_and_no_longer_does_is_red(row: ledger.Row) -> None:
    said, report = report_of(replace(row, got="RuntimeError: no kernel"), 1.0)
    assert said == "numpy-exp no longer raises: remove its row from suite/known/ledger.toml"
    assert report["outcome"] == "violated"


def test_one_whose_date_has_passed_is_red(row: ledger.Row) -> None:
    yesterday = datetime.date.today() - datetime.timedelta(days=1)
    said, report = report_of(replace(row, recheck=yesterday), 1.001)
    assert said == f"numpy-exp: its recheck date {yesterday} has passed; look again and move the date"
    assert report["outcome"] == "could not run"


@pytest.mark.parametrize(("changes", "says"), [
    ({"mode": "lazy"}, "numpy-exp: "),
    ({"true": "2.7"}, "numpy-exp: records 2.7 as true, the oracle says 2.718281828459045"),
])  # fmt: skip
def test_one_that_speaks_of_nothing_is_red(row: ledger.Row, changes: dict[str, str], says: str) -> None:
    """A mode that the framework does not have, or a truth that is none."""
    said, report = report_of(replace(row, **changes), 1.001)  # type: ignore[arg-type]
    assert said.startswith(says)
    assert report["outcome"] == "could not run"


def test_of_another_version_it_is_told_only(row: ledger.Row) -> None:
    said, report = report_of(replace(row, versions=("<1.0",)), 1.0)
    assert (said, report["outcome"]) == ("", "holds")
    assert [(one["status"], one["found"]) for one in report["ledger"]] == [("elsewhere", "fixed")]


@pytest.mark.parametrize(("factor", "outcome"), [(1 + 2**-49, "holds"), (1.0, "violated")])
def test_a_deviation_of_a_few_ulps_is_confirmed_and_its_fix_seen(factor: float, outcome: str, row: ledger.Row) -> None:
    small = replace(row, got=(1 + 2**-49) * math.e, true="2.718281828459045235360287", within="64 * u * size")
    assert report_of(small, factor)[1]["outcome"] == outcome


def test_scripts_are_of_the_versions_that_are_installed(row: ledger.Row, monkeypatch: pytest.MonkeyPatch) -> None:
    old = replace(row, id="old", versions=("<1.0",))
    monkeypatch.setattr(ledger, "rows", lambda: (row, old, replace(row, id="absent", backend="no-such-framework")))
    assert [one.id for one in reproduce.chosen([])] == ["numpy-exp", "absent"]
    assert [one.id for one in reproduce.chosen(["old"])] == ["old"]


@pytest.mark.parametrize("row", ledger.rows(), ids=lambda row: row.id)
def test_every_script_has_at_most_20_lines(row: ledger.Row) -> None:
    pytest.importorskip(row.backend)
    try:
        text = reproduce.written(row)
    except (KeyError, Unsupported):
        pytest.skip("this version of the framework does not have what the row is about")
    assert len(text.splitlines()) <= 20, text
    compile(text, row.id, "exec")


SCRIPTS = {
    "right": "print('got 2.71875 '); raise SystemExit(1)",
    "another": "print('got 2.8 '); raise SystemExit(1)",
    "gone": "print('got 2.7182818 ')",
    "raises": "raise RuntimeError('no kernel')",
    "aborts": "import os; os.abort()",
    "hangs": "while True: pass",
}


def reproduced(row: ledger.Row, monkeypatch: pytest.MonkeyPatch, *names: str) -> int:
    """The exit status of a ledger of rows with these scripts; that of ``unwritten`` cannot be written."""
    monkeypatch.setattr(reproduce, "chosen", lambda ids: [replace(row, id=name, got=2.71875) for name in ids])
    monkeypatch.setattr(reproduce, "written", lambda row: SCRIPTS[row.id])
    return reproduce.main([*names, "--time-limit=5"])


def test_a_script_that_crashes_or_hangs_is_one_line_and_the_others_run(
    row: ledger.Row, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reproduced(row, monkeypatch, "raises", "aborts", "hangs", "unwritten", "right") == 2
    raises, aborts, hangs, unwritten, right, total = capsys.readouterr().out.splitlines()
    assert raises.startswith("raises: crashed (exit status 1): RuntimeError: no kernel")
    assert aborts.startswith("aborts: crashed (exit status -6)")
    assert hangs.startswith("hangs: no answer within 5 s")
    assert unwritten == "unwritten: no script: KeyError: 'unwritten'"
    assert right.startswith("right: got 2.71875")
    assert total.startswith("1 of 5 say what the ledger says")


@pytest.mark.parametrize(
    ("name", "says"), [("gone", "the deviation is gone; remove its row"), ("another", "not what the ledger says: got")]
)
def test_a_script_that_says_otherwise_is_red(
    name: str, says: str, row: ledger.Row, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reproduced(row, monkeypatch, name, "raises") == 1
    assert f"{name}: {says}" in capsys.readouterr().out


def judged(row: ledger.Row, answer: float | str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, list[Any]]:
    """Verdict and reason where NumPy says this of exp(1), or raises it, and the row is the ledger; and its records."""
    monkeypatch.setattr(ledger, "rows", lambda: (row,))
    ledger.known.cache_clear()
    records: list[Any] = []
    with Trial(System(NUMPY, FLOAT64, records.append)).example(EXP, ONE) as check:
        (plain,) = [one for one in check.answers("value") if one.by == VALUE]
        asked, exact, bound = plain.question, plain.truth, plain.tolerance
        if isinstance(answer, str):
            found = check.excused(Judged(asked, VALUE.name, 0, Verdict("error", reason=answer)))
        else:
            got = np.array([answer])
            found = check.excused(Judged(asked, VALUE.name, 0, check.verdict(got, exact, bound), got, exact, bound))
    ledger.known.cache_clear()
    return found.verdict.kind, found.verdict.reason, [one for one in records if one["kind"] == "ledger"]


OTHER = "not what numpy-exp in suite/known/ledger.toml says"
ERROR = "RuntimeError: no kernel"


@pytest.mark.parametrize(
    ("changes", "answer", "kind", "reason"),
    [
        ({}, 1.001 * math.e, "deviation", "numpy-exp"),
        ({}, 1.003 * math.e, "deviation", "numpy-exp"),
        ({}, 1.5 * math.e, "violated", OTHER),
        ({}, math.nan, "violated", OTHER),
        ({"gives": ("nan",)}, math.nan, "deviation", "numpy-exp"),
        ({"gives": ("nan",), "within": ""}, 1.001 * math.e, "violated", OTHER),
        ({"gives": ("2 * true",), "within": ""}, 2 * math.e, "deviation", "numpy-exp"),
        ({"gives": ("2 * true",), "within": ""}, -2 * math.e, "violated", OTHER),
        ({"gives": ("x + 2",), "within": ""}, 3.0, "deviation", "numpy-exp"),
        ({"gives": ("0",), "within": ""}, 0.0, "deviation", "numpy-exp"),
        ({"gives": ("0",), "within": ""}, 1.0, "violated", OTHER),
        ({"order": 1}, 1.001 * math.e, "violated", ""),
        ({}, ERROR, "error", f"{ERROR}; {OTHER}"),
        ({"raises": "RuntimeError: no"}, ERROR, "deviation", "numpy-exp"),
        ({"got": ERROR}, "RuntimeError: no such size", "deviation", "numpy-exp"),
        ({"got": ERROR}, "TypeError: no kernel", "error", f"TypeError: no kernel; {OTHER}"),
        ({"got": ERROR, "raises": "TypeError: no"}, "TypeError: no kernel", "deviation", "numpy-exp"),
        ({"got": ERROR, "within": ""}, 1.001 * math.e, "violated", OTHER),
        ({"region": "x > 2"}, 1.001 * math.e, "violated", ""),
    ],
)
def test_a_row_excuses_what_it_says_and_nothing_worse(
    row: ledger.Row,
    changes: dict[str, str],
    answer: float | str,
    kind: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = judged(replace(row, **changes), answer, monkeypatch)  # type: ignore[arg-type]
    assert found[:2] == (kind, reason)
    assert [one["unlimited"] for one in found[2]] == [0] * (kind == "deviation")


def test_what_has_no_largest_size_is_counted(row: ledger.Row, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, _, records = judged(replace(row, any_size="chaotic"), 1.5 * math.e, monkeypatch)
    assert kind == "deviation"
    (told,) = summarise([*green(), *records])["ledger"]
    assert (told["excused"], told["unlimited"]) == (1, 1)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'within = "0.004 * size"',
            "",
            "does not say what is given: state it as gives, or how far off it is",
        ),
        ("0.004 * size", "0.004 * width", "speaks of 'width'; known are x, y, z, out, true, size, u, tiny, abs"),
        ("0.004 * size", "[0.004, size]", "is more than an expression"),
        ("0.004 * size", "0.004 *", "is no expression"),
        ("order = 0", "order = 1", "is of order 1, and its witness, a value, of order 0"),
        ('region = "', 'region = "(x > 2) & ', "its witness lies outside its region"),
    ],
)
def test_a_row_that_describes_nothing_is_one_line(old: str, new: str, says: str, tmp_path: Any) -> None:
    text = ledger_row.row(Question(NUMPY, FLOAT64, EXP, ONE, VALUE), (0,), 1.001 * math.e, "numpy-exp")
    assert old in text
    (tmp_path / "ledger.toml").write_text(text.replace(old, new))
    with pytest.raises(DataError) as error:
        ledger.read(tmp_path / "ledger.toml")
    assert says in str(error.value) and "deviation numpy-exp" in str(error.value) and "\n" not in str(error.value)


def test_at_most_ten_rows_excuse_what_they_do_not_describe() -> None:
    assert len([row for row in ledger.rows() if row.any_size]) <= 10
