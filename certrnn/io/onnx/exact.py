"""Arithmetic on known numbers that never loses track of its own rounding.

A certificate is about the exact real evaluation of the numbers in the file. Hence a sum, a product, a mean of constants
is the *real* one whatever element type the file declares: the rounding that onnxruntime's float32 (float16, ..) adds to
each operation is left out for constants exactly as it is for data. What the file rounds by name is rounded: ``Cast``
and ``CastLike`` to a type that does not hold every number of the source's type give the nearest number of that type
(ties to even, overflow to infinity or saturated), to an integer type the integer part; ``Floor``, ``Ceil``, ``Round``,
``Sign`` and comparisons give what the real numbers give. Integers wrap around as their type does.

Each function returns the rounded result with a bound on its relative error (0 where the result is exact), or None where
no such bound holds (a sum of inexact numbers of opposite sign); the caller then leaves the arithmetic to the graph,
where the domains enclose the rounding. A relative error ``e`` says that the number meant lies in ``a -+ e |a|``: zeros
are exact. As ``t + e |t|`` increases with ``t``, whatever moves, picks or orders numbers (a slice, a maximum, a clip)
keeps the largest error of its operands. A step function of inexact numbers is known where the whole interval steps
alike (``settled``), else refused. ``constants_check`` compares all of this with onnxruntime, node by node.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from certrnn.io.onnx.kinds import FORMATS, INTEGERS, UNKNOWN, holds, rounded, widened
from certrnn.io.onnx.tensors import Known

UNIT = 2.0**-53
"""Unit roundoff of float64."""

_GROWTH = 1.0 + 2.0**-40  # covers second-order terms and the bound's own rounding for any error below 2^-41
_LARGEST_ERROR = 2.0**-41
_TINY = 2.0**-1021  # below this a product may have lost bits to underflow


def _result(array: np.ndarray, error: float, name: str) -> Known | None:
    if not np.isfinite(array).all() or error > _LARGEST_ERROR:
        return None
    return Known(array, error, name)


def add(left: Known, right: Known, sign: float = 1.0) -> Known | None:
    """``left + sign * right`` for floats; integers add exactly."""
    if not left.real:
        return _integers(left, right, np.add if sign > 0 else np.subtract)
    a, b = np.broadcast_arrays(left.array, sign * right.array)
    with np.errstate(all="ignore"):
        total = a + b
        rest = total - a
        exact = bool(((total - rest == a) & (b - rest == 0.0)).all())
    inherited = max(left.relative_error, right.relative_error)
    if inherited > 0.0 and bool((np.sign(a) * np.sign(b) < 0.0).any()):
        return None
    if exact and inherited == 0.0:
        return _result(total, 0.0, left.name)
    return _result(total, (inherited + UNIT) * _GROWTH, left.name)


def multiply(left: Known, right: Known) -> Known | None:
    """``left * right`` element by element; exact where both are float32 numbers and nothing underflows."""
    if not left.real:
        return _integers(left, right, np.multiply)
    with np.errstate(all="ignore"):
        a, b = np.broadcast_arrays(left.array, right.array)
        product = a * b
        underflow = bool(((np.abs(product) < _TINY) & (a != 0.0) & (b != 0.0)).any())
    if underflow:
        return None
    error = left.relative_error + right.relative_error
    trivial = bool((_power_of_two(a) | _power_of_two(b)).all())
    if error == 0.0 and (trivial or (_single(a) and _single(b))):
        return _result(product, 0.0, left.name)
    return _result(product, (error + UNIT) * _GROWTH, left.name)


def divide(left: Known, right: Known) -> Known | None:
    """``left / right`` element by element."""
    inverse = reciprocal(right)
    if inverse is None:
        return None
    if inverse.relative_error == 0.0:
        return multiply(left, inverse)
    with np.errstate(all="ignore"):
        quotient = left.array / right.array
        small = bool(((np.abs(quotient) < _TINY) & (left.array != 0.0)).any())
    if small:
        return None
    return _result(quotient, (left.relative_error + right.relative_error + UNIT) * _GROWTH, left.name)


def reciprocal(number: Known) -> Known | None:
    """``1 / number``, exact for powers of two; None where a number is zero."""
    with np.errstate(all="ignore"):
        inverse = 1.0 / number.array
    if not np.isfinite(inverse).all() or bool((np.abs(inverse) < _TINY).any()):
        return None
    if number.relative_error == 0.0 and bool(_power_of_two(number.array).all()):
        return Known(inverse, 0.0, number.name)
    return _result(inverse, (number.relative_error + UNIT) * _GROWTH, number.name)


def square_root(number: Known) -> Known | None:
    """``sqrt(number)``; IEEE square roots are correctly rounded."""
    with np.errstate(all="ignore"):
        root = np.sqrt(number.array)
        exact = _single(root) and bool((root * root == number.array).all())
    if exact and number.relative_error == 0.0:
        return _result(root, 0.0, number.name)
    return _result(root, (number.relative_error + UNIT) * _GROWTH, number.name)


def total(number: Known, axes: tuple[int, ...], keep: bool) -> Known | None:
    """Sum over ``axes``, correctly rounded (``math.fsum``)."""
    if not number.real:
        with np.errstate(all="ignore"):
            return Known(number.array.sum(axis=axes, keepdims=keep, dtype=number.array.dtype))
    if number.relative_error > 0.0 and bool((number.array < 0).any() and (number.array > 0).any()):
        return None
    moved = np.moveaxis(number.array, axes, range(len(axes)))
    flat = moved.reshape(-1, *moved.shape[len(axes) :])
    rows = flat.reshape(flat.shape[0], -1).T
    if not np.isfinite(rows).all():
        return None
    try:
        totals = [math.fsum(row) for row in rows]
        exact = all(math.fsum([*row, -s]) == 0.0 for row, s in zip(rows, totals, strict=True))
    except OverflowError:
        return None
    sums = np.array(totals).reshape(flat.shape[1:])
    if keep:
        sums = np.expand_dims(sums, axes)
    error = number.relative_error + (0.0 if exact else UNIT)
    return _result(sums, error * _GROWTH, number.name)


def matrix_product(left: Known, right: Known) -> Known | None:
    """``left @ right`` of numbers of the file, every entry correctly rounded."""
    if not left.real:
        return _integers(left, right, np.matmul)
    if not (np.isfinite(left.array).all() and np.isfinite(right.array).all()):
        return None
    if not left.array.any() or not right.array.any():
        return Known(np.zeros_like(left.array @ right.array), 0.0, left.name)
    if not (_single(left.array) and _single(right.array)) or left.relative_error or right.relative_error:
        return None
    pairs = left.array[..., :, None, :] * np.swapaxes(right.array, -1, -2)[..., None, :, :]
    if bool(((np.abs(pairs) < _TINY) & (pairs != 0.0)).any()):
        return None
    return total(Known(pairs, 0.0, left.name), (pairs.ndim - 1,), keep=False)


def quotient(left: Known, right: Known) -> Known | None:
    """Integer division, which truncates towards zero; None where it is not defined (by zero, or beyond the type)."""
    a, b = np.broadcast_arrays(left.array, right.array)
    if undivided(a, b):
        return None
    floor, rest = a // b, a % b
    return Known(floor + ((rest != 0) & ((a < 0) != (b < 0))).astype(a.dtype))


def undivided(left: np.ndarray, right: np.ndarray) -> bool:
    """True where an integer division has no result: by zero, or of the least number by -1."""
    if bool((right == 0).any()):
        return True
    least = np.iinfo(left.dtype).min
    return bool(least < 0 and ((left == least) & (right == np.array(-1, dtype=right.dtype))).any())


def _integers(left: Known, right: Known, operation: Callable[..., np.ndarray]) -> Known:
    """Integers wrap around."""
    with np.errstate(all="ignore"):
        return Known(operation(left.array, right.array))


def ends(number: Known) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest numbers that each entry may stand for."""
    if number.relative_error == 0.0:
        return number.array, number.array
    slack = number.relative_error * np.abs(number.array)
    low, high = np.nextafter(number.array - slack, -np.inf), np.nextafter(number.array + slack, np.inf)
    zero = number.array == 0.0
    return np.where(zero, 0.0, low), np.where(zero, 0.0, high)


def settled(number: Known, step: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
    """A monotone step function of known numbers; None where their errors leave open which step it is."""
    low, high = (step(end) for end in ends(number))
    return low if number.relative_error == 0.0 or np.array_equal(low, high) else None


def cast(number: Known, kind: int, saturate: bool = True) -> Known | None:
    """``Cast`` to the element type ``kind``: exact, rounded to nearest, or truncated.

    Returns None where the number is not known well enough to round it, or lies outside of an integer type.
    """
    if kind == TensorProto.BOOL:
        return Known(number.array != 0, 0.0, number.name)
    if kind in INTEGERS:
        return _whole(number, INTEGERS[kind])
    if not number.real:
        plain = number.array.astype(np.float64) if kind == TensorProto.DOUBLE else widened(number.array)
        return Known(rounded(plain, kind, saturate), 0.0, number.name, kind)
    if number.kind != UNKNOWN and holds(kind, number.kind):
        return Known(number.array, number.relative_error, number.name, kind)
    array = settled(number, lambda a: rounded(a, kind, saturate))
    if array is None or (kind == TensorProto.DOUBLE and number.relative_error):
        return None
    return Known(array, 0.0, number.name, kind)


def _whole(number: Known, dtype: np.dtype) -> Known | None:
    """Integers wrap around into a narrower type; floats lose their fraction and must fit."""
    if not number.real:
        return Known(number.array.astype(dtype), 0.0, number.name)
    array = settled(number, np.trunc)
    bounds = np.iinfo(dtype)
    # float64 rounds the greatest 64-bit integers up to a power of two, which does not fit
    if array is None or not bool(((array >= float(bounds.min)) & (array < float(bounds.max) + 1.0)).all()):
        return None
    return Known(array.astype(dtype), 0.0, number.name)


def unit(kind: int) -> float:
    """Unit roundoff of an element type."""
    return FORMATS[kind].unit if kind in FORMATS else UNIT


def _single(array: np.ndarray) -> bool:
    """True where every number is a float32 number, whose products float64 holds exactly."""
    with np.errstate(all="ignore"):
        return bool((array.astype(np.float32).astype(np.float64) == array).all())


def _power_of_two(array: np.ndarray) -> np.ndarray:
    mantissa, _ = np.frexp(array)
    return (np.abs(mantissa) == 0.5) | (array == 0.0)
