"""Which line of the user's code an ATen operation comes from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType

import torch
from torch._C import _autograd

TORCH = os.path.dirname(torch.__file__) + os.sep
# The package's, and a checkout's.
HOUSES = (
    str(Path(__file__).parents[2]) + os.sep,
    str(Path(__file__).resolve().parents[1]) + os.sep,
)  # and a checkout's
EXAMPLES = os.sep + os.path.join("suite", "examples") + os.sep  # are written as a user writes
ENGINE = (os.path.join(TORCH, "autograd", "graph.py"), "_engine_run_backward")


class Lines:
    """Remembers, for every node of the autograd graph, the line that made it: what its backward comes from."""

    def __init__(self) -> None:
        self._made: dict[int, str] = {}

    def here(self) -> str:
        """The innermost line that is neither torch's nor ours; of a node of torch's own in a backward pass, the line
        of the forward pass that made it."""
        line, in_engine = user_line(sys._getframe(1))
        if in_engine:
            node = torch._C._current_autograd_node()
            made = self._made.get(node._sequence_nr()) if node is not None else None
            line = f"{made or line}, {node.name()}" if node is not None else line
            self._made.setdefault(_autograd._get_sequence_nr() - 1, made or line)
        else:
            # Autograd numbers its node before the operation runs: the first to run after that belongs to it.
            self._made.setdefault(_autograd._get_sequence_nr() - 1, line)
        return line


def is_ours(file: str) -> bool:
    return file.startswith(HOUSES) and EXAMPLES not in file


def user_line(frame: FrameType | None) -> tuple[str, bool]:
    """The innermost user line, and whether autograd's engine runs between it and here."""
    in_engine = False
    while frame is not None:
        code = frame.f_code
        name = code.co_filename
        if (name, code.co_name) == ENGINE:
            in_engine = True
        elif not is_ours(name) and not name.startswith((TORCH, "<")) and not name.endswith("contextlib.py"):
            return f"{name}:{frame.f_lineno} in {code.co_name}", in_engine
        frame = frame.f_back
    return "", in_engine
