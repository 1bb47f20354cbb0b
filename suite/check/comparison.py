"""Answers beside the truth, entry by entry, within what rounding may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlaws.strategies.precision import PRECISIONS
from gradlaws.strategies.primitive import Floats
from gradlaws.suite.check.allowed import Allowed, Sum
from gradlaws.suite.check.answer import DIGITS, Failure, Row
from gradlaws.suite.check.truth import Truth


def compared(
    rows: Sequence[Row],
    asked: str,
    question: str,
    answers: Sequence[Floats],
    truth: Truth,
    true: Sequence[Any],
    allowed: Allowed,
) -> None:
    """Every entry of every leaf, and weighted sums of them: the worst is kept, what rounding does not explain fails."""
    for k, (row, answer, exact, bound) in enumerate(zip(rows, answers, true, allowed.all, strict=True)):
        row.compared += 1
        if asked not in row.modes:
            row.modes.append(asked)
        if answer.shape != np.shape(exact):
            shapes = f"{question}: the shape is {answer.shape}, not {np.shape(exact)}"
            row.failures.append(Failure(asked, shapes, (), np.nan, np.nan, 0.0))
        elif answer.size:
            _entries(row, asked, question, answer, truth, exact, bound)
            if k in allowed.sums:
                row.by_sum = True
                _sum(row, asked, question, answer, truth, exact, allowed.sums[k])


def _entries(
    row: Row, asked: str, question: str, answer: Floats, truth: Truth, exact: Any, bound: Floats
) -> None:  # fmt: skip
    apart, shown = truth.apart(answer, exact), truth.shown(exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((apart == 0) | (answer == shown), 0.0, apart / bound)  # beyond its type both are infinite
    overflows = np.isinf(bound) & np.isinf(answer)  # as it may
    ratio = np.where(np.isnan(shown), 0.0, ratio)  # no truth there, which the row says
    ratio = np.where(np.isnan(ratio), np.where(overflows, 0.0, np.inf), ratio)  # an answer that is none
    at = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    where = tuple(int(i) for i in at)
    if ratio[at] <= 1 and ratio[at] >= row.ratio:
        row.ratio, row.worst = float(ratio[at]), where
        with np.errstate(over="ignore"):
            row.ulps = float(apart[at] / ulp(row.dtype, float(shown[at])))
    if ratio[at] > 1:
        row.failures.append(
            Failure(asked, question, where, float(answer[at]), float(shown[at]), float(bound[at]), float(ratio[at]))
        )


def _sum(
    row: Row, asked: str, question: str, answer: Floats, truth: Truth, exact: Any, by: Sum
) -> None:  # fmt: skip
    total = truth.paired([answer], [by.weights])[0]
    true = truth.paired([exact], [by.weights])[0]
    ratio = float(abs(total - true) / by.bound)
    if not ratio <= 1:
        numbers = (float(total), float(true), by.bound, ratio if np.isfinite(ratio) else np.inf)
        row.failures.append(Failure(asked, f"{question}, a sum of all entries with drawn signs", (), *numbers))
    elif ratio >= row.ratio:
        row.ratio = ratio


def ulp(dtype: str, number: float) -> float:
    """The distance of two neighbours of that type at a number."""
    precision = PRECISIONS[dtype]
    size = max(abs(number), precision.smallest_normal)
    return float(2.0 ** (np.floor(np.log2(size)) + 1)) * precision.unit_roundoff


def all_looked_at(rows: Sequence[Row], true: Sequence[Floats], allowed: Allowed, beside: float = 0.0) -> None:
    """Each leaf; why there is no bound is said once."""
    for row, exact, rounding, unknown in zip(rows, true, allowed.framework, allowed.unknown, strict=True):
        row.notes += [line for line in unknown if line not in row.notes]
        looked_at(row, exact, rounding, beside)


NOTHING = 2.0**-40  # of what rounding makes: what is less is 0 as far as any arithmetic here can see


def looked_at(row: Row, true: Floats, bound: Floats, beside: float = 0.0) -> None:
    """How many digits rounding leaves, beside the largest entry, and what the answers would have shown.

    Where the truth is 0 (a bias before a normalisation), or no more than rounding makes and the rule is right exactly,
    they are beside the largest entry of all leaves, ``beside``, of which rounding has to leave half of the digits.
    """
    if not true.size:
        row.digits = DIGITS[row.dtype]
        return
    if np.any(np.isnan(true)):
        row.notes.append(f"{int(np.sum(np.isnan(true)))} of {true.size} entries are not a number, in the truth as well")
        return
    largest, allowed = float(np.max(np.abs(true))), float(np.max(bound))
    most = DIGITS[row.dtype]
    if allowed == 0:
        digits = most
    elif largest <= allowed * (1 if row.rule == "right" else NOTHING) and allowed <= 10 ** (-most / 2) * beside:
        row.zero = allowed
        digits = min(most, float(np.log10(beside / allowed)))
    elif largest == 0:
        row.notes.append(f"the true gradient is 0 throughout, and rounding alone makes up to {allowed:.1e}")
        return
    else:
        digits = min(most, float(np.log10(largest / allowed))) if np.isfinite(allowed) else 0.0
    row.digits = digits if np.isnan(row.digits) else min(row.digits, digits)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = bound[true != 0] / np.abs(true[true != 0])
    if relative.size and not row.zero:
        row.visible = float(np.median(relative))
