"""A call of jax's: a function of pytrees, with whatever rules it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.leaves import CannotCheck, Leaf, bound
from gradlaws.suite.check.subject import Mode, Refused, shown
from gradlaws.suite.tape.tape import Tape
from gradlaws.suite.tracing import of_jax
from gradlaws.suite.tracing.traced import Traced

Arrays = Sequence[Any]


def is_ours(value: Any) -> bool:
    return isinstance(value, jax.Array)


class JaxSubject:
    """Leaves are the float arrays of the arguments, NumPy's among them; a float number is static."""

    framework = "jax"

    def __init__(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], seed: int) -> None:
        self._bound = bound(function, args, kwargs)
        self.notes: list[str] = []
        leaves, self._tree = jax.tree_util.tree_flatten_with_path(dict(self._bound.arguments))
        self._leaves = [x for _, x in leaves]
        arrays = [(k, path, x) for k, (path, x) in enumerate(leaves) if isinstance(x, jax.Array | np.ndarray)]
        chosen = [(k, path, x) for k, path, x in arrays if is_float(x)]
        if not chosen:
            kinds = ", ".join(f"{called(path)} is {x.dtype}" for _, path, x in arrays[:4])
            raise CannotCheck(
                f"no argument is a float array ({kinds}): there is nothing to differentiate by"
                if arrays
                else "no argument is an array: give the call as you make it, with its arrays"
            )
        self._places = [k for k, _, _ in chosen]
        self._arrays = [jax.numpy.asarray(x) for _, _, x in chosen]
        self.inputs = [leaf(called(path), x) for (_, path, _), x in zip(chosen, self._arrays, strict=True)]
        self.point = [shown(x) for x in self._arrays]
        self.outputs = self._outputs()

    def _outputs(self) -> list[Leaf]:
        result = self._called(self._arrays)
        found = jax.tree_util.tree_flatten_with_path(result)[0]
        leaves = [leaf("result" + jax.tree_util.keystr(path), y) for path, y in found if is_float(y)]
        if not leaves:
            what = ", ".join(sorted({str(jax.numpy.result_type(y)) for _, y in found})) or type(result).__name__
            raise CannotCheck(f"the function gives {what}: nothing of it is a float array that has a derivative")
        return leaves

    def _called(self, arrays: Arrays) -> Any:
        leaves = list(self._leaves)
        for place, array in zip(self._places, arrays, strict=True):
            leaves[place] = array
        return self._bound.call(jax.tree_util.tree_unflatten(self._tree, leaves))

    def function(self, *arrays: Any) -> tuple[Any, ...]:
        """x -> the float leaves of the result."""
        return tuple(y for y in jax.tree_util.tree_leaves(self._called(arrays)) if is_float(y))

    def traced(self, wide: bool, second: bool, holds: bool) -> Traced:
        dtype = "float64" if wide else None
        return of_jax.derivatives(self.function, *self._arrays, second=second, dtype=dtype, holds=holds)

    def tangents(self, wide: bool) -> Tape:
        n = len(self._arrays)

        def pushed(*given: Any) -> Any:
            return jax.jvp(self.function, given[:n], given[n:])[1]

        point = [np.asarray(x, dtype=np.float64) for x in self._arrays] if wide else self._arrays
        return of_jax.traced(pushed, *point, *map(np.ones_like, point), wide=wide)

    def weights(self, arrays: Sequence[Floats]) -> tuple[Any, ...]:
        return tuple(jax.numpy.asarray(w, dtype=y.dtype) for w, y in zip(arrays, self.outputs, strict=False))

    def vectors(self, arrays: Sequence[Floats]) -> tuple[Any, ...]:
        return tuple(jax.numpy.asarray(v, dtype=x.dtype) for v, x in zip(arrays, self.inputs, strict=False))

    def modes(self, compiled: bool) -> list[Mode]:
        del compiled  # jit is always among them
        return [self._mode(name, order, ask) for name, (order, ask) in MODES.items()]

    def _mode(self, name: str, order: int, ask: Callable[..., Any]) -> Mode:
        def asked(weights: Sequence[Floats], vectors: Sequence[Floats]) -> list[Floats]:
            try:
                found = ask(self.function, tuple(self._arrays), self.weights(weights), self.vectors(vectors))
            except (ValueError, TypeError, NotImplementedError) as error:
                raise Refused(str(error)) from error
            return [shown(y) for y in found]

        return Mode(name, order, asked, forward=name in FORWARD)  # type: ignore[arg-type]

    def layouts(self) -> dict[str, Callable[[Sequence[Floats]], list[Floats]]]:
        """jax's arrays have none."""
        return {}


def is_float(value: Any) -> bool:
    return jax.numpy.issubdtype(jax.numpy.result_type(value), np.floating) and not isinstance(value, float)


def called(path: Sequence[Any]) -> str:
    """params['w'] of ['params']['w']."""
    head, *rest = path
    return str(getattr(head, "key", head)) + jax.tree_util.keystr(tuple(rest))


def leaf(name: str, array: Any) -> Leaf:
    return Leaf(name, tuple(np.shape(array)), str(jax.numpy.result_type(array)))


# A mode stands alone: ask(function, x, weights, vectors).


def value(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return function(*xs)


def by_vjp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.vjp(function, *xs)[1](ws)


def by_jit(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.jit(lambda x, w: jax.vjp(function, *x)[1](w))(xs, ws)


def jitted_value(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.jit(function)(*xs)


def by_vmap(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    """Two points at once, the second of them ours."""
    pairs = tuple(jax.numpy.stack([x * 0.5, x]) for x in xs)
    return [g[1] for g in jax.vmap(lambda *x: jax.vjp(function, *x)[1](ws))(*pairs)]


def by_checkpoint(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.vjp(jax.checkpoint(function), *xs)[1](ws)


def by_jvp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.jvp(function, xs, vs)[1]


def vjp_of_vjp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    """Reverse over reverse."""
    return jax.vjp(lambda *x: jax.vjp(function, *x)[1](ws), *xs)[1](vs)


def jvp_of_vjp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    """Forward over reverse."""
    return jax.jvp(lambda *x: jax.vjp(function, *x)[1](ws), xs, vs)[1]


def vjp_of_jvp(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    """Reverse over forward."""
    return jax.vjp(lambda *x: jax.jvp(function, x, vs)[1], *xs)[1](ws)


def jitted_product(function: Any, xs: Any, ws: Any, vs: Any) -> Any:
    return jax.jit(lambda x, w, v: vjp_of_vjp(function, x, w, v))(xs, ws, vs)


MODES: dict[str, tuple[int, Callable[..., Any]]] = {
    "eager": (0, value),
    "jit": (0, jitted_value),
    "vjp": (1, by_vjp),
    "jit(vjp)": (1, by_jit),
    "vmap(vjp)": (1, by_vmap),
    "checkpoint": (1, by_checkpoint),
    "jvp": (1, by_jvp),
    "vjp of vjp": (2, vjp_of_vjp),
    "jvp of vjp": (2, jvp_of_vjp),
    "vjp of jvp": (2, vjp_of_jvp),
    "jit(vjp of vjp)": (2, jitted_product),
}
FORWARD = frozenset({"jvp"})
