"""What a backend is: a framework's arrays, the functions it is given, and its modes of differentiation."""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, source
from gradlaws.suite import run
from gradlaws.suite.vocabulary import ORDERS, Quantity


class UnknownBackend(ValueError):
    """No backend of that name."""


class Unsupported(NotImplementedError):
    """The framework says that it does not offer this mode for this function."""


@dataclass(frozen=True)
class Mode:
    """A public way to a quantity. ``function(f, x, *directions)`` takes and gives native arrays:

    value f(*x); gradient and vjp (f, x, u): one array per input; jvp (f, x, v): an array like f(*x);
    jacobian: per input an array of shape out + in; hessian: rows of blocks of shape in_i + in_j;
    hvp (f, x, v): one array per input; curvature (f, x, v): v . H v.
    """

    quantity: Quantity
    name: str
    function: Callable[..., Any]
    differences: int = 0  # 1 forward, 2 central, 3 imaginary: its tolerance has a truncation in it (differences.py)
    experimental: bool = False  # the framework says that it covers some functions only, and fails in any way on others
    every: int = 1  # how many rounds of a rotation over the modes it takes part in one of: more where it is slow
    wrapper: str = ""  # the control flow in which it meets the function
    text: str = ""  # its source and the wrapper's, where it has one

    @property
    def order(self) -> int:
        return ORDERS[self.quantity]

    @property
    def source(self) -> str:
        """The mode as a plain function, for reproducers."""
        return self.text or plain_source(self.function)

    def of(self, wrapper: Callable[..., Any]) -> Mode:
        """The mode of the function in a wrapper, which takes a function and gives one of the same derivatives."""

        def function(f: Callable[..., Any], x: Any, *directions: Any) -> Any:
            return self.function(wrapper(f), x, *directions)

        function.__name__ = self.function.__name__
        text = "\n\n\n".join((plain_source(wrapper), self.source))
        name = wrapper.__name__.replace("_", " ")
        return replace(self, name=f"{self.name} of {name}", function=function, wrapper=name, text=text)


def plain_source(function: Callable[..., Any]) -> str:
    """Without its decorators."""
    lines = inspect.getsource(function).splitlines()
    return "\n".join(line for line in lines if not line.startswith("@"))


@dataclass(frozen=True, repr=False)
class Backend:
    """One framework.

    ``array(values, dtype)`` makes a native array of float64; ``numbers(array)`` gives it back, in float64 or wider.
    ``unsupported`` are the exceptions, and ``unsupported_words`` what they say, by which it tells that a mode does not
    exist for a function.
    """

    name: str
    version: str
    array: Callable[[Floats, str], Any]
    numbers: Callable[[Any], Floats]
    array_source: str
    unsupported: tuple[type[Exception], ...]
    modes: list[Mode] = field(default_factory=list)
    unsupported_words: tuple[str, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)  # by identity, why it is not asked of this backend
    wrappers: list[Callable[..., Any]] = field(default_factory=list)  # control flow, which changes no derivative
    wrong: dict[str, Callable[..., Any]] = field(default_factory=dict)  # and such that does, by name of the control
    more: dict[str, list[Mode]] = field(default_factory=dict)  # by the only identity that asks them
    dtypes: tuple[str, ...] = ("float64", "float32")  # that it computes in
    elsewhere: Mapping[str, str] = field(default_factory=dict)  # those that it computes in on other machines, and why

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"{self.name} {self.version}"

    def mode(
        self,
        quantity: Quantity,
        name: str,
        experimental: bool = False,
        differences: int = 0,
        of: str = "",
        every: int = 1,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Registers a function as a mode of this backend, or one that only the identity ``of`` asks: of its controls
        where the name is of one. Raises ValueError where there is no such quantity."""
        if quantity not in ORDERS:
            raise ValueError(f"mode {name!r}: unknown quantity {quantity!r}; known are {', '.join(ORDERS)}")

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            modes = self.more.setdefault(of, []) if of else self.modes
            modes.append(Mode(quantity, name, function, differences, experimental, every))
            return function

        return register

    def wrapper(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Registers control flow around a function, as ``wrapper(f) = f`` (suite/identities/test_control_flow.py)."""
        self.wrappers.append(function)
        return function

    def wrong_wrapper(self, control: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Registers control flow that changes the derivative, and must be seen to."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.wrong[control] = function
            return function

        return register

    def modes_of(self, quantity: Quantity) -> list[Mode]:
        return [mode for mode in self.modes if mode.quantity == quantity]

    @cache  # noqa: B019  (one object per backend, for the life of the process)
    def wrapped(self, quantity: Quantity) -> list[Mode]:
        """Every mode of every wrapper, in an order in which neighbours differ in both."""
        modes = [mode for mode in self.modes_of(quantity) if not mode.experimental]
        return [
            modes[(number + turn) % len(modes)].of(wrapper)
            for turn in range(len(modes))
            for number, wrapper in enumerate(self.wrappers)
        ]

    def named(self, quantity: Quantity, name: str) -> Mode:
        """Raises KeyError where there is none."""
        for mode in (*self.modes, *(mode for more in self.more.values() for mode in more), *self.wrapped(quantity)):
            if (mode.quantity, mode.name) == (quantity, name):
                return mode
        raise KeyError(f"{self.name} has no mode {name!r} for {quantity}")

    def expression(self, step: Step, arguments: Sequence[str]) -> str:
        """One step as this framework's users would write it. Raises Unsupported where it has no such function."""
        try:
            return step.declaration.expression(self.name, arguments, dict(step.parameters))
        except KeyError:
            raise Unsupported(f"{self.name} has no {step.primitive}") from None

    def function(self, program: Program, precision: Precision) -> Callable[..., Any]:
        """The program as a native Python function, the one that a reproducer prints."""
        return _compiled(self, program, precision.name)

    def point(self, point: Point, precision: Precision) -> list[Any]:
        return [self.array(x, precision.name) for x in point]

    def run(self, mode: Mode, program: Program, precision: Precision, point: Point, *directions: Point) -> Result:
        """The quantity by the mode, flat: (m,), (n,), (m, n), (n, n) or (1,). Never raises for the framework."""
        try:
            f = self.function(program, precision)
            arguments = [self.point(direction, precision) for direction in directions]
            if mode.quantity == "vjp":
                arguments = [arguments[0][0]]  # the cotangent is one array
            x = self.point(point, precision)
            start = time.perf_counter()
            answer = mode.function(f, x, *arguments)
            numbers = self._flat(mode.quantity, answer, program)
            seconds = time.perf_counter() - start
        except (Exception, SystemExit) as error:
            return Result(None, 0.0, error, mode.experimental or self.refuses(error))
        return Result(numbers, seconds)

    def refuses(self, error: BaseException) -> bool:
        """Whether the exception says that the mode does not exist for this function, rather than that it failed."""
        if isinstance(error, (Unsupported, *self.unsupported)):
            return True
        return any(words in str(error) for words in self.unsupported_words)

    def joined(self, arrays: Iterable[Any]) -> Floats:
        """The entries of the framework's own arrays, one after the other."""
        return np.concatenate([self.numbers(a).ravel() for a in arrays])

    def _flat(self, quantity: Quantity, answer: Any, program: Program) -> Floats:
        m = int(np.prod(program.output))
        sizes = [int(np.prod(shape)) for shape in program.inputs]
        if quantity in ("value", "jvp", "curvature"):
            return self.numbers(answer).ravel()
        if quantity in ("gradient", "vjp", "hvp"):
            return self.joined(answer)
        if quantity == "jacobian":
            return np.hstack([self.numbers(a).reshape(m, n) for a, n in zip(answer, sizes, strict=True)])
        rows = [
            np.hstack([self.numbers(block).reshape(rows, n) for block, n in zip(row, sizes, strict=True)])
            for row, rows in zip(answer, sizes, strict=True)
        ]
        return np.vstack(rows)

    @cache  # noqa: B019  (one object per backend, for the life of the process)
    def smallest(self, precision: Precision) -> float:
        """The smallest number that arithmetic does not flush to zero: probed, since XLA and others differ."""
        mode = self.modes_of("value")[-1]
        halve = Program(((),), (Step("constant", (), (("shape", ()), ("values", (0.5,)))), Step("mul", (0, 1))))
        result = self.run(mode, halve, precision, (np.array(precision.smallest_normal),))
        kept = result.numbers is not None and result.numbers[0] > 0
        return precision.smallest_subnormal if kept else precision.smallest_normal


@dataclass(frozen=True)
class Result:
    """What a framework answered: numbers, or the error that it raised."""

    numbers: Floats | None
    seconds: float
    error: BaseException | None = None
    refused: bool = False


@run.kept(4096)
def _compiled(backend: Backend, program: Program, dtype: str) -> Callable[..., Any]:
    text, constants = source(program, "f", backend.expression)
    namespace: dict[str, Any] = {name: backend.array(values, dtype) for name, values in constants.items()}
    namespace.update(libraries(text))
    exec(compile(text, "<program>", "exec"), namespace)
    function: Callable[..., Any] = namespace["f"]
    function.program = program  # type: ignore[attr-defined]
    return function


def libraries(text: str) -> dict[str, Any]:
    """The modules that the source names, by their first name."""
    named = [name for name in run.current().libraries if name.split(".")[0] + "." in text]
    return {
        name.split(".")[0]: importlib.import_module(name) and importlib.import_module(name.split(".")[0])
        for name in named
    }
