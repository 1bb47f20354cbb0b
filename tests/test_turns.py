"""Primitives by themselves take turns: over the runs that are promised, every one is met."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from gradlaws.strategies.catalogue import CORE, PRIMITIVES
from gradlaws.strategies.functions import alone
from gradlaws.strategies.precision import PRECISIONS, WIDE
from gradlaws.strategies.program import Program, Step
from gradlaws.suite import backends, profiles
from gradlaws.suite.backends.backend import Mode
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.session.items import in_order, seed_of
from tests.test_strategies import sample

BACKENDS = ("numpy", "torch", "jax")


@pytest.fixture(autouse=True)
def gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "active", profiles.PROFILES["gate"])
    monkeypatch.setattr(profiles, "turn", 7)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", WIDE)
def test_ten_runs_meet_every_primitive(backend: str, dtype: str) -> None:
    for primitive in PRIMITIVES:
        assert any(profiles.due(primitive, backend, dtype, run=run) for run in range(10)), primitive


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_next_seed_that_is_named_meets_it_and_none_before(backend: str) -> None:
    for primitive in PRIMITIVES:
        seed = profiles.next_turn(primitive, backend, "float64")
        assert seed is not None
        assert profiles.due(primitive, backend, "float64", run=seed)
        assert not any(profiles.due(primitive, backend, "float64", run=run) for run in range(8, seed))


def test_half_types_meet_those_of_compositions_only() -> None:
    for primitive in PRIMITIVES:
        assert (profiles.next_turn(primitive, "torch", "float16", share=0.25) is None) == (primitive not in CORE)


def test_what_compiles_meets_two_shapes_of_a_primitive_and_another_one_in_another_run() -> None:
    shapes = set()
    for pick in range(12):
        met = {program.inputs for program, _ in sample(alone(PRECISIONS["float64"], PRIMITIVES["add"], pick), 40)}
        assert len(met) <= 2 and ((), ()) in met
        shapes |= met
    assert len(shapes) > 4


def test_a_slow_mode_takes_part_in_one_round_of_the_rotation_out_of_several() -> None:
    every = {"a": 1, "b": 4, "c": 1, "d": 1, "e": 1}
    modes = [Mode("value", name, np.sum, every=rounds) for name, rounds in every.items()]
    system = System(replace(backends.load("numpy"), modes=modes), PRECISIONS["float64"])
    program = Program(((),), (Step("exp", (0,)),))
    met = Counter(
        mode.name for example in range(20) for mode in Check(Trial(system), program, (), (), example).modes("value")
    )  # 20 examples of 3 modes each are 12 rounds
    assert met == {"a": 12, "b": 3, "c": 12, "d": 12, "e": 12}


def test_what_a_backend_asks_of_the_oracle_the_next_asks_too_and_the_slowest_is_met_first() -> None:
    names = ("test[numpy-float64-sin]", "test[numpy-float32-sin]", "test[torch-float64-sin]", "test[jax-float32-sin]")
    items = [
        SimpleNamespace(nodeid=name, callspec=SimpleNamespace(params={"system": name[5:].rpartition("-")[0]}))
        for name in names
    ]
    found = [item.nodeid for item in in_order(items)]  # type: ignore[arg-type]
    assert found == [names[1], names[3], names[0], names[2]]


def test_what_a_test_meets_does_not_follow_from_where_its_file_stands() -> None:
    def item(path: str, name: str, identity: str = "alone") -> SimpleNamespace:
        marker = SimpleNamespace(args=(identity,))
        return SimpleNamespace(nodeid=f"{path}::{name}", name=name, get_closest_marker=lambda kind: marker)

    places = (("suite/a.py", "test[x]"), ("b/c.py", "test[x]"), ("b/c.py", "test[y]"), ("b/c.py", "test[x]", "G1"))
    seeds = [seed_of(item(*place)) for place in places]  # type: ignore[arg-type]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3
