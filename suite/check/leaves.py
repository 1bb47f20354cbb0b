"""The arrays in a call's arguments and results, each with the name that its user knows it by."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[Any, ...]


class Attribute(str):
    """A step that is written with a dot."""


class CannotCheck(ValueError):
    """The call cannot be checked: one line that says what is wrong with it, and what to do."""


@dataclass(frozen=True)
class Leaf:
    """A float array among the arguments or the results: its name, its shape and its type as the framework names it."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}[{', '.join(map(str, self.shape))}]"


def complex_note(names: Sequence[str], is_complex: Sequence[bool]) -> list[str]:
    """That leaves of complex numbers are seen as of real ones; nothing where none is."""
    of = ", ".join(name for name, c in zip(names, is_complex, strict=True) if c)
    return [f"{of}: complex; the last axis is of real and imaginary parts"] if of else []


@dataclass(frozen=True)
class Bound:
    """A call: ``arguments`` by the names of the function's parameters, and ``call``, which puts them in again."""

    arguments: Mapping[str, Any]
    call: Callable[[Mapping[str, Any]], Any]


def bound(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], signature: Any = None) -> Bound:
    """Raises TypeError, as the call itself would, where the arguments do not fit; that is the user's."""
    try:
        taken = _of_apply(function) if signature is None and is_apply(function) else _signature(signature or function)
    except (TypeError, ValueError):  # what is written in C has none
        return _unnamed(function, args, kwargs)
    try:
        given = taken.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{getattr(function, '__qualname__', type(function).__name__)}: {error}") from None

    def call(arguments: Mapping[str, Any]) -> Any:
        filled = inspect.BoundArguments(taken, dict(arguments))
        return function(*filled.args, **filled.kwargs)

    return Bound(dict(given.arguments), call)


def _signature(function: Any) -> inspect.Signature:
    """Of what torch.library makes of a function, that of the function."""
    return inspect.signature(getattr(function, "_init_fn", function))


def is_apply(function: Any) -> bool:
    """Whether it is the ``apply`` of a torch.autograd.Function."""
    return getattr(function, "__name__", "") == "apply" and hasattr(getattr(function, "__self__", None), "forward")


def _of_apply(function: Any) -> inspect.Signature:
    """That of its forward, without the context."""
    kind = function.__self__
    parameters = list(inspect.signature(kind.forward).parameters.values())
    own = [each for each in kind.__mro__ if each.__module__.partition(".")[0] != "torch"]
    has_context = not any("setup_context" in vars(each) for each in own)
    return inspect.Signature(parameters[has_context:])


def _unnamed(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Bound:
    names = [f"argument {k}" for k in range(len(args))]

    def call(arguments: Mapping[str, Any]) -> Any:
        return function(*(arguments[name] for name in names), **{k: arguments[k] for k in kwargs})

    return Bound({**dict(zip(names, args, strict=True)), **kwargs}, call)


def walk(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What is in containers (lists, tuples, dictionaries, dataclasses), each with the way to it."""
    for step, child in _children(tree) or ():
        yield from walk(child, (*path, step))
    if _children(tree) is None and tree is not None:
        yield path, tree


def _children(tree: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(tree, Mapping):
        return list(tree.items())
    if isinstance(tree, list | tuple):
        fields: Sequence[str] = getattr(tree, "_fields", ())
        return list(zip(map(Attribute, fields) if fields else range(len(tree)), tree, strict=True))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [(Attribute(field.name), getattr(tree, field.name)) for field in dataclasses.fields(tree)]
    return None


def replaced(tree: Any, by: Mapping[Path, Any], path: Path = ()) -> Any:
    """The same containers with other leaves."""
    if path in by:
        return by[path]
    children = _children(tree)
    if children is None:
        return tree
    new = {step: replaced(child, by, (*path, step)) for step, child in children}
    if all(new[step] is child for step, child in children):
        return tree
    if isinstance(tree, Mapping):
        return dict(new)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(**new)
    if isinstance(tree, list | tuple):
        return type(tree)(new.values())
    return dataclasses.replace(tree, **new)


def named(path: Path) -> str:
    """x, params['w'], outputs[0], state.mean: as one would write it."""
    head, *rest = path or ("result",)
    return str(head) + "".join(f".{s}" if isinstance(s, Attribute) else f"[{s!r}]" for s in rest)
