"""The corner fit of products of two factors, as a kernel: what they bring for compiled passes.

For the same slopes it bounds the residual as the products do for arrays, bit by bit.
"""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import IDENTITY, TANH
from transformers_abs._bounding._enclose import enclose_range
from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up
from transformers_abs.slopes.secant import ends
from transformers_abs.univariate.s_shaped import SIGMOID_KIND, TANH_KIND, residual_down, residual_up, value


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
    left, right = ends(low, high)
    if left == low and right == high:
        return (at_high - at_low) / (right - left)
    return (_factor(kind, right) - _factor(kind, left)) / (right - left)


@kernel
def _corner_fit(p, q, low_x, high_x, low_y, high_y):
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


@kernel
def corner_fit(boxes, clipped, cuts, slopes, residual, range_, witnesses, parameters):
    """See :class:`.ScalarKernel`; ``parameters`` are the numbers of the two factors."""
    p, q = np.int64(parameters[0]), np.int64(parameters[1])
    (lower, upper), (least, most), (below, above), (argmin, argmax) = boxes, range_, residual, witnesses
    count = lower.shape[1]
    for n in range(count):
        fit = _corner_fit(p, q, lower[0, n], upper[0, n], lower[1, n], upper[1, n])
        slopes[0, n], slopes[1, n], least[n], most[n] = fit
    nothing = (slopes, slopes, slopes)
    results = (below, above, argmin, argmax)
    # variables, so that this call and those from Python share one compiled function
    bent, start = count < 0, count - count
    enclose_range(p, q, slopes, boxes, clipped, cuts, bent, nothing, results, start, count)
