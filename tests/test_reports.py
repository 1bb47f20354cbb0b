"""The report is a pure function of its shards, loses nothing in a crash, and is red when it should be."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_fixtures import HEADER, comparison, control, failure, green, run_record, unfolded, write_shards

from gradlaws.records.conversions import encode
from gradlaws.records.report import Report
from gradlaws.records.shard import Record
from gradlaws.reports.__main__ import main
from gradlaws.reports.build import build
from gradlaws.reports.files.text import LINES, failure_text, verdict_text
from gradlaws.reports.judging.distribution import quantile
from gradlaws.reports.judging.summary import summarise
from gradlaws.reports.page.render import render
from gradlaws.reports.shards.fold import bucket
from gradlaws.reports.shards.reading import read_shards
from gradlaws.reports.shards.writing import ShardWriter


def records_of(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Record]:
    return st.fixed_dictionaries({"kind": st.just(kind), **fields})


VERDICTS = ("holds", "deviation", "violated", "inconclusive", "unsupported", "error")
RATIOS = st.one_of(st.none(), st.just(0.0), st.floats(min_value=0.0, max_value=1e300), st.just("inf"))
COMPARISONS = st.builds(
    comparison, st.sampled_from(VERDICTS), RATIOS, backend=st.sampled_from(["torch", "jax"]),
    mode=st.sampled_from(["grad", "jvp"]), function=st.sampled_from(["f(x) = x", "f(x) = erf(x)"]),
    digits=st.one_of(st.none(), st.floats(-3, 16)), seconds=st.floats(0, 10),
)  # fmt: skip
OTHERS = st.one_of(
    st.builds(control, tried=st.integers(0, 9), failed=st.integers(0, 9)),
    st.builds(failure, test=st.sampled_from(["a", "b", "c"]), steps=st.integers(1, 3)),
    records_of(
        "time",
        part=st.sampled_from(["oracle", "rest"]),
        backend=st.just("jax"),
        seconds=st.floats(0, 100),
    ),
    records_of(
        "ledger",
        id=st.just("lgamma"),
        status=st.sampled_from(["confirmed", "fixed", "worse"]),
        excused=st.one_of(st.none(), st.integers(0, 9)),
    ),
    records_of(
        "unsupported",
        backend=st.just("jax"),
        mode=st.just("jet"),
        primitive=st.sampled_from(["lgamma", "erf"]),
        reason=st.sampled_from(["no rule", "not yet"]),
    ),
    records_of(
        "test",
        nodeid=st.sampled_from(["a", "b", "c"]),
        outcome=st.sampled_from(["passed", "failed", "skipped", "crashed"]),
        seconds=st.floats(0, 9),
        message=st.sampled_from(["", "m"]),
    ),
)


def report_bytes(report: Report) -> str:
    return json.dumps(report, ensure_ascii=False)


def red_reasons(records: list[Record], problems: tuple[str, ...] = ()) -> str:
    report = summarise(records, problems)
    assert report["verdict"] == "red"
    return "\n".join(report["reasons"])


def replaced(records: list[Record], kind: str, *new: Record) -> list[Record]:
    return [record for record in records if record["kind"] != kind] + list(new)


# The shards


@settings(max_examples=60, deadline=None)
@given(data=st.data(), records=st.lists(st.one_of(COMPARISONS, OTHERS), max_size=30))
def test_any_sharding_and_order_gives_the_same_report(
    data: st.DataObject, records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder / "one", records, fold_every=1000)
    workers = data.draw(st.integers(1, 4))
    shards: list[list[Record]] = [[] for _ in range(workers)]
    for record in records:
        # pytest-xdist runs one test on one worker, so its failures stay together.
        place = ord(record["test"]) if record["kind"] == "failure" else data.draw(st.integers(0, workers - 1))
        shards[place % workers].append(record)
    for index, shard in enumerate(shards):
        write_shards(folder / f"host{index % 2}", shard, f"gw{index}", data.draw(st.integers(1, 5)))
    unsharded, problems = read_shards([folder / "one"])
    sharded, more = read_shards([folder / "host0", folder / "host1"] if workers > 1 else [folder / "host0"])
    assert problems == more == []
    shuffled = data.draw(st.permutations(sharded))
    assert report_bytes(summarise(shuffled)) == report_bytes(summarise(unsharded))


def test_a_crash_at_any_moment_of_a_fold_counts_everything_once(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "gw0", HEADER)
    for _ in range(3):
        writer.write(comparison())
    journal, shard = tmp_path / "gw0.journal.jsonl", tmp_path / "gw0.jsonl"
    before_journal, before_shard = journal.read_bytes(), shard.read_bytes()
    writer.fold()
    after_journal, after_shard = journal.read_bytes(), shard.read_bytes()
    for left, kept in [(before_journal, before_shard), (before_journal, after_shard), (b"", after_shard),
                       (after_journal, after_shard)]:  # fmt: skip
        journal.write_bytes(left)
        shard.write_bytes(kept)
        records, problems = read_shards([tmp_path])
        assert problems == []
        assert summarise(records)["totals"]["comparisons"] == 3


def test_a_journal_left_by_a_dead_worker_tells_what_it_was_doing(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "gw0", HEADER)
    writer.write(comparison())
    inputs = [{"name": "x", "shape": [], "hex": ["0x1p+0"]}]
    for function in ("f(x) = exp(x)", "f(x) = svd(x)"):
        writer.write({"kind": "example", "test": "suite/t.py::t", "function": function, "inputs": inputs})
    report = summarise(read_shards([tmp_path])[0])
    assert report["totals"]["comparisons"] == 1
    assert report["tests"]["crashed"][0]["doing"] == {"function": "f(x) = svd(x)", "inputs": inputs}
    assert report["reasons"][:1] == ["crashed: suite/t.py::t, at f(x) = svd(x): the worker died in this test"]
    assert "f(x) = svd(x)" in render(report)


def test_an_example_of_a_finished_test_is_forgotten(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "gw0", HEADER)
    writer.write({"kind": "example", "test": "t", "function": "f(x) = x", "inputs": []})
    writer.fold()
    assert [record["kind"] for record in read_shards([tmp_path])[0]] == ["run"]


def test_a_truncated_line_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    shards, out = tmp_path / "shards", tmp_path / "out"
    write_shards(shards, green())
    shard = shards / "main.jsonl"
    shard.write_bytes(shard.read_bytes() + b'{"kind":"cell","ident')
    records, problems = read_shards([shards])
    line = len(shard.read_bytes().splitlines())
    assert len(problems) == 1 and f"{shard}, line {line}" in problems[0] and "truncated" in problems[0]
    assert summarise(records)["totals"]["comparisons"] == 6
    said: list[str] = []
    assert build([shards], out, said.append) == 2
    assert any(str(shard) in line for line in said)
    assert (out / "index.html").exists()


@pytest.mark.parametrize(
    ("line", "clue"),
    [
        ("[1]", "not a JSON object"),
        ('{"kind":"spam"}', "unknown kind 'spam'"),
        ('{"kind":"test"}', "without nodeid"),
        ("\x00\xff", "damaged"),
    ],
)
def test_a_line_that_is_no_record_is_a_problem(tmp_path: Path, line: str, clue: str) -> None:
    write_shards(tmp_path, green())
    with (tmp_path / "main.jsonl").open("a") as file:
        file.write(line + "\n")
    assert clue in read_shards([tmp_path])[1][0]


def test_another_schema_and_a_missing_header_are_problems(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"kind":"run","schema":2}\n')
    (tmp_path / "b.jsonl").write_text(encode(control()) + "\n")
    records, problems = read_shards([tmp_path])
    assert [record["kind"] for record in records] == ["control"]
    assert "schema 2" in problems[0] and "no run record" in problems[1]


def test_a_worker_refuses_a_folder_of_an_earlier_run(tmp_path: Path) -> None:
    ShardWriter(tmp_path, "main", HEADER).close()
    with pytest.raises(FileExistsError, match="empty the shards folder"):
        ShardWriter(tmp_path, "main", HEADER)


def test_numbers_that_json_lacks_become_strings(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "main", HEADER)
    writer.write(comparison("violated", float("inf"), digits=float("nan")))
    writer.write(comparison("violated", float("nan")))
    writer.close()
    (row,) = summarise(read_shards([tmp_path])[0])["cells"]
    assert row["worst"]["ratio"] == "inf"
    assert all("NaN" not in path.read_text() for path in tmp_path.iterdir())


def test_writing_is_cheap(tmp_path: Path) -> None:
    writer, record = ShardWriter(tmp_path, "main", HEADER), comparison()
    start = time.perf_counter()
    for _ in range(5000):
        writer.write(record)
    assert (time.perf_counter() - start) / 5000 < 200e-6


# The verdict


def test_a_green_run_is_green() -> None:
    report = summarise(green())
    assert report["reasons"] == []
    assert report["sentence"] == "Every identity holds: 6 comparisons, worst error 0.25 of its bound."


def test_deviations_are_green_but_counted_and_not_the_worst_holding() -> None:
    report = summarise([*green(), comparison("deviation", 1e6)])
    assert report["verdict"] == "green"
    assert "worst error 0.25 of its bound; 1 comparison excused" in report["sentence"]


@pytest.mark.parametrize(
    ("spoilt", "clue"),
    [
        ([*green(), comparison("violated", 9.0)], "torch violates G1 (float64): 1 of 7"),
        ([*green(), comparison("error", None)], "torch raises an error in G1"),
        ([*green(), failure()], "failure G1-7f3a"),
        (replaced(green(), "control", control(failed=0)), "never failed"),
        (replaced(green(), "control"), "never tried"),
        (replaced(green(), "comparison", *[comparison()] * 4), "4 conclusive of 5 needed"),
        ([*green(), comparison("inconclusive", None, mode="jvp")], "jvp (0 conclusive of 5 needed)"),
        (replaced(green(), "comparison"), "no comparison"),
        ([*green(), {**run_record(), "systems": [["jax", "float32"]]}], "G1 on jax float32: never compared"),
        *(([*green(), {"kind": "ledger", "id": "row", "status": status}], f"row is {status}")
          for status in ("fixed", "worse", "error")),
        *(([*green(), {"kind": "test", "nodeid": "t", "outcome": outcome}], " t")
          for outcome in ("failed", "error", "crashed")),
    ],
)  # fmt: skip
def test_each_reason_makes_the_run_red(spoilt: list[Record], clue: str) -> None:
    assert clue in red_reasons(spoilt)


@pytest.mark.parametrize(
    ("counts", "red"),
    [
        ([(0, 0), (9, 9)], False),
        ([(4, 0), (9, 9)], False),
        ([(5, 0), (9, 9)], True),
        ([(4, 0)], False),
        ([(4, 0)] * 2, True),
    ],
)  # fmt: skip
def test_a_control_hardly_tried_in_a_coarse_precision_is_no_reason_where_another_fails(
    counts: list[tuple[int, int]], red: bool
) -> None:
    """Of four examples of JAX in bfloat16, none may be narrow enough; nor of eight, in a run of bfloat16 alone."""
    header = {**run_record(), "coarse": ["bfloat16"], "systems": [["torch", "bfloat16"]]}
    few = [control(dtype="bfloat16", control=str(i), tried=n, failed=failed) for i, (n, failed) in enumerate(counts)]
    compared = [comparison(dtype="bfloat16") for _ in range(6)]
    records = [*replaced(replaced(green(), "control"), "comparison", *compared), *few, header]
    told = [reason for reason in summarise(records)["reasons"] if "on torch bfloat16" in reason]
    assert bool(told) == red, told


def test_a_problem_makes_the_run_red() -> None:
    assert red_reasons(green(), ("main.jsonl, line 3 is truncated",)) == "main.jsonl, line 3 is truncated"


def test_a_confirmed_ledger_row_and_a_skipped_test_are_green() -> None:
    rows: list[Record] = [
        {"kind": "ledger", "id": "row", "status": "confirmed", "excused": 3},
        {"kind": "ledger", "id": "row", "status": "confirmed", "excused": None},
        {"kind": "ledger", "id": "row of another version", "status": "elsewhere", "found": "fixed", "excused": 0},
        {"kind": "test", "nodeid": "t", "outcome": "skipped", "message": "no compiler"},
    ]
    report = summarise(green() + rows)
    assert report["verdict"] == "green" and report["ledger"][0]["excused"] == 3
    assert "no compiler" in unfolded(render(report))


def test_only_unsupported_comparisons_are_unsupported_not_a_pass() -> None:
    rows = [comparison("unsupported", None, mode="jet") for _ in range(9)]
    report = summarise(green() + rows)
    assert [row["status"] for row in report["cells"]] == ["holds", "unsupported"]
    assert report["verdict"] == "green"


def test_a_pair_that_is_not_applicable_shows_its_reason() -> None:
    header = {
        **run_record(),
        "systems": [["numpy", "float64"]],
        "not_applicable": {"G1 numpy": "no autodiff"},
    }
    report = summarise([*green(), header])
    assert report["verdict"] == "green"
    assert ("not applicable", "no autodiff") in [(row["status"], row["reason"]) for row in report["cells"]]


def test_the_last_failure_of_a_test_is_the_shrunk_one(tmp_path: Path) -> None:
    write_shards(tmp_path, [*green(), failure(id="first", steps=1), failure(id="last", steps=2)])
    (row,) = summarise(read_shards([tmp_path])[0])["failures"]
    assert row["id"] == "last"


def test_equal_failure_ids_are_told_apart_and_safe_as_file_names() -> None:
    rows = [failure(id="../a b", test=test) for test in ("s", "t")]
    assert [row["id"] for row in summarise(green() + rows)["failures"]] == ["_a_b", "_a_b-2"]


@pytest.mark.parametrize(
    ("ratio", "name"),
    [(0.0, "zero"), (1.0, "0"), (0.99, "-1"), (2.0, "1"), (5e-324, "-1074"), (float("nan"), "inf")],
)
def test_buckets_are_the_floor_of_the_binary_logarithm(ratio: float, name: str) -> None:
    assert bucket(ratio) == name


def test_quantiles_are_upper_edges() -> None:
    histogram = {"-3": 50, "zero": 49, "1": 1}
    assert quantile(histogram, 0.5) == {"bucket": "-3", "upper": 0.25}
    assert quantile(histogram, 0.99) == {"bucket": "-3", "upper": 0.25}
    assert quantile(histogram, 1.0) == {"bucket": "1", "upper": 4.0}
    assert quantile({}, 0.5) is None


# The text, the command line, the files


def test_the_text_has_at_most_25_lines_however_much_failed() -> None:
    many = [failure(id=f"G1-{number}", test=str(number)) for number in range(40)]
    nodes: list[Record] = [{"kind": "test", "nodeid": f"n{number}", "outcome": "failed"} for number in range(40)]
    text = verdict_text(summarise(green() + many + nodes))
    assert len(text.splitlines()) <= LINES
    assert "G1 violated by torch · func.grad · float64" in text
    assert "python -m gradlaws show G1-0 · reproducer: reports/out/repro/G1-0_torch.py" in text
    assert "more failures" in text and text.splitlines()[-1] == "report: reports/out/index.html"


def test_build_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    write_shards(out / "shards", [*green(), failure()])
    assert main(["build", "--out", str(out)]) == 0
    assert "gradlaws: red. torch violates G1" in capsys.readouterr().out
    assert (out / "repro" / "G1-7f3a_torch.py").read_text() == "print('torch')\n"
    assert (out / "summary.txt").read_text().startswith("gradlaws: red.")
    report = ["--report", str(out / "report.json")]
    assert main(["show", "G1-7f3a", *report]) == 0
    shown = capsys.readouterr().out
    assert "1.5  =  0x1.8p+0" in shown and "print('torch')" in shown and "7e5 × bound" in shown
    assert main(["show", "G1-7f3a", "--script", "torch", *report]) == 0
    assert capsys.readouterr().out == "print('torch')\n"
    assert main(["show", "nope", *report]) == 2
    assert capsys.readouterr().err.strip().endswith("known: G1-7f3a")
    assert main(["show", "nope", "--report", str(tmp_path / "missing.json")]) == 2


def test_a_green_build_exits_0_and_removes_old_scripts(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_shards(tmp_path / "red", [*green(), failure()])
    write_shards(tmp_path / "green", green())
    said: list[str] = []
    assert build([tmp_path / "red"], out, said.append) == 1
    assert build([tmp_path / "green"], out, said.append) == 0
    assert list((out / "repro").iterdir()) == []
    assert sorted(path.name for path in out.iterdir()) == [
        "index.html",
        "junit.xml",
        "report.json",
        "report.sarif",
        "repro",
        "summary.md",
        "summary.txt",
    ]


@pytest.mark.parametrize("make", [True, False])
def test_an_empty_or_missing_folder_exits_2(tmp_path: Path, make: bool) -> None:
    shards = tmp_path / "shards"
    if make:
        shards.mkdir()
    said: list[str] = []
    assert build([shards], tmp_path / "out", said.append) == 2
    assert str(shards) in "\n".join(said) and said[-1] == "verdict: could not run (exit status 2)"
    assert "Nothing was compared" in (tmp_path / "out" / "index.html").read_text()


def test_an_unwritable_folder_exits_2(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", green())
    (tmp_path / "file").write_text("in the way")
    said: list[str] = []
    assert build([tmp_path / "shards"], tmp_path / "file" / "out", said.append) == 2
    assert len(said) == 1 and "cannot write" in said[0]


def test_the_same_records_give_the_same_files(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", [*green(), failure()])
    for out in ("a", "b"):
        build([tmp_path / "shards"], tmp_path / out, lambda line: None)
    for name in ("index.html", "report.json", "report.sarif", "junit.xml", "summary.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_failure_in_full_names_everything() -> None:
    (row,) = summarise([*green(), failure()])["failures"]
    text = failure_text(row)
    for part in (
        "G1 violated by torch",
        "x  shape (2,)",
        "-0.25  =  -0x1p-2",
        "got    -0.375  =  -0x1.8p-2",
        "replay",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("tried", "differed", "red"), [(4, 4, False), (5, 5, True), (9, 2, False), (25, 2, True), (0, 0, True)]
)
def test_a_control_that_is_the_right_answer_by_chance_is_no_trial(tried: int, differed: int, red: bool) -> None:
    few = control(tried=tried, differed=differed, failed=0)
    assert bool(summarise(replaced(green(), "control", few))["reasons"]) == red


def test_what_is_judged_in_part_is_counted() -> None:
    report = summarise([*green(), comparison(partly=True)])
    assert [row["partly"] for row in report["distributions"]] == [1, 1]
    assert "in part" in unfolded(render(report))
