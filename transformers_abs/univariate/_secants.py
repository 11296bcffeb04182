"""Secants of one interval at a time, as kernels: what the functions of one argument bring for compiled passes.

For the same slopes they bound the residual as the transformers do for arrays, bit by bit.
"""

from __future__ import annotations

import numpy as np

from transformers_abs.compilation import kernel
from transformers_abs.slopes.secant import ends
from transformers_abs.univariate.piecewise import bounds_at
from transformers_abs.univariate.s_shaped import (
    largest,
    residual_down,
    residual_up,
    smallest,
    stationary,
    value,
)

__all__ = ["piecewise", "s_shaped"]


@kernel
def s_shaped(kind, low, high):
    """tanh or sigmoid, by ``kind``: slope, bounds of the residual, and of the function on [low, high]."""
    at_low = value(kind, low)
    at_high = value(kind, high) if high != low else at_low
    left, right = ends(low, high)
    if left == low and right == high:
        slope = (at_high - at_low) / (right - left)
    else:
        slope = (value(kind, right) - value(kind, left)) / (right - left)
    slope = slope if np.isfinite(slope) else 0.0
    z = stationary(kind, slope)
    above, _ = largest(kind, slope, low, high, at_low, at_high, z)
    below, _ = smallest(kind, slope, low, high, at_low, at_high, -z)
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
    """The (leaky) rectifier: slope, bounds of the residual, and of the function on [low, high]."""
    left, right = ends(low, high)
    rise = (right if right > 0.0 else alpha * right) - (left if left > 0.0 else alpha * left)
    slope = rise / (right - left)
    slope = slope if np.isfinite(slope) else 0.0
    below, above = _piecewise_bounds(alpha, slope, low, high)
    least, most = _piecewise_bounds(alpha, 0.0, low, high)
    return slope, below, above, least, most
