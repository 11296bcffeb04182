"""Float64 that errs on the safe side: the checker's only rounding rules, and its own sigmoid and tanh.

Lemma R (Higham, Accuracy, Lemma 3.1). An expression of n roundings in a row errs by at most ``gamma(n)`` times the sum
of its terms' absolute values, in any order and with or without fused multiply-adds; products that underflow lose at
most ``TINY`` in all.

Lemma E. On [-0.36, 0.36] the Taylor polynomial of degree 14 errs by less than 0.36^15 / 15! e^0.36 < 3e-19, and its
Horner scheme by less than 2^-51: the last sum rounds a number below 1.44, the product before it one below 0.45, and
what was rounded earlier is multiplied by 0.36. The reduction ``r = z - k ln 2`` subtracts ``k LN2_HIGH``, exact since
LN2_HIGH has 21 trailing zeros and the two are within a factor of two (Sterbenz), and errs by less than 2^-54. Hence
``exp`` errs by less than a share 2^-49 for z in [-700, 0], sigmoid ``e / (1 + e)`` or ``1 - e / (1 + e)`` by less than
SIGMOID_ERROR, and ``tanh x = 1 - 2 sigmoid(-2x)``, for x >= 0 and mirrored, by less than TANH_ERROR, absolutely.
"""

from __future__ import annotations

import math

import numpy as np

U, TINY = 2.0**-53, 2.0**-960
SIGMOID_ERROR, TANH_ERROR = 2.0**-48, 2.0**-47
LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")
_TAYLOR = tuple(1.0 / math.factorial(n) for n in range(14, -1, -1))


def gamma(n: int) -> float:
    """At least ``n U / (1 - n U)`` for n below 2^30."""
    return n * U * (1.0 + 2.0**-20)


def raised(value: np.ndarray, n: int) -> np.ndarray:
    """At least the sum of products of non-negative numbers that was computed as ``value`` in n roundings in a row."""
    return value * (1.0 + 2.0 * gamma(n + 2)) + TINY


def down(value: np.ndarray) -> np.ndarray:
    return np.nextafter(value, -np.inf)


def up(value: np.ndarray) -> np.ndarray:
    return np.nextafter(value, np.inf)


def _exp(z: np.ndarray) -> np.ndarray:
    """``exp(z)`` for z in [-700, 0], see lemma E."""
    k = np.rint(z * (1.0 / math.log(2.0)))
    r = (z - k * LN2_HIGH) - k * LN2_LOW
    value = np.full_like(r, _TAYLOR[0])
    for coefficient in _TAYLOR[1:]:
        value = value * r + coefficient
    return np.ldexp(value, k.astype(np.int32))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """The logistic function within SIGMOID_ERROR; below -700 it is less than that and so is what stands for it."""
    e = _exp(np.maximum(-np.abs(x), -700.0))
    small = e / (1.0 + e)
    return np.where(x < 0.0, small, 1.0 - small)


def tanh(x: np.ndarray) -> np.ndarray:
    """The hyperbolic tangent within TANH_ERROR."""
    e = _exp(np.maximum(-2.0 * np.abs(x), -700.0))
    return np.copysign(1.0 - 2.0 * (e / (1.0 + e)), x)
