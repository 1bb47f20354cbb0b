"""Tables of data files, and what is said of a row that is wrong."""

from __future__ import annotations

import ast
import math
import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np


class DataError(ValueError):
    """A row of a data file is wrong; the message is one line that says which and what to do."""


def table(path: Path, name: str) -> list[dict[str, Any]]:
    """The rows [[name]] of a TOML file that holds nothing else. Raises DataError."""
    try:
        data = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if unknown := set(data) - {name}:
        raise DataError(f"{path}: unknown table [[{', '.join(sorted(unknown))}]]; rows are called [[{name}]]")
    rows: list[dict[str, Any]] = data.get(name, [])
    return rows


NAMES = {
    "abs": np.abs, "max": np.maximum, "min": np.minimum, "round": np.round, "exp": np.exp, "log": np.log,
    "sqrt": np.sqrt, "tanh": np.tanh,
    "mean": lambda x: np.mean(x, axis=-1, keepdims=True), "ptp": lambda x: np.ptp(x, axis=-1, keepdims=True),
    "top": lambda x: np.max(x, axis=-1, keepdims=True), "norm": lambda x: np.sqrt(np.sum(np.square(x))),
    "pi": math.pi, "nan": math.nan, "inf": math.inf,
}  # fmt: skip
GLOBALS = {"__builtins__": {}, **NAMES}
ALLOWED = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.Name, ast.Constant, ast.Load, ast.Subscript,
    ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip


@cache
def compiled(text: str, variables: tuple[str, ...]) -> CodeType:
    """An expression in these variables, numbers and the functions of NAMES. Raises DataError."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        raise DataError(f"{text!r} is no expression") from None
    for part in ast.walk(tree):
        if not isinstance(part, ALLOWED):
            raise DataError(f"{text!r} is more than an expression in {', '.join(variables)}, numbers and functions")
        if isinstance(part, ast.Name) and part.id not in (*NAMES, *variables):
            raise DataError(f"{text!r} speaks of {part.id!r}; known are {', '.join((*variables, *NAMES))}")
    return compile(tree, "<row>", "eval")


def evaluated(text: str, variables: Mapping[str, Any]) -> Any:
    """The expression where the variables have these values. Raises DataError."""
    return eval(compiled(text, tuple(variables)), GLOBALS, dict(variables))


def overlap(a: Iterable[str], b: Iterable[str]) -> bool:
    """Whether one pattern of modes matches another, read as a name."""
    return any(fnmatchcase(p, q) or fnmatchcase(q, p) for p in a for q in b)
