"""What a Hessian decides at a stationary point, and how rarely it decides for a minimum."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from scipy.stats import binom

from gradlaws.strategies.functions import scalar_functions
from gradlaws.strategies.mp_arrays import DomainError
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point, Program
from gradlaws.suite.checking.system import System
from gradlaws.suite.document.derivatives import judged, looks
from gradlaws.suite.document.evidence import Evidence
from gradlaws.suite.document.orders import Line

FALSE_ALARM = 1e-10  # of one frequency; with fewer than ten of them below 1e-9


@pytest.mark.identity("H4")
@pytest.mark.dtypes("float64")
@looks(12)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_the_hessian_decides_what_a_stationary_point_is(
    system: System, evidence: Evidence, data: st.DataObject, seed: int
) -> None:
    """F(y) = f(y) − ∇f(x)·y is stationary at x; on a small sphere F − F(x) has the signs of the eigenvalues of H.

    The sphere is so small that along each direction the derivatives of orders 3 and 4 are a quarter of the second. An
    eigenvalue within the error of H decides nothing, and is counted as that. Cannot see what semi-definite ones hide.
    """
    f, x = data.draw(scalar_functions(system.precision, max_steps=4, shapes=((), (3,))))
    for hessian in judged(system, evidence, "hessian", f, x):
        h = (hessian.numbers + hessian.numbers.T) / 2
        eigenvalues, vectors = np.linalg.eigh(h)
        error = float(np.linalg.norm(hessian.tolerance)) + 2.0**-48 * float(np.linalg.norm(h))
        decided = np.abs(eigenvalues) > 4 * error
        evidence.tally("Hessians with an undecided eigenvalue", not np.all(decided))
        for value, v in zip(eigenvalues[decided], vectors.T[decided], strict=True):
            change = difference(f, x, v)
            if change is not None:
                evidence.expect(
                    f"the sign along an eigenvector of {value:.3g}", math.copysign(1, change) == np.sign(value)
                )
                still = difference(f, x, v, stationary=False)
                evidence.control(
                    "without stationarity", still is not None and math.copysign(1, still) != np.sign(value)
                )
        if not np.all(decided):
            continue
        kind = "minimum" if eigenvalues[0] > 0 else "maximum" if eigenvalues[-1] < 0 else "saddle"
        evidence.tally(kind)
        if kind != "saddle":
            for v in np.random.default_rng(seed).standard_normal((4, len(h))):
                change = difference(f, x, v)
                if change is not None:
                    evidence.expect(f"a {kind} in every direction", (change > 0) == (kind == "minimum"))


def difference(f: Program, x: Point, v: Floats, stationary: bool = True) -> mpf | None:
    """F(x + s v) − F(x) for f less its linear part, or f itself, with s so small that the second derivative decides."""
    line = Line(f, x, v)
    try:
        along = line.derivatives(mpf(0), up_to=4)
        with mp.workdps(line.digits):
            s = line.scale / 64
            for order in (3, 4):
                if along[order]:
                    s = min(s, abs(along[2] / along[order] / 4) ** (mpf(1) / (order - 2)))
            return line(s) - line(mpf(0)) - (s * along[1] if stationary else 0) if s else None
    except DomainError:
        return None


@pytest.mark.identity("H5")
def test_saddles_dominate_in_high_dimension(evidence: Evidence, random: np.random.Generator) -> None:
    """Of GOE matrices the shares 1/2, (2−√2)/4 and (π−2√2)/(4π) are positive definite, for n = 1, 2, 3.

    Each share of N samples is judged by its binomial law, at a false-alarm probability of 1e-10. For n = 4, 5, 6 it
    lies below 2⁻ⁿ, and the ratio of successive shares falls; asymptotically it is exp(−n² ln 3 / 4) (Dean & Majumdar
    2006), which is only plotted. Cannot see whether Hessians of real losses are GOE.
    """
    exact = {1: 1 / 2, 2: (2 - math.sqrt(2)) / 4, 3: (math.pi - 2 * math.sqrt(2)) / (4 * math.pi)}
    samples = {1: 100_000, 2: 100_000, 3: 200_000, 4: 400_000, 5: 2_000_000, 6: 4_000_000}
    shares = []
    for n, size in samples.items():
        positive = sum(definite(goe(random, 100_000, n)) for _ in range(size // 100_000))
        shares.append(positive / size)
        if n in exact:
            alarm = 2 * min(binom.cdf(positive, size, exact[n]), binom.sf(positive - 1, size, exact[n]))
            evidence.at_most(f"false-alarm limit / chance of {positive} of {size}, n = {n}", FALSE_ALARM, alarm)
        else:
            evidence.at_most(
                f"limit / chance of so few if it were 2⁻ⁿ, n = {n}", binom.cdf(positive, size, 2.0**-n), FALSE_ALARM
            )
        evidence.figure(f"share of positive definite matrices, n = {n}", positive / size)
    ratios = [b / a for a, b in itertools.pairwise(shares[:5])]  # n = 6 has too few of them to say
    evidence.expect("the ratio of successive shares falls", all(b < a for a, b in itertools.pairwise(ratios)))
    signs = [float(np.mean(np.all(random.standard_normal((100_000, n)) > 0, axis=1))) for n in samples]
    evidence.control("independent signs", signs[4] / signs[3] > 4 * ratios[3])
    dimensions = list(samples)
    evidence.plot("GOE", dimensions, np.log10(shares), ("dimension", "log₁₀ share of positive definite matrices"))
    evidence.plot("independent signs", dimensions, np.log10(signs))
    evidence.plot("exp(−n² ln 3 / 4)", dimensions, [-n * n * math.log10(3) / 4 for n in dimensions])


def goe(random: np.random.Generator, size: int, n: int) -> Floats:
    """Shape (size, n, n): symmetric, variance 2 on the diagonal and 1 beside it."""
    a = random.standard_normal((size, n, n))
    return np.asarray((a + a.transpose(0, 2, 1)) / math.sqrt(2))


def definite(matrices: Floats) -> int:
    """How many are positive definite: those of which all pivots of elimination are positive."""
    left = matrices
    for k in range(matrices.shape[-1]):
        left = left[left[:, k, k] > 0]
        left = left - left[:, :, k, None] * left[:, None, k, :] / left[:, k, k, None, None]
    return len(left)
