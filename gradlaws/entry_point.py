"""What pytest loads wherever gradlaws is installed: one option, and nothing of the suite unless it is given."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("gradlaws").addoption(
        "--gradlaws-configure",
        action="store_true",
        help="measure as gradlaws' own runs do: float64 in JAX, one thread for each framework, and Hypothesis draws "
        "what follows from its seed alone",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--gradlaws-configure"):
        from gradlaws.suite.configuration import configure

        configure()
