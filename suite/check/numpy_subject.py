"""A call of NumPy's with a gradient of the user's own. Both are traced through jax; what answers is NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.leaves import CannotCheck, Leaf, bound, named, replaced, walk
from gradlaws.suite.check.numpy_trace import bare, traceable
from gradlaws.suite.check.subject import Called, Gradient, Mode, shown
from gradlaws.suite.tape.tape import Tape, Unsupported
from gradlaws.suite.tracing import of_jax
from gradlaws.suite.tracing.traced import Traced


class NumpySubject:
    """``gradient``: None for a reference, whose derivative is had by tracing it."""

    framework, repeated = "numpy", "gradient="

    draws = False  # keys and generators are arguments

    def __init__(
        self, function: Any, gradient: Any, args: Sequence[Any], kwargs: Mapping[str, Any], seed: int,
        after: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self._made = function, gradient, args, kwargs, seed, after
        self._gradient, self._after, self.notes = gradient, after, []
        self._call = bound(function, args, kwargs)
        self._rule = bound(gradient, args, kwargs) if gradient is not None else None
        found = [(path, x) for path, x in walk(self._call.arguments) if isinstance(x, np.ndarray)]
        floats = [(path, x) for path, x in found if x.dtype in (np.float64, np.float32, np.float16)]
        if not floats:
            kinds = ", ".join(f"{named(path)} is {x.dtype}" for path, x in found[:4]) or "there is no array"
            raise CannotCheck(f"no argument is a float array of NumPy ({kinds}): there is nothing to differentiate by")
        self._paths = [path for path, _ in floats]
        self._arrays = [x.copy() for _, x in floats]
        self.inputs = [Leaf(named(path), x.shape, str(x.dtype)) for path, x in floats]
        self.point: list[Floats] = [shown(x) for x in self._arrays]
        self.outputs = self._outputs()
        if gradient is not None:
            self.notes.append("a gradient of NumPy's has a first order only")

    def _outputs(self) -> list[Leaf]:
        results = self.function(self._arrays)
        if self._gradient is not None and [np.shape(y) for y in results] != [()]:
            shapes = ", ".join(str(np.shape(y)) for y in results)
            raise CannotCheck(
                f"gradient= is of a number, and the function gives {shapes}: sum it with weights of yours"
            )
        leaves = [Leaf(f"result[{k}]" if len(results) > 1 else "result", np.shape(y), str(np.asarray(y).dtype))
                  for k, y in enumerate(results)]  # fmt: skip
        if not leaves or not all(np.issubdtype(leaf.dtype, np.floating) for leaf in leaves):
            raise CannotCheck(f"the function gives {', '.join(map(str, leaves)) or 'nothing'}, and not a float number")
        return leaves

    def _filled(self, call: Any, arrays: Sequence[Any]) -> Any:
        """The call with these in place of its own; of its gradient, by the order of arguments."""
        own = dict(zip(self._paths, arrays, strict=True))
        if list(call.arguments) != list(self._call.arguments):
            own = {(name, *path[1:]): x for (path, x) in own.items() for name in [self._renamed(call, path[0])]}
        return call.call(replaced(dict(call.arguments), own))

    def _renamed(self, call: Any, name: str) -> str:
        return str(list(call.arguments)[list(self._call.arguments).index(name)])

    def function(self, arrays: Sequence[Any]) -> list[Any]:
        """x -> the results."""
        result = self._filled(self._call, arrays)
        result = result if self._after is None else self._after(result)
        return [y for _, y in walk(result)]

    def gradient(self, arrays: Sequence[Any]) -> list[Any]:
        """x -> the user's gradient, one for each of x. Raises CannotCheck where it is not that."""
        assert self._rule is not None
        found = self._filled(self._rule, arrays)
        parts = [g for _, g in walk(found)]
        if len(parts) != len(arrays):
            names = ", ".join(leaf.name for leaf in self.inputs)
            raise CannotCheck(f"gradient= gives {len(parts)} arrays, and the float arrays are {names}: one for each")
        return parts

    def runs(self, mode: str) -> Tape:
        raise Unsupported(f"what {mode} runs is not traced")

    def called(self) -> list[Called]:
        return []

    def at(self, point: Sequence[Floats]) -> NumpySubject:
        other = NumpySubject(*self._made)
        other._arrays = [np.asarray(x, dtype=leaf.dtype) for x, leaf in zip(point, self.inputs, strict=True)]
        other.point = [shown(x) for x in other._arrays]
        return other

    def modes(self, compiled: bool) -> list[Mode]:
        del compiled
        value = Mode("the call", 0, "value", lambda ws, vs: [shown(y) for y in self.function(self._copies())])
        if self._gradient is None:
            return [value]

        def asked(ws: Sequence[Floats], vs: Sequence[Floats]) -> list[Floats]:
            return [shown(g) * ws[0] for g in self.gradient(self._copies())]

        return [value, Mode("gradient=", 1, "gradient", asked)]

    def _copies(self) -> list[Any]:
        return [x.copy() for x in self._arrays]

    def layouts(self) -> dict[str, Callable[[Sequence[Floats]], list[Floats]]]:
        return {}

    def subsets(self, random: np.random.Generator) -> list[tuple[tuple[int, ...], Gradient]]:
        return []

    def traced(self, wide: bool, second: bool, holds: bool) -> Traced:
        function = traceable(self.function)
        if self._gradient is not None:
            function = with_gradient(function, traceable(self.gradient))
            second = False
        return of_jax.derivatives(
            function, *self._arrays, second=second, dtype="float64" if wide else None, holds=holds
        )

    def tangents(self, wide: bool, mode: str) -> Tape:
        raise Unsupported("NumPy has no forward mode")

    def cotangents_derivative(self, wide: bool) -> Tape:
        raise Unsupported("NumPy has no second order")


def with_gradient(
    function: Callable[..., tuple[Any, ...]], gradient: Callable[..., tuple[Any, ...]]
) -> Callable[..., tuple[Any, ...]]:
    """A function of jax whose rule is the user's."""
    ruled: Any = jax.custom_vjp(function)

    def forward(*xs: Any) -> Any:
        return function(*xs), xs

    def backward(xs: Any, weights: Any) -> Any:
        (w,) = weights
        return tuple((w * bare(g)).astype(x.dtype) for x, g in zip(xs, gradient(*xs), strict=True))

    ruled.defvjp(forward, backward)
    return ruled  # type: ignore[no-any-return]
