"""Programs printed as a person would write them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Program, input_names


def number(value: float) -> str:
    return f"{value:.6g}"


SHOWN = 16  # entries; of a larger array its ends and its shape


def array(values: Floats) -> str:
    """2.5, [1 2] or [1 2; 3 4], to six digits: what a person reads; the exact values are printed in hex."""
    if values.size > SHOWN or values.ndim > 2:
        ends = values.ravel()[[0, -1]].tolist()
        return f"[{number(ends[0])} … {number(ends[1])}: {' × '.join(map(str, values.shape))}]"
    if values.ndim == 0:
        return number(float(values))
    if values.ndim == 1:
        return "[" + " ".join(map(number, values.tolist())) + "]"
    return "[" + "; ".join(" ".join(map(number, row)) for row in values.tolist()) + "]"


def mathematics(program: Program, name: str = "f") -> str:
    """For example ``f(x, A) = tanh(A @ x)``; a value that is used twice is named: ``a·sin(a)  where a = exp(x)``."""
    names = input_names(program)
    uses = Counter(argument for step in program.steps for argument in step.arguments)
    signature = ", ".join(names)
    definitions: list[str] = []
    letters = iter("abcdeghijklmnouvw")
    for step in program.steps:
        if step.is_constant:
            text = array(step.constant)
        else:
            text = step.declaration.mathematics([names[i] for i in step.arguments], dict(step.parameters))
        if uses[len(names)] > 1 and not step.is_constant:
            letter = next(letters)
            definitions.append(f"{letter} = {bare(text)}")
            text = letter
        names.append(text)
    where = "  where " + ", ".join(definitions) if definitions else ""
    return f"{name}({signature}) = {bare(names[-1])}{where}"


def bare(text: str) -> str:
    """Without a pair of parentheses around the whole."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = np.cumsum([(c == "(") - (c == ")") for c in text])
    return text[1:-1] if np.all(depth[:-1] > 0) else text
