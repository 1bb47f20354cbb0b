"""Large arrays in the gate: a gradient that is wrong only where there are many entries or axes is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings

from gradlaws.strategies import large
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.suite import profiles
from gradlaws.suite.backends import load
from gradlaws.suite.checking.failure import Violation
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.configuration import configure
from gradlaws.suite.identities import test_large as suite
from gradlaws.suite.identities.large_traced import Large, in_float64

configure()
FLOAT64 = PRECISIONS["float64"]
# Nine functions of each kind, and when they are wrong: from so many entries on, or so many axes.
NAMES = {
    "torch.exp": "exp", "torch.sin": "sin", "torch.tanh": "tanh", "torch.log1p": "log1p", "torch.erf": "erf",
    "torch.sigmoid": "sigmoid", "torch.softmax": "softmax", "torch.sum": "sum", "torch.logsumexp": "logsumexp",
}  # fmt: skip
WHERE = {
    "17 entries": lambda x: x.numel() >= 17, "64 entries": lambda x: x.numel() >= 64,
    "128 entries": lambda x: x.numel() >= 128, "3 axes": lambda x: x.ndim >= 3, "4 axes": lambda x: x.ndim >= 4,
}  # fmt: skip


class Wrong(torch.autograd.Function):
    """What passes its argument on, with a gradient that is off by a part in a thousand."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 1.001

    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        return t * 1.001


@contextmanager
def planted(name: str, where: Callable[[Any], bool]) -> Iterator[None]:
    """A function of torch, by its dotted name, with a wrong gradient there."""
    *path, last = name.split(".")
    home = torch
    for part in path[1:]:
        home = getattr(home, part)
    right = getattr(home, last)

    def wrong(x: Any, *rest: Any, **more: Any) -> Any:
        return right(Wrong.apply(x) if torch.is_tensor(x) and x.is_floating_point() and where(x) else x, *rest, **more)

    setattr(home, last, wrong)
    try:
        yield
    finally:
        setattr(home, last, right)


def asked(primitive: str) -> None:
    """The gate's own test of the primitive in large arrays, with the gate's examples."""
    profiles.load("gate")
    own = suite.test_a_primitive_in_a_large_array
    if primitive in suite.OF_ARRAYS:
        own = suite.test_a_primitive_of_large_arrays
    trial = Trial(System(load("torch"), FLOAT64), "alone", f"{own.__name__}[{primitive}]")
    test = own.hypothesis.inner_test  # type: ignore[attr-defined]
    plain = settings(max_examples=2, database=None, derandomize=True, deadline=None, phases=[Phase.generate],
                     suppress_health_check=list(HealthCheck))  # fmt: skip
    plain(given(data=st.data())(lambda data: test(trial, data, primitive)))()


@pytest.mark.parametrize("name", NAMES)
def test_right_functions_are_not_accused(name: str) -> None:
    asked(NAMES[name])


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_wrong_in_large_arrays_is_seen(name: str, where: str) -> None:
    assert NAMES[name] in PRIMITIVES
    with planted(name, WHERE[where]), pytest.raises(Violation):
        asked(NAMES[name])


def test_each_number_has_a_place_in_a_layout() -> None:
    places = large.Layout((5, 2, 10, 10), 3).places(6)
    assert places.shape == (5, 2, 10, 10) and set(places.ravel().tolist()) == set(range(6))


def test_a_seeded_array_has_all_its_digits_and_its_sign() -> None:
    for precision in (FLOAT64, PRECISIONS["float32"]):
        x = large.seeded(precision, (1000,), 1, "positive")
        assert (x > 0).all() and (np.vectorize(precision.round)(x) == x).all() and len(set(x)) > 990


def test_what_has_no_trace_says_why() -> None:
    (f, x), w = (large_function("gammainc"), np.ones((3,)))
    whole = Large(load("jax"), FLOAT64, f, x, w)
    assert whole.is_traced or whole.refused


def large_function(primitive: str) -> Any:
    from gradlaws.strategies.program import Program, Step

    return Program(((3,), (3,)), (Step(primitive, (0, 1)),)), (np.full(3, 1.5), np.full(3, 2.5))


def test_a_step_in_float64_is_the_definition() -> None:
    from gradlaws.strategies.program import Step

    assert in_float64(Step("exp", (0,)), [np.array([1.0])])[0] == pytest.approx(np.e, rel=1e-15)
