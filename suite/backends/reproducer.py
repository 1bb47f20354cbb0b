"""Stand-alone scripts that show a failure with nothing but the framework and mpmath."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from mpmath import mp

from gradlaws.strategies.precision import LONGDOUBLE
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import source
from gradlaws.suite import run
from gradlaws.suite.backends import load
from gradlaws.suite.backends.backend import Backend, Mode, Unsupported
from gradlaws.suite.backends.question import Question
from gradlaws.suite.truth.oracle import Truth


def scripts(
    question: Question,
    component: tuple[int, ...],
    exact: Truth | None,
    tolerance: Floats | None,
    frameworks: Iterable[str],
) -> dict[str, str]:
    """One script per framework: the failing mode in its own, the plainest mode of that quantity elsewhere."""
    mode = question.mode
    if mode is None or exact is None or tolerance is None:
        return {}
    found = {}
    for name in frameworks:
        try:
            other = load(name)
            chosen = mode if name == question.backend.name else plainest(other, mode)
            if question.precision.name in other.dtypes and chosen is not None and stands_alone(chosen):
                asked = replace(question, backend=other, mode=chosen)
                found[name] = script(asked, component, exact, tolerance)
        except (ImportError, Unsupported):
            continue
    return found


def plainest(backend: Backend, like: Mode) -> Mode | None:
    modes = backend.modes_of(like.quantity)
    same = [mode for mode in modes if mode.name == like.name]
    return next(iter(same or modes), None)


def stands_alone(mode: Mode) -> bool:
    """The written-out formulas of NumPy need this project's partials and steps; other modes only their framework."""
    return not re.search(
        r"(?<!def )(?<![.\w])(pulled|pushed|hessian|quotients|imaginary_step)\(|f\.program", mode.source
    )


def literal(values: Floats) -> str:
    """Exact: nested lists of float.fromhex."""
    if values.ndim == 0:
        return f'float.fromhex("{float(values).hex()}")'
    return "[" + ", ".join(literal(np.asarray(row)) for row in values) + "]"


def script(question: Question, component: tuple[int, ...], exact: Truth, tolerance: Floats) -> str:
    """Prints got, true and error of the worst component; exits 1 while the error exceeds the bound. Of a question that
    has a mode."""
    backend, precision, program, mode = question.backend, question.precision, question.program, question.mode
    assert mode is not None
    function, constants = source(program, "f", backend.expression)

    def native(values: Floats) -> str:
        return backend.array_source.format(values=literal(values), dtype=precision.name)

    body = function + mode.source
    modules = [name for name in run.current().libraries if name + "." in body + backend.array_source]
    lines = [*beside(modules), *(f"import {name}" for name in modules)]
    lines += ["import sys", "import typing", "import mpmath", "import numpy", "", "Any = typing.Any"]
    if backend.name == "jax":
        lines.append('jax.config.update("jax_enable_x64", True)')
    lines.append("mpmath.mp.dps = 40")
    lines += [f"{name} = {native(values)}" for name, values in constants.items()]
    lines += [f"x = [{', '.join(native(a) for a in question.point)}]"]
    arguments = [f"{mode.wrapper.replace(' ', '_')}(f)" if mode.wrapper else "f", "x"]
    for name, direction in zip("vw", question.directions, strict=False):
        listed = ", ".join(native(a) for a in direction)
        lines.append(f"{name} = {listed}" if mode.quantity == "vjp" else f"{name} = [{listed}]")
        arguments.append(name)
    m, n = int(np.prod(program.output)), program.size
    sizes = [int(np.prod(shape)) for shape in program.inputs]
    lines += ["", "", function, "", "", mode.source, "", ""]
    lines.append(f"answer = {mode.function.__name__}({', '.join(arguments)})")
    said = f"{assembled(mode, m, n, sizes, backend.name == 'torch')}[{', '.join(map(str, component))}]"
    lines += [
        f"got = mpmath.mp.convert({said})" if precision is LONGDOUBLE else f"got = mpmath.mpf(float({said}))",
        f'true, bound = mpmath.mpf("{mp.nstr(exact.exact[component], 30)}"), {float(tolerance[component])!r}',
        'print(f"got {got}  true {true}  error {mpmath.nstr(abs(got - true), 3)}  bound {bound:.3g}")',
        "sys.exit(1 if not abs(got - true) <= bound else 0)",
    ]
    return "\n".join(lines) + "\n"


def beside(modules: Iterable[str]) -> list[str]:
    """Lines that let a script find modules of a user's own, which are not where Python looks by itself."""
    files = [getattr(sys.modules.get(name), "__file__", None) for name in modules if "." not in name]
    folders = {str(Path(file).absolute().parent): None for file in files if file}
    missing = [folder for folder in folders if folder not in sys.path and Path(folder).name not in modules]
    return ["import sys", *(f"sys.path.insert(0, {folder!r})" for folder in missing)] if missing else []


def assembled(mode: Mode, m: int, n: int, sizes: list[int], torch: bool) -> str:
    """What makes a flat NumPy array of the mode's answer."""
    plain = "{}.detach().clone().numpy()" if torch else "numpy.asarray({})"
    if mode.quantity in ("value", "jvp", "curvature"):
        return f"{plain.format('answer')}.ravel()"
    if mode.quantity in ("gradient", "vjp", "hvp"):
        return f"numpy.concatenate([{plain.format('a')}.ravel() for a in answer])"
    if mode.quantity == "jacobian":
        return f"numpy.concatenate([{plain.format('a')}.reshape({m}, -1) for a in answer], axis=1)"
    return (
        f"numpy.block([[{plain.format('a')}.reshape(r, k) for a, k in zip(row, {sizes})]"
        f" for row, r in zip(answer, {sizes})])"
    )
