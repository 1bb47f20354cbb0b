"""What an attack found: points at which a right derivative was not judged, or a wrong one not seen."""

from __future__ import annotations

import numpy as np
import pytest

from gradlaws.strategies.precision import FLOAT64
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, constant_step
from gradlaws.suite import backends
from gradlaws.suite.bound import tolerances
from gradlaws.suite.checking.verdict import Verdict, beside, contradiction
from gradlaws.suite.configuration import configure
from gradlaws.suite.truth import oracle, quantities
from gradlaws.suite.vocabulary import Quantity

configure()
MODES: dict[Quantity, str] = {"value": "eager", "gradient": "func.grad", "hessian": "func.hessian"}


def of_one(*steps: Step) -> Program:
    return Program(((),), steps)


def of_two(*steps: Step) -> Program:
    return Program(((), ()), steps)


def constant(value: float) -> Step:
    return constant_step(np.array(value))


def said(program: Program, point: Point, quantity: Quantity, backend: str = "torch", wrong: float = 0.0) -> Verdict:
    """The verdict on what the framework answers, or on that with every entry off by a part of itself."""
    framework = backends.load(backend)
    [mode] = [one for one in framework.modes_of(quantity) if one.name == MODES[quantity]]
    numbers = framework.run(mode, program, FLOAT64, point).numbers
    assert numbers is not None
    with np.errstate(all="ignore"):
        allowed, majorant = tolerances.tolerance(framework, FLOAT64, mode.name, quantity, program, point)
    exact = quantities.truth(quantity, program, point)
    answer: Floats = numbers * (1 + wrong)
    return contradiction(exact, majorant) or beside(exact, answer, allowed, majorant, FLOAT64)


LOG_OF_1_LESS = of_one(constant(1.0), Step("sub", (1, 0)), Step("log", (2,)))
ROOT_OF_LESS_1 = of_one(constant(1.0), Step("sub", (0, 1)), Step("sqrt", (2,)))
EIGHTH_POWER = of_one(Step("mul", (0, 0)), Step("mul", (1, 1)), Step("mul", (2, 2)))


@pytest.mark.parametrize(
    ("program", "at"),
    [
        pytest.param(LOG_OF_1_LESS, 1 - 1e-12, id="log(1 - x)"),
        pytest.param(ROOT_OF_LESS_1, 1 + 2.0**-52, id="sqrt(x - 1)"),
        pytest.param(EIGHTH_POWER, 1e-40, id="x^8"),
        pytest.param(of_one(Step("sqrt", (0,))), 3e-310, id="sqrt of a subnormal number"),
        pytest.param(of_one(Step("exp", (0,))), 700.0, id="exp"),
    ],
)
def test_a_right_derivative_is_judged_right_and_a_wrong_one_wrong(program: Program, at: float) -> None:
    point = (np.array(at),)
    assert said(program, point, "gradient").kind == "holds"
    assert said(program, point, "gradient", wrong=1e-9).kind == "violated"


@pytest.mark.parametrize("margin", [40.0, 300.0])
@pytest.mark.parametrize("name", ["softmax", "logsumexp", "cross_entropy"])
def test_saturated_logits_are_judged(name: str, margin: float) -> None:
    """One entry of three, since the sum of a softmax is 1."""
    program = Program(((3,),), (Step(name, (0,)),))
    if program.output:
        program = Program(
            ((3,),),
            (
                *program.steps,
                constant_step(np.array([1.0, 2.0, -1.5])),
                Step("mul", (2, 1)),
                Step("sum", (3,), (("axis", None),)),
            ),
        )
    point = (np.array([0.25, margin, -1.0]),)
    exact = quantities.truth("gradient", program, point)
    with np.errstate(all="ignore"):
        allowed, majorant = tolerances.tolerance(
            backends.load("torch"), FLOAT64, "func.grad", "gradient", program, point
        )
    for off, kind in ((0.0, "holds"), (1e-6, "violated")):
        assert beside(exact, exact.floats * (1 + off), allowed, majorant, FLOAT64).kind == kind


def test_the_limit_of_compound_interest_is_no_false_alarm() -> None:
    """(1 + 1/x)^x at 1e15 is what rounding gives: 1 + 1/x keeps one digit of 1/x."""
    program = of_one(constant(1.0), Step("div", (1, 0)), Step("add", (1, 2)), Step("pow", (3, 0)))
    for quantity in ("value", "gradient"):
        assert said(program, (np.array(1e15),), quantity).kind != "violated"


def needle(e: float) -> Program:
    """y² + e x²/(x² + e)."""
    return of_two(
        Step("mul", (1, 1)), Step("mul", (0, 0)), constant(e), Step("add", (3, 4)), Step("div", (3, 5)),
        Step("mul", (4, 6)), Step("add", (2, 7)),
    )  # fmt: skip


def bump(k: float) -> Program:
    """y² + x² exp(-(kx)²)."""
    return of_two(
        Step("mul", (1, 1)), Step("mul", (0, 0)), constant(k), Step("mul", (0, 4)), Step("mul", (5, 5)),
        Step("negative", (6,)), Step("exp", (7,)), Step("mul", (3, 8)), Step("add", (2, 9)),
    )  # fmt: skip


PRODUCT = of_two(  # u exp(-u²), u = xy
    Step("mul", (0, 1)), Step("mul", (2, 2)), Step("negative", (3,)), Step("exp", (4,)), Step("mul", (2, 5))
)
SLOPE = of_two(  # y + e x/(x² + e), e = 1e-86
    Step("mul", (0, 0)), constant(1e-86), Step("add", (2, 3)), Step("div", (0, 4)), Step("mul", (3, 5)),
    Step("add", (1, 6)),
)  # fmt: skip


def teeth(bits: int) -> tuple[Step, ...]:
    """((x - 1) 2^bits + ½) mod 1."""
    return (
        constant(1.0), Step("sub", (0, 1)), constant(2.0**bits), Step("mul", (2, 3)), constant(0.5),
        Step("add", (4, 5)), Step("remainder", (6, 1)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("program", "at", "order", "true"),
    [
        pytest.param(needle(1e-54), (0.0, 1.0), 2, [[2, 0], [0, 2]], id="a needle"),
        pytest.param(bump(1e19), (0.0, 1.0), 2, [[2, 0], [0, 2]], id="a bump"),
        pytest.param(SLOPE, (0.0, 1.0), 1, [1, 1], id="a slope"),
        pytest.param(PRODUCT, (0.0, 1e40), 1, [1e40, 0], id="a product"),
        pytest.param(of_one(*teeth(112)), (1.0,), 1, [2.0**112], id="teeth"),
        pytest.param(
            of_one(*teeth(60), Step("mul", (7, 7))), (1.0,), 2, [[2.0**121]], id="teeth squared"
        ),
    ],
)  # fmt: skip
def test_the_oracle_sees_what_is_narrower_than_its_steps(
    program: Program, at: tuple[float, ...], order: int, true: list[float]
) -> None:
    point = tuple(np.array(x) for x in at)
    found = oracle.gradient(program, point) if order == 1 else oracle.hessian(program, point)
    assert np.array_equal(found.floats, np.array(true, dtype=float))
    assert np.all(found.error <= 1e-30 * np.max(np.abs(found.floats)))
