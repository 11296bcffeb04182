"""What numbers an ONNX element type holds, and casts between them, in exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from onnx import TensorProto

T = TensorProto
FLOATS = (T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16)
SMALL = (T.FLOAT8E4M3FN, T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ)
BITS = {
    T.INT8: 8,
    T.INT16: 16,
    T.INT32: 32,
    T.INT64: 64,
    T.UINT8: -8,
    T.UINT16: -16,
    T.UINT32: -32,
    T.UINT64: -64,
}
DIGITS = {  # significant digits, least exponent, largest number, has infinity
    T.DOUBLE: (53, -1022, Fraction(2) ** 1024 - Fraction(2) ** 970, True),
    T.FLOAT: (24, -126, Fraction(2) ** 128 - Fraction(2) ** 104, True),
    T.FLOAT16: (11, -14, Fraction(65504), True),
    T.BFLOAT16: (8, -126, Fraction(2) ** 128 - Fraction(2) ** 120, True),
    T.FLOAT8E4M3FN: (4, -6, Fraction(448), False),
    T.FLOAT8E4M3FNUZ: (4, -7, Fraction(240), False),
    T.FLOAT8E5M2: (3, -14, Fraction(57344), True),
    T.FLOAT8E5M2FNUZ: (3, -15, Fraction(57344), False),
}


class Beyond(Exception):
    """The standard leaves the result open, or it is no finite number."""


def exactly(value: Any, kind: int) -> Any:
    if kind == T.BOOL:
        return bool(value)
    return int(value) if kind in BITS else Fraction(float(value))


def objects(flat: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(shape)


def nearest(number: Fraction, kind: int) -> Fraction | None:
    """The nearest number of a float type, ties to even; None beyond the largest."""
    digits, least, largest, _ = DIGITS[kind]
    if number == 0:
        return Fraction(0)
    exponent = abs(number).numerator.bit_length() - abs(number).denominator.bit_length()
    exponent -= Fraction(2) ** exponent > abs(number)
    step = Fraction(2) ** (max(exponent, least) - digits + 1)
    result = round(number / step) * step
    return result if abs(result) <= largest else None


def cast(value: Any, kind: int) -> Any:
    """``Cast`` of one number."""
    if kind == T.BOOL:
        return value != 0
    if kind in BITS:
        if isinstance(value, Fraction):
            return _fitting(math.trunc(value), kind)
        return wrapped(int(value), kind)
    result = nearest(Fraction(int(value)) if not isinstance(value, Fraction) else value, kind)
    if result is None and kind in SMALL:
        return math.copysign(1, value) * DIGITS[kind][2]
    if result is None:
        raise Beyond
    return result


def _fitting(value: int, kind: int) -> int:
    if wrapped(value, kind) != value:
        raise Beyond
    return value


def wrapped(value: int, kind: int) -> int:
    """An integer in the range of its type."""
    bits = BITS[kind]
    if bits < 0:
        return value % 2**-bits
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def holds(kind: int, other: int) -> bool:
    """True where a cast from the float type ``other`` to ``kind`` changes nothing."""
    wide, narrow = DIGITS[kind], DIGITS[other]
    return kind == other or (
        kind in FLOATS
        and all(a >= b for a, b in ((wide[0], narrow[0]), (-wide[1], -narrow[1]), (wide[2], narrow[2])))
    )


def each(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    """A function entry by entry, with broadcasting; object arrays even of no axes."""
    many = np.broadcast_arrays(*arrays)
    flat = [function(*row) for row in zip(*(a.reshape(-1) for a in many), strict=True)]
    return objects(flat, many[0].shape)
