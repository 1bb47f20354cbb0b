"""Where the suite stands, in a checkout or installed, and the command that runs it there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SUITE = Path(__file__).resolve().parent
HOME = SUITE.parent  # of a checkout its top, elsewhere the package
CHECKOUT = (HOME / "pyproject.toml").exists() and (HOME / "conftest.py").exists()
TESTS = SUITE / "identities"


def pytest_command(*arguments: str) -> list[str]:
    """pytest on the suite's own tests, with its own options and settings, from whatever folder: no conftest.py and no
    configuration of the project there is looked at."""
    plugin = ["-p", "gradlaws.pytest_plugin", "-c", str(SUITE / "runs.ini"), "--rootdir", str(HOME)]
    return [sys.executable, "-m", "pytest", *plugin, *arguments]


def pytest_environment() -> dict[str, str]:
    """The process's own, in which the same gradlaws is imported from whatever folder, installed or not."""
    ours = str(HOME if CHECKOUT else HOME.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), ours)))}
