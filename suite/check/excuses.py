"""What the framework itself is known to get wrong inside a call: taken from the call's failures, by its ledger row.

Where the traced rule itself is wrong, since that of a primitive in it is, nothing of that order is called right: there
is no truth then. A row speaks of that only if the framework's rule is wrong at its own witness, exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version

import numpy as np

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.backends import load
from gradlaws.suite.check.state import Check
from gradlaws.suite.check.subject import Called
from gradlaws.suite.known import ledger
from gradlaws.suite.rule.rule import agreements
from gradlaws.suite.tape.tape import Unsupported
from gradlaws.suite.tracing.traced import Traced

# The suite's names of the modes of a check.
MODES = {
    "grad": "autograd.grad", "the same graph again": "autograd.grad", "after another call": "autograd.grad",
    "backward": "Tensor.backward", "value by func.vmap": "vmap(func.grad)", "func.jvp by each leaf": "func.jvp",
    "func.vjp": "func.vjp", "func.vmap": "vmap(func.grad)", "checkpoint": "utils.checkpoint", "func.jvp": "func.jvp",
    "grad of grad": "autograd.grad twice",
    "grad of grad by its cotangent": "autograd.grad twice", "jvp of vjp": "jvp(grad)", "vjp of jvp": "grad(jvp)",
    "vjp": "grad", "jit(vjp)": "jit(grad)", "vmap(vjp)": "vmap(grad)", "jvp": "jvp", "vjp of vjp": "vjp(grad)",
    "jit(vjp of vjp)": "vjp(grad)", "vjp of vjp by its cotangent": "vjp(grad)",
}  # fmt: skip
FORWARD = ("func.jvp", "func.jvp by each leaf", "vjp of jvp")  # of torch
NAMESPACES = re.compile("^(linalg|special|fft)_")  # as torch's own functions are called inside

# torch.special's names of what the catalogue has by another.
ALIASES = {"gammaln": "lgamma", "psi": "digamma", "expit": "sigmoid", "multigammaln": "mvlgamma", "gammainc": "igamma",
           "gammaincc": "igammac"}  # fmt: skip


def excused(state: Check) -> None:
    """Moves what a row of the ledger explains from the failures of leaves and modes to the report's ``excused``."""
    wrong = [row for row in state.report.rows if row.failures] or state.mode_problems
    if not wrong or state.subject.framework == "numpy":
        return
    called = state.subject.called()
    said: dict[str, tuple[ledger.Row, list[str]]] = {}
    for row in state.report.rows:
        for failure in list(row.failures):
            known = _known(state, called, failure.mode, row.order, (row.dtype,))
            without = [] if known or failure.answer else _without_forward_mode(state, failure.mode)
            if known or without:
                row.failures.remove(failure)
                row.excused.append(failure.mode)
                row.modes = [mode for mode in row.modes if mode != failure.mode]
                _noted(said, failure.mode, known)
                _say_lost(state, failure.mode, without)
    _rules(state, called, said)
    state.report.excused += [
        f"{row.backend}'s {row.primitive} in it is known to be wrong in {', '.join(modes)}: {row.cause} "
        f"(ledger {row.id})"
        for row, modes in said.values()
    ]


def _rules(state: Check, called: Sequence[Called], said: dict[str, tuple[ledger.Row, list[str]]]) -> None:
    in_float64 = tuple({*(leaf.dtype for leaf in state.subject.inputs), "float64"})  # as a rule is traced
    for mode, order, text in list(state.mode_problems):
        known = [row for row in _known(state, called, mode, order, in_float64) if row.order > 0]
        if state.truth is not None and mode == state.modes(order)[0].name:
            known = [row for row in known if is_of_rule(row.id, order)]
        if known:
            state.mode_problems.remove((mode, order, text))
            _noted(said, mode, known)
            for row in state.report.rows:
                if row.rule == "wrong" and row.order == order:
                    row.rule = "excused"


@cache
def is_of_rule(name: str, order: int) -> bool:
    """Whether the framework's derivative of a row's primitive at its witness is another than the limit, exactly."""
    row = next(row for row in ledger.rows() if row.id == name)
    function = load(row.backend).function(row.program, PRECISIONS["float64"])
    try:
        traced = _derivatives(row.backend)(function, *row.witness, second=order > 1)
        found = agreements(traced, np.random.default_rng(0))
    except Unsupported:
        return False
    return any(a.verdict == "wrong" and a.order == order for a in found)


def _derivatives(framework: str) -> Callable[..., Traced]:
    if framework == "torch":
        from gradlaws.suite.tracing import of_torch

        return of_torch.derivatives
    from gradlaws.suite.tracing import of_jax

    return of_jax.derivatives


def _noted(said: dict[str, tuple[ledger.Row, list[str]]], mode: str, rows: Sequence[ledger.Row]) -> None:
    for row in rows:
        modes = said.setdefault(row.cause, (row, []))[1]  # rows of one cause, of another order or precision
        if mode not in modes:
            modes.append(mode)


def _without_forward_mode(state: Check, mode: str) -> list[str]:
    """Custom operations of torch's in the call, in a forward mode: these have a tangent of 0 there."""
    if mode not in FORWARD or not isinstance(tensors := getattr(state.subject, "_tensors", None), list):
        return []
    from gradlaws.suite.check.torch_custom import operations

    return operations(state.subject.function, tensors)  # type: ignore[attr-defined]


def _say_lost(state: Check, mode: str, operations: Sequence[str]) -> None:
    state.report.excused += [
        f"torch has no forward mode for {name} (torch.library.custom_op), and gives 0 for it in {mode}, not an error"
        for name in operations
    ]


def _known(state: Check, called: Sequence[Called], mode: str, order: int, dtypes: Sequence[str]) -> list[ledger.Row]:
    """Rows of primitives that the call has, in this mode and precision, in whose region it calls them."""
    framework = state.subject.framework
    here = version(framework)
    return [
        known
        for known in ledger.rows()
        if any(known.applies(framework, dtype, MODES.get(mode, mode), order) for dtype in dtypes)
        and not known.anywhere
        and isinstance(known.got, float)  # what raises explains no number
        and known.speaks_of(here)
        and any(_meets(known, framework, name, arguments) for name, arguments in called)
    ]  # fmt: skip


def _meets(known: ledger.Row, framework: str, name: str, arguments: Sequence[Floats]) -> bool:
    plain = NAMESPACES.sub("", name)
    if not names(known.primitive, framework) & {name, plain, ALIASES.get(plain, plain)}:
        return False
    try:
        return not arguments or known.contains(tuple(arguments[: len(known.witness)]))
    except (NameError, IndexError, ValueError, TypeError):  # a region in arguments that the call has not
        return True


@cache
def names(primitive: str, framework: str) -> frozenset[str]:
    """What a primitive's call is named by: layer_norm of torch.nn.functional.layer_norm({x}, …), whatever else is
    called for its arguments."""
    spelling = PRIMITIVES[primitive].spellings.get(framework, "")
    if placed := re.search(r"\.at\[.*\]\.(\w+)\(", spelling):
        return frozenset({primitive, f"scatter-{placed[1]}"})  # jax's name of it
    called = re.search(r"([A-Za-z_]\w*(?:\.\w+)+)(?:\(|$)", spelling)
    return frozenset({primitive, called[1].rpartition(".")[2]} if called else {primitive})
