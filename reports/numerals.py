"""Numbers as a reader wants them: counts, ratios, powers of two, seconds, decimal forms of hex floats."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

from gradlaws.records.conversions import number
from gradlaws.records.matrix import Quantile

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def count(value: int) -> str:
    """An integer with thousands separated: 75,312."""
    return f"{value:,}"


def plural(value: int, noun: str) -> str:
    """A count with its noun: '1 test', '2 tests'; only nouns that take an s."""
    return f"{count(value)} {noun}" if value == 1 else f"{count(value)} {noun}s"


def ratio(value: float | str | None) -> str:
    """An error / bound with two digits: 0, 0.43, 1.2e-5, 7e5, ∞; '–' for None."""
    if value is None:
        return "–"
    real = number(value)
    if real is None or math.isnan(real):
        return "nan"
    if math.isinf(real):
        return "∞"
    if real == 0:
        return "0"
    if 0.995 <= abs(real) < 1:
        return f"{math.floor(abs(real) * 1000) / 1000:.3f}" if real > 0 else f"{real:.4g}"  # never rounded up to 1
    if 0.01 <= abs(real) < 999.5:
        return f"{real:.2g}" if abs(real) < 99.5 else f"{real:.0f}"
    mantissa, exponent = f"{real:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def power_of_two(name: str, *, upper: bool = False) -> str:
    """A histogram bucket by its lower edge, or its upper one: '2⁻⁹'; '0' for zero, '∞' for inf."""
    if name == "zero":
        return "0"
    if name == "inf":
        return "∞"
    return "2" + str(int(name) + upper).translate(_SUPERSCRIPT)


def ten(exponent: int) -> str:
    """A power of ten: 10⁻⁸, 1."""
    return "10" + str(exponent).translate(_SUPERSCRIPT) if exponent else "1"


def quantile_text(quantile: Quantile | None) -> str:
    """A quantile known to a factor of two: '< 2⁻⁹'; '0' for exact agreement, '–' for none."""
    if quantile is None:
        return "–"
    name = quantile["bucket"]
    return power_of_two(name) if name in ("zero", "inf") else f"< {power_of_two(name, upper=True)}"


def seconds_text(value: float) -> str:
    """Seconds for reading: 0.12 s, 12.3 s, 3 min 20 s."""
    if value < 9.95:
        return f"{value:.2f} s"
    if value < 120:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"


def decimal(value: float | str | None) -> str:
    """A number in decimal: a hex float as its shortest decimal, a decimal string as it is."""
    if value is None:
        return "–"
    if isinstance(value, str) and "0x" not in value.lower():
        return value
    return repr(number(value))


def alike(one: str, other: str) -> str:
    """The first decimal in the notation of the other, with or without exponent, to compare their digits."""
    try:
        exact = Decimal(one)
    except InvalidOperation:
        return one
    if not exact.is_finite():
        return one
    if "e" not in other.lower():
        return f"{exact:f}" if "e" in one.lower() else one
    mantissa, _, exponent = f"{exact:e}".partition("e")
    return f"{mantissa}e{int(exponent):+03d}"


def shared_digits(one: str, other: str) -> int:
    """How many leading characters two decimals share; 0 if their integer part or exponent differs."""
    if one.partition("e")[2] != other.partition("e")[2] or one.partition(".")[0] != other.partition(".")[0]:
        return 0
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
