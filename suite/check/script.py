"""A script that shows a failure without gradlaws: the framework's own answer beside differences of the function."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np

from gradlaws.suite.check.answer import Report, Row
from gradlaws.suite.check.leaves import is_apply
from gradlaws.suite.check.subject import Subject

INLINE = 64  # entries of all leaves that are written out; larger ones are drawn like the call's


def script(function: Any, report: Report, subject: Subject) -> str:
    """Empty where nothing failed, or where NumPy's own gradient is what is wrong (that is one line already)."""
    row = next((r for r in report.rows if r.order == 1 and not r.quantity and r.verdict == "violated"), None)
    if report.verdict != "violated" or row is None or subject.framework == "numpy":
        return ""
    return TEMPLATES[subject.framework].format(
        function=_imported(function), leaves=_leaves(subject), k=_number(subject, row), name=row.name,
        between=_between(row).format(k=_number(subject, row)),
    )  # fmt: skip


def _between(row: Row) -> str:
    """What has to stand between the call and its gradient, if that alone is right."""
    modes = [failure.mode for failure in row.failures]
    return BETWEEN[modes[0]] if modes and set(modes) <= set(BETWEEN) else ""


def _number(subject: Subject, row: Row) -> int:
    return [x.name for x in subject.inputs].index(row.name)


def _imported(function: Any) -> str:
    """How the function is had: by import, or by its file."""
    method = ".apply" if is_apply(function) else ""
    function = function.__self__ if method else function
    name, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", "")
    if not name or "<" in name or module in ("", None):
        return f"function = ...  # {type(function).__name__}, as in your call, of the leaves below"
    if module != "__main__":
        imported = f"from {module} import {name.partition('.')[0]}"
        return f"{imported}\n\nfunction = {name}{method}  # of the leaves below, in your order"
    try:
        place = Path(inspect.getfile(function)).name
    except (TypeError, OSError):
        place = "your script"
    return f"function = {name}{method}  # from {place}, of the leaves below, in your order"


def _leaves(subject: Subject) -> str:
    lines = []
    written = sum(x.size for x in subject.inputs) <= INLINE
    for leaf, x in zip(subject.inputs, subject.point, strict=True):
        if written:
            values = np.array2string(x, separator=", ", precision=17, threshold=INLINE + 1, max_line_width=100)
            lines.append(f'    np.array({values}, dtype="{leaf.dtype}"),  # {leaf.name}')
        else:
            scale = float(np.sqrt(np.mean(np.square(x)))) if x.size else 1.0
            lines.append(f"    {scale:.3g} * random.standard_normal({leaf.shape}),  # {leaf.name}: or your own")
    return "\n".join(lines)


TORCH = """import numpy as np
import torch

{function}
random = np.random.default_rng(0)
leaves = [
{leaves}
]
xs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in leaves]
weights = torch.as_tensor(random.uniform(1, 2, function(*xs).shape))
direction = torch.as_tensor(random.uniform(1, 2, xs[{k}].shape))


def along(step):
    moved = [x + step * direction if k == {k} else x for k, x in enumerate(xs)]
    return (weights * function(*moved)).sum().item()


objective = (weights * function(*xs)).sum()
{between}(gradient,) = torch.autograd.grad(objective, [xs[{k}]])
print("by {name}, torch:      ", (gradient * direction).sum().item())
print("by {name}, differences:", (along(1e-5) - along(-1e-5)) / 2e-5)
"""
JAX = """import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
{function}
random = np.random.default_rng(0)
leaves = [
{leaves}
]
xs = [jax.numpy.asarray(x, dtype="float64") for x in leaves]
weights = random.uniform(1, 2, function(*xs).shape)
direction = random.uniform(1, 2, xs[{k}].shape)


def value(*xs):
    return (weights * function(*xs)).sum()


def along(step):
    return value(*(x + step * direction if k == {k} else x for k, x in enumerate(xs)))


gradient = jax.grad(value, {k})(*xs)
print("by {name}, jax:        ", (gradient * direction).sum())
print("by {name}, differences:", (along(1e-5) - along(-1e-5)) / 2e-5)
"""
TEMPLATES = {"torch": TORCH, "jax": JAX}
BETWEEN = {
    "the same graph again": "torch.autograd.grad(objective, [xs[{k}]], retain_graph=True)\n",
    "after another call": "function(*(0.5 * x.detach() for x in xs))\n",
}
