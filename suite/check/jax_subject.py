"""A call of jax's: a function of pytrees, with whatever rules it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.jax_draws import as_without_x64
from gradlaws.suite.check.jax_modes import MODES, by_cotangent
from gradlaws.suite.check.leaves import CannotCheck, Leaf, bound, complex_note
from gradlaws.suite.check.subject import Called, Gradient, Kind, Mode, Order, Refused, shown
from gradlaws.suite.tape.tape import Tape, Unsupported
from gradlaws.suite.tracing import of_jax
from gradlaws.suite.tracing.traced import Traced

Arrays = Sequence[Any]
LIBRARY = re.compile(r"[/\\](jax|optax)[/\\]")  # files of what rows of the ledger name
REFUSALS = (ValueError, TypeError, NotImplementedError)
SUBSETS = 2  # leaves that are asked alone: each is traced and compiled anew


def is_ours(value: Any) -> bool:
    return isinstance(value, jax.Array)


class JaxSubject:
    """Leaves are the float arrays of the arguments, NumPy's among them; a float number is static.

    A complex leaf is one of real numbers, whose last axis is of real and imaginary parts; so is a complex result.
    ``after`` is applied to what comes out.
    """

    framework, repeated = "jax", "jit(vjp)"

    draws = False  # keys and generators are arguments

    def __init__(
        self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], seed: int,
        after: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self._made = function, args, kwargs, seed, after
        self._after = after
        self._bound = bound(function, args, kwargs)
        self.notes: list[str] = []
        leaves, self._tree = jax.tree_util.tree_flatten_with_path(dict(self._bound.arguments))
        self._leaves = [x for _, x in leaves]
        arrays = [(k, path, x) for k, (path, x) in enumerate(leaves) if isinstance(x, jax.Array | np.ndarray)]
        chosen = [(k, path, x) for k, path, x in arrays if has_derivative(x)]
        if not chosen:
            kinds = ", ".join(f"{called(path)} is {x.dtype}" for _, path, x in arrays[:4])
            raise CannotCheck(
                f"no argument is a float array ({kinds}): there is nothing to differentiate by"
                if arrays
                else "no argument is an array: give the call as you make it, with its arrays"
            )
        self._places = [k for k, _, _ in chosen]
        given = [jax.numpy.asarray(x) for _, _, x in chosen]
        self._complex = [is_complex(x) for x in given]
        self._arrays = [as_real(x) for x in given]
        names = [called(path) for _, path, _ in chosen]
        self.notes += complex_note(names, self._complex)
        self.inputs = [leaf(name, x) for name, x in zip(names, self._arrays, strict=True)]
        self.point = [shown(x) for x in self._arrays]
        self.outputs = self._outputs()
        self._jitted = jax.jit(lambda xs, ws: jax.vjp(self.function, *xs)[1](ws))  # compiled once for all cotangents

    def _outputs(self) -> list[Leaf]:
        result = self._called(self._arrays)
        found = jax.tree_util.tree_flatten_with_path(result)[0]
        leaves = [leaf("result" + jax.tree_util.keystr(path), as_real(y)) for path, y in found if has_derivative(y)]
        if not leaves:
            what = ", ".join(sorted({str(jax.numpy.result_type(y)) for _, y in found})) or type(result).__name__
            raise CannotCheck(f"the function gives {what}: nothing of it is a float array that has a derivative")
        return leaves

    def _called(self, arrays: Arrays) -> Any:
        leaves = list(self._leaves)
        for place, array, c in zip(self._places, arrays, self._complex, strict=True):
            leaves[place] = jax.lax.complex(array[..., 0], array[..., 1]) if c else array
        result = self._bound.call(jax.tree_util.tree_unflatten(self._tree, leaves))
        return result if self._after is None else self._after(result)

    def function(self, *arrays: Any) -> tuple[Any, ...]:
        """x -> the float leaves of the result."""
        return tuple(as_real(y) for y in jax.tree_util.tree_leaves(self._called(arrays)) if has_derivative(y))

    def called(self) -> list[Called]:
        """By the names of jitted functions, custom rules and primitives, and of jax's and optax's own functions on the
        way to them; their arguments are not known."""
        found: set[str] = set()

        def walk(jaxpr: Any) -> None:
            for equation in jaxpr.eqns:
                found.update({equation.primitive.name, str(equation.params.get("name", ""))})
                trace = equation.source_info.traceback
                found.update(f.function_name for f in (trace.frames if trace else ()) if LIBRARY.search(f.file_name))
                for value in equation.params.values():
                    inner = getattr(value, "jaxpr", value)
                    if hasattr(inner, "eqns"):
                        walk(inner)

        walk(jax.make_jaxpr(self.function)(*self._arrays).jaxpr)
        return [(name, ()) for name in sorted(found)]

    def at(self, point: Sequence[Floats]) -> JaxSubject:
        other = JaxSubject(*self._made)
        other._arrays = [jax.numpy.asarray(x, dtype=leaf.dtype) for x, leaf in zip(point, self.inputs, strict=True)]
        other.point = [shown(x) for x in other._arrays]
        return other

    def traced(self, wide: bool, second: bool, holds: bool) -> Traced:
        dtype = "float64" if wide else None
        with own_draws(wide):
            return of_jax.derivatives(self.function, *self._arrays, second=second, dtype=dtype, holds=holds)

    def tangents(self, wide: bool, mode: str) -> Tape:
        return self._pushed(MODES[mode][2], wide)

    def cotangents_derivative(self, wide: bool) -> Tape:
        return self._pushed(by_cotangent, wide)

    def _pushed(self, ask: Callable[..., Any], wide: bool) -> Tape:
        n = len(self._arrays)

        def pushed(*given: Any) -> Any:
            ws = tuple(jax.numpy.ones_like(y) for y in self.function(*given[:n]))
            return ask(self.function, given[:n], ws, given[n:])

        point = [np.asarray(x, dtype=np.float64) for x in self._arrays] if wide else self._arrays
        return taped(pushed, *point, *map(np.ones_like, point), wide=wide)

    def runs(self, mode: str) -> Tape:
        ask, n, m = MODES[mode][2], len(self.inputs), len(self.outputs)

        def asked(*given: Any) -> Any:
            return ask(self.function, given[:n], given[n : n + m], given[n + m :])

        ones = [jax.numpy.ones(y.shape, dtype=y.dtype) for y in self.outputs]
        return taped(asked, *self._arrays, *ones, *map(jax.numpy.ones_like, self._arrays), wide=False)

    def subsets(self, random: np.random.Generator) -> list[tuple[tuple[int, ...], Gradient]]:
        n = len(self._arrays)
        chosen = range(n) if n <= SUBSETS else sorted(random.choice(n, SUBSETS, replace=False))
        return [((int(k),), self._alone(int(k))) for k in chosen] if n > 1 else []

    def _alone(self, k: int) -> Gradient:
        def of_one(x: Any) -> Any:
            return self.function(*self._arrays[:k], x, *self._arrays[k + 1 :])

        return lambda weights: [shown(jax.vjp(of_one, self._arrays[k])[1](self.weights(weights))[0])]

    def weights(self, arrays: Sequence[Floats]) -> tuple[Any, ...]:
        return tuple(jax.numpy.asarray(w, dtype=y.dtype) for w, y in zip(arrays, self.outputs, strict=False))

    def vectors(self, arrays: Sequence[Floats]) -> tuple[Any, ...]:
        return tuple(jax.numpy.asarray(v, dtype=x.dtype) for v, x in zip(arrays, self.inputs, strict=False))

    def modes(self, compiled: bool) -> list[Mode]:
        del compiled  # jit is always among them
        return [self._mode(name, *what) for name, what in MODES.items()]

    def _mode(self, name: str, order: Order, kind: Kind, ask: Callable[..., Any]) -> Mode:
        def asked(weights: Sequence[Floats], vectors: Sequence[Floats]) -> list[Floats]:
            try:
                xs, ws, vs = tuple(self._arrays), self.weights(weights), self.vectors(vectors)
                found = self._jitted(xs, ws) if name == self.repeated else ask(self.function, xs, ws, vs)
            except REFUSALS as error:
                raise Refused(str(error)) from error
            return [shown(y) for y in found]

        return Mode(name, order, kind, asked)

    def layouts(self) -> dict[str, Callable[[Sequence[Floats]], list[Floats]]]:
        """jax's arrays have none."""
        return {}


def own_draws(wide: bool) -> AbstractContextManager[None]:
    return as_without_x64() if wide else nullcontext()


def taped(function: Callable[..., Any], *arrays: Any, wide: bool) -> Tape:
    """Raises Unsupported where jax does not offer it."""
    try:
        with own_draws(wide):
            return of_jax.traced(function, *arrays, wide=wide)
    except REFUSALS as error:
        raise Unsupported(str(error)) from error


def has_derivative(value: Any) -> bool:
    """An array of real or complex numbers; Python's own are static."""
    inexact = jax.numpy.issubdtype(jax.numpy.result_type(value), np.inexact)
    return bool(inexact) and not isinstance(value, float | complex)


def is_complex(array: Any) -> bool:
    return bool(jax.numpy.iscomplexobj(array))


def as_real(array: Any) -> Any:
    return jax.numpy.stack([array.real, array.imag], -1) if is_complex(array) else array


def called(path: Sequence[Any]) -> str:
    """params['w'] of ['params']['w']."""
    head, *rest = path
    return str(getattr(head, "key", head)) + jax.tree_util.keystr(tuple(rest))


def leaf(name: str, array: Any) -> Leaf:
    return Leaf(name, tuple(np.shape(array)), str(jax.numpy.result_type(array)))
