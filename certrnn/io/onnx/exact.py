"""Arithmetic on known numbers that never loses track of its own rounding.

A certificate is about the exact real evaluation of the numbers in the file, so folding constants in floating point
must not change what they mean. Each function returns the rounded result with a bound on its relative error (0 where
the result is exact), or None where no such bound holds (a sum of inexact numbers of opposite sign); the caller then
leaves the arithmetic to the graph, where the domains enclose the rounding.
"""

from __future__ import annotations

import math

import numpy as np

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
        return Known(left.array + (right.array if sign > 0 else -right.array))
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
        return Known(left.array * right.array)
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
    return _result(root, (number.relative_error + UNIT) * _GROWTH, number.name)


def total(number: Known, axes: tuple[int, ...], keep: bool) -> Known | None:
    """Sum over ``axes``, correctly rounded (``math.fsum``)."""
    if not number.real:
        return Known(number.array.sum(axis=axes, keepdims=keep))
    if number.relative_error > 0.0 and bool((number.array < 0).any() and (number.array > 0).any()):
        return None
    moved = np.moveaxis(number.array, axes, range(len(axes)))
    flat = moved.reshape(-1, *moved.shape[len(axes) :])
    rows = flat.reshape(flat.shape[0], -1).T
    if not np.isfinite(rows).all():
        return None
    sums = np.array([math.fsum(row) for row in rows]).reshape(flat.shape[1:])
    if keep:
        sums = np.expand_dims(sums, axes)
    return _result(sums, (number.relative_error + UNIT) * _GROWTH, number.name)


def matrix_product(left: Known, right: Known) -> Known | None:
    """``left @ right`` of numbers of the file, every entry correctly rounded."""
    if not left.real:
        return Known(left.array @ right.array)
    if not left.array.any() or not right.array.any():
        return Known(np.zeros_like(left.array @ right.array), 0.0, left.name)
    if not (_single(left.array) and _single(right.array)) or left.relative_error or right.relative_error:
        return None
    pairs = left.array[..., :, None, :] * np.swapaxes(right.array, -1, -2)[..., None, :, :]
    if bool(((np.abs(pairs) < _TINY) & (pairs != 0.0)).any()):
        return None
    return total(Known(pairs, 0.0, left.name), (pairs.ndim - 1,), keep=False)


def _single(array: np.ndarray) -> bool:
    """True where every number is a float32 number, whose products float64 holds exactly."""
    with np.errstate(all="ignore"):
        return bool((array.astype(np.float32).astype(np.float64) == array).all())


def _power_of_two(array: np.ndarray) -> np.ndarray:
    mantissa, _ = np.frexp(array)
    return (np.abs(mantissa) == 0.5) | (array == 0.0)
