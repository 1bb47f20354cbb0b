"""What is generated is representable, valid unfiltered, covers the range, and shrinks to what a person would write."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from hypothesis.statistics import collector
from hypothesis.strategies import SearchStrategy

from gradlaws.strategies import exact, functions, points
from gradlaws.strategies.catalogue import CORE, PRIMITIVES
from gradlaws.strategies.functions import SHAPES
from gradlaws.strategies.mathematics import mathematics
from gradlaws.strategies.precision import FLOAT32, FLOAT64, PRECISIONS, Precision
from gradlaws.strategies.primitive import Primitive, interval
from gradlaws.strategies.program import Composition, Point, Program, float_values, pruned
from gradlaws.suite import profiles
from gradlaws.suite.backends import load

precisions = pytest.mark.parametrize("precision", PRECISIONS.values(), ids=lambda p: p.name)
CALM = (HealthCheck.too_slow,)


def drawn(count: int) -> settings:
    return settings(
        max_examples=count, derandomize=True, database=None, deadline=None,
        suppress_health_check=CALM, phases=[Phase.generate],
    )  # fmt: skip


def sample(strategy: SearchStrategy[Any], count: int) -> list[Any]:
    """Deterministic draws."""
    found: list[Any] = []

    @drawn(count)
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


def representable(precision: Precision, values: np.ndarray) -> bool:
    return all(precision.round(v) == v for v in np.ravel(values).tolist())


@pytest.mark.parametrize("norm", [2.0**-6, 2.0**-3, 0.5])
def test_matrices_around_one_have_small_norms_too(norm: float) -> None:
    """Where norms choose the branch: matrix_exp takes another polynomial in each of these decades."""
    matrices = sample(points.arrays(FLOAT64, (2, 2), around=True), 300)
    assert any(norm / 8 < abs(matrix).sum(axis=0).max() < norm for matrix in matrices)


@precisions
def test_points_are_representable_in_the_precision_under_test(precision: Precision) -> None:
    assert all(representable(precision, x) for x in sample(points.arrays(precision, (2, 3)), 100))


@precisions
def test_points_directions_and_constants_of_programs_are_representable(precision: Precision) -> None:
    for program, point in sample(functions.scalar_functions(precision, max_steps=3), 50):
        constants = [step.constant for step in program.steps if step.is_constant]
        assert all(representable(precision, x) for x in (*point, *constants))


@precisions
def test_logits_probabilities_and_gradients_are_representable(precision: Precision) -> None:
    assert all(representable(precision, x) for x in sample(points.logits(precision), 50))
    assert all(representable(precision, p) for p in sample(points.probabilities(precision, (2, 3)), 50))
    for tree in sample(points.gradient_trees(precision), 50):
        assert all(representable(precision, g) for g in tree)


def test_points_use_the_full_width_of_the_significand() -> None:
    """Otherwise products are exact and hide errors."""
    narrow = [x for x in sample(points.numbers(FLOAT64, wide=False), 200) if float(np.float32(x)) == x]
    assert len(narrow) < 100


@precisions
def test_one_is_the_simplest_number(precision: Precision) -> None:
    assert find(points.numbers(precision), lambda x: True, settings=drawn(10)) == 1.0


@precisions
def test_magnitudes_cover_the_range_and_are_mostly_moderate(precision: Precision) -> None:
    exponents = [math.frexp(x)[1] - 1 for x in sample(points.numbers(precision), 500)]
    limit = precision.moderate_exponent
    assert all(-limit <= e <= limit for e in exponents)
    assert min(exponents) < -limit / 2
    assert max(exponents) > limit / 2
    assert sum(abs(e) <= 3 for e in exponents) > 200


def test_numbers_are_of_either_sign_and_never_zero() -> None:
    found = sample(points.numbers(FLOAT64), 100)
    assert any(x < 0 for x in found)
    assert any(x > 0 for x in found)
    assert 0.0 not in found


def test_directions_are_moderate_and_fit_the_inputs() -> None:
    shapes = ((), (3,), (2, 3))
    for direction in sample(points.directions(FLOAT64, shapes), 50):
        assert tuple(v.shape for v in direction) == shapes
        assert all(np.all((np.abs(v) >= 2.0**-3) & (np.abs(v) < 8)) for v in direction)


def test_rows_of_probabilities_sum_to_one_and_logits_stay_in_range() -> None:
    for rows in sample(points.probabilities(FLOAT64, (2, 3)), 50):
        assert np.all(rows > 0)
        assert np.allclose(rows.sum(axis=-1), 1, rtol=1e-15)
    assert all(np.max(np.abs(rows)) <= 1e4 for rows in sample(points.logits(FLOAT64), 50))


STRATEGIES = {
    "programs": functions.programs(FLOAT32),
    "scalar_functions": functions.scalar_functions(FLOAT64),
    "functions_between": functions.functions_between(FLOAT64, 1, 1),
    "compositions": functions.compositions(FLOAT64),
    "chains": functions.chains(FLOAT32),
    "forks": functions.forks(FLOAT64),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_nothing_that_is_generated_is_thrown_away(name: str) -> None:
    """Hypothesis calls a test case invalid when a filter or an assumption rejected it."""
    found: list[dict[str, Any]] = []
    with collector.with_value(found.append):
        sample(STRATEGIES[name], 60)
    statuses = [case["status"] for case in found[0]["generate-phase"]["test-cases"]]
    assert statuses.count("valid") >= 60
    assert statuses.count("invalid") == 0


@precisions
def test_every_generated_program_is_defined_at_its_point(precision: Precision) -> None:
    for program, point in sample(functions.programs(precision), 60):
        assert all(np.all(np.isfinite(v)) for v in float_values(program, point))
        assert pruned(program, point)[0] == program


def test_generated_programs_use_nearly_every_primitive() -> None:
    used = {name for program, _ in sample(functions.programs(FLOAT64), 150) for name in program.primitives}
    assert len(used) >= 0.8 * len(CORE), sorted(set(CORE) - used)


def test_scalar_functions_are_scalar() -> None:
    assert all(f.output == () for f, _ in sample(functions.scalar_functions(FLOAT64), 30))


@pytest.mark.parametrize("rank_in", [0, 1, 2])
@pytest.mark.parametrize("rank_out", [0, 1, 2])
def test_functions_between_ranks_have_these_ranks(rank_in: int, rank_out: int) -> None:
    for program, point in sample(functions.functions_between(FLOAT64, rank_in, rank_out, max_steps=2), 10):
        assert [len(shape) for shape in program.inputs] == [rank_in]
        assert len(program.output) == rank_out
        assert tuple(x.shape for x in point) == program.inputs


def test_compositions_have_two_stages_or_more_whose_shapes_fit() -> None:
    for composition, point in sample(functions.compositions(FLOAT64), 40):
        assert isinstance(composition, Composition)
        assert len(composition.stages) >= 2
        assert all(len(stage.inputs) == 1 for stage in composition.stages)
        for before, after in zip(composition.stages, composition.stages[1:], strict=False):
            assert after.inputs == (before.output,)
        assert composition.program.inputs == tuple(x.shape for x in point)
        assert composition.program.output == composition.stages[-1].output
        float_values(composition.program, point)


def test_chains_are_scalar_with_one_step_per_stage() -> None:
    depths = set()
    for composition, point in sample(functions.chains(FLOAT64), 60):
        assert [x.shape for x in point] == [()]
        assert all(
            stage.inputs == ((),) and stage.output == () and len(stage.steps) <= 1 for stage in composition.stages
        )
        depths.add(len(composition.program.steps))
    assert max(depths) >= 6


def test_forks_depend_on_both_paths() -> None:
    for h, g, point in sample(functions.forks(FLOAT64), 60):
        assert g.inputs == (h.output, h.output)
        value = float_values(h, point)[-1]
        assert len(pruned(g, (value, value))[0].inputs) == 2


def test_forks_depend_on_both_paths_where_values_are_as_large_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 1.9 * 2.0**FLOAT64.moderate_exponent
    monkeypatch.setattr(points, "arrays", lambda precision, shape, wide=True: st.just(np.full(shape, largest)))
    for h, g, _ in sample(functions.forks(FLOAT64), 20):
        assert len(pruned(g, (np.zeros(h.output),) * 2)[0].inputs) == 2


@pytest.mark.parametrize("primitive", PRIMITIVES.values(), ids=PRIMITIVES)
def test_a_primitive_alone_is_always_within_its_domain(primitive: Primitive) -> None:
    for program, point in sample(functions.alone(FLOAT32, primitive), 40 if primitive.name in CORE else 12):
        assert program.primitives == (primitive.name,)
        assert primitive.domain(*point)
        assert all(representable(FLOAT32, x) for x in point)


@pytest.mark.parametrize("primitive", PRIMITIVES.values(), ids=PRIMITIVES)
def test_a_primitive_alone_has_the_value_of_its_numpy_spelling(primitive: Primitive) -> None:
    """A spelling of another function would be called a finding."""
    if "numpy" not in primitive.spellings:
        return
    for program, point in sample(functions.alone(FLOAT64, primitive), 4):
        expected = float_values(program, point)[-1]
        assert expected.shape == program.output
        native = load("numpy").function(program, FLOAT64)(*point)
        assert np.shape(native) == program.output
        with np.errstate(all="ignore"):
            size = np.max(np.abs(expected)) + max(np.max(np.abs(x)) for x in point) * 1e-6
            apart = np.where(native == expected, 0.0, np.abs(native - expected))  # both may overflow
            assert np.all((apart <= 1e-6 * size) | np.isinf(expected))


def minimal(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Program, Point]:
    """The simplest function that uses the primitive."""
    strategy = functions.programs(FLOAT64, max_steps=3, max_inputs=1)
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", 300)  # the plugin keeps it short
    shrunk = settings(
        max_examples=2000, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    found: tuple[Program, Point] = find(strategy, lambda drawn: name in drawn[0].primitives, settings=shrunk)
    return found


WRITTEN = {"tanh": "tanh(x)", "sqrt": "sqrt(x)", "reciprocal": "1/x"}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_function_of_one_number_shrinks_to_itself_at_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, point = minimal(name, monkeypatch)
    assert mathematics(program) == f"f(x) = {WRITTEN[name]}"
    assert [x.tolist() for x in point] == [1.0]


@pytest.mark.parametrize("name", ["add", "div", "maximum", "softmax", "gather", "solve", "outer"])
def test_other_primitives_shrink_to_two_steps_at_most(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, point = minimal(name, monkeypatch)
    assert len(program.primitives) <= 2, f"{mathematics(program)} at {[x.tolist() for x in point]}"


def test_shapes_come_from_a_small_menu() -> None:
    assert {shape for p, _ in sample(functions.programs(FLOAT64), 40) for shape in p.inputs} <= set(SHAPES)


def test_who_squares_in_our_spelling_has_a_spelling() -> None:
    assert all(set(primitive.squares) <= set(primitive.spellings) for primitive in PRIMITIVES.values())


@pytest.mark.parametrize(("name", "entries"), [
    ("eigenvector", [[1.0, 2.0**-100], [0.0, 4.0]]),
    ("singular_vector", [[1.0, 0.0], [2.0**-100, 4.0]]),
])  # fmt: skip
def test_vectors_are_squared_where_no_entry_of_them_vanishes(name: str, entries: list[list[float]]) -> None:
    along, across = np.array(entries), np.array([[1.0, 0.5], [0.75, 3.0]])
    assert not PRIMITIVES[name].domain(along)
    assert PRIMITIVES[name].domain(across)


@cache
def met_alone(precision: Precision) -> tuple[tuple[str, Point], ...]:
    """Each primitive alone, at as many points as in a run of the gate."""
    return tuple(
        (name, point)
        for name, primitive in PRIMITIVES.items()
        for _, point in sample(functions.alone(precision, primitive), round(profiles.PROFILES["gate"].examples / 5))
    )


def is_exact(name: str, x: np.ndarray, precision: Precision) -> bool:
    if not exact.fits(name, x):
        return False
    with np.errstate(all="ignore"):
        same = {
            "singular": lambda: np.linalg.matrix_rank(x) == 1 and np.all(x) and len(x) > 1,
            "symmetric": lambda: np.all(x == x.T) and not np.all(x == np.diag(np.diag(x))),
            "diagonal": lambda: np.all(x == x * np.eye(*x.shape)) and np.all(np.diag(x)),
            "triangular": lambda: np.all(x == np.tril(x)) and np.all(np.tril(x)[np.tril_indices(len(x))]),
            "subnormals": lambda: np.all((x != 0) & (abs(x) < precision.smallest_normal)),
            "beside_one": lambda: np.all((abs(x) != 1) & (abs(abs(x) - 1) <= 2 * precision.unit_roundoff)),
            "integers": lambda: np.all((x == np.rint(x)) & (abs(x) > 2)),
            "powers_of_two": lambda: np.all((abs(np.frexp(x)[0]) == 0.5) & (abs(x) != 1)),
            "one": lambda: np.all(abs(x) == 1),
            "zero": lambda: np.all(x == 0) and not np.any(np.signbit(x)),
            "negative_zero": lambda: np.all(x == 0) and np.all(np.signbit(x)),
            "one_zero": lambda: x.flat[0] == 0 and np.all(x.flat[1:]),
            "equal": lambda: np.all(x == x.flat[0]) and abs(x.flat[0]) not in (0, 1),
            "tied": lambda: x.size > 2 and x.flat[0] == x.flat[-1] and len(set(x.ravel().tolist())) > 1,
            "identity": lambda: np.all(x == np.eye(*x.shape)),
            "scaled_identity": lambda: np.all(x == x.flat[0] * np.eye(*x.shape)) and abs(x.flat[0]) not in (0, 1),
        }  # fmt: skip
        return bool(same[name]())


@pytest.mark.parametrize("precision", [FLOAT64, PRECISIONS["float16"]], ids=lambda p: p.name)
def test_each_kind_of_exact_point_is_met_in_a_run_of_the_gate(precision: Precision) -> None:
    arrays = [x for _, point in met_alone(precision) for x in point]
    met = {name for name in exact.KINDS if any(is_exact(name, x, precision) for x in arrays)}
    assert met == set(exact.KINDS)
    arguments = [point for _, point in met_alone(precision) if len(point) > 1]
    assert any(all(x.shape and np.array_equal(x, point[0]) for x in point) for point in arguments)


@pytest.mark.parametrize("precision", [FLOAT64, PRECISIONS["float16"]], ids=lambda p: p.name)
def test_exact_points_are_about_a_quarter_representable_and_within_the_domain(precision: Precision) -> None:
    met = met_alone(precision)
    found = [any(is_exact(name, x, precision) for name in exact.KINDS for x in point) for _, point in met]
    assert 0.1 < sum(found) / len(met) < 0.6  # many of one entry are met by chance, some kinds fit nothing
    for name, point in met:
        assert exact.holds(PRIMITIVES[name].domain, point)
        assert all(representable(precision, x) for x in point)


@pytest.mark.parametrize(
    ("low", "high", "side", "end"),
    [
        (-1.0, 1.0, 1.0, 1 - 2.0**-53),
        (0.0, math.inf, -1.0, 2.0**-1074),
        (-math.inf, math.inf, 1.0, FLOAT64.largest),
        (1.0, math.inf, -1.0, 1 + 2.0**-52),
        (-0.5, 3.0, -1.0, -0.5 + 2.0**-54),
    ],
)
def test_the_end_of_a_domain_is_found_to_the_last_place(low: float, high: float, side: float, end: float) -> None:
    inside = (np.array([max(low, -1e300) / 2 + min(high, 1e300) / 2] * 2) if high < 1e300 else np.array([2.0, 2.0]),)
    assert exact.end(inside, interval(low, high), FLOAT64, side)[0].tolist() == [end, inside[0][1]]


def test_compositions_begin_at_exact_points_too() -> None:
    points_met = [x for x in sample(functions.entries(FLOAT64, (2, 2)), 600)]
    met = {name for name in exact.COMPOSED for x in points_met if is_exact(name, x, FLOAT64)}
    assert met == set(exact.COMPOSED)
    assert not any(np.any((x != 0) & (np.abs(x) < FLOAT64.smallest_normal)) for x in points_met)
