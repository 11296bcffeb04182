"""Enclosing planes and their derivatives, compiled: one pass over a batch where torch would need a hundred.

Every function here is a product ``g(x) h(y)`` of functions of one argument, or one of these alone. A slope is the
secant ``(f(u) - f(l)) / (u - l)``, or ``f'`` of the middle where that says too little. The derivative of a residual's
extremum is that of the residual at the place where it is taken (the envelope theorem); the place itself is an end of
the box, which moves with it, or a stationary point, which need not.
"""

from __future__ import annotations

import math

import numpy as np

from transformers_abs.compilation import kernel

TANH, SIGMOID, IDENTITY = 0, 1, 2
_NARROW = 1e-6


@kernel
def _point(kind, x):
    """Value, first and second derivative."""
    if kind == TANH:
        t = math.tanh(x)
        return t, 1.0 - t * t, -2.0 * t * (1.0 - t * t)
    if kind == SIGMOID:
        p = 1.0 / (1.0 + math.exp(-x)) if x >= 0.0 else math.exp(x) / (1.0 + math.exp(x))
        return p, p * (1.0 - p), p * (1.0 - p) * (1.0 - 2.0 * p)
    return x, 1.0, 0.0


@kernel
def _secant(kind, low, high, left, right, rise_left, rise_right):
    """Slope and its derivatives by the two ends, whose values and derivatives are given."""
    width = high - low
    if width <= _NARROW * max(1.0, abs(low) + abs(high)):
        _, first, second = _point(kind, 0.5 * (low + high))
        return first, 0.5 * second, 0.5 * second
    slope = (right - left) / width
    return slope, (slope - rise_left) / width, (rise_right - slope) / width


@kernel
def _turn(kind, rise):
    """Where the function rises by ``rise`` right of zero, and its value there; nan where it does nowhere."""
    if kind == TANH and 0.0 < rise < 1.0:
        value = min(math.sqrt(1.0 - rise), 1.0 - 2.0**-53)
        return math.atanh(value), value
    if kind == SIGMOID and 0.0 < rise < 0.25:
        value = min(0.5 + 0.5 * math.sqrt(1.0 - 4.0 * rise), 1.0 - 2.0**-53)
        return math.log(value / (1.0 - value)), value
    return math.nan, math.nan


@kernel
def _mirrored(kind, value):
    """The value at ``-x``."""
    return 1.0 - value if kind == SIGMOID else -value


@kernel
def fit_one(kind, box, fitted, jacobian):
    """Slope, middle and radius (3, N) of a function on intervals (2, N), and their derivatives (3, 2, N)."""
    for i in range(box.shape[1]):
        low, high = box[0, i], box[1, i]
        left, rise_left, _ = _point(kind, low)
        right, rise_right, _ = _point(kind, high)
        slope, by_low, by_high = _secant(kind, low, high, left, right, rise_left, rise_right)
        turn, value = _turn(kind, slope)
        at_low, at_high = left - slope * low, right - slope * high
        if low < turn < high:
            top = value - slope * turn
            top_low, top_high = -turn * by_low, -turn * by_high
        elif at_low >= at_high:
            top = at_low
            top_low, top_high = rise_left - slope - low * by_low, -low * by_high
        else:
            top = at_high
            top_low, top_high = -high * by_low, rise_right - slope - high * by_high
        if low < -turn < high:
            bottom = _mirrored(kind, value) + slope * turn
            bottom_low, bottom_high = turn * by_low, turn * by_high
        elif at_low <= at_high:
            bottom = at_low
            bottom_low, bottom_high = rise_left - slope - low * by_low, -low * by_high
        else:
            bottom = at_high
            bottom_low, bottom_high = -high * by_low, rise_right - slope - high * by_high
        fitted[0, i], fitted[1, i], fitted[2, i] = slope, 0.5 * (top + bottom), 0.5 * (top - bottom)
        jacobian[0, 0, i], jacobian[0, 1, i] = by_low, by_high
        jacobian[1, 0, i], jacobian[1, 1, i] = 0.5 * (top_low + bottom_low), 0.5 * (top_high + bottom_high)
        jacobian[2, 0, i], jacobian[2, 1, i] = 0.5 * (top_low - bottom_low), 0.5 * (top_high - bottom_high)


@kernel
def _consider(a, b, x, y, top, bottom):
    """Keep a point (place, value, derivative, 1 if it moves with the lower end, with the upper end) of each argument
    where the residual exceeds the largest so far, or falls below the least."""
    residual = x[1] * y[1] - a * x[0] - b * y[0]
    if residual > top[0]:
        top[0] = residual
        top[1:6], top[6:11] = x, y
    if residual < bottom[0]:
        bottom[0] = residual
        bottom[1:6], bottom[6:11] = x, y


@kernel
def _slopes_of(point, a, b, by, out):
    """Derivatives (4) of a kept residual by the two intervals' ends; ``by`` (2, 4) those of the slopes."""
    x, g, dg, y, h, dh = point[1], point[2], point[3], point[6], point[7], point[8]
    for k in range(4):
        out[k] = -x * by[0, k] - y * by[1, k]
    out[0] += point[4] * (dg * h - a)
    out[1] += point[5] * (dg * h - a)
    out[2] += point[9] * (g * dh - b)
    out[3] += point[10] * (g * dh - b)


@kernel
def _summit(a, b):
    """The inner extremum of ``sigmoid(x) tanh(y) - A x - B y``: (x, sigmoid, y, tanh), or nan where there is none.

    It lies at the larger root p of ``u(p) = sqrt(p (p - B)) (1 - p) = |A|``. ``log u`` is concave, so that Newton's
    steps from the right of that root come down to it and never pass it; what they leave, the vanishing slope squares.
    """
    if not 0.0 < b < 1.0 or a == 0.0:
        return math.nan, math.nan, math.nan, math.nan
    size = abs(a)
    peak = (2.0 + 3.0 * b + math.sqrt((2.0 + 3.0 * b) ** 2 - 16.0 * b)) / 8.0
    if not peak < 1.0 or math.sqrt(peak * (peak - b)) * (1.0 - peak) <= size:
        return math.nan, math.nan, math.nan, math.nan
    p = max(1.0 - size / math.sqrt(1.0 - b), peak + 1e-3 * (1.0 - peak))
    for _ in range(8):
        height = 0.5 * math.log(p * (p - b)) + math.log1p(-p) - math.log(size)
        fall = 0.5 / p + 0.5 / (p - b) - 1.0 / (1.0 - p)
        p = min(max(p - height / fall, peak), 1.0 - 2.0**-53)
        if abs(height) < 1e-9:
            break
    t = math.copysign(min(math.sqrt(max(1.0 - b / p, 0.0)), 1.0 - 2.0**-53), a)
    return math.log(p / (1.0 - p)), p, math.atanh(t), t


@kernel
def fit_two(g_kind, h_kind, box, fitted, jacobian):
    """Slopes A, B, middle and radius (4, N) of ``g(x) h(y)`` on rectangles (4, N), and their derivatives (4, 4, N).

    A rectangle is lower and upper x, lower and upper y.
    """
    ends = np.empty((4, 5))
    by, inner_x, inner_y = np.empty((2, 4)), np.zeros(5), np.zeros(5)
    top, bottom = np.empty(11), np.empty(11)
    top_by, bottom_by = np.empty(4), np.empty(4)
    for i in range(box.shape[1]):
        for k in range(4):
            place = box[k, i]
            value, rise, _ = _point(g_kind if k < 2 else h_kind, place)
            ends[k, 0], ends[k, 1], ends[k, 2] = place, value, rise
            ends[k, 3], ends[k, 4] = 1.0 - k % 2, float(k % 2)
        g, by_lx, by_ux = _secant(
            g_kind, box[0, i], box[1, i], ends[0, 1], ends[1, 1], ends[0, 2], ends[1, 2]
        )
        h, by_ly, by_uy = _secant(
            h_kind, box[2, i], box[3, i], ends[2, 1], ends[3, 1], ends[2, 2], ends[3, 2]
        )
        g_mean, h_mean = 0.5 * (ends[0, 1] + ends[1, 1]), 0.5 * (ends[2, 1] + ends[3, 1])
        a, b = g * h_mean, g_mean * h
        by[0, 0], by[0, 1], by[0, 2], by[0, 3] = (
            by_lx * h_mean,
            by_ux * h_mean,
            0.5 * g * ends[2, 2],
            0.5 * g * ends[3, 2],
        )
        by[1, 0], by[1, 1], by[1, 2], by[1, 3] = (
            0.5 * h * ends[0, 2],
            0.5 * h * ends[1, 2],
            g_mean * by_ly,
            g_mean * by_uy,
        )
        top[0], bottom[0] = -np.inf, np.inf
        for x in range(2):
            for y in range(2, 4):
                _consider(a, b, ends[x], ends[y], top, bottom)
        for k in range(4):
            # along the edge where one argument stays at an end, the other may have stationary points
            kind, low, high = (h_kind, box[2, i], box[3, i]) if k < 2 else (g_kind, box[0, i], box[1, i])
            factor = ends[k, 1]
            if factor == 0.0:
                continue
            turn, value = _turn(kind, (b if k < 2 else a) / factor)
            for _ in range(2):
                if low < turn < high:
                    inner_x[0], inner_x[1], inner_x[2] = turn, value, 0.0
                    if k < 2:
                        _consider(a, b, ends[k], inner_x, top, bottom)
                    else:
                        _consider(a, b, inner_x, ends[k], top, bottom)
                turn, value = -turn, _mirrored(kind, value)
        if g_kind == SIGMOID and h_kind == TANH:
            inner_x[0], inner_x[1], inner_y[0], inner_y[1] = _summit(a, b)
            if box[0, i] < inner_x[0] < box[1, i] and box[2, i] < inner_y[0] < box[3, i]:
                _consider(a, b, inner_x, inner_y, top, bottom)
        _slopes_of(top, a, b, by, top_by)
        _slopes_of(bottom, a, b, by, bottom_by)
        fitted[0, i], fitted[1, i] = a, b
        fitted[2, i], fitted[3, i] = 0.5 * (top[0] + bottom[0]), 0.5 * (top[0] - bottom[0])
        for k in range(4):
            jacobian[0, k, i], jacobian[1, k, i] = by[0, k], by[1, k]
            jacobian[2, k, i] = 0.5 * (top_by[k] + bottom_by[k])
            jacobian[3, k, i] = 0.5 * (top_by[k] - bottom_by[k])


@kernel
def pull_back(jacobian, gradients, result):
    """``result[k] = sum_j gradients[j] jacobian[j, k]``, element by element."""
    for k in range(result.shape[0]):
        for i in range(result.shape[1]):
            total = 0.0
            for j in range(gradients.shape[0]):
                total += gradients[j, i] * jacobian[j, k, i]
            result[k, i] = total
