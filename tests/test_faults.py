"""Faults: each is planted in a process of its own, killed or told apart from what is not a kill; nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import saved
from benchmarks.faults import __main__ as faults
from benchmarks.faults import hunt
from benchmarks.faults.functions import FUNCTION_KINDS, resolve
from benchmarks.faults.hunt import Outcome
from benchmarks.faults.planted import FAULTS, KINKS, LEDGER, Fault
from benchmarks.faults.rules import RULE_KINDS
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.suite.known.claims import CLAIMS

SINE = Fault("torch-sin-of-a-test", "torch", "torch.sin", "scaled", ("sin",), identities=())
LIMIT = 120.0


def formula(text: str) -> Fault:
    return replace(SINE, kind="formula", formula=text)


@pytest.fixture(scope="module")
def torch() -> None:
    pytest.importorskip("torch")


def test_a_fault_is_killed_by_its_primitive_alone_and_shrunk_to_it(torch: None) -> None:
    found = hunt.hunt(SINE, (), LIMIT)
    assert (found.status, found.identity, found.function, found.steps) == ("killed", "alone", "f(x) = sin(x)", 1)
    assert found.primitives == ("sin",)
    assert found.cpu > 0
    (row,) = found.asked
    assert row["killed"] and row["examples"] == found.examples >= 1 and row["steps"] == 1
    assert float.fromhex(found.got) / float(found.true) == pytest.approx(1 + SINE.delta, rel=1e-12)


@pytest.mark.parametrize(
    ("fault", "limit", "status", "reason"),
    [
        (formula("f(x)"), LIMIT, "ineffective", ""),
        (formula("__import__('os').abort()"), LIMIT, "crashed", "killed by SIGABRT"),
        (formula("__import__('time').sleep(99)"), 5.0, "timeout", "not decided within 5 s"),
        (replace(SINE, target="torch.no_such_function"), LIMIT, "failed", "torch has no 'no_such_function'"),
        (replace(SINE, target="aten::no_such_kernel"), LIMIT, "failed", "cannot be planted"),
        (replace(SINE, survives="nobody looks"), LIMIT, "unexpected", ""),
        (replace(SINE, delta=2.0**-52, survives="one ulp of four"), LIMIT, "explained", "one ulp of four"),
        (replace(SINE, primitives=()), LIMIT, "untested", "no test of"),
    ],
)
def test_what_is_no_kill_is_told_apart(torch: None, fault: Fault, limit: float, status: str, reason: str) -> None:
    found = hunt.hunt(fault, (), limit)
    assert found.status == status, found
    assert reason in found.reason and "\n" not in found.line


@pytest.mark.parametrize("fault", FAULTS.values(), ids=str)
def test_every_row_can_be_planted(fault: Fault) -> None:
    assert set(fault.primitives) <= set(PRIMITIVES)
    assert set(fault.identities) <= {*CLAIMS, KINKS, LEDGER}
    assert fault.kind in {**RULE_KINDS, **FUNCTION_KINDS}
    assert bool(fault.formula) == (fault.kind == "formula")
    compile(fault.formula or "0", fault.name, "eval")
    if "." in fault.target:
        pytest.importorskip(fault.target.partition(".")[0])
        assert resolve(fault.target) is not None


def test_the_sample_is_always_the_same_and_of_many_kinds() -> None:
    few, many = faults.sample(8), faults.sample(40)
    assert few == faults.sample(8) and len(set(few)) == 8
    assert {fault.backend for fault in few} == {"numpy", "torch", "jax"}
    assert len({fault.kind for fault in few}) >= 7
    assert len({(fault.kind, fault.backend) for fault in many}) >= 25
    assert faults.sample(len(FAULTS) + 1) == list(dict.fromkeys(faults.sample(len(FAULTS) + 1)))


def killed_at_once(fault: Fault, identities: Sequence[str], limit: float) -> Outcome:
    return Outcome(fault.name, "killed", 1.0, identity="alone", steps=1, examples=1)


def test_a_run_is_resumed_from_whatever_an_interruption_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, kept = tmp_path / "faults.jsonl", tmp_path / "faults.json"
    asked: list[str] = []

    def hunted(fault: Fault, identities: Sequence[str], limit: float) -> Outcome:
        asked.append(fault.name)
        if fault.name == "torch-exp" and len(asked) == 2:
            raise KeyboardInterrupt
        return killed_at_once(fault, identities, limit)

    monkeypatch.setattr(faults, "hunt", hunted)
    command = ["torch-sin", "torch-exp", "jax-exp", "--jobs", "1", "--out", str(out)]
    assert faults.main(command) == 130
    assert "--resume goes on from" in capsys.readouterr().err
    first = out.read_text().splitlines()[0]
    assert json.loads(first)["name"] == "torch-sin"
    out.write_text(first + "\n" + first.replace("torch-sin", "jax-exp")[:60])
    asked.clear()
    assert faults.main([*command, "--resume", "--save", str(kept)]) == 0
    assert sorted(asked) == ["jax-exp", "torch-exp"]
    assert "1 damaged line left out" in capsys.readouterr().err
    assert {json.loads(line)["name"] for line in out.read_text().splitlines()} == {"torch-sin", "torch-exp", "jax-exp"}
    table = json.loads(kept.read_text())
    assert [row["name"] for row in table["rows"]] == ["torch-sin", "torch-exp", "jax-exp"]
    assert (table["schema"], table["kind"], table["counts"]) == (saved.SCHEMA, "faults", {"killed": 3})


def test_a_fault_that_has_changed_since_is_hunted_again(tmp_path: Path) -> None:
    fault = FAULTS["torch-sin"]
    row = faults.told(fault, killed_at_once(fault, (), 1.0))
    out = tmp_path / "faults.jsonl"
    for now, known in ((row, {"torch-sin"}), ({**row, "delta": 0.5}, set()), ({**row, "status": "timeout"}, set())):
        saved.rewrite(out, [now])
        assert set(faults.earlier(out)[0]) == known


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["torch-sine"], "unknown fault torch-sine; known are torch-sin"),
        (["--identities", "D9"], "--identities: unknown D9"),
        (["--sample", "0"], "invalid positive value"),
        (["torch-sin", "--sample", "8"], "names or --sample"),
        (["torch-sin", "--out", "/dev/null/faults.jsonl"], "give another file"),
    ],
)
def test_bad_usage_is_one_clear_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        faults.main(arguments)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


def test_a_survivor_is_red_unless_it_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for status, code in {"killed": 0, "explained": 0, "survived": 1, "unexpected": 1, "ineffective": 1}.items():
        monkeypatch.setattr(faults, "hunt", lambda fault, *_, status=status: Outcome(fault.name, status, 1.0))
        assert faults.main(["torch-sin", "--out", str(tmp_path / "faults.jsonl")]) == code
