"""torch.cond, while_loop and scan as they go at the point: plain Python, whose operations the dispatcher then shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch._higher_order_ops.cond import cond_op
from torch._higher_order_ops.scan import scan_op
from torch._higher_order_ops.while_loop import while_loop_op


def branch(_: Any, condition: Any, true: Callable[..., Any], false: Callable[..., Any], operands: Sequence[Any]) -> Any:
    return (true if bool(condition) else false)(*operands)


def loop(
    _: Any, goes_on: Callable[..., Any], body: Callable[..., Any], carried: Sequence[Any], others: Sequence[Any] = (),
    /, **options: Any,
) -> Any:  # fmt: skip
    carried = tuple(carried)
    while bool(goes_on(*carried, *others)):
        carried = tuple(body(*carried, *others))
    return carried


def scan(
    _: Any,
    combine_fn: Callable[..., Any],
    init: Sequence[Any],
    xs: Sequence[Any],
    additional_inputs: Sequence[Any] = (),
) -> Any:
    """``combine_fn`` gives the new carry and what is stacked; both are flat."""
    carried, found = list(init), []
    for rows in zip(*(x.unbind(0) for x in xs), strict=True):
        results = combine_fn(*carried, *rows, *additional_inputs)
        carried = list(results[: len(carried)])
        found.append(results[len(carried) :])
    return [*carried, *(torch.stack(column) for column in zip(*found, strict=True))]


TAKEN: tuple[tuple[Any, Callable[..., Any]], ...] = ((cond_op, branch), (while_loop_op, loop), (scan_op, scan))


@contextlib.contextmanager
def taken() -> Iterator[None]:
    """Inside, control flow is Python's, and torch.compile compiles nothing."""
    before = [(type(operation), type(operation).__call__) for operation, _ in TAKEN]
    try:
        for operation, way in TAKEN:
            type(operation).__call__ = way
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for kind, call in before:
            kind.__call__ = call
