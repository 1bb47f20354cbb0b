"""The lane of the suite's own primitives, on a sample: no alarm, and every planted fault seen."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.check import primitives
from benchmarks.check.points import SIZES, place
from benchmarks.check.primitives import Call, asked, calls
from gradlaws.strategies.catalogue import OURS
from gradlaws.strategies.precision import FLOAT32, FLOAT64

SAMPLE = ("mul", "sqrt", "gammainc", "layer_norm")
# Rules of torch's that are wrong, and those in which it is so in one mode alone.
KNOWN = ("strided_scatter", "weight_norm", "chebyshev_t3", "layer_norm")


@pytest.mark.parametrize("size", SIZES)
def test_points_lie_in_the_domain(size: int) -> None:
    for name in (*SAMPLE, "acosh", "atan2", "logit", "solve"):
        at = place(OURS[name], size, FLOAT32)
        assert at is not None
        assert at.primitive.domain(*at.point)
        assert all(np.array_equal(x, x.astype("float32")) for x in at.point)
        assert max(x.size for x in at.point) >= min(size, 9)


@pytest.mark.parametrize(("framework", "dtype"), [("torch", "float64"), ("jax", "float32")])
@pytest.mark.parametrize("faults", [False, True])
def test_a_sample_has_no_alarm_and_hides_no_fault(framework: str, dtype: str, faults: bool) -> None:
    pytest.importorskip(framework)
    for call in calls(SAMPLE, [framework], [dtype], [64]):
        found = asked(call, faults)
        assert found.word in (("seen",) if faults else ("holds", "excused", "inconclusive")), str(found)


@pytest.mark.parametrize("name", KNOWN)
def test_what_the_ledger_knows_is_said_by_name(name: str) -> None:
    pytest.importorskip("torch")
    (call,) = calls([name], ["torch"], ["float64"], [3])
    found = asked(call, faults=False)
    assert found.word == "excused"
    assert f"torch's {name} in it is known to be wrong" in found.reason


def test_an_alarm_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With a wrong function in place of the right one."""
    pytest.importorskip("torch")
    right = Call.made

    def wrong(self: Call) -> object:
        function, arguments = right(self)
        return primitives.spoilt("torch", function, arguments, 1e-9), arguments

    monkeypatch.setattr(Call, "made", wrong)
    at = place(OURS["exp"], 3, FLOAT64)
    assert at is not None
    assert asked(Call("torch", "float64", at), faults=False).word == "alarm"
    assert primitives.main(["exp", "--frameworks", "torch", "--dtypes", "float64", "--sizes", "3"]) == 1
    printed = capsys.readouterr().out
    assert "alarm        torch float64 exp [3]" in printed
    assert "summary: 1 primitives, 1 calls" in printed
