"""What a plugin adds belongs to its run: the next one in the process starts without it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradlaws.strategies.catalogue import CORE, OWN, PRIMITIVES
from gradlaws.strategies.program import Program, Step
from gradlaws.suite import backends, plugins
from gradlaws.suite.bound import contracts
from gradlaws.suite.known import ledger
from gradlaws.suite.plugins import PluginError
from gradlaws.suite.run import Run, current, in_force
from gradlaws.suite.truth import oracle

PLUGIN = """
import numpy
from mpmath import mp
from gradlaws.strategies.primitive import unary
from gradlaws.suite.backends.backend import Backend

PRIMITIVES = [unary("twice_or_more", lambda x: {factor} * x, numpy="numpy.add({{x}}, {{x}})")]
BACKEND = Backend("mine", "1", lambda values, dtype: numpy.asarray(values, dtype), numpy.asarray, "", ())
SPELLINGS = {{"exp": "numpy.exp({{x}})"}}
CONTRACTS = [{{"backends": ["mine"], "primitives": ["exp"], "ulps": [9, 9, 9], "reason": "asked"}}]
LEDGER = "mine.toml"
"""

ROW = """
[[deviation]]
id = "mine-exp"
backend = "mine"
versions = ["1"]
primitive = "exp"
order = 0
modes = ["*"]
dtypes = ["float64"]
region = "x > 2"
within = "size"
quantity = "value"
mode = "eager"
got = "0x1.0p-1"
true = "0.4"
cause = "mine"
recheck = 2030-01-01
witness = [{ shape = [], values = ["0x1.8p+1"] }]
"""


def written(folder: Path, factor: int) -> str:
    (folder / "mine.toml").write_text(ROW)
    path = folder / "plugin_of_mine.py"
    path.write_text(PLUGIN.format(factor=factor))
    return str(path)


def tables() -> dict[str, Any]:
    return {
        "primitives": dict(PRIMITIVES), "core": dict(CORE), "own": dict(OWN), "contracts": contracts.rows(),
        "ledger": [row.id for row in ledger.rows()], "modules": dict(current().modules),
        "libraries": [*current().libraries],
        "plugins": dict(current().plugins), "files": "plugin_of_mine" in sys.modules,
    }  # fmt: skip


def test_a_plugin_ends_with_its_run(tmp_path: Path) -> None:
    before = tables()
    with in_force(Run()) as run:
        plugins.load(run, written(tmp_path, 2))
        after = tables()
        assert [name for name in before if before[name] == after[name]] == []
        assert (
            backends.load("mine").name == "mine" and contracts.contract("mine", "float64", "eager", "exp").ulps[0] == 9
        )
    assert tables() == before
    with pytest.raises(backends.UnknownBackend):
        backends.load("mine")


def test_a_plugin_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    before = tables()
    (tmp_path / "half.py").write_text(PLUGIN.format(factor=2).replace('"ulps": [9, 9, 9]', '"ulps": 9'))
    with in_force(Run()) as run, pytest.raises(PluginError):
        plugins.load(run, str(tmp_path / "half.py"))
    assert tables() == before


def test_a_name_means_in_the_next_run_what_that_one_says(tmp_path: Path) -> None:
    """No cache remembers the function that another run meant by the name."""
    program, point = Program(((),), (Step("twice_or_more", (0,)),)), (np.array(1.0),)
    found = []
    for factor in (2, 3):
        with in_force(Run()) as run:
            plugins.load(run, written(tmp_path, factor))
            found.append(float(oracle.gradient(program, point).floats[0]))
    assert found == [2.0, 3.0]
