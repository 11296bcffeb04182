"""Enclosures of one interval or rectangle at a time, as kernels that other kernels call: secants and corner fits.

They give the numbers that :class:`.Secant` and the transformers give for arrays, bit by bit.
"""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import IDENTITY, SIGMOID, TANH
from transformers_abs._bounding._enclose import enclose_range
from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up
from transformers_abs.univariate.piecewise import bounds_at
from transformers_abs.univariate.s_shaped import (
    SIGMOID_KIND,
    TANH_KIND,
    _largest,
    _smallest,
    residual_down,
    residual_up,
    stationary,
    value,
)

__all__ = [
    "IDENTITY",
    "SIGMOID",
    "SIGMOID_KIND",
    "TANH",
    "TANH_KIND",
    "corner_fit",
    "enclose_range",
    "piecewise",
    "s_shaped",
]

_NARROW = 1e-6  # see transformers_abs.slopes.secant


@kernel
def _ends(low, high):
    """Where the secant is taken: the ends, or points around the middle where these are too close to divide by."""
    middle = 0.5 * low + 0.5 * high
    size = max(1.0, abs(middle))
    if high - low <= _NARROW * size:
        return middle - 1e-5 * size, middle + 1e-5 * size
    return low, high


@kernel
def s_shaped(kind, low, high):
    """Slope, bounds of the residual, bounds of the function on [low, high]."""
    at_low = value(kind, low)
    at_high = value(kind, high) if high != low else at_low
    left, right = _ends(low, high)
    if left == low and right == high:
        slope = (at_high - at_low) / (right - left)
    else:
        slope = (value(kind, right) - value(kind, left)) / (right - left)
    slope = slope if np.isfinite(slope) else 0.0
    z = stationary(kind, slope)
    above, _ = _largest(kind, slope, low, high, at_low, at_high, z)
    below, _ = _smallest(kind, slope, low, high, at_low, at_high, -z)
    return slope, below, above, residual_down(kind, at_low, 0.0, low), residual_up(kind, at_high, 0.0, high)


@kernel
def _piecewise_bounds(alpha, slope, low, high):
    """The extremes lie at the ends or at the kink."""
    below, above = bounds_at(alpha, slope, low)
    other_below, other_above = bounds_at(alpha, slope, high)
    below, above = min(below, other_below), max(above, other_above)
    if low < 0.0 < high:
        below, above = min(below, 0.0), max(above, 0.0)
    return below, above


@kernel
def piecewise(alpha, low, high):
    left, right = _ends(low, high)
    rise = (right if right > 0.0 else alpha * right) - (left if left > 0.0 else alpha * left)
    slope = rise / (right - left)
    slope = slope if np.isfinite(slope) else 0.0
    below, above = _piecewise_bounds(alpha, slope, low, high)
    least, most = _piecewise_bounds(alpha, 0.0, low, high)
    return slope, below, above, least, most


@kernel
def _factor(kind, x):
    if kind == IDENTITY:
        return x
    return value(TANH_KIND if kind == TANH else SIGMOID_KIND, x)


@kernel
def _factor_down(kind, x, computed):
    if kind == IDENTITY:
        return x
    return residual_down(TANH_KIND if kind == TANH else SIGMOID_KIND, computed, 0.0, x)


@kernel
def _factor_up(kind, x, computed):
    if kind == IDENTITY:
        return x
    return residual_up(TANH_KIND if kind == TANH else SIGMOID_KIND, computed, 0.0, x)


@kernel
def _rise(kind, low, high, at_low, at_high):
    """Average slope of a factor."""
    left, right = _ends(low, high)
    if left == low and right == high:
        return (at_high - at_low) / (right - left)
    return (_factor(kind, right) - _factor(kind, left)) / (right - left)


@kernel
def corner_fit(p, q, low_x, high_x, low_y, high_y):
    """Cert-RNN's corner fit (Theorems 4.2 and 4.3), and bounds of the product from the ends of its factors."""
    p_low, p_high, q_low, q_high = (
        _factor(p, low_x),
        _factor(p, high_x),
        _factor(q, low_y),
        _factor(q, high_y),
    )
    a = _rise(p, low_x, high_x, p_low, p_high) * (0.5 * q_low + 0.5 * q_high)
    b = _rise(q, low_y, high_y, q_low, q_high) * (0.5 * p_low + 0.5 * p_high)
    p_low, p_high = _factor_down(p, low_x, p_low), _factor_up(p, high_x, p_high)
    q_low, q_high = _factor_down(q, low_y, q_low), _factor_up(q, high_y, q_high)
    one, two, three, four = p_low * q_low, p_low * q_high, p_high * q_low, p_high * q_high
    least = next_down(min(min(one, two), min(three, four)))
    most = next_up(max(max(one, two), max(three, four)))
    return a if np.isfinite(a) else 0.0, b if np.isfinite(b) else 0.0, least, most
