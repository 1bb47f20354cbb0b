"""Two runs compared: what is new, fixed, worse, better, added, removed or weakened, and nothing that is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_fixtures import HEADER, comparison, control, failure, green, run_record, write_shards

from gradlaws.records.shard import Record
from gradlaws.reports.__main__ import main
from gradlaws.reports.build import build
from gradlaws.reports.judging.compare import CHANGES, REGRESSIONS, compare
from gradlaws.reports.judging.gist import baseline_text, fingerprint, gist
from gradlaws.reports.judging.summary import judged, summarise
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.primitive import interval, unary
from gradlaws.strategies.reach import reach

WHOLE: dict[str, Any] = {
    "suite": "0.1.0", "asked": {}, "contracts": {"torch exp * float64": [4.0, 4.0, 4.0, 0.0, 0.0, 0.0]},
    "domains": {"exp": 0.9, "log": 0.5},
}  # fmt: skip


def run(*more: Record, holds: int = 30, **header: Any) -> Record:
    """The gist of a run of the whole suite, with some records more and its header changed."""
    return gist(summarise(records(*more, holds=holds, **header)))


def records(*more: Record, holds: int = 30, **header: Any) -> list[Record]:
    return [run_record() | WHOLE | header, control(), *[comparison() for _ in range(holds)], *more]


def others(mode: str, count: int = 6, **changes: Any) -> list[Record]:
    return [comparison(mode=mode, **changes) for _ in range(count)]


def deviation(**changes: Any) -> Record:
    return {"kind": "ledger", "id": "row", "backend": "torch", "status": "confirmed"} | changes


def programs(count: int) -> list[Record]:
    return [comparison(program=f"{number:08x}") for number in range(count)]


def floors(**demanded: float) -> list[Record]:
    return [{"level": "mode", "identities": ["G*"], **demanded}]


CASES: dict[str, tuple[str, Record, Record]] = {
    "a violation": ("new mode", run(), run(comparison("violated", 9.0))),
    "a violation is gone": ("fixed mode", run(comparison("violated", 9.0)), run()),
    "an error": ("new mode", run(), run(comparison("error", None))),
    "another failure": ("new failure", run(failure()), run(failure(), failure(mode="jit", test="u"))),
    "a mode": ("added mode", run(), run(*others("jvp"))),
    "a mode is gone": ("removed mode", run(*others("jvp")), run()),
    "a mode says nothing": ("weakened mode", run(*others("jvp")), run(*others("jvp", verdict="inconclusive"))),
    "a mode says something": ("better mode", run(*others("jvp", verdict="unsupported")), run(*others("jvp"))),
    "a violation is no longer seen": ("weakened mode", run(*others("jvp", verdict="violated")), run()),
    "fewer examples": ("weakened cell", run(), run(holds=14)),
    "fewer examples everywhere": ("weakened system", run(), run(holds=26)),
    "a wider bound": ("weakened cell", run(), run(*others("func.grad", 30, digits=11.0))),
    "a wider bound everywhere": ("weakened system", run(), run(*others("func.grad", 12, digits=13.0))),
    "settings": ("weakened settings", run(), run(settings={"max_examples": 50})),
    "a floor": ("weakened settings", run(), run(floor=1)),
    "fewer functions": ("weakened cell", run(*programs(30), holds=0), run(*programs(14) * 2, *programs(2), holds=0)),
    "a lower floor": ("weakened cell", run(floors=floors(programs=9)), run(floors=floors(programs=8))),
    "a higher floor": ("better cell", run(floors=floors(programs=1)), run(floors=floors(programs=2), floor=5)),
    "a wider share": ("weakened cell", run(floors=floors(zero=0.1)), run(floors=floors(zero=0.2))),
    "no floor": ("weakened cell", run(floors=floors(zero=0.1)), run()),
    "a looser contract": ("weakened contract", run(), run(contracts={"torch exp * float64": [4, 5, 4, 0, 0, 0]})),
    "a tighter contract": ("better contract", run(), run(contracts={"torch exp * float64": [4, 3, 4, 0, 0, 0]})),
    "one more contract": (
        "weakened contract", run(), run(contracts=WHOLE["contracts"] | {"jax log * float64": [9, 9, 9, 0, 0, 0]}),
    ),
    "a smaller domain": ("weakened domain", run(), run(domains={"exp": 0.8, "log": 0.5})),
    "a larger domain": ("better domain", run(), run(domains={"exp": 0.95, "log": 0.5})),
    "a primitive is gone": ("removed domain", run(), run(domains={"exp": 0.9})),
    "a primitive": ("added domain", run(), run(domains=WHOLE["domains"] | {"erf": 0.2})),
    "a deviation": ("worse ledger", run(), run(deviation())),
    "a deviation is gone": ("fixed ledger", run(deviation()), run()),
    "an identity": ("added identity", run(), run(identities=[*HEADER["identities"], {"id": "H9"}])),
    "an identity is gone": ("removed identity", run(identities=[*HEADER["identities"], {"id": "H9"}]), run()),
    "an identity says something else": (
        "edited identity", run(), run(identities=[HEADER["identities"][0] | {"statement": "∇f = 0"}]),
    ),
    "a larger error": ("worse cell", run(), run(comparison(ratio=0.9), holds=29) | {"cells": [
        run()["cells"][0] | {"worst": 2.5}]}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_change_is_told_as_what_it_is(case: str) -> None:
    wanted, before, after = CASES[case]
    rows = compare(before, after)["rows"]
    told = [f"{row['change']} {row['what']}" for row in rows]
    assert wanted in told
    for row in rows:
        assert row["gates"] == (row["change"] in REGRESSIONS and "worst error" not in row["subject"])
    if "worst error" not in rows[0]["subject"]:
        assert any(row["gates"] for row in rows) == (wanted.split()[0] in REGRESSIONS), told


def test_a_run_is_no_regression_of_itself() -> None:
    for _, before, after in CASES.values():
        for one in (before, after):
            assert compare(one, one)["rows"] == []


def test_what_another_machine_would_turn_is_no_regression() -> None:
    """One comparison in twenty, a tenth of a digit, another error, another time."""
    before = run(*others("jvp", 2))
    after = run(comparison(ratio=0.4, digits=14.2, seconds=99.0), holds=29, platform="Windows", started="2027-01-01")
    assert [row for row in compare(before, after)["rows"] if row["gates"]] == []


def test_what_was_not_asked_for_is_not_missed() -> None:
    jax = others("grad", backend="jax")
    both = {"systems": [["torch", "float64"], ["jax", "float64"]]}
    before = run(*jax, control(backend="jax"), deviation(), deviation(id="of-jax", backend="jax"), **both)
    after = run(deviation(), asked={"backends": "torch"})
    assert compare(before, after)["rows"] == []
    assert {row["what"] for row in compare(before, run(deviation()))["rows"]} == {"cell", "ledger"}


def test_an_identity_of_systems_that_were_not_asked_is_not_gone() -> None:
    """As that of jax alone, in a run of torch; nor are ledger rows, asked in one precision each, fixed in another."""
    jax, both = others("grad", backend="jax", identity="H9"), [*HEADER["identities"], {"id": "H9"}]
    systems = [["torch", "float64"], ["jax", "float64"]]
    before = run(*jax, deviation(), identities=both, systems=systems, not_applicable={"H9 torch": "no jit"})
    told = {row["what"] for row in compare(before, run(asked={"backends": "jax"}))["rows"]}
    assert "identity" in told
    assert compare(before, run(asked={"backends": "torch", "dtypes": "float64"}))["rows"] == []


@pytest.mark.parametrize("header", [{"seed": "7"}, {"profile": "smoke"}, {"asked": {"keyword": "erf"}}])
def test_counts_of_unlike_runs_are_not_compared_but_verdicts_are(header: dict[str, Any]) -> None:
    found = compare(run(), run(holds=3, **header))
    assert found["rows"] == [] and "counts are not compared" in found["note"]
    assert compare(run(), run(comparison("violated", 2.0), **header))["counts"]["new"] == 1


# The baseline


def baseline(folder: Path, found: Record) -> Path:
    path = folder / "baseline.json"
    path.write_text(baseline_text(found))
    return path


def against(before: Record, *more: Record, holds: int = 30, **header: Any) -> Record:
    return judged(summarise(records(*more, holds=holds, **header)), before)


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (run(), {}, "holds"),
        (run(), {"holds": 10}, "insufficient evidence"),
        (run(*others("jvp")), {}, "insufficient evidence"),
        (run(), {"contracts": {"torch exp * float64": [4, 9, 4, 0, 0, 0]}}, "insufficient evidence"),
        (run(*others("jvp")), {"versions": {"torch": "2.14.0"}}, "holds"),  # another version offers something else
        (run(*others("jvp")), {"asked": {"keyword": "erf"}}, "holds"),
        (run(deviation()), {}, "holds"),
    ],
)
def test_the_gate_is_judged_against_the_baseline_too(before: Record, after: dict[str, Any], outcome: str) -> None:
    report = against(before, **after)
    assert report["outcome"] == outcome
    assert all(reason.startswith("since the baseline: ") for reason in report["reasons"])


def test_a_deviation_that_the_baseline_does_not_have_is_red_until_it_is_renewed() -> None:
    report = against(run(), deviation())
    assert report["outcome"] == "violated" and "worse ledger torch row" in report["reasons"][0]
    assert judged(report, gist(report))["outcome"] == "holds"


def test_a_backend_that_has_gone_is_missed() -> None:
    both = {"systems": [["torch", "float64"], ["jax", "float64"]], "versions": {"torch": "2.13.0", "jax": "0.10.2"}}
    before = run(*others("grad", backend="jax"), control(backend="jax"), **both)
    report = against(before, versions={"torch": "2.13.0"}, left_out={"jax": "no module"})
    assert report["outcome"] == "insufficient evidence" and "removed cell G1 jax float64" in report["reasons"][0]


def test_a_missing_baseline_is_one_line_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_shards(tmp_path / "reports" / "out" / "shards", green())
    assert main(["gate"]) == 0
    assert "\nno baseline in reports/baseline.json: nothing to compare with; " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "clue"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_text("{"), "not JSON"),
        (lambda path: path.write_text("{}"), "not a report"),
        (lambda path: path.write_text(json.dumps({"schema": 1, "outcome": "holds"})), "not a whole report"),
        (lambda path: path.write_text(path.read_text().replace('"schema": 1', '"schema": 9')), "schema 9"),
        (lambda path: path.write_text(path.read_text().replace('"suite": "0.1.0"', '"suite": "0.0.9"')), "suite 0.0.9"),
        (lambda path: path.write_text(path.read_text().replace('"cells"', '"sells"')), "not a whole baseline"),
    ],
)
def test_a_baseline_that_is_given_and_wrong_is_named_and_the_rest_reported(
    spoil: Callable[[Path], Any], clue: str, tmp_path: Path
) -> None:
    path = baseline(tmp_path, run())
    spoil(path)
    shards = tmp_path / "shards"
    shards.mkdir()
    (shards / "main.jsonl").write_text("".join(json.dumps(record) + "\n" for record in as_cells()))
    assert main(["gate", "--out", str(tmp_path), "--baseline", str(path)]) == 2
    report = json.loads((tmp_path / "report.json").read_text())
    assert clue in report["problems"][0] and report["totals"]["comparisons"] == 30


def as_cells() -> list[Record]:
    cell = {"kind": "cell", "identity": "G1", "backend": "torch", "dtype": "float64", "mode": "func.grad", "order": 1,
            "counts": {"holds": 30}}  # fmt: skip
    return [run_record() | WHOLE, control(), cell]


def report_in(folder: Path, *more: Record, **header: Any) -> str:
    folder.mkdir()
    path = folder / "report.json"
    path.write_text(json.dumps(summarise(records(*more, **header))))
    return str(path)


def test_the_command_prints_a_line_for_each_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = report_in(tmp_path / "a"), report_in(tmp_path / "b", comparison("violated", 9.0), failure())
    assert main(["compare", a, a]) == 0
    assert capsys.readouterr().out.startswith("0 regressions; 0 new")
    assert main(["compare", a, b]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "new mode G1 torch float64 func.grad: holds → violated" in lines
    assert lines[-1].startswith("2 regressions; 2 new")
    assert main(["compare", b, a]) == 0
    assert "fixed mode" in capsys.readouterr().out


def test_reports_of_unlike_schemas_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = report_in(tmp_path / "a"), report_in(tmp_path / "b")
    Path(b).write_text(Path(b).read_text().replace('"schema": 1', '"schema": 2', 1))
    for one, other in ((a, b), (b, a), (a, str(tmp_path / "missing.json"))):
        assert main(["compare", one, other]) == 2
        said = capsys.readouterr()
        assert said.out == "" and len(said.err.splitlines()) == 1


def test_a_baseline_is_written_from_a_whole_run_that_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "baseline.json"
    whole = report_in(tmp_path / "whole")
    assert main(["baseline", whole, "--to", str(to)]) == 0
    assert main(["compare", str(to), whole]) == 0
    for name, spoilt in {"red": report_in(tmp_path / "red", failure()),
                         "part": report_in(tmp_path / "part", asked={"keyword": "erf"})}.items():  # fmt: skip
        assert main(["baseline", spoilt, "--to", str(to)]) == 2, name
    assert main(["baseline", whole, "--to", str(tmp_path / "no" / "folder")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert (
        "its verdict is violated" in said[0] and "asked for keyword erf" in said[1] and "cannot be written" in said[2]
    )


def test_a_weaker_run_becomes_the_baseline_when_it_is_meant_to(tmp_path: Path) -> None:
    report = against(run(), holds=10)
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert report["outcome"] == "insufficient evidence"
    assert main(["baseline", str(tmp_path / "report.json"), "--to", str(tmp_path / "baseline.json")]) == 0


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(6)), st.sampled_from(sorted(CASES)))
def test_the_gist_survives_its_file_and_any_order_of_records(order: list[int], case: str) -> None:
    found = CASES[case][2]
    assert json.loads(baseline_text(found)) == json.loads(json.dumps(found))
    rows = records(*others("jvp", 2), failure(), deviation())
    shuffled = [rows[0], *(rows[1:][place % len(rows[1:])] for place in order)]
    assert gist(summarise(shuffled)) == gist(summarise([shuffled[0], *reversed(shuffled[1:])]))


def test_the_fingerprint_of_a_failure_does_not_know_how_it_shrank() -> None:
    assert fingerprint(failure()) == fingerprint(failure(function="f(x) = exp(tanh(x))", id="other", ratio=2.0))
    assert fingerprint(failure()) != fingerprint(failure(mode="jvp"))


def test_every_change_has_its_place() -> None:
    assert {wanted.split()[0] for wanted, _, _ in CASES.values()} == set(CHANGES)


def test_a_smaller_domain_reaches_less_far() -> None:
    wide, narrow = (unary("f", np.exp, interval(-size, size)) for size in (5, 4))
    assert reach(narrow) < reach(wide) < reach(unary("f", np.exp)) == 1
    assert all(0 <= reach(primitive) <= 1 for primitive in PRIMITIVES.values())


def test_build_takes_a_baseline(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", green())
    assert build([tmp_path / "shards"], tmp_path, lambda line: None, baseline(tmp_path, run())) == 0
