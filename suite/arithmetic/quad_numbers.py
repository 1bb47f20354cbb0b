"""Quad arrays: IEEE binary128 as a NumPy dtype (numpy_quaddtype), from and to what else holds numbers, exactly.

An entry is one integer of 128 bits: a sign, 15 bits of exponent (bias 16383), 112 bits of significand. What the package
converts wrongly (benchmarks/quaddtype_faults.py) is converted here by those bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import gmpy2
import numpy as np
from mpmath import mp, mpf
from mpmath.libmp import finf, fnan, fninf, from_float, from_int, from_man_exp, fzero
from numpy.typing import NDArray

QuadArray = NDArray[Any]  # of numpy_quaddtype.QuadPrecDType, which NumPy's type hints do not know
Words = NDArray[np.uint64]
RawMPF = tuple[int, int, int, int]  # sign, significand, exponent, length

DIGITS = 113  # of the significand, the leading one included
SMALLEST_NORMAL, LARGEST = -16382, 16383  # exponents of two
UNIT = SMALLEST_NORMAL - DIGITS + 1  # exponent of the smallest subnormal
INFINITY = 0x7FFF << 112
NAN = INFINITY | 1 << 111
STICKY = np.uint64(2**32)  # 2^-80 of the leading digit: below a float64's last digit, and above what the cast overlooks
BELOW_STICKY = np.uint64(2**32 - 1)
NO_SIGN, SIGNIFICAND_HIGH, LEADING = np.uint64(2**63 - 1), np.uint64(2**48 - 1), np.uint64(2**48)
EXPONENT_PLACE, SIGN_PLACE = np.uint64(48), np.uint64(63)


@cache
def dtype() -> Any:
    """Of quad arrays. Raises ImportError where numpy_quaddtype is not installed."""
    from numpy_quaddtype import QuadPrecDType

    return QuadPrecDType()


def asarray(values: Any) -> QuadArray:
    """Any array-like of numbers: exact, except that mpf and integers of more than 113 digits are rounded to nearest.

    Raises TypeError for what is not real."""
    array = np.asarray(values)
    if array.dtype == dtype():
        return array
    if array.dtype.kind == "c":
        raise TypeError("a complex array has no quad form: convert its parts")
    if array.dtype == object:
        return from_mp(array)
    if array.dtype == np.longdouble != np.float64:
        return _from_longdouble(array)
    if array.dtype.kind not in "fiub":  # bfloat16 and its kin, which know float64
        array = array.astype(np.float64)
    quad: QuadArray = array.astype(dtype())
    return quad


def _from_longdouble(array: NDArray[np.longdouble]) -> QuadArray:
    """By pieces of 53 digits: the package's cast rounds to float64."""
    with np.errstate(over="ignore"):
        plain = array.astype(np.float64).astype(dtype())  # which is right for 0, inf and NaN
    split = np.isfinite(array) & (array != 0)
    rest, exponent = np.frexp(np.where(split, array, 1))
    total = zeros(array.shape)
    for _ in range(3):
        piece = rest.astype(np.float64)
        total = total + piece.astype(dtype())
        rest = rest - piece
    return np.where(split, scaled(total, exponent), plain)


def zeros(shape: int | tuple[int, ...]) -> QuadArray:
    return np.zeros(shape, dtype=dtype())


def ones(shape: int | tuple[int, ...]) -> QuadArray:
    return np.ones(shape, dtype=dtype())


def words(array: QuadArray) -> Words:
    """The bits, low and high halves along a new last axis; of a copy where the array is not contiguous."""
    return np.ascontiguousarray(array).view(np.uint64).reshape(*array.shape, 2)


def from_words(bits: Words) -> QuadArray:
    array: QuadArray = np.ascontiguousarray(bits).view(dtype())
    return array.reshape(bits.shape[:-1])


def to_float64(array: QuadArray) -> NDArray[np.float64]:
    """Entries rounded to nearest, ties to even, also into float64's subnormals.

    The package's cast takes what lies just beside a tie for the tie; so the last 32 digits are first gathered into one
    (rounding to odd: Boldo and Melquiond 2008)."""
    bits = words(array).copy()
    low = bits[..., 0]
    low[...] = np.where(low & BELOW_STICKY, (low & ~BELOW_STICKY) | STICKY, low)
    return from_words(bits).astype(np.float64)


def exponents(array: QuadArray) -> NDArray[np.int64]:
    """e where 2^e <= |x| < 2^(e+1); of 0 and subnormals the least, of inf and NaN 16384."""
    fields = (words(array)[..., 1] & NO_SIGN) >> EXPONENT_PLACE
    return np.maximum(fields.astype(np.int64), 1) - 16383


def powers_of_two(exponent: NDArray[np.int64]) -> QuadArray:
    """2^e, for normal numbers."""
    bits = np.zeros((*np.shape(exponent), 2), dtype=np.uint64)
    bits[..., 1] = (np.asarray(exponent) + 16383).astype(np.uint64) << EXPONENT_PLACE
    return from_words(bits)


def scaled(array: QuadArray, exponent: NDArray[Any]) -> QuadArray:
    """x 2^e, rounded once. The package's ldexp takes no array of exponents."""
    total = np.clip(np.asarray(exponent).astype(np.int64), 2 * SMALLEST_NORMAL, 2 * LARGEST)
    half = total // 2
    with np.errstate(all="ignore"):
        return np.asarray(array * powers_of_two(half) * powers_of_two(total - half))


def decoded(bits: int) -> mpf:
    """The number of 128 bits, exactly. mpmath knows no -0: it is 0."""
    field, significand = bits >> 112 & 0x7FFF, bits & (1 << 112) - 1
    if field == 0x7FFF:
        return mp.make_mpf(fnan if significand else fninf if bits >> 127 else finf)
    if field:
        significand |= 1 << 112
    return mp.make_mpf(from_man_exp(-significand if bits >> 127 else significand, max(field, 1) - 1 + UNIT))


def encoded(number: Any) -> int:
    """The 128 bits of an mpf, an int, a float or a finite gmpy2.mpfr, rounded to nearest, ties to even."""
    raw = raw_mpf(number)
    sign, man, exponent, length = raw
    if not man:
        return {fzero: 0, finf: INFINITY, fninf: INFINITY | 1 << 127}.get(raw, NAN)
    top = exponent + length - 1
    if not UNIT - 1 <= top <= LARGEST:
        return (sign << 127) | (0 if top < UNIT else INFINITY)
    unit = max(top - DIGITS + 1, UNIT)
    shift, digits = exponent - unit, int(man)
    if shift >= 0:
        digits <<= shift
    else:
        digits, rest = digits >> -shift, digits & (1 << -shift) - 1
        half = 1 << -shift - 1
        digits += rest > half or (rest == half and digits & 1)
    # The leading digit, and a carry, count up the exponent by themselves.
    return sign << 127 | min((unit - UNIT << 112) + digits, INFINITY)


def raw_mpf(number: Any) -> RawMPF:
    """As mpmath keeps it, exactly, whatever the working precision. Raises TypeError for what is not real."""
    if isinstance(number, mpf):
        raw: RawMPF = number._mpf_
    elif isinstance(number, (int, np.integer)):
        raw = from_int(int(number))
    elif isinstance(number, float):
        raw = from_float(number) if math.isfinite(number) else mpf(number)._mpf_
    elif isinstance(number, gmpy2.mpfr) and gmpy2.is_finite(number):
        raw = from_man_exp(*number.as_mantissa_exp())
    else:
        raise TypeError(f"{type(number).__name__} is no real number that quad can hold")
    return raw


def integers(array: QuadArray) -> list[int]:
    """The 128 bits of each entry, in C order."""
    flat = words(array).reshape(-1, 2)
    return [high << 64 | low for low, high in zip(flat[:, 0].tolist(), flat[:, 1].tolist())]


def from_integers(bits: Iterable[int], shape: tuple[int, ...]) -> QuadArray:
    flat = np.frombuffer(bytearray().join(n.to_bytes(16, "little") for n in bits), dtype=np.uint64)
    return from_words(flat.reshape(*shape, 2))


def to_mp(array: QuadArray) -> NDArray[np.object_]:
    """Entries as mpf, exactly (-0 as 0)."""
    result = np.empty(array.size, dtype=object)
    result[:] = [decoded(n) for n in integers(array)]
    return result.reshape(array.shape)


def from_mp(array: Any) -> QuadArray:
    """Entries (mpf, int or float) rounded to nearest, ties to even."""
    entries = np.asarray(array, dtype=object)
    return from_integers(map(encoded, entries.ravel().tolist()), entries.shape)
