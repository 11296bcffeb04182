"""Enclosures of tanh and sigmoid residuals without a quadratic: tangents and end points, no trusted roots.

Both functions are increasing, convex for x <= 0 and concave for x >= 0, and so is their residual
``g = f - a x`` up to monotonicity. On the concave piece [p, q] every tangent lies above g:
``g(x) <= g(z) + g'(z) (x - z)`` for **any** z in [p, q], so the closed-form stationary point only proposes z,
and an inaccurate z costs ``|g'(z)|`` times a distance and never soundness. The smallest value on a concave
piece is at one of its ends. Convex pieces mirror this.
"""

from __future__ import annotations

import numpy as np

from transformers_abs.compilation import kernel
from transformers_abs.rounding import TINY, ULP, next_down, next_up, sigmoid, sigmoid_error, tanh_error, ulps

TANH_KIND: int = 0
SIGMOID_KIND: int = 1

_DERIVATIVE_ULPS: float = 20.0
# Budget of derivative(): with e = exp(-|k x|), f' is e / (1 + e)^2 times 4 or 1 and d ln f' / d ln e <= 1, so
# EXP_ULPS, two ulps for the arithmetic, and four times EXP_ULPS where e is subnormal.


@kernel
def value(kind, x):
    """f(x), within the budget of the rounding policy."""
    if kind == TANH_KIND:
        return np.tanh(x)
    return sigmoid(x)


@kernel
def value_error(kind, computed):
    """Bound on the absolute error of a computed f."""
    if kind == TANH_KIND:
        return tanh_error(computed)
    return sigmoid_error(computed)


@kernel
def derivative(kind, x):
    """f'(x) with a small *relative* error (1 - tanh^2 would cancel), bounded by _DERIVATIVE_ULPS."""
    if kind == TANH_KIND:
        e = np.exp(-2.0 * abs(x))
        return 4.0 * e / ((1.0 + e) * (1.0 + e))
    e = np.exp(-abs(x))
    return e / ((1.0 + e) * (1.0 + e))


@kernel
def stationary(kind, slope):
    """An approximate z >= 0 with f'(z) = f'(-z) = slope; inf where slope <= 0 and 0 where f' < slope
    everywhere.

    tanh: ``tanh^2 z = 1 - slope``, so ``z = atanh(s) = log1p(s) - log(slope) / 2`` with ``s = sqrt(1 -
    slope)``: a sum of positive terms, accurate in saturation and near 0. sigmoid(x) = (1 + tanh(x/2)) / 2
    turns into 4 slope and z / 2.
    """
    if slope <= 0.0:
        return np.inf
    share = slope if kind == TANH_KIND else 4.0 * slope
    if share >= 1.0:
        return 0.0
    z = np.log1p(np.sqrt(1.0 - share)) - 0.5 * np.log(share)
    return z if kind == TANH_KIND else 2.0 * z


@kernel
def residual_up(kind, computed, slope, x):
    """At least f(x) - slope x, given the computed f(x)."""
    high = min(1.0, next_up(computed + value_error(kind, computed)))
    if slope == 0.0 or x == 0.0:
        return high
    product = slope * x
    difference = high - product
    return next_up(difference + ((abs(product) + abs(difference)) * ULP + TINY))


@kernel
def residual_down(kind, computed, slope, x):
    """At most f(x) - slope x, given the computed f(x)."""
    least = -1.0 if kind == TANH_KIND else 0.0
    low = max(least, next_down(computed - value_error(kind, computed)))
    if slope == 0.0 or x == 0.0:
        return low
    product = slope * x
    difference = low - product
    return next_down(difference - ((abs(product) + abs(difference)) * ULP + TINY))


@kernel
def tangent_rise(kind, slope, z, left, right):
    """How far the tangent of g at z can climb above and drop below g(z) on [left, right], rounded up."""
    steepness = derivative(kind, z)
    tilt = steepness - slope
    error = ulps(steepness, _DERIVATIVE_ULPS) + abs(tilt) * ULP + TINY
    most = max(0.0, tilt + error)
    # f' > 0, so a slope <= 0 leaves no doubt: what saturates at 1 is then bounded by exactly 1.
    least = max(0.0, error - tilt) if slope > 0.0 else 0.0
    ahead = right - z
    behind = z - left
    rise = max(_product_up(most, ahead), _product_up(least, behind))
    fall = max(_product_up(least, ahead), _product_up(most, behind))
    return rise, fall


@kernel
def _product_up(steepness, distance):
    """At least the product of two numbers >= 0 that each carry one rounding; 0 if one of them is 0."""
    if steepness == 0.0 or distance == 0.0:
        return 0.0
    return steepness * distance * (1.0 + 8.0 * ULP) + TINY


@kernel
def enclose(kind, slopes, lower, upper, low, high, argmin, argmax):
    """Fill ``low``, ``high``, ``argmin``, ``argmax`` (N,) with bounds of f - slope x on [lower, upper]."""
    for i in range(slopes.shape[0]):
        slope = slopes[i]
        left = lower[i]
        right = upper[i]
        f_left = value(kind, left)
        f_right = value(kind, right) if right != left else f_left
        z = stationary(kind, slope)
        high[i], argmax[i] = largest(kind, slope, left, right, f_left, f_right, z)
        low[i], argmin[i] = smallest(kind, slope, left, right, f_left, f_right, -z)


@kernel
def largest(kind, slope, left, right, f_left, f_right, z):
    """Upper bound of g on [left, right] and its witness; the concave piece is the part with x >= 0."""
    best = residual_up(kind, f_left, slope, left)
    if right <= 0.0:
        other = residual_up(kind, f_right, slope, right)
        return (other, right) if other > best else (best, left)
    start = max(left, 0.0)
    touch = min(max(z, start), right)
    f_touch = f_right if touch == right else value(kind, touch)
    rise, _ = tangent_rise(kind, slope, touch, start, right)
    bound = residual_up(kind, f_touch, slope, touch)
    if rise > 0.0:
        bound = next_up(bound + rise)
    if left < 0.0 and best > bound:
        return best, left
    return bound, touch


@kernel
def smallest(kind, slope, left, right, f_left, f_right, z):
    """Lower bound of g on [left, right] and its witness; the convex piece is the part with x <= 0."""
    best = residual_down(kind, f_right, slope, right)
    if left >= 0.0:
        other = residual_down(kind, f_left, slope, left)
        return (other, left) if other < best else (best, right)
    stop = min(right, 0.0)
    touch = max(min(z, stop), left)
    f_touch = f_left if touch == left else value(kind, touch)
    _, fall = tangent_rise(kind, slope, touch, left, stop)
    bound = residual_down(kind, f_touch, slope, touch)
    if fall > 0.0:
        bound = next_down(bound - fall)
    if right > 0.0 and best < bound:
        return best, right
    return bound, touch
