"""Calls an operation once, in a process of its own, since it may hang or end it: what it takes and gives.

    python -m suite.operation.probe ANSWER.json mymodule:my_op '[[-5, 5]]' torch,jax

Writes {"backend", "version", "dtypes", "mixes", "faults", "notes"}, or {"error": one line} where it cannot be used.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.suite import backends
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.configuration import configure
from gradlaws.suite.operation.rows import NameFault, imported

SHAPES = ((), (3,), (2, 3))
DTYPES = ("float64", "float32")


class Unusable(Exception):
    """The operation cannot be asked; the message is one line."""


def points(bounds: Sequence[Sequence[float]], shape: tuple[int, ...], precision: Precision) -> list[Floats]:
    """Distinct entries in the inner half of the domain."""
    found = []
    for place, (low, high) in enumerate(bounds):
        low, high = max(low, -4.0), min(high, 4.0)
        share = np.linspace(0.3, 0.7, max(int(np.prod(shape)), 1)) + 0.01 * place
        found.append(np.vectorize(precision.round, otypes=[float])(low + (high - low) * share).reshape(shape))
    return found


def backend_of(operation: Callable[..., Any], bounds: Sequence[Sequence[float]], names: Sequence[str]) -> Backend:
    """The framework whose arrays it takes and gives: first those that its module has imported. Raises Unusable."""
    loaded = [name for name in names if name in sys.modules]
    reasons = []
    for name in dict.fromkeys([*loaded, *names]):
        try:
            backend = backends.load(name)
        except ImportError:
            continue
        try:
            given = [backend.array(x, "float64") for x in points(bounds, (3,), PRECISIONS["float64"])]
            answer = operation(*given)
        except Exception as error:
            told = (str(error).strip() or type(error).__name__).splitlines()[0]
            reasons.append(f"{type(error).__name__} for arrays of {name}: {told}")
            continue
        own = type(answer).__module__.split(".")[0].removesuffix("lib")
        if own == name:
            return backend
        reasons.append(f"gives {type(answer).__name__} for arrays of {name}")
    raise Unusable("; ".join(reasons) or f"none of {', '.join(names)} is installed")


def faults(
    operation: Callable[..., Any], backend: Backend, bounds: Sequence[Sequence[float]], whole: bool
) -> Iterator[tuple[str, str]]:
    """(dtype, what is wrong), of shapes, types and inputs."""
    for dtype in DTYPES:
        for shape in SHAPES[1 if whole else 0 :]:
            before = points(bounds, shape, PRECISIONS[dtype])
            given = [backend.array(x, dtype) for x in before]
            try:
                answer = operation(*given)
                got = backend.numbers(answer)
            except Exception as error:
                told = (str(error).strip() or type(error).__name__).splitlines()[0]
                yield dtype, f"raises {type(error).__name__} for {dtype} of shape {shape}: {told}"
                continue
            if not whole and got.shape != shape:
                yield (
                    "",
                    f"gives shape {got.shape} for shape {shape}: not elementwise (--whole is for what mixes entries)",
                )
            if not str(answer.dtype).endswith(dtype):
                yield dtype, f"gives {answer.dtype} for {dtype}"
            after = [backend.numbers(x) for x in given]
            if any(a.tobytes() != b.tobytes() for a, b in zip(before, after, strict=True)):
                yield "", f"changes its input ({dtype} of shape {shape})"


def mixes(operation: Callable[..., Any], backend: Backend, bounds: Sequence[Sequence[float]]) -> bool:
    """Whether one entry of the result depends on another of the first argument."""
    x, *rest = points(bounds, (3,), PRECISIONS["float64"])
    other = x.copy()
    other[0] = x[1]
    first, second = (
        backend.numbers(operation(*(backend.array(a, "float64") for a in (each, *rest)))) for each in (x, other)
    )
    return first.shape == second.shape == x.shape and not np.array_equal(first[1:], second[1:])


def probed(name: str, bounds: Sequence[Sequence[float]], names: Sequence[str], whole: bool) -> dict[str, Any]:
    """What the operation is. Raises Unusable or NameFault."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        operation = imported(name)
        backend = backend_of(operation, bounds, names)
        found = list(dict.fromkeys(faults(operation, backend, bounds, whole)))
        mixed = not whole and not any(not dtype for dtype, _ in found) and mixes(operation, backend, bounds)
    spoilt, faulty = {dtype for dtype, _ in found}, list(dict.fromkeys(words for _, words in found))
    notes = [f"it prints: {printed.getvalue().strip().splitlines()[0][:60]!r}"] if printed.getvalue().strip() else []
    return {
        "backend": backend.name, "version": backend.version, "mixes": mixed, "notes": notes,
        "dtypes": [dtype for dtype in DTYPES if dtype not in spoilt], "faults": faulty,
    }  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    configure()
    path, name, bounds, names, *whole = arguments
    try:
        answer = probed(name, json.loads(bounds), names.split(","), bool(whole))
    except (Unusable, NameFault) as error:
        answer = {"error": str(error)}
    Path(path).write_text(json.dumps(answer), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
