"""How each fault of planted.py is planted in its framework.

As a pytest plugin, it plants the fault that GRADLAWS_FAULT names, or describes in JSON, before anything is traced:

    GRADLAWS_FAULT=jax-tanh python -m pytest suite -p benchmarks.faults.plant --backends jax
"""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

import pytest

from benchmarks.faults.functions import replace_function
from benchmarks.faults.planted import FAULTS, Fault
from benchmarks.faults.rules import RULE_KINDS, replace_rule
from gradlaws.suite import backends

VARIABLE = "GRADLAWS_FAULT"


def plant(fault: Fault) -> None:
    """Plants the fault in this process, for good."""
    backends.load(fault.backend)  # sets the framework up before anything else imports it
    if fault.target.startswith("aten::"):
        replace_kernel(fault)
    elif fault.backend == "jax" and fault.kind in RULE_KINDS and not is_public(fault.target):
        replace_rule(fault)
    else:
        replace_function(fault)


def is_public(target: str) -> bool:
    return "." in target and "._" not in target


LIBRARIES: list[Any] = []  # a torch Library takes its kernels back when it is collected


def replace_kernel(fault: Fault) -> None:
    import torch

    kernel = torch.library.get_kernel(fault.target, "CPU")

    def faulty(keys: Any, *arguments: Any, **options: Any) -> Any:
        answer = kernel.call_boxed(keys, *arguments, **options)
        return tuple(map(spoilt, answer)) if isinstance(answer, tuple | list) else spoilt(answer)

    def spoilt(tensor: Any) -> Any:
        if tensor is None or not tensor.is_floating_point():
            return tensor
        return tensor.float().to(tensor.dtype) if fault.kind == "float32" else tensor * (1 + fault.delta)

    library: Any = torch.library.Library("aten", "IMPL")
    LIBRARIES.append(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that a kernel is overridden, which is the purpose
        library.impl(fault.target.removeprefix("aten::"), faulty, "CPU", with_keyset=True)


def asked() -> Fault:
    """The fault of this process. Raises LookupError where the variable names or describes none."""
    text = os.environ.get(VARIABLE, "")
    if text in FAULTS:
        return FAULTS[text]
    try:
        read: Any = {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(text).items()}
        return Fault(**read)
    except (ValueError, TypeError, AttributeError):
        raise LookupError(f"{VARIABLE}: unknown fault {text!r}; known are {', '.join(FAULTS)}") from None


def pytest_configure(config: pytest.Config) -> None:
    try:
        fault = asked()
        plant(fault)
    except (LookupError, AttributeError, ImportError, RuntimeError) as error:
        raise pytest.UsageError(f"cannot be planted: {error}") from None


def pytest_report_header(config: pytest.Config) -> str:
    fault = asked()
    return f"planted: {fault.name} ({fault.target}, {fault.kind}, delta {fault.delta:g})"
