"""The vacuity gate: a generator that has lost its variety makes the verdict 'insufficient evidence'."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from report_fixtures import HEADER, comparison

from gradlaws.records.shard import Record
from gradlaws.reports.judging.floors import LEAST, LEVELS, MOST, figures, floor_of, shortfalls, undecided
from gradlaws.reports.judging.summary import summarise
from gradlaws.reports.shards.fold import Folded, fold
from gradlaws.strategies.functions import scalar_functions
from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.program import Point, Program, Step, constant_step
from gradlaws.suite import backends
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.known import floors
from gradlaws.suite.tables import DataError

EXP = Program(((),), (Step("exp", (0,)),))
Functions = st.SearchStrategy[tuple[Program, Point]]


def report_of(generated: Functions, examples: int = 30) -> Record:
    """The report of G1 in NumPy on functions of this strategy, judged by the gate's floors."""
    records: list[Record] = []
    system = System(backends.load("numpy"), FLOAT64, lambda record: records.append(dict(record)))
    trial = Trial(system, "G1", "tests")

    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(generated)
    def check(drawn: tuple[Program, Point]) -> None:
        program, point = drawn
        with trial.example(program, point) as asked:
            for gradient in asked.answers("gradient"):
                asked.true(gradient)

    check()
    header = {**HEADER, "systems": [["numpy", "float64"]], "floor": 1, "floors": floors.rows()}
    kept = [record for record in records if record["kind"] in ("comparison", "unsupported")]
    return summarise([{"kind": "run", "schema": 1, **header}, *kept])


def verdict_on(report: Record) -> tuple[str, list[str]]:
    [row] = report["matrix"]
    [system] = row["systems"]
    return system["status"], system["short"]


def constants(drawn: tuple[Program, Point]) -> tuple[Program, Point]:
    """x ↦ x · 0 + c."""
    program = Program(((),), (constant_step(np.array(0.0)), Step("mul", (0, 1)), Step("add", (2, 1))))
    return program, (np.array(1.5),)


def independent(drawn: tuple[Program, Point]) -> tuple[Program, Point]:
    """f − f, of the function drawn."""
    program, point = drawn
    last = len(program.shapes) - 1
    return Program(program.inputs, (*program.steps, Step("sub", (last, last)))), point


def test_the_generator_as_it_is_gives_enough_evidence() -> None:
    assert verdict_on(report_of(scalar_functions(FLOAT64))) == ("holds", [])


@pytest.mark.parametrize(
    ("broken", "missing"),
    [
        pytest.param(scalar_functions(FLOAT64).map(constants), "unique programs", id="one constant only"),
        pytest.param(scalar_functions(FLOAT64, max_steps=1), "steps in a row", id="one step only"),
        pytest.param(scalar_functions(FLOAT64).map(independent), "a derivative that is zero", id="no dependence"),
        pytest.param(st.just((EXP, (np.array(0.5),))), "unique programs", id="one function only"),
    ],
)
def test_a_generator_that_has_lost_its_variety_does_not_pass(broken: Functions, missing: str) -> None:
    report = report_of(broken)
    status, short = verdict_on(report)
    assert status == "insufficient evidence"
    assert any(missing in clause for clause in short), short
    assert report["outcome"] == "insufficient evidence"
    assert any("G1 on numpy float64, all modes" in line for line in report["reasons"])


def evidence_of(*records: Record) -> Record:
    cells = fold(records)[0]
    return figures(cells.values())


def test_what_counts_is_what_conclusive_comparisons_reached() -> None:
    found = evidence_of(
        comparison(program="a", primitives=["exp", "sin"], pairs=["exp → sin"], depth=2, size=3),
        comparison(program="b", primitives=["exp"], pairs=[], depth=1, size=1, zero=True),
        comparison("inconclusive", None, program="c", primitives=["log"], pairs=["exp → log"], depth=9, size=9),
        comparison("unsupported", None, program="d", primitives=["det"]),
    )
    assert found == {
        "conclusive": 2, "programs": 2, "primitives": 2, "pairs": 1, "depth": 2, "size": 3,
        "inconclusive": 0.25, "unsupported": 0.25, "zero": 0.5, "unreached": 0.5,
    }  # fmt: skip


def test_one_program_met_in_many_shards_is_one() -> None:
    one, other = (fold([comparison(program="a"), comparison(program=name)])[0] for name in "ab")
    assert figures([*one.values(), *other.values()])["programs"] == 2


def test_later_floors_override_earlier_ones_where_they_speak() -> None:
    rows = [
        {"level": "system", "conclusive": 5, "programs": 3},
        {"level": "system", "identities": ["G*"], "backends": ["jax"], "conclusive": 1},
    ]
    assert floor_of(rows, "system", "G1", "jax", "float64") == {"conclusive": 1, "programs": 3}
    assert floor_of(rows, "system", "G1", "torch", "float64") == {"conclusive": 5, "programs": 3}
    assert floor_of(rows, "mode", "G1", "torch", "float64") == {}


def test_a_shortfall_says_what_is_there_and_what_is_needed() -> None:
    found = evidence_of(comparison(program="a", depth=1), comparison("inconclusive", None))
    assert shortfalls(found, {"programs": 4, "inconclusive": 0.25, "depth": 1}) == [
        "1 unique programs of 4 needed",
        "50 % inconclusive, of at most 25 %",
    ]


def test_the_names_of_floors_are_those_of_the_report() -> None:
    assert tuple(LEAST) == floors.LEAST and tuple(MOST) == floors.MOST and floors.LEVELS == LEVELS


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('level = "cell"\nreason = "r"', "level = 'cell'"),
        ('level = "mode"', "lacks its reason"),
        ('level = "mode"\nreason = "r"\nprogrammes = 3', "unknown programmes"),
        ('level = "mode"\nreason = "r"\nidentities = ["Z9"]', "identities = ['Z9']"),
        ('level = "mode"\nreason = "r"\nprograms = -1', "programs = -1"),
        ('level = "mode"\nreason = "r"\nzero = 1.5', "zero = 1.5"),
    ],
)
def test_a_floor_that_cannot_be_is_one_clear_line(tmp_path: Path, row: str, words: str) -> None:
    path = tmp_path / "floors.toml"
    path.write_text(f"[[floor]]\n{row}\n")
    with pytest.raises(DataError) as error:
        floors.read(path)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_primitive_that_is_never_conclusive_in_an_order_is_named() -> None:
    floor = [{"level": "primitive", "identities": ["alone"], "conclusive": 1, "reason": "-"}]
    records = [
        comparison(identity="alone", order=1, primitives=["det"]),
        comparison("inconclusive", None, identity="alone", order=2, primitives=["det", "mul"]),
        comparison(identity="alone", order=2, primitives=["mul"]),
        comparison("unsupported", None, identity="alone", order=2, primitives=["inv"]),
    ]
    cells: dict[int, list[Folded]] = {}
    for (*_, order), cell in fold(records)[0].items():
        cells.setdefault(order, []).append(cell)
    least = int(floor_of(floor, "primitive", "alone", "torch", "float64")["conclusive"])
    assert undecided(cells, least) == ["of order 2, fewer than 1 conclusive of det"]
