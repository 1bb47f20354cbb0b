"""A function of NumPy as jax sees it: an array that answers NumPy's calls with jax's of the same name, for a trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlaws.suite.tape.tape import Unsupported

REDUCED = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
HOMES: Sequence[Any] = (jnp, jax.scipy.special, jnp.linalg, jnp.fft)


class Stand(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for an array of NumPy while its function is traced; assignment to entries changes this one alone."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        if method == "__call__":
            found = _called(ufunc.__name__, inputs, kwargs)
        elif method == "reduce" and ufunc.__name__ in REDUCED:
            found = _called(REDUCED[ufunc.__name__], inputs, {"axis": 0, **kwargs})
        else:
            raise Unsupported(f"np.{ufunc.__name__}.{method} is not traced")
        if out is None:
            return found
        (target,) = out
        target.value = found.value.astype(target.value.dtype)
        return target

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:  # fmt: skip
        del types
        return _called(function.__name__, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.value, name)
        return (
            (lambda *args, **kwargs: wrapped(found(*bare(args), **bare(kwargs)))) if callable(found) else wrapped(found)
        )

    def __getitem__(self, index: Any) -> Any:
        return Stand(self.value[bare(index)])

    def __setitem__(self, index: Any, new: Any) -> None:
        self.value = self.value.at[bare(index)].set(bare(new))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        return (Stand(x) for x in self.value)

    def copy(self) -> Stand:
        return Stand(self.value)


def _called(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    for home in HOMES:
        if hasattr(home, name):
            return wrapped(getattr(home, name)(*bare(args), **bare(dict(kwargs))))
    raise Unsupported(f"np.{name} has no counterpart in jax, through which functions of NumPy are traced")


def bare(tree: Any) -> Any:
    """Without stands, for jax."""
    if isinstance(tree, Stand):
        return tree.value
    if isinstance(tree, tuple | list):
        return type(tree)(map(bare, tree))
    return {key: bare(x) for key, x in tree.items()} if isinstance(tree, dict) else tree


def wrapped(tree: Any) -> Any:
    if isinstance(tree, jax.Array):
        return Stand(tree)
    return type(tree)(map(wrapped, tree)) if type(tree) in (tuple, list) else tree


def traceable(function: Callable[[Sequence[Any]], Sequence[Any]]) -> Callable[..., tuple[Any, ...]]:
    """``function`` of a list of arrays, as one of jax's."""

    def call(*arrays: Any) -> tuple[Any, ...]:
        try:
            return tuple(jnp.asarray(bare(y)) for y in function([Stand(x) for x in arrays]))
        except jax.errors.ConcretizationTypeError as error:
            raise Unsupported(f"it depends on the values of its arrays: {str(error).splitlines()[0]}") from error

    return call
