"""Each error rule: its transpose beside differences of the definition, its errors beside sampled ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from gradlaws.suite.arithmetic.float64 import FLOAT64
from gradlaws.suite.configuration import configure
from gradlaws.suite.rounding.arithmetic import Arithmetic
from gradlaws.suite.rounding.partials import PARTIALS
from gradlaws.suite.rounding.rules import RULES
from gradlaws.suite.rounding.selections import nothing_back
from gradlaws.suite.rounding.step import Step
from gradlaws.suite.tape.operations import DECLARATIONS
from gradlaws.suite.tape.operations.indexing import Windows
from gradlaws.suite.tape.run import every_value, run
from gradlaws.suite.tape.tape import Builder, Kind, Origin, Tape

configure()
R = np.random.default_rng(7)
FLAT = ("sign", "floor", "ceil", "trunc", "rint")  # of derivative 0
ROW = Windows((1,), (0,), (0,), (), ())  # rows of a matrix, by their numbers


def n(*shape: int) -> Any:
    return R.standard_normal(shape)


def between(low: float, high: float, *shape: int) -> Any:
    return R.uniform(low, high, shape)


def whole(*values: Any) -> Any:
    return np.array(values, dtype=np.int64)


@dataclass
class Case:
    """``arguments``: floats move, integers and booleans do not."""

    operation: str
    arguments: Sequence[Any]
    parameters: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.operation

    def tape(self) -> Tape:
        builder = Builder(10)
        numbers = [builder.input(Kind(np.shape(x), str(np.asarray(x).dtype))) for x in self.arguments]
        declared = DECLARATIONS[self.operation]
        found = declared.definition(FLOAT64, *map(np.asarray, self.arguments), **self.parameters)
        results = [np.asarray(r) for r in (found if declared.several else (found,))]
        kinds = [Kind(r.shape, str(r.dtype)) for r in results]
        origin = Origin(self.operation, "line 1")
        return builder.tape(builder.emit(self.operation, numbers, kinds, origin, **self.parameters))


SMOOTH_AT: dict[str, Sequence[Any]] = {
    "acosh": (between(1.5, 3, 4),), "atanh": (between(-0.9, 0.9, 4),), "asin": (between(-0.9, 0.9, 4),),
    "acos": (between(-0.9, 0.9, 4),), "erfinv": (between(-0.9, 0.9, 4),), "logit": (between(0.1, 0.9, 4),),
    "ndtri": (between(0.1, 0.9, 4),), "entr": (between(0.1, 2, 4),), "pow": (between(0.5, 2, 4), n(4)),
    "xlogy": (n(4), between(0.5, 2, 4)), "xlog1py": (n(4), between(0.5, 2, 4)),
    "igamma": (between(0.5, 2, 4), between(0.5, 2, 4)), "igammac": (between(0.5, 2, 4), between(0.5, 2, 4)),
    "incomplete_beta": (between(0.5, 2, 4), between(0.5, 2, 4), between(0.2, 0.8, 4)),
    "hurwitz_zeta": (between(1.5, 3, 4), between(0.5, 2, 4)),
    "igamma_grad_a": (between(0.5, 2, 2), between(0.5, 2, 2)), "multigammaln": (between(3, 5, 4),),
    "complex": (n(4), n(4)), "remainder_to_zero": (between(4.1, 4.9, 3), between(1.1, 1.2, 3)),
    "add": (n(3, 1), n(1, 4)), "sub": (n(4), n(3, 4)), "mul": (n(3, 1), n(4)), "div": (n(3, 1), between(0.5, 2, 4)),
    "atan2": (n(4), n(4)), "hypot": (n(4), n(4)), "logaddexp": (n(4), n(4)), "logaddexp2": (n(4), n(4)),
    "maximum": (n(3, 1), n(4)), "minimum": (n(3, 1), n(4)),
}  # fmt: skip
WINDOW = {"size": (2, 2), "strides": (1, 2), "low": (1, 0), "high": (0, 1), "spread": (1, 1), "window_spread": (1, 1)}
SQUARE = n(4, 4) + 4 * np.eye(4)
POSITIVE = SQUARE @ SQUARE.T
CONVOLUTION = {
    "strides": (2, 1), "low": (1, 0), "high": (1, 2), "spread": (1, 2), "kernel_spread": (1, 1), "groups": 1,
    "batch_groups": 1, "length": 12,
}  # fmt: skip
CASES = [
    *(Case(name, SMOOTH_AT.get(name, (between(0.3, 2.2, 4),))) for name in PARTIALS
      if name != "polygamma" and name not in FLAT),
    *(Case(name, (n(4),)) for name in FLAT),
    *(Case("integer_power", (between(0.5, 2, 4),), {"exponent": k}) for k in (-3, -1, 2, 3, 7)),
    Case("polygamma", (whole(1), between(0.5, 2, 4))),
    Case("select", (np.array([True, False, True]), n(3), n(3))),
    Case("select", (whole(0, 2, 1), n(3), n(3), n(3))),
    Case("convert", (n(3),), {"dtype": "float32", "kind": "float"}),
    Case("broadcast", (n(3, 1),), {"shape": (2, 3, 4), "dimensions": (1, 2)}),
    Case("reshape", (n(3, 4),), {"shape": (2, 6)}),
    Case("transpose", (n(2, 3, 4),), {"permutation": (2, 0, 1)}),
    Case("slice", (n(5, 4),), {"starts": (1, 0), "stops": (5, 3), "strides": (2, 1)}),
    Case("flip", (n(3, 4),), {"axes": (1,)}),
    Case("concatenate", (n(2, 3), n(1, 3)), {"axis": 0}),
    Case("split", (n(5, 2),), {"sizes": (2, 3), "axis": 0}),
    Case("pad", (n(3, 4), n()), {"low": (1, -1), "high": (0, 2), "interior": (1, 0)}),
    Case("update", (n(4, 4), n(2, 3)), {"starts": (1, 0)}),
    Case("dynamic_slice", (n(4, 4), whole(1).reshape(()), whole(0).reshape(())), {"shape": (2, 3)}),
    Case("dynamic_update", (n(4, 4), n(2, 3), whole(1).reshape(()), whole(0).reshape(()))),
    Case("roll", (n(4, 3),), {"shifts": (1,), "axes": (0,)}),
    Case("diagonal", (n(4, 4),), {"offset": 1, "axis1": 0, "axis2": 1}),
    Case("gather", (n(5, 3), whole(4, 0, 4)[:, None]),
         {"windows": ROW, "sizes": (1, 3), "shape": (3, 3), "clip": True, "fill": 0.0}),
    *(Case(f"scatter_{how}", (n(5, 3), whole(4, 0, 4)[:, None], n(3, 3)),
           {"windows": ROW, "sizes": (1, 3), "clip": True}) for how in ("add", "sub", "mul", "min", "max")),
    Case("scatter_set", (n(5, 3), whole(4, 0)[:, None], n(2, 3)), {"windows": ROW, "sizes": (1, 3), "clip": True}),
    Case("index", (n(5, 3), whole(4, 0, 4)), {"axes": (0,)}),
    Case("index_put", (n(5, 3), n(3, 3), whole(4, 0, 4)), {"axes": (0,), "accumulate": True}),
    Case("index_put", (n(5, 3), n(2, 3), whole(4, 0)), {"axes": (0,), "accumulate": False}),
    Case("take_along", (n(4, 3), R.integers(0, 4, (2, 3))), {"axis": 0}),
    Case("put_along", (n(4, 3), whole(1, 0, 3)[None], n(2, 3)), {"axis": 0, "how": "add"}),
    Case("put_along", (n(4, 3), whole(1, 0, 3)[None], n(2, 3)), {"axis": 0, "how": "set"}),
    *(Case(name, (n(3, 4, 2),), {"axes": axes}) for name in ("reduce_sum", "reduce_product", "reduce_max", "reduce_min")
      for axes in ((0, 2), (1,))),
    Case("reduce_product", (np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]]),), {"axes": (1,)}),
    *(Case(f"cumulative_{name}", (n(4, 3),), {"axis": 0, "reverse": reverse})
      for name in ("sum", "product", "max", "min", "logsumexp") for reverse in (False, True)),
    Case("sort", (n(4, 3),), {"axis": 0, "keys": 1}),
    Case("sort", (n(4), np.arange(4)), {"axis": 0, "keys": 1}),
    *(Case(f"window_{name}", (n(4, 5),), WINDOW) for name in ("sum", "max", "min")),
    *(Case(f"window_scatter_{name}", (n(4, 5), n(4, 3)), WINDOW) for name in ("max", "min")),
    *(Case(f"window_gather_{name}", (n(4, 5), n(4, 5)), WINDOW) for name in ("max", "min")),
    Case("contract", (n(3, 2, 4), n(4, 2, 5)), {"summed": ((2,), (0,)), "batched": ((1,), (1,)), "length": 4}),
    Case("convolve", (n(2, 3, 5, 4), n(2, 3, 2, 2)), CONVOLUTION),
    Case("convolve", (n(2, 4, 5, 4), n(4, 2, 2, 2)), CONVOLUTION | {"groups": 2, "length": 8}),
    Case("convolve", (n(4, 3, 5, 4), n(4, 3, 2, 2)), CONVOLUTION | {"batch_groups": 2}),
    Case("fourier", (n(6) + 1j * n(6),), {"axis": 0, "forward": True}),
    Case("fourier", (n(2, 7) + 1j * n(2, 7),), {"axis": 1, "forward": False}),
    *(Case(name, (n(3) + 1j * n(3),)) for name in ("real", "imaginary", "conjugate")),
    Case("mul", (n(3) + 1j * n(3), n(3) + 1j * n(3))),
    Case("div", (n(3) + 1j * n(3), n(3) + 1j * n(3))),
    Case("complex", (n(3), n(3))),
    Case("cholesky", (POSITIVE,)),
    *(Case("triangular_solve", (SQUARE, n(4, 2) if left else n(2, 4)),
           {"left": left, "lower": lower, "transposed": transposed, "unit": unit})
      for left, lower, transposed, unit in ((True, True, False, False), (False, True, True, False),
                                            (True, False, True, True), (False, False, False, False))),
    Case("tridiagonal_solve", (n(4), n(4) + 4, n(4), n(4, 2))),
    Case("lu", (SQUARE,)),
    Case("eigh", (POSITIVE,), {"lower": True}),
    Case("geqrf", (n(4, 3),)),
    Case("householder_product", (n(4, 3), n(3))),
    Case("svd", (n(4, 3),)),
]  # fmt: skip


def moving(case: Case) -> list[int]:
    return [k for k, x in enumerate(case.arguments) if np.asarray(x).dtype.kind in "fc"]


def inner(a: Any, b: Any) -> float:
    return float(np.sum(np.real(np.conj(a) * b)))


def like(x: Any) -> Any:
    x = np.asarray(x)
    return n(*x.shape) + (1j * n(*x.shape) if x.dtype.kind == "c" else 0)


def test_every_operation_has_a_rule() -> None:
    assert set(DECLARATIONS) == set(RULES)


def test_every_rule_with_a_derivative_is_asked() -> None:

    discrete = {name for name, rule in RULES.items() if rule.pulled is nothing_back}
    assert set(RULES) - discrete <= {case.operation for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_transpose_is_that_of_the_derivative(case: Case) -> None:
    """⟨g, f(x + hv) − f(x − hv)⟩ / 2h = ⟨Jᵀg, v⟩."""

    tape = case.tape()
    step = Step(tape, tape.instructions[0], every_value(tape, list(case.arguments), FLOAT64), Arithmetic("torch"))
    cotangents = [like(r) if r.dtype.kind in "fc" else None for r in step.results]
    back = RULES[case.operation].pulled(step, cotangents)
    direction = {k: like(case.arguments[k]) for k in moving(case)}
    h = 2.0**-20
    ends = [
        run(tape, [x + s * h * direction[k] if k in direction else x for k, x in enumerate(case.arguments)], FLOAT64)
        for s in (1, -1)
    ]
    pairs = zip(cotangents, *ends, strict=True)
    differences = sum(inner(g, a - b) for g, a, b in pairs if g is not None) / (2 * h)
    along = 0.0
    for k, v in direction.items():
        assert back[k] is None or np.shape(back[k]) == np.shape(v)
        along += 0.0 if back[k] is None else inner(back[k], v)
    size = sum(abs(inner(abs(back[k]), abs(v))) for k, v in direction.items() if back[k] is not None)
    assert abs(along - differences) <= 1e-6 * size + 1e-9


def sign(x: Any) -> Any:
    """±1 for each entry, of a complex one any direction."""
    turn = R.random(np.shape(x))
    return np.exp(2j * np.pi * turn) if np.iscomplexobj(x) else np.where(turn < 0.5, -1.0, 1.0)


@pytest.mark.parametrize("relative", [2.0**-40, 2.0**-12])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_errors_of_arguments_stay_inside_and_come_near(case: Case, relative: float) -> None:
    """Arguments off by all that is said: no result is off by more, and in some direction by a fair part of it."""

    tape = case.tape()
    step = Step(tape, tape.instructions[0], every_value(tape, list(case.arguments), FLOAT64), Arithmetic("torch"))
    errors = [
        relative * (abs(np.asarray(x)) + 0.1) if k in moving(case) else None for k, x in enumerate(case.arguments)
    ]
    with np.errstate(all="ignore"):
        carried = RULES[case.operation].carried(step, errors)[0]
    worst = 0.0
    for _ in range(40):
        moved = [x if e is None else x + e * sign(x) for x, e in zip(case.arguments, errors, strict=True)]
        for result, value, error in zip(run(tape, moved, FLOAT64), step.results, carried, strict=True):
            if value.dtype.kind not in "fc":
                continue
            off = abs(result - value)
            assert np.all(off <= (0.0 if error is None else error * (1 + 2.0**-10)) + 2.0**-46 * abs(value))
            if error is not None and np.any(error > 0):
                with np.errstate(all="ignore"):
                    worst = max(worst, float(np.nanmax(np.where(error > 0, off / error, 0.0))))
    if case.operation not in FLAT:
        assert worst >= 0.03
