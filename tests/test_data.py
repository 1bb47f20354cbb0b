"""Data files with a mistake are refused in one line that names the file and the row; the shipped ones load."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradlaws.suite.bound import contracts
from gradlaws.suite.known import ledger
from gradlaws.suite.tables import DataError

CONTRACT = """
[[contract]]
backends = ["torch"]
primitives = ["lgamma"]
ulps = [4, 8, 16]
reason = "digamma is slow"
"""

DEVIATION = """
[[deviation]]
id = "torch-lgamma"
backend = "torch"
versions = ["2.13.0"]
primitive = "lgamma"
order = 2
modes = ["*"]
dtypes = ["float64"]
region = "x > 2"
within = "0.01 * size"
quantity = "hessian"
mode = "func.hessian"
got = "0x1.0p-1"
true = "0.4"
cause = "a series cut short"
recheck = 2030-01-01

[[deviation.witness]]
shape = []
values = ["0x1.8p+1"]
"""


def contracts_of(folder: Path, text: str) -> tuple[contracts.Row, ...]:
    (folder / "contracts.toml").write_text(text)
    return contracts.read(folder / "contracts.toml")


def ledger_of(folder: Path, text: str) -> tuple[ledger.Row, ...]:
    (folder / "ledger.toml").write_text(text)
    return ledger.read(folder / "ledger.toml")


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def one_line(error: pytest.ExceptionInfo[DataError], file: str, row: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    assert file in message
    assert row in message


def test_the_shipped_files_load() -> None:
    assert contracts.read()
    ledger.rows()


def test_a_right_contract_is_read_with_its_defaults(tmp_path: Path) -> None:
    (row,) = contracts_of(tmp_path, CONTRACT)
    assert row.contract == contracts.Contract((4.0, 8.0, 16.0))
    assert row.covers("torch", "float32", "any mode", "lgamma")
    assert not row.covers("jax", "float32", "any mode", "lgamma")


@pytest.mark.parametrize(
    ("versions", "inside", "outside"),
    [
        ('["2.13.0"]', ["2.13.0", "2.13.0+cpu"], ["2.13.1", "2.12.0"]),
        ('[">=2.8,<2.13"]', ["2.8.0", "2.12.1+cu130", "2.9.0rc1"], ["2.13.0", "2.7.1"]),
        ('["2.7.0", ">=2.13"]', ["2.7.0", "2.15.0"], ["2.8.0"]),
    ],
)
def test_a_deviation_speaks_of_versions_or_of_ranges(
    tmp_path: Path, versions: str, inside: list[str], outside: list[str]
) -> None:
    (row,) = ledger_of(tmp_path, changed(DEVIATION, '["2.13.0"]', versions))
    assert [row.speaks_of(version) for version in (*inside, *outside)] == [True] * len(inside) + [False] * len(outside)


def test_deviations_overlap_only_where_they_speak_of_one_version(tmp_path: Path) -> None:
    earlier = changed(changed(DEVIATION, '["2.13.0"]', '["<2.12"]'), "torch-lgamma", "torch-lgamma-earlier")
    assert len(ledger_of(tmp_path, DEVIATION + earlier)) == 2
    with pytest.raises(DataError, match="overlap"):
        ledger_of(tmp_path, DEVIATION + changed(earlier, '["<2.12"]', '[">=2.10,<2.14"]'))


def test_a_contract_names_several_primitives_and_backends(tmp_path: Path) -> None:
    several = changed(changed(CONTRACT, '["torch"]', '["torch", "jax"]'), '["lgamma"]', '["lgamma", "digamma"]')
    (row,) = contracts_of(tmp_path, several)
    assert row.covers("jax", "float32", "any mode", "digamma")
    assert not row.covers("numpy", "float32", "any mode", "digamma")
    with pytest.raises(DataError, match="overlap for lgamma on torch"):
        contracts_of(tmp_path, several + CONTRACT)


def test_modes_of_a_contract_are_patterns(tmp_path: Path) -> None:
    (row,) = contracts_of(tmp_path, CONTRACT + 'modes = ["jit(*"]\n')
    assert row.covers("torch", "float64", "jit(grad)", "lgamma")
    assert not row.covers("torch", "float64", "grad", "lgamma")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"lgamma"', '"lgama"', "unknown primitives lgama"),
        ('["torch"]', '["troch"]', "unknown backends troch; known are numpy, torch, jax"),
        ('["lgamma"]', '"lgamma"', "primitives = 'lgamma' is of the wrong type"),
        ('reason = "digamma is slow"', "", "lacks reason"),
        ("[4, 8, 16]", "[4, 8, 16]\nulp = 3", "unknown ulp"),
        ("[4, 8, 16]", "[4, 8]", "three numbers"),
        ("[4, 8, 16]", "[4, 8, -1]", "three numbers"),
        ("[4, 8, 16]", '[4, 8, 16]\ndtypes = ["float8"]', "unknown dtypes float8; known are "),
    ],
    ids=lambda text: text.splitlines()[-1][:20] if text else "",
)
def test_a_wrong_contract_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(DataError) as error:
        contracts_of(tmp_path, changed(CONTRACT, old, new))
    one_line(error, "contracts.toml", "contract 1")
    assert says in str(error.value)


def test_the_second_row_is_named_where_it_is_the_wrong_one(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        contracts_of(tmp_path, CONTRACT + changed(CONTRACT, "lgamma", "lgama"))
    one_line(error, "contracts.toml", "contract 2")


def test_contracts_that_overlap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="overlap for lgamma on torch") as error:
        contracts_of(tmp_path, CONTRACT + CONTRACT)
    one_line(error, "contracts.toml", "lgamma")


def test_contracts_for_different_dtypes_do_not_overlap(tmp_path: Path) -> None:
    rows = [CONTRACT + f'dtypes = ["{dtype}"]\n' for dtype in ("float64", "float32")]
    assert len(contracts_of(tmp_path, "".join(rows))) == 2


def test_contracts_whose_patterns_of_modes_overlap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="overlap"):
        contracts_of(tmp_path, CONTRACT + CONTRACT + 'modes = ["jit(*"]\n')


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[4, 8, 16]", "7"),
        ('reason = "digamma is slow"', 'reason = "digamma is slow"\nconditioning = "much"'),
        ('"lgamma"', '["lgamma"]'),
    ],
)
def test_a_contract_with_a_value_of_the_wrong_type_is_refused(tmp_path: Path, old: str, new: str) -> None:
    try:
        contracts_of(tmp_path, changed(CONTRACT, old, new))
    except DataError:
        return
    pytest.fail("not refused")


def test_a_contract_of_an_unknown_backend_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="backend"):
        contracts_of(tmp_path, changed(CONTRACT, '"torch"', '"tourch"'))


def test_a_table_of_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        contracts_of(tmp_path, changed(CONTRACT, "[[contract]]", "[[contracts]]"))


def test_a_right_deviation_is_read(tmp_path: Path) -> None:
    (row,) = ledger_of(tmp_path, DEVIATION)
    assert row.program.primitives == ("lgamma",)
    assert row.got == 0.5
    assert row.contains(row.witness)
    assert row.applies("torch", "float64", "func.hessian", 2)
    assert not row.applies("torch", "float64", "func.grad", 1)
    assert not row.applies("torch", "float32", "func.hessian", 2)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"lgamma"', '"lgama"', "unknown primitive 'lgama'"),
        ('cause = "a series cut short"', "", "lacks cause"),
        ('cause = "a series cut short"', 'cause = "x"\nblame = "y"', "unknown blame"),
        ('backend = "torch"', 'backend = "tourch"', "unknown backend 'tourch'"),
        ('"float64"', '"float8"', "unknown dtypes ['float8']"),
        ('"x > 2"', '"__import__(1)"', "speaks of"),
        ('"x > 2"', '"x > "', "is no expression"),
        ('"x > 2"', '"x > 4"', "witness lies outside its region"),
        ('modes = ["*"]', 'modes = ["func.grad"]', "leave out its own witness, hessian by func.hessian"),
        ("order = 2", "order = 3", "is of order 3, and its witness, a hessian, of order 2"),
        ('values = ["0x1.8p+1"]', 'values = ["three"]', "ValueError"),
        ('values = ["0x1.8p+1"]', 'values = ["0x1p+2", "0x1p+3"]', "ValueError"),
        ('got = "0x1.0p-1"', 'got = "half"', "ValueError"),
        ('versions = ["2.13.0"]', 'versions = [">=two"]', "versions are as 0.10.2 or >=0.7,<0.11"),
    ],
    ids=lambda text: text.splitlines()[-1][:20] if text else "",
)
def test_a_wrong_deviation_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(DataError) as error:
        ledger_of(tmp_path, changed(DEVIATION, old, new))
    one_line(error, "ledger.toml", "torch-lgamma")
    assert says in str(error.value)


def test_two_deviations_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two deviations are called torch-lgamma"):
        ledger_of(tmp_path, DEVIATION + DEVIATION)


def test_deviations_whose_regions_overlap_are_refused(tmp_path: Path) -> None:
    other = changed(DEVIATION, '"torch-lgamma"', '"torch-lgamma-again"')
    with pytest.raises(DataError, match="torch-lgamma-again and torch-lgamma overlap"):
        ledger_of(tmp_path, DEVIATION + other)


def test_a_deviation_that_is_like_no_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is like 'torch-nothing'"):
        ledger_of(tmp_path, changed(DEVIATION, "order = 2", 'order = 2\nlike = "torch-nothing"'))


def test_a_deviation_that_is_like_another_has_its_upstream(tmp_path: Path) -> None:
    first = changed(DEVIATION, "order = 2", 'order = 2\nupstream = "torch#1"')
    other = changed(changed(DEVIATION, '"torch-lgamma"', '"again"\nlike = "torch-lgamma"'), "float64", "float32")
    assert [row.upstream for row in ledger_of(tmp_path, first + other)] == ["torch#1", "torch#1"]


def test_an_overlap_is_found_whichever_row_comes_first(tmp_path: Path) -> None:
    """The wide region holds the witness of the narrow one, not the other way round."""
    wide = changed(changed(DEVIATION, '"x > 2"', '"x > 0"'), '"0x1.8p+1"', '"0x1.0p+0"')
    narrow = changed(DEVIATION, '"torch-lgamma"', '"narrow"')
    with pytest.raises(DataError, match="overlap"):
        ledger_of(tmp_path, narrow + wide)


def test_an_overlap_is_found_in_the_other_order_too(tmp_path: Path) -> None:
    wide = changed(changed(DEVIATION, '"x > 2"', '"x > 0"'), '"0x1.8p+1"', '"0x1.0p+0"')
    narrow = changed(DEVIATION, '"torch-lgamma"', '"narrow"')
    with pytest.raises(DataError, match="overlap"):
        ledger_of(tmp_path, wide + narrow)


@pytest.mark.parametrize("reader", [contracts.read, ledger.read])
def test_broken_toml_and_missing_files_are_refused_in_one_line(reader: object, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    for prepare in (lambda: None, lambda: path.write_text("[[contract]\nbackend = ")):
        prepare()
        with pytest.raises(DataError, match="cannot be read") as error:
            reader(path)  # type: ignore[operator]
        one_line(error, "broken.toml", "")
