"""Importing any module of ours changes nothing of the process: what a run needs is set by `configure`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = ("gradlaws", "strategies", "suite", "records", "reports")
LIBRARIES = ("jax", "jax.experimental.jet", "jax._src.interpreters.mlir", "torch", "torch.utils.checkpoint", "optax",
             "scipy.optimize", "scipy.special", "mlx.core", "mlx.nn", "autograd", "jinja2",
             "pytorch_optimizer")  # fmt: skip

IMPORT_ALL = """
import importlib, os, signal, sys, warnings
import hypothesis, mpmath, numpy, pytest
from hypothesis.internal.conjecture import engine, providers

for name in {libraries!r}:
    try:
        importlib.import_module(name)
    except ImportError:
        pass

def state():
    found = {{
        "environment": dict(os.environ), "path": list(sys.path), "warnings": list(warnings.filters),
        "numpy": (numpy.geterr(), numpy.get_printoptions()), "mpmath": (mpmath.mp.prec, mpmath.iv.prec),
        "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "hypothesis": (repr(hypothesis.settings.default), engine.MAX_SHRINKING_SECONDS,
                       providers.HypothesisProvider._local_constants, providers.is_local_module_file),
        "excepthook": sys.excepthook, "recursion": sys.getrecursionlimit(),
    }}
    if jax := sys.modules.get("jax"):
        from jax._src.interpreters import mlir
        found["jax"] = dict(jax.config.values), mlir.make_ir_context
    if torch := sys.modules.get("torch"):
        found["torch"] = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    return found

before = state()
for name in {modules!r}:
    importlib.import_module(name)
    after = state()
    changed = [key for key in before if before[key] != after[key]]
    if changed:
        print(name, "changes", *changed)
    before = after
"""


def modules() -> list[str]:
    """Every module of ours, tests of the identities and plugins too, less those that run a command when imported."""
    paths = [path.relative_to(ROOT) for folder in OURS for path in sorted((ROOT / folder).rglob("*.py"))]
    named = [
        ".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths if "out" not in path.parts
    ]
    return [name for name in named if not name.endswith("__main__")]


def told(code: str) -> str:
    outside = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}  # so that torch has more than one thread
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=outside, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_no_import_changes_the_process() -> None:
    assert len(modules()) > 100
    assert told(IMPORT_ALL.format(libraries=LIBRARIES, modules=modules())) == ""


def test_what_configure_changes_is_seen_so() -> None:
    """The control: the same look at a process sees what `configure` and the loading of the frameworks change."""
    code = IMPORT_ALL.format(libraries=LIBRARIES, modules=[])
    code += (
        "from gradlaws.suite.configuration import configure; from gradlaws.suite.backends import load; configure()\n"
    )
    code += "[load(name) for name in ('numpy', 'torch', 'jax')]\nafter = state()\n"
    code += "print(*[key for key in before if before[key] != after[key]])"
    assert {"jax", "warnings", "hypothesis"} <= set(told(code).split())  # torch's threads are one on one core
