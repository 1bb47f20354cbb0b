"""Floats in arrays: flattened, written with all their bits, and the unit roundoff of their arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradlaws.records.parts import Array
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point


def flat(point: Point) -> Floats:
    return np.concatenate([np.ravel(x) for x in point])


def hexadecimal(x: Floats) -> list[str]:
    """The entries with all their bits."""
    return [written(value) for value in np.ravel(x)]


def arrays(names: Iterable[str], values: Iterable[Floats]) -> list[Array]:
    """Named arrays as records, with all their bits."""
    return [
        {"name": name, "shape": list(x.shape), "hex": hexadecimal(x)} for name, x in zip(names, values, strict=False)
    ]


def written(value: np.floating[Any]) -> str:
    """As ``float.hex`` has it, also of a long double that is no float64: "0x1.5555555555555556p-2"."""
    if float(value) == value or not np.isfinite(value):
        return float(value).hex()
    fraction, exponent = np.frexp(abs(value))
    digits = f"{int(np.ldexp(fraction, 64)) * 2:017x}"
    return f"{'-' * bool(value < 0)}0x{digits[0]}.{digits[1:].rstrip('0')}p{exponent - 1:+d}"


def told(value: np.floating[Any]) -> str:
    """A number in a record: hexadecimal; a long double that is no float64 by its shortest decimal, which shows all."""
    return float(value).hex() if float(value) == value else str(value)


def unit(*numbers: Floats) -> float:
    """The unit roundoff of the arithmetic in which these numbers are added and multiplied here."""
    return float(np.finfo(np.result_type(*numbers)).eps) / 2
