"""Reports for the tests of the page: with everything in it, with hostile text everywhere, and very large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from report_fixtures import HEADER, comparison, control, failure, run_record

from gradlaws.records.report import Report
from gradlaws.records.shard import Record
from gradlaws.reports.judging.summary import summarise
from gradlaws.reports.page.measurements import COMMANDS

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>'\"&{{ 7*7 }}"
BACKENDS = ("numpy", "torch", "jax")
SYSTEMS = [[backend, dtype] for backend in BACKENDS for dtype in ("float64", "float32")]


def identity(name: str, **changes: Any) -> Record:
    return {
        "id": name, "claim": f"the claim of {name}", "statement": "∇f(x)ᵢ = ∂f/∂xᵢ", "controls": [], "blind": "nothing",
        "latex": r"\nabla f(x)_i = \frac{\partial f}{\partial x_i}",
    } | changes  # fmt: skip


def graph() -> list[Record]:
    """f(x) = tanh(x · c) + x."""
    return [
        {"name": "x", "from": [], "shape": [2], "value": "[1.5 -0.25]"},
        {"name": "constant", "from": [], "shape": [], "value": "2.5"},
        {"name": "mul", "from": [0, 1], "shape": [2], "value": "[3.75 -0.625]"},
        {"name": "tanh", "from": [2], "shape": [2], "value": "[0.9989 -0.5546]"},
        {"name": "add", "from": [3, 0], "shape": [2], "value": ""},
    ]


def witness(**changes: Any) -> Record:
    answers = {
        "torch": {"mode": "func.grad", "got": "0x1.8p-2", "bound": "6.1e-16", "ratio": 0.5},
        "jax": {"mode": "grad", "says": "NotImplementedError: no rule"},
        "numpy": {"mode": "product", "got": "0x1.8000000000001p-2", "bound": "6.1e-16", "ratio": 0.1},
    }
    return failure(kind="witness", graph=graph(), answers=answers, digits=14.2, ratio=0.5, verdict="holds", **changes)


def finding(**changes: Any) -> Record:
    return {
        "kind": "ledger", "id": "torch-trigamma", "backend": "torch", "primitive": "lgamma", "order": 2,
        "dtypes": ["float64"], "modes": ["*"], "region": "abs(x) >= 0", "cause": "keeps 9 digits",
        "size": "1.1e-10 relative",
        "upstream": "pytorch#61641 (closed)", "status": "confirmed", "excused": 3, "versions": ["2.13.0"],
        "recheck": "2027-05-22", "quantity": "hessian", "mode": "func.hessian", "got": "0x1.328429dba316ap+0",
        "true": "1.197329154507110739271319", "witness": [{"name": "x", "shape": [], "hex": ["0x1.4p+0"]}],
        "painted": [[-1e300, -2.0], [2.0, 1e300]], "script": "print('trigamma')\n",
    } | changes  # fmt: skip


def everything(systems: list[list[str]] = SYSTEMS) -> list[Record]:
    """One of every kind of record, and one failure of each kind."""
    header = {
        **run_record(), "systems": systems, "commit": "0123456789ab", "left_out": {"mlx": "not installed"},
        "identities": [*HEADER["identities"], identity("D4"), identity("H2"), identity("P2")],
        "not_applicable": {"P2 numpy": "no autodiff"}, "not_in_catalogue": {"sorting": "not smooth"},
        "catalogue": {"composed": ["tanh", "mul", "exp"], "all": ["tanh", "mul", "exp", "erf"], "torch": ["tanh",
        "erf"]},
        "claims": [identity("P4", kind="order", controls=["linear"]), identity("G1", kind="identity")],
        "unverifiable": [{"claim": "it is usual", "reason": "a statement about usage"}],
    }  # fmt: skip
    records: list[Record] = [header]
    for at, (backend, dtype) in enumerate(systems):
        of = {"backend": backend, "dtype": dtype}
        for name, many in (("G1", 6), ("D4", 12 * 10 ** (at % 3)), ("H2", 40)):
            ratios = [0.0, 0.25, 0.03, 0.9]
            records += [comparison("holds", ratios[i % 4], identity=name, **of) for i in range(many)]
            records.append(witness(identity=name, test=f"suite/t.py::{name}[{backend}-{dtype}]", **of))
        records.append(control(**of))
        records.append({"kind": "generated", "backend": backend, "examples": 90, "primitives": {"tanh": 60, "mul": 40},
                        "pairs": {"mul → tanh": 12, "tanh → mul": 1}, "depths": {"1": 50, "3": 40}, "sizes": {"2": 90},
                        "steps": {"1": 50, "4": 40}, "decades": {"-3": 5, "0": 80, "zero": 2}})  # fmt: skip
        records.append({"kind": "time", "part": "oracle", "backend": backend, "seconds": 1.5 + at})
    records += [
        comparison("violated", 7e5, identity="D4", backend="jax"),
        comparison("error", None, identity="H2", backend="torch"),
        comparison("deviation", 1e6, identity="H2", backend="jax"),
        comparison("inconclusive", None, identity="P2", backend="torch"),
        comparison("unsupported", None, identity="P2", backend="jax", mode="jet"),
        failure(identity="D4", backend="jax", id="D4-7f3a", test="suite/t.py::d4", graph=graph(),
        row="[[deviation]]\n"),
        failure(identity="H2", id="H2-0001", verdict="error", got=None, true=None, bound=None, ratio=None,
                test="suite/t.py::h2", message="RuntimeError: no", scripts={}),
        {"kind": "example", "test": "suite/t.py::crash", "function": "f(x) = svd(x)",
         "inputs": [{"name": "x", "shape": [1], "hex": ["0x1p+0"]}]},
        finding(), finding(id="jax-worse", backend="jax", status="worse", upstream="not found", painted=[], witness=[]),
        {"kind": "convention", "case": "|x| at 0", "backend": "torch", "subdifferential": "[-1, 1]", "value": ["0"],
         "reverse": ["0"], "forward": ["1"], "inside": True, "known": ""},
        {"kind": "unsupported", "backend": "jax", "mode": "jet", "primitive": "lgamma", "reason": "no rule"},
        {"kind": "claim", "id": "P4", "subject": "torch float64", "verdict": "holds", "words": "", "checks": 40,
         "worst": 0.5, "figures": {"slope": 1.02}, "seconds": 0.5, "controls": [{"control": "linear", "tried": 3,
         "failed": 3}],
         "series": [{"name": "forward", "axes": ["log2 h", "log2 error"], "points": [[-20, -10], [-10, -20], [0, -3]]},
                    {"name": "central", "axes": ["", ""], "points": [[-20, -8], [0, -6]]}]},
        *({"kind": "test", "nodeid": f"suite/t.py::{outcome}", "outcome": outcome, "seconds": 1.0, "message": "why",
           "drawn": {"passing": 30, "failing": 0, "invalid": 1}} for outcome in ("passed", "failed", "skipped",
           "error")),
    ]  # fmt: skip
    return records


def measured() -> dict[str, Record]:
    """A small measurement of each kind."""
    head = {
        "schema": 1,
        "machine": "a machine",
        "versions": {"torch": "2.13.0"},
        "date": "2026-11-24T23:00:00",
        "seconds": 12,
    }
    profile = [[-1.0, -1.0], [-0.5, 2.0], [0.1, 0.0], [0.5, 3.0], [0.9, 64.0], ["?"]]
    rows: dict[str, list[Record]] = {
        "survey": [
            {"primitive": name, "backend": backend, "dtype": "float64", "order": order, "median": 0.5,
             "worst": 7.0 * order,
             "x": "0x1.8p+1", "got": 1.0, "true": "1.1", "contract": 4, "profile": profile}
            for name in ("lgamma", "erf") for backend in BACKENDS for order in range(3)
        ],
        "faults": [
            {"name": "jax-sin-sign", "backend": "jax", "kind": "sign", "status": "killed", "identity": "D4",
             "mode": "jvp",
             "function": "f(x) = sin(x)", "steps": 1, "examples": 2, "seconds": 3.0, "delta": None},
            {"name": "torch-mul", "backend": "torch", "kind": "scaled", "status": "survived", "delta": 1e-16,
             "reason": "small"},
        ],
        "sensitivity": [
            {"primitive": name, "family": "special", "backend": "torch", "dtype": "float64", "order": 1, "tool": tool,
             "delta": delta, "functions": 4, "alarms": 0, "seconds": 0.02}
            for name in ("erf", "exp") for tool, delta in (("gradlaws", 2e-13), ("gradcheck", 1e-2), ("none", None))
        ],
        "soak": [],
        "hidden": [],
        "sizes": [
            {"program": "chain", "framework": "jax", "dtype": dtype, "n": n, "verdict": "right", "apart": 1e-23,
             "seen_from": 1e-21, "rule_seconds": 2e-5 * n, "operations": 10 * n, "arrays": None}
            for dtype in ("float64", "float32") for n in (1_000, 100_000)
        ],
        "certify": [
            {"unit": "float32", "order": "forward, worst signs", "conclusive": 90, "median": 0.5, "p99": 0.8,
             "max": 0.99}
        ],
        "history": [
            {"backend": "jax", "version": version, "identity": "D4", "counts": {"holds": 90, "violated": bad},
             "worst": worst,
             "findings": ["jax-hypot-tie"]}
            for version, bad, worst in (("0.4.33", 3, 7e5), ("0.10.2", 0, 0.5))
        ],
    }  # fmt: skip
    found = {
        kind: head | {"kind": kind, "command": COMMANDS[kind], "rows": rows[kind], "missing": ""} for kind in COMMANDS
    }
    found["certify"] |= {"programs": 200}
    found["soak"] |= {"comparisons": 1_000_000, "seeds": 40, "alarms": [], "histogram": {"-9": 10, "-1": 2, "zero": 5}}
    return found


def hostile() -> list[Record]:
    """Hostile text in every field of every record that is text by nature."""
    kept = {
        "kind",
        "verdict",
        "status",
        "outcome",
        "got",
        "true",
        "bound",
        "hex",
        "started",
        "decades",
        "part",
        "schema",
    }

    def spoilt(value: Any, key: str = "") -> Any:
        if key in kept:
            return value
        if isinstance(value, dict):
            names: Callable[[str], str] = str
            if key in (
                "settings",
                "flush",
                "left_out",
                "versions",
                "figures",
                "scripts",
                "answers",
                "pairs",
                "not_in_catalogue",
            ):
                names = lambda name: f"{name} {HOSTILE}"
            return {names(name): spoilt(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [spoilt(one, key) for one in value]
        return f"{value} {HOSTILE}" if isinstance(value, str) else value

    return [spoilt(record) if record["kind"] != "generated" else record for record in everything()]


def large(comparisons: int = 1_000_000) -> Report:
    """The summary of so many comparisons, folded as workers fold them, in cells of a gate run's number."""
    identities = [f"I{number}" for number in range(25)]
    header = {**run_record(), "systems": SYSTEMS, "identities": [identity(name, controls=[]) for name in identities]}
    records: list[Record] = [header]
    modes = 30
    each = comparisons // (len(identities) * len(SYSTEMS) * modes) + 1
    for name in identities:
        for backend, dtype in SYSTEMS:
            of = {"identity": name, "backend": backend, "dtype": dtype}
            records += [
                {"kind": "cell", **of, "mode": f"torch.func.mode_{mode}", "order": 1, "counts": {"holds": each},
                 "histogram": {str(-k): each // 20 for k in range(1, 21)}, "digits": {"14": each}, "seconds": 1.0,
                 "primitives": {}, "sizes": {}, "steps": {}, "worst": None, "worst_holding": {"ratio": 0.5,
                 "function": "f"}}
                for mode in range(modes)
            ]  # fmt: skip
            records += [
                witness(**of, test=f"t{at} {name} {backend} {dtype}", function=f"f(x) = tanh(x + {at})")
                for at in range(3)
            ]
    return summarise(records)
