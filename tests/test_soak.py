"""The soak: what it counts, what it calls an alarm, and that nothing is lost where it is interrupted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import soak


def run(seed: int, *alarms: dict[str, Any]) -> dict[str, Any]:
    return {
        "seed": seed, "backends": ["numpy"], "profile": "soak", "seconds": 2.0, "cpu": 1.0, "comparisons": 100,
        "counts": {"holds": 90, "inconclusive": 10}, "histogram": {"zero": 40, "-3": 48, "-1": 2},
        "alarms": list(alarms), "versions": {},
    }  # fmt: skip


ALARM = {"what": "G1 numpy eager float64: f(x) = x", "test": "suite/test_x.py::test_y", "ratio": 2.0, "seed": 2}


def test_a_run_under_a_seed_counts_its_comparisons_and_raises_no_alarm() -> None:
    found = soak.soaked(1, ["numpy"], "smoke", "G1")
    assert found["comparisons"] >= 4 and found["alarms"] == [] and found["cpu"] > 0
    assert sum(found["histogram"].values()) <= found["comparisons"] <= sum(found["counts"].values())


def test_violations_and_other_failures_are_alarms() -> None:
    report = {
        "failures": [{"identity": "G1", "backend": "torch", "mode": "m", "dtype": "float64", "function": "f(x) = x",
                      "test": "a", "ratio": 3.0}],
        "tests": {"all": [{"nodeid": "a", "outcome": "failed", "message": ""},
                          {"nodeid": "b", "outcome": "error", "message": "no memory"},
                          {"nodeid": "c", "outcome": "passed", "message": ""}]},
    }  # fmt: skip
    found = soak.alarms(report, 7)
    assert [(a["test"], a["seed"]) for a in found] == [("a", 7), ("b", 7)]
    assert found[0]["what"] == "G1 torch m float64: f(x) = x" and found[1]["what"] == "no memory"


def test_the_sum_tells_the_tail_and_every_alarm() -> None:
    total = soak.summary([run(1), run(2, ALARM)])
    assert (total["comparisons"], total["seeds"], total["histogram"]["-1"]) == (200, 2, 4)
    told = soak.told(total)
    assert "200 comparisons under 2 seeds, 1 alarms" in told
    assert "at least 2^-1          4  2.2e-02" in told
    assert "alarm: seed 2: G1 numpy eager float64" in told


def test_an_alarm_whose_test_passes_under_its_seed_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, kept = tmp_path / "soak.jsonl", tmp_path / "soak.json"
    stays = {**ALARM, "test": "suite/test_x.py::test_z"}
    out.write_text("".join(json.dumps(one) + "\n" for one in (run(1), run(2, ALARM, stays))))
    asked: list[tuple[int, str]] = []

    def measured(seed: int, *given: Any) -> tuple[dict[str, Any], None]:
        asked.append((seed, given[-1]))
        outcome = "failed" if given[-1] == stays["test"] else "passed"
        return {"failures": [], "tests": {"all": [{"nodeid": given[-1], "outcome": outcome, "message": "m"}]}}, None

    monkeypatch.setattr(soak, "measured", measured)
    assert soak.main(["--again", f"--out={out}", f"--save={kept}"]) == 1
    assert asked == [(2, ALARM["test"]), (2, stays["test"])]
    assert "200 comparisons under 2 seeds, 1 alarms and 1 that are mended" in capsys.readouterr().out
    table = json.loads(kept.read_text())
    assert ([a["test"] for a in table["mended"]], len(table["alarms"])) == ([ALARM["test"]], 1)
    asked.clear()
    assert soak.main(["--again", f"--out={out}"]) == 1 and asked == [(2, stays["test"])]


def test_a_soak_is_resumed_from_whatever_an_interruption_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, kept = tmp_path / "soak.jsonl", tmp_path / "soak.json"
    asked: list[int] = []

    def soaked(
        seed: int, backends: Sequence[str], profile: str, identities: str, own: Sequence[str] = ()
    ) -> dict[str, Any]:
        asked.append(seed)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return run(seed)

    monkeypatch.setattr(soak, "soaked", soaked)
    command = ["--jobs", "1", "--minutes", "1", "--out", str(out)]
    assert soak.main(command) == 130
    assert "--resume goes on from" in capsys.readouterr().err
    assert [json.loads(line)["seed"] for line in out.read_text().splitlines()] == [1, 2]
    lines = out.read_text().splitlines()
    out.write_text(lines[0] + "\n" + lines[1][:40])
    asked.clear()
    assert soak.main([*command, "--resume", "--save", str(kept)]) == 130
    assert asked == [2, 3, 4]
    assert "1 damaged lines left out" in capsys.readouterr().err
    table = json.loads(kept.read_text())
    assert (table["kind"], table["comparisons"], table["seeds"]) == ("soak", 300, 3)
    assert [row["seed"] for row in table["rows"]] == [1, 2, 3]


def test_alarms_are_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for found, code in ((run(1), 0), (run(1, ALARM), 1)):
        monkeypatch.setattr(soak, "runs_of", lambda seeds, options, found=found: iter([found]))
        assert soak.main(["--out", str(tmp_path / "soak.jsonl")]) == code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backends", "tensorflow"], "unknown tensorflow; known are numpy, torch, jax"),
        (["--identities", "G99"], "unknown G99"),
        (["--minutes", "0"], "are positive"),
        (["--out", "/dev/null/soak.jsonl"], "give another file"),
    ],
)
def test_bad_usage_is_one_clear_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        soak.main(arguments)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err
