"""Asks a stored case again: the test that drew it is run on what it drew, without Hypothesis."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from gradlaws.records.values import CaseStatus
from gradlaws.suite import profiles
from gradlaws.suite.checking.failure import Violation
from gradlaws.suite.checking.trial import Trial
from gradlaws.suite.corpus.cases import Case, CaseError

Law = Callable[..., None]
ROUNDS = 4  # of the rotation, so that every mode has had its turn
HOLDS: Final = "HOLDS"
FIXED: Final = "FIXED"
FAILED: Final = "FAILED"
UNDECIDED: Final = "UNDECIDED"
ERROR: Final = "ERROR"


@dataclass(frozen=True)
class Answered:
    """What became of a case: ``found`` as in suite/corpus/cases.py, and the violation if there was one."""

    found: str
    violation: str = ""


class Drawn:
    """In place of Hypothesis's data: gives what was drawn, in the order in which it was."""

    def __init__(self, case: Case) -> None:
        self.case, self.left = case, [*case.decoded()]

    def draw(self, strategy: object, label: object = None) -> Any:
        if not self.left:
            raise CaseError(f"{self.case.id}: its test draws more than the case holds")
        return self.left.pop(0)


@cache
def laws() -> dict[tuple[str, str], Law]:
    """The body of each test that draws, by identity and name."""
    found: dict[tuple[str, str], Law] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)], "gradlaws.suite.identities."):
        if not module.name.startswith("gradlaws.suite.identities.test_"):
            continue
        for name, test in vars(importlib.import_module(module.name)).items():
            marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "identity"]
            if marks and getattr(test, "is_hypothesis_test", False):
                found[marks[0].args[0], name] = test.hypothesis.inner_test
    return found


def law(case: Case) -> Law:
    """The test of a case: of that name, or else the only one of its identity. Raises CaseError."""
    known = laws()
    if (case.identity, case.test) in known:
        return known[case.identity, case.test]
    of_identity = [body for (identity, _), body in known.items() if identity == case.identity]
    if len(of_identity) == 1:
        return of_identity[0]
    if not of_identity:
        raise CaseError(f"{case.id}: no test verifies {case.identity!r} any more")
    raise CaseError(f"{case.id}: {case.identity} has {len(of_identity)} tests, and none is called {case.test!r}")


def ask(trial: Trial, case: Case) -> Answered:
    """Runs the test on the case, on the comparison that failed if it still exists. Raises CaseError."""
    answered = run(trial, case)
    if case.mode and not trial.seen:
        return run(trial, replace(case, mode=""))
    rounds = 1
    while answered.found == "inconclusive" and rounds < ROUNDS:
        trial.seed += profiles.active.modes or 0  # the modes whose turn it was are too coarse there: the next ones
        answered, rounds = run(trial, case), rounds + 1
    return answered


def run(trial: Trial, case: Case) -> Answered:
    body, drawn = law(case), Drawn(case)
    parameters = dict(case.parameters)
    wanted = set(inspect.signature(body).parameters) - {"trial", "data"}
    if wanted != set(parameters):
        raise CaseError(f"{case.id}: its test takes {sorted(wanted)}, the case has {sorted(parameters)}")
    trial.stored = case
    try:
        body(trial=trial, data=drawn, **parameters)
    except Violation as violation:
        return Answered("violated", str(violation))
    except CaseError:
        raise
    except Exception as error:
        raise CaseError(f"{case.id}: {type(error).__name__}: {error}".splitlines()[0]) from error
    finally:
        trial.stored = None
    doubtful = trial.seen["partly"] and "violated" in case.recorded.values()  # what was wrong may be what is undecided
    told = trial.seen["deviation"] or (trial.seen["holds"] and not doubtful)
    return Answered("holds" if told else "inconclusive")


def status(recorded: str, found: str) -> CaseStatus:
    """What is said of a case that was recorded as one thing ("" if it was not) and found to be another."""
    if found == "violated":
        return FAILED
    if found == "inconclusive":
        return HOLDS if recorded == "inconclusive" else UNDECIDED
    return FIXED if recorded == "violated" else HOLDS
