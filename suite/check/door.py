"""``gradlaws.check(function, *args, **kwargs)``: the call as it is made, with this before it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradlaws.suite.check.answer import Report
from gradlaws.suite.check.check import Options, judge
from gradlaws.suite.check.leaves import CannotCheck, walk
from gradlaws.suite.check.subject import Subject
from gradlaws.suite.checking.failure import Violation

ORDERS = (1, 2)


def check(
    function: Callable[..., Any],
    *args: Any,
    reference: Callable[..., Any] | None = None,
    order: int = 2,
    seed: int = 0,
    compile: bool = False,
    accumulate: str | None = None,
    raises: bool = True,
    **kwargs: Any,
) -> Report:
    """Whether the derivatives of ``function`` at this call are right, at its size and in its precision.

    ``function(*args, **kwargs)`` is the call: a function of torch tensors or jax arrays (any number of them, in lists,
    dictionaries and dataclasses, beside whatever else it takes), or a torch module. It is differentiated by its float
    arrays; of torch's, by those that require gradients if any do; of a module, by its parameters as well.

    ``reference``: a plain formula of the same function, or a module with the same parameters; its derivative is the
    truth, and what it holds fixed (``detach``, ``stop_gradient``) is constant. Without it the function's own forward
    is traced, and the truth is the limit of that.
    ``order``: 1 for gradients alone, 2 for Hessian products as well.
    ``seed``: of cotangents, directions and the function's own random numbers.
    ``compile``: torch.compile as well (jax's jit is always asked).
    ``accumulate``: the type in which a kernel adds up, where it is wider than that of its arrays ("float32").
    ``raises``: AssertionError if the verdict is ``violated``. The report says the rest: ``report.verdict`` is "holds",
    "violated" or "inconclusive".

    Raises Violation (an AssertionError), or CannotCheck (a ValueError) for a call that cannot be judged. What the
    function itself raises comes out as it is.
    """
    subject = subject_of(function, args, kwargs, seed)
    other = _reference(subject, reference, function, args, kwargs, seed)
    if order not in ORDERS:
        raise CannotCheck(f"order={order!r} is none: 1 for gradients, 2 for Hessian products as well")
    report = judge(subject, other, Options(order, seed, compile, accumulate))
    report.function = name_of(function)
    if raises and report.verdict == "violated":
        raise Violation(f"\n{report}")
    return report


def subject_of(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], seed: int) -> Subject:
    """By the framework whose arrays the call has; none is imported that the user has not."""
    if not callable(function):
        raise CannotCheck(f"{function!r} is no function: write gradlaws.check(function, x), not check(function(x))")
    values = [function, *(x for _, x in walk([list(args), dict(kwargs)])), *_of_pytrees(args, kwargs)]
    if "torch" in sys.modules:
        from gradlaws.suite.check import torch_subject

        if any(map(torch_subject.is_ours, values)):
            return torch_subject.TorchSubject(function, args, kwargs, seed)
    if "jax" in sys.modules:
        from gradlaws.suite.check import jax_subject

        if any(map(jax_subject.is_ours, values)):
            return jax_subject.JaxSubject(function, args, kwargs, seed)
    kinds = ", ".join(sorted({type(x).__name__ for x in values[1:]})) or "nothing"
    raise CannotCheck(f"no argument is a tensor of torch or an array of jax (there is {kinds}): give it as it runs")


def _of_pytrees(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """What jax finds in containers of its own (equinox and flax modules)."""
    if "jax" not in sys.modules:
        return []
    import jax

    found: list[Any] = jax.tree_util.tree_leaves((list(args), dict(kwargs)))
    return found


def _reference(
    subject: Subject, reference: Any, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], seed: int
) -> Subject | None:
    """With the parameters of the module that is checked, where both are modules."""
    if reference is None:
        return None
    other = subject_of(_with_state(reference, function), args, kwargs, seed)
    if other.framework != subject.framework:
        raise CannotCheck(f"the reference is one of {other.framework}, the function one of {subject.framework}")
    for what in ("inputs", "outputs"):
        own, its = ([(x.shape, x.dtype) for x in getattr(s, what)] for s in (subject, other))
        if own != its:
            shown = [", ".join(map(str, getattr(s, what))) for s in (subject, other)]
            raise CannotCheck(f"the reference has other {what}: {shown[1]}, where the function has {shown[0]}")
    return other


def _with_state(reference: Any, function: Any) -> Any:
    if hasattr(reference, "load_state_dict") and hasattr(function, "state_dict"):
        import copy

        reference = copy.deepcopy(reference)
        own = dict(function.named_parameters())
        for name, parameter in reference.named_parameters():
            if name not in own:
                raise CannotCheck(f"the reference has a parameter {name}, and the module none of that name")
            parameter.data = parameter.data.to(own[name].dtype)
            parameter.requires_grad_(own[name].requires_grad)
        reference.load_state_dict(function.state_dict())
        reference.train(function.training)
    return reference


def name_of(function: Any) -> str:
    return str(getattr(function, "__qualname__", None) or type(function).__name__)
