"""The rounding policy, in one place.

Arithmetic is IEEE 754 binary64, round to nearest, with gradual underflow. Every bound of the package is
computed so and then moved outward by an amount proven, here, to cover the error. Nothing switches rounding
modes.

* ``next_up`` and ``next_down`` step at least one representable number outward; since ``+ - * / sqrt`` err
  by at most half an ulp, ``next_up(a * b) >= a * b`` in real arithmetic, and so on.
* ``exp``, ``expm1``, ``tanh``, ``log``, ``log1p``, ``erf`` and ``erfc`` come from the platform and are not correctly
  rounded: they may err by ``EXP_ULPS`` (the first two), ``TANH_ULPS``, ``LOG_ULPS`` (both logarithms), ``ERF_ULPS``
  and ``ERFC_ULPS`` units in the last place. Published measurements for common libms and for SVML stay below 2.3 ulp
  for tanh, 1 ulp for exp, log and erf, 2 for expm1 and log1p, and 5.5 for erfc; the test suite measures the platform
  it runs on.

An overflow gives an infinite or nan bound, which :func:`transformers_abs._validate.finite_bounds` turns
into an error.
"""

from __future__ import annotations

import math

import numpy as np

from transformers_abs.compilation import kernel

UNIT_ROUNDOFF: float = 2.0**-53
"""Largest relative error u of one rounded operation."""

ULP: float = 2.0**-52
"""``ULP * |x|`` is at least one unit in the last place of a normal x, and less than two."""

TINY: float = 5e-324
"""Smallest positive subnormal: twice the largest absolute error of an operation that underflows."""

EXP_ULPS: float = 4.0
"""Budget for the platform's ``exp``, in units in the last place."""

TANH_ULPS: float = 4.0
"""Budget for the platform's ``tanh``, in units in the last place."""

LOG_ULPS: float = 4.0
"""Budget for the platform's ``log`` and ``log1p``, in units in the last place."""

ERF_ULPS: float = 4.0
"""Budget for the platform's ``erf``, in units in the last place."""

ERFC_ULPS: float = 8.0
"""Budget for the platform's ``erfc``, in units in the last place."""

SIGMOID_ULPS: float = 6.0
"""Budget for :func:`sigmoid`: EXP_ULPS, since d ln(sig) / d ln(exp) <= 1, and an ulp each for sum and
quotient."""


def gamma(n: int) -> float:
    """Upper bound on ``n u / (1 - n u)``: the relative error of n roundings in a row (Higham, Accuracy,
    Lemma 3.1).

    >>> gamma(1) > 2.0**-53
    True

    Raises:
        ValueError: ``n`` is negative or at least 2^52.
    """
    if not 0 <= n < 2**52:
        raise ValueError(f"gamma: the number of roundings lies in [0, 2^52); got {n}")
    return math.nextafter(n * UNIT_ROUNDOFF / (1.0 - n * UNIT_ROUNDOFF), math.inf) * (1.0 + 2.0**-51)


@kernel
def next_up(x):
    """A number strictly above x, one to three steps away.

    ``|x| ULP + TINY`` is at least one ulp of x: for 2^e <= |x| < 2^(e+1) the product is at least 2^(e-52)
    before and, rounding being monotone, after rounding; for subnormal x, TINY is the ulp. ``x + ulp(x)`` is
    representable, so the rounded sum is not below it.
    """
    return x + (abs(x) * ULP + TINY)


@kernel
def next_down(x):
    """A number strictly below x, one to three steps away (mirror of :func:`next_up`)."""
    return x - (abs(x) * ULP + TINY)


@kernel
def widen_up(x, error):
    """At least ``x + error`` in real arithmetic."""
    return next_up(x + error)


@kernel
def widen_down(x, error):
    """At most ``x - error`` in real arithmetic."""
    return next_down(x - error)


@kernel
def ulps(x, count):
    """At least ``count`` units in the last place of x, and at least ``count TINY``; 0.5 <= count <= 2^20.

    ``|x| ULP >= ulp(x)`` for normal x; one ulp more than asked pays for the roundings here.
    """
    return (abs(x) * ULP + TINY) * (count + 1.0)


@kernel
def sigmoid(x):
    """Logistic function within SIGMOID_ULPS; no overflow and no cancellation for any finite x."""
    if x >= 0.0:
        return 1.0 / (1.0 + np.exp(-x))
    e = np.exp(x)
    return e / (1.0 + e)


@kernel
def tanh_error(value):
    """Bound on the absolute error of a computed ``tanh`` with result ``value``."""
    return ulps(value, TANH_ULPS)


@kernel
def exp_error(value):
    """Bound on the absolute error of a computed ``exp`` with result ``value``."""
    return ulps(value, EXP_ULPS)


@kernel
def sigmoid_error(value):
    """Bound on the absolute error of a computed :func:`sigmoid` with result ``value``."""
    return ulps(value, SIGMOID_ULPS)


@kernel
def tanh_up(x):
    """Upper bound on tanh(x), at most 1."""
    value = np.tanh(x)
    return min(1.0, widen_up(value, tanh_error(value)))


@kernel
def tanh_down(x):
    """Lower bound on tanh(x), at least -1."""
    value = np.tanh(x)
    return max(-1.0, widen_down(value, tanh_error(value)))


@kernel
def sigmoid_up(x):
    """Upper bound on sigmoid(x), at most 1."""
    value = sigmoid(x)
    return min(1.0, widen_up(value, sigmoid_error(value)))


@kernel
def sigmoid_down(x):
    """Lower bound on sigmoid(x), at least 0."""
    value = sigmoid(x)
    return max(0.0, widen_down(value, sigmoid_error(value)))
