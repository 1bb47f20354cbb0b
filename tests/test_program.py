"""A program is data that means the same thing wherever it is evaluated, printed or rewritten."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from mpmath import mp, mpf

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.catalogue import CORE, PRIMITIVES
from gradlaws.strategies.functions import programs
from gradlaws.strategies.mathematics import mathematics
from gradlaws.strategies.mp_arrays import DomainError, MPArray
from gradlaws.strategies.points import arrays
from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.primitive import Floats, Primitive, Shape, catalogue, unary
from gradlaws.strategies.program import (
    Composition,
    Point,
    Program,
    Step,
    composed,
    constant_step,
    float_values,
    pruned,
    shared,
    source,
    values,
    weighted,
)
from gradlaws.suite.backends import numpy_backend
from gradlaws.suite.vocabulary import MODULES

few = settings(
    max_examples=30, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)

SQUARE = Program(((3,),), (Step("square", (0,)),))
EXP_PLUS_SIN = Program(((3,),), (Step("exp", (0,)), Step("sin", (0,)), Step("add", (1, 2))))
PRODUCT = Program(((), ()), (Step("sin", (0,)), Step("mul", (2, 1))))


def at(*inputs: object) -> list[MPArray]:
    return [mp_arrays.mp_array(x) for x in inputs]


def value(program: Program, *inputs: object) -> MPArray:
    return values(program, at(*inputs))[-1]


def same(got: MPArray, expected: object) -> bool:
    return bool(np.all(got == np.asarray(expected, dtype=object)))


def test_programs_of_the_same_steps_are_equal_and_hash_alike() -> None:
    twin = Program(((3,),), (Step("square", (0,)),))
    assert twin == SQUARE
    assert hash(twin) == hash(SQUARE)
    assert len({twin, SQUARE, EXP_PLUS_SIN}) == 2


def test_programs_that_differ_in_a_constant_parameter_or_shape_are_unequal() -> None:
    def scaled(c: float) -> Program:
        return Program(((),), (constant_step(np.array(c)), Step("mul", (0, 1))))

    assert scaled(2.0) != scaled(3.0)
    assert Program(((2, 2),), SQUARE.steps) != SQUARE
    over = [Program(((2, 3),), (Step("sum", (0,), (("axis", axis),)),)) for axis in (0, 1)]
    assert over[0] != over[1]


def test_programs_are_immutable() -> None:
    with pytest.raises(AttributeError):
        SQUARE.steps = ()  # type: ignore[misc]


def test_a_constant_step_gives_back_its_values_exactly() -> None:
    for constant in (np.array(0.1), np.array([[1.5, -(2.0**-1000)], [3.0, 1e300]])):
        assert np.array_equal(constant_step(constant).constant, constant)


@pytest.mark.parametrize(
    ("program", "text"),
    [
        (Program(((),), (Step("tanh", (0,)),)), "f(x) = tanh(x)"),
        (PRODUCT, "f(x, y) = sin(x)·y"),
        (Program(((2, 3), (3,)), (Step("matmul", (0, 1)), Step("tanh", (2,)))), "f(A, x) = tanh((A @ x))"),
        (Program(((),), (constant_step(np.array(2.5)), Step("mul", (1, 0)))), "f(x) = 2.5·x"),
        (
            Program(((),), (Step("exp", (0,)), Step("sin", (1,)), Step("mul", (1, 2)))),
            "f(x) = a·sin(a)  where a = exp(x)",
        ),
        (weighted(SQUARE, np.array([1.0, 2.0, 3.0])), "f(x) = Σ([1 2 3]·x²)"),
        (Program(((),), ()), "f(x) = x"),
        (Program(((),), (Step("add", (0, 0)), Step("square", (1,)))), "f(x) = (x + x)²"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_programs_print_as_mathematics(program: Program, text: str) -> None:
    assert mathematics(program) == text


def test_the_structure_of_a_program_leaves_out_the_values_of_constants_only() -> None:
    def scaled(c: float, primitive: str = "mul", shape: Shape = ()) -> Program:
        return Program((shape,), (constant_step(np.array(c)), Step(primitive, (0, 1)), Step("exp", (2,))))

    assert scaled(2.0).structure == scaled(3.0).structure
    assert len({p.structure for p in (scaled(2.0), scaled(2.0, "add"), scaled(2.0, shape=(3,)))}) == 3
    assert scaled(2.0).pairs == ("mul → exp",)
    assert scaled(2.0).depth == 2


def test_composed_applies_the_stages_in_order() -> None:
    stages = (EXP_PLUS_SIN, SQUARE, weighted(SQUARE, np.array([1.0, -2.0, 3.0])))
    x = [0.5, -1.25, 2.0]
    expected = value(stages[2], value(stages[1], value(stages[0], x)))
    assert same(value(composed(stages), x), expected)
    assert Composition(stages).program == composed(stages)


def test_composed_handles_stages_without_steps_and_with_constants() -> None:
    identity = Program(((3,),), ())
    doubled = Program(((3,),), (constant_step(np.array(2.0)), Step("mul", (1, 0))))
    x = [1.0, -3.0, 0.5]
    assert same(value(composed((identity, doubled, identity, doubled)), x), [4.0, -12.0, 2.0])


def test_composed_keeps_the_inputs_of_a_first_stage_that_has_several() -> None:
    whole = composed((PRODUCT, Program(((),), (Step("exp", (0,)),))))
    assert whole.inputs == ((), ())
    assert same(value(whole, 0.5, 2.0), mp.exp(mp.sin(mpf(0.5)) * 2))


def test_shared_evaluates_all_inputs_at_the_same_point() -> None:
    f = shared(PRODUCT)
    assert f.inputs == ((),)
    assert same(value(f, 0.75), value(PRODUCT, 0.75, 0.75))


def test_shared_renumbers_constants_and_later_steps() -> None:
    g = Program(((2,), (2,)), (constant_step(np.array([3.0, 4.0])), Step("mul", (2, 1)), Step("sub", (3, 0))))
    assert same(value(shared(g), [1.0, 2.0]), [2.0, 6.0])


def test_pruned_drops_the_steps_and_inputs_without_effect() -> None:
    wasteful = Program(
        ((), (3,), ()),
        (constant_step(np.array(7.0)), Step("exp", (1,)), Step("sin", (2,)), Step("square", (3,)), Step("cos", (5,))),
    )
    point = (np.array(1.0), np.ones(3), np.array(0.5))
    program, kept = pruned(wasteful, point)
    assert program == Program(((),), (Step("sin", (0,)), Step("cos", (1,))))
    assert [x.tolist() for x in kept] == [0.5]
    assert same(value(program, *kept), value(wasteful, *point))


@few
@given(programs(FLOAT64, max_steps=4))
def test_pruning_what_is_pruned_changes_nothing(drawn: tuple[Program, Point]) -> None:
    program, point = pruned(*drawn)
    assert program == drawn[0]
    assert len(point) == len(drawn[1])


def test_weighted_is_the_inner_product_with_the_weights() -> None:
    weights, x = np.array([1.0, -2.0, 0.5]), [1.0, 2.0, 4.0]
    objective = weighted(SQUARE, weights)
    assert objective.output == ()
    assert same(value(objective, x), 1 * 1 - 2 * 4 + mpf("0.5") * 16)


def test_weighted_leaves_a_scalar_function_alone() -> None:
    assert weighted(PRODUCT, np.array(3.0)) is PRODUCT


@few
@given(programs(FLOAT64, max_steps=4))
def test_every_shape_is_the_shape_of_its_value(drawn: tuple[Program, Point]) -> None:
    program, point = drawn
    assert program.shapes == tuple(v.shape for v in float_values(program, point))


@few
@given(programs(FLOAT64, max_steps=4, shapes=((), (3,))))
def test_each_step_in_numpy_is_within_a_few_ulps_of_mpmath(drawn: tuple[Program, Point]) -> None:
    """Step by step from the exact arguments, so that no step's conditioning is counted against the next."""
    program, point = drawn
    exact = float_values(program, point)
    for step in program.steps:
        arguments = [exact[i] for i in step.arguments]
        if step.is_constant or not all(np.all(np.isfinite(a)) for a in arguments):
            continue
        alone = Program(
            tuple(a.shape for a in arguments), (Step(step.primitive, tuple(range(len(arguments))), step.parameters),)
        )
        got, expected = in_numpy(alone)(*arguments), float_values(alone, tuple(arguments))[-1]
        size = sum_of_sizes(step.declaration, arguments)
        assert np.all(np.abs(got - expected) <= 64 * 2.0**-53 * (np.abs(expected) + size)), step


def in_numpy(program: Program) -> Callable[..., Floats]:
    return numpy_backend.BACKEND.function(program, FLOAT64)


def sum_of_sizes(primitive: Primitive, arguments: list[Floats]) -> float:
    """What a cancelling sum may lose beside its value; a scalar function cancels nothing."""
    if primitive.kind == "elementwise":
        return 0.0
    sizes = [float(np.sum(np.abs(a))) for a in arguments]
    return float(np.prod(sizes)) if primitive.name in ("matmul", "solve") else max(1.0, *sizes)


@few
@given(programs(FLOAT64, max_steps=5))
def test_source_compiles_and_does_exactly_the_steps_in_order(drawn: tuple[Program, Point]) -> None:
    """The compiled whole has the bits of its steps taken one by one."""
    program, point = drawn
    text, constants = source(program, "g", numpy_backend.BACKEND.expression)
    assert text.startswith("def g(")
    assert [constants[f"c{i + 1}"].tolist() for i in range(len(constants))] == [
        step.constant.tolist() for step in program.steps if step.is_constant
    ]
    found: list[Floats] = list(point)
    with np.errstate(all="ignore"):
        for step, evaluate in numpy_backend.evaluators(program, "float64"):
            found.append(np.asarray(evaluate(*(found[i] for i in step.arguments))))
        assert np.array_equal(in_numpy(program)(*point), found[-1], equal_nan=True)


@pytest.mark.parametrize("primitive", PRIMITIVES.values(), ids=lambda p: p.name)
def test_every_primitive_has_a_definition_and_spellings(primitive: Primitive) -> None:
    parameters = fitting(primitive)[0][1]
    assert callable(primitive.definition)
    assert set(primitive.spellings) <= set(MODULES)
    assert set(primitive.spellings) == set(MODULES) or primitive.name not in CORE
    for framework in primitive.spellings:
        text = primitive.expression(framework, ["x", "y", "z"][: primitive.arity], parameters)
        compile(text, primitive.name, "eval")
    assert "x" in primitive.mathematics(["x", "y", "z"], parameters)


@pytest.mark.parametrize("primitive", CORE.values(), ids=lambda p: p.name)
def test_the_declared_shape_is_that_of_the_value_for_all_variants(primitive: Primitive) -> None:
    for shapes, parameters in fitting(primitive):
        step = Step(primitive.name, tuple(range(primitive.arity)), tuple(parameters.items()))
        program = Program(shapes, (step,))
        point = tuple(entries(shape) for shape in shapes)
        assert float_values(program, point)[-1].shape == program.output
        assert np.shape(in_numpy(program)(*point)) == program.output


def fitting(primitive: Primitive) -> list[tuple[tuple[Shape, ...], dict[str, object]]]:
    """Shapes and static parameters that the primitive takes."""
    menu: tuple[Shape, ...] = ((), (3,), (2, 3), (3, 3), (2,), (2, 2))
    tuples = itertools.product(menu, repeat=primitive.arity)
    return [(shapes, dict(parameters)) for shapes in tuples for parameters in primitive.variants(*shapes)]


def entries(shape: Shape) -> Floats:
    """Distinct numbers between 1 and 3, in no order that makes a square matrix singular."""
    return 1 + np.abs(np.sin(np.arange(1.0, 1 + np.prod(shape, dtype=int)))).reshape(shape) * 2


def test_a_name_declared_twice_is_refused() -> None:
    twin = unary("sin", mp.sin, numpy="numpy.sin")
    with pytest.raises(ValueError, match="declared twice"):
        catalogue([twin], [twin])


def test_a_value_outside_the_real_domain_raises() -> None:
    for name, x in (("log", -1.0), ("sqrt", -1.0), ("reciprocal", 0.0), ("log", 0.0)):
        with pytest.raises(DomainError):
            value(Program(((),), (Step(name, (0,)),)), x)


def test_numbers_enter_mpmath_exactly() -> None:
    assert same(mp_arrays.mp_array([0.1]), [mpf(0.1)])
    assert arrays(FLOAT64, (2, 3)) is arrays(FLOAT64, (2, 3))
