"""Enclosures of residuals of ``max(x, 0) + alpha min(x, 0)`` without a quadratic: two exact linear pieces."""

from __future__ import annotations

from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up


@kernel
def bounds_at(alpha, slope, x):
    """Lower and upper bound of f(x) - slope x: one rounded difference of slopes, one rounded product."""
    inclination = (1.0 if x > 0.0 else alpha) - slope
    if x == 0.0 or inclination == 0.0:  # a difference is zero only if exact
        return 0.0, 0.0
    product = inclination * x
    return next_down(next_down(product)), next_up(next_up(product))


@kernel
def enclose(alpha, slopes, lower, upper, low, high, argmin, argmax):
    """Fill ``low``, ``high``, ``argmin``, ``argmax`` (N,): the extremes lie at the ends or at the kink."""
    for i in range(slopes.shape[0]):
        left = lower[i]
        right = upper[i]
        low[i], high[i] = bounds_at(alpha, slopes[i], left)
        argmin[i] = left
        argmax[i] = left
        other_low, other_high = bounds_at(alpha, slopes[i], right)
        if other_low < low[i]:
            low[i], argmin[i] = other_low, right
        if other_high > high[i]:
            high[i], argmax[i] = other_high, right
        if left < 0.0 < right:
            if low[i] > 0.0:
                low[i], argmin[i] = 0.0, 0.0
            if high[i] < 0.0:
                high[i], argmax[i] = 0.0, 0.0
