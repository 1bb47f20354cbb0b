"""An error of the user's as one line, with the last place in a file of theirs."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

from gradlaws.suite.places import CHECKOUT, HOME, SUITE

HOUSES = [SUITE, *(HOME / name for name in ("gradlaws", "records", "strategies"))] if CHECKOUT else [HOME]
OURS = tuple(f"{folder}{os.sep}" for folder in HOUSES)
EXAMPLES = f"{SUITE / 'examples'}{os.sep}"  # are written as a user writes
LONGEST = 300  # characters of what an error says


def told(error: BaseException) -> str:
    """``mymod.py:12 in fn: ValueError: …``; without a place where no frame is the user's."""
    said = (str(error).strip() or "it says nothing").splitlines()[0][:LONGEST]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shown(error.filename)}:{error.lineno}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    if frames and is_ours(frames[-1].filename):
        at = f"{shown(frames[-1].filename)}:{frames[-1].lineno}"
        return f"{type(error).__name__}: {said} (in gradlaws itself, {at}: please report it)"
    return f"{place(frames)}{type(error).__name__}: {said}"


def place(frames: Sequence[traceback.FrameSummary]) -> str:
    """The last frame in a file of the user's; else the last that is not ours, in a library; "" where there is none."""
    others = [frame for frame in frames if not is_ours(frame.filename)]
    own = [frame for frame in others if not is_library(frame.filename)] or others
    if not own:
        return ""
    frame = own[-1]
    inside = "" if frame.name == "<module>" else f" in {frame.name}"
    return f"{shown(frame.filename)}:{frame.lineno}{inside}: "


def is_ours(file: str) -> bool:
    path = str(Path(file).resolve())
    return path.startswith(OURS) and not path.startswith(EXAMPLES)


def is_library(file: str) -> bool:
    if file.startswith("<"):
        return True
    paths = sysconfig.get_paths()
    return str(Path(file).resolve()).startswith(tuple(paths[name] for name in ("stdlib", "purelib", "platlib")))


def shown(file: str) -> str:
    """As one would write it from the working folder."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file
