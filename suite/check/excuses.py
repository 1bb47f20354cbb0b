"""What the framework itself is known to get wrong inside a call: taken from the call's failures, by its ledger row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.answer import Row
from gradlaws.suite.check.state import Check
from gradlaws.suite.check.subject import Called
from gradlaws.suite.known import ledger

# The suite's names of the modes of a check.
MODES = {
    "grad": "autograd.grad", "backward": "Tensor.backward", "func.vjp": "func.vjp", "func.vmap": "vmap(func.grad)",
    "checkpoint": "utils.checkpoint", "func.jvp": "func.jvp", "grad of grad": "autograd.grad twice",
    "grad of grad by its cotangent": "autograd.grad twice", "jvp of vjp": "jvp(grad)", "vjp of jvp": "grad(jvp)",
    "vjp": "grad", "jit(vjp)": "jit(grad)", "vmap(vjp)": "vmap(grad)", "jvp": "jvp", "vjp of vjp": "vjp(grad)",
    "jit(vjp of vjp)": "vjp(grad)", "vjp of vjp by its cotangent": "vjp(grad)",
}  # fmt: skip
FORWARD = ("func.jvp", "vjp of jvp")  # of torch
NAMESPACES = re.compile("^(linalg|special|fft)_")  # as torch's own functions are called inside


def excused(state: Check) -> None:
    """Moves what a row of the ledger explains from the failures of leaves and modes to the report's ``excused``."""
    wrong = [row for row in state.report.rows if row.failures] or state.mode_problems
    if not wrong or state.subject.framework == "numpy":
        return
    called = state.subject.called()
    for row in state.report.rows:
        for failure in list(row.failures):
            known = _known(state, called, failure.mode, row)
            without = [] if known or failure.answer else _without_forward_mode(state, failure.mode)
            if known or without:
                row.failures.remove(failure)
                row.excused.append(failure.mode)
                row.modes = [mode for mode in row.modes if mode != failure.mode]
                _say(state, failure.mode, known)
                _say_lost(state, failure.mode, without)
    for mode, order, text in list(state.mode_problems):
        if known := _known(state, called, mode, Row("", (), state.subject.inputs[0].dtype, order)):
            state.mode_problems.remove((mode, order, text))
            _say(state, mode, known)


def _say(state: Check, mode: str, rows: Sequence[ledger.Row]) -> None:
    framework = state.subject.framework
    for row in rows:
        text = f"{framework}'s {row.primitive} in it is known to be wrong in {mode}: {row.cause} (ledger {row.id})"
        if text not in state.report.excused:
            state.report.excused.append(text)


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


def _known(state: Check, called: Sequence[Called], mode: str, row: Row) -> list[ledger.Row]:
    """Rows of primitives that the call has, in this mode and precision, in whose region it calls them."""
    framework = state.subject.framework
    here = version(framework)
    return [
        known
        for known in ledger.rows()
        if known.applies(framework, row.dtype, MODES.get(mode, mode), row.order)
        and not known.anywhere
        and known.speaks_of(here)
        and any(_meets(known, framework, name, arguments) for name, arguments in called)
    ]  # fmt: skip


def _meets(known: ledger.Row, framework: str, name: str, arguments: Sequence[Floats]) -> bool:
    if not names(known.primitive, framework) & {name, NAMESPACES.sub("", name)}:
        return False
    try:
        return not arguments or known.contains(tuple(arguments[: len(known.witness)]))
    except (NameError, IndexError, ValueError, TypeError):  # a region in arguments that the call has not
        return True


@cache
def names(primitive: str, framework: str) -> frozenset[str]:
    """What a primitive's call is named by: layer_norm of torch.nn.functional.layer_norm({x}, …)."""
    return frozenset({primitive, *_identifiers(PRIMITIVES[primitive].spellings.get(framework, ""))})


def _identifiers(spelling: str) -> Iterator[str]:
    yield from (name.rpartition(".")[2] for name in re.findall(r"([A-Za-z_][\w.]*)(?:\(|$)", spelling))
