"""What torch's nested forward mode does to a custom Function: a row of the ledger, with the function's own witness.

torch calls the ``jvp`` of a torch.autograd.Function with forward mode switched off (inside it
torch._C._is_fwd_grad_enabled() is False), also for the levels outside: what the outer tangent moves in it is lost, and
second derivatives come out 0 (pytorch#197867). Reverse over forward and forward over reverse are right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mpmath import mp, mpf

from gradlaws.suite.check import drawn

ROW = """# What torch is known to do to {name}, as a row of suite/known/ledger.toml.

[[deviation]]
id = "torch-custom-function-nested-forward"
backend = "torch"
versions = ["{version}"]
primitive = "{name}"
order = 2
modes = ["jacfwd(jacfwd)", "jvp(jvp)"]
dtypes = ["float64", "float32"]
region = "abs(x) >= 0"
witness = [{witness}]
quantity = "hessian"
mode = "jacfwd(jacfwd)"
component = [0, 0]
got = "{got}"
true = "{true}"
cause = "torch calls the jvp of a custom Function with forward mode switched off, for the levels outside too"
any_size = "all that the outer tangent moves in the jvp is lost, however large it is"
upstream = "pytorch#197867"
recheck = 2027-05-22
"""
SAME = 1e-6  # of the truth: a witness that is as near shows nothing


def ledger(
    function: Callable[..., Any], name: str, definition: Callable[..., Any], domain: Sequence[drawn.Interval]
) -> str:
    """The row as TOML; "" where there is no custom Function with a jvp in it, or torch's answer is right."""
    import torch

    for values in drawn_points(domain):
        point = drawn.arrays("torch", values, "float64")
        if not any(map(has_jvp, functions(function(*(x.clone().requires_grad_() for x in point))))):
            return ""
        with mp.workdps(40):
            true = mp.diff(definition, tuple(map(mpf, values)), (2, *[0] * (len(values) - 1)))
        try:
            got = float(torch.func.jacfwd(torch.func.jacfwd(function))(*point))
        except (RuntimeError, NotImplementedError):  # it is not offered
            return ""
        if abs(got - true) > SAME * abs(true):
            return ROW.format(
                name=name, version=torch.__version__.partition("+")[0], got=got.hex(), true=mp.nstr(true, 25),
                witness=", ".join(f'{{ shape = [], values = ["{float(x).hex()}"] }}' for x in values),
            )  # fmt: skip
    return ""


def drawn_points(domain: Sequence[drawn.Interval], count: int = 4) -> Iterator[list[Any]]:
    for seed in range(count):
        yield [x[-1] for x in drawn.points(domain, (2,), "float32", seed)]


def functions(output: Any) -> Iterator[type[Any]]:
    """The torch.autograd.Functions in the graph of a result."""
    waiting, seen = [output.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "_forward_cls"):
            yield node._forward_cls
        waiting += [following for following, _ in node.next_functions]


def has_jvp(function: type[Any]) -> bool:
    import torch

    return function.jvp is not torch.autograd.Function.jvp
