"""What the plugin files of `python -m suite check` are made of: an operation by its name, and its definition."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gradlaws.strategies import mp_arrays
from gradlaws.strategies.primitive import Floats, Primitive, Shape, binary, interval, spelled, structured, unary
from gradlaws.suite.bound.contracts import DEFAULT_ULPS
from gradlaws.suite.operation.reference import exact
from gradlaws.suite.plugins import from_file


class NameFault(ValueError):
    """No object of that name; the message is one line."""


def imported(name: str) -> Any:
    """The object of "module:attribute" (or "module.attribute"), where the module may be a path/to/file.py.

    Raises NameFault.
    """
    module, _, attribute = name.partition(":") if ":" in name else name.rpartition(".")
    if not module or not attribute:
        raise NameFault(f"{name!r} is no module:function, nor path/to/file.py:function")
    try:
        found = of_file(Path(module)) if module.endswith(".py") else importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise NameFault(f"{name}: {error}") from error
    except Exception as error:
        told = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NameFault(f"{name}: {module} cannot be imported: {type(error).__name__}: {told}") from error
    if not callable(found):
        raise NameFault(f"{name} is no function, but {type(found).__name__}")
    return found


def of_file(path: Path) -> ModuleType:
    """The module of a file, which several names may ask for."""
    known = sys.modules.get(path.stem)
    if known is not None and Path(str(getattr(known, "__file__", ""))) == path.absolute():
        return known
    return from_file(path.absolute())


def spelling(name: str) -> tuple[str, str]:
    """How the operation is called in a program, and the module that the call names."""
    module, _, attribute = name.partition(":") if ":" in name else name.rpartition(".")
    module = Path(module).stem if module.endswith(".py") else module
    return f"{module}.{attribute}", module


def within(*bounds: tuple[float, float]) -> Callable[..., bool]:
    """Whether every entry of each array lies strictly between its bounds."""

    def domain(*arrays: Floats) -> bool:
        return all(interval(low, high)(x) for x, (low, high) in zip(arrays, bounds, strict=False))

    return domain


def primitive(
    name: str, call: str, backend: str, bounds: list[tuple[float, float]], definition: str = "", reference: str = "",
    whole: bool = False,
) -> Primitive:  # fmt: skip
    """The operation as a row of the catalogue; ``definition`` or ``reference`` name its mathematics, ``whole`` says
    that it mixes entries. Raises NameFault."""
    mathematics = imported(definition) if definition else exact(imported(reference))
    spellings = spelled({backend: call}, len(bounds))
    domain = within(*bounds)
    if not whole:
        declared = unary if len(bounds) == 1 else binary
        return replace(declared(name, mathematics, domain), spellings=spellings)

    def shape(*shapes: Shape, **parameters: Any) -> Shape:
        return tuple(np.shape(mathematics(mp_arrays, *(mp_arrays.mp_array(np.ones(s)) for s in shapes))))

    def fits(*shapes: Shape) -> list[dict[str, Any]]:
        return [{}] if all(shapes) and len(set(shapes)) == 1 else []

    symbol = name + "(" + ", ".join(["{x}", "{y}"][: len(bounds)]) + ")"
    return replace(structured(name, mathematics, shape, fits, symbol, domain, len(bounds)), spellings=spellings)


def default_ulps(whole: bool) -> float:
    return DEFAULT_ULPS["structured" if whole else "elementwise"]
