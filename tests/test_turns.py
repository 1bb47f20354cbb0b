"""Primitives by themselves take turns: over the runs that are promised, every one is met."""

from __future__ import annotations

import pytest

from strategies.catalogue import CORE, PRIMITIVES
from strategies.functions import alone
from strategies.precision import PRECISIONS, WIDE
from suite import profiles
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
