"""Arithmetic on the sizes of Hessians."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from gradlaws.suite.document.evidence import FALSE, Evidence

PARAMETERS = 7 * 10**10
BYTES = {"float64": 8, "float32": 4, "bfloat16": 2}
EXABYTE, ZETTABYTE = 10**18, 10**21
PLANET = 181 * ZETTABYTE  # data created in 2025, the largest estimate in use (IDC, Data Age 2025, revised 2021)
DATACENTRE = 10 * EXABYTE  # the storage of the largest, generously


@pytest.mark.identity("S4")
def test_a_hessian_of_seventy_billion_parameters_fits_nowhere(evidence: Evidence) -> None:
    """n² for n = 7·10¹⁰, in integers; with symmetry half of it. Cannot see what datacentres will hold."""
    entries = PARAMETERS**2
    evidence.expect("n² = 4.9·10²¹", entries == 49 * 10**20)
    evidence.expect("rounded to one digit it is 5·10²¹", round(Fraction(entries, 10**21)) == 5)
    for name, size in BYTES.items():
        evidence.figure(f"exabytes in {name}", entries * size / EXABYTE)
        evidence.expect(f"fits in no datacentre in {name}, by half of it either", entries * size // 2 > DATACENTRE)
    evidence.control("7·10⁴ parameters fit", (7 * 10**4) ** 2 * BYTES["float32"] < 10**12)


@pytest.mark.identity("S5")
def test_it_is_four_orders_of_magnitude_beyond_one_exabyte(evidence: Evidence) -> None:
    """4.9·10²¹ entries of 4 bytes are 1.96·10⁴ exabytes: four orders above one, a ninth of a year's data of the planet.

    Cannot see what the planet stores, which is estimated.
    """
    size = PARAMETERS**2 * BYTES["float32"]
    orders = math.log10(size / EXABYTE)
    evidence.figure("bytes in float32", float(size))
    evidence.figure("orders of magnitude above one exabyte", orders)
    evidence.figure("share of the data that the planet creates in a year", size / PLANET)
    evidence.figure("parameters at which float32 would be six orders above that", math.sqrt(PLANET * 10**6 / 4))
    evidence.expect("four orders above one exabyte", 4 <= orders < 5)
    evidence.expect("and below the data of the planet", size < PLANET)
    evidence.control("the same arithmetic for S4's small model", EXABYTE > (7 * 10**4) ** 2 * 4)
    evidence.finds(
        FALSE,
        "2·10²² bytes are 2·10⁴ exabytes: four orders of magnitude above one exabyte, not six, and about a ninth of "
        "the 1.8·10⁵ exabytes that are created in a year",
    )  # fmt: skip
