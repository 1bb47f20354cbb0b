"""A row of the catalogue whose domain promises what its definition does not keep is told in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from mpmath import mp

from gradlaws.strategies import lint
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.primitive import Primitive, everywhere, interval, unary
from gradlaws.suite import plugins
from gradlaws.suite.run import Run, in_force


@pytest.mark.parametrize("name", PRIMITIVES)
def test_our_rows_keep_their_word(name: str) -> None:
    assert lint.complaint(PRIMITIVES[name]) == ""


BROKEN = {
    "a pole": (unary("broken", lambda x: 1 / x, everywhere), "ZeroDivisionError"),
    "complex": (unary("broken", mp.sqrt, interval(-1, 1)), "not real"),
    "NaN": (unary("broken", lambda x: mp.nan if x > 20 else x), "not a finite"),
    "no number": (unary("broken", lambda x: None), "not real"),
    "a mistake": (unary("broken", lambda x: x.missing), "AttributeError"),
    "a domain that raises": (unary("broken", mp.exp, lambda x: x.missing > 0), "its domain raises AttributeError"),
    "terms that raise": (unary("broken", mp.tanh, terms=lambda x, y: (1 / 0, 1)), "its terms raise ZeroDivisionError"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_row_is_a_line_that_names_it_and_a_point(what: str) -> None:
    row, expected = BROKEN[what]
    told = lint.complaint(row)
    assert told.startswith("broken: ")
    assert expected in told
    assert " at x = " in told
    assert "\n" not in told


def test_what_overflows_is_no_fault_of_a_row() -> None:
    rows: list[Primitive] = [unary("grows", lambda x: mp.exp(mp.exp(x))), unary("square", lambda x: x * x)]
    assert [lint.complaint(row) for row in rows] == ["", ""]


def test_a_plugin_with_such_a_row_is_refused_in_a_line(tmp_path: Path) -> None:
    plugin = tmp_path / "broken_plugin.py"
    plugin.write_text(
        "from mpmath import mp\nfrom gradlaws.strategies.primitive import interval, unary\n"
        "PRIMITIVES = [unary('my_log', mp.log, interval(-1, 5), torch='torch.log')]\n"
    )
    with in_force(Run()) as run, pytest.raises(plugins.PluginError) as caught:
        plugins.load(run, str(plugin))
    told = str(caught.value)
    assert told.startswith(f"--plugin {plugin}: PRIMITIVES: my_log: no value inside its domain")
    assert "\n" not in told
