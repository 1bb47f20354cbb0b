"""Operations of plugins that cannot be tested make the run red, each in one line, and the rest runs without them."""

from __future__ import annotations

import pytest

from gradlaws.strategies.catalogue import OWN
from gradlaws.suite import run
from gradlaws.suite.checking.system import System

if OWN:

    @pytest.mark.parametrize("operation", OWN)
    def test_an_operation_can_be_tested(system: System, operation: str) -> None:
        """Called once at a point of its domain, it answers in time, in the declared shape and the argument's dtype."""
        why = run.current().unfit.get((system.backend.name, operation))
        if why is None and system.backend.name not in OWN[operation].spellings:
            pytest.skip(f"{system.backend!r} has no {operation}")
        assert why is None, why
