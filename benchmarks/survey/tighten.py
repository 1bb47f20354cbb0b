"""Proposes the rows of suite/bound/contracts.toml from what was measured: where errors exceed the default, and by how
much; to be read, given a reason, and pasted."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.survey import needs
from benchmarks.survey.dense import Measured
from benchmarks.survey.hulls import MODERATE, SIZES, down, hull
from gradlaws.strategies.precision import WIDE
from gradlaws.strategies.primitive import Floats
from gradlaws.suite import regions
from gradlaws.suite.bound import contracts
from gradlaws.suite.bound.contracts import Contract

MARGIN, TIGHT_MARGIN = 1.75, 1.5  # times what is measured is proposed; and where it is less than the default
NEAR = 1.25  # times an error over the default: what comes near it; but not one of 1, which rounding alone reaches
STEPS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
TIGHT = {"i1": (1, 2), "i1e": (1, 2), "logaddexp": (1, 2)}  # orders in which less than the default is enough
LOOSE, CLEARLY = 6.0, 0.3  # what may be split; and by how much of a power of two, in the mean over the orders


@dataclass(frozen=True)
class Proposal:
    backend: str
    primitive: str
    dtypes: tuple[str, ...]
    contract: Contract
    region: str
    measured: dict[str, float]  # by number
    points: int
    modes: tuple[str, ...] = ("*",)


def up(number: float, least: float = 0.0) -> float:
    """Two digits, not below."""
    if number <= least or not math.isfinite(number):
        return max(number, least)
    digits = 1 - math.floor(math.log10(number))
    return float(f"{math.ceil(number * 10.0**digits - 1e-9) / 10.0**digits:.2g}")


def proposals(of: Sequence[Measured], backend: str, groups: tuple[str, ...] = ("eager", "jit")) -> list[Proposal]:
    """For one primitive in several precisions: rows for all of them where these do, or for each; one row for both signs
    of the argument, or one for either."""
    alone = {found.dtype: rows for found in of if (rows := by_sides([found], backend, groups))}
    if len(alone) > 1:
        together = by_sides([found for found in of if found.dtype in alone], backend, groups)
        if together:
            return [*together, *elsewhere(of, backend, groups, together)]
    rows = [row for rows in alone.values() for row in rows]
    return [*rows, *elsewhere(of, backend, groups, rows)]


def elsewhere(
    of: Sequence[Measured], backend: str, groups: tuple[str, ...], rows: Sequence[Proposal]
) -> list[Proposal]:
    """Of TIGHT ones, what less than the default is enough where no row is."""
    measured = any(name == backend for found in of for name, _, _ in found.errors)
    if (
        of[0].dtype not in WIDE
        or of[0].primitive not in TIGHT
        or backend == "numpy"
        or not measured
        or any(not row.region for row in rows)
    ):
        return []
    region = f"~({' | '.join(f'({row.region})' for row in rows)})" if rows else ""
    parts = [part(found, needs.inside(found, region)) for found in of]
    if not all(len(found.x) for found in parts):
        return []
    default = contracts.default(of[0].dtype, of[0].primitive)
    where = [np.ones(len(found.x), dtype=bool) for found in parts]
    first, second = (of_partial(parts, backend, groups, order, default, where) for order in (1, 2))
    contract = replace(default, ulps=(default.ulps[0], first, second))
    most = {n: max(needs.need(f, backend, groups, contract, "").numbers[n] for f in parts) for n in needs.NUMBERS}
    return [Proposal(backend, of[0].primitive, tuple(f.dtype for f in parts), contract, region, most, len(parts[0].x))]


def by_sides(of: Sequence[Measured], backend: str, groups: tuple[str, ...]) -> list[Proposal]:
    """[] where one row for these precisions would be wide in one of them."""
    both = proposal(of, backend, groups, (-1, 1))
    either = [row for side in (-1, 1) if (row := proposal(of, backend, groups, (side,)))]
    if not (len(either) == 2 and all(row.region for row in either) and (both is None or differ(*either))):
        either = [both] if both else []
    return [row for one in either for row in improved(one, of, groups)]


def improved(row: Proposal, of: Sequence[Measured], groups: tuple[str, ...]) -> list[Proposal]:
    """Two rows in its place, if these allow clearly less."""
    if max(needs.numbers(row.contract).values()) < LOOSE:
        return [row]
    of = [part(found, needs.inside(found, row.region)) for found in of]
    best, least = [row], looseness([row], of) - CLEARLY
    for name, cut in cuts(of, row.backend, groups):
        rows = split(of, row.backend, groups, name, cut)
        if rows and (found := looseness(rows, of)) < least:
            best, least = rows, found
    if best == [row] or not row.region:
        return best
    return [replace(one, region=f"({one.region}) & ({row.region})") for one in best]


def cuts(of: Sequence[Measured], backend: str, groups: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """Sizes at which the points that exceed the default may be split, with three digits."""
    default = contracts.default(of[0].dtype, of[0].primitive)
    points = np.concatenate([found.x[exceeding(found, backend, groups, default)] for found in of])
    for name in SIZES[: 1 if points.shape[1] == 1 else 4]:
        sizes = regions.mask(name, tuple(points.T))  # numbers here
        ends = np.sort(sizes[sizes > 0])
        between = [math.sqrt(ends[k] * ends[k + 1]) for k in np.argsort(-(ends[1:] / ends[:-1]))[:2].tolist()]
        for cut in sorted({down(float(q)) for q in (*np.quantile(sizes, np.linspace(0.02, 0.98, 11)), *between)}):
            if cut:
                yield name, cut


def split(of: Sequence[Measured], backend: str, groups: tuple[str, ...], name: str, cut: float) -> list[Proposal]:
    """Rows for either part; [] where a part has none that does."""
    rows = []
    for text in (f"{name} < {cut}", f"{name} >= {cut}"):
        parts = [part(found, needs.inside(found, text)) for found in of]
        parts = [found for found in parts if len(found.x)]
        default = contracts.default(of[0].dtype, of[0].primitive)
        if not any(exceeding(found, backend, groups, default).any() for found in parts):
            continue
        row = proposal(parts, backend, groups, (-1, 1))
        if row is None:
            return []
        rows.append(replace(row, region=f"({row.region}) & ({text})" if row.region else text))
    return rows


def part(found: Measured, mask: NDArray[np.bool_]) -> Measured:
    errors = {name: of[mask] for name, of in found.errors.items()}
    return replace(found, x=found.x[mask], size=found.size[mask], moved=found.moved[mask], errors=errors)


def looseness(rows: Sequence[Proposal], of: Sequence[Measured]) -> float:
    """The mean over moderate points and orders of the logarithm of what is allowed, beside the value or a partial."""
    found = []
    for one in of:
        met = ((abs(one.x) > MODERATE[0]) & (abs(one.x) < MODERATE[1])).all(axis=1)
        default = contracts.default(one.dtype, one.primitive)
        size, moved = np.maximum(one.size, needs.TINY), one.moved
        value, first, second = (np.full(len(one.x), ulps) for ulps in default.ulps)
        for row in rows:
            inside, c = needs.inside(one, row.region), row.contract
            with np.errstate(all="ignore"):
                allowed = c.ulps[0] + (c.conditioning * moved + c.absolute) / size
            value = np.where(inside, allowed, value)
            first, second = np.where(inside, c.ulps[1], first), np.where(inside, c.ulps[2], second)
        if met.any():
            found += [np.log2(np.clip(column[met], 1e-3, 1e6)).mean() for column in (value, first, second)]
    return float(np.mean(found or [0.0]))


def differ(a: Proposal, b: Proposal) -> bool:
    """By more than a factor of two in a number."""
    pairs = zip(needs.numbers(a.contract).values(), needs.numbers(b.contract).values(), strict=True)
    return any(max(p, q) > 2 * min(p, q) for p, q in pairs)


def proposal(of: Sequence[Measured], backend: str, groups: tuple[str, ...], sides: tuple[int, ...]) -> Proposal | None:
    """One row for these precisions; None if the default does, or if one row would be wide in one of them."""
    default = contracts.default(of[0].dtype, of[0].primitive)
    over = [exceeding(found, backend, groups, default) & on_sides(found, sides) for found in of]
    if not any(mask.any() for mask in over):
        return None
    region = hull(of, over, sides)
    where = [needs.inside(found, region) for found in of]
    value, beside, absolute = of_value(of, backend, groups, default.ulps[0], where)
    first, second = (of_partial(of, backend, groups, order, default, where) for order in (1, 2))
    contract = Contract((value, first, second), beside, absolute)
    needed = [needs.need(found, backend, groups, contract, region) for found in of]
    if len(of) > 1 and any(needs.wide(contract, default, each) for each in needed):
        return None
    most = {name: max(each.numbers[name] for each in needed) for name in needs.NUMBERS}
    points = min(max(each.points) for each in needed)
    return Proposal(backend, of[0].primitive, tuple(f.dtype for f in of), contract, region, most, points)


def of_partial(
    of: Sequence[Measured], backend: str, groups: tuple[str, ...], order: int, default: Contract,
    where: Sequence[NDArray[np.bool_]],
) -> float:  # fmt: skip
    """What is MARGIN times the largest error, where that is over the default; of TIGHT ones below it too."""
    errors = [needs.merged(f, backend, groups, order)[w] for f, w in zip(of, where, strict=True)]
    most, usual = max(float(np.max(e[e < needs.FINDING], initial=0.0)) for e in errors), default.ulps[order]
    if most and order in tight(of[0]) and MARGIN * most < usual:
        return up(TIGHT_MARGIN * most)
    return up(MARGIN * most, usual)


def tight(found: Measured) -> tuple[int, ...]:
    return TIGHT.get(found.primitive, ()) if found.dtype in WIDE else ()


def on_sides(found: Measured, sides: tuple[int, ...]) -> NDArray[np.bool_]:
    """Everything, for both; and points of several arguments count as of the second."""
    if len(sides) == 2:
        return np.ones(len(found.x), dtype=bool)
    if found.x.shape[1] > 1:
        return np.zeros(len(found.x), dtype=bool)
    return np.asarray(np.sign(found.x[:, 0]) == sides[0])


def exceeding(found: Measured, backend: str, groups: tuple[str, ...], default: Contract) -> NDArray[np.bool_]:
    """The points at which some order comes near the default, or exceeds it."""
    with np.errstate(all="ignore"):
        value, size = needs.merged(found, backend, groups, 0), found.size
        mask = (near(default, 0) * value > default.ulps[0] * size) & (value < needs.FINDING * (size + found.moved + 1))
        for order in (1, 2):
            errors = needs.merged(found, backend, groups, order)
            mask |= (near(default, order) * errors > default.ulps[order]) & (errors < needs.FINDING)
    return mask


def near(default: Contract, order: int) -> float:
    return NEAR if default.ulps[order] > 1 else 1.0


def of_value(
    of: Sequence[Measured], backend: str, groups: tuple[str, ...], least: float, where: Sequence[NDArray[np.bool_]]
) -> tuple[float, float, float]:
    """c₀, κ and α that allow MARGIN times each error that comes near the default, and no number of which is wide: those
    that allow least, by the geometric mean over the region."""
    parts = []
    for found, mask in zip(of, where, strict=True):
        errors = needs.merged(found, backend, groups, 0)
        with np.errstate(all="ignore"):
            kept = mask & ~np.isnan(errors) & (errors < needs.FINDING * (found.size + found.moved + 1))
        parts.append((errors[kept], found.size[kept], found.moved[kept]))
    error, size, moved = (np.concatenate(column) for column in zip(*parts, strict=True))
    size = np.maximum(size, needs.TINY)
    more = np.where((NEAR if least > 1 else 1.0) * error > least * size, MARGIN * error, 0.0)
    if not more.any():
        return least, 0.0, 0.0
    few = telling(more, error, size, moved)
    all_size, all_moved = size, moved
    more, error, size, moved = more[few], error[few], size[few], moved[few]
    random = np.random.default_rng(0).choice(len(all_size), min(len(all_size), 400), replace=False)
    best, found_ = math.inf, (up(float(np.max(more / size)), least), 0.0, 0.0)
    candidates = [least, *(s for s in STEPS if s > least)]
    for c, k in itertools.product(candidates, (0.0, *STEPS)):
        for numbers in trio(more, size, moved, c, k, least):
            value, beside, absolute = numbers
            loose = loosely(error, size, moved, numbers, least)
            allowed = (value * all_size[random] + beside * all_moved[random] + absolute) / all_size[random]
            wide = np.log2(np.clip(allowed, 1e-3, 1e6))
            score = float(np.mean(wide) + np.max(wide) / 4)  # tight in the mean, and loose in no corner
            score += 0.25 * sum(number > 0 for number in numbers[1:])  # one number is simpler than two
            if not loose and score < best:
                best, found_ = score, numbers
    return found_


def telling(more: Floats, error: Floats, size: Floats, moved: Floats) -> NDArray[np.intp]:
    """The points that may decide: the largest errors by either measure, and some of all."""
    with np.errstate(all="ignore"):
        orders = [np.argsort(-of)[:300] for of in (error, error / size, np.where(moved > 0, error / moved, 0.0))]
    over = np.flatnonzero(more)
    spread = over[:: max(1, len(over) // 2000)]
    return np.unique(np.concatenate([*orders, spread]))


def trio(
    more: Floats, size: Floats, moved: Floats, c: float, k: float, least: float
) -> Iterable[tuple[float, float, float]]:
    """With two of the numbers given, the third that does."""
    with np.errstate(all="ignore"):
        yield c, k, up(float(np.max(more - c * size - k * moved, initial=0.0)))
        yield up(float(np.max((more - k * moved) / size, initial=0.0)), least), k, 0.0
        beside = np.max(np.where(more > c * size, (more - c * size) / moved, 0.0), initial=0.0)
        if math.isfinite(beside):
            yield c, up(float(beside)), 0.0


def loosely(error: Floats, size: Floats, moved: Floats, numbers: tuple[float, float, float], least: float) -> bool:
    """Whether a number is over MOST times what is needed beside the others."""
    c, k, a = numbers
    if not all(map(math.isfinite, numbers)):
        return True
    with np.errstate(all="ignore"):
        asked = (
            np.max((error - k * moved - a) / size),
            np.max(np.where(moved > 0, (error - c * size - a) / moved, 0.0)),
            np.max(error - c * size - k * moved),
        )
    return any(n > usual and n > needs.MOST * max(float(x), 0.0) for n, x, usual in zip(numbers, asked, (least, 0, 0),
                                                                                   strict=True))  # fmt: skip


def toml(proposed: Proposal, reason: str) -> str:
    """A row to paste."""
    contract = proposed.contract
    lines = [
        "[[contract]]",
        f"backends = {json.dumps([proposed.backend])}",
        f"primitives = {json.dumps([proposed.primitive])}",
    ]
    if proposed.modes != ("*",):
        lines.append(f"modes = {json.dumps(list(proposed.modes))}")
    lines.append(f"dtypes = {json.dumps(list(proposed.dtypes))}")
    if proposed.region:
        lines.append(f'region = "{proposed.region}"')
    lines.append(f"ulps = [{', '.join(f'{c:g}' for c in contract.ulps)}]")
    lines += [
        f"{name} = {has:g}" for name in ("conditioning", "absolute", "normwise") if (has := getattr(contract, name))
    ]
    return "\n".join([*lines, f"reason = {json.dumps(reason, ensure_ascii=False)}"]) + "\n"


def told(proposed: Proposal) -> str:
    """(measured: …): each number that exceeds the default."""
    usual = {**needs.numbers(contracts.default(proposed.dtypes[0], proposed.primitive)), "normwise": 0.0}
    names = {"value": "ulps", "first": "ulps in the first", "second": "ulps in the second",
             "conditioning": "of the arguments'", "absolute": "u", "normwise": "u of the norms"}  # fmt: skip
    numbers = {**needs.numbers(proposed.contract), "normwise": proposed.contract.normwise}
    said = [f"{proposed.measured[n]:.2g} {names[n]}" for n, has in numbers.items() if has > usual[n]]
    return f"(measured: {', '.join(said or ['less than the default'])})"
