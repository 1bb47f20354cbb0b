"""Arguments that are drawn: arrays of a shape inside a domain, in both precisions, with the points that break rules."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from gradlaws.strategies.precision import PRECISIONS, Precision
from gradlaws.strategies.primitive import Floats

Interval = tuple[float, float]
NEAR = 2.0**-20  # of the width, from each end
EXACT = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0)
FRAMEWORKS = ("torch", "jax")


def points(domain: Sequence[Interval], shape: tuple[int, ...], dtype: str, seed: int) -> list[Floats]:
    """An array for each interval, strictly inside it: exact points and ends in all their pairs, then drawn ones."""
    precision, random = PRECISIONS[dtype], np.random.default_rng(seed)
    size = int(np.prod(shape))
    exact = list(itertools.islice(itertools.product(*(special(each, precision) for each in domain)), size // 2))
    found = []
    for place, each in enumerate(domain):
        chosen = np.array([point[place] for point in exact], dtype=np.float64)
        more = spread(each, size - len(exact), precision, random)
        found.append(np.concatenate([chosen, more]).reshape(shape))
    return found


def special(domain: Interval, precision: Precision) -> list[float]:
    """0, -0, ±1, ±1/2, ±2 and what is near the ends, as far as they lie inside."""
    low, high = clipped(domain, precision)
    ends = (low + NEAR * (high - low), high - NEAR * (high - low))
    return [x for x in map(precision.round, (*EXACT, *ends)) if low < x < high]


def spread(domain: Interval, count: int, precision: Precision, random: np.random.Generator) -> Floats:
    """Evenly where the domain is narrow, by magnitude where it is wide: sinh of a uniform number."""
    low, high = clipped(domain, precision)
    drawn = np.sinh(random.uniform(np.arcsinh(low), np.arcsinh(high), count))
    rounded = np.array([precision.round(x) for x in drawn], dtype=np.float64)
    middle = precision.round(low + 0.4 * (high - low))
    return np.where((low < rounded) & (rounded < high), rounded, middle)


def clipped(domain: Interval, precision: Precision) -> Interval:
    """To where x³ and 1/x³, hence second derivatives, are numbers of that precision."""
    most = 2.0**precision.moderate_exponent
    low, high = domain
    return max(low, -most), min(high, most)


def arrays(framework: str, values: Sequence[Floats], dtype: str) -> list[Any]:
    """As the framework has them."""
    if framework == "numpy":
        return [np.array(x, dtype=dtype) for x in values]
    if framework == "torch":
        import torch

        return [torch.tensor(x, dtype=getattr(torch, dtype)) for x in values]
    import jax

    return [jax.numpy.asarray(x, dtype=dtype) for x in values]


def in_precision(framework: str, dtype: str) -> AbstractContextManager[Any]:
    """jax has float64 arrays only where it is told to; in float32 it is asked as it comes."""
    if framework != "jax" or dtype != "float64":
        return nullcontext()
    from gradlaws.suite.tracing.jax_equations import in_float64

    return in_float64()
