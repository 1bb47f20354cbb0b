"""A tape from a jaxpr: calls, custom rules, checkpoints and control flow are inlined as they go at the point."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Primitive

from gradlaws.suite.tape.reach import within_memory, within_reach
from gradlaws.suite.tape.tape import Array, Builder, Kind, Origin, Tape, TooLarge, Unsupported
from gradlaws.suite.tracing import jax_folds, jax_linalg, jax_operations
from gradlaws.suite.tracing.call import JaxCall, JaxLowering
from gradlaws.suite.tracing.concrete import Concrete
from gradlaws.suite.tracing.jax_equations import (
    execution_of,
    in_float64,
    kind_of,
    line_of,
    numbers,
    of_equation,
    origin_of,
)
from gradlaws.suite.tracing.refusals import demand_same_constants
from gradlaws.suite.tracing.traced import Traced

MOST = 200_000  # instructions: what a minute of tracing writes

LOWERED: dict[str, JaxLowering] = {**jax_operations.LOWERED, **jax_linalg.LOWERED}

# What only passes on what it is given, and calls, with the parameter that holds what they call.
PASSED = frozenset({
    "copy", "copy_p", "optimization_barrier", "sharding_constraint", "reshard", "name", "device_put",
    "pvary", "pbroadcast", "reduce_precision", "layout_constraint", "stage",
})  # fmt: skip
STOPPED = "stop_gradient"
CALLS = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "remat2": "jaxpr",
    "checkpoint": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr", "run_state": "jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr", "custom_lin": "jaxpr", "composite": "jaxpr", "eval_jaxpr": "jaxpr",
}  # fmt: skip


def traced(
    function: Callable[..., Any], *arrays: Any, most: int = MOST, holds: bool = False, wide: bool = True
) -> Tape:
    """What jax runs for ``function(*arrays)``; its outputs are the leaves of the result.

    With ``holds``, what stop_gradient gives is held fixed beside the point; without it, it is what it is given. Not
    ``wide``: by the user's own setting of x64. Raises Unsupported for an operation without a declaration on which an
    output depends, for code that asks for the numbers of what it is traced with, and past ``most`` operations.
    """
    with in_float64() if wide else contextlib.nullcontext(), within_memory():
        try:
            return of_jaxpr(jax.make_jaxpr(function)(*arrays), arrays, most, holds)
        except tuple(DATA) as error:
            raise Unsupported(f"its trace depends on data, at {line_of(error)}: {advice(error)}") from error


def derivatives(
    function: Callable[..., Any],
    *point: Any,
    second: bool = True,
    most: int = MOST,
    dtype: str | None = "float64",
    holds: bool = False,
) -> Traced:
    """What jax runs for a function of float arrays, for its VJP and, reverse over reverse, for H v.

    The outputs are the float leaves of what the function returns; integers beside them are left out. ``dtype`` None:
    each array in its own type, by the user's own setting of x64. Raises Unsupported where jax has no gradient; where it
    refuses the second derivative there is no ``product``.
    """
    n, wide = len(point), dtype is not None
    if not point:
        raise Unsupported("there is no argument to differentiate by")

    def outputs(*x: Any) -> list[Any]:
        return [y for y in jax.tree.leaves(function(*x)) if jax.numpy.issubdtype(jax.numpy.result_type(y), np.floating)]

    def gradient(*given: Any) -> Any:
        return jax.vjp(outputs, *given[:n])[1](list(given[n:]))

    def product(*given: Any) -> Any:
        weights, vector = given[n:-n], given[-n:]
        return jax.vjp(lambda *x: gradient(*x, *weights), *given[:n])[1](tuple(vector))

    with in_float64() if wide else contextlib.nullcontext():
        arrays = [jax.numpy.asarray(x, dtype=dtype) for x in point]
        how: Any = {"most": most, "holds": holds, "wide": wide}
        forward = traced(outputs, *arrays, **how)
        # As another function: of one that jax has traced before it keeps the trace.
        demand_same_constants(forward, traced(lambda *x: outputs(*x), *arrays, **how))
        ones = [np.ones(y.shape, y.dtype) for y in jax.eval_shape(outputs, *arrays)]
        first, refused = unless_refused(lambda: traced(gradient, *arrays, *ones, **how))
        if first is None:
            raise Unsupported(f"jax has no gradient of it: {refused}")
        found = None
        if second:
            found, refused = unless_refused(lambda: traced(product, *arrays, *ones, *arrays, **how), ANY)
        return Traced([np.asarray(x, dtype=np.float64) for x in arrays], forward, first, found, refused)


# What jax says to code that wants numbers of what is traced, and what helps.
DATA: Mapping[type[Exception], str] = {
    jax.errors.TracerBoolConversionError: "jax.numpy.where or jax.lax.cond instead of if and while",
    jax.errors.ConcretizationTypeError: "a number that is to be one must be an argument that is no array",
    jax.errors.TracerIntegerConversionError: "an index that is to be a number must be an argument that is no array",
    jax.errors.TracerArrayConversionError: "jax.numpy instead of NumPy",
    jax.errors.NonConcreteBooleanIndexError: "jax.numpy.where instead of x[mask]",
}


def advice(error: BaseException) -> str:
    return next(text for kind, text in DATA.items() if isinstance(error, kind))


# What jax says of a rule that it does not have; and of one whose trace it cannot evaluate itself.
REFUSED: tuple[type[Exception], ...] = (NotImplementedError, jax.errors.UnexpectedTracerError)
ANY: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
)  # as a gradient raises that runs, and has no derivative itself
NO_REVERSE = ("does not support reverse-mode", "Reverse-mode differentiation does not work")


def unless_refused(trace: Callable[[], Tape], also: tuple[type[Exception], ...] = ()) -> tuple[Tape | None, str]:
    """The tape, or why jax has none."""
    caught: tuple[type[Exception], ...] = (*REFUSED, ValueError, *also)
    try:
        return trace(), ""
    except caught as error:
        if not isinstance(error, (*REFUSED, *also)) and not any(words in str(error) for words in NO_REVERSE):
            raise
        return None, str(error).partition("\n")[0]


def of_jaxpr(closed: ClosedJaxpr, arrays: Sequence[Any], most: int = MOST, holds: bool = False) -> Tape:
    """The tape of a jaxpr at a point: ``arrays``, one for each of its inputs."""
    inliner = Inliner(most, holds)
    inputs = [inliner.input(kind_of(v.aval), np.asarray(x)) for v, x in zip(closed.jaxpr.invars, arrays, strict=True)]
    outputs = inliner.inline(closed, inputs)
    return within_reach(inliner.builder.tape(outputs))


def primitives() -> dict[str, Primitive]:
    """Of jax.lax and jax.lax.linalg, by name."""
    found = (value for home in (jax.lax, jax.lax.linalg) for value in vars(home).values())
    return {value.name: value for value in found if isinstance(value, Primitive)}


def missing() -> list[str]:
    """Those that have no declaration and are not inlined; ``jax_operations.LEFT_OUT`` says why."""
    return sorted(primitives().keys() - PASSED - {STOPPED} - LOWERED.keys() - CALLS.keys() - CONTROL.keys())


class Inliner:
    """Writes the tape of a jaxpr; knows what has a value already: what no input that may move has touched."""

    def __init__(self, most: int, holds: bool = False) -> None:
        self.builder = Builder(most)
        self.holds = holds
        self.concrete = Concrete(self.builder)
        self.of_bits: set[int] = set()  # integers that the bits of a float have a part in

    def input(self, kind: Kind, value: Array) -> int:
        number = self.builder.input(kind)
        self.concrete.given(number, value)
        return number

    def constant(self, value: Any, dtype: str) -> int:
        return self.concrete.constant(value, dtype)

    def inline(self, called: ClosedJaxpr | Jaxpr, arguments: Sequence[int]) -> list[int]:
        jaxpr, consts = (called.jaxpr, called.consts) if isinstance(called, ClosedJaxpr) else (called, [])
        known: dict[Any, int] = {
            v: self.constant(c, kind_of(v.aval).dtype) for v, c in zip(jaxpr.constvars, consts, strict=True)
        }
        known.update(zip(jaxpr.invars, arguments, strict=True))

        def read(v: Any) -> int:
            if isinstance(v, Literal):
                dtype = kind_of(v.aval).dtype
                return self.constant(np.asarray(numbers(v.val), dtype=dtype), dtype)
            return known[v]

        for equation in jaxpr.eqns:
            given = [read(v) for v in equation.invars]
            results = self.equation(equation, given)
            if equation.primitive.name in LOWERED:
                self.builder.executions.append(execution_of(equation, given, results))
            known.update(zip(equation.outvars, results, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def equation(self, equation: JaxprEqn, arguments: list[int]) -> Sequence[int]:
        results = self.translated(equation, arguments)
        bitwise = equation.primitive.name == "bitcast_convert_type"
        if self.of_bits.intersection(arguments) or (bitwise and not self.concrete.all_discrete(arguments)):
            if bitwise and not self.builder.kinds[results[0]].is_discrete:
                raise Unsupported(f"{origin_of(equation)} makes a float of another's bits, which no limit follows")
            self.of_bits.update(i for i in results if self.builder.kinds[i].is_discrete)
        return results

    def translated(self, equation: JaxprEqn, arguments: list[int]) -> Sequence[int]:
        name, parameters = equation.primitive.name, equation.params
        if name in PASSED or (name == STOPPED and not self.holds):
            return arguments
        if name in CALLS:
            return self.inline(parameters[CALLS[name]], arguments)
        if name in CONTROL:
            return CONTROL[name](self, parameters, arguments, equation)
        kinds = [kind_of(v.aval) for v in equation.outvars]
        if self.concrete.all_discrete(arguments) and (name not in LOWERED or all(k.is_discrete for k in kinds)):
            return self.executed(equation, arguments)
        if name not in LOWERED:
            raise Unsupported(f"{origin_of(equation)} has no declaration")

        def at_point() -> Sequence[Any]:
            return self.at_point(equation, arguments)

        def values() -> Sequence[Any]:
            return [self.concrete.value(i) for i in arguments]

        return LOWERED[name](JaxCall(self.builder, parameters, arguments, kinds, origin_of(equation), at_point, values))

    def at_point(self, equation: JaxprEqn, arguments: Sequence[int]) -> Sequence[Any]:
        values = [self.concrete.value(i) for i in arguments]
        found = equation.primitive.bind(*values, **equation.params)
        return found if equation.primitive.multiple_results else [found]

    def executed(self, equation: JaxprEqn, arguments: Sequence[int]) -> list[int]:
        """By jax itself, as it is: no input that may move has a part in it (random bits, masks, counters)."""
        found = self.at_point(equation, arguments)
        return [self.constant(x, kind_of(v.aval).dtype) for x, v in zip(found, equation.outvars, strict=True)]

    def chosen(self, second: Array, x: int, y: int, equation: JaxprEqn) -> int:
        """Of each entry of a batch, x or y: one operation, or a constant if both are."""
        kind = self.builder.kinds[x]
        mask = np.broadcast_to(np.reshape(second, (*np.shape(second), *[1] * (len(kind.shape) - np.ndim(second)))),
                               kind.shape)  # fmt: skip
        if self.concrete.is_constant(x) and self.concrete.is_constant(y):
            return self.constant(np.where(mask, self.concrete.value(y), self.concrete.value(x)), kind.dtype)
        return self.builder.one("select", [self.constant(mask, "bool"), x, y], kind, origin_of(equation))

    def row(self, number: int, place: int, origin: Origin) -> int:
        """x[place] along the first axis."""
        kind = self.builder.kinds[number]
        if self.concrete.is_constant(number):
            return self.constant(self.concrete.value(number)[place], kind.dtype)
        rest = kind.shape[1:]
        whole = self.builder.one(
            "slice", [number], Kind((1, *rest), kind.dtype), origin,
            starts=(place, *(0 for _ in rest)), stops=(place + 1, *rest), strides=(1,) * len(kind.shape),
        )  # fmt: skip
        return self.builder.one("reshape", [whole], Kind(rest, kind.dtype), origin, shape=rest)

    def stacked(self, rows: Sequence[int], kind: Kind, origin: Origin) -> int:
        if not rows:
            return self.constant(np.zeros(kind.shape, dtype=kind.dtype), kind.dtype)
        flat = Kind((1, *kind.shape[1:]), kind.dtype)
        wide = [self.builder.one("reshape", [row], flat, origin, shape=flat.shape) for row in rows]
        return self.builder.one("concatenate", wide, kind, origin, axis=0)


def scan(inliner: Inliner, parameters: Mapping[str, Any], arguments: list[int], equation: JaxprEqn) -> list[int]:
    """Unrolled."""
    consts, carry = parameters["num_consts"], parameters["num_carry"]
    fixed, carried, rows = arguments[:consts], arguments[consts : consts + carry], arguments[consts + carry :]
    origin, length, most = origin_of(equation), parameters["length"], inliner.builder.most
    if (operations := of_equation(equation)) > most:
        raise TooLarge(f"{origin} runs {length:,} times: {operations:,} operations, more than the limit of {most:,}")
    found: list[Sequence[int]] = [()] * length
    for place in reversed(range(length)) if parameters["reverse"] else range(length):
        here = [inliner.row(x, place, origin) for x in rows]
        results = inliner.inline(parameters["jaxpr"], [*fixed, *carried, *here])
        carried, found[place] = results[:carry], results[carry:]
    kinds = [kind_of(v.aval) for v in equation.outvars[carry:]]
    return [*carried, *(inliner.stacked([r[k] for r in found], kind, origin) for k, kind in enumerate(kinds))]


def loop(inliner: Inliner, parameters: Mapping[str, Any], arguments: list[int], equation: JaxprEqn) -> list[int]:
    """Run out, as often as it runs at the point; of a batch, what is done stays while the rest goes on."""
    for_condition, for_body = parameters["cond_nconsts"], parameters["body_nconsts"]
    asked, fixed = arguments[:for_condition], arguments[for_condition : for_condition + for_body]
    carried = arguments[for_condition + for_body :]
    while np.any(goes_on := inliner.concrete.value(inliner.inline(parameters["cond_jaxpr"], [*asked, *carried])[0])):
        following = inliner.inline(parameters["body_jaxpr"], [*fixed, *carried])
        pairs = zip(carried, following, strict=True)
        carried = following if np.all(goes_on) else [inliner.chosen(goes_on, x, y, equation) for x, y in pairs]
    return carried


def branch(inliner: Inliner, parameters: Mapping[str, Any], arguments: list[int], equation: JaxprEqn) -> list[int]:
    """The one that is taken at the point."""
    branches = parameters["branches"]
    place = int(np.clip(int(inliner.concrete.value(arguments[0])), 0, len(branches) - 1))
    return inliner.inline(branches[place], arguments[1:])


def solved(inliner: Inliner, parameters: Mapping[str, Any], arguments: list[int], equation: JaxprEqn) -> list[int]:
    """By the solver that the user gave."""
    lengths = parameters["const_lengths"]
    before = lengths.matvec + lengths.vecmat
    consts = arguments[before : before + lengths.solve]
    right = arguments[before + lengths.solve + lengths.transpose_solve :]
    return inliner.inline(parameters["jaxprs"].solve, [*consts, *right])


def written_out(rule: Callable[[Mapping[str, Any]], Callable[..., Any]]) -> Control:
    """As jax traces what a primitive stands for."""

    def control(
        inliner: Inliner, parameters: Mapping[str, Any], arguments: list[int], equation: JaxprEqn
    ) -> list[int]:  # fmt: skip
        kinds = (inliner.builder.kinds[i] for i in arguments)
        shapes = [jax.ShapeDtypeStruct(kind.shape, np.dtype(kind.dtype)) for kind in kinds]
        return inliner.inline(jax.make_jaxpr(rule(parameters))(*shapes), arguments)

    return control


Control = Callable[[Inliner, Mapping[str, Any], list[int], JaxprEqn], list[int]]
CONTROL: dict[str, Control] = {
    "scan": scan, "while": loop, "cond": branch, "custom_linear_solve": solved,
    "reduce": written_out(jax_folds.reduction), "reduce_window": written_out(jax_folds.window_reduction),
}  # fmt: skip
