"""Derivatives by the frameworks, judged first: what a claim is then tested with is known to be right."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, settings
from mpmath import mp

from gradlaws.strategies.mp_arrays import DomainError, MPArray, mp_array
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program, Step, constant_step
from gradlaws.suite.checking.answer import Answer
from gradlaws.suite.checking.judged import Judged
from gradlaws.suite.checking.system import System
from gradlaws.suite.checking.trial import Check, Trial
from gradlaws.suite.document.evidence import Evidence
from gradlaws.suite.truth.oracle import Truth
from gradlaws.suite.vocabulary import Quantity


def looks(examples: int) -> settings:
    """Settings of a test that gathers evidence over its examples."""
    return settings(
        max_examples=examples, suppress_health_check=(HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
    )


def judged(
    system: System, evidence: Evidence, quantity: Quantity, f: Program, x: Point, *directions: Point
) -> Iterator[Answer]:
    """What the framework says in its next modes. Raises AssertionError where that is beyond the bound.

    Known deviations are counted and left out; so is what the framework does not offer, or the oracle does not know.
    """
    turn = zlib.crc32(b"".join(a.tobytes() for a in x))  # of the example itself, so that it is shrunk in its own modes
    silent = Trial(replace(system, emit=lambda record: None), evidence.claim.id)
    check = Check(silent, f, x, directions, turn)
    for answer in check.answers(quantity, f, x, *directions):
        if answer.by.differences:
            continue
        try:
            verdict = check.verdict(answer.numbers, answer.truth, answer.tolerance, answer.majorant)
        except DomainError:
            continue
        judged = Judged(
            answer.question, answer.mode, answer.order, verdict, answer.numbers, answer.truth, answer.tolerance
        )
        if check.excused(judged).verdict.kind == "deviation":
            evidence.excused += 1
        elif verdict.kind in ("holds", "violated"):
            evidence.expect(f"{answer.mode} is within its bound", verdict.kind == "holds")
            yield answer


def known(evidence: Evidence, truth: Truth) -> bool:
    """Whether the oracle knows every entry to 20 digits; counted where it does not, as where one is swamped."""
    sure = bool(np.all(truth.error <= 1e-20 * np.abs(truth.floats)))
    if not sure:
        evidence.tally("functions of which the oracle knows fewer than 20 digits")
    return sure


def quadratic(a: Floats, b: Floats) -> Program:
    """½ xᵀAx − bᵀx for x in Rⁿ, with A (n, n) and b (n,)."""
    n = len(b)
    total = (("axis", None),)
    return Program(
        ((n,),),
        (
            constant_step(a), Step("matmul", (1, 0)), constant_step(np.array(0.5)), Step("mul", (2, 3)),
            constant_step(b), Step("sub", (4, 5)), Step("mul", (0, 6)), Step("sum", (7,), total),
        ),
    )  # fmt: skip


def rounded(system: System, z: Floats) -> Floats:
    """To the precision under test."""
    return z.astype(system.precision.name).astype(np.float64)


def distance(got: Floats, exact: MPArray) -> float:
    """In the 2-norm, or that of Frobenius."""
    with mp.workdps(60):
        return float(mp.norm(list((mp_array(got) - exact).ravel())))


def fisher(logits: Floats) -> tuple[Floats, Floats]:
    """(q, diag q − qqᵀ): the softmax and its Fisher matrix in the logits."""
    q = np.exp(logits - logits.max())
    q = q / q.sum()
    return q, np.diag(q) - np.outer(q, q)
