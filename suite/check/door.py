"""``gradlaws.check(function, *args, **kwargs)``: the call as it is made, with this before it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from gradlaws.suite.check.answer import Report
from gradlaws.suite.check.check import judge
from gradlaws.suite.check.leaves import CannotCheck, is_apply, walk
from gradlaws.suite.check.options import Options, options
from gradlaws.suite.check.script import script
from gradlaws.suite.check.subject import Subject
from gradlaws.suite.checking.failure import Violation


def check(
    function: Callable[..., Any],
    *args: Any,
    reference: Callable[..., Any] | None = None,
    surrogate: Callable[..., Any] | None = None,
    gradient: Callable[..., Any] | None = None,
    order: int = 2,
    seed: int = 0,
    compile: bool = False,
    accumulate: str | None = None,
    kinks: float | None = None,
    allow: tuple[float, str] | None = None,
    up_to: Callable[..., Any] | None = None,
    budget: float | None = None,
    raises: bool = True,
    **kwargs: Any,
) -> Report:
    """Whether the derivatives of ``function`` at this call are right, at its size and in its precision.

    ``function(*args, **kwargs)`` is the call: a function of torch tensors or jax arrays (any number of them, in lists,
    dictionaries and dataclasses, beside whatever else it takes), or a torch module. It is differentiated by its float
    arrays, real or complex; of torch's, by those that require gradients if any do; of a module, by its parameters too.

    ``reference``: a plain formula of the same function, or a module with the same parameters; its derivative is the
    truth, and what it holds fixed (``detach``, ``stop_gradient``) is constant. Without it the function's own forward
    is traced, and the truth is the limit of that.
    ``surrogate``: a function whose derivative this one is meant to have, though its values are others
    (straight-through estimators, reversed gradients).
    ``gradient``: of a function of NumPy, its gradient: ``gradient(*args, **kwargs)`` gives an array for each float
    array of the arguments. The function's result is a number then.
    ``order``: 1 for gradients alone, 2 for Hessian products as well.
    ``seed``: of cotangents, directions and the function's own random numbers.
    ``compile``: torch.compile as well (jax's jit is always asked).
    ``accumulate``: the type in which a kernel adds up, where it is wider than that of its arrays ("float32").
    ``kinks``: a band, as a part of a leaf's largest entry: entries of a gradient that depend on the side of a kink
    within it are left to the function's own convention, and counted.
    ``allow``: ``(relative error, reason)`` that derivatives may be off, of the largest entry of each leaf.
    ``up_to``: a function of the result, through which it is seen: ``torch.abs`` for what is determined but for a sign.
    ``budget``: seconds after which nothing more is asked; what was not, is said.
    ``raises``: AssertionError if the verdict is ``violated``. The report says the rest: ``report.verdict`` is "holds",
    "violated" or "inconclusive".

    Raises Violation (an AssertionError), or CannotCheck (a ValueError) for a call that cannot be judged. What the
    function itself raises comes out as it is.
    """
    if reference is not None and surrogate is not None:
        raise CannotCheck("reference= has the same values and surrogate= has not: give one of them")
    said = options(
        order, seed, compile, accumulate, surrogate is not None, kinks, allow, up_to, budget
    )  # fmt: skip
    with differentiating():
        subject = subject_of(function, args, kwargs, said, gradient)
        report = _judged(subject, function, args, kwargs, said, surrogate if reference is None else reference)
    if raises and report.verdict == "violated":
        raise Violation(f"\n{report}")
    return report


def _judged(
    subject: Subject, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], said: Options, truth: Any
) -> Report:  # fmt: skip
    other = None if truth is None else _reference(subject, truth, function, args, kwargs, said)
    report = judge(subject, other, said)
    report.function = name_of(function)
    report.script = script(function, report, subject)
    return report


@contextmanager
def differentiating() -> Iterator[None]:
    """As outside of torch.no_grad and inference_mode, in which the call may stand."""
    if "torch" not in sys.modules:
        yield
        return
    import torch

    with torch.inference_mode(False), torch.enable_grad():
        yield


def subject_of(
    function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], said: Options, gradient: Any = None
) -> Subject:
    """By the framework whose arrays the call has; none is imported that the user has not."""
    if not callable(function):
        kind = type(function).__name__
        raise CannotCheck(f"a {kind} is no function: write gradlaws.check(function, x), not check(function(x))")
    if gradient is not None:
        return _of_numpy(function, gradient, args, kwargs, said)
    values = [function, *(x for _, x in walk([list(args), dict(kwargs)])), *_of_pytrees(args, kwargs)]
    if "torch" in sys.modules:
        from gradlaws.suite.check import torch_subject

        if any(map(torch_subject.is_ours, values)):
            return torch_subject.TorchSubject(function, args, kwargs, said.seed, said.up_to)
    if "jax" in sys.modules:
        from gradlaws.suite.check import jax_subject

        if any(map(jax_subject.is_ours, values)):
            return jax_subject.JaxSubject(function, args, kwargs, said.seed, said.up_to)
    kinds = ", ".join(sorted({type(x).__name__ for x in values[1:]})) or "nothing"
    hint = "; a function of NumPy needs gradient=" if "ndarray" in kinds else ""
    raise CannotCheck(
        f"no argument is a tensor of torch or an array of jax (there is {kinds}): give it as it runs{hint}"
    )


def _of_numpy(
    function: Any, gradient: Any, args: Sequence[Any], kwargs: Mapping[str, Any], said: Options
) -> Subject:  # fmt: skip
    if not callable(gradient):
        raise CannotCheck(
            f"gradient={gradient!r} is no function: gradient(*args) gives the gradient by each float array"
        )
    try:
        from gradlaws.suite.check import numpy_subject
    except ImportError as error:
        raise CannotCheck(f"functions of NumPy are traced through jax: pip install jax ({error})") from error
    return numpy_subject.NumpySubject(function, gradient, args, kwargs, said.seed, said.up_to)


def _of_pytrees(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """What jax finds in containers of its own (equinox and flax modules)."""
    if "jax" not in sys.modules:
        return []
    import jax

    found: list[Any] = jax.tree_util.tree_leaves((list(args), dict(kwargs)))
    return found


def _reference(
    subject: Subject, reference: Any, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], said: Options
) -> Subject:
    """With the parameters of the module that is checked, where both are modules."""
    if subject.framework == "numpy":
        from gradlaws.suite.check import numpy_subject

        other: Subject = numpy_subject.NumpySubject(reference, None, args, kwargs, said.seed, said.up_to)
    else:
        other = subject_of(_with_state(reference, function), args, kwargs, said)
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
    if is_apply(function):
        return f"{function.__self__.__name__}.apply"
    named = getattr(function, "_init_fn", function)  # what torch.library makes of a function
    return str(getattr(named, "__qualname__", None) or type(function).__name__)
