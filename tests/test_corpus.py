"""Stored cases: what is drawn comes back bit by bit, damage is one line and loses nothing, and a fault is replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlaws.reports.judging.summary import summarise
from gradlaws.strategies import encoding
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.encoding import EncodingError
from gradlaws.strategies.functions import alone, chains, compositions, forks, functions_between, scalar_functions
from gradlaws.strategies.points import directions
from gradlaws.strategies.precision import FLOAT32, FLOAT64
from gradlaws.strategies.program import Program, Step
from gradlaws.suite.corpus import cases, curate, hardest, replay
from gradlaws.suite.corpus.cases import Case, CaseError, Damaged
from gradlaws.suite.identities import clipping, cross_entropy, stored
from gradlaws.suite.known.claims import CLAIMS
from tests.report_fixtures import failure, green

ROOT = Path(__file__).parents[1]
# f(x) = sigmoid(x) at 1, weight 1, as a run has stored it.
SIGMOID = (
    '{"id":"alone-736bbd6f","identity":"alone","test":"test_a_primitive_alone","parameters":{"primitive":"sigmoid"},'
    '"dtype":"float64","drawn":[[{"inputs":[[]],"steps":[["sigmoid",[0]]]},[{"shape":[],"values":'
    '["0x1.0000000000000p+0"]}]],{"shape":[],"values":["0x1.0000000000000p+0"]}],"mode":"Tensor.backward",'
    '"recorded":{"torch":"violated"}}'
)
EXP = (
    '{"identity":"G1","dtype":"float64","drawn":[[{"inputs":[[]],"steps":[["exp",[0]]]},'
    '[{"shape":[],"values":["0x1p-1"]}]]]}'
)


def same(a: Any, b: Any) -> bool:
    """Equal in value, type and bits."""
    if isinstance(a, np.ndarray | np.float64):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, cross_entropy.Question):
        return all(same(getattr(a, key), getattr(b, key)) for key in vars(a))
    return bool(a == b or a != a) and type(a) is type(b)


DRAWN = {
    "scalar functions": scalar_functions(FLOAT64),
    "float32": scalar_functions(FLOAT32),
    "functions between ranks": functions_between(FLOAT64, 2, 2),
    "chains": chains(FLOAT64),
    "compositions": compositions(FLOAT64),
    "forks": forks(FLOAT64),
    "directions": directions(FLOAT64, [(3,), (2, 2)]),
    "clippings": clipping.clippings(FLOAT64),
    "questions": cross_entropy.questions(FLOAT64),
    "alone": st.sampled_from(list(PRIMITIVES.values())).flatmap(lambda primitive: alone(FLOAT64, primitive)),
}


@pytest.mark.parametrize("name", DRAWN)
@settings(max_examples=10)
@given(data=st.data())
def test_what_is_drawn_comes_back_bit_by_bit(name: str, data: st.DataObject) -> None:
    value = data.draw(DRAWN[name])
    text = encoding.text(value)
    back = encoding.decode(json.loads(text))
    assert same(value, back)
    assert encoding.text(back) == text


@given(st.one_of(st.floats(), st.integers(), st.booleans(), st.none(), st.sampled_from(["mean", "", "x"])))
def test_plain_values_come_back(value: Any) -> None:
    assert same(encoding.decode(encoding.encode(value)), value)


def test_complex_points_come_back() -> None:
    point = np.array([1.5 - 2.25j, -0.0 + 1j])
    assert same(encoding.decode(encoding.encode(point)), point)


@pytest.mark.parametrize("value", [np.zeros(2, dtype=np.float32), "0x1p0", object(), {1: 2}])
def test_what_cannot_be_written_is_refused(value: Any) -> None:
    with pytest.raises(EncodingError):
        encoding.encode(value)


def test_the_encoding_does_not_change() -> None:
    """A line that an earlier version has written is still the same case."""
    case = cases.parse(SIGMOID)
    ((program, (x,)), weights) = case.decoded()
    assert program == Program(((),), (Step("sigmoid", (0,)),))
    assert (x, weights) == (1.0, 1.0)
    assert (case.id, case.line) == ("alone-736bbd6f", SIGMOID)


def test_every_drawn_identity_can_be_asked_again() -> None:
    drawn = {claim.id for claim in CLAIMS.values() if not claim.document}
    assert {identity for identity, _ in stored.laws()} == drawn


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SIGMOID[:100], "cut short"),
        ("[1, 2]", "no JSON object"),
        ("G1", "is no JSON"),
        ('{"identity": "G1"}', "lacks dtype, drawn"),
        (changed(EXP, "float64", "float8"), "unknown dtype 'float8'; known are float64"),
        (changed(EXP, '"dtype"', '"colour":"red","dtype"'), "has unknown colour"),
        (changed(SIGMOID, '"0x1.0000000000000p+0"]}]],', '"0x1p-1"]}]],'), "it has been altered"),
        (changed(SIGMOID, '"violated"', '"bad"'), "records bad"),
    ],
)  # fmt: skip
def test_what_is_no_case_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(CaseError) as error:
        cases.parse(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('["exp",[0]]', '["expp",[0]]', "no primitive 'expp'"),
        ('["exp",[0]]', '["exp",[3]]', "names a value that does not exist"),
        ('["exp",[0]]', '["sum",[0],{"axes":1}]', "do not fit"),
        ('"0x1p-1"', '"0x1p-1","0x1p-1"', "is not what was written"),
        ('{"shape":[]', '{"colour":1,"size":[]', "is not what was written"),
    ],
)
def test_a_case_that_the_catalogue_does_not_know_is_refused_in_one_line(old: str, new: str, says: str) -> None:
    with pytest.raises(CaseError) as error:
        cases.parse(changed(EXP, old, new)).decoded()
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_line_is_kept_apart_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(f"{SIGMOID}\n{EXP[:50]}\n\n{EXP}\n")
    first, damaged, last = cases.read(path)
    assert isinstance(damaged, Damaged)
    assert damaged.where == "cases.jsonl:2"
    assert [type(first), type(last)] == [Case, Case]


def test_the_shipped_corpus_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert curate.main(["check"]) == 0, capsys.readouterr().err
    assert stored.laws().keys() >= {(c.identity, c.test) for c in cases.read() if isinstance(c, Case)}


@pytest.mark.parametrize(
    ("recorded", "found", "status"),
    [
        ("holds", "holds", "HOLDS"),
        ("", "holds", "HOLDS"),
        ("violated", "holds", "FIXED"),
        ("inconclusive", "holds", "HOLDS"),
        ("holds", "violated", "FAILED"),
        ("violated", "violated", "FAILED"),
        ("holds", "inconclusive", "UNDECIDED"),
        ("inconclusive", "inconclusive", "HOLDS"),
    ],
)
def test_the_status_says_what_became_of_what_was_recorded(recorded: str, found: str, status: str) -> None:
    assert stored.status(recorded, found) == status


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inner = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT")
    outside = {k: v for k, v in os.environ.items() if k not in inner}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT, env={**outside, **environment}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_a_planted_fault_is_replayed_and_without_it_the_case_is_fixed(tmp_path: Path) -> None:
    out = f"--out={tmp_path}"
    with_fault = run(
        "suite", "replay", SIGMOID, out, "--", "-p", "benchmarks.faults.plant", GRADLAWS_FAULT="torch-sigmoid_backward"
    )
    assert with_fault.returncode == 1, with_fault.stderr
    assert "FAILED alone-736bbd6f torch float64: f(x) = sigmoid(x) by Tensor.backward" in with_fault.stdout
    assert "got 0.1966119334" in with_fault.stdout
    without = run("suite", "replay", SIGMOID, out)
    assert (without.returncode, without.stdout) == (0, "FIXED alone-736bbd6f torch float64: was violated, holds now\n")


def test_bad_cases_are_errors_and_the_rest_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    bad = [EXP[:50], changed(EXP, '"exp"', '"expp"'), changed(EXP, '"G1"', '"G17"'), changed(EXP, '"G1"', '"D1"')]
    path.write_text("\n".join([*bad, EXP]) + "\n")
    done = run("suite", "replay", str(path), f"--out={tmp_path}", "--", "--backends", "numpy")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done.stdout + done.stderr
    for words in (
        "perhaps cut short",
        "no primitive 'expp'",
        "no test verifies 'G17'",
        "draws more than the case holds",
    ):
        assert sum(words in line and line.startswith("ERROR ") for line in lines) == 1, words
    assert sum(line.startswith("HOLDS G1-") for line in lines) == 1


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("G1-ffffffff", "no case is called 'G1-ffffffff'"),
        ("nowhere.jsonl", "cannot be read"),
        ("{nothing", "is no JSON"),
        (SIGMOID[:99], "perhaps cut short"),
    ],
)
def test_what_is_no_entry_is_refused(
    argument: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay.main([argument, "--report", str(tmp_path / "none.json"), "--out", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_an_id_is_found_by_its_beginning_in_the_report_first(tmp_path: Path) -> None:
    report, stored = tmp_path / "report.json", tmp_path / "corpus.jsonl"
    report.write_text(json.dumps(summarise([*green(), failure(id="alone-736bbd6f", case=SIGMOID)])))
    stored.write_text(EXP + "\n")
    name = cases.parse(EXP).id
    assert replay.by_id("alone-7", report, stored) == SIGMOID
    assert cases.parse(replay.by_id(name[:5], report, stored)).id == name
    with pytest.raises(CaseError, match="no case is called"):
        replay.by_id("D4", report, stored)


def test_a_corpus_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    done = run(
        "pytest", "suite/identities/test_corpus.py", "--profile=pin", f"--corpus={tmp_path}/none", "--backends=numpy"
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--corpus: " in done.stderr


def test_adding_keeps_the_larger_ratio_and_leaves_violations_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored, found = tmp_path / "corpus.jsonl", tmp_path / "found.jsonl"
    held = changed(EXP, '"dtype"', '"recorded":{"torch":"holds"},"ratio":0.25,"dtype"')
    larger = changed(EXP, '"dtype"', '"recorded":{"jax":"holds"},"ratio":0.5,"dtype"')
    found.write_text("\n".join([held, larger, SIGMOID, "nothing"]) + "\n")
    assert curate.main(["--corpus", str(stored), "add", str(found)]) == 1
    (case,) = cases.read(stored)
    assert isinstance(case, Case)
    assert (case.ratio, dict(case.recorded)) == (0.5, {})
    left = capsys.readouterr().err
    assert "alone-736bbd6f was violated; understand it" in left
    assert "found.jsonl:4: is no JSON" in left
    assert curate.main(["--corpus", str(stored), "add", "--pin", "--why", "a fault", str(found)]) == 1
    assert [case.why for case in cases.read(stored) if isinstance(case, Case)] == ["a fault"] * 2


def test_the_worst_of_each_primitive_are_kept_and_then_the_most_pairs() -> None:
    def case(ratio: float, *names: str) -> Case:
        steps = tuple(Step(name, (i,)) for i, name in enumerate(names))
        return Case("G1", "", {}, "float64", [encoding.encode(Program(((),), steps))], ratio=ratio)

    worst, pairs, rest = case(0.9, "exp", "sin"), case(0.1, "sin", "exp", "sin", "sin"), case(0.2, "exp", "sin", "sin")
    assert hardest.chosen([rest, pairs, worst], 2) == [worst, pairs]
    assert hardest.chosen([rest, pairs, worst], 9) == [worst, pairs, rest]
